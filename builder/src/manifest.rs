//! What an output holds, as JSON that people review and the gate compares. It is read from the
//! output's own `.dist-info` directories, never by running its Python, and told together with what
//! the earlier stages did. It has no time, host or host path in it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr as _;

use fs_err as fs;
use serde::{Deserialize, Serialize};
use uv_normalize::PackageName;
use uv_pep440::Version;

use crate::collisions::Collision;
use crate::dist_info::{EntryPoints, InstalledRecords, Metadata, Record};
use crate::layout::{Copied, Linked};
use crate::output::{Output, normalised};
use crate::patch::Applied;
use crate::sys::files::sorted_entries;
use crate::vocabulary::{Problem, Sha256};

/// The version of the format; raised whenever a field changes its meaning.
pub const FORMAT_VERSION: u32 = 1;

/// All that an output holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// [`FORMAT_VERSION`].
    pub version: u32,
    /// The target, such as `cpython-3.14 x86_64-manylinux_2_39`.
    pub target: String,
    /// The absolute path at which the output believes it lives.
    pub prefix: String,
    /// Sorted by name.
    pub distributions: Vec<Distribution>,
    /// Sorted by path.
    pub collisions: Vec<Collision>,
    /// In the recipe's order, in which they were applied.
    pub patches: Vec<Applied>,
    /// Sorted by destination.
    pub copied: Vec<Copied>,
    /// Sorted by path.
    pub links: Vec<Linked>,
}

/// One installed distribution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Distribution {
    /// Normalised.
    pub name: PackageName,
    /// Normalised.
    pub version: Version,
    /// What it was installed from.
    pub kind: Kind,
    /// A file name, `<repository>@<revision>`, a URL, or a path relative to the source tree.
    pub origin: String,
    /// Digest of the file, or NAR hash of the tree, in hexadecimal.
    pub sha256: Sha256,
    /// Entry points by group and name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub entry_points: BTreeMap<String, BTreeMap<String, String>>,
    /// How many of the files in its `RECORD` are in the output.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// PEP 639's expression, else classifiers, else the first line of `License`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// `Requires-Dist`, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
}

/// What a distribution was installed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A wheel of an index.
    Wheel,
    /// A source archive of an index.
    Sdist,
    /// A git tree.
    Git,
    /// An archive at a URL.
    Url,
    /// An archive in the source tree.
    Path,
    /// A project in the source tree.
    Local,
}

/// What the pipeline knows of a distribution that its `.dist-info` does not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledFrom {
    /// The distribution.
    pub name: PackageName,
    /// The version that the resolution has.
    pub version: Version,
    /// What it was installed from.
    pub kind: Kind,
    /// As [`Distribution::origin`]; never a path of the host.
    pub origin: String,
    /// As [`Distribution::sha256`].
    pub sha256: Sha256,
}

/// What the stages before did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// Of `collisions::find`.
    pub collisions: Vec<Collision>,
    /// Of `patch::apply`.
    pub patches: Vec<Applied>,
    /// Of `layout::copy`.
    pub copied: Vec<Copied>,
    /// Of `layout::link`.
    pub links: Vec<Linked>,
}

/// A distribution as its `.dist-info` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Normalised.
    pub name: PackageName,
    /// Normalised.
    pub version: Version,
    /// `METADATA`.
    pub metadata: Metadata,
    /// `entry_points.txt`.
    pub entry_points: EntryPoints,
    /// How many of the files in its `RECORD` are in the output.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Manifest {
    /// Puts together what the output at `output` holds. `from` must have exactly what is installed.
    pub fn new(
        output: &Output,
        target: &str,
        from: &[InstalledFrom],
        done: Done,
    ) -> Result<Self, Problem> {
        let installed = installed(output)?;
        let expected = from
            .iter()
            .map(|from| (from.name.clone(), from.version.clone()))
            .collect();
        check_versions(&expected, &installed)?;
        let distributions = from.iter().filter_map(|from| {
            let found = installed.get(&from.name)?;
            Some((&from.name, distribution(from, found)))
        });
        let distributions: BTreeMap<_, _> = distributions.collect();
        let Done {
            mut collisions,
            patches,
            mut copied,
            mut links,
        } = done;
        collisions.sort_by(|a, b| a.path.cmp(&b.path));
        copied.sort_by(|a, b| a.to.cmp(&b.to));
        links.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self {
            version: FORMAT_VERSION,
            target: target.to_owned(),
            prefix: output.prefix.clone(),
            distributions: distributions.into_values().collect(),
            collisions,
            patches,
            copied,
            links,
        })
    }

    /// The file's text: indented JSON with a newline at its end, the same for equal manifests.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a manifest has string keys only");
        text.push('\n');
        text
    }

    /// Reads a manifest; one of another format version is an error.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let problem = || Problem::new("cannot read the manifest");
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|error| problem().cause(error))?;
        let version = value.get("version").and_then(serde_json::Value::as_u64);
        if version != Some(u64::from(FORMAT_VERSION)) {
            return Err(problem()
                .fact("expected", format!("version {FORMAT_VERSION}"))
                .fact(
                    "received",
                    value.get("version").unwrap_or(&serde_json::Value::Null),
                )
                .hint("make it again with this version of the tool"));
        }
        serde_json::from_value(value).map_err(|error| problem().cause(error))
    }
}

