//! Waivers: differences between two builds that a recipe allows, with a reason and until a date.
//! Waivers never affect a build. Only the verifier knows the causes that they name.

use super::overrides::PathPattern;
use super::parsed;
use super::wire::WaiverWire;
use crate::vocabulary::{Date, Problem, Sha256};

/// A difference that is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// The name of the cause, as reports have it.
    pub cause: String,
    /// Where: relative to `site-packages`, to the output, or to all that is compared.
    pub path: PathPattern,
    /// The bytes that are allowed there; empty if all are for which the cause is proved.
    pub sha256: Vec<Sha256>,
    /// Why it is allowed.
    pub reason: String,
    /// Where upstream discusses it.
    pub upstream: Option<String>,
    /// The last day on which it holds.
    pub expires: Date,
}

pub(super) fn from_wire(wire: Vec<WaiverWire>) -> Result<Vec<Waiver>, Problem> {
    let mut waivers: Vec<Waiver> = Vec::new();
    for wire in wire {
        if wire.reason.trim().is_empty() {
            return Err(Problem::usage(format!("the waiver of `{}` has no reason", wire.path))
                .hint("say why the difference is harmless, and since when it is known"));
        }
        let waiver = Waiver {
            path: PathPattern::parse("waiver.path", &wire.path)?,
            expires: parsed("waiver.expires", &wire.expires)?,
            cause: wire.cause,
            sha256: wire.sha256,
            reason: wire.reason,
            upstream: wire.upstream,
        };
        let same = |other: &Waiver| (&other.cause, &other.path) == (&waiver.cause, &waiver.path);
        if waivers.iter().any(same) {
            return Err(Problem::usage(format!(
                "two waivers are of `{}` at `{}`",
                waiver.cause,
                waiver.path.as_str()
            ))
            .hint("remove one of them"));
        }
        waivers.push(waiver);
    }
    Ok(waivers)
}
