//! The owner of the directories that a sandbox may write to. If root runs the tool, the program
//! inside is a subordinate user, who owns these directories during the run. So no file that the
//! program creates on the host ever belongs to root. An ordinary user's program runs as that user.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Dir, Gid, Mode, OFlags, Uid, chownat, fchown, fstat, openat, statat,
};
use rustix::io::Errno;

/// The user that root's sandboxes have, unless `/etc/subuid` gives root others: in the range that
/// `systemd` leaves to containers (524288 to 1879048191), where no account is.
const SUBORDINATE: u32 = 0x3500_0000;

/// The subordinate user and group, if this process is root and others than itself exist. In a
/// namespace where root is the only user, files of root are those of the user who made it.
pub(super) fn subordinate() -> Option<[u32; 2]> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let read = |path: &str| fs_err::read_to_string(path).unwrap_or_default();
    let user = choose(&read("/proc/self/uid_map"), &read("/etc/subuid"))?;
    let group = choose(&read("/proc/self/gid_map"), &read("/etc/subgid"))?;
    Some([user, group])
}

/// An id that exists: the first that root was given, else the fixed one, else the last there is.
fn choose(map: &str, given: &str) -> Option<u32> {
    let numbers = |line: &str| -> Option<[u64; 2]> {
        let mut fields = line.split_whitespace().map(str::parse);
        let (first, _, count) = (fields.next()?.ok()?, fields.next()?, fields.next()?.ok()?);
        Some([first, count])
    };
    let extents: Vec<[u64; 2]> = map.lines().filter_map(numbers).collect();
    let exists =
        |id: u64| extents.iter().any(|[first, count]| (*first..first + count).contains(&id));
    let given = given.lines().filter_map(|line| line.strip_prefix("root:")?.split(':').next());
    let given = given.filter_map(|first| first.parse().ok());
    let last = extents.iter().map(|[first, count]| first + count - 1).max();
    let chosen = given.chain([u64::from(SUBORDINATE)]).find(|id| *id != 0 && exists(*id)).or(last);
    // Of all ids there can be, the last stands for none.
    chosen.and_then(|id| u32::try_from(id).ok()).filter(|id| *id != 0 && *id != u32::MAX)
}

/// Gives a tree, or a file, to `owner`. No link is followed, and no depth is too deep. The kernel
/// takes set-user-id, set-group-id and file capabilities away with the owner.
pub(super) fn give(path: &Path, owner: [u32; 2]) -> io::Result<()> {
    let [user, group] = [owner[0], owner[1]];
    let owner = (Uid::from_raw(user), Gid::from_raw(group));
    give_to(path, owner).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("cannot change the owner of `{}`: {error}", path.display()),
        )
    })
}

/// A directory that is being walked through, while one below it is.
struct Level {
    identity: (u64, u64),
    left: Vec<CString>,
}

fn give_to(path: &Path, owner: (Uid, Gid)) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut open = match openat(CWD, path, flags, Mode::empty()) {
        Ok(open) => open,
        Err(Errno::NOTDIR | Errno::LOOP) => {
            let stay = AtFlags::SYMLINK_NOFOLLOW;
            return Ok(chownat(CWD, path, Some(owner.0), Some(owner.1), stay)?);
        }
        Err(error) => return Err(error.into()),
    };
    let device = fstat(&open)?.st_dev;
    let mut left = give_entries(&open, owner, device)?;
    let mut above: Vec<Level> = Vec::new();
    loop {
        if let Some(name) = left.pop() {
            let below = openat(&open, name.as_c_str(), flags, Mode::empty())?;
            let inside = give_entries(&below, owner, device)?;
            above.push(Level { identity: identity(&open)?, left });
            (open, left) = (below, inside);
        } else if let Some(level) = above.pop() {
            let up = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let parent = openat(&open, c"..", up, Mode::empty())?;
            if identity(&parent)? != level.identity {
                return Err(Errno::STALE.into()); // moved meanwhile: what is above is not ours
            }
            (open, left) = (parent, level.left);
        } else {
            return Ok(());
        }
    }
}

/// Gives a directory with all that is in it, and returns the names of the directories in it. What
/// is mounted in it is not of the tree.
fn give_entries(dir: &OwnedFd, owner: (Uid, Gid), device: u64) -> io::Result<Vec<CString>> {
    let mut directories = Vec::new();
    for entry in Dir::read_from(dir)?.collect::<rustix::io::Result<Vec<_>>>()? {
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let stat = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if stat.st_dev != device {
            continue;
        }
        if rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir() {
            directories.push(name.to_owned());
        } else if (stat.st_uid, stat.st_gid) != (owner.0.as_raw(), owner.1.as_raw()) {
            chownat(dir, name, Some(owner.0), Some(owner.1), AtFlags::SYMLINK_NOFOLLOW)?;
        }
    }
    fchown(dir.as_fd(), Some(owner.0), Some(owner.1))?;
    Ok(directories)
}

fn identity(dir: &OwnedFd) -> rustix::io::Result<(u64, u64)> {
    let stat = fstat(dir)?;
    Ok((stat.st_dev, stat.st_ino))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::*;

    #[test]
    fn a_subordinate_user_is_one_that_exists() {
        let all = "         0          0 4294967295\n";
        let rootless = "0 1000 1\n1 100000 65536\n";
        for (map, given, expected) in [
            (all, "", Some(SUBORDINATE)),
            (all, "build:100000:65536\nroot:200000:65536\n", Some(200_000)),
            (all, "root:many:1\n", Some(SUBORDINATE)),
            (rootless, "root:200000:65536\n", Some(65536)),
            ("0 1000 1\n", "root:200000:65536\n", None),
            ("", "", None),
            ("0 1000\n", "", None),
        ] {
            assert_eq!(choose(map, given), expected, "{map} {given}");
        }
    }

    #[test]
    fn a_tree_is_given_without_what_its_links_lead_to() {
        if !rustix::process::geteuid().is_root() {
            return; // nobody else can give files away
        }
        let base = tempfile::tempdir().unwrap();
        let (outside, tree) = (base.path().join("outside"), base.path().join("tree"));
        fs_err::create_dir_all(tree.join("a/b")).unwrap();
        fs_err::write(tree.join("a/b/file"), "").unwrap();
        fs_err::write(&outside, "").unwrap();
        symlink(&outside, tree.join("a/link")).unwrap();
        symlink(base.path(), tree.join("above")).unwrap();
        give(&tree, [7, 8]).unwrap();
        let owner = |path: &Path| {
            let it = path.symlink_metadata().unwrap();
            [it.uid(), it.gid()]
        };
        for path in ["", "a", "a/b", "a/b/file", "a/link", "above"] {
            assert_eq!(owner(&tree.join(path)), [7, 8], "{path}");
        }
        assert_eq!(owner(&outside), [0, 0]);
        assert_eq!(owner(base.path()), [0, 0]);
        // In the place of the tree itself.
        symlink(&outside, base.path().join("planted")).unwrap();
        give(&base.path().join("planted"), [7, 8]).unwrap();
        assert_eq!(owner(&outside), [0, 0]);
    }
}
