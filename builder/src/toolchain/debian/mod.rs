//! A root of unpacked Debian packages, made with the host's own `apt-get`: no root rights, no other
//! program. A root is kept under the fingerprint of its packages; which packages a wish resolved to
//! is remembered, so that a second run needs neither network nor apt.

mod apt;
mod root;
mod sources;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fs_err as fs;

use self::apt::Apt;
use super::{SystemPackage, Toolchain, Wanted};
use base::recipe::Provider;
use base::sys::Host;
use base::sys::cache::TOOLCHAINS;
use base::sys::files::{FileLock, WorkDir, publish_dir, touch, write_atomically};
use base::sys::sandbox::{RootFs, Sandbox, Surroundings};
use base::vocabulary::fingerprint::Fingerprint;
use base::vocabulary::{Problem, Sha256};

pub use root::NETWORK_FILES;
pub use sources::{Mirror, SignedBy, mirror};

/// What every root has beside the interpreter: a compiler for C and C++, and what `configure`,
/// `make` and shell scripts of build backends call. `iproute2` and `util-linux` bring the sandbox's
/// loopback interface up.
const BASE: [&str; 21] = [
    "base-files",
    "bash",
    "coreutils",
    "dash",
    "diffutils",
    "file",
    "findutils",
    "g++",
    "gcc",
    "grep",
    "gzip",
    "iproute2",
    "libc-bin",
    "make",
    "mawk",
    "patch",
    "pkgconf",
    "sed",
    "tar",
    "util-linux",
    "xz-utils",
];

const WAITING: &str = "waiting for another run that makes a toolchain";

/// Raised when a root with the same packages would be made in another way.
const KIND: &str = "debian root 2";

pub(super) fn provide(wanted: &Wanted<'_>, host: &Host<'_>) -> Result<Toolchain, Problem> {
    let architecture = architecture(wanted.machine)?;
    let packages = package_set(wanted);
    let store = host.cache.join(TOOLCHAINS);
    let memory = store.join("index").join(format!("{}.json", key(wanted, architecture, &packages)));
    if let Some(toolchain) = remembered(&memory, &store, wanted) {
        return Ok(toolchain);
    }
    let failed = |error| {
        Problem::new(format!("cannot make a toolchain in `{}`", store.display())).cause(error)
    };
    let waiting = || host.progress.note(WAITING);
    let _lock = FileLock::acquire(&store.join(".lock"), waiting).map_err(failed)?;
    if let Some(toolchain) = remembered(&memory, &store, wanted) {
        return Ok(toolchain);
    }
    host.progress.stage("toolchain", None);
    let suite = &wanted.debian.suite;
    let dir = store.join("apt").join(format!("{suite}-{architecture}"));
    let apt = Apt::new(dir, suite, architecture, host)?;
    host.progress.begin("package index");
    apt.update()?;
    let archives = apt.resolve(&packages)?;
    host.progress.end("package index");
    let resolved: Vec<SystemPackage> =
        archives.iter().map(|archive| archive.package.clone()).collect();
    check_pins(wanted, &resolved)?;
    let fingerprint = fingerprint(&resolved);
    let root = store.join(fingerprint.to_string());
    if !root.exists() {
        host.progress.begin("packages");
        let paths = apt.download(&packages, &archives)?;
        host.progress.end("packages");
        let work = WorkDir::create(&store.join("work"), "root").map_err(failed)?;
        let unfinished = work.path().join("root");
        let archives: Vec<_> = archives.into_iter().zip(paths).collect();
        root::build(&unfinished, &archives, &wanted.python_name(), host)?;
        // A power failure must not leave a root whose files are empty at its final path.
        fs::File::open(&unfinished)
            .and_then(|file| rustix::fs::syncfs(&file).map_err(Into::into))
            .map_err(failed)?;
        publish_dir(&unfinished, &root).map_err(failed)?;
    }
    let toolchain = examined(wanted, root, fingerprint, resolved)?;
    let text = serde_json::to_vec_pretty(&toolchain).map_err(|error| failed(error.into()))?;
    write_atomically(&memory, &text).map_err(failed)?;
    Ok(toolchain)
}

