//! What the ledger pins beside the wheelhouse: the packages of the toolchain, and the output itself
//! with what it was made of. An output with another hash is an error that names the input that
//! changed; if none did, the build is not reproducible, or the machine shows through.

use serde::{Deserialize, Serialize};

use base::vocabulary::digest::Sri;
use base::vocabulary::{Outcome, Problem, Sha256};

use super::Golden;

/// What one target's toolchain must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ToolchainPin {
    /// The digest of what is locked for the target.
    pub lock: Sha256,
    /// NAR hash of its packages and its uv, to be pasted into a Nix `outputHash`.
    pub nar_hash: Sri,
}

/// What one target's output must be, and what it was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OutputPin {
    /// NAR hash of the output.
    pub nar_hash: Sri,
    /// sha256 of the text of `uv.lock`.
    pub lock: Sha256,
    /// sha256 of the text of the build lock.
    pub build_lock: Sha256,
    /// The digest of what is locked of the toolchain for the target.
    pub toolchain_lock: Sha256,
    /// The digest of the recipe's text and of its source patches.
    pub recipe: Sha256,
    /// NAR hash of the source tree.
    pub source: Sri,
    /// The version of the builder.
    pub builder: String,
}

/// What an output, or a toolchain's files, is against its ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pinned {
    /// The ledger has no hash of it.
    Unknown,
    /// It was not made of what is locked, so there is nothing to compare it with.
    Unlocked,
    /// It is the golden one.
    Same,
    /// It is another one, and so are these inputs.
    Changed(Vec<String>),
    /// It is another one, and no input changed.
    Unexplained,
}

/// A verdict on an output as reports carry it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutputJudgement {
    /// One word: `unknown`, `unlocked`, `same`, `changed` or `unexplained`.
    #[serde(rename = "output-golden")]
    pub word: &'static str,
    /// What a person reads: the verdict in a sentence, then its facts, then the way out.
    #[serde(rename = "output-golden-detail")]
    pub detail: Vec<String>,
}

impl OutputPin {
    /// Judges an output that was made of what is locked.
    pub(super) fn judge(golden: Option<&Self>, found: &Self) -> Pinned {
        let Some(golden) = golden else {
            return Pinned::Unknown;
        };
        if golden.nar_hash == found.nar_hash {
            return Pinned::Same;
        }
        let mut changed = Vec::new();
        let mut compare = |what: &str, golden: String, found: String| {
            if golden != found {
                changed.push(format!("{what}: {golden} → {found}"));
            }
        };
        let hex = |digest: &Sha256| format!("sha256:{}…", &digest.to_string()[..16]);
        compare("uv.lock", hex(&golden.lock), hex(&found.lock));
        compare("build lock", hex(&golden.build_lock), hex(&found.build_lock));
        compare("toolchain lock", hex(&golden.toolchain_lock), hex(&found.toolchain_lock));
        compare("recipe", hex(&golden.recipe), hex(&found.recipe));
        compare("source", golden.source.to_string(), found.source.to_string());
        compare("builder", golden.builder.clone(), found.builder.clone());
        if changed.is_empty() { Pinned::Unexplained } else { Pinned::Changed(changed) }
    }
}

impl ToolchainPin {
    /// Judges the files of a toolchain.
    pub(super) fn judge(golden: Option<&Self>, found: &Self) -> Pinned {
        match golden {
            None => Pinned::Unknown,
            Some(golden) if golden.nar_hash == found.nar_hash => Pinned::Same,
            Some(golden) if golden.lock == found.lock => Pinned::Unexplained,
            Some(_) => Pinned::Changed(vec!["toolchain lock".to_owned()]),
        }
    }
}

/// What is judged, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    Toolchain,
    Output,
}

