//! Files: sorted directory listings, and atomic writes. A write goes to a temporary name in the
//! same directory, then fsync, then rename, so a final path never holds a half-written file.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use fs_err as fs;
use rustix::fs::FlockOperation;

use crate::vocabulary::Sha256;
use crate::vocabulary::digest::Hashing;

mod foreign;
mod remove;

pub use foreign::{read_foreign, read_named, read_text};
pub use remove::{remove_large, remove_tree};

/// The names in a directory with their types, sorted by bytes: the disk's order differs between
/// machines and must not reach a result.
pub fn sorted_entries(dir: &Path) -> io::Result<Vec<fs::DirEntry>> {
    #[expect(clippy::disallowed_methods, reason = "this is the place that sorts")]
    let mut entries = fs::read_dir(dir)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_cached_key(fs::DirEntry::file_name);
    Ok(entries)
}

/// Copies a tree without the paths of it that are `skipped`; modes become
/// 0644 and 0755, links are copied as links.
pub fn copy_tree(from: &Path, into: &Path, skipped: &dyn Fn(&Path) -> bool) -> io::Result<()> {
    fs::create_dir_all(into)?;
    fs::set_permissions(into, std::fs::Permissions::from_mode(0o755))?;
    for entry in sorted_entries(from)? {
        let (name, path) = (entry.file_name(), entry.path());
        if skipped(&path) {
            continue;
        }
        let (kind, target) = (entry.file_type()?, into.join(&name));
        if kind.is_dir() {
            copy_tree(&path, &target, skipped)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(&path)?, &target)?;
        } else if kind.is_file() {
            copy_file(&path, &target)?;
        }
    }
    Ok(())
}

/// Copies a regular file; its mode becomes 0644 or 0755.
pub fn copy_file(from: &Path, into: &Path) -> io::Result<()> {
    fs::copy(from, into)?;
    let executable = fs::metadata(from)?.permissions().mode() & 0o100 != 0;
    let mode = if executable { 0o755 } else { 0o644 };
    fs::set_permissions(into, std::fs::Permissions::from_mode(mode))
}

/// The names in `dir` that a person most likely meant by `path`, for messages.
pub fn nearest_names(root: &Path, path: &str) -> Vec<String> {
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    let Ok(entries) = sorted_entries(&root.join(parent)) else {
        // The parent is missing too: that is what was mistyped.
        return if parent.is_empty() { Vec::new() } else { nearest_names(root, parent) };
    };
    let mut scored: Vec<(f64, String)> = entries
        .iter()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .map(|entry| (strsim::jaro_winkler(name, &entry), entry))
        .filter(|(score, _)| *score > 0.6)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let full = |name: String| {
        if parent.is_empty() { name } else { format!("{parent}/{name}") }
    };
    scored.into_iter().take(3).map(|(_, name)| full(name)).collect()
}

/// Writes a file atomically: another process sees the old content or the new, never a part, and a
/// crash leaves one of the two.
pub fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut temporary = tempfile::Builder::new()
        .prefix(".tmp-")
        .permissions(std::fs::Permissions::from_mode(0o644))
        .tempfile_in(directory)?;
    temporary.write_all(content)?;
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Renames a finished tree to its final path and makes the rename durable. Returns `false`, and
/// leaves the tree where it is, when another process was faster.
pub fn publish_dir(from: &Path, to: &Path) -> io::Result<bool> {
    let parent = to.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent)?;
    match std::fs::rename(from, to) {
        Ok(()) => {
            File::open(parent)?.sync_all()?;
            Ok(true)
        }
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty
            ) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// The digest and size of a file.
pub fn digest_of(path: &Path) -> io::Result<(Sha256, u64)> {
    let mut file = Hashing::new(fs::File::open(path)?);
    io::copy(&mut file, &mut io::sink())?;
    let (_, digest, size) = file.finish();
    Ok((digest, size))
}

/// Whether an error says that a file is not there, or something else in its place. Any other is the
/// machine's, as a full or failing disk is, and says nothing about what is there.
pub fn is_absent(error: &io::Error) -> bool {
    use io::ErrorKind::{IsADirectory, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | IsADirectory)
}

/// Reads a file, or gives `None` if there is none.
pub fn read_if_there(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Err(error) if is_absent(&error) => Ok(None),
        content => content.map(Some),
    }
}

/// Notes that an entry of the cache was used now: its modification time is the use stamp by which
/// the least recently used is found. The kernel sets it, so no clock is read here. Where it cannot
/// be set, the entry only looks older than it is.
pub fn touch(path: &Path) {
    use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};
    let time = |tv_nsec| Timespec { tv_sec: 0, tv_nsec };
    let times = Timestamps { last_access: time(UTIME_OMIT), last_modification: time(UTIME_NOW) };
    let _ = rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW);
}

