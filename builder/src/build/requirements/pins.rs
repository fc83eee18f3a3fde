//! Lets uv resolve build requirements, and pins what it resolved: one wheel of each for a target.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use fs_err as fs;
use serde::Deserialize;
use uv_normalize::PackageName;
use uv_pep440::Version;

use super::{Maker, lines};
use crate::fetch::index::Indexes;
use crate::lock::build_lock::{LockedFile, Requirement};
use crate::lock::resolve::{Artifact, Distribution, Resolution, best_wheel};
use base::sys::Host;
use base::sys::process::{Process, last_lines};
use base::vocabulary::{Problem, Sha256, Target};

/// Whose build requirements are resolved, and up to when.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) distribution: &'a Distribution,
    pub(super) resolution: &'a Resolution,
    pub(super) bound: Option<&'a str>,
    /// The directory that the backend sees.
    pub(super) dir: &'a Path,
    /// A directory for uv, which no backend sees.
    pub(super) uv_dir: &'a Path,
}

/// What uv has resolved in this run. Most builds of an application want the same few backends.
#[derive(Debug, Default)]
pub(super) struct Memo {
    // One lock for each question: who asks what is being asked waits for that answer.
    known: Mutex<BTreeMap<(String, BTreeSet<String>), Slot>>,
}

type Slot = Arc<Mutex<Option<Pins>>>;

pub(super) type Pins = BTreeMap<Requirement, LockedFile>;

impl Maker<'_> {
    /// Resolves requirements for a target, each set of them once in a run.
    pub(super) fn resolve(
        &self,
        memo: &Memo,
        asked: &Asked<'_>,
        requires: &BTreeSet<String>,
        host: Host<'_>,
    ) -> Result<Pins, Problem> {
        let key = (asked.resolution.target.to_string(), requires.clone());
        let slot = {
            let mut known = memo.known.lock().expect("nothing panics with it");
            Arc::clone(known.entry(key).or_default())
        };
        let mut answer = slot.lock().expect("nothing panics with it");
        if let Some(pins) = &*answer {
            return Ok(pins.clone());
        }
        let pins = self.compile(asked, requires, host)?;
        *answer = Some(pins.clone());
        Ok(pins)
    }

    /// Lets uv resolve requirements for a target. Only wheels are considered, so that no foreign
    /// code runs outside of the sandbox to tell its metadata.
    fn compile(
        &self,
        asked: &Asked<'_>,
        requires: &BTreeSet<String>,
        host: Host<'_>,
    ) -> Result<Pins, Problem> {
        if requires.is_empty() {
            return Ok(BTreeMap::new());
        }
        let Asked { distribution, resolution, bound, uv_dir: dir, .. } = *asked;
        let name = &distribution.name;
        let constraints = self.constraints(resolution);
        let written = fs::write(dir.join("requires.in"), lines(requires))
            .and_then(|()| fs::write(dir.join("constraints.txt"), lines(&constraints)));
        written.map_err(|error| Problem::new("cannot write requirements").cause(error))?;
        let target = &resolution.target;
        let mut process = Process::new(&self.uv.path)
            .args(["pip", "compile", "--quiet", "--no-header", "--no-annotate"])
            .args(["--only-binary", ":all:", "--color", "never"])
            .args(["--python-version", &target.python().to_string()])
            .args(["--python-platform", target.platform()])
            .args(["--output-file", "pylock.toml", "--constraints", "constraints.txt"]);
        if let Some(bound) = bound {
            process = process.args(["--exclude-newer", bound]);
        }
        let environment = environment(host)?;
        let _ = fs::remove_file(dir.join("pylock.toml"));
        let output = process.arg("requires.in").envs(&environment).current_dir(dir).output()?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(Problem::new(format!("cannot resolve the build requirements of `{name}`"))
                .fact("required", lines(requires).trim_end())
                .fact("up to", bound.unwrap_or("any date"))
                .fact("uv says", last_lines(&text, 12))
                .hint(format!(
                    "`build-lock.exclude-newer` allows newer versions; `override.{name}.build.\
                     extra-requires` adds a requirement; one that has no wheel cannot be locked"
                )));
        }
        let text = fs::read_to_string(dir.join("pylock.toml"))
            .map_err(|error| Problem::new("`uv pip compile` wrote no lock").cause(error))?;
        pins(name, &text, target)
    }

    /// What bounds build requirements: the project's constraints, and for what is built from source
    /// the version of the run time.
    fn constraints(&self, resolution: &Resolution) -> BTreeSet<String> {
        let built = resolution.built().filter(|it| !matches!(it.artifact, Artifact::Local(_)));
        let same = built.filter_map(|it| Some(format!("{}=={}", it.name, it.version.as_ref()?)));
        self.demands().constraints().into_iter().chain(same).collect()
    }
}

