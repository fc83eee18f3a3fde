//! The lock: `uv.lock` as values. Text in, values out; no I/O.
//!
//! `wire` mirrors the file. The values that this module returns are validated: names and versions
//! are normalised, markers parse, every source has exactly one kind.

mod asked;
mod convert;
mod default_groups;
mod valid;
mod wire;
mod within;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use asked::{Asked, AskedOfPackage, AskedRequirement};
pub use default_groups::DefaultGroups;

use base::packaging::{
    ExtraName, GroupName, Marker, PackageName, Requirement, Version, VersionSpecifiers,
};
use base::vocabulary::Problem;
use base::vocabulary::limits::{Exceeded, LOCK_BYTES, LOCK_PART_BYTES};
use base::vocabulary::redacted::redacted;

/// A parsed `uv.lock`.
#[derive(Debug, Clone)]
pub struct Lock {
    /// The Python versions that were locked for.
    pub requires_python: Option<VersionSpecifiers>,
    /// If not empty, the target must satisfy one of them (`tool.uv.environments`).
    pub supported_markers: Vec<Marker>,
    /// Sets of extras and groups of which at most one may be selected (`tool.uv.conflicts`).
    pub conflicts: Vec<Vec<ConflictItem>>,
    /// Workspace members.
    pub members: BTreeSet<PackageName>,
    /// Dependency groups of a workspace root that is not a project.
    pub groups: BTreeMap<GroupName, Vec<Edge>>,
    /// The groups that such a root installs unless told otherwise.
    pub default_groups: Option<DefaultGroups>,
    /// What a script requires (PEP 723); the lock of a project has none.
    pub requirements: Vec<Edge>,
    /// `tool.uv.build-constraint-dependencies`, as PEP 508 texts.
    pub build_constraints: Vec<Requirement>,
    /// The directory of the lock in the source tree, `.` if it is the tree itself.
    pub directory: String,
    /// What uv was asked for. What is installed does not depend on it.
    pub asked: Asked,
    /// Every locked distribution, in the order of the file.
    pub packages: Vec<Package>,
    /// The newest `upload-time` of any file, which bounds the build lock.
    pub newest_upload: Option<String>,
    /// Keys that this tool does not know, such as `package.?.new-key`.
    pub unknown_keys: BTreeSet<String>,
    by_name: BTreeMap<PackageName, Vec<usize>>,
}

/// One `[[package]]`.
#[derive(Debug, Clone)]
pub struct Package {
    /// Normalised name.
    pub name: PackageName,
    /// Absent if the version is dynamic.
    pub version: Option<Version>,
    /// Where it comes from.
    pub source: Source,
    /// The forks of the resolution that it belongs to; empty means all.
    pub fork_markers: Vec<Marker>,
    /// What it needs to run.
    pub dependencies: Vec<Edge>,
    /// What each extra adds.
    pub extras: BTreeMap<ExtraName, Vec<Edge>>,
    /// Dependency groups (PEP 735); only local projects have them.
    pub groups: BTreeMap<GroupName, Vec<Edge>>,
    /// The groups that are installed unless told otherwise; locks before revision 5 have none.
    pub default_groups: Option<DefaultGroups>,
    /// The extras it declares, also those that add nothing.
    pub provides_extras: BTreeSet<ExtraName>,
    /// The groups it declares, also those that add nothing.
    pub provides_groups: BTreeSet<GroupName>,
    /// What it asks for, where the lock has its metadata: of local projects.
    pub asked: AskedOfPackage,
    /// The source distribution.
    pub sdist: Option<File>,
    /// The built distributions, in the order of the file.
    pub wheels: Vec<File>,
}

/// A dependency on another `[[package]]`.
#[derive(Debug, Clone)]
pub struct Edge {
    /// The package's name.
    pub name: PackageName,
    /// Which of several versions is meant.
    pub version: Option<Version>,
    /// Which of several sources is meant.
    pub source: Option<Source>,
    /// The extras that are asked for.
    pub extras: BTreeSet<ExtraName>,
    /// When the edge counts.
    pub marker: Marker,
}

