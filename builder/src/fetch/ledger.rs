//! The ledger, `golden/<recipe>.toml`: the expected wheelhouse of each target. It makes the FOD
//! hash a promise: if the wheelhouse does not match, the build stops before any foreign code runs.
//! Only `bless` writes the ledger.

mod output;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use base::packaging::distribution_of;
use base::vocabulary::digest::Sri;
use base::vocabulary::{Outcome, Problem, Sha256, Target};

pub use output::{OutputJudgement, OutputPin, Pinned, ToolchainPin};

/// A parsed ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ledger {
    /// By target, such as `cp314-x86_64-manylinux_2_39`.
    #[serde(default)]
    pub target: BTreeMap<String, TargetLedger>,
}

/// What one target's wheelhouse must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TargetLedger {
    /// sha256 of the text of `uv.lock`.
    pub lock: Sha256,
    /// sha256 of the text of the build lock.
    pub build_lock: Sha256,
    /// NAR hash of the wheelhouse, to be pasted into a Nix `outputHash`.
    pub nar_hash: Sri,
    /// Every file and tree in it, sorted by path.
    pub entries: Vec<Entry>,
    /// What its toolchain must be, if that is pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toolchain: Option<ToolchainPin>,
    /// What its output must be, if that is pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputPin>,
}

/// A file or a tree of the wheelhouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Entry {
    /// Where it is.
    pub path: String,
    /// What it is.
    #[serde(flatten)]
    pub pin: Pin,
}

/// What pins an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", untagged)]
pub enum Pin {
    /// A file.
    File {
        /// Its digest.
        sha256: Sha256,
        /// Bytes.
        size: u64,
    },
    /// A git tree.
    Tree {
        /// Its NAR hash.
        #[serde(rename = "nar-hash")]
        nar_hash: Sri,
    },
}

/// The result of comparing a wheelhouse with its ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The ledger does not know the target.
    Unknown,
    /// Nothing changed.
    Same,
    /// The locks changed and the wheelhouse did not: only the ledger's fingerprints are old.
    LockChangedOnly,
    /// The locks changed, and the wheelhouse with them: the ledger is stale.
    Stale(Vec<Change>),
    /// The locks are the same and other files of them are wanted: the recipe selects something
    /// else.
    Reselected(Vec<Change>),
    /// The locks are the same and a file is another one: it drifted.
    Drifted(Vec<Change>),
    /// The hash is the golden one, and the entries are not: the ledger contradicts itself.
    Contradictory(Vec<Change>),
}

/// A path of the wheelhouse that is not what the ledger says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path.
    pub path: String,
    /// What the ledger says; `None` if it does not know the path.
    pub golden: Option<Pin>,
    /// The actual value; `None` if it is missing.
    pub found: Option<Pin>,
}

impl Ledger {
    /// Parses the text of a ledger; `path` names it in messages.
    pub fn parse(path: &str, text: &str) -> Result<Self, Problem> {
        toml::from_str(text).map_err(|error| {
            Problem::new(format!("cannot read the ledger `{path}`"))
                .fact("because", error.to_string().trim_end())
                .hint("`lockstep bless` rewrites it")
        })
    }

    /// The ledger's text: one line for each entry, so that a difference reads as what changed.
    pub fn to_toml(&self) -> String {
        let mut text =
            "# What phase 1 must bring. Written by `cargo xtask bless`; do not edit.\n".to_owned();
        for (target, ledger) in &self.target {
            let TargetLedger { lock, build_lock, nar_hash, entries, toolchain, output } = ledger;
            text.push_str(&format!(
                "\n[target.{target}]\nlock = \"{lock}\"\nbuild-lock = \"{build_lock}\"\n\
                 nar-hash = \"{nar_hash}\"\nentries = [\n"
            ));
            for Entry { path, pin } in entries {
                let path = toml::Value::String(path.clone());
                let pin = match pin {
                    Pin::File { sha256, size } => format!("sha256 = \"{sha256}\", size = {size}"),
                    Pin::Tree { nar_hash } => format!("nar-hash = \"{nar_hash}\""),
                };
                text.push_str(&format!("    {{ path = {path}, {pin} }},\n"));
            }
            text.push_str("]\n");
            if let Some(ToolchainPin { lock, nar_hash }) = toolchain {
                text.push_str(&format!(
                    "\n[target.{target}.toolchain]\nlock = \"{lock}\"\nnar-hash = \"{nar_hash}\"\n"
                ));
            }
            if let Some(pin) = output {
                let pin = toml::to_string(pin).expect("it has plain values");
                text.push_str(&format!("\n[target.{target}.output]\n{pin}"));
            }
        }
        text
    }

