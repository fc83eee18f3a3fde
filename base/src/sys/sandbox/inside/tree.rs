//! Builds the root of the sandbox below a directory in memory. It creates nothing on the host's
//! disk, so a killed run leaves nothing there. The only exceptions are mount points below
//! directories that are bound for writing.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::{lchown, symlink};
use std::path::{Path, PathBuf};

use fs_err as fs;
use rustix::fs::CWD;
use rustix::mount::{
    MountFlags, MoveMountFlags, OpenTreeFlags, mount, mount_remount, move_mount, open_tree,
};

use super::super::plan::{Entry, Identity, Kind, Owners, Plan};
use super::{At as _, Result};

/// Where the root is put together: a directory that every machine has. It is covered only in the
/// launcher's own mount namespace.
const PLACES: [&str; 5] = ["/tmp", "/var/tmp", "/run", "/mnt", "/usr"];

/// What `/dev` has of the machine's.
const DEVICES: [&str; 6] = ["full", "null", "random", "tty", "urandom", "zero"];

/// What it has as links.
const DEVICE_LINKS: [(&str, &str); 6] = [
    ("core", "/proc/kcore"),
    ("fd", "/proc/self/fd"),
    ("ptmx", "pts/ptmx"),
    ("stderr", "/proc/self/fd/2"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
];

/// Where the root is being put together.
pub(super) fn place() -> Result<&'static Path> {
    let found = PLACES.iter().map(Path::new).find(|path| path.is_dir());
    found.ok_or(format!("none of {PLACES:?} exists")).needed_at("finding a directory")
}

/// Makes every mount but `/proc`, which only the first process inside can make. `owners` is a user
/// namespace that shows files of the caller as files of the program's user.
pub(super) fn build(plan: &Plan, owners: Option<&OwnedFd>) -> Result<()> {
    let place = place()?;
    // All are opened before the place is covered: they may lie below it.
    let binds = plan.entries.iter().map(|entry| detached(entry, owners));
    let binds = binds.collect::<Result<Vec<_>>>()?;
    let devices = DEVICES.map(|name| Ok((name, opened(Path::new("/dev").join(name).as_path())?)));
    let devices =
        devices.into_iter().collect::<io::Result<Vec<_>>>().needed_at("opening `/dev`")?;

    let maker = Maker { place, owner: plan.identity };
    maker.tmpfs("/", "mode=755").needed_at("mounting the root")?;
    for (entry, bind) in plan.entries.iter().zip(binds) {
        maker.make(entry, bind, &devices).at(format!("making `{}`", entry.inside))?;
    }
    maker.restrict(&plan.entries)
}

/// The mount that an entry needs, if it is a bind.
fn detached(entry: &Entry, owners: Option<&OwnedFd>) -> Result<Option<OwnedFd>> {
    let Kind::Bind { source, writable, owners: wanted } = &entry.kind else {
        return Ok(None);
    };
    let mount = opened(Path::new(source)).at(format!("opening `{source}`"))?;
    if let Some(owners) = owners.filter(|_| *wanted == Owners::Shown) {
        let mapped = kernel::map_owners(mount.as_fd(), owners.as_fd());
        // Where a file system cannot do that, what everybody may read can still be read; but
        // nothing could be written.
        if *writable {
            mapped.at(format!("mapping the owners of files below `{source}`"))?;
        }
    }
    Ok(Some(mount))
}

/// A mount with all below it, taken off its place.
fn opened(path: &Path) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE;
    Ok(open_tree(CWD, path, flags)?)
}

struct Maker {
    place: &'static Path,
    owner: Identity,
}

impl Maker {
    fn at(&self, inside: &str) -> PathBuf {
        self.place.join(inside.trim_start_matches('/'))
    }

