//! What all of it comes to.

use std::fmt;

use base::vocabulary::Outcome;

/// Whether to merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// Yes.
    Merge,
    /// Yes, once a person has pinned what changed.
    MergeAfterBless,
    /// No.
    DoNotMerge,
    /// Nobody knows.
    CouldNotDecide,
}

/// A decision and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether to merge.
    pub decision: Decision,
    /// Why, as the rest of a sentence.
    pub because: String,
}

impl Decision {
    /// The exit code's meaning.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Merge => Outcome::Good,
            Self::MergeAfterBless => Outcome::GoldenMismatch,
            Self::DoNotMerge => Outcome::Policy,
            Self::CouldNotDecide => Outcome::Undecided,
        }
    }

    /// Its name in JSON, which does not change.
    pub fn id(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::MergeAfterBless => "merge-after-bless",
            Self::DoNotMerge => "do-not-merge",
            Self::CouldNotDecide => "could-not-decide",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.decision {
            Decision::Merge => "merge",
            Decision::MergeAfterBless => "merge after `bless`",
            Decision::DoNotMerge => "do not merge",
            Decision::CouldNotDecide => "could not decide",
        };
        write!(f, "{word}: {}", self.because)
    }
}
