//! The mounts of a sandbox. Its root is an empty directory in which the top-level entries of the
//! given root are bound read-only, so that a path such as `/opt/x` or `/nix/store/x` can be added
//! beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::plan::{Entry, Kind, Owners};
use super::surroundings::ETC;
use super::{Mount, NSSWITCH, RootFs, Sandbox, Surroundings, pinned};
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

/// The directories of the machine's root file system that a program needs to start.
const HOST_ROOT: [&str; 7] = ["bin", "lib", "lib32", "lib64", "libx32", "sbin", "usr"];

/// The parts of the machine's `/etc` that are visible: the linker's configuration, Debian's
/// alternatives, names of ports, CA certificates. Accounts, host names, private keys and settings
/// of services are not.
const HOST_ETC: [&str; 14] = [
    "alternatives",
    "crypto-policies",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "pki/ca-trust/extracted",
    "pki/tls/cert.pem",
    "pki/tls/certs",
    "pki/tls/openssl.cnf",
    "protocols",
    "services",
    "ssl/cert.pem",
    "ssl/certs",
    "ssl/openssl.cnf",
];

/// The parts of the sandbox's root, in the order in which they are made.
pub(super) fn entries(sandbox: &Sandbox) -> Result<Vec<Entry>, Problem> {
    let mut root = match &sandbox.root {
        RootFs::Dir(root) => of_directory(root)?,
        RootFs::Host => of_host(&sandbox.surroundings)?,
    };
    root.extend(EMPTY.map(|name| entry(&format!("/{name}"), Kind::Directory)));
    root.push(entry("/proc", Kind::Directory));
    root.extend(constants(sandbox));
    root.push(entry("/dev", Kind::Devices));
    root.extend(["/dev/shm", "/tmp", "/var/tmp"].map(|path| entry(path, Kind::Tmpfs)));
    let bound: Vec<(String, PathBuf)> = root
        .iter()
        .filter_map(|it| match &it.kind {
            Kind::Bind { source, .. } => Some((it.inside.clone(), PathBuf::from(source))),
            _ => None,
        })
        .collect();
    // A path has one mount, and the one that was asked for wins.
    root.retain(|it| !sandbox.mounts.contains_key(&it.inside));
    for (inside, mount) in &sandbox.mounts {
        if let Mount::Text(text) = mount {
            root.extend(again(inside, &bound)?);
            root.push(entry(inside, Kind::File { text: text.clone() }));
            continue;
        }
        check_target(inside, &bound)?;
        check_way(inside, &sandbox.mounts)?;
        root.push(match mount {
            Mount::Tmpfs => entry(inside, Kind::Tmpfs),
            Mount::ReadOnly(host) => bind(host, inside, false, Owners::Shown)?,
            Mount::ReadWrite(host) => bind(host, inside, true, Owners::Lent)?,
            Mount::Shared(host) => bind(host, inside, true, Owners::Shown)?,
            Mount::Text(_) => unreachable!("it was made above"),
        });
    }
    Ok(root)
}

/// What covers the kernel's own files of `/proc`, with the directories that it is in.
fn constants(sandbox: &Sandbox) -> Vec<Entry> {
    let mut made = BTreeSet::new();
    let mut entries = Vec::new();
    for (name, text) in pinned::files(&sandbox.surroundings.machine()) {
        let path = format!("/proc/{name}");
        for (end, _) in path.match_indices('/').skip(2) {
            if made.insert(path[..end].to_owned()) {
                entries.push(entry(&path[..end], Kind::Directory));
            }
        }
        entries.push(entry(&path, Kind::File { text }));
    }
    entries
}

/// The directory of a file to be added to a part of the root: a directory in memory with that file
/// and all entries of the root's own.
fn again(inside: &str, bound: &[(String, PathBuf)]) -> Result<Vec<Entry>, Problem> {
    let (directory, name) = inside.rsplit_once('/').unwrap_or_default();
    let own = bound
        .iter()
        .find_map(|(top, host)| Some(host.join(Path::new(directory).strip_prefix(top).ok()?)));
    let Some(own) = own.filter(|own| own.is_dir()) else {
        return Ok(vec![entry(directory, Kind::Directory)]);
    };
    let unreadable = |error| Problem::new(format!("cannot read `{}`", own.display())).cause(error);
    let mut entries = vec![entry(directory, Kind::Again)];
    for file in sorted_entries(&own).map_err(unreadable)? {
        let own_name = file.file_name().to_string_lossy().into_owned();
        if own_name != name {
            let path = format!("{directory}/{own_name}");
            entries.push(match file.path().read_link() {
                Ok(target) => {
                    entry(&path, Kind::Symlink { target: target.to_string_lossy().into_owned() })
                }
                Err(_) => bind(&file.path(), &path, false, Owners::Shown)?,
            });
        }
    }
    Ok(entries)
}

/// The directories that are lent to the program's user.
pub(super) fn lent(entries: &[Entry]) -> impl Iterator<Item = &Path> {
    entries.iter().filter_map(|it| match &it.kind {
        Kind::Bind { source, owners: Owners::Lent, .. } => Some(Path::new(source)),
        _ => None,
    })
}

fn entry(inside: &str, kind: Kind) -> Entry {
    Entry { inside: inside.to_owned(), kind }
}

fn of_directory(root: &Path) -> Result<Vec<Entry>, Problem> {
    let unreadable =
        |error| Problem::new(format!("cannot use `{}` as a root", root.display())).cause(error);
    let mut found = Vec::new();
    for file in sorted_entries(root).map_err(unreadable)? {
        let name = file.file_name().to_string_lossy().into_owned();
        if !OWN.contains(&name.as_str()) {
            found.push(top(&file.path(), &name, Owners::Shown)?);
        }
    }
    Ok(found)
}

fn of_host(surroundings: &Surroundings) -> Result<Vec<Entry>, Problem> {
    let mut found = Vec::new();
    for name in HOST_ROOT {
        let path = Path::new("/").join(name);
        if path.symlink_metadata().is_ok() {
            found.push(top(&path, name, Owners::Kept)?);
        }
    }
    found.push(entry("/etc", Kind::Directory));
    for name in HOST_ETC {
        let path = Path::new("/etc").join(name);
        if path.exists() {
            found.push(bind(&path, &format!("/etc/{name}"), false, Owners::Kept)?);
        }
    }
    found.push(entry("/etc/nsswitch.conf", Kind::File { text: NSSWITCH.to_owned() }));
    found.extend(
        ETC.map(|name| entry(&format!("/etc/{name}"), Kind::File { text: surroundings.etc(name) })),
    );
    Ok(found)
}

fn top(path: &Path, name: &str, owners: Owners) -> Result<Entry, Problem> {
    let inside = format!("/{name}");
    match path.read_link() {
        Ok(target) => {
            Ok(entry(&inside, Kind::Symlink { target: target.to_string_lossy().into_owned() }))
        }
        Err(_) => bind(path, &inside, false, owners),
    }
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

fn bind(host: &Path, inside: &str, writable: bool, owners: Owners) -> Result<Entry, Problem> {
    let problem =
        || Problem::new(format!("cannot bind `{}` at `{inside}` in the sandbox", host.display()));
    let path = fs_err::canonicalize(host).map_err(|error| problem().cause(error))?;
    let source = path.to_str().ok_or_else(|| {
        problem().hint("the path is not UTF-8; move the project or its cache to one that is")
    })?;
    Ok(entry(inside, Kind::Bind { source: source.to_owned(), writable, owners }))
}
