//! What a verdict of `reproducible` leaves. The first round is an ordinary build, under the same
//! keys: `cargo xtask build` finds its output and its wheels in the cache, and builds nothing.

use std::io;
use std::path::Path;

use builder::sys::cache::{LAST_BUILDS, OUTPUTS, WHEELS};
use builder::sys::files::{sorted_entries, write_atomically};
use builder::sys::keyed::Keyed;
use builder::vocabulary::{Problem, Sha256};
use fs_err as fs;

use super::rounds::Finished;

/// Moves what the first round has built into the cache that the rounds share, on the same file
/// system. What is there already stays: it has the same key. Nothing is compared any more.
///
/// # Errors
/// One of the caches cannot be read or written.
pub(crate) fn adopt(first: &Finished, shared: &Path) -> Result<(), Problem> {
    let failed = |error| cannot(shared, error);
    first.put_back().map_err(failed)?;
    for store in [OUTPUTS, WHEELS] {
        let (from, into) = (first.cache.join(store), Keyed::new(shared.join(store)));
        for entry in entries(&from).map_err(failed)? {
            let name = entry.file_name();
            let Some(key) = name.to_str().and_then(|it| it.parse::<Sha256>().ok()) else {
                continue;
            };
            let _lock = into.lock(&key, || ())?;
            if !into.entry(&key).exists() {
                into.publish(&key, &entry.path()).map_err(failed)?;
            }
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

/// A recipe may build nothing from source.
fn entries(dir: &Path) -> io::Result<Vec<fs::DirEntry>> {
    if dir.is_dir() { sorted_entries(dir) } else { Ok(Vec::new()) }
}

fn cannot(cache: &Path, error: io::Error) -> Problem {
    Problem::new("cannot keep in the cache what the first round has built")
        .fact("cache", cache.display())
        .cause(error)
}
