//! The resolution: turns a lock, a target and a selection into a flat list of distributions. Each
//! distribution occurs once, with exactly one file, git tree or local tree. Values in, values out;
//! no I/O.
//!
//! A [`RuntimeResolver`] decides which packages are installed; `choose` picks the file of each.

mod choose; // the file of each package
mod conflicts; // members of conflict sets
mod graph; // what is asked, and what is answered
mod lock_resolver; // the resolver: roots and walks
mod roots; // where the graph starts
mod walk; // one walk through a lock

use serde::Serialize;

use crate::lock::pyproject::Pyproject;
use crate::lock::{GitSource, Lock};
use base::packaging::{PackageName, Version};
use base::recipe::Selection;
use base::vocabulary::{Problem, Sha256, Target};

pub use lock_resolver::LockResolver;

pub use graph::{
    Part, Requirements, Root, Roots, RuntimeEdge, RuntimeGraph, RuntimeNode, RuntimeRequest,
    RuntimeResolver,
};

/// What a target needs at run time, sorted by name.
#[derive(Debug, Clone)]
pub struct Resolution {
    /// For what it was resolved.
    pub target: Target,
    /// The selected projects, sorted by name.
    pub roots: Vec<PackageName>,
    /// Sorted by name; no name occurs twice.
    pub distributions: Vec<Distribution>,
}

/// One distribution and what it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    /// Normalised name.
    pub name: PackageName,
    /// Absent if the version is dynamic: only the built wheel knows it.
    pub version: Option<Version>,
    /// What it comes from.
    pub artifact: Artifact,
}

/// What a distribution comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Artifact {
    /// A wheel of an index.
    Wheel(RegistryFile),
    /// A source distribution of an index.
    Sdist(RegistryFile),
    /// A git tree.
    Git(GitSource),
    /// An archive at a URL: wheel or source distribution.
    Url {
        /// Where it is.
        url: url::Url,
        /// Its plain name.
        filename: String,
        /// Its pin.
        sha256: Sha256,
        /// Bytes, if the lock says so.
        size: Option<u64>,
        /// The directory in it that holds the project.
        subdirectory: Option<String>,
    },
    /// A local archive: wheel or source distribution.
    Path {
        /// Relative to the lock, or to the recipe's directory.
        path: String,
        /// Its pin.
        sha256: Sha256,
        /// Whether the recipe has it instead of what the lock has.
        of_recipe: bool,
    },
    /// A source tree of the recipe, instead of what the lock has.
    Tree {
        /// Relative to the recipe's directory.
        path: String,
        /// Its pin.
        nar_hash: Sha256,
    },
    /// A local project, relative to the lock.
    Local(String),
    /// A local project of which only the dependencies count.
    Virtual(String),
}

/// A file of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryFile {
    /// Its plain name.
    pub filename: String,
    /// Its pin.
    pub sha256: Sha256,
    /// Bytes, if the lock says so.
    pub size: Option<u64>,
    /// Where the lock has it.
    pub place: Place,
}

/// Where the lock has a file of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// At a URL.
    Url(url::Url),
    /// In a flat index; relative to the lock.
    Path(String),
    /// Nowhere: an index is asked for its name and sha256.
    Index,
}

impl Artifact {
    /// Whether a build is needed before it can be installed.
    pub fn is_built(&self) -> bool {
        match self {
            Self::Sdist(_) | Self::Git(_) | Self::Tree { .. } | Self::Local(_) => true,
            Self::Wheel(_) | Self::Virtual(_) => false,
            Self::Url { filename: name, .. } | Self::Path { path: name, .. } => !is_wheel(name),
        }
    }

    /// The directory of the project in its tree, if that is not the tree itself.
    pub fn subdirectory(&self) -> Option<&str> {
        match self {
            Self::Url { subdirectory, .. } => subdirectory.as_deref(),
            Self::Git(git) => git.subdirectory.as_deref(),
            _ => None,
        }
    }

    /// Whether anything is installed for it.
    pub fn is_installed(&self) -> bool {
        !matches!(self, Self::Virtual(_))
    }

    /// The file, tree or commit, for a person.
    pub fn shown(&self) -> String {
        match self {
            Self::Wheel(file) | Self::Sdist(file) => file.filename.clone(),
            Self::Url { filename, .. } => filename.clone(),
            Self::Git(git) => format!("commit {}", git.commit),
            Self::Path { path, .. }
            | Self::Tree { path, .. }
            | Self::Local(path)
            | Self::Virtual(path) => path.clone(),
        }
    }

    /// The word for it in JSON: `wheel`, `sdist`, `git`, `url`, `path`, `tree`, `local` or
    /// `virtual`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Wheel(_) => "wheel",
            Self::Sdist(_) => "sdist",
            Self::Git(_) => "git",
            Self::Url { .. } => "url",
            Self::Path { .. } => "path",
            Self::Tree { .. } => "tree",
            Self::Local(_) => "local",
            Self::Virtual(_) => "virtual",
        }
    }
}