    fn make(
        &self,
        entry: &Entry,
        bind: Option<OwnedFd>,
        devices: &[(&str, OwnedFd)],
    ) -> io::Result<()> {
        let path = self.at(&entry.inside);
        match &entry.kind {
            Kind::Directory => self.directory(&path),
            Kind::Symlink { target } => {
                symlink(target, &path)?;
                self.own(&path)
            }
            Kind::File { text } => {
                fs::write(&path, text)?;
                self.own(&path)
            }
            Kind::Tmpfs => {
                self.directory(&path)?;
                self.tmpfs(&entry.inside, "mode=1777")
            }
            Kind::Again => {
                self.directory(&path)?;
                self.tmpfs(&entry.inside, "mode=755")
            }
            Kind::Devices => {
                self.directory(&path)?;
                self.devices(&entry.inside, devices)
            }
            Kind::Bind { .. } => self.attach(&bind.expect("it was opened"), &path),
        }
    }

    /// Mounts a file system in memory.
    fn tmpfs(&self, inside: &str, options: &str) -> io::Result<()> {
        let mut options = options.to_owned();
        if self.owner.subordinate {
            let [user, group] = self.owner.outside;
            options += &format!(",uid={user},gid={group}");
        }
        let options = CString::new(options)?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        Ok(mount("tmpfs", self.at(inside), "tmpfs", flags, options.as_c_str())?)
    }

    /// A directory with all above it.
    fn directory(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.directory(parent)?;
        }
        fs::create_dir(path)?;
        self.own(path)
    }

    fn file(&self, path: &Path) -> io::Result<()> {
        if let Some(parent) = path.parent() {
            self.directory(parent)?;
        }
        if path.symlink_metadata().is_ok() {
            return Ok(());
        }
        fs::File::create_new(path)?;
        self.own(path)
    }

    /// Gives what was made to the program's user; without root it is theirs anyway.
    fn own(&self, path: &Path) -> io::Result<()> {
        let [user, group] = self.owner.outside;
        if self.owner.subordinate { lchown(path, Some(user), Some(group)) } else { Ok(()) }
    }

    fn attach(&self, mount: &OwnedFd, path: &Path) -> io::Result<()> {
        let kind = rustix::fs::FileType::from_raw_mode(rustix::fs::fstat(mount)?.st_mode);
        if kind.is_dir() {
            self.directory(path)?;
        } else {
            self.file(path)?;
        }
        Ok(move_mount(mount, "", CWD, path, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?)
    }

    fn devices(&self, inside: &str, devices: &[(&str, OwnedFd)]) -> io::Result<()> {
        self.tmpfs(inside, "mode=755")?;
        for (name, device) in devices {
            self.attach(device, &self.at(inside).join(name))?;
        }
        for (name, target) in DEVICE_LINKS {
            let path = self.at(inside).join(name);
            symlink(target, &path)?;
            self.own(&path)?;
        }
        self.directory(&self.at(inside).join("shm"))?;
        let terminals = self.at(inside).join("pts");
        self.directory(&terminals)?;
        let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
        let options = c"newinstance,ptmxmode=0666,mode=620";
        Ok(mount("devpts", terminals, "devpts", flags, options)?)
    }

    /// Takes from every mount what it must not have: the kernel makes only the topmost mount of a
    /// bind read-only, and an ordinary user may not drop a flag that the host's mount has.
    fn restrict(&self, entries: &[Entry]) -> Result<()> {
        let table = fs::read_to_string("/proc/self/mountinfo").needed_at("reading mounts")?;
        for Mounted { path, mut flags, .. } in below(self.place, &table) {
            let rest = path.strip_prefix(self.place).expect("it is below");
            let inside = Path::new("/").join(rest);
            flags |= MountFlags::BIND | MountFlags::NOSUID;
            if inside.parent() != Some(Path::new("/dev")) {
                flags |= MountFlags::NODEV;
            }
            if !is_writable(&inside, entries) {
                flags |= MountFlags::RDONLY;
            }
            mount_remount(&path, flags, c"")
                .at(format!("restricting the mount at `{}`", inside.display()))?;
        }
        Ok(())
    }
}

/// Whether a mount may be written to: as the nearest entry at or above it says.
fn is_writable(inside: &Path, entries: &[Entry]) -> bool {
    let above = entries.iter().filter(|entry| inside.starts_with(&entry.inside));
    // `/dev/shm` and `/dev/pts` are of a kind that is written to; `/dev` itself is not.
    if inside.starts_with("/dev/pts") {
        return true;
    }
    match above.max_by_key(|entry| entry.inside.len()).map(|entry| &entry.kind) {
        Some(Kind::Tmpfs) => true,
        Some(Kind::Bind { writable, .. }) => *writable,
        _ => false,
    }
}

