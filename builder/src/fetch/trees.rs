//! The source trees of the cache: `sources/<NAR hash>`. What lies there is verified each time it is
//! used, as the files of [`super::store`] are.

use std::path::{Path, PathBuf};

use super::store::disk;
use base::nar;
use base::sys::Host;
use base::sys::cache::SOURCES;
use base::sys::files::{self, FileLock, WorkDir};
use base::vocabulary::{Problem, Sha256};

/// The cache's directory of trees.
#[derive(Debug, Clone)]
pub struct Trees {
    root: PathBuf,
}

impl Trees {
    /// The trees below the tool's cache.
    pub fn new(cache: &Path) -> Self {
        Self { root: cache.join(SOURCES) }
    }

    /// Gives the tree of that NAR hash. If it is not there, or is damaged, `bring` must bring it
    /// into the directory that it is given, and say where in there it is; `refused` is what is told
    /// of a tree that then has another hash, which it gets. `shown` names the tree in messages.
    /// While one run brings a tree, another one that wants it waits and then finds it.
    pub fn obtain(
        &self,
        shown: &str,
        nar_hash: Sha256,
        host: &Host<'_>,
        bring: impl FnOnce(&Path) -> Result<PathBuf, Problem>,
        refused: impl FnOnce(Sha256) -> Problem,
    ) -> Result<PathBuf, Problem> {
        let path = self.root.join(nar_hash.to_string());
        let failed = |error| {
            let problem = Problem::new(format!("cannot keep the source `{shown}` in the cache"));
            disk(problem, &self.root, None, error)
        };
        let waiting = || {
            host.progress.note(&format!("waiting for another run that brings `{shown}`"));
        };
        let lock = self.root.join(format!("{nar_hash}.lock"));
        let _lock = FileLock::acquire(&lock, waiting).map_err(failed)?;
        if path.try_exists().map_err(failed)? {
            if nar::hash_path(&path)? == nar_hash {
                files::touch(&path);
                return Ok(path);
            }
            let shown = path.display();
            host.progress
                .warn(&format!("the cached source `{shown}` is damaged; it is brought again"));
            files::remove_tree(&path).map_err(failed)?;
        }
        let work = WorkDir::create(&self.root.join(".work"), "source").map_err(failed)?;
        let tree = bring(work.path())?;
        let received = nar::hash_path(&tree)?;
        if received != nar_hash {
            return Err(refused(received));
        }
        files::publish_dir(&tree, &path).map_err(failed)?;
        Ok(path)
    }
}