/// What uv sees of the environment: how to reach a network, and the indexes. Any other setting of
/// uv's, be it a variable or in a file that uv finds above the directory that it runs in, would
/// make the lock another one on another machine.
fn environment(host: Host<'_>) -> Result<BTreeMap<String, String>, Problem> {
    let mut variables = host.environment.for_network();
    variables.retain(|key, _| !key.starts_with("UV_") || ABOUT_NETWORK.contains(&key.as_str()));
    let indexes = Indexes::for_uv(host.environment)?;
    variables.extend(indexes.into_iter().map(|(key, value)| (key.to_owned(), value)));
    Ok(variables)
}

/// Settings of uv that decide how it reaches a server, never what it resolves.
const ABOUT_NETWORK: [&str; 12] = [
    "UV_CACHE_DIR",
    "UV_CONCURRENT_DOWNLOADS",
    "UV_HTTP_CONNECT_TIMEOUT",
    "UV_HTTP_RETRIES",
    "UV_HTTP_TIMEOUT",
    "UV_INSECURE_HOST",
    "UV_KEYRING_PROVIDER",
    "UV_NATIVE_TLS",
    "UV_NO_CACHE",
    "UV_OFFLINE",
    "UV_REQUEST_TIMEOUT",
    "UV_SYSTEM_CERTS",
];

/// The parts of PEP 751's `pylock.toml` that are needed here.
#[derive(Deserialize)]
struct Pylock {
    #[serde(default)]
    packages: Vec<PylockPackage>,
}

#[derive(Deserialize)]
struct PylockPackage {
    name: String,
    version: Option<String>,
    #[serde(default)]
    wheels: Vec<PylockWheel>,
}

#[derive(Deserialize)]
struct PylockWheel {
    name: Option<String>,
    url: Option<url::Url>,
    path: Option<String>,
    size: Option<u64>,
    hashes: BTreeMap<String, String>,
}

/// The best wheel of each package of a `pylock.toml`.
fn pins(
    whose: &PackageName,
    text: &str,
    target: &Target,
) -> Result<BTreeMap<Requirement, LockedFile>, Problem> {
    let unread = |because: String| {
        Problem::new(format!("cannot use uv's resolution of the build requirements of `{whose}`"))
            .fact("because", because)
    };
    let pylock: Pylock = toml::from_str(text).map_err(|error| unread(error.to_string()))?;
    let mut pins = BTreeMap::new();
    for package in pylock.packages {
        let name: PackageName = package.name.parse().map_err(|_| unread(package.name.clone()))?;
        let version: Version = package
            .version
            .as_deref()
            .and_then(|version| version.parse().ok())
            .ok_or_else(|| unread(format!("`{name}` has no version")))?;
        let named: Vec<(String, &PylockWheel)> =
            package.wheels.iter().filter_map(|wheel| Some((filename(wheel)?, wheel))).collect();
        let best = best_wheel(named.iter().map(|it| (it.0.as_str(), it)), target);
        let (filename, wheel) =
            best.ok_or_else(|| unread(format!("`{name} {version}` has no wheel for {target}")))?;
        let sha256 = wheel
            .hashes
            .get("sha256")
            .and_then(|hex| Sha256::from_hex(hex).ok())
            .ok_or_else(|| unread(format!("the index gives no sha256 of `{filename}`")))?;
        let file = LockedFile { filename: filename.clone(), sha256, size: wheel.size };
        pins.insert(Requirement { name, version }, file);
    }
    Ok(pins)
}

fn filename(wheel: &PylockWheel) -> Option<String> {
    let last = |path: &str| path.rsplit('/').next().map(str::to_owned);
    let decoded =
        |text: String| percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned();
    wheel.name.clone().or_else(|| {
        let url = wheel.url.as_ref().and_then(|url| last(url.path()));
        url.or_else(|| wheel.path.as_deref().and_then(last)).map(decoded)
    })
}
