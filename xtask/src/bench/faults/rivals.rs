//! Other tools on the same corpus.

use serde::Serialize;
use xshell::Shell;

use super::case::Case;
use super::sides::Built;

/// What another tool made of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Rival {
    /// Its name.
    pub(super) name: &'static str,
    pub(super) detected: bool,
    pub(super) points: bool,
    pub(super) false_alarm: bool,
    /// What it said.
    pub(super) said: String,
}
