//! The source trees of the cache: `sources/<NAR hash>`.

use std::path::{Path, PathBuf};

use fs_err as fs;

use base::nar;
use base::store::{Store, Verified, Wish};
use base::sys::cache::SOURCES;
use base::sys::{Host, disk};
use base::vocabulary::{Problem, Sha256};

/// The cache's directory of trees.
#[derive(Debug, Clone)]
pub(super) struct Trees {
    entries: Store,
}

impl Trees {
    /// The trees below the tool's cache.
    pub(super) fn new(cache: &Path) -> Self {
        Self { entries: Store::new(cache, SOURCES) }
    }

    /// Returns the tree with that NAR hash. If it is missing or damaged, `bring` must fetch it into
    /// the given directory, and return its path in there; `refused` makes the error for a tree with
    /// another hash. `shown` names the tree in messages.
    pub(super) fn obtain(
        &self,
        shown: &str,
        nar_hash: Sha256,
        host: &Host<'_>,
        bring: impl FnOnce(&Path) -> Result<PathBuf, Problem>,
        refused: impl FnOnce(Sha256) -> Problem,
    ) -> Result<PathBuf, Problem> {
        let what = format!("source `{shown}`");
        let wish = Wish { key: &nar_hash, what: &what, reuse: true };
        let verify = |entry: &Path| {
            let found = nar::hash_path(entry)?;
            if found == nar_hash {
                return Ok(Verified::Whole(()));
            }
            Ok(Verified::Damaged(format!("its NAR hash is {}", found.to_sri())))
        };
        let make = |staged: &Path| {
            let work = staged.parent().expect("it is made in a directory");
            let tree = bring(work)?;
            let received = nar::hash_path(&tree)?;
            if received != nar_hash {
                return Err(refused(received));
            }
            fs::rename(&tree, staged).map_err(|error| {
                let problem = Problem::new(format!("cannot keep the {what} in the cache"));
                disk::failed(problem, work, None, error)
            })
        };
        self.entries.obtain(&wish, host.progress, verify, make)?;
        Ok(self.entries.entry(&nar_hash))
    }
}
