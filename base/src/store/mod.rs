//! The content-addressed stores of the cache: a directory with one entry for each key, and the one
//! mechanism that all of them share. The owner of a store decides what its entries hold and how
//! they are verified. This module decides when an entry is trusted, locked, made, replaced and
//! removed:
//!
//! 1. An entry appears at its path whole or not at all: it is made in a directory of the run's own
//!    and renamed.
//! 2. While one run makes an entry, another one that wants it waits, and then finds it. Several can
//!    verify one at once.
//! 3. Nothing is trusted unread: an entry is verified each time it is used.
//! 4. A damaged entry is reported, removed and made again.
//! 5. An error of the machine is no damage: the entry stays, and the run fails.
//! 6. What a killed run leaves is in `.work`, where nothing is looked for; the next run removes it.

mod listing;
mod retire;
mod seal;

use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::sys::disk;
use crate::sys::files::{self, FileLock, WorkDir};
use crate::vocabulary::{Problem, Progress, Sha256};

pub use listing::{Check, Listing};
pub use retire::Held;
pub use seal::{SEAL, read_sealed, seal, unseal, write_sealed};

/// A directory of the cache that holds one entry for each key.
#[derive(Debug, Clone)]
pub struct Store {
    dir: PathBuf,
}

/// What is asked of a store.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// The key of everything that determines the entry.
    pub key: &'a Sha256,
    /// What it is, for messages: "wheel `lxml 6.0.2`".
    pub what: &'a str,
    /// Whether an entry that is there may be used; if not, it is replaced.
    pub reuse: bool,
}

/// The result of verifying an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified<T> {
    /// It is what was stored.
    Whole(T),
    /// It is not, for this reason: something of it is missing, or is another one.
    Damaged(String),
}

/// The directory in a store where its entries are made.
const WORK: &str = ".work";

impl Store {
    /// The store of that name below the tool's cache. It need not exist yet.
    pub fn new(cache: &Path, name: &str) -> Self {
        Self { dir: cache.join(name) }
    }

    /// The path of a key's entry, which need not be there.
    pub fn entry(&self, key: &Sha256) -> PathBuf {
        self.dir.join(key.to_string())
    }

    /// Gives what is wished for: what `verify` makes of the entry that is there, else what `make`
    /// gives. `verify` gets the entry; its errors are those of the machine. `make` gets the path of
    /// a directory that does not exist yet, which becomes the entry.
    pub fn obtain<T>(
        &self,
        wish: &Wish<'_>,
        progress: &dyn Progress,
        verify: impl Fn(&Path) -> Result<Verified<T>, Problem>,
        make: impl FnOnce(&Path) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        if wish.reuse
            && let Some(found) = self.share(wish, progress, &verify)?
        {
            return Ok(found);
        }
        let _lock = self.lock(wish, progress)?;
        if wish.reuse
            && let Some(found) = self.look(wish, progress, &verify)?
        {
            return Ok(found);
        }
        let failed = |error| self.failed(wish, error);
        let work = WorkDir::create(&self.dir.join(WORK), "entry").map_err(failed)?;
        let staged = work.path().join("entry");
        let made = make(&staged)?;
        self.publish(wish.key, &staged).map_err(failed)?;
        Ok(made)
    }

    /// As [`Store::obtain`], but nothing is made: `None` if there is no entry, or a damaged one,
    /// which is removed.
    pub fn find<T>(
        &self,
        wish: &Wish<'_>,
        progress: &dyn Progress,
        verify: impl Fn(&Path) -> Result<Verified<T>, Problem>,
    ) -> Result<Option<T>, Problem> {
        if let Some(found) = self.share(wish, progress, &verify)? {
            return Ok(Some(found));
        }
        if !self.is_there(wish)? {
            return Ok(None);
        }
        let _lock = self.lock(wish, progress)?;
        self.look(wish, progress, &verify)
    }

    /// Moves an entry of another store, on the same file system, into this one. What is there
    /// already stays.
    pub fn adopt(
        &self,
        wish: &Wish<'_>,
        from: &Path,
        progress: &dyn Progress,
    ) -> Result<(), Problem> {
        let _lock = self.lock(wish, progress)?;
        let failed = |error| self.failed(wish, error);
        if self.entry(wish.key).try_exists().map_err(failed)? {
            return Ok(());
        }
        self.publish(wish.key, from).map_err(failed)
    }

