//! uv itself, in exactly one version: its version reaches `pyvenv.cfg`, so another one would make
//! other bytes. It is the one on `PATH` if that is it, else a wheel that `pip` fetches by its hash.

use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};

use base::sys::Host;
use base::sys::cache::UV;
use base::sys::files::{FileLock, WorkDir, publish_dir, touch, write_atomically};
use base::sys::process::Process;
use base::vocabulary::{Problem, Sha256};

/// The version that everything was tried with.
pub const UV_VERSION: &str = "0.13.9";

/// sha256 of the wheels of that version: two machines, glibc and musl.
const WHEELS: [&str; 4] = [
    "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19", // manylinux2014_x86_64
    "2c45530751517d6c3bbc69a19473f6effe47cce047bede01ffd8af7ea7b36b25", // musllinux_1_1_x86_64
    "ecb6028d79dc96fbeafffe5c8af62a7099487ebc05a701e76714eebcffd06375", // manylinux_2_28_aarch64
    "5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe", // manylinux2014 and musl
];

/// uv on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uv {
    /// Where it is.
    pub path: PathBuf,
    /// Its version; always [`UV_VERSION`].
    pub version: String,
    /// The digest of the program.
    pub sha256: Sha256,
}

/// Finds or fetches uv. The network is used at most once, by pip, with the index that pip is
/// configured with.
pub fn provide_uv(host: &Host<'_>) -> Result<Uv, Problem> {
    if let Some(path) = host.environment.find_program("uv")
        && version_of(&path, host).as_deref() == Some(UV_VERSION)
    {
        return described(path);
    }
    let store = host.cache.join(UV);
    let dir = store.join(UV_VERSION);
    if let Some(uv) = remembered(&dir) {
        return Ok(uv);
    }
    let failed =
        |error| Problem::new(format!("cannot keep uv in `{}`", store.display())).cause(error);
    let waiting = || host.progress.note("waiting for another run");
    let _lock = FileLock::acquire(&store.join(".lock"), waiting).map_err(failed)?;
    if let Some(uv) = remembered(&dir) {
        return Ok(uv);
    }
    // What is there is not what was put there.
    base::sys::files::remove_tree(&dir).map_err(failed)?;
    let work = WorkDir::create(&store.join("work"), "uv").map_err(failed)?;
    let target = work.path().join("target");
    host.progress.begin("uv");
    install(work.path(), &target, host)?;
    host.progress.end("uv");
    let found = version_of(&target.join("bin/uv"), host);
    if found.as_deref() != Some(UV_VERSION) {
        return Err(Problem::new("the uv that pip fetched does not run on this machine")
            .fact("expected", UV_VERSION)
            .fact("received", found.as_deref().unwrap_or("nothing"))
            .hint(format!("put uv {UV_VERSION} on `PATH`")));
    }
    let uv = Uv { path: dir.join("bin/uv"), ..described(target.join("bin/uv"))? };
    let text = serde_json::to_vec_pretty(&uv).map_err(|error| failed(error.into()))?;
    write_atomically(&target.join("uv.json"), &text).map_err(failed)?;
    fs::File::open(&target)
        .and_then(|file| rustix::fs::syncfs(&file).map_err(Into::into))
        .map_err(failed)?;
    publish_dir(&target, &dir).map_err(failed)?;
    Ok(uv)
}

fn remembered(dir: &Path) -> Option<Uv> {
    let known: Uv = serde_json::from_slice(&fs::read(dir.join("uv.json")).ok()?).ok()?;
    // The directory may have been moved along with the cache.
    let found = described(dir.join("bin/uv")).ok()?;
    if found.sha256 != known.sha256 || known.version != UV_VERSION {
        return None;
    }
    touch(dir);
    Some(found)
}

fn described(path: PathBuf) -> Result<Uv, Problem> {
    let bytes = fs::read(&path)
        .map_err(|error| Problem::new(format!("cannot read `{}`", path.display())).cause(error))?;
    Ok(Uv { sha256: Sha256::of(bytes), version: UV_VERSION.to_owned(), path })
}

/// The version that a uv says it has.
pub(crate) fn version_of(path: &Path, host: &Host<'_>) -> Option<String> {
    let printed =
        Process::new(path).envs(&host.environment.for_network()).arg("--version").stdout().ok()?;
    Some(printed.strip_prefix("uv ")?.split_whitespace().next()?.to_owned())
}

fn install(work: &Path, target: &Path, host: &Host<'_>) -> Result<(), Problem> {
    let way_out = format!("put uv {UV_VERSION} on `PATH`, or install `python3` with `pip`");
    let python = host.environment.find_program("python3").ok_or_else(|| {
        Problem::new(format!(
            "uv {UV_VERSION} is not on `PATH`, and there is no `python3` to fetch it"
        ))
        .hint(way_out.clone())
    })?;
    let hashes = WHEELS.map(|sha256| format!(" --hash=sha256:{sha256}")).concat();
    let requirements = work.join("requirements.txt");
    write_atomically(&requirements, format!("uv=={UV_VERSION}{hashes}\n").as_bytes())
        .map_err(|error| Problem::new("cannot prepare the download of uv").cause(error))?;
    let pip = || Process::new(&python).envs(&host.environment.for_network());
    if pip().args(["-m", "pip", "--version"]).stdout().is_err() {
        return Err(Problem::new(format!(
            "uv {UV_VERSION} is not on `PATH`, and `python3` has no `pip` to fetch it"
        ))
        .fact("python3", python.display())
        .hint(format!("{way_out} (on Debian: `apt install python3-pip`)")));
    }
    pip()
        .args(["-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"])
        .args(["--only-binary=:all:", "--no-compile", "--disable-pip-version-check"])
        .arg("--target")
        .arg(target)
        .arg("--requirement")
        .arg(&requirements)
        .stdout()
        .map(drop)
        .map_err(|error| {
            Problem::new(format!("cannot fetch uv {UV_VERSION}")).cause(error).hint(way_out)
        })
}