impl Pinned {
    /// The verdict in one word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Unlocked => "unlocked",
            Self::Same => "same",
            Self::Changed(_) => "changed",
            Self::Unexplained => "unexplained",
        }
    }

    fn sentence(&self, subject: Subject) -> String {
        let (it, hash) = match subject {
            Subject::Toolchain => ("the toolchain's files are", "toolchain hash"),
            Subject::Output => ("the output is", "output hash"),
        };
        match self {
            Self::Unknown => format!("the ledger has no {hash} for this target yet"),
            Self::Unlocked => {
                "not compared: it was not built with the locked toolchain and uv".to_owned()
            }
            Self::Same => "golden".to_owned(),
            Self::Changed(inputs) => {
                let names = inputs.iter().map(|it| it.split(':').next().unwrap_or_default());
                let names: Vec<&str> = names.collect();
                format!("{it} not the golden one: {} changed", names.join(", "))
            }
            Self::Unexplained => {
                format!("{it} not the golden one, although no input changed")
            }
        }
    }

    fn hint(&self, subject: Subject, recipe: &str) -> Option<String> {
        match (self, subject) {
            (Self::Same | Self::Unlocked, _) => None,
            (Self::Unknown, _) => Some(format!("`lockstep bless {recipe}` pins it")),
            (Self::Changed(_), _) => Some(format!(
                "if the change is meant, `lockstep bless {recipe}` pins what it gives now; \
                 `--no-golden` goes on without"
            )),
            (Self::Unexplained, Subject::Toolchain) => {
                Some("the same lock must give the same files: find out who changed them".to_owned())
            }
            (Self::Unexplained, Subject::Output) => Some(format!(
                "the build is not reproducible, or something of this machine shows through, or the \
                 builder was changed and kept its version: `lockstep verify-repro {recipe}` tells \
                 the first from the others"
            )),
        }
    }

    /// What is wrong, with exit code 4, unless it is the golden one or there is none to compare
    /// with.
    pub(super) fn told(
        &self,
        (subject, recipe): (Subject, &str),
        (golden, found): (Option<Sri>, Sri),
        what_then: Golden,
    ) -> Result<OutputJudgement, Problem> {
        let sentence = self.sentence(subject);
        let hint = self.hint(subject, recipe);
        let mut detail = vec![sentence.clone()];
        if let Self::Changed(_) | Self::Unexplained = self {
            let golden = golden.map(|sri| sri.to_string()).unwrap_or_default();
            let mut problem = Problem::new(sentence)
                .outcome(Outcome::GoldenMismatch)
                .fact("golden", golden)
                .fact("found", found);
            if let Self::Changed(inputs) = self {
                problem = problem.fact("changed", inputs.join("\n"));
            }
            problem.hint.clone_from(&hint);
            if what_then == Golden::Enforced {
                return Err(problem);
            }
            detail = problem.to_string().lines().map(ToOwned::to_owned).collect();
        }
        detail.extend(hint.map(|hint| format!("hint: {hint}")));
        Ok(OutputJudgement { word: self.word(), detail })
    }
}

impl OutputJudgement {
    /// The verdict in one sentence.
    pub fn sentence(&self) -> &str {
        self.detail.first().map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(output: &str) -> OutputPin {
        let digest = Sha256::of("x");
        OutputPin {
            nar_hash: Sri(Sha256::of(output)),
            lock: digest,
            build_lock: digest,
            toolchain_lock: digest,
            recipe: digest,
            source: Sri(digest),
            builder: "1".to_owned(),
        }
    }

    #[test]
    fn another_output_names_each_input_that_changed_or_says_that_none_did() {
        let golden = pin("golden");
        let other = Sha256::of("y");
        let changes: [(fn(&mut OutputPin, Sha256), &[&str]); 7] = [
            (|it, other| it.lock = other, &["uv.lock changed", "uv.lock: sha256:"]),
            (|it, other| it.build_lock = other, &["build lock changed"]),
            (|it, other| it.toolchain_lock = other, &["toolchain lock changed"]),
            (|it, other| it.recipe = other, &["recipe changed"]),
            (|it, other| it.source = Sri(other), &["source changed"]),
            (|it, _| it.builder = "2".to_owned(), &["builder changed", "builder: 1 → 2"]),
            (|_, _| (), &["no input changed", "not reproducible", "this machine shows through"]),
        ];
        for (change, told) in changes {
            let mut same = golden.clone();
            change(&mut same, other);
            // What gives the same bytes is golden, whatever it was made of.
            assert_eq!(OutputPin::judge(Some(&golden), &same), Pinned::Same);
            let found = OutputPin { nar_hash: Sri(other), ..same };
            let verdict = OutputPin::judge(Some(&golden), &found);
            let hashes = (Some(golden.nar_hash), found.nar_hash);
            let of = (Subject::Output, "small");
            let problem = verdict.told(of, hashes, Golden::Enforced).unwrap_err();
            assert_eq!(problem.outcome, Outcome::GoldenMismatch);
            let text = format!("{problem}\n{}", problem.hint.clone().unwrap());
            assert!(told.iter().all(|part| text.contains(part)), "{text}");
            let judged = verdict.told(of, hashes, Golden::Told).unwrap();
            assert_eq!(judged.sentence(), problem.what);
        }
        assert_eq!(OutputPin::judge(None, &golden), Pinned::Unknown);
    }

    #[test]
    fn files_of_another_toolchain_are_stale_or_drifted() {
        let [one, two] = ["1", "2"].map(|it| Sha256::of(it));
        let golden = ToolchainPin { lock: one, nar_hash: Sri(one) };
        for (lock, nar_hash, word) in [
            (one, one, "same"),
            (two, one, "same"),
            (two, two, "changed"),
            (one, two, "unexplained"),
        ] {
            let found = ToolchainPin { lock, nar_hash: Sri(nar_hash) };
            assert_eq!(ToolchainPin::judge(Some(&golden), &found).word(), word);
        }
    }
}
