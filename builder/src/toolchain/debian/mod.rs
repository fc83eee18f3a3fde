//! A root of unpacked Debian packages. It needs no root privileges, and runs no host program but
//! `dpkg-deb`, and `apt-get` if nothing is locked yet. A root is stored under the fingerprint of
//! its packages, together with its properties, so a second run starts no program.

mod apt;
mod contents; // which package has a file
mod root;
mod sources;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fs_err as fs;

use self::apt::Apt;
use super::{SystemPackage, Toolchain, Wanted};
use crate::fetch::pool::{self, Mirrors};
use crate::lock::toolchain_lock::LockedPackage;
use base::recipe::{Provider, RunLimits};
use base::store::{self, Listing, Store, Verified, Wish};
use base::sys::cache::TOOLCHAINS;
use base::sys::files::FileLock;
use base::sys::sandbox::{RootFs, Sandbox, Surroundings};
use base::sys::{Host, disk};
use base::vocabulary::fingerprint::Fingerprint;
use base::vocabulary::{Problem, Sha256};

pub use contents::Contents;
pub use root::NETWORK_FILES;
pub(super) use root::succeed;
pub use sources::{Mirror, SignedBy, mirror, sources_directory};

/// The packages of every root besides the interpreter: a compiler for C and C++, and the programs
/// that `configure`, `make` and shell scripts of build backends call. `iproute2` and `util-linux`
/// bring the sandbox's loopback interface up.
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

/// Raised when a root with the same packages would be made in another way, or kept in one.
const KIND: &str = "debian root 6";

/// The root itself in its entry; beside it is its listing.
const ROOT: &str = "root";

/// Why there is no root.
pub(super) enum Refusal {
    /// The machine lacks what this provider works with: another provider may serve.
    Unable(Problem),
    /// The requested packages are not available.
    Failed(Problem),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

/// Finds what asking Debian for packages takes: apt, and a mirror.
///
/// # Errors
/// The machine lacks one of them, or Debian has no such machine.
pub(super) fn can_resolve(wanted: &Wanted<'_>, host: &Host<'_>) -> Result<(), Problem> {
    architecture(wanted.machine)?;
    apt::apt_get(host)?;
    mirror(&sources_directory(host.environment)).map(drop)
}

pub(super) fn provide(wanted: &Wanted<'_>, host: &Host<'_>) -> Result<Toolchain, Refusal> {
    let locked = if let Some(locked) = wanted.locked {
        locked.packages.clone()
    } else {
        if resolved(wanted, host)?.is_none() {
            can_resolve(wanted, host).map_err(Refusal::Unable)?;
        }
        resolve(wanted, host)?
    };
    let packages: Vec<SystemPackage> = locked.iter().map(|it| it.package.clone()).collect();
    let fingerprint = fingerprint(&packages);
    let roots = Roots { store: Store::new(host.cache, TOOLCHAINS), wanted, host };
    let memory = index(host).join(format!("{fingerprint}.json"));
    if let Some(toolchain) = roots.remembered(&memory, &packages)? {
        return Ok(toolchain);
    }
    root::unpacker(host).map_err(Refusal::Unable)?;
    host.progress.stage("toolchain", None);
    let root = roots.obtain(&fingerprint, |staged| {
        host.progress.begin("packages");
        let paths = pool::bring(&locked, &mirrors(wanted, host)?, host)?;
        host.progress.end("packages");
        let archives: Vec<_> = packages.iter().zip(&paths).collect();
        root::build(
            &staged.join(ROOT),
            &staged.join(".work"),
            &archives,
            &wanted.python_name(),
            host,
        )?;
        listed(staged).map_err(|error| failed(host, error))
    })?;
    let toolchain = examined(wanted, root, fingerprint, packages)?;
    store::write_sealed(&memory, &toolchain).map_err(|error| failed(host, error))?;
    Ok(toolchain)
}

/// The record of the packages that a request resolved to.
fn memory(wanted: &Wanted<'_>, host: &Host<'_>) -> Result<PathBuf, Problem> {
    let key = key(wanted, architecture(wanted.machine)?, &package_set(wanted));
    Ok(index(host).join(format!("resolved-{key}.json")))
}

/// What an earlier run of this cache found, if that will do.
fn resolved(wanted: &Wanted<'_>, host: &Host<'_>) -> Result<Option<Vec<LockedPackage>>, Problem> {
    if wanted.refresh {
        return Ok(None);
    }
    store::read_sealed(&memory(wanted, host)?).map_err(|error| {
        Problem::new("cannot read which packages an earlier run found").cause(error)
    })
}

/// What the suite has of all that is wanted: today, or when an earlier run of this cache asked, if
/// that will do.
///
/// # Errors
/// The index cannot be had, or has no such package.
pub(super) fn resolve(wanted: &Wanted<'_>, host: &Host<'_>) -> Result<Vec<LockedPackage>, Problem> {
    if let Some(found) = resolved(wanted, host)? {
        return Ok(found);
    }
    let (suite, architecture) = (&wanted.debian.suite, architecture(wanted.machine)?);
    let dir = host.cache.join(TOOLCHAINS).join("apt").join(format!("{suite}-{architecture}"));
    let waiting = || host.progress.note("another run asks for packages; waiting for it");
    let lock = dir.with_added_extension("lock");
    let _lock = FileLock::acquire(&lock, waiting).map_err(|error| failed(host, error))?;
    if let Some(found) = resolved(wanted, host)? {
        return Ok(found);
    }
    host.progress.stage("toolchain", None);
    let apt = Apt::new(dir, suite, architecture, host)?;
    host.progress.begin("package index");
    apt.update()?;
    let found = apt.resolve(&package_set(wanted))?;
    host.progress.end("package index");
    store::write_sealed(&memory(wanted, host)?, &found).map_err(|error| failed(host, error))?;
    Ok(found)
}

/// Where archives are looked for.
///
/// # Errors
/// A mirror that was named is no URL.
pub(super) fn mirrors(wanted: &Wanted<'_>, host: &Host<'_>) -> Result<Mirrors, Problem> {
    // A machine without apt has none.
    let own = mirror(&sources_directory(host.environment)).ok().map(|mirror| mirror.uri);
    let proxies = apt::proxies(host);
    Mirrors::new(own.as_deref(), &wanted.debian.mirrors, &proxies, host.environment)
}

fn index(host: &Host<'_>) -> PathBuf {
    host.cache.join(TOOLCHAINS).join("index")
}

fn failed(host: &Host<'_>, error: std::io::Error) -> Problem {
    let problem = Problem::new("cannot make a toolchain");
    disk::failed(problem, &host.cache.join(TOOLCHAINS), None, error)
}

/// Lists a root that is made. A power failure must not leave files empty whose stamps are right,
/// so all of it is on the disk before.
fn listed(entry: &Path) -> std::io::Result<()> {
    rustix::fs::syncfs(fs::File::open(entry)?)?;
    Listing::record(entry, ROOT)
}

/// The roots of the cache, and what is wanted of one.
struct Roots<'a> {
    store: Store,
    wanted: &'a Wanted<'a>,
    host: &'a Host<'a>,
}

