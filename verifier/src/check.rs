//! A check and a variation: the types that checks, rounds and reports share.

use base::vocabulary::Outcome;
use serde::{Serialize, Serializer};

/// A thing that was varied between the sides, and what each of them saw of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Variation {
    /// Its name, as `--vary` takes it.
    pub(crate) name: String,
    /// What a probe read in A.
    pub(crate) a: String,
    /// What a probe read in B.
    pub(crate) b: String,
    /// Whether it took effect.
    pub(crate) bites: bool,
}

/// A check besides equality.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    /// Its name, such as `fod-hash`.
    pub(crate) name: &'static str,
    /// [`Outcome::Good`] if it holds.
    #[serde(serialize_with = "outcome_id")]
    pub(crate) outcome: Outcome,
    /// What was seen, a line each: always if it does not hold.
    pub(crate) detail: Vec<String>,
}

/// The name of an outcome in JSON; it does not change.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
pub(crate) fn outcome_id<S: Serializer>(
    outcome: &Outcome,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match outcome {
        Outcome::Good => "good",
        Outcome::Policy => "policy",
        Outcome::SnapshotMismatch => "snapshot-mismatch",
        Outcome::GoldenMismatch => "golden-mismatch",
        Outcome::NotReproducible => "not-reproducible",
        Outcome::Usage => "usage",
        Outcome::Undecided => "undecided",
    })
}
