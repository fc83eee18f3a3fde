//! A tool that was built while a build lock is made, and the metadata of its wheel.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use base::dist_info::Metadata;
use base::packaging::{PackageName, Version};
use base::vocabulary::Problem;
use base::vocabulary::limits::METADATA_BYTES;
use fs_err as fs;

/// A tool that was built.
#[derive(Debug, Clone)]
pub(super) struct Built {
    pub(super) name: PackageName,
    pub(super) wheel: PathBuf,
    pub(super) metadata: BuiltMetadata,
}

/// What a wheel says of what it needs, for uv.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BuiltMetadata {
    pub(super) version: Version,
    requires: Vec<String>,
    extras: Vec<String>,
    requires_python: Option<String>,
}

impl BuiltMetadata {
    /// The metadata of a tool that is not built yet: no known requirements.
    pub(super) fn unknown(version: Option<Version>) -> Self {
        Self {
            version: version.unwrap_or_else(|| Version::new([0])),
            requires: Vec::new(),
            extras: Vec::new(),
            requires_python: None,
        }
    }

    /// As an entry of uv's `dependency-metadata`.
    pub(super) fn to_toml(&self) -> toml::Table {
        let mut table = toml::Table::new();
        table.insert("requires-dist".to_owned(), self.requires.clone().into());
        table.insert("provides-extra".to_owned(), self.extras.clone().into());
        if let Some(python) = &self.requires_python {
            table.insert("requires-python".to_owned(), python.clone().into());
        }
        table
    }

    pub(super) fn of_wheel(wheel: &Path) -> Result<Self, Problem> {
        let unread = || Problem::new(format!("cannot read the metadata of `{}`", wheel.display()));
        let read = || -> std::io::Result<Vec<u8>> {
            let mut archive = zip::ZipArchive::new(fs::File::open(wheel)?)?;
            let is_metadata = |name: &String| {
                name.strip_suffix(".dist-info/METADATA").is_some_and(|top| !top.contains('/'))
            };
            let names = archive.file_names().filter_map(|name| Some(name.ok()?.into_owned()));
            let name = { names }.find(is_metadata);
            let name = name.ok_or_else(|| std::io::Error::other("it has no `METADATA`"))?;
            let mut bytes = Vec::new();
            archive.by_name(&name)?.take(METADATA_BYTES.max).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let metadata = Metadata::parse(&read().map_err(|error| unread().cause(error))?);
        let version = metadata.version.parse();
        Ok(Self {
            version: version.map_err(|_| unread().fact("version", &metadata.version))?,
            requires: metadata.requires,
            extras: metadata.extras,
            requires_python: metadata.requires_python,
        })
    }
}
