//! The download cache: `files/<sha256>/<file name>`.

use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;
use tempfile::NamedTempFile;

use base::store::{self, Verified, Wish};
use base::sys::cache::FILES;
use base::sys::files::{digest_of, is_absent, sorted_entries};
use base::sys::{Host, disk};
use base::vocabulary::{Problem, Sha256};

/// The cache's directory of files.
#[derive(Debug, Clone)]
pub(super) struct Store {
    entries: store::Store,
}

/// A file of the store that has just been verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Where it is.
    pub path: PathBuf,
    /// How many bytes it has.
    pub size: u64,
}

impl Store {
    /// The store below the tool's cache.
    pub(super) fn new(cache: &Path) -> Self {
        Self { entries: store::Store::new(cache, FILES) }
    }

    /// Gives the file of that name and digest. If it is not there, or is damaged, `bring` must
    /// bring it into a temporary file in the directory that it is given, verified.
    pub(super) fn obtain(
        &self,
        filename: &str,
        sha256: Sha256,
        host: &Host<'_>,
        bring: impl FnOnce(&Path) -> Result<NamedTempFile, Problem>,
    ) -> Result<Stored, Problem> {
        let what = format!("file `{filename}`");
        let wish = Wish { key: &sha256, what: &what, reuse: true };
        let failed = |dir: &Path, error| {
            disk::failed(
                Problem::new(format!("cannot keep the {what} in the cache")),
                dir,
                None,
                error,
            )
        };
        let verify =
            |entry: &Path| verified(entry, filename, sha256).map_err(|error| failed(entry, error));
        let make = |staged: &Path| {
            fs::create_dir(staged).map_err(|error| failed(staged, error))?;
            let brought = bring(staged)?;
            put(brought, &staged.join(filename)).map_err(|error| failed(staged, error))
        };
        let size = self.entries.obtain(&wish, host.progress, verify, make)?;
        Ok(Stored { path: self.entries.entry(&sha256).join(filename), size })
    }
}

/// The size of the file, if it is whole. Another lock may call the same bytes by another name; then
/// they get that one, too.
fn verified(entry: &Path, filename: &str, sha256: Sha256) -> io::Result<Verified<u64>> {
    let path = entry.join(filename);
    match digest_of(&path) {
        Ok((found, size)) if found == sha256 => return Ok(Verified::Whole(size)),
        Ok((found, _)) => return Ok(Verified::Damaged(format!("it has sha256:{found}"))),
        // A directory is not what this store has put there.
        Err(_) if path.is_dir() => {
            return Ok(Verified::Damaged("a directory is in its place".to_owned()));
        }
        Err(error) if is_absent(&error) => {}
        Err(error) => return Err(error),
    }
    let names = match sorted_entries(entry) {
        Err(error) if is_absent(&error) => Vec::new(),
        names => names?,
    };
    for other in names.iter().filter(|other| other.file_type().is_ok_and(|it| it.is_file())) {
        let (found, size) = digest_of(&other.path())?;
        if found == sha256 {
            fs::hard_link(other.path(), &path)?;
            return Ok(Verified::Whole(size));
        }
    }
    Ok(Verified::Damaged("it is missing".to_owned()))
}

fn put(file: NamedTempFile, path: &Path) -> io::Result<u64> {
    use std::os::unix::fs::PermissionsExt;
    let size = file.as_file().metadata()?.len();
    // Read-only, so that nothing writes into the cache by mistake.
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o444))?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(size)
}

/// A temporary file for a download.
pub(super) fn temporary(dir: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new().prefix(".tmp-").tempfile_in(dir)
}
