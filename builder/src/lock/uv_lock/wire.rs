//! `uv.lock` as it is written (version 1, all revisions): one field per key, nothing checked.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::DefaultGroups;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct LockWire {
    pub(super) version: u32,
    #[serde(default)]
    pub(super) revision: u32,
    pub(super) requires_python: Option<String>,
    #[serde(default)]
    pub(super) resolution_markers: Vec<String>,
    #[serde(default)]
    pub(super) supported_markers: Vec<String>,
    #[serde(default)]
    pub(super) required_markers: Vec<String>,
    #[serde(default)]
    pub(super) conflicts: Vec<Vec<ConflictWire>>,
    #[serde(default)]
    pub(super) options: OptionsWire,
    #[serde(default)]
    pub(super) manifest: ManifestWire,
    #[serde(default, rename = "package", alias = "distribution")]
    pub(super) packages: Vec<PackageWire>,
}

/// A part of a lock that has nothing but packages.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PackagesWire {
    #[serde(rename = "package")]
    pub(super) packages: Vec<PackageWire>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ConflictWire {
    pub(super) package: String,
    pub(super) extra: Option<String>,
    pub(super) group: Option<String>,
}

/// Settings of uv's resolver. They decided what was locked; installing it needs none of them, and
/// the gate shows their changes.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct OptionsWire {
    pub(super) resolution_mode: Option<toml::Value>,
    pub(super) prerelease_mode: Option<toml::Value>,
    pub(super) prerelease_package: Option<toml::Value>,
    pub(super) fork_strategy: Option<toml::Value>,
    pub(super) exclude_newer: Option<toml::Value>,
    pub(super) exclude_newer_span: Option<toml::Value>,
    pub(super) exclude_newer_package: Option<toml::Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ManifestWire {
    #[serde(default)]
    pub(super) members: Vec<String>,
    #[serde(default)]
    pub(super) build_constraints: Vec<ConstraintWire>,
    #[serde(default)]
    pub(super) requirements: Vec<RequirementWire>,
    #[serde(default)]
    pub(super) dependency_groups: BTreeMap<String, Vec<RequirementWire>>,
    pub(super) default_groups: Option<DefaultGroups>,
    // What uv was asked for. The edges of the packages already contain the answer.
    pub(super) constraints: Option<toml::Value>,
    pub(super) overrides: Option<toml::Value>,
    pub(super) excludes: Option<toml::Value>,
    pub(super) dependency_metadata: Option<toml::Value>,
}

/// What was asked for, and not by a package. The lock has one package of that name for each fork,
/// so specifier and source decide nothing more.
#[derive(Debug, Deserialize)]
pub(super) struct RequirementWire {
    pub(super) name: String,
    #[serde(default)]
    pub(super) extras: Vec<String>,
    pub(super) marker: Option<String>,
    #[serde(flatten)]
    _asked: BTreeMap<String, toml::Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ConstraintWire {
    pub(super) name: String,
    #[serde(default)]
    pub(super) specifier: String,
    #[serde(default)]
    pub(super) marker: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct PackageWire {
    pub(super) name: String,
    pub(super) version: Option<String>,
    pub(super) source: SourceWire,
    #[serde(default)]
    pub(super) resolution_markers: Vec<String>,
    #[serde(default)]
    pub(super) dependencies: Vec<EdgeWire>,
    #[serde(default)]
    pub(super) optional_dependencies: BTreeMap<String, Vec<EdgeWire>>,
    #[serde(default, rename = "dev-dependencies", alias = "dependency-groups")]
    pub(super) dev_dependencies: BTreeMap<String, Vec<EdgeWire>>,
    pub(super) default_groups: Option<DefaultGroups>,
    pub(super) sdist: Option<FileWire>,
    #[serde(default)]
    pub(super) wheels: Vec<FileWire>,
    #[serde(default)]
    pub(super) metadata: MetadataWire,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct MetadataWire {
    #[serde(default)]
    pub(super) provides_extras: Vec<String>,
    #[serde(default)]
    pub(super) requires_dist: Vec<toml::Table>,
    #[serde(default, rename = "requires-dev", alias = "dependency-groups")]
    pub(super) requires_dev: BTreeMap<String, toml::Value>,
}

/// Exactly one of the first seven keys is present.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct SourceWire {
    pub(super) registry: Option<String>,
    pub(super) git: Option<String>,
    pub(super) url: Option<String>,
    pub(super) path: Option<String>,
    pub(super) directory: Option<String>,
    pub(super) editable: Option<String>,
    pub(super) r#virtual: Option<String>,
    /// Of a direct URL.
    pub(super) subdirectory: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct EdgeWire {
    pub(super) name: String,
    pub(super) version: Option<String>,
    /// Few edges have one, and it is larger than all the rest.
    pub(super) source: Option<Box<SourceWire>>,
    #[serde(default)]
    pub(super) extra: Vec<String>,
    pub(super) marker: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct FileWire {
    pub(super) url: Option<String>,
    pub(super) path: Option<String>,
    pub(super) filename: Option<String>,
    pub(super) hash: Option<String>,
    pub(super) size: Option<u64>,
    #[serde(alias = "upload_time")]
    pub(super) upload_time: Option<String>,
    /// A second, smaller form of the metadata.
    #[serde(default, rename = "zstd")]
    _zstd: Option<serde::de::IgnoredAny>,
}
