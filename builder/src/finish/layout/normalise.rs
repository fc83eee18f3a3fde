//! Normalises an output: its modes, times and lock files do not depend on the umask, the clock or
//! the file system. Content is not changed.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use fs_err as fs;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};

use crate::install::output::Output;
use base::sys::files::sorted_entries;
use base::sys::tree::SOURCE_DATE_EPOCH;
use base::vocabulary::Problem;

/// Gives every directory the mode 0755 and every file 0644 or 0755 (if its owner may run it), all
/// of them one time, and removes the lock that uv leaves in a venv. Anything but files, links and
/// directories is an error.
pub fn normalise(output: &Output) -> Result<(), Problem> {
    let lock = output.root.join(".lock");
    if lock.is_file() {
        fs::remove_file(&lock).map_err(|error| problem(&error))?;
    }
    directory(&output.root)
}

fn problem(error: &std::io::Error) -> Problem {
    Problem::new("cannot normalise the output").fact("because", error)
}

fn directory(path: &Path) -> Result<(), Problem> {
    // First, so that it can be read at all.
    fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
        .map_err(|error| problem(&error))?;
    for entry in sorted_entries(path).map_err(|error| problem(&error))? {
        let metadata = entry.metadata().map_err(|error| problem(&error))?;
        let path = entry.path();
        if metadata.is_dir() {
            directory(&path)?;
        } else if metadata.is_file() {
            file(&path, &metadata).map_err(|error| problem(&error))?;
        } else if !metadata.file_type().is_symlink() {
            return Err(Problem::new("cannot normalise the output").fact(
                "because",
                format!("`{}` is neither a file, a link nor a directory", path.display()),
            ));
        } else {
            set_time(&path).map_err(|error| problem(&error))?;
        }
    }
    // Last: all that is done in a directory changes its time.
    set_time(path).map_err(|error| problem(&error))
}

fn file(path: &Path, metadata: &std::fs::Metadata) -> std::io::Result<()> {
    if metadata.nlink() > 1 {
        // Mode and time belong to all names of a file, and the other one may be in uv's cache.
        let copy = tempfile::Builder::new()
            .prefix(".tmp-")
            .tempfile_in(path.parent().unwrap_or(Path::new(".")))?;
        fs::copy(path, copy.path())?;
        copy.persist(path).map_err(|error| error.error)?;
    }
    let mode = if metadata.mode() & 0o100 != 0 { 0o755 } else { 0o644 };
    fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    set_time(path)
}

fn set_time(path: &Path) -> std::io::Result<()> {
    let time = Timespec { tv_sec: SOURCE_DATE_EPOCH, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(())
}