/// Where a package comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// An index by URL, or a flat index: a local directory, relative to the lock.
    Registry(String),
    /// A git commit.
    Git(GitSource),
    /// A direct URL of an archive.
    Url {
        /// The archive's URL.
        url: String,
        /// The directory in it that holds the project.
        subdirectory: Option<String>,
    },
    /// A local archive, relative to the lock.
    Path(String),
    /// A local project that is built; relative to the lock, `.` for the root.
    Directory(String),
    /// As [`Source::Directory`]; uv would install it as editable, an output never holds editables.
    Editable(String),
    /// A local project that is not built, only its dependencies count.
    Virtual(String),
}

/// A git commit: `<url>?rev=…&subdirectory=…#<commit>` taken apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GitSource {
    /// The repository, without query and fragment.
    pub url: String,
    /// The commit, 40 hexadecimal digits.
    pub commit: String,
    /// The tag, branch or revision that the project asked for.
    pub reference: Option<String>,
    /// The directory that holds the project.
    pub subdirectory: Option<String>,
    /// Whether files that git LFS keeps elsewhere are part of it (`lfs = true`).
    pub lfs: bool,
}

/// A file of a package: a wheel or a source distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its plain name.
    pub filename: String,
    /// Where it is.
    pub location: Location,
    /// `sha256:…`; absent where the index gave none.
    pub hash: Option<String>,
    /// Bytes.
    pub size: Option<u64>,
    /// When it was uploaded, in UTC, as the lock claims: `2026-02-10T19:18:38.255Z`.
    pub upload_time: Option<String>,
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// At this URL.
    Url(url::Url),
    /// At this path, relative to the lock or, in a flat index, to the index's directory.
    Path(String),
    /// Where the package's source says (direct URLs and path requirements).
    Source,
}

/// A member of a set of conflicting extras and groups.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConflictItem {
    /// The package that declares it.
    pub package: PackageName,
    /// The conflicting part of the package.
    pub kind: ConflictKind,
}

/// The conflicting part of a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConflictKind {
    /// An extra.
    Extra(ExtraName),
    /// A dependency group.
    Group(GroupName),
    /// The project itself.
    Project,
}

impl Lock {
    /// Parses the text of a `uv.lock`.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        LOCK_BYTES.check(text.len()).map_err(unread)?;
        let mut unknown_keys = BTreeSet::new();
        let wire = in_parts(text, &mut unknown_keys).or_else(|because| {
            // What is wrong, and where, only the whole text tells.
            unknown_keys.clear();
            LOCK_PART_BYTES.check(text.len()).map_err(|_| because)?;
            read(text, &mut unknown_keys).map_err(Unread::Toml)
        });
        let wire = wire.map_err(|error| match error {
            Unread::Exceeded(error) => unread(error),
            Unread::Toml(error) => match version_of(text) {
                Some(1) | None => not_toml(&error),
                Some(version) => wrong_version(version),
            },
        })?;
        let mut lock = convert::lock(wire)?;
        lock.unknown_keys = unknown_keys;
        Ok(lock)
    }

    /// The packages of that name, in the order of the file.
    pub fn named(&self, name: &PackageName) -> impl Iterator<Item = &Package> {
        self.positions(name).iter().map(|&index| &self.packages[index])
    }

    /// Where in `packages` those of that name are, in the order of the file.
    pub fn positions(&self, name: &PackageName) -> &[usize] {
        self.by_name.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &PackageName> {
        self.by_name.keys()
    }

    /// The project whose directory is that of the lock. A virtual workspace root has none.
    pub fn root(&self) -> Option<&Package> {
        self.packages.iter().find(|it| it.source.local_path() == Some(&self.directory))
    }

    /// Whether it is the lock of a script (PEP 723), which has requirements and no project.
    pub fn is_of_script(&self) -> bool {
        !self.requirements.is_empty() && self.members.is_empty() && self.root().is_none()
    }
}

impl Source {
    fn move_within(&mut self, directory: &str) {
        match self {
            // An index is a URL, or a directory of the tree.
            Self::Registry(path) if path.contains("://") => {}
            Self::Registry(path)
            | Self::Path(path)
            | Self::Directory(path)
            | Self::Editable(path)
            | Self::Virtual(path) => *path = joined(directory, path),
            Self::Git(_) | Self::Url { .. } => {}
        }
    }

    /// The directory of a local project, relative to the lock.
    pub fn local_path(&self) -> Option<&str> {
        match self {
            Self::Directory(path) | Self::Editable(path) | Self::Virtual(path) => Some(path),
            _ => None,
        }
    }
}

