//! uv itself, in exactly one version: `pyvenv.cfg` contains its version, so another version would
//! make other bytes. It is fetched by its hash, like every locked file. A uv on `PATH` is never
//! used to build: it may be a pyenv shim, or need a dynamic linker that the sandbox does not have.

use std::path::{Path, PathBuf};

use fs_err as fs;
use zip::ZipArchive;

use super::Toolchain;
use crate::fetch::http::Client;
use crate::fetch::{Fetcher, FileOrigin, FileRequest, Patience, Settings, Shelf};
use crate::lock::toolchain_lock::LockedUv;
use base::store::{Store, Verified, Wish};
use base::sys::Host;
use base::sys::cache::UV;
use base::sys::files::{digest_of, is_absent};
use base::sys::process::{Process, last_lines};
use base::sys::sandbox::{Invocation, OutputTo};
use base::vocabulary::digest::Hashing;
use base::vocabulary::{Problem, Sha256};

/// The version that everything was tried with.
pub const UV_VERSION: &str = "0.13.9";

/// The variable that names another uv; `--uv FILE` sets it.
pub const OTHER_UV: &str = "LOCKSTEP_UV";

/// A wheel of that version, and the program in it.
struct Release {
    /// In the kernel's words.
    machine: &'static str,
    filename: &'static str,
    sha256: &'static str,
    size: u64,
    program: &'static str,
}

/// The wheels for musl: their programs are linked statically, so they run in any root, also in one
/// of Nix that has no dynamic linker at its usual place.
const RELEASES: [Release; 2] = [
    Release {
        machine: "x86_64",
        filename: "uv-0.13.9-py3-none-musllinux_1_1_x86_64.whl",
        sha256: "2c45530751517d6c3bbc69a19473f6effe47cce047bede01ffd8af7ea7b36b25",
        size: 19_295_638,
        program: "edbfb9a3d00dc84148e6691cd8740781fdc32db6505d7ef88ba6c3e569d5bec9",
    },
    Release {
        machine: "aarch64",
        filename: "uv-0.13.9-py3-none-\
            manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl",
        sha256: "5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe",
        size: 18_026_789,
        program: "bbecb5ac518030bb5e84f1999c577228460192832ac24a92bd772735682979f4",
    },
];

/// The wheel of the pinned uv for a machine, as a toolchain lock has it.
///
/// # Errors
/// None is known for the machine.
pub(super) fn locked(machine: &str) -> Result<LockedUv, Problem> {
    let release = release_for(machine)?;
    Ok(LockedUv {
        version: UV_VERSION.to_owned(),
        file: release.filename.to_owned(),
        sha256: digest(release.sha256),
        size: release.size,
    })
}

/// What phase 1 is asked for to have the wheel of a locked uv.
pub fn request(locked: &LockedUv) -> FileRequest {
    FileRequest {
        project: "uv".parse().expect("it is a name"),
        shelf: Shelf::Uv,
        filename: locked.file.clone(),
        sha256: locked.sha256,
        size: Some(locked.size),
        origin: FileOrigin::Registry { locked: None },
    }
}

/// uv on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uv {
    /// Where it is.
    pub path: PathBuf,
    /// Its version: [`UV_VERSION`], unless the user selects another uv.
    pub version: String,
    /// The digest of the program.
    pub sha256: Sha256,
}

/// Returns the uv that the user selected ([`OTHER_UV`]), else the pinned one, which is fetched if
/// it is missing.
pub fn provide_uv(host: &Host<'_>) -> Result<Uv, Problem> {
    match host.environment.get(OTHER_UV) {
        Some(path) => other(Path::new(path), host),
        None => pinned(host),
    }
}

/// Whether the pinned uv is in the cache.
pub(crate) fn is_cached(host: &Host<'_>) -> bool {
    let path = |release| program(&store(host), release);
    release().is_ok_and(|release| path(release).is_file())
}

impl Uv {
    /// Whether it is the pinned one, which runs everywhere.
    pub fn is_pinned(&self) -> bool {
        RELEASES.iter().any(|release| digest(release.program) == self.sha256)
    }

    /// Tries another uv than the pinned one inside of the toolchain, before anything is done with
    /// it: a program that runs on the host may lack its linker or libraries there.
    pub fn try_in(&self, toolchain: &Toolchain) -> Result<(), Problem> {
        if self.is_pinned() {
            return Ok(());
        }
        let invocation = Invocation {
            program: "/build/tools/uv".to_owned(),
            arguments: vec!["--version".to_owned()],
            directory: "/".to_owned(),
        };
        let sandbox = toolchain.sandbox().tmpfs("/build").bind_ro(&self.path, "/build/tools/uv");
        let finished = sandbox.run(&invocation, OutputTo::Capture)?;
        if finished.success() {
            return Ok(());
        }
        let printed = String::from_utf8_lossy(&finished.stderr).into_owned();
        Err(Problem::new(format!("`{}` does not run in the toolchain", self.path.display()))
            .fact("exit code", finished.code)
            .fact("printed", last_lines(&printed, 5))
            .hint(format!(
                "name a uv that is linked statically, or leave out `--uv` (and `{OTHER_UV}`): then \
                 uv {UV_VERSION} is fetched"
            )))
    }
}

