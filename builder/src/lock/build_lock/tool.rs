//! Build requirements that are built from source themselves, because no wheel fits or the project
//! wants no wheels. They are not installed, so only the build lock lists them.

use super::{LockedBuild, LockedFile, Requirement, SourcePin};
use crate::lock::GitSource;
use crate::lock::resolve::{Artifact, Distribution, Place, RegistryFile};

/// A build requirement that is built from source, and what its own build needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// Where its source comes from.
    pub source: ToolSource,
    /// What its build needs.
    pub build: LockedBuild,
}

/// Where the source of a build requirement comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ToolSource {
    /// A source distribution.
    Archive {
        /// The file.
        file: LockedFile,
        /// The directory in it that holds the project.
        subdirectory: Option<String>,
    },
    /// A git tree.
    Git(GitSource),
    /// A directory of the application's own tree.
    Local(String),
}

/// Where a file of a build requirement is.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum FilePlace {
    /// On an index, which is asked for its name and sha256.
    #[default]
    Index,
    /// At a URL that `[tool.uv.sources]` or the requirement itself names.
    Url(url::Url),
    /// In the application's own tree.
    Path(String),
}

impl ToolSource {
    /// As a distribution of that name, which can be laid out and built. Only an index says the
    /// version of a source before it is built.
    pub fn distribution(&self, requirement: &Requirement) -> Distribution {
        let of_index = matches!(self, Self::Archive { file, .. } if file.is_of_index());
        Distribution {
            name: requirement.name.clone(),
            version: of_index.then(|| requirement.version.clone()),
            artifact: self.artifact(),
        }
    }

    fn artifact(&self) -> Artifact {
        let (file, subdirectory) = match self {
            Self::Archive { file, subdirectory } => (file, subdirectory),
            Self::Git(git) => return Artifact::Git(git.clone()),
            Self::Local(path) => return Artifact::Local(path.clone()),
        };
        match &file.place {
            FilePlace::Index => Artifact::Sdist(RegistryFile {
                filename: file.filename.clone(),
                sha256: file.sha256,
                size: file.size,
                place: Place::Index,
            }),
            FilePlace::Url(url) => Artifact::Url {
                url: url.clone(),
                filename: file.filename.clone(),
                sha256: file.sha256,
                size: file.size,
                subdirectory: subdirectory.clone(),
            },
            FilePlace::Path(path) => {
                Artifact::Path { path: path.clone(), sha256: file.sha256, of_recipe: false }
            }
        }
    }

    /// What identifies it.
    pub fn pin(&self) -> SourcePin {
        SourcePin::of(&self.artifact()).expect("it is built")
    }
}
