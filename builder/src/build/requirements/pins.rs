//! Reads uv's resolution from the `pylock.toml` (PEP 751) that it writes: for each build
//! requirement, the wheel that fits best and the source that it can be built from.

use std::collections::BTreeMap;
use std::path::Path;

use base::packaging::PackageName;
use base::packaging::Version;
use serde::Deserialize;
use url::Url;

use crate::lock::GitSource;
use crate::lock::build_lock::{FilePlace, LockedFile, Requirement, ToolSource};
use crate::lock::resolve::{best_wheel, is_wheel};
use base::vocabulary::{Sha256, Target};

/// What a build requirement comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pin {
    /// The wheel that fits best.
    pub(super) wheel: Option<LockedFile>,
    /// What it is built from where no wheel fits or none is wanted.
    pub(super) source: Option<ToolSource>,
}

pub(super) type Pins = BTreeMap<Requirement, Pin>;

/// A package of a resolution. uv does not report the version of a directory.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) name: PackageName,
    pub(super) version: Option<Version>,
    pub(super) pin: Pin,
}

/// The parts of a `pylock.toml` that are needed here.
#[derive(Deserialize)]
struct Pylock {
    #[serde(default)]
    packages: Vec<PackageWire>,
}

#[derive(Deserialize)]
struct PackageWire {
    name: String,
    version: Option<String>,
    #[serde(default)]
    wheels: Vec<FileWire>,
    sdist: Option<FileWire>,
    archive: Option<FileWire>,
    directory: Option<DirectoryWire>,
    vcs: Option<VcsWire>,
}

#[derive(Deserialize)]
struct FileWire {
    name: Option<String>,
    url: Option<Url>,
    path: Option<String>,
    size: Option<u64>,
    subdirectory: Option<String>,
    hashes: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct DirectoryWire {
    path: String,
    subdirectory: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct VcsWire {
    url: Option<String>,
    commit_id: String,
    requested_revision: Option<String>,
    subdirectory: Option<String>,
}

/// Where relative paths of a resolution start, and what they must stay below.
#[derive(Clone, Copy)]
pub(super) struct Trees<'a> {
    /// The directory of the `pylock.toml`.
    pub(super) beside: &'a Path,
    /// The application's tree.
    pub(super) application: &'a Path,
}

/// The packages of a `pylock.toml` for a target.
///
/// # Errors
/// Why it cannot be used.
pub(super) fn packages(
    text: &str,
    target: &Target,
    trees: Trees<'_>,
) -> Result<Vec<Resolved>, String> {
    let pylock: Pylock = toml::from_str(text).map_err(|error| error.to_string())?;
    pylock.packages.iter().map(|it| resolved(it, target, trees)).collect()
}

fn resolved(wire: &PackageWire, target: &Target, trees: Trees<'_>) -> Result<Resolved, String> {
    let name: PackageName = wire.name.parse().map_err(|_| wire.name.clone())?;
    let version = wire.version.as_deref().map(str::parse::<Version>).transpose();
    let version = version.map_err(|error| error.to_string())?;
    let wheels = wire.wheels.iter().filter_map(|wheel| Some((filename(wheel)?, wheel)));
    let wheels: Vec<(String, &FileWire)> = wheels.collect();
    let best = best_wheel(wheels.iter().map(|it| (it.0.as_str(), it.1)), target);
    // An index tells its files by URL or path; only a direct file is pinned with where it is.
    let of_index = |file: &FileWire| locked(file, FilePlace::Index);
    let mut pin = Pin {
        wheel: best.map(of_index).transpose()?,
        source: match &wire.sdist {
            Some(file) => Some(archive(file, FilePlace::Index)?),
            None => None,
        },
    };
    if let Some(file) = &wire.archive {
        let place = match (&file.url, &file.path) {
            (Some(url), _) => FilePlace::Url(url.clone()),
            (None, Some(path)) => FilePlace::Path(inside(path, trees)?),
            (None, None) => return Err(format!("`{name}` is an archive without a place")),
        };
        if filename(file).is_some_and(|name| is_wheel(&name)) {
            pin.wheel = Some(locked(file, place)?);
        } else {
            pin.source = Some(archive(file, place)?);
        }
    }
    if let Some(directory) = &wire.directory {
        let path = match &directory.subdirectory {
            Some(below) => format!("{}/{below}", directory.path),
            None => directory.path.clone(),
        };
        pin.source = Some(ToolSource::Local(inside(&path, trees)?));
    }
    if let Some(vcs) = &wire.vcs {
        let url = vcs.url.clone().ok_or_else(|| format!("`{name}` has no repository"))?;
        pin.source = Some(ToolSource::Git(GitSource {
            url,
            commit: vcs.commit_id.clone(),
            reference: vcs.requested_revision.clone(),
            subdirectory: vcs.subdirectory.clone(),
            // A source with `lfs = true` is refused.
            lfs: false,
        }));
    }
    if pin.wheel.is_none() && pin.source.is_none() {
        let version = version.map(|version| format!(" {version}")).unwrap_or_default();
        return Err(format!("`{name}{version}` has no wheel for {target} and no source"));
    }
    Ok(Resolved { name, version, pin })
}

fn archive(file: &FileWire, place: FilePlace) -> Result<ToolSource, String> {
    let subdirectory = file.subdirectory.clone();
    Ok(ToolSource::Archive { file: locked(file, place)?, subdirectory })
}

fn locked(file: &FileWire, place: FilePlace) -> Result<LockedFile, String> {
    let filename = filename(file).ok_or("a file has no name")?;
    let sha256 = file.hashes.get("sha256").and_then(|hex| Sha256::from_hex(hex).ok());
    let sha256 = sha256.ok_or_else(|| format!("the index gives no sha256 of `{filename}`"))?;
    Ok(LockedFile { filename, sha256, size: file.size, place })
}

/// The URL of a file that is on an index.
pub(super) fn urls(text: &str) -> BTreeMap<String, Url> {
    let Ok(pylock) = toml::from_str::<Pylock>(text) else {
        return BTreeMap::new();
    };
    let files = pylock.packages.into_iter().flat_map(|it| it.wheels.into_iter().chain(it.sdist));
    files.filter_map(|file| Some((filename(&file)?, file.url?))).collect()
}

fn filename(file: &FileWire) -> Option<String> {
    let last = |path: &str| path.rsplit('/').next().map(str::to_owned);
    let decoded =
        |text: String| percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned();
    file.name.clone().or_else(|| {
        let url = file.url.as_ref().and_then(|url| last(url.path()));
        url.or_else(|| file.path.as_deref().and_then(last)).map(decoded)
    })
}

/// A path of uv's as one of the application's tree.
fn inside(path: &str, trees: Trees<'_>) -> Result<String, String> {
    let outside = || format!("`{path}` lies outside of the source tree");
    let found = trees.beside.join(path).canonicalize().map_err(|error| error.to_string())?;
    let tree = trees.application.canonicalize().map_err(|error| error.to_string())?;
    let below = found.strip_prefix(&tree).map_err(|_| outside())?;
    match below.to_str().ok_or_else(outside)? {
        "" => Ok(".".to_owned()),
        below => Ok(below.to_owned()),
    }
}