    /// The keys of all entries, sorted.
    pub fn keys(&self) -> io::Result<Vec<Sha256>> {
        let entries = match files::sorted_entries(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let key = |entry: &fs::DirEntry| {
            let key = Sha256::from_hex(entry.file_name().to_str()?).ok()?;
            entry.path().is_dir().then_some(key)
        };
        Ok(entries.iter().filter_map(key).collect())
    }

    /// Waits until no other run verifies or makes it.
    fn lock(&self, wish: &Wish<'_>, progress: &dyn Progress) -> Result<FileLock, Problem> {
        FileLock::acquire(&self.lock_file(wish), || waiting(wish, progress))
            .map_err(|error| self.failed(wish, error))
    }

    fn lock_file(&self, wish: &Wish<'_>) -> PathBuf {
        self.dir.join(format!("{}.lock", wish.key))
    }

    /// Whether something is at the entry's path, be it a link that leads nowhere.
    fn is_there(&self, wish: &Wish<'_>) -> Result<bool, Problem> {
        match fs::symlink_metadata(self.entry(wish.key)) {
            Err(error) if files::is_absent(&error) => Ok(false),
            found => found.map(|_| true).map_err(|error| self.failed(wish, error)),
        }
    }

    /// Verifies the entry, if there is one, under a shared lock. Returns `None` if the entry cannot
    /// be used; then the holder of the exclusive lock looks again.
    fn share<T>(
        &self,
        wish: &Wish<'_>,
        progress: &dyn Progress,
        verify: impl Fn(&Path) -> Result<Verified<T>, Problem>,
    ) -> Result<Option<T>, Problem> {
        // Without an entry nothing is waited for here, and no directory is made.
        if !self.is_there(wish)? {
            return Ok(None);
        }
        let _lock = FileLock::acquire_shared(&self.lock_file(wish), || waiting(wish, progress))
            .map_err(|error| self.failed(wish, error))?;
        if !self.is_there(wish)? {
            return Ok(None);
        }
        let entry = self.entry(wish.key);
        match verify(&entry)? {
            Verified::Whole(found) => {
                files::touch(&entry);
                Ok(Some(found))
            }
            Verified::Damaged(_) => Ok(None),
        }
    }

    /// Verifies the entry, if there is one; the key's lock is held alone. A damaged one is removed.
    fn look<T>(
        &self,
        wish: &Wish<'_>,
        progress: &dyn Progress,
        verify: impl Fn(&Path) -> Result<Verified<T>, Problem>,
    ) -> Result<Option<T>, Problem> {
        if !self.is_there(wish)? {
            return Ok(None);
        }
        let entry = self.entry(wish.key);
        match verify(&entry)? {
            Verified::Whole(found) => {
                files::touch(&entry);
                Ok(Some(found))
            }
            Verified::Damaged(because) => {
                let (what, shown) = (wish.what, entry.display());
                progress.warn(&format!(
                    "the stored {what} is damaged and is made again\n  at  {shown}\n  because  \
                     {because}"
                ));
                files::remove_tree(&entry).map_err(|error| self.failed(wish, error))?;
                Ok(None)
            }
        }
    }

    /// Puts a finished entry in the place of whatever is there; the key's lock is held.
    fn publish(&self, key: &Sha256, staged: &Path) -> io::Result<()> {
        let entry = self.entry(key);
        files::remove_tree(&entry)?;
        files::publish_dir(staged, &entry).map(drop)
    }

    fn failed(&self, wish: &Wish<'_>, error: io::Error) -> Problem {
        let problem = Problem::new(format!("cannot keep the {} in the cache", wish.what))
            .fact("at", self.entry(wish.key).display());
        disk::failed(problem, &self.dir, None, error)
    }
}

fn waiting(wish: &Wish<'_>, progress: &dyn Progress) {
    progress.note(&format!("another run makes the {}; waiting for it", wish.what));
}

#[cfg(test)]
mod tests;
