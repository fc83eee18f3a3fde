//! `compare`.

use anyhow::Result;
use base::vocabulary::Outcome;
use verifier::CompareCommand;

use crate::flags::{Compare, Global};

/// Needs no cache and no recipe.
pub(super) fn run(flags: Compare, global: &Global) -> Result<Outcome> {
    let Compare { a, b, canaries, html, partial } = flags;
    CompareCommand { a, b, canaries, json: global.json, html, partial }.run()?;
    Ok(Outcome::Good)
}
