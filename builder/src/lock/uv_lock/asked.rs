//! The inputs of uv's resolution: settings of its resolver, and the requirements of the projects.
//! They do not decide what is installed. The gate shows how they changed, and checks the lock
//! against them.

use std::collections::{BTreeMap, BTreeSet};

use toml::Value;

use super::valid::{all, invalid, parsed};
use super::wire::{ManifestWire, OptionsWire};
use base::packaging::{ExtraName, GroupName, PackageName, VersionSpecifiers};
use base::vocabulary::Problem;

/// What uv was asked for, of the lock as a whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Asked {
    /// `[options]`, by key: how versions were chosen.
    pub options: BTreeMap<&'static str, Value>,
    /// `constraints`, `overrides`, `excludes` and `dependency-metadata` of `[manifest]`.
    pub manifest: BTreeMap<&'static str, Value>,
    /// `resolution-markers`: the forks.
    pub forks: Vec<String>,
    /// `required-markers`: environments that must be served by wheels.
    pub required: Vec<String>,
}

/// What a local project asks for: its metadata as uv saw it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AskedOfPackage {
    /// `requires-dist`, in the order of the file.
    pub requires: Vec<AskedRequirement>,
    /// `requires-dev`: its dependency groups.
    pub groups: BTreeMap<GroupName, Vec<AskedRequirement>>,
}

/// A requirement as the lock has it.
#[derive(Debug, Clone, PartialEq)]
pub struct AskedRequirement {
    /// What is required.
    pub name: PackageName,
    /// The extras of it that are required too.
    pub extras: BTreeSet<ExtraName>,
    /// The versions that do.
    pub specifier: Option<VersionSpecifiers>,
    /// When it is required; `extra == 'x'` is in it.
    pub marker: Option<String>,
    /// Whether the project says where it is: git, URL, path or workspace.
    pub has_source: bool,
}

pub(super) fn of_lock(
    options: OptionsWire,
    manifest: &mut ManifestWire,
    (forks, required): (Vec<String>, Vec<String>),
) -> Asked {
    let options = [
        ("resolution-mode", options.resolution_mode),
        ("prerelease-mode", options.prerelease_mode),
        ("prerelease-package", options.prerelease_package),
        ("fork-strategy", options.fork_strategy),
        ("exclude-newer", options.exclude_newer),
        ("exclude-newer-span", options.exclude_newer_span),
        ("exclude-newer-package", options.exclude_newer_package),
    ];
    let manifest = [
        ("constraints", manifest.constraints.take()),
        ("overrides", manifest.overrides.take()),
        ("excludes", manifest.excludes.take()),
        ("dependency-metadata", manifest.dependency_metadata.take()),
    ];
    let known = |(key, value): (&'static str, Option<Value>)| Some((key, value?));
    Asked {
        options: options.into_iter().filter_map(known).collect(),
        manifest: manifest.into_iter().filter_map(known).collect(),
        forks,
        required,
    }
}

pub(super) fn of_package(
    what: &str,
    requires: Vec<toml::Table>,
    groups: BTreeMap<String, Value>,
) -> Result<AskedOfPackage, Problem> {
    let list = |entries: Vec<toml::Table>| {
        entries.iter().map(|entry| requirement(what, entry)).collect::<Result<Vec<_>, Problem>>()
    };
    let tables = |value: Value| match value {
        Value::Array(entries) => entries
            .into_iter()
            .map(|entry| match entry {
                Value::Table(table) => Ok(table),
                other => Err(invalid(what, &other.to_string(), "it is no table")),
            })
            .collect::<Result<Vec<_>, Problem>>(),
        other => Err(invalid(what, &other.to_string(), "it is no list")),
    };
    Ok(AskedOfPackage {
        requires: list(requires)?,
        groups: groups
            .into_iter()
            .map(|(name, entries)| Ok((parsed(what, &name)?, list(tables(entries)?)?)))
            .collect::<Result<_, Problem>>()?,
    })
}

fn requirement(what: &str, entry: &toml::Table) -> Result<AskedRequirement, Problem> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    let extras = entry.get("extras").and_then(Value::as_array);
    let extras = extras.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    let sources = ["git", "url", "path", "directory", "editable", "virtual"];
    Ok(AskedRequirement {
        name: parsed(what, text("name").unwrap_or_default())?,
        extras: all(what, &extras.collect::<Vec<_>>())?,
        specifier: text("specifier").map(|text| parsed(what, text)).transpose()?,
        marker: text("marker").map(str::to_owned),
        has_source: sources.iter().any(|key| entry.contains_key(*key)),
    })
}
