//! The lock of the whole cache: runs hold it together, `gc` holds it alone, so nothing that a run
//! uses is removed.

use std::io;
use std::path::Path;

use super::files::FileLock;
use crate::vocabulary::Problem;

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
