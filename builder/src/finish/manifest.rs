//! The contents of an output, as JSON that people review and the gate compares. It is read from the
//! output's own `.dist-info` directories, never by running its Python, and combined with what the
//! earlier stages did. It contains no time, host or host path.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::finish::layout::{Copied, Linked};
use crate::finish::patch::Applied;
use crate::install::collisions::Collision;
use crate::install::output::Output;
use base::packaging::{PackageName, Version};
use base::vocabulary::{Problem, Sha256};

mod installed;

pub use installed::{Installed, VersionDifferences, check_versions, installed};

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
    /// The absolute path at which the output is installed.
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
    /// A file name, `<repository>@<revision>`, a URL, or a path relative to the source tree; URLs
    /// without what may be secret in them.
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
    /// A source tree of the recipe.
    Tree,
    /// A project in the source tree.
    Local,
}

/// The facts about a distribution that the pipeline knows and its `.dist-info` lacks.
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
    /// The result of `collisions::find`.
    pub collisions: Vec<Collision>,
    /// The result of `patch::apply`.
    pub patches: Vec<Applied>,
    /// The result of `layout::copy`.
    pub copied: Vec<Copied>,
    /// The result of `layout::link`.
    pub links: Vec<Linked>,
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
        let expected = from.iter().map(|from| (from.name.clone(), from.version.clone())).collect();
        check_versions(&expected, &installed)?;
        let distributions = from.iter().filter_map(|from| {
            let found = installed.get(&from.name)?;
            Some((&from.name, distribution(from, found)))
        });
        let distributions: BTreeMap<_, _> = distributions.collect();
        let Done { mut collisions, patches, mut copied, mut links } = done;
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
                .fact("received", value.get("version").unwrap_or(&serde_json::Value::Null))
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
