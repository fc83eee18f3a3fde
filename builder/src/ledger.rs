//! The ledger, `golden/<recipe>.toml`: what the wheelhouse of each target must be. It is what makes
//! the FOD's hash a promise: a build whose wheelhouse is another one stops before anything foreign
//! runs. Only `bless` writes it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::vocabulary::digest::Sri;
use crate::vocabulary::{Outcome, Problem, Sha256, Target};

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

/// What a wheelhouse is against its ledger.
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
}

/// A path of the wheelhouse that is not what the ledger says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path.
    pub path: String,
    /// What the ledger says; `None` if it does not know the path.
    pub golden: Option<Pin>,
    /// What there is; `None` if it is missing.
    pub found: Option<Pin>,
}

impl Ledger {
    /// Parses the text of a ledger; `path` names it in messages.
    pub fn parse(path: &str, text: &str) -> Result<Self, Problem> {
        toml::from_str(text).map_err(|error| {
            Problem::new(format!("cannot read the ledger `{path}`"))
                .fact("because", error.to_string().trim_end())
                .hint("`cargo xtask bless` writes it anew")
        })
    }

    /// The ledger's text: one line for each entry, so that a difference reads as what changed.
    pub fn to_toml(&self) -> String {
        let mut text =
            "# What phase 1 must bring. Written by `cargo xtask bless`; do not edit.\n".to_owned();
        for (target, ledger) in &self.target {
            let TargetLedger { lock, build_lock, nar_hash, entries } = ledger;
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
        }
        text
    }

    /// Compares what there is for `target` with the ledger.
    pub fn judge(&self, target: &Target, found: &TargetLedger) -> Verdict {
        let Some(golden) = self.target.get(&target.to_string()) else {
            return Verdict::Unknown;
        };
        let same_locks = golden.lock == found.lock && golden.build_lock == found.build_lock;
        match (golden.nar_hash == found.nar_hash, same_locks) {
            (true, true) => Verdict::Same,
            (true, false) => Verdict::LockChangedOnly,
            (false, false) => Verdict::Stale(changes(golden, found)),
            (false, true) => {
                let changes = changes(golden, found);
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

impl Verdict {
    /// Fails, with exit code 4, unless the wheelhouse is the golden one (or there is none yet).
    pub fn enforce(&self, recipe: &str, golden: Option<Sri>, found: Sri) -> Result<(), Problem> {
        let (what, changes, hint) = match self {
            Self::Unknown | Self::Same | Self::LockChangedOnly => return Ok(()),
            Self::Stale(changes) => (
                "the lock changed and its ledger is stale",
                changes,
                format!("look at the changes, then `cargo xtask bless {recipe}`"),
            ),
            Self::Reselected(changes) => (
                "the lock is unchanged, and other files of it are wanted than the ledger has",
                changes,
                format!(
                    "the recipe or the project's `[tool.uv]` selects something else; look at the \
                     changes, then `cargo xtask bless {recipe}`"
                ),
            ),
            Self::Drifted(changes) => (
                "the lock is unchanged and the FOD hash drifted",
                changes,
                "the same lock must give the same files: find out who changed them, before \
                 anything is blessed"
                    .to_owned(),
            ),
        };
        let mut problem = Problem::new(what)
            .outcome(Outcome::GoldenMismatch)
            .fact("golden", golden.map(|sri| sri.to_string()).unwrap_or_default())
            .fact("found", found);
        for change in changes.iter().take(SHOWN_MAX) {
            problem = problem.fact(&change.path, change);
        }
        if changes.len() > SHOWN_MAX {
            problem = problem.fact("…", format!("and {} more", changes.len() - SHOWN_MAX));
        }
        Err(problem.hint(hint))
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

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.golden, &self.found) {
            (Some(golden), Some(found)) => write!(f, "golden {golden}\nfound  {found}"),
            (Some(golden), None) => write!(f, "gone, was {golden}"),
            (None, Some(found)) => write!(f, "new, {found}"),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(lock: &str, files: &[(&str, &str)]) -> TargetLedger {
        let entry = |(path, content): &(&str, &str)| Entry {
            path: (*path).to_owned(),
            pin: Pin::File { sha256: Sha256::of(content), size: 1 },
        };
        let entries: Vec<Entry> = files.iter().map(entry).collect();
        TargetLedger {
            lock: Sha256::of(lock),
            build_lock: Sha256::of("b"),
            nar_hash: Sri(Sha256::of(format!("{entries:?}"))),
            entries,
        }
    }

    #[test]
    fn the_verdicts() {
        let target = Target::new("3.14", "linux").unwrap();
        let golden = found("l", &[("wheels/a", "1"), ("wheels/b", "1")]);
        let ledger = Ledger { target: [(target.to_string(), golden.clone())].into() };
        let ledger = Ledger::parse("x", &ledger.to_toml()).unwrap();
        let changed = [("wheels/a", "2"), ("wheels/c", "1")];
        let others = [("wheels/a", "1"), ("wheels/c", "1")];
        for (lock, files, code, shown) in [
            ("l", &[("wheels/a", "1"), ("wheels/b", "1")][..], 0, ""),
            ("new", &[("wheels/a", "1"), ("wheels/b", "1")], 0, ""),
            ("new", &changed, 4, "ledger is stale"),
            ("l", &changed, 4, "FOD hash drifted"),
            ("l", &others, 4, "other files of it are wanted"),
        ] {
            let found = found(lock, files);
            let verdict = ledger.judge(&target, &found);
            match verdict.enforce("sample", Some(golden.nar_hash), found.nar_hash) {
                Ok(()) => assert_eq!(code, 0, "{verdict:?}"),
                Err(problem) => {
                    assert_eq!(problem.outcome.code(), code);
                    let text = problem.to_string();
                    assert!(text.contains(shown) && text.contains("wheels/c"), "{text}");
                    assert!(text.contains("gone") && text.contains("new"), "{text}");
                }
            }
        }
        let other = Target::new("3.14", "macos").unwrap();
        assert_eq!(ledger.judge(&other, &golden), Verdict::Unknown);
    }
}