/// Resolves a lock with [`LockResolver`]. `pyproject` is that of the lock's directory.
///
/// # Errors
/// Those of the resolver, and of [`Resolution::new`].
pub fn resolve(
    lock: &Lock,
    pyproject: &Pyproject,
    target: &Target,
    selection: &Selection,
) -> Result<Resolution, Problem> {
    let request = RuntimeRequest { lock, pyproject, target, selection };
    Resolution::new(&LockResolver.resolve(&request)?, &request)
}

impl Resolution {
    /// Picks the file of each package of a graph.
    ///
    /// # Errors
    /// No file of a package fits the target, or the file that fits has no sha256.
    pub fn new(graph: &RuntimeGraph<'_>, request: &RuntimeRequest<'_>) -> Result<Self, Problem> {
        let RuntimeRequest { lock, pyproject, target, selection } = *request;
        let policy = choose::Policy::new(pyproject, selection, lock)?;
        let distribution = |node: &RuntimeNode<'_>| {
            Ok(Distribution {
                name: node.package.name.clone(),
                version: node.package.version.clone(),
                artifact: choose::artifact(node.package, target, &policy)?,
            })
        };
        Ok(Self {
            target: target.clone(),
            roots: graph.roots.projects.iter().map(|it| it.package.name.clone()).collect(),
            distributions: graph
                .nodes
                .values()
                .map(distribution)
                .collect::<Result<_, Problem>>()?,
        })
    }

    /// The distribution of that name.
    pub fn get(&self, name: &PackageName) -> Option<&Distribution> {
        let index = self.distributions.binary_search_by(|other| other.name.cmp(name)).ok()?;
        Some(&self.distributions[index])
    }

    /// The selected projects, for people: `shop 1.0, worker 1.0`.
    pub fn roots_shown(&self) -> String {
        let shown = |name: &PackageName| match self.get(name).and_then(|it| it.version.as_ref()) {
            Some(version) => format!("{name} {version}"),
            None => name.to_string(),
        };
        match &self.roots[..] {
            [] => "no project".to_owned(),
            roots => roots.iter().map(shown).collect::<Vec<_>>().join(", "),
        }
    }

    /// What is built from source, sorted by name.
    pub fn built(&self) -> impl Iterator<Item = &Distribution> {
        self.distributions.iter().filter(|it| it.artifact.is_built())
    }

    /// Why each distribution comes from what it comes from, in their order, for a person.
    ///
    /// # Errors
    /// What was asked for could not have been resolved.
    pub fn reasons(&self, request: &RuntimeRequest<'_>) -> Result<Vec<String>, Problem> {
        let RuntimeRequest { lock, pyproject, selection, .. } = *request;
        let policy = choose::Policy::new(pyproject, selection, lock)?;
        let reason = |it: &Distribution| {
            let versions = lock.named(&it.name);
            let package = versions.filter(|package| package.version == it.version).last();
            package.map_or_else(String::new, |package| choose::why(package, &it.artifact, &policy))
        };
        Ok(self.distributions.iter().map(reason).collect())
    }

    /// The form that `resolve --json` prints.
    pub fn to_json(&self) -> ResolutionJson {
        ResolutionJson { packages: self.distributions.iter().map(PackageJson::of).collect() }
    }
}

/// What `lockstep resolve --json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResolutionJson {
    packages: Vec<PackageJson>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct PackageJson {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Sha256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rev: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

impl PackageJson {
    fn of(distribution: &Distribution) -> Self {
        let mut json = Self {
            name: distribution.name.to_string(),
            version: distribution.version.as_ref().map(ToString::to_string),
            kind: distribution.artifact.kind(),
            file: None,
            sha256: None,
            rev: None,
            path: None,
        };
        match &distribution.artifact {
            Artifact::Wheel(file) | Artifact::Sdist(file) => {
                json.file = Some(file.filename.clone());
                json.sha256 = Some(file.sha256);
            }
            Artifact::Git(git) => json.rev = Some(git.commit.clone()),
            Artifact::Url { filename, sha256, .. } => {
                json.file = Some(filename.clone());
                json.sha256 = Some(*sha256);
            }
            Artifact::Path { path, sha256, .. } | Artifact::Tree { path, nar_hash: sha256 } => {
                json.path = Some(path.clone());
                json.sha256 = Some(*sha256);
            }
            Artifact::Local(path) | Artifact::Virtual(path) => json.path = Some(path.clone()),
        }
        json
    }
}

/// Chooses among file names the wheel that fits a target best in PEP 425 order, as uv does: best
/// tag, then highest build tag, then first. Files that are not wheels never fit.
pub fn best_wheel<'a, T>(
    files: impl IntoIterator<Item = (&'a str, T)>,
    target: &Target,
) -> Option<T> {
    choose::best(files, target)
}

/// Whether a file name is that of a wheel (PEP 427).
pub fn is_wheel(filename: &str) -> bool {
    filename.ends_with(".whl")
}

#[cfg(test)]
mod tests;