impl Roots<'_> {
    /// What an earlier run found in the root of these packages, if that is there and whole.
    fn remembered(
        &self,
        memory: &Path,
        packages: &[SystemPackage],
    ) -> Result<Option<Toolchain>, Problem> {
        let unread = |error| Problem::new("cannot read what a toolchain has").cause(error);
        let known: Option<Toolchain> = store::read_sealed(memory).map_err(unread)?;
        let Some(known) = known.filter(|it| it.packages == packages) else {
            return Ok(None);
        };
        // Not the path that was written down: the cache may have been moved or copied since.
        let root = self.store.entry(&known.fingerprint).join(ROOT);
        let wish = wish(&known.fingerprint);
        let found = self.store.find(&wish, self.host.progress, |entry| self.verified(entry))?;
        Ok(found.map(|()| Toolchain { root: RootFs::Dir(root), ..known }))
    }

    fn obtain(
        &self,
        fingerprint: &Sha256,
        make: impl FnOnce(&Path) -> Result<(), Problem>,
    ) -> Result<PathBuf, Problem> {
        let verify = |entry: &Path| self.verified(entry);
        self.store.obtain(&wish(fingerprint), self.host.progress, verify, make)?;
        Ok(self.store.entry(fingerprint).join(ROOT))
    }

    fn verified(&self, entry: &Path) -> Result<Verified<()>, Problem> {
        Listing::verify(entry, ROOT, self.wanted.check).map_err(|error| {
            Problem::new("cannot verify a toolchain").fact("at", entry.display()).cause(error)
        })
    }
}

fn wish(fingerprint: &Sha256) -> Wish<'_> {
    Wish { key: fingerprint, what: "toolchain", reuse: true }
}

/// The architecture of a machine in Debian's words.
pub(super) fn architecture(machine: &str) -> Result<&'static str, Problem> {
    match machine {
        "x86_64" => Ok("amd64"),
        "aarch64" => Ok("arm64"),
        "riscv64" => Ok("riscv64"),
        other => Err(Problem::new(format!("Debian has no name for the machine `{other}`"))),
    }
}

/// The requested packages, besides the Essential ones.
pub(super) fn package_set(wanted: &Wanted<'_>) -> BTreeSet<String> {
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
        installed_for: None,
        python_version: version.trim().to_owned(),
        fingerprint,
        packages,
        surroundings: Surroundings::default(),
        limits: RunLimits::default(),
    })
}