/// `path` of `directory`, without what leads up where that is possible.
fn joined(directory: &str, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in directory.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(location) => write!(f, "registry {}", redacted(location)),
            Self::Git(git) => write!(f, "git {}#{}", redacted(&git.url), git.commit),
            Self::Url { url, .. } => write!(f, "url {}", redacted(url)),
            Self::Path(path) => write!(f, "path {path}"),
            Self::Directory(path) => write!(f, "directory {path}"),
            Self::Editable(path) => write!(f, "editable {path}"),
            Self::Virtual(path) => write!(f, "virtual {path}"),
        }
    }
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{} {version}", self.name),
            None => write!(f, "{}", self.name),
        }
    }
}

impl fmt::Display for ConflictItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ConflictKind::Extra(extra) => write!(f, "extra `{}[{extra}]`", self.package),
            ConflictKind::Group(group) => write!(f, "group `{}:{group}`", self.package),
            ConflictKind::Project => write!(f, "project `{}`", self.package),
        }
    }
}

/// Why a text is not read as a lock.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    #[error(transparent)]
    Toml(#[from] toml::de::Error),
}

/// Reads a lock one `[[package]]` after the other: a parser needs many times the memory of its
/// input, and for a large lock this takes most of the time. A lock that uv did not write may be
/// valid and still fail here, but not the other way round: a line that only looks like a header
/// leaves an unterminated part before it.
fn in_parts(text: &str, unknown_keys: &mut BTreeSet<String>) -> Result<wire::LockWire, Unread> {
    let starts = text.match_indices("\n[[package]]\n").map(|(end, _)| end + 1);
    let ends = starts.clone().skip(1).chain([text.len()]);
    let head = starts.clone().next().unwrap_or(text.len());
    let parts = starts.zip(ends);
    for (start, end) in [(0, head)].into_iter().chain(parts.clone()) {
        LOCK_PART_BYTES.check(end - start)?;
    }
    let mut lock: wire::LockWire = read(&text[..head], unknown_keys)?;
    for (start, end) in parts {
        let part: wire::PackagesWire = read(&text[start..end], unknown_keys)?;
        lock.packages.extend(part.packages);
    }
    Ok(lock)
}

fn read<T: serde::de::DeserializeOwned>(
    text: &str,
    unknown_keys: &mut BTreeSet<String>,
) -> Result<T, toml::de::Error> {
    serde_ignored::deserialize(toml::Deserializer::parse(text)?, |path| {
        let key = general(&path.to_string());
        if !SKIPPED_KEYS.iter().any(|known| key.starts_with(known)) {
            unknown_keys.insert(key);
        }
    })
}

/// Keys that are known and not needed: what was asked for, where `dependencies` has the answer.
const SKIPPED_KEYS: [&str; 3] = [
    "package.?.metadata.requires-dist",
    "package.?.metadata.requires-dev",
    "package.?.metadata.dependency-groups",
];

/// `package.12.new-key` becomes `package.?.new-key`: one finding, however many packages have it.
fn general(path: &str) -> String {
    let digits = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts = path.split('.').map(|part| if digits(&part) { "?" } else { part });
    parts.collect::<Vec<_>>().join(".")
}

/// The version of what has not the shape of version 1: a lock of version 2 need not have it.
fn version_of(text: &str) -> Option<u32> {
    #[derive(serde::Deserialize)]
    struct Head {
        version: u32,
    }
    LOCK_PART_BYTES.check(text.len()).ok()?;
    toml::from_str::<Head>(text).ok().map(|head| head.version)
}

fn wrong_version(version: u32) -> Problem {
    Problem::usage(format!("`uv.lock` has version {version}; this tool understands version 1"))
        .hint("lock again with a uv that writes version 1, or update this tool")
}

fn unread(error: Exceeded) -> Problem {
    Problem::usage("cannot read `uv.lock`").fact("because", error)
}

fn not_toml(error: &toml::de::Error) -> Problem {
    Problem::usage("cannot read `uv.lock`")
        .fact("because", error.to_string().trim_end())
        .hint("`uv lock` rewrites it; a merge conflict is a frequent cause")
}

#[cfg(test)]
mod tests;
