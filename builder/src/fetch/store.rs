//! The download cache: `files/<sha256>/<file name>`. What lies there is verified each time it is
//! used, so that neither a killed run nor a failing disk is ever trusted; a corrupt entry heals.

use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;
use tempfile::NamedTempFile;

use base::sys::Host;
use base::sys::cache::FILES;
use base::sys::files::{self, FileLock, digest_of};
use base::vocabulary::{Problem, Sha256};

/// The cache's directory of files.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
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
    pub fn new(cache: &Path) -> Self {
        Self { root: cache.join(FILES) }
    }

    /// Gives the file of that name and digest. If it is not there, or is damaged, `bring` must
    /// bring it into a temporary file in the directory that it is given, verified and synced.
    /// While one run brings a file, another one that wants it waits and then finds it.
    pub fn obtain(
        &self,
        filename: &str,
        sha256: Sha256,
        host: &Host<'_>,
        bring: impl FnOnce(&Path) -> Result<NamedTempFile, Problem>,
    ) -> Result<Stored, Problem> {
        let dir = self.root.join(sha256.to_string());
        let path = dir.join(filename);
        let failed = |error| {
            let problem = Problem::new(format!("cannot keep `{filename}` in the cache"));
            disk(problem, &dir, None, error)
        };
        // Whoever holds it brings the same bytes: another run, or this one for another shelf.
        let waiting = || {
            host.progress.note(&format!("waiting for another download of `{filename}`"));
        };
        let _lock = FileLock::acquire(&dir.join(".lock"), waiting).map_err(failed)?;
        sweep(&dir).map_err(failed)?;
        match digest_of(&path) {
            Ok((found, size)) if found == sha256 => {
                files::touch(&dir);
                return Ok(Stored { path, size });
            }
            Ok((found, _)) => {
                host.progress.warn(&format!(
                    "the cached `{}` is damaged (sha256:{found}); it is fetched again",
                    path.display()
                ));
                fs::remove_file(&path).map_err(failed)?;
            }
            // A directory is not what this store has put there.
            Err(error) if files::is_absent(&error) => files::remove_tree(&path).map_err(failed)?,
            Err(error) => return Err(failed(error)),
        }
        let brought = bring(&dir)?;
        let size = publish(brought, &path).map_err(failed)?;
        Ok(Stored { path, size })
    }
}

fn publish(file: NamedTempFile, path: &Path) -> io::Result<u64> {
    use std::os::unix::fs::PermissionsExt;
    let size = file.as_file().metadata()?.len();
    // Read-only, so that nothing writes into the cache by mistake.
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o444))?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    if let Some(dir) = path.parent() {
        std::fs::File::open(dir)?.sync_all()?;
    }
    Ok(size)
}

/// A temporary file; one that a killed run leaves is swept by its prefix.
pub(super) fn temporary(dir: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new().prefix(".tmp-").tempfile_in(dir)
}

/// Removes what killed runs left; the lock of the directory is held.
fn sweep(dir: &Path) -> io::Result<()> {
    for entry in files::sorted_entries(dir)? {
        if entry.file_name().to_string_lossy().starts_with(".tmp-") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Adds what went wrong with a disk. A full one is told by how much room there is, and how much
/// was `needed`.
pub(super) fn disk(problem: Problem, dir: &Path, needed: Option<u64>, error: io::Error) -> Problem {
    if !is_full(&error) {
        return problem.cause(error);
    }
    let free = rustix::fs::statvfs(dir).map_or_else(
        |_| "an unknown number of bytes".to_owned(),
        |stat| format!("{} bytes", stat.f_bavail.saturating_mul(stat.f_frsize)),
    );
    let needed = needed.map_or_else(|| "more".to_owned(), |bytes| format!("{bytes} bytes"));
    problem
        .fact("because", "the disk is full")
        .fact("where", dir.display())
        .fact("needed", needed)
        .fact("free", free)
        .hint("make room there, or set `LOCKSTEP_CACHE_DIR` to a larger disk")
        .cause(error)
}

/// Whether an error is for lack of room.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
