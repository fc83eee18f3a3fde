//! One resolution: its requirements, and the build that they are for.

use std::path::Path;

use super::lowered::Lowered;
use super::requires::Requires;
use super::run::Chain;
use crate::lock::resolve::{Distribution, Resolution};
use base::vocabulary::Target;

/// One resolution: its requirements, and the build that they are for.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) distribution: &'a Distribution,
    pub(super) resolution: &'a Resolution,
    pub(super) target: &'a Target,
    pub(super) requires: &'a Requires,
    pub(super) lowered: &'a Lowered,
    /// A directory for uv, which no backend sees: uv looks for configuration where it runs.
    pub(super) uv_dir: &'a Path,
    pub(super) chain: &'a Chain,
}
