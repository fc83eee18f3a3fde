//! Finished directories by key: `<store>/<key>/`, and `<store>/<key>.lock` beside it. A directory
//! appears at its final path whole or not at all. What is in it is the caller's business, and so is
//! verifying it: nothing that is found here is to be trusted unread.

use std::io;
use std::path::{Path, PathBuf};

use super::files::{self, FileLock};
use crate::vocabulary::{Problem, Sha256};

/// The file in each of them that says what was published, in whatever way its store verifies it.
pub const SEAL: &str = "seal.json";

/// A directory of the tool's cache that holds one directory for each key.
#[derive(Debug, Clone)]
pub struct Keyed {
    dir: PathBuf,
}

impl Keyed {
    /// The store at `dir`, which need not exist yet.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// The place of a key's directory.
    pub fn entry(&self, key: &Sha256) -> PathBuf {
        self.dir.join(key.to_string())
    }

    /// Waits until no other run makes the same. `waiting` is called once if one does.
    pub fn lock(&self, key: &Sha256, waiting: impl FnOnce()) -> Result<FileLock, Problem> {
        let path = self.dir.join(format!("{key}.lock"));
        FileLock::acquire(&path, waiting).map_err(|error| {
            Problem::new("cannot lock an entry of the cache")
                .fact("at", path.display())
                .cause(error)
        })
    }

    /// Puts a finished directory in the place of whatever is there; the key's lock is held.
    pub fn publish(&self, key: &Sha256, staged: &Path) -> io::Result<PathBuf> {
        let entry = self.entry(key);
        files::remove_tree(&entry)?;
        files::publish_dir(staged, &entry)?;
        Ok(entry)
    }

    /// Removes what is not what was published; the key's lock is held.
    pub fn discard(&self, key: &Sha256) -> Result<(), Problem> {
        let entry = self.entry(key);
        files::remove_tree(&entry).map_err(|error| {
            Problem::new("cannot remove a damaged entry of the cache")
                .fact("at", entry.display())
                .cause(error)
                .hint("remove it by hand; it may belong to another user")
        })
    }
}
