//! From wheels to a virtual environment at the prefix.

pub mod output; // the tree that phase 2 makes, and paths in it
pub(crate) mod records; // the RECORD files of an output, and who owns a file
pub mod collisions; // paths that several distributions install
pub mod venv; // the virtual environment at the prefix

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use crate::wheel_archive;

use crate::build::BuiltWheel;
use crate::fetch::request::Shelf;
use crate::lock::build_graph::BuildName;
use crate::lock::resolve::{Artifact, Resolution};
use base::packaging::PackageName;

/// The wheel of every distribution that is installed: downloaded or built.
pub fn wheel_paths(
    resolution: &Resolution,
    wheelhouse: &Path,
    built: &BTreeMap<BuildName, BuiltWheel>,
) -> Vec<PathBuf> {
    let downloaded = wheelhouse.join(Shelf::Wheels.directory());
    let path = |name: &PackageName, artifact: &Artifact| match artifact {
        _ if artifact.is_built() => {
            built.get(&BuildName::Installed(name.clone())).map(|wheel| wheel.path.clone())
        }
        Artifact::Wheel(file) => Some(downloaded.join(&file.filename)),
        Artifact::Url { filename, .. } => Some(downloaded.join(filename)),
        Artifact::Path { path, .. } => {
            Some(downloaded.join(path.rsplit('/').next().unwrap_or_default()))
        }
        _ => None,
    };
    resolution.distributions.iter().filter_map(|it| path(&it.name, &it.artifact)).collect()
}