fn architecture(machine: &str) -> Result<&'static str, Problem> {
    match machine {
        "x86_64" => Ok("amd64"),
        "aarch64" => Ok("arm64"),
        "riscv64" => Ok("riscv64"),
        other => Err(Problem::new(format!("Debian has no name for the machine `{other}`"))),
    }
}

fn package_set(wanted: &Wanted<'_>) -> BTreeSet<String> {
    let python = wanted.python_name();
    let mut packages: BTreeSet<String> = BASE.iter().map(|&name| name.to_owned()).collect();
    packages.extend([format!("{python}-dev"), python]);
    packages.extend(wanted.debian.packages.iter().cloned());
    packages.extend(wanted.system_packages.iter().cloned());
    packages
}

fn key(wanted: &Wanted<'_>, architecture: &str, packages: &BTreeSet<String>) -> Sha256 {
    let start = Fingerprint::new(KIND)
        .with("suite", &wanted.debian.suite)
        .with("architecture", architecture)
        .with("python", wanted.python_name());
    packages.iter().fold(start, |key, name| key.with("package", name)).finish()
}

fn fingerprint(packages: &[SystemPackage]) -> Sha256 {
    packages
        .iter()
        .fold(Fingerprint::new(KIND), |print, package| {
            print
                .with("name", &package.name)
                .with("version", &package.version)
                .with("architecture", &package.architecture)
                .with("sha256", package.sha256.as_bytes())
        })
        .finish()
}

/// What an earlier run found, if its root is still there and is what is asked for.
fn remembered(memory: &Path, store: &Path, wanted: &Wanted<'_>) -> Option<Toolchain> {
    let text = fs::read(memory).ok().filter(|_| !wanted.refresh)?;
    let known: Toolchain = serde_json::from_slice(&text).ok()?;
    // Not the path that was written down: the cache may have been moved or copied since.
    let root = store.join(known.fingerprint.to_string());
    let fits = fingerprint(&known.packages) == known.fingerprint
        && check_pins(wanted, &known.packages).is_ok()
        && root.is_dir();
    if !fits {
        return None;
    }
    touch(&root);
    Some(Toolchain { root: RootFs::Dir(root), ..known })
}

fn check_pins(wanted: &Wanted<'_>, resolved: &[SystemPackage]) -> Result<(), Problem> {
    let Some(pinned) = wanted.pinned else {
        return Ok(());
    };
    let pinned: BTreeSet<&SystemPackage> = pinned.iter().collect();
    let resolved: BTreeSet<&SystemPackage> = resolved.iter().collect();
    if pinned == resolved {
        return Ok(());
    }
    let list = |a: &BTreeSet<&SystemPackage>, b: &BTreeSet<&SystemPackage>| {
        let names: Vec<String> =
            a.difference(b).map(|package| format!("{package} sha256:{}", package.sha256)).collect();
        if names.is_empty() { "nothing else".to_owned() } else { names.join("\n") }
    };
    Err(Problem::new("the toolchain's packages are not the pinned ones")
        .fact("pinned", list(&pinned, &resolved))
        .fact("received", list(&resolved, &pinned))
        .hint(
            "the mirror has moved on: pin the new versions, or use a mirror that keeps the old \
         ones",
        ))
}

/// Asks the interpreter for its version: a root whose Python does not start is not remembered.
fn examined(
    wanted: &Wanted<'_>,
    root: PathBuf,
    fingerprint: Sha256,
    packages: Vec<SystemPackage>,
) -> Result<Toolchain, Problem> {
    let python = format!("/usr/bin/{}", wanted.python_name());
    let root = RootFs::Dir(root);
    let script = "import platform; print(platform.python_version())";
    let version = root::succeed(&Sandbox::new(root.clone()), &python, &["-I", "-c", script])?;
    Ok(Toolchain {
        provider: Provider::Debian,
        root,
        binds: Vec::new(),
        python,
        python_version: version.trim().to_owned(),
        fingerprint,
        packages,
        surroundings: Surroundings::default(),
    })
}