/// A lock on a file, held until it is dropped. The kernel releases it when the process
/// dies in whatever way, so a killed run blocks nobody.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Waits for the lock. `waiting` is called once if another process holds it.
    pub fn acquire(path: &Path, waiting: impl FnOnce()) -> io::Result<Self> {
        match Self::flock(path, FlockOperation::NonBlockingLockExclusive) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => waiting(),
            done => return done,
        }
        Self::flock(path, FlockOperation::LockExclusive)
    }

    /// As [`FileLock::acquire`], but several may hold it while nobody holds it exclusively.
    pub fn acquire_shared(path: &Path, waiting: impl FnOnce()) -> io::Result<Self> {
        match Self::flock(path, FlockOperation::NonBlockingLockShared) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => waiting(),
            done => return done,
        }
        Self::flock(path, FlockOperation::LockShared)
    }

    fn flock(path: &Path, operation: FlockOperation) -> io::Result<Self> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let file = File::options().create(true).truncate(false).write(true).open(path)?;
        rustix::fs::flock(&file, operation)?;
        Ok(Self { _file: file })
    }
}

/// A directory for the work of one run, removed when dropped unless it is kept. A directory that a
/// killed run left behind is removed by the next run, as nobody holds its lock.
#[derive(Debug)]
pub struct WorkDir {
    path: PathBuf,
    keep: bool,
    _lock: FileLock,
}

impl WorkDir {
    /// Makes `<base>/<label>-<random>` and clears away what dead runs left in `base`.
    pub fn create(base: &Path, label: &str) -> io::Result<Self> {
        fs::create_dir_all(base)?;
        // Between making a directory and locking it, another run could take it for a dead one's.
        let _sweeping = FileLock::acquire(&base.join(".sweep.lock"), || ())?;
        sweep(base)?;
        let path = tempfile::Builder::new().prefix(&format!("{label}-")).tempdir_in(base)?.keep();
        let lock = FileLock::acquire(&path.join(LOCK_NAME), || ())?;
        Ok(Self { path, keep: false, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether [`WorkDir::keep`] was called.
    pub fn is_kept(&self) -> bool {
        self.keep
    }

    /// Leaves the directory for a person to look at, who removes it.
    pub fn keep(&mut self) -> io::Result<()> {
        // Even without the note it stays until the next run sweeps it.
        self.keep = true;
        fs::write(self.path.join(KEEP_NAME), "kept for inspection; remove it when you are done\n")
    }
}

impl Drop for WorkDir {
    fn drop(&mut self) {
        if !self.keep {
            // Nothing depends on it: the next run sweeps what is left.
            let _ = remove_tree(&self.path);
        }
    }
}

const LOCK_NAME: &str = ".lock";
const KEEP_NAME: &str = ".keep";

/// Removes what dead runs left; no other run makes a directory meanwhile. One that cannot be
/// removed stops nobody: the next run tries again.
fn sweep(base: &Path) -> io::Result<()> {
    for entry in sorted_entries(base)? {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) && !path.join(KEEP_NAME).exists() {
            let _ = remove_dead(&path);
        }
    }
    Ok(())
}

/// Removes a directory if no living run has locked it. One without a lock is about to be removed by
/// its run, or was left by one that died before it could lock it.
fn remove_dead(path: &Path) -> io::Result<()> {
    let lock = match File::options().write(true).open(path.join(LOCK_NAME)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        lock => Some(lock?),
    };
    if let Some(lock) = &lock {
        match rustix::fs::flock(lock, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(()),
            locked => locked?,
        }
    }
    remove_tree(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_runs_work_is_swept_and_a_live_ones_is_not() {
        let base = tempfile::tempdir().unwrap();
        let dead = base.path().join("build-dead");
        fs::create_dir_all(dead.join("deep")).unwrap();
        let live = WorkDir::create(base.path(), "build").unwrap();
        assert!(!dead.exists());
        let second = WorkDir::create(base.path(), "build").unwrap();
        assert!(live.path().exists() && second.path().exists());
        let mut kept = WorkDir::create(base.path(), "build").unwrap();
        kept.keep().unwrap();
        let path = kept.path().to_owned();
        drop(kept);
        drop(second);
        assert!(path.exists() && WorkDir::create(base.path(), "build").is_ok() && path.exists());
    }

    #[test]
    fn what_cannot_be_swept_stops_no_run() {
        let base = tempfile::tempdir().unwrap();
        let [bad, dead] = ["build-a", "build-b"].map(|name| base.path().join(name));
        // No lock can be had on a directory.
        fs::create_dir_all(bad.join(LOCK_NAME)).unwrap();
        fs::create_dir(&dead).unwrap();
        let work = WorkDir::create(base.path(), "build").unwrap();
        assert!(work.path().exists() && bad.exists() && !dead.exists());
    }

    #[test]
    fn publishing_over_a_finished_tree_reports_the_loser() {
        let base = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            fs::create_dir(base.path().join(name)).unwrap();
            fs::write(base.path().join(name).join("file"), name).unwrap();
        }
        let to = base.path().join("out/final");
        assert!(publish_dir(&base.path().join("a"), &to).unwrap());
        assert!(!publish_dir(&base.path().join("b"), &to).unwrap());
        assert_eq!(fs::read_to_string(to.join("file")).unwrap(), "a");
    }
}