    /// Compares what there is for `target` with the ledger.
    pub fn judge(&self, target: &Target, found: &TargetLedger) -> Verdict {
        let Some(golden) = self.target.get(&target.to_string()) else {
            return Verdict::Unknown;
        };
        let changes = changes(golden, found);
        let same_entries = changes.is_empty() && golden.entries.len() == found.entries.len();
        let same_locks = golden.lock == found.lock && golden.build_lock == found.build_lock;
        match (golden.nar_hash == found.nar_hash, same_locks) {
            // The entries are what a person reads and approves, so they must be what is hashed.
            (true, _) if !same_entries => Verdict::Contradictory(changes),
            (true, true) => Verdict::Same,
            (true, false) => Verdict::LockChangedOnly,
            (false, false) => Verdict::Stale(changes),
            (false, true) => {
                let moved = |it: &Change| it.golden.is_none() || it.found.is_none();
                if !changes.is_empty() && changes.iter().all(moved) {
                    Verdict::Reselected(changes)
                } else {
                    Verdict::Drifted(changes)
                }
            }
        }
    }
}

fn changes(golden: &TargetLedger, found: &TargetLedger) -> Vec<Change> {
    let by_path = |ledger: &TargetLedger| -> BTreeMap<String, Pin> {
        ledger.entries.iter().map(|entry| (entry.path.clone(), entry.pin)).collect()
    };
    let (golden, found) = (by_path(golden), by_path(found));
    let paths: BTreeSet<&String> = golden.keys().chain(found.keys()).collect();
    let change = |path: &String| Change {
        path: path.clone(),
        golden: golden.get(path).copied(),
        found: found.get(path).copied(),
    };
    paths.into_iter().map(change).filter(|change| change.golden != change.found).collect()
}

/// How many changes one message shows.
const SHOWN_MAX: usize = 12;

/// How a wheelhouse that does not match its ledger is handled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Golden {
    /// It is an error, with exit code 4.
    #[default]
    Enforced,
    /// It is reported, and the caller decides.
    Told,
}

/// A verdict as reports carry it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// One word: [`Verdict::word`].
    #[serde(rename = "golden")]
    pub word: &'static str,
    /// The text for people: the verdict in a sentence, then its facts, then the fix.
    #[serde(rename = "golden-detail")]
    pub detail: Vec<String>,
}

