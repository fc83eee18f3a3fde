//! A root file system from unpacked packages. No maintainer script changes it; what of their work
//! builds rely on is done here, the same way each time: diversions, alternatives, caches that
//! triggers make, accounts, dpkg's database, the linker's cache, bytecode.

mod unpack;
mod scripts;
mod diversions;
mod register;

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use fs_err as fs;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};

use crate::lock::toolchain_lock::SystemPackage;
use base::sys::Host;
use base::sys::files::{remove_tree, sorted_entries};
use base::sys::sandbox::{Finished, Invocation, OutputTo, RootFs, Sandbox, etc_files};
use base::sys::tree::SOURCE_DATE_EPOCH;
use base::vocabulary::Problem;

/// Names that builds call and that no package need have or register: what is there stays.
const LINKS: [(&str, &str); 5] = [
    ("usr/bin/awk", "mawk"),
    ("usr/bin/c++", "g++"),
    ("usr/bin/cc", "gcc"),
    ("usr/bin/pkg-config", "pkgconf"),
    ("usr/bin/sh", "dash"),
];

/// Unpacks the archives into `root`, which does not exist yet, and finishes it. `work` is a
/// directory that does not exist either, and will not afterwards.
pub(super) fn build(
    root: &Path,
    work: &Path,
    archives: &[(&SystemPackage, &PathBuf)],
    python: &str,
    host: &Host<'_>,
) -> Result<(), Problem> {
    let failed = |error: std::io::Error| {
        Problem::new(format!("cannot make a root in `{}`", root.display())).cause(error)
    };
    let trees = work.join("packages");
    fs::create_dir_all(&trees).map_err(failed)?;
    let mut packages = unpack::unpack(archives, &trees, &unpacker(host)?, host)?;
    host.progress.begin("maintainer scripts");
    unpack::merged_usr(root).map_err(failed)?;
    let (collisions, mut shipped) = unpack::merge(root, &mut packages).map_err(failed)?;
    prepare(root).map_err(failed)?;
    let calls = scripts::calls(root, &packages, &trees, &work.join("record"))?;
    diversions::apply(root, &packages, &collisions, &diversions::diversions(&calls))?;
    register::register(root, &calls)?;
    register::local_files(root).map_err(failed)?;
    register::database(root, &packages).map_err(failed)?;
    host.progress.end("maintainer scripts");
    finish(root, python).map_err(failed)?;
    remove_tree(work).map_err(failed)?;
    bytecode(root, python, host)?;
    let written = etc_files().map(|(name, _)| format!("etc/{name}"));
    for name in &written {
        shipped.remove(Path::new(name));
    }
    constant_times(root, Path::new(""), &shipped).map_err(failed)
}

/// Gives what was made here, and every directory, a constant time: a build can see it.
fn constant_times(root: &Path, path: &Path, shipped: &BTreeSet<PathBuf>) -> std::io::Result<()> {
    for entry in sorted_entries(&root.join(path))? {
        let path = path.join(entry.file_name());
        let is_dir = entry.file_type()?.is_dir();
        if is_dir {
            constant_times(root, &path, shipped)?;
        } else if !shipped.contains(&path) {
            set_time(&root.join(&path))?;
        }
    }
    set_time(&root.join(path))
}

fn set_time(path: &Path) -> std::io::Result<()> {
    let time = Timespec { tv_sec: SOURCE_DATE_EPOCH, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    Ok(utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// The machine's `dpkg-deb`.
pub(super) fn unpacker(host: &Host<'_>) -> Result<PathBuf, Problem> {
    host.environment.find_program("dpkg-deb").ok_or_else(|| {
        Problem::new("the `debian` toolchain needs `dpkg-deb`, which is not on `PATH`")
            .hint("install dpkg, or let the recipe prefer the `host` toolchain")
    })
}

/// What a program needs of `/etc` to reach other machines by name and with TLS.
pub const NETWORK_FILES: [&str; 2] = ["etc/resolv.conf", "etc/ssl/certs/ca-certificates.crt"];

/// What programs need of the root to run in the sandbox.
fn prepare(root: &Path) -> std::io::Result<()> {
    fs::create_dir_all(root.join("etc"))?;
    for (name, text) in etc_files() {
        fs::write(root.join("etc").join(name), text)?;
    }
    // Empty, and there so that a person's shell with network can have the machine's bound over
    // them.
    fs::create_dir_all(root.join("etc/ssl/certs"))?;
    for name in NETWORK_FILES {
        fs::write(root.join(name), "")?;
    }
    fs::create_dir_all(root.join("var/lib/dpkg"))?;
    plain_modes(root)
}

fn finish(root: &Path, python: &str) -> std::io::Result<()> {
    let links = LINKS.iter().copied().chain([("usr/bin/python3", python)]);
    for (link, target) in links {
        let path = root.join(link);
        if path.symlink_metadata().is_err() {
            symlink(target, path)?;
        }
    }
    plain_modes(root)
}

/// Removes set-user-id bits (the root is in a user's cache and needs none), and makes every
/// directory removable by its owner.
fn plain_modes(dir: &Path) -> std::io::Result<()> {
    for entry in sorted_entries(dir)? {
        let kind = entry.file_type()?;
        if kind.is_symlink() {
            continue;
        }
        let path = entry.path();
        let mode = entry.metadata()?.permissions().mode() & 0o7777;
        let plain = if kind.is_dir() { 0o755 } else { (mode & 0o777) | 0o444 };
        if mode != plain {
            fs::set_permissions(&path, std::fs::Permissions::from_mode(plain))?;
        }
        if kind.is_dir() {
            plain_modes(&path)?;
        }
    }
    Ok(())
}

/// The bytecode of the standard library. Without it every start of the interpreter would compile
/// what it imports, as the root is read-only.
fn bytecode(root: &Path, python: &str, host: &Host<'_>) -> Result<(), Problem> {
    let sandbox = Sandbox::new(RootFs::Dir(root.to_owned())).bind_rw(&root.join("usr"), "/usr");
    host.progress.begin("bytecode of the standard library");
    let library = format!("/usr/lib/{python}");
    // One process, as the order of compilation can reach the bytes (CPython issue 129724). The
    // sources never change, so nothing need be checked when they are loaded.
    let compile = "import compileall, py_compile, re, sys\n\
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH\n\
        skip = re.compile('/(test|idlelib|lib2to3|turtledemo|tkinter|dist-packages)/')\n\
        sys.exit(not \
         compileall.compile_dir(sys.argv[1], quiet=1, rx=skip, invalidation_mode=mode))";
    succeed(&sandbox, &format!("/usr/bin/{python}"), &["-I", "-c", compile, &library])?;
    host.progress.end("bytecode of the standard library");
    Ok(())
}

/// Runs a program of the root and returns what it printed.
pub(in crate::toolchain) fn succeed(
    sandbox: &Sandbox,
    program: &str,
    arguments: &[&str],
) -> Result<String, Problem> {
    let invocation = Invocation {
        program: program.to_owned(),
        arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        directory: "/".to_owned(),
    };
    let Finished { code, stdout, stderr } = sandbox.run(&invocation, OutputTo::Capture)?;
    let stdout = String::from_utf8_lossy(&stdout).into_owned();
    if code == 0 {
        return Ok(stdout);
    }
    let printed = stdout + &String::from_utf8_lossy(&stderr);
    Err(Problem::new(format!("`{program}` failed in the new root"))
        .fact("exit code", code)
        .fact("printed", base::sys::process::last_lines(&printed, 20)))
}
