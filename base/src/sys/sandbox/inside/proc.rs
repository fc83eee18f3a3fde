//! `/proc` of the sandbox: the processes are the kernel's own; every other file is constant or
//! empty. The constants are files below the root's `/proc`. Here the kernel's file system is
//! mounted over them, and they are then bound over its files.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::CWD;
use rustix::mount::{
    MountFlags, MoveMountFlags, OpenTreeFlags, mount, mount_bind_recursive, mount_remount,
    move_mount, open_tree,
};

use super::super::pinned::{EMPTY, KEPT, RANDOM};
use super::super::plan::Plan;
use super::{At as _, Result};
use crate::sys::files::sorted_entries;

const FLAGS: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV).union(MountFlags::NOEXEC);

/// Makes it at `proc`.
pub(super) fn make(proc: &Path, plan: &Plan) -> Result<()> {
    let constants: BTreeSet<&str> = plan.constants().collect();
    let files = constants.iter().map(|name| Ok((*name, detached(&proc.join(name))?)));
    let files = files.collect::<io::Result<Vec<_>>>();
    let files = files.at("opening the constants of `/proc`")?;
    let detached_empty = detached(&proc.join(EMPTY)).at("opening an empty file")?;
    // Only while the host's is still there: the kernel compares what both hide.
    mount("proc", proc, "proc", FLAGS, None).needed_at("mounting `/proc`")?;
    let random = detached(&proc.join(RANDOM)).at(format!("opening `/proc/{RANDOM}`"))?;
    for (name, file) in &files {
        // A kernel that was made without something has nothing there, and no constant of it.
        if proc.join(name).symlink_metadata().is_ok() {
            cover(&proc.join(name), file).at(format!("pinning `/proc/{name}`"))?;
        }
    }
    cover(&proc.join(RANDOM), &random).at(format!("showing `/proc/{RANDOM}`"))?;
    let entries = sorted_entries(proc).at("reading `/proc`")?;
    let mut empty = Empty::Detached(detached_empty);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let process = name.starts_with(|first: char| first.is_ascii_digit());
        let known = constants.contains(name.as_str()) || KEPT.contains(&name.as_str());
        if !process && !known {
            hide(&entry.path(), &mut empty).at(format!("hiding `/proc/{name}`"))?;
        }
    }
    Ok(())
}

/// A mount of a file or directory, taken off its place.
fn detached(path: &Path) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    Ok(open_tree(CWD, path, flags)?)
}

/// Lays a mount over a file, a directory or a link, to be read only.
fn cover(path: &Path, with: &OwnedFd) -> io::Result<()> {
    move_mount(with, "", CWD, path, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
    Ok(mount_remount(path, FLAGS | MountFlags::BIND | MountFlags::RDONLY, c"")?)
}

/// Covers a file with an empty one, a directory with an empty one.
fn hide(path: &Path, empty: &mut Empty) -> io::Result<()> {
    let Ok(metadata) = path.symlink_metadata() else {
        return Ok(());
    };
    if metadata.is_dir() {
        return Ok(mount("tmpfs", path, "tmpfs", FLAGS | MountFlags::RDONLY, c"mode=555")?);
    }
    if let Empty::At(place) = empty {
        mount_bind_recursive(&*place, path)?;
        return Ok(mount_remount(path, FLAGS | MountFlags::BIND | MountFlags::RDONLY, c"")?);
    }
    if let Empty::Detached(file) = std::mem::replace(empty, Empty::At(path.to_owned())) {
        cover(path, &file)?;
    }
    Ok(())
}

/// The empty file: it can be moved once, and from there it is bound. A device like `/dev/null`
/// would take what is written to it.
enum Empty {
    Detached(OwnedFd),
    At(PathBuf),
}
