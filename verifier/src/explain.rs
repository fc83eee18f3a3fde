//! Differences in, causes out. The code for a format claims a cause. The claim holds only if its
//! counterfactual holds: the one normalisation that the cause predicts, applied to both sides, must
//! make them equal byte for byte (`prove`). A difference without a proved claim is `unexplained`.
//!
//! A proof shows that a cause accounts for a difference. The difference is proved harmless only if
//! its format gives it no meaning, or if each side has the value that its own round is known to
//! have had. [`Standing`] says which applies.
//!
//! To add a new kind of difference: one variant in `cause`, one claim in the format's file (for
//! text: a file in `claims`), and one folder under `golden/explain/`. `forms` only searches for
//! forms and knows no causes. Then follow `rewrite`, `claims`, `text`, the `formats` with their
//! submodules, and `by_format`, which chooses among them.

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

/// The known facts about the two sides, besides their bytes. The default has none.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Values that are unique to a side.
    pub canaries: Canaries,
    /// How each distribution came to be (`wheel`, `sdist`, `git` and so on), by its normalised
    /// name.
    pub kinds: BTreeMap<String, String>,
}

/// Explains every difference of a comparison. `found` receives each finding as soon as it is known,
/// in the order of paths, so that a killed run leaves its partial results.
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
