//! Which mounts a sandbox consists of. The root is put together from its top-level entries, bound
//! read-only into an empty directory, so that a path such as `/opt/x` or `/nix/store/x` can be made
//! beside them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hakoniwa::{Container, MountOptions};
use rustix::fs::{Access, StatVfsMountFlags};

use super::surroundings::ETC;
use super::{Mount, NSSWITCH, RootFs, Sandbox, Surroundings};
use crate::sys::files::sorted_entries;
use crate::vocabulary::Problem;

/// Top-level directories that the sandbox makes itself or leaves empty, whatever the root has
/// there.
const OWN: [&str; 15] = [
    "boot", "build", "dev", "home", "media", "mnt", "nix", "opt", "proc", "root", "run", "srv",
    "sys", "tmp", "var",
];

/// What of them exists as an empty directory, as programs expect it to.
const EMPTY: [&str; 7] = ["home", "mnt", "opt", "root", "run", "srv", "var"];

/// The machine's directories that are its root file system, as far as a program needs it to start.
const HOST_ROOT: [&str; 7] = ["bin", "lib", "lib32", "lib64", "libx32", "sbin", "usr"];

/// What of the machine's `/etc` is shown: how the linker finds libraries, Debian's alternatives,
/// certificates. Not accounts, host names, or settings of services.
const HOST_ETC: [&str; 10] = [
    "alternatives",
    "ca-certificates",
    "crypto-policies",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "pki",
    "protocols",
    "services",
    "ssl",
];

/// Adds every mount of the sandbox to the container.
pub(super) fn mount_all(container: &mut Container, sandbox: &Sandbox) -> Result<(), Problem> {
    let submounts = host_mounts();
    let mut bound = Vec::new();
    match &sandbox.root {
        RootFs::Dir(root) => bind_root(container, root, &submounts, &mut bound)?,
        RootFs::Host => bind_host(container, &sandbox.surroundings, &submounts, &mut bound)?,
    }
    for name in EMPTY {
        let path = format!("/{name}");
        if !sandbox.mounts.contains_key(&path) {
            container.dir(&path, 0o755);
        }
    }
    container
        .procfsmount("/proc")
        .devfsmount("/dev")
        .tmpfsmount("/dev/shm")
        .tmpfsmount("/tmp")
        .tmpfsmount("/var/tmp");
    for (inside, mount) in &sandbox.mounts {
        check_target(inside, &bound)?;
        check_way(inside, &sandbox.mounts)?;
        match mount {
            Mount::Tmpfs => {
                container.tmpfsmount(inside);
            }
            Mount::ReadWrite(host) => {
                bind(container, host, inside, MountOptions::empty())?;
            }
            Mount::ReadOnly(host) => bind_read_only(container, host, inside, &submounts)?,
        }
    }
    Ok(())
}

/// Whether the root has the programs that bring the loopback interface up: `iproute2` and
/// `util-linux`, which a root of another making may lack.
pub(super) fn has_loopback_tools(root: &RootFs) -> bool {
    has(root, "ip") && has(root, "unshare")
}

/// Whether the root has a program.
pub(super) fn has(root: &RootFs, program: &str) -> bool {
    let root = match root {
        RootFs::Dir(root) => root.as_path(),
        RootFs::Host => Path::new("/"),
    };
    let directories = ["usr/bin", "usr/sbin", "sbin", "bin"];
    directories.into_iter().any(|directory| root.join(directory).join(program).exists())
}

fn bind_root(
    container: &mut Container,
    root: &Path,
    submounts: &[PathBuf],
    bound: &mut Vec<(String, PathBuf)>,
) -> Result<(), Problem> {
    let unreadable =
        |error| Problem::new(format!("cannot use `{}` as a root", root.display())).cause(error);
    for entry in sorted_entries(root).map_err(unreadable)? {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !OWN.contains(&name.as_str()) {
            bind_top(container, &entry.path(), &name, submounts, bound)?;
        }
    }
    Ok(())
}

fn bind_host(
    container: &mut Container,
    surroundings: &Surroundings,
    submounts: &[PathBuf],
    bound: &mut Vec<(String, PathBuf)>,
) -> Result<(), Problem> {
    for name in HOST_ROOT {
        let path = Path::new("/").join(name);
        if path.symlink_metadata().is_ok() {
            bind_top(container, &path, name, submounts, bound)?;
        }
    }
    for name in HOST_ETC {
        let path = Path::new("/etc").join(name);
        if path.exists() {
            bind_read_only(container, &path, &format!("/etc/{name}"), submounts)?;
        }
    }
    container.dir("/etc", 0o755).file("/etc/nsswitch.conf", NSSWITCH);
    for name in ETC {
        container.file(&format!("/etc/{name}"), &surroundings.etc(name));
    }
    Ok(())
}

fn bind_top(
    container: &mut Container,
    path: &Path,
    name: &str,
    submounts: &[PathBuf],
    bound: &mut Vec<(String, PathBuf)>,
) -> Result<(), Problem> {
    let inside = format!("/{name}");
    if let Ok(target) = path.read_link() {
        container.symlink(&target.to_string_lossy(), &inside);
        return Ok(());
    }
    bind_read_only(container, path, &inside, submounts)?;
    bound.push((inside, path.to_owned()));
    Ok(())
}

