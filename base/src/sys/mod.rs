//! The outside world: the environment, files, processes, the sandbox. Everything that depends on
//! the machine passes through here, where it is made independent of it (sorted, cleared, atomic).

pub mod beneath;
pub mod cache;
pub mod disk;
pub mod env;
pub mod files;
pub mod process;
pub mod sandbox;
pub mod tree;
pub mod archive;
pub mod watch;

use std::path::PathBuf;

use crate::vocabulary::Progress;

/// What a stage may know of the machine: the environment that the tool was started with, the tool's
/// cache, and the receiver of progress.
#[derive(Clone, Copy)]
pub struct Host<'a> {
    /// The environment, captured once.
    pub environment: &'a env::Environment,
    /// The tool's cache directory; each stage has a directory of its own in it.
    pub cache: &'a PathBuf,
    /// Receives the course of the work.
    pub progress: &'a dyn Progress,
}
