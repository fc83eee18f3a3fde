//! Reads the installed distributions from an output's `.dist-info` directories, and compares them
//! with the resolution.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr as _;

use crate::install::output::Output;
use crate::install::records::{DistInfo, InstalledRecords};
use base::dist_info::{EntryPoints, Metadata, Record};
use base::packaging::{PackageName, Version};
use base::sys::beneath::{Beneath, Found};
use base::vocabulary::Problem;

/// A distribution as its `.dist-info` describes it.
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

/// Reads the `.dist-info` directories of an output. Two of one distribution are an error, as is one
/// that names none.
pub fn installed(output: &Output) -> Result<BTreeMap<PackageName, Installed>, Problem> {
    let problem = |name: &str| Problem::new(format!("cannot read the installed `{name}`"));
    let records = InstalledRecords::read(output)?;
    let tree = output.beneath()?;
    let mut all = BTreeMap::new();
    let dist_infos =
        DistInfo::all(output).map_err(|error| problem(&output.site_packages).cause(error))?;
    for dist_info in dist_infos {
        let name = &dist_info.name;
        let metadata = dist_info
            .read("METADATA")
            .map_err(|error| problem(name).cause(error))
            .map(|bytes| Metadata::parse(&bytes))?;
        let entry_points = match dist_info.read("entry_points.txt") {
            Ok(bytes) => EntryPoints::parse(name, &bytes)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => EntryPoints::default(),
            Err(error) => return Err(problem(name).cause(error)),
        };
        let (files, bytes) = files(output, &tree, &records, name);
        let read = Installed {
            name: PackageName::from_str(&metadata.name).map_err(|e| problem(name).cause(e))?,
            version: Version::from_str(&metadata.version).map_err(|e| problem(name).cause(e))?,
            metadata,
            entry_points,
            files,
            bytes,
        };
        if let Some(before) = all.insert(read.name.clone(), read) {
            return Err(problem(name)
                .fact("because", format!("`{}` is installed twice", before.name))
                .hint("the venv was not empty before the installation; build again"));
        }
    }
    Ok(all)
}

/// How many of the files in a `RECORD` are there, and their bytes.
fn files(
    output: &Output,
    tree: &Beneath,
    records: &InstalledRecords,
    dist_info: &str,
) -> (u64, u64) {
    let lines = records.record(dist_info).into_iter().flat_map(Record::lines);
    let sizes = lines.filter_map(|line| {
        let path = output.recorded(&line.path)?;
        match tree.find(&path).ok()?? {
            Found::File { size, .. } => Some(size),
            Found::Link => Some(tree.read_link(&path).ok()?.as_os_str().len() as u64),
            Found::Directory | Found::Special => None,
        }
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
        let unexpected = installed.iter().filter(|(name, _)| !expected.contains_key(*name));
        differences.unexpected =
            unexpected.map(|(name, found)| (name.clone(), found.version.clone())).collect();
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
        lines(versions.iter().map(|(name, version)| format!("{name} {version}")))
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
    items.map(|item| item.to_string()).collect::<Vec<_>>().join("\n")
}
