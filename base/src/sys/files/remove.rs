//! Removes trees that foreign code may have made. It follows no link, and neither depth nor modes
//! can stop it.
//!
//! Not `std::fs::remove_dir_all`: it recurses and holds a descriptor for each level, so deeply
//! nested directories exhaust the descriptors or the stack, and could never be removed.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use fs_err as fs;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};
use rustix::fs::{fchmod, fstat, openat, statat, unlinkat};
use rustix::io::Errno;
use rustix::path::Arg;

use super::sorted_entries;

/// Removes the files of a tree that have at least `bytes`, and leaves the rest. A link in the place
/// of the tree is left too: who wrote in the tree could have put it there.
pub fn remove_large(path: &Path, bytes: u64) -> io::Result<()> {
    let mut ahead = vec![path.to_owned()];
    while let Some(path) = ahead.pop() {
        let metadata = fs::symlink_metadata(&path)?;
        if metadata.is_dir() {
            ahead.extend(sorted_entries(&path)?.iter().map(fs::DirEntry::path));
        } else if metadata.is_file() && metadata.len() >= bytes {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Removes what is at a path, if anything is: a tree, even if its directories were made read-only
/// (as wheels and caches are), a file, or a link.
pub fn remove_tree(path: &Path) -> io::Result<()> {
    remove(path).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot remove `{}`: {error}", path.display()))
    })
}

/// A directory that is being emptied, while one below it is.
struct Level {
    identity: (u64, u64),
    /// The directories in it that are still there.
    left: Vec<CString>,
    /// The name of the one below that is being emptied.
    name: CString,
}

fn remove(path: &Path) -> io::Result<()> {
    let mut open = match directory(CWD, path) {
        Ok(open) => open,
        Err(Errno::NOENT) => return Ok(()),
        Err(Errno::NOTDIR | Errno::LOOP) => return unlink(CWD, path, AtFlags::empty()),
        Err(error) => return Err(error.into()),
    };
    let mut left = without_files(&open)?;
    let mut above: Vec<Level> = Vec::new();
    loop {
        if let Some(name) = left.pop() {
            let below = match directory(&open, name.as_c_str()) {
                Ok(below) => below,
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(error.into()),
            };
            let inside = without_files(&below)?;
            above.push(Level { identity: identity(&open)?, left, name });
            (open, left) = (below, inside);
        } else if let Some(level) = above.pop() {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let parent = openat(&open, c"..", flags, Mode::empty())?;
            if identity(&parent)? != level.identity {
                // It was moved meanwhile: what is above it now is not ours to remove.
                return Err(Errno::STALE.into());
            }
            unlink(&parent, level.name.as_c_str(), AtFlags::REMOVEDIR)?;
            (open, left) = (parent, level.left);
        } else {
            return unlink(CWD, path, AtFlags::REMOVEDIR);
        }
    }
}

/// Opens a directory, which becomes one whose owner may empty it.
fn directory(at: impl AsFd, name: impl Arg + Copy) -> rustix::io::Result<OwnedFd> {
    let at = at.as_fd();
    let plain = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = match openat(at, name, plain | OFlags::RDONLY, Mode::empty()) {
        Err(Errno::ACCESS) => {
            // A directory's mode is changed by its descriptor, never by a name that could be a
            // link by now; one that may not be read has no other descriptor than this.
            let found = openat(at, name, plain | OFlags::PATH, Mode::empty())?;
            let path = format!("/proc/self/fd/{}", found.as_raw_fd());
            let _ = fs::set_permissions(path, std::fs::Permissions::from_mode(0o700));
            openat(at, name, plain | OFlags::RDONLY, Mode::empty())?
        }
        open => open?,
    };
    if Mode::from_raw_mode(fstat(&open)?.st_mode) & Mode::RWXU != Mode::RWXU {
        // If that is refused, so is the removal, which says so.
        let _ = fchmod(&open, Mode::RWXU);
    }
    Ok(open)
}

/// Removes all that is in a directory, but the directories, whose names are returned.
fn without_files(dir: &OwnedFd) -> io::Result<Vec<CString>> {
    let entries = Dir::read_from(dir)?.collect::<rustix::io::Result<Vec<_>>>()?;
    let mut directories = Vec::new();
    for entry in &entries {
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        if is_directory(dir, name, entry.file_type())? {
            directories.push(name.to_owned());
        } else {
            unlink(dir, name, AtFlags::empty())?;
        }
    }
    Ok(directories)
}

/// Not every file system reports the kind of an entry in a listing.
fn is_directory(dir: &OwnedFd, name: &CStr, listed: FileType) -> io::Result<bool> {
    if listed != FileType::Unknown {
        return Ok(listed == FileType::Directory);
    }
    match statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(FileType::from_raw_mode(stat.st_mode) == FileType::Directory),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Another process may remove the same: what is gone is removed.
fn unlink(at: impl AsFd, name: impl Arg, flags: AtFlags) -> io::Result<()> {
    match unlinkat(at, name, flags) {
        Err(Errno::NOENT) => Ok(()),
        done => Ok(done?),
    }
}

fn identity(dir: &OwnedFd) -> rustix::io::Result<(u64, u64)> {
    let stat = fstat(dir)?;
    Ok((stat.st_dev, stat.st_ino))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_large_is_removed_and_links_are_not_followed() {
        let base = tempfile::tempdir().unwrap();
        let (outside, tree) = (base.path().join("outside"), base.path().join("tree"));
        fs::create_dir_all(tree.join("deep")).unwrap();
        for path in [&outside, &tree.join("deep/large"), &tree.join("deep/small")] {
            fs::write(path, [0; 10]).unwrap();
        }
        fs::write(tree.join("deep/small"), [0; 9]).unwrap();
        symlink(&outside, tree.join("link")).unwrap();
        symlink(&tree, tree.join("deep/circle")).unwrap();
        // In the place of the tree itself.
        symlink(&tree, base.path().join("planted")).unwrap();
        remove_large(&base.path().join("planted"), 10).unwrap();
        let left = |path: &str| tree.join(path).symlink_metadata().is_ok();
        assert!(left("deep/large"));
        remove_large(&tree, 10).unwrap();
        assert!(left("deep/small") && left("link") && outside.exists());
        assert!(!left("deep/large"));
    }

    #[test]
    fn links_are_removed_and_what_they_lead_to_is_not() {
        let base = tempfile::tempdir().unwrap();
        let (outside, tree) = (base.path().join("outside"), base.path().join("tree"));
        fs::create_dir_all(outside.join("deep")).unwrap();
        fs::write(outside.join("file"), "").unwrap();
        for planted in [tree.join("a/link"), tree.clone()] {
            fs::create_dir_all(planted.parent().unwrap()).unwrap();
            symlink(&outside, planted).unwrap();
            remove_tree(&tree).unwrap();
            assert!(tree.symlink_metadata().is_err());
            assert!(outside.join("deep").is_dir() && outside.join("file").is_file());
        }
        remove_tree(&outside.join("file")).unwrap();
        assert!(!outside.join("file").exists());
        remove_tree(&tree).unwrap();
    }

    #[test]
    fn no_mode_keeps_a_directory() {
        let base = tempfile::tempdir().unwrap();
        let tree = base.path().join("tree");
        for mode in [0o000, 0o111, 0o400, 0o555] {
            let deep = tree.join("middle/deep");
            fs::create_dir_all(&deep).unwrap();
            fs::write(deep.join("file"), "").unwrap();
            for path in [deep.as_path(), deep.parent().unwrap(), &tree] {
                fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
            }
            remove_tree(&tree).unwrap();
            assert!(!tree.exists(), "{mode:o}");
        }
    }

    /// Deeper than paths, descriptors and stacks reach, as `mkdir` and `chdir` make it.
    #[test]
    fn no_depth_keeps_a_tree() {
        const LEVELS: usize = 25_000;
        // In memory: some disks take minutes for so many directories.
        let base = tempfile::tempdir_in("/dev/shm").unwrap();
        let tree = base.path().join("tree");
        fs::create_dir(&tree).unwrap();
        let mut open = directory(CWD, tree.as_path()).unwrap();
        for _ in 0..LEVELS {
            rustix::fs::mkdirat(&open, c"d", Mode::RWXU).unwrap();
            open = directory(&open, c"d").unwrap();
        }
        remove_tree(&tree).unwrap();
        assert!(!tree.exists());
    }
}
