//! The tool's cache: the names of its directories, and the lock of the whole cache. Runs hold the
//! lock shared, `gc` holds it exclusively, so `gc` removes nothing that a run uses.

use std::io;
use std::path::Path;

use super::files::FileLock;
use crate::vocabulary::Problem;

/// Downloaded files, by sha256.
pub const FILES: &str = "files";
/// Mirrors of git repositories.
pub const GIT: &str = "git";
/// Links of people that keep an output alive.
pub const ROOTS: &str = "gcroots";
/// The inputs of the last build of each recipe.
pub const LAST_BUILDS: &str = "last-builds";
/// Finished outputs, by their inputs.
pub const OUTPUTS: &str = "outputs";
/// Where rounds of `verify-repro` run.
pub const ROUNDS: &str = "rounds";
/// Source trees, by NAR hash.
pub const SOURCES: &str = "sources";
/// Roots and interpreters.
pub const TOOLCHAINS: &str = "toolchains";
/// The program uv, by version.
pub const UV: &str = "uv";
/// What phase 1 has put together, by NAR hash.
pub const WHEELHOUSES: &str = "wheelhouses";
/// Built wheels, by what they were built of.
pub const WHEELS: &str = "wheels";
/// Where builds run.
pub const WORK: &str = "work";

const LOCK: &str = ".lock";

/// Holds the cache for a run. `waiting` is called once if `gc` holds it.
pub fn hold(cache: &Path, waiting: impl FnOnce()) -> Result<FileLock, Problem> {
    FileLock::acquire_shared(&cache.join(LOCK), waiting).map_err(|error| unlocked(cache, error))
}

/// Holds the cache alone. `waiting` is called once if a run holds it.
pub fn hold_alone(cache: &Path, waiting: impl FnOnce()) -> Result<FileLock, Problem> {
    FileLock::acquire(&cache.join(LOCK), waiting).map_err(|error| unlocked(cache, error))
}

fn unlocked(cache: &Path, error: io::Error) -> Problem {
    Problem::new("cannot lock the cache")
        .fact("cache", cache.display())
        .cause(error)
        .hint("`--cache-dir DIR` names another cache")
}
