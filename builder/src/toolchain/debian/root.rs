//! A root file system from unpacked packages. No maintainer script runs, so this module does the
//! necessary part of their work: alternatives, accounts, the linker's cache, bytecode.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use fs_err as fs;
use rayon::prelude::*;

use crate::lock::toolchain_lock::SystemPackage;
use base::sys::files::sorted_entries;
use base::sys::process::Process;
use base::sys::sandbox::{Finished, Invocation, OutputTo, RootFs, Sandbox, etc_files};
use base::sys::{Host, disk};
use base::vocabulary::Problem;

/// Names that Debian's maintainer scripts link, and to what.
const LINKS: [(&str, &str); 5] = [
    ("usr/bin/awk", "mawk"),
    ("usr/bin/c++", "g++"),
    ("usr/bin/cc", "gcc"),
    ("usr/bin/pkg-config", "pkgconf"),
    ("usr/bin/sh", "dash"),
];

/// Unpacks the archives into `root`, which does not exist yet, and finishes it.
pub(super) fn build(
    root: &Path,
    archives: &[(&SystemPackage, &PathBuf)],
    python: &str,
    host: &Host<'_>,
) -> Result<(), Problem> {
    let unpacker = unpacker(host)?;
    let failed = |error: std::io::Error| {
        Problem::new(format!("cannot make a root in `{}`", root.display())).cause(error)
    };
    merged_usr(root).map_err(failed)?;
    archives.par_iter().try_for_each(|(package, path)| {
        let step = package.to_string();
        host.progress.begin(&step);
        let result = Process::new(&unpacker)
            .env("PATH", "/usr/bin:/bin")
            .arg("-x")
            .args([path.as_path(), root])
            .stdout();
        host.progress.end(&step);
        result.map(drop).map_err(|problem| {
            let printed = problem.to_string();
            disk::failed_program(problem, root, &printed)
        })
    })?;
    finish(root, python).map_err(failed)?;
    configure(root, python, host)
}

/// The machine's `dpkg-deb`.
pub(super) fn unpacker(host: &Host<'_>) -> Result<PathBuf, Problem> {
    host.environment.find_program("dpkg-deb").ok_or_else(|| {
        Problem::new("the `debian` toolchain needs `dpkg-deb`, which is not on `PATH`")
            .hint("install dpkg, or let the recipe prefer the `host` toolchain")
    })
}

/// The links from `/bin` to `/usr/bin` and so on come first: packages are unpacked side by side,
/// and one that still has `/lib` must find the link there.
fn merged_usr(root: &Path) -> std::io::Result<()> {
    for name in ["bin", "lib", "lib64", "sbin"] {
        fs::create_dir_all(root.join("usr").join(name))?;
        symlink(format!("usr/{name}"), root.join(name))?;
    }
    Ok(())
}

/// What a program needs of `/etc` to reach other machines by name and with TLS.
pub const NETWORK_FILES: [&str; 2] = ["etc/resolv.conf", "etc/ssl/certs/ca-certificates.crt"];

fn finish(root: &Path, python: &str) -> std::io::Result<()> {
    let links = LINKS.iter().copied().chain([("usr/bin/python3", python)]);
    for (link, target) in links {
        let path = root.join(link);
        if path.symlink_metadata().is_err() {
            symlink(target, path)?;
        }
    }
    for (name, text) in etc_files() {
        fs::write(root.join("etc").join(name), text)?;
    }
    // Empty, and there so that a person's shell with network can have the machine's bound over
    // them.
    fs::create_dir_all(root.join("etc/ssl/certs"))?;
    for name in NETWORK_FILES {
        fs::write(root.join(name), "")?;
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

/// What must run inside: the linker's cache, and the bytecode of the standard library. Without the
/// latter every start of the interpreter would compile what it imports, as the root is read-only.
fn configure(root: &Path, python: &str, host: &Host<'_>) -> Result<(), Problem> {
    let sandbox = Sandbox::new(RootFs::Dir(root.to_owned()))
        .bind_rw(&root.join("etc"), "/etc")
        .bind_rw(&root.join("usr"), "/usr")
        .tmpfs("/var/cache/ldconfig");
    host.progress.begin("linker cache");
    succeed(&sandbox, "/sbin/ldconfig", &["-i"])?;
    host.progress.end("linker cache");
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
pub(super) fn succeed(
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
