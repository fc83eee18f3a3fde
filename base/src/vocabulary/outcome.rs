//! Exit codes. One documented enum behind one exhaustive match, so a new outcome cannot forget its
//! code.

use std::process::ExitCode;

/// How a command ended, ordered from good to bad: the worst one of several wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// All that was asked for was done and holds.
    Good,
    /// What the project allows was overstepped.
    Policy,
    /// A patched file or the manifest is not the snapshot that was approved.
    SnapshotMismatch,
    /// The FOD hash is not the golden one.
    GoldenMismatch,
    /// Two rounds differ.
    NotReproducible,
    /// The command line or a recipe asks for something that does not exist.
    Usage,
    /// The tool failed, so nothing is known. A failure of the tool is never [`Outcome::Good`].
    Undecided,
}

impl Outcome {
    /// The process's exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Undecided => 1,
            Self::Usage => 2,
            Self::NotReproducible => 3,
            Self::GoldenMismatch => 4,
            Self::SnapshotMismatch => 5,
            Self::Policy => 6,
        }
    }
}

impl Outcome {
    /// Each of them, from good to bad.
    const ALL: [Self; 7] = [
        Self::Good,
        Self::Policy,
        Self::SnapshotMismatch,
        Self::GoldenMismatch,
        Self::NotReproducible,
        Self::Usage,
        Self::Undecided,
    ];

    /// The outcome of a process of ours that ended with `code`; `None` if the code is none of ours.
    pub fn of_code(code: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| i32::from(outcome.code()) == code)
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        ExitCode::from(outcome.code())
    }
}
