//! Adopts the first round's products into the cache. The first round is an ordinary build with the
//! same keys. So its products must equal those of an earlier build of the same inputs, and
//! `cargo xtask build` finds the verified products in the cache and builds nothing.

use std::io;
use std::path::{Path, PathBuf};

use base::store::{Store, Wish, unseal};
use base::sys::cache::{LAST_BUILDS, OUTPUTS, WHEELS};
use base::sys::files::{sorted_entries, write_atomically};
use base::vocabulary::{Outcome, Problem, Progress, Sha256};
use fs_err as fs;
use serde_json::Value;

use crate::check::Check;
use crate::rounds::Finished;

/// Whether what the shared cache has under the keys of the first round is what that has made. What
/// it has was verified when it was stored; here the seals are compared.
///
/// # Errors
/// One of the caches cannot be read.
pub(crate) fn check(first: &Finished, shared: &Path) -> Result<Check, Problem> {
    let failed = |error| {
        Problem::new("cannot look for earlier builds in the cache")
            .fact("cache", shared.display())
            .cause(error)
    };
    let mut detail = Vec::new();
    for store in [OUTPUTS, WHEELS] {
        for (key, made) in finished(&first.cache, store).map_err(failed)? {
            let earlier = Store::new(shared, store).entry(&key);
            // One whose seal is damaged is made again when it is next used, and says nothing.
            let [earlier, made] = [earlier, made].map(|it| unseal::<Value>(&it).map_err(failed));
            let (earlier, made) = (earlier?, made?);
            if earlier.is_some() && earlier != made {
                let what = "an earlier build of the same inputs made other bytes";
                detail.push(format!("{what}: `{store}/{key}` of the cache"));
            }
        }
    }
    let mut outcome = Outcome::Good;
    if !detail.is_empty() {
        let hint = "compare it with what the first round has made, which is kept; \
                    `lockstep build --no-cache` replaces it";
        detail.push(format!("hint: {hint}"));
        outcome = Outcome::NotReproducible;
    }
    Ok(Check { name: "earlier-build", outcome, detail })
}

/// Moves what the first round has built into the shared cache, on the same file system. What is
/// there already stays. Nothing is compared any more.
///
/// # Errors
/// One of the caches cannot be read or written.
pub(crate) fn adopt(first: &Finished, shared: &Path) -> Result<(), Problem> {
    let failed = |error| {
        Problem::new("cannot keep in the cache what the first round has built")
            .fact("cache", shared.display())
            .cause(error)
    };
    first.put_back().map_err(failed)?;
    for store in [OUTPUTS, WHEELS] {
        let into = Store::new(shared, store);
        for (key, made) in finished(&first.cache, store).map_err(failed)? {
            let what = format!("entry of `{store}`");
            let wish = Wish { key: &key, what: &what, reuse: true };
            into.adopt(&wish, &made, &OnStandardError)?;
        }
    }
    let last = first.cache.join(LAST_BUILDS);
    let note = || -> io::Result<()> {
        for entry in entries(&last)? {
            let text = fs::read(entry.path())?;
            write_atomically(&shared.join(LAST_BUILDS).join(entry.file_name()), &text)?;
        }
        Ok(())
    };
    note().map_err(failed)
}

/// Says that another run is waited for.
struct OnStandardError;

impl Progress for OnStandardError {
    fn stage(&self, _name: &str, _steps: Option<u64>) {}
    fn begin(&self, _step: &str) {}
    fn bytes(&self, _count: u64) {}
    fn end(&self, _step: &str) {}
    fn warn(&self, message: &str) {
        eprintln!("warning: {message}");
    }
    fn note(&self, message: &str) {
        eprintln!("{message}");
    }
}

/// What a store has, by key.
fn finished(cache: &Path, name: &str) -> io::Result<Vec<(Sha256, PathBuf)>> {
    let store = Store::new(cache, name);
    Ok(store.keys()?.into_iter().map(|key| (key, store.entry(&key))).collect())
}

/// A recipe may build nothing from source.
fn entries(dir: &Path) -> io::Result<Vec<fs::DirEntry>> {
    if dir.is_dir() { sorted_entries(dir) } else { Ok(Vec::new()) }
}