impl Verdict {
    /// The verdict in one word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Same => "same",
            Self::LockChangedOnly => "lock-changed-only",
            Self::Stale(_) => "stale",
            Self::Reselected(_) => "reselected",
            Self::Drifted(_) => "drifted",
            Self::Contradictory(_) => "contradictory",
        }
    }

    /// The verdict in one sentence.
    pub const fn sentence(&self) -> &'static str {
        match self {
            Self::Unknown => "the ledger does not know this target yet",
            Self::Same => "nothing changed: the FOD hash is the golden one",
            Self::LockChangedOnly => "the lock changed and the golden FOD hash holds",
            Self::Stale(_) => "the lock changed and its ledger is stale",
            Self::Reselected(_) => {
                "the lock is unchanged, and other files of it are wanted than the ledger has"
            }
            Self::Drifted(_) => "the lock is unchanged and the FOD hash drifted",
            Self::Contradictory(_) => {
                "the ledger contradicts itself: its entries are not those of its FOD hash"
            }
        }
    }

    fn hint(&self, recipe: &str) -> Option<String> {
        match self {
            Self::Same => None,
            Self::Unknown => Some(format!("`lockstep bless {recipe}` pins it")),
            Self::LockChangedOnly => {
                Some(format!("`lockstep bless {recipe}` notes the new lock in the ledger"))
            }
            Self::Stale(_) => Some(format!("look at the changes, then `lockstep bless {recipe}`")),
            Self::Reselected(_) => Some(format!(
                "the recipe or the project's `[tool.uv]` selects something else; look at the \
                 changes, then `lockstep bless {recipe}`"
            )),
            Self::Contradictory(_) => Some(format!(
                "somebody edited the ledger by hand: look at how it changed, then \
                 `lockstep bless {recipe}`"
            )),
            Self::Drifted(_) => Some(
                "the same lock must give the same files: find out who changed them, before \
                 anything is blessed"
                    .to_owned(),
            ),
        }
    }

    /// What is wrong, with exit code 4, unless the wheelhouse is the golden one (or there is none
    /// yet).
    fn problem(&self, recipe: &str, golden: Option<Sri>, found: Sri) -> Option<Problem> {
        let (Self::Stale(changes)
        | Self::Reselected(changes)
        | Self::Drifted(changes)
        | Self::Contradictory(changes)) = self
        else {
            return None;
        };
        let mut problem = Problem::new(self.sentence())
            .outcome(Outcome::GoldenMismatch)
            .fact("golden", golden.map(|sri| sri.to_string()).unwrap_or_default())
            .fact("found", found);
        for change in changes.iter().take(SHOWN_MAX) {
            problem = problem.fact(&change.path, change);
        }
        if changes.len() > SHOWN_MAX {
            problem = problem.fact("…", format!("and {} more", changes.len() - SHOWN_MAX));
        }
        problem.hint = self.hint(recipe);
        Some(problem)
    }

    /// What reports carry of it.
    ///
    /// # Errors
    /// Golden hashes are enforced, and the wheelhouse is not the golden one: exit code 4.
    pub fn told(
        &self,
        recipe: &str,
        (golden, found): (Option<Sri>, Sri),
        what_then: Golden,
    ) -> Result<Judgement, Problem> {
        let text = match (self.problem(recipe, golden, found), what_then) {
            (Some(problem), Golden::Enforced) => return Err(problem),
            (Some(problem), Golden::Told) => problem.to_string(),
            (None, _) => self.sentence().to_owned(),
        };
        let hint = self.hint(recipe).map(|hint| format!("hint: {hint}"));
        let detail = text.lines().map(ToOwned::to_owned).chain(hint).collect();
        Ok(Judgement { word: self.word(), detail })
    }
}

impl Judgement {
    /// Whether the wheelhouse is the golden one.
    pub fn is_golden(&self) -> bool {
        [Verdict::Same.word(), Verdict::LockChangedOnly.word()].contains(&self.word)
    }

    /// The verdict in one sentence.
    pub fn sentence(&self) -> &str {
        self.detail.first().map_or("", String::as_str)
    }
}

impl std::fmt::Display for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File { sha256, size } => write!(f, "sha256:{sha256} ({size} bytes)"),
            Self::Tree { nar_hash } => write!(f, "tree {nar_hash}"),
        }
    }
}

impl Change {
    /// The distribution of the path, with its version if the path contains it: the names of wheels
    /// and sdists are specified, and a tree is in a directory of its distribution.
    pub fn distribution(&self) -> String {
        let name = match self.path.split('/').collect::<Vec<_>>()[..] {
            // An archive whose name says nothing lies in a directory of its distribution, too.
            [_, project, _] => project,
            _ => self.path.rsplit('/').next().unwrap_or_default(),
        };
        match distribution_of(name) {
            Some((name, version)) => format!("{name} {version}"),
            None => name.to_owned(),
        }
    }
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "of {}", self.distribution())?;
        match (&self.golden, &self.found) {
            (Some(golden), Some(found)) => write!(f, "golden {golden}\nfound  {found}"),
            (Some(golden), None) => write!(f, "gone, was {golden}"),
            (None, Some(found)) => write!(f, "new, {found}"),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
