//! The view that `gc` has of a store: its removable entries, and how to remove them.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::{Store, WORK};
use crate::sys::files::{remove_tree, sorted_entries};

/// Something in a store that is removed as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The entry, and the lock beside it.
    pub paths: Vec<PathBuf>,
    /// When it was used last, in seconds and nanoseconds of the epoch.
    pub used: (i64, i64),
    /// Whether a killed run left it: nobody can use it.
    pub dead: bool,
}

impl Store {
    /// All that can be removed, sorted by path. No run may use the cache meanwhile.
    pub fn held(&self) -> io::Result<Vec<Held>> {
        // A store that is a link lies elsewhere, for others too: it is not ours to bound.
        if !std::fs::symlink_metadata(&self.dir).is_ok_and(|it| it.is_dir()) {
            return Ok(Vec::new());
        }
        let entries = sorted_entries(&self.dir)?;
        let mut held = Vec::new();
        for entry in entries.iter().filter(|it| it.file_type().is_ok_and(|kind| kind.is_dir())) {
            let metadata = fs::metadata(entry.path())?;
            let lock = entry.path().with_added_extension("lock");
            let lock = entries.iter().map(fs::DirEntry::path).filter(|it| *it == lock);
            held.push(Held {
                paths: std::iter::once(entry.path()).chain(lock).collect(),
                used: (metadata.mtime(), metadata.mtime_nsec()),
                dead: entry.file_name() == WORK,
            });
        }
        Ok(held)
    }
}

impl Held {
    /// Removes it. Half of what could be used must not stay in its place when this is killed or
    /// fails, so that is first renamed to where all counts as left by a dead run.
    pub fn remove(&self) -> io::Result<()> {
        let (directory, beside) = self.paths.split_first().expect("it has its directory");
        if self.dead {
            remove_tree(directory)?;
        } else {
            let scratch = directory.with_file_name(WORK);
            fs::create_dir_all(&scratch)?;
            let aside = tempfile::Builder::new().prefix("gc-").tempdir_in(&scratch)?.keep();
            fs::rename(directory, aside.join("entry"))?;
            remove_tree(&aside)?;
            // Unless a dead run's are there too.
            let _ = std::fs::remove_dir(&scratch);
        }
        beside.iter().try_for_each(|path| remove_tree(path))
    }

    /// The entry's directory.
    pub fn path(&self) -> &Path {
        &self.paths[0]
    }
}