/// A mount point below a part of the root must exist in it, for the root is not ours to change.
fn check_target(inside: &str, bound: &[(String, PathBuf)]) -> Result<(), Problem> {
    let plain = Path::new(inside).is_absolute()
        && !inside.ends_with('/')
        && !inside.split('/').any(|part| part == ".." || part == ".");
    if !plain {
        return Err(Problem::usage(format!(
            "`{inside}` is no absolute path to bind at in the sandbox"
        )));
    }
    for (top, host) in bound {
        if let Ok(rest) = Path::new(inside).strip_prefix(top)
            && !host.join(rest).exists()
        {
            return Err(Problem::usage(format!(
                "cannot bind at `{inside}`: the sandbox's root has no such path"
            ))
            .hint(format!(
                "`{top}` is a read-only part of the root; use a path outside of it, such as `/opt`"
            )));
        }
    }
    Ok(())
}

/// A mount point below what is bound for writing is made there, on the host. What ran in it before
/// can have left a link, through which it would be made elsewhere, or a pipe, which would never be
/// opened.
fn check_way(inside: &str, mounts: &BTreeMap<String, Mount>) -> Result<(), Problem> {
    let rest_below = |above: &str| {
        let rest = Path::new(inside).strip_prefix(above).ok()?;
        (!rest.as_os_str().is_empty()).then_some(rest)
    };
    // Of all that are above it, the nearest sorts last.
    let nearest = mounts.iter().rev().find_map(|(above, mount)| Some((mount, rest_below(above)?)));
    let Some((Mount::ReadWrite(host), rest)) = nearest else {
        return Ok(());
    };
    for ancestor in rest.ancestors().filter(|it| !it.as_os_str().is_empty()) {
        let place = host.join(ancestor);
        let fits = |it: std::fs::Metadata| it.is_dir() || it.is_file();
        if std::fs::symlink_metadata(&place).is_ok_and(|it| !fits(it)) {
            return Err(Problem::new(format!("cannot bind at `{inside}` in the sandbox"))
                .fact("because", format!("`{}` is no file or directory", place.display()))
                .hint("what ran there has put something else in its place; remove that"));
        }
    }
    Ok(())
}

/// Binds a path with all that is mounted below it. The kernel makes only the topmost mount of a
/// recursive bind read-only, so those below it get one of their own.
fn bind_read_only(
    container: &mut Container,
    host: &Path,
    inside: &str,
    submounts: &[PathBuf],
) -> Result<(), Problem> {
    let host = bind(container, host, inside, MountOptions::RDONLY)?;
    for mount in submounts {
        let Ok(rest) = mount.strip_prefix(&host) else {
            continue;
        };
        let writable = rustix::fs::access(mount, Access::WRITE_OK).is_ok();
        if !rest.as_os_str().is_empty() && (mount.is_dir() || writable) {
            let inside = format!("{inside}/{}", rest.to_string_lossy());
            bind(container, mount, &inside, MountOptions::RDONLY)?;
        }
    }
    Ok(())
}

fn bind(
    container: &mut Container,
    host: &Path,
    inside: &str,
    options: MountOptions,
) -> Result<PathBuf, Problem> {
    let problem =
        || Problem::new(format!("cannot bind `{}` at `{inside}` in the sandbox", host.display()));
    let path = fs_err::canonicalize(host).map_err(|error| problem().cause(error))?;
    let flags = rustix::fs::statvfs(&path).map_err(|error| problem().cause(error))?;
    let source = path.to_str().ok_or_else(|| {
        problem().hint("the path is not UTF-8; move the project or its cache to one that is")
    })?;
    let options = options | MountOptions::BIND | MountOptions::REC | MountOptions::NOSUID;
    container.mount(source, inside, "", options | locked(flags.f_flag), None);
    Ok(path)
}

/// Flags of the source's mount that the kernel does not let a user namespace drop. Without them the
/// remount that makes a bind read-only is refused, as on a `/tmp` that is mounted `nodev`.
fn locked(flags: StatVfsMountFlags) -> MountOptions {
    let pairs = [
        (StatVfsMountFlags::RDONLY, MountOptions::RDONLY),
        (StatVfsMountFlags::NODEV, MountOptions::NODEV),
        (StatVfsMountFlags::NOEXEC, MountOptions::NOEXEC),
    ];
    let locked = pairs.into_iter().filter(|(flag, _)| flags.contains(*flag));
    locked.fold(MountOptions::empty(), |all, (_, option)| all | option)
}

/// Every mount point of the host, from `/proc/self/mountinfo` (`proc_pid_mountinfo(5)`: the fifth
/// field, with blanks written as octal escapes).
fn host_mounts() -> Vec<PathBuf> {
    let table = fs_err::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let points = table.lines().filter_map(|line| line.split(' ').nth(4));
    let mut points: Vec<PathBuf> = points
        .map(|point| {
            let plain = point.replace("\\040", " ").replace("\\011", "\t");
            PathBuf::from(plain.replace("\\012", "\n").replace("\\134", "\\"))
        })
        .collect();
    points.sort();
    points.dedup();
    points
}
