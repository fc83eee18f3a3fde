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
use base::recipe::{Provider, RunLimits};
use base::store::{self, Listing, Store, Verified, Wish};
use base::sys::cache::TOOLCHAINS;
use base::sys::files::FileLock;
use base::sys::sandbox::{RootFs, Sandbox, Surroundings};
use base::sys::{Host, disk};
use base::vocabulary::fingerprint::Fingerprint;
use base::vocabulary::{Problem, Sha256};

pub use root::NETWORK_FILES;
pub(super) use root::succeed;
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

/// Raised when a root with the same packages would be made in another way, or kept in one.
const KIND: &str = "debian root 3";

/// The root itself in its entry; beside it is its listing.
const ROOT: &str = "root";

pub(super) fn provide(wanted: &Wanted<'_>, host: &Host<'_>) -> Result<Toolchain, Problem> {
    let architecture = architecture(wanted.machine)?;
    let packages = package_set(wanted);
    let dir = host.cache.join(TOOLCHAINS);
    let roots = Roots { store: Store::new(host.cache, TOOLCHAINS), wanted, host };
    let memory = dir.join("index").join(format!("{}.json", key(wanted, architecture, &packages)));
    if let Some(toolchain) = roots.remembered(&memory)? {
        return Ok(toolchain);
    }
    let failed = |error| disk::failed(Problem::new("cannot make a toolchain"), &dir, None, error);
    let suite = &wanted.debian.suite;
    let apt = dir.join("apt").join(format!("{suite}-{architecture}"));
    let waiting = || host.progress.note("another run makes a toolchain; waiting for it");
    let lock = apt.with_added_extension("lock");
    let _lock = FileLock::acquire(&lock, waiting).map_err(failed)?;
    if let Some(toolchain) = roots.remembered(&memory)? {
        return Ok(toolchain);
    }
    host.progress.stage("toolchain", None);
    let apt = Apt::new(apt, suite, architecture, host)?;
    host.progress.begin("package index");
    apt.update()?;
    let archives = apt.resolve(&packages)?;
    host.progress.end("package index");
    let resolved: Vec<SystemPackage> =
        archives.iter().map(|archive| archive.package.clone()).collect();
    let fingerprint = fingerprint(&resolved);
    let root = roots.obtain(&fingerprint, |staged| {
        host.progress.begin("packages");
        let paths = apt.download(&packages, &archives)?;
        host.progress.end("packages");
        let archives: Vec<_> = archives.into_iter().zip(paths).collect();
        root::build(&staged.join(ROOT), &archives, &wanted.python_name(), host)?;
        listed(staged).map_err(failed)
    })?;
    let toolchain = examined(wanted, root, fingerprint, resolved)?;
    store::write_sealed(&memory, &toolchain).map_err(failed)?;
    Ok(toolchain)
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
    /// What an earlier run found, if its root is there and whole and is what is asked for.
    fn remembered(&self, memory: &Path) -> Result<Option<Toolchain>, Problem> {
        if self.wanted.refresh {
            return Ok(None);
        }
        let unread = |error| {
            Problem::new("cannot read which toolchain an earlier run used")
                .cause(error)
                .hint("`--refresh-toolchain` asks the mirror instead")
        };
        let known: Option<Toolchain> = store::read_sealed(memory).map_err(unread)?;
        let Some(known) = known.filter(|it| fingerprint(&it.packages) == it.fingerprint) else {
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