/// A line of `/proc/self/mountinfo`.
struct Mounted {
    id: u64,
    parent: u64,
    path: PathBuf,
    flags: MountFlags,
}

/// The topmost mount at a path, and all below it: what a mount has covered is not among them,
/// though it has the same paths.
fn below(path: &Path, table: &str) -> Vec<Mounted> {
    let mut all: Vec<Mounted> = table.lines().filter_map(mounted).collect();
    let top = all.iter().filter(|it| it.path == path).map(|it| it.id).next_back();
    let mut known: BTreeSet<u64> = top.into_iter().collect();
    // A mount is listed after the one that it is in, unless it was moved.
    loop {
        let more = all.iter().filter(|it| known.contains(&it.parent)).map(|it| it.id);
        let more: Vec<u64> = more.filter(|id| !known.contains(id)).collect();
        if more.is_empty() {
            all.retain(|it| known.contains(&it.id));
            return all;
        }
        known.extend(more);
    }
}

/// Reads a line (`proc_pid_mountinfo(5)`): ids of the mount and its parent, then in the fifth field
/// the mount point, with blanks written as octal escapes, and in the sixth its flags.
fn mounted(line: &str) -> Option<Mounted> {
    let mut fields = line.split(' ');
    let (id, parent) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let (path, options) = (fields.nth(2)?, fields.next()?);
    let path = path.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n");
    let flags = options.split(',').map(|option| match option {
        "ro" => MountFlags::RDONLY,
        "nosuid" => MountFlags::NOSUID,
        "nodev" => MountFlags::NODEV,
        "noexec" => MountFlags::NOEXEC,
        "noatime" => MountFlags::NOATIME,
        "nodiratime" => MountFlags::NODIRATIME,
        "relatime" => MountFlags::RELATIME,
        _ => MountFlags::empty(),
    });
    let path = PathBuf::from(path.replace("\\134", "\\"));
    Some(Mounted { id, parent, path, flags: flags.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_mountinfo_is_read() {
        let line = "36 35 98:0 / /tmp/a\\040b\\134 ro,noexec,relatime master:1 - ext3 /dev/root rw";
        let Mounted { id, parent, path, flags } = mounted(line).unwrap();
        assert_eq!((id, parent), (36, 35));
        assert_eq!(path, Path::new("/tmp/a b\\"));
        assert_eq!(flags, MountFlags::RDONLY | MountFlags::NOEXEC | MountFlags::RELATIME);
    }

    #[test]
    fn what_a_mount_covers_is_not_below_it() {
        let table = "1 0 0:1 / / rw - x x rw\n2 1 0:2 / /tmp/a rw - x x rw\n\
            9 8 0:6 / /tmp/usr/lib rw - x x rw\n3 1 0:3 / /tmp rw - x x rw\n\
            8 3 0:4 / /tmp/usr rw - x x rw\n4 1 0:5 / /tmpfs rw - x x rw\n";
        let ids: Vec<u64> = below(Path::new("/tmp"), table).iter().map(|it| it.id).collect();
        assert_eq!(ids, [9, 3, 8]);
    }

    #[test]
    fn the_nearest_entry_decides_what_may_be_written() {
        let bind =
            |writable| Kind::Bind { source: "/x".to_owned(), writable, owners: Owners::Kept };
        let entries = [
            ("/usr", bind(false)),
            ("/dev", Kind::Devices),
            ("/dev/shm", Kind::Tmpfs),
            ("/build", bind(true)),
            ("/build/uv", bind(false)),
        ]
        .map(|(inside, kind)| Entry { inside: inside.to_owned(), kind });
        for (path, expected) in [
            ("/", false),
            ("/usr/share", false),
            ("/dev", false),
            ("/dev/null", false),
            ("/dev/pts", true),
            ("/dev/shm", true),
            ("/build", true),
            ("/build/disk", true),
            ("/build/uv", false),
            ("/builder", false),
        ] {
            assert_eq!(is_writable(Path::new(path), &entries), expected, "{path}");
        }
    }
}