fn store(host: &Host<'_>) -> Store {
    Store::new(host.cache, UV)
}

fn program(store: &Store, release: &Release) -> PathBuf {
    store.entry(&digest(release.sha256)).join("bin/uv")
}

fn digest(hex: &str) -> Sha256 {
    Sha256::from_hex(hex).expect("the table has digests")
}

fn release() -> Result<&'static Release, Problem> {
    release_for(&rustix::system::uname().machine().to_string_lossy())
}

fn release_for(machine: &str) -> Result<&'static Release, Problem> {
    RELEASES.iter().find(|release| release.machine == machine).ok_or_else(|| {
        Problem::new(format!("no uv {UV_VERSION} is known for the machine `{machine}`"))
            .hint("name one with `--uv FILE`")
    })
}

fn pinned(host: &Host<'_>) -> Result<Uv, Problem> {
    let release = release()?;
    let store = store(host);
    let what = format!("uv {UV_VERSION}");
    let wish = Wish { key: &digest(release.sha256), what: &what, reuse: true };
    let expected = digest(release.program);
    let verify = |entry: &Path| match digest_of(&entry.join("bin/uv")) {
        Ok((found, _)) if found == expected => Ok(Verified::Whole(())),
        Ok((found, _)) => Ok(Verified::Damaged(format!("it has sha256:{found}"))),
        Err(error) if is_absent(&error) => Ok(Verified::Damaged("its program is missing".into())),
        Err(error) => Err(Problem::new(format!("cannot read {what}")).cause(error)),
    };
    let make = |staged: &Path| {
        host.progress.begin("uv");
        fetched(release, &staged.join("bin"), host)?;
        host.progress.end("uv");
        Ok(())
    };
    store.obtain(&wish, host.progress, verify, make)?;
    let path = program(&store, release);
    Ok(Uv { path, version: UV_VERSION.to_owned(), sha256: expected })
}

/// Puts the program of a release into the directory `bin`.
fn fetched(release: &Release, bin: &Path, host: &Host<'_>) -> Result<(), Problem> {
    let request = request(&locked(release.machine)?);
    // No uv is there yet that could be asked for its index.
    let settings = Settings { uv: None, ..Settings::default() };
    let client = Client::new(host.environment, Patience::default());
    let wheel =
        Fetcher::new(&client, host, &settings).obtain(&request, host).map_err(|problem| {
            let hint = format!("`--uv FILE` names a uv that is used instead of {UV_VERSION}");
            if problem.hint.is_some() { problem } else { problem.hint(hint) }
        })?;
    unpacked(&wheel.path, bin)
        .map_err(|error| Problem::new(format!("cannot unpack uv {UV_VERSION}")).cause(error))
        .and_then(|found| {
            let wrong = Problem::new(format!("`{}` holds another program", release.filename))
                .fact("expected", release.program)
                .fact("found", found);
            if found == digest(release.program) { Ok(()) } else { Err(wrong) }
        })
}

fn unpacked(wheel: &Path, bin: &Path) -> std::io::Result<Sha256> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut wheel = ZipArchive::new(fs::File::open(wheel)?)?;
    let mut member = wheel.by_name(&format!("uv-{UV_VERSION}.data/scripts/uv"))?;
    fs::create_dir_all(bin)?;
    let mut program = Hashing::new(fs::File::create(bin.join("uv"))?);
    std::io::copy(&mut member, &mut program)?;
    let (program, found, _) = program.finish();
    program.set_permissions(std::fs::Permissions::from_mode(0o555))?;
    program.sync_all()?;
    Ok(found)
}

fn other(path: &Path, host: &Host<'_>) -> Result<Uv, Problem> {
    let failed = || Problem::usage(format!("cannot use `{}` as uv", path.display()));
    let (sha256, _) = digest_of(path).map_err(|error| failed().cause(error))?;
    let version = version_of(path, host).ok_or_else(|| {
        failed()
            .fact("expected", "`--version` prints `uv` and a version")
            .hint("name the program itself, not a shim or a wrapper")
    })?;
    Ok(Uv { path: path.to_owned(), version, sha256 })
}

/// The version that a uv says it has.
fn version_of(path: &Path, host: &Host<'_>) -> Option<String> {
    let printed =
        Process::new(path).envs(&host.environment.for_network()).arg("--version").stdout().ok()?;
    Some(printed.strip_prefix("uv ")?.split_whitespace().next()?.to_owned())
}