fn distribution(from: &InstalledFrom, found: &Installed) -> Distribution {
    let mut requires = found.metadata.requires.clone();
    requires.sort();
    Distribution {
        name: from.name.clone(),
        version: found.version.clone(),
        kind: from.kind,
        origin: from.origin.clone(),
        sha256: from.sha256,
        entry_points: found.entry_points.groups().clone(),
        files: found.files,
        bytes: found.bytes,
        licence: found.metadata.licence(),
        requires,
    }
}

/// Reads the `.dist-info` directories of an output. Two of one distribution are an error, as is one
/// that names none.
pub fn installed(output: &Output) -> Result<BTreeMap<PackageName, Installed>, Problem> {
    let problem = |name: &str| Problem::new(format!("cannot read the installed `{name}`"));
    let site_packages = output.root.join(&output.site_packages);
    let records = InstalledRecords::read(output)?;
    let mut all = BTreeMap::new();
    let entries = sorted_entries(&site_packages)
        .map_err(|error| problem(&output.site_packages).cause(error))?;
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.ends_with(".dist-info") {
            continue;
        }
        let metadata = fs::read(entry.path().join("METADATA"))
            .map_err(|error| problem(&name).cause(error))
            .map(|bytes| Metadata::parse(&bytes))?;
        let entry_points = match fs::read(entry.path().join("entry_points.txt")) {
            Ok(bytes) => EntryPoints::parse(&name, &bytes)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => EntryPoints::default(),
            Err(error) => return Err(problem(&name).cause(error)),
        };
        let (files, bytes) = files(output, &records, &name);
        let read = Installed {
            name: PackageName::from_str(&metadata.name).map_err(|e| problem(&name).cause(e))?,
            version: Version::from_str(&metadata.version).map_err(|e| problem(&name).cause(e))?,
            metadata,
            entry_points,
            files,
            bytes,
        };
        if let Some(before) = all.insert(read.name.clone(), read) {
            return Err(problem(&name)
                .fact("because", format!("`{}` is installed twice", before.name))
                .hint("the venv was not empty before the installation; build again"));
        }
    }
    Ok(all)
}

fn files(output: &Output, records: &InstalledRecords, dist_info: &str) -> (u64, u64) {
    let lines = records
        .record(dist_info)
        .into_iter()
        .flat_map(Record::lines);
    let sizes = lines.filter_map(|line| {
        let path = normalised(&format!("{}/{}", output.site_packages, line.path))?;
        let metadata = fs::symlink_metadata(output.root.join(path)).ok()?;
        Some(metadata.len())
    });
    sizes.fold((0, 0), |(files, bytes), size| (files + 1, bytes + size))
}

/// How what is installed differs from the resolution.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VersionDifferences {
    /// Resolved and not installed.
    pub missing: BTreeMap<PackageName, Version>,
    /// Installed and not resolved.
    pub unexpected: BTreeMap<PackageName, Version>,
    /// Resolved version, installed version.
    pub different: BTreeMap<PackageName, (Version, Version)>,
}

impl VersionDifferences {
    /// Compares the resolution with what is installed.
    pub fn between(
        expected: &BTreeMap<PackageName, Version>,
        installed: &BTreeMap<PackageName, Installed>,
    ) -> Self {
        let mut differences = Self::default();
        for (name, version) in expected {
            match installed.get(name) {
                None => drop(differences.missing.insert(name.clone(), version.clone())),
                Some(found) if found.version != *version => {
                    let both = (version.clone(), found.version.clone());
                    differences.different.insert(name.clone(), both);
                }
                Some(_) => {}
            }
        }
        let unexpected = installed
            .iter()
            .filter(|(name, _)| !expected.contains_key(*name));
        differences.unexpected = unexpected
            .map(|(name, found)| (name.clone(), found.version.clone()))
            .collect();
        differences
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Fails with all differences at once unless what is installed is exactly the resolution.
pub fn check_versions(
    expected: &BTreeMap<PackageName, Version>,
    installed: &BTreeMap<PackageName, Installed>,
) -> Result<(), Problem> {
    let differences = VersionDifferences::between(expected, installed);
    if differences.is_empty() {
        return Ok(());
    }
    let list = |versions: &BTreeMap<PackageName, Version>| {
        lines(
            versions
                .iter()
                .map(|(name, version)| format!("{name} {version}")),
        )
    };
    let different = differences
        .different
        .iter()
        .map(|(name, (expected, found))| format!("{name} {expected}, installed {found}"));
    let facts = [
        ("missing", list(&differences.missing)),
        ("unexpected", list(&differences.unexpected)),
        ("different", lines(different)),
    ];
    let problem = Problem::new("what is installed is not what was resolved");
    Err(facts
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .fold(problem, |problem, (label, text)| problem.fact(label, text))
        .hint("a wheel was built with another version than the lock has; look at its `METADATA`"))
}

fn lines(items: impl Iterator<Item = impl fmt::Display>) -> String {
    items
        .map(|item| item.to_string())
        .collect::<Vec<_>>()
        .join("\n")
}
