//! Differences in, causes out. A cause is claimed by whoever knows the format, and stands only if
//! its counterfactual holds: the one normalisation that the cause predicts, applied to both sides,
//! must leave them equal byte for byte (`prove`). What stands unproved is `unexplained`.
//!
//! A proof shows that a cause accounts for a difference. That the difference is harmless is shown
//! only if its format gives it no meaning, or if each side has what its own round is known to have
//! had: [`Standing`] says which.
//!
//! To teach it a new kind of difference: one variant in `cause`, one claim in the file of the
//! format, or a file in `claims` if it is one of text, and one folder under `golden/explain/`.
//! What only looks for forms is in `forms` and knows no causes; then come `rewrite`, `claims`,
//! `text`, the `formats` with members of their own, and `by_format`, which chooses among them.

mod cause;
pub mod canaries;
mod evidence;
pub(crate) mod finding;
mod prove;
mod lines;
mod forms;
mod rewrite;
mod claims;
mod text;
mod blob;
mod budget;
mod file;
mod owners;
mod formats;
mod by_format;
mod tree;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use base::vocabulary::Problem;

pub use canaries::Canaries;
pub use cause::{Cause, Ordered, Place, Standing};
pub use evidence::Evidence;
pub use finding::{Explanation, Finding, Proved, Root, Unexplained};
pub use owners::normalised;

use super::compare::Comparison;
use owners::Owners;

/// What is known of the two sides beside their bytes. The default knows nothing.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Values that are unique to a side.
    pub canaries: Canaries,
    /// How each distribution came to be (`wheel`, `sdist`, `git` and so on), by its normalised
    /// name.
    pub kinds: BTreeMap<String, String>,
}

/// Explains every difference of a comparison. `found` is told each finding as soon as it is known,
/// in the order of paths, so that a run that is killed leaves what it knew.
///
/// Errors: a file that cannot be read any more. A file that cannot be understood is no error but
/// unexplained.
pub fn explain(
    comparison: &Comparison,
    context: &Context,
    mut found: impl FnMut(&Finding),
) -> Result<Explanation, Problem> {
    let owners = Owners::read(comparison, &context.kinds)?;
    let findings = tree::findings(comparison, context, &owners, &mut found)?;
    Ok(Explanation::new(findings, owners.sizes))
}
