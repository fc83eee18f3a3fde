//! The first round is an ordinary build, under the same keys as one. So an earlier build of the
//! same inputs must have made the same; and what was verified is left in the cache, where `cargo
//! xtask build` finds it, and builds nothing.

use std::io;
use std::path::{Path, PathBuf};

use base::sys::cache::{LAST_BUILDS, OUTPUTS, WHEELS};
use base::sys::files::{sorted_entries, write_atomically};
use base::sys::keyed::{Keyed, SEAL};
use base::vocabulary::{Outcome, Problem, Sha256};
use fs_err as fs;

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
        for (key, made) in finished(&first.cache.join(store)).map_err(failed)? {
            let earlier = Keyed::new(shared.join(store)).entry(&key);
            let earlier = read(&earlier.join(SEAL)).map_err(failed)?;
            if earlier.is_some() && earlier != read(&made.join(SEAL)).map_err(failed)? {
                let what = "an earlier build of the same inputs made other bytes";
                detail.push(format!("{what}: `{store}/{key}` of the cache"));
            }
        }
    }
    let mut outcome = Outcome::Good;
    if !detail.is_empty() {
        let hint = "compare it with what the first round has made, which is kept; \
                    `cargo xtask build --no-cache` replaces it";
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
        let into = Keyed::new(shared.join(store));
        for (key, made) in finished(&first.cache.join(store)).map_err(failed)? {
            let waiting = || eprintln!("waiting for another run, which builds the same");
            let _lock = into.lock(&key, waiting)?;
            if !into.entry(&key).exists() {
                into.publish(&key, &made).map_err(failed)?;
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

/// What a store has, by key.
fn finished(store: &Path) -> io::Result<Vec<(Sha256, PathBuf)>> {
    let keyed = |entry: fs::DirEntry| {
        let key = entry.file_name().to_str()?.parse().ok()?;
        entry.path().is_dir().then(|| (key, entry.path()))
    };
    Ok(entries(store)?.into_iter().filter_map(keyed).collect())
}

/// A recipe may build nothing from source.
fn entries(dir: &Path) -> io::Result<Vec<fs::DirEntry>> {
    if dir.is_dir() { sorted_entries(dir) } else { Ok(Vec::new()) }
}

fn read(seal: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(seal) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
