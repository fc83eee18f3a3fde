//! A resolution as `pylock.toml` (PEP 751), the lock file of the standard, which pip and uv install:
//! one file of each distribution, for one target.
//! <https://packaging.python.org/en/latest/specifications/pylock-toml/>
//!
//! The standard has no place for what builds need, so that is in `tool`, where it has room for what
//! a tool knows.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::lock::build_lock::BuildLock;
use crate::lock::resolve::{Artifact, Distribution, Place, RegistryFile, Resolution};
use base::vocabulary::{Problem, Sha256, Target};

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Lock {
    lock_version: &'static str,
    environments: Vec<String>,
    requires_python: String,
    created_by: &'static str,
    packages: Vec<Package>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Package {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vcs: Option<Vcs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    directory: Option<Directory>,
    #[serde(skip_serializing_if = "Option::is_none")]
    archive: Option<File>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sdist: Option<File>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    wheels: Vec<File>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<BTreeMap<&'static str, OfBuild>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Vcs {
    r#type: &'static str,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_revision: Option<String>,
    commit_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subdirectory: Option<String>,
}

#[derive(Serialize)]
struct Directory {
    path: String,
}

/// A wheel, a source distribution or an archive.
#[derive(Serialize)]
struct File {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subdirectory: Option<String>,
    hashes: BTreeMap<&'static str, Sha256>,
}

/// What a build is given; `[packages.tool.lockstep]`.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct OfBuild {
    build_requirements: Vec<String>,
}

impl File {
    fn of(url: Option<String>, path: Option<String>, sha256: Sha256) -> Self {
        let hashes = BTreeMap::from([("sha256", sha256)]);
        Self { name: None, url, path, size: None, subdirectory: None, hashes }
    }

    fn of_index(distribution: &Distribution, file: &RegistryFile) -> Result<Self, Problem> {
        let (url, path) = match &file.place {
            Place::Url(url) => (Some(url.to_string()), None),
            Place::Path(path) => (None, Some(path.clone())),
            Place::Index => {
                return Err(Problem::new(format!(
                    "`pylock.toml` must say where `{}` is",
                    distribution.name
                ))
                .fact("because", "`uv.lock` has no URL of its file")
                .hint("lock again from an index: `uv lock`"));
            }
        };
        let (name, size) = (Some(file.filename.clone()), file.size);
        Ok(Self { name, size, ..Self::of(url, path, file.sha256) })
    }
}

impl Package {
    fn of(
        distribution: &Distribution,
        target: &Target,
        build_lock: &BuildLock,
    ) -> Result<Self, Problem> {
        let mut package = Self {
            name: distribution.name.to_string(),
            version: distribution.version.as_ref().map(ToString::to_string),
            vcs: None,
            directory: None,
            archive: None,
            sdist: None,
            wheels: Vec::new(),
            tool: None,
        };
        match &distribution.artifact {
            Artifact::Wheel(file) => package.wheels.push(File::of_index(distribution, file)?),
            Artifact::Sdist(file) => package.sdist = Some(File::of_index(distribution, file)?),
            Artifact::Git(git) => {
                package.vcs = Some(Vcs {
                    r#type: "git",
                    url: git.url.clone(),
                    requested_revision: git.reference.clone(),
                    commit_id: git.commit.clone(),
                    subdirectory: git.subdirectory.clone(),
                });
            }
            Artifact::Url { url, sha256, size, subdirectory, .. } => {
                let (size, subdirectory) = (*size, subdirectory.clone());
                let file = File::of(Some(url.to_string()), None, *sha256);
                package.archive = Some(File { size, subdirectory, ..file });
            }
            Artifact::Path { path, sha256, of_recipe: false } => {
                package.archive = Some(File::of(None, Some(path.clone()), *sha256));
            }
            Artifact::Tree { .. } | Artifact::Path { of_recipe: true, .. } => {
                let name = &distribution.name;
                return Err(Problem::new(format!("`pylock.toml` cannot say where `{name}` is"))
                    .fact("because", "it lies in the recipe's directory")
                    .hint(format!("`override.{name}.source.url` names an archive instead")));
            }
            Artifact::Local(path) => {
                package.directory = Some(Directory { path: path.clone() });
            }
            Artifact::Virtual(_) => unreachable!("it is not installed"),
        }
        let build = build_lock.builds.get(&distribution.name);
        if let Some(build) = build.filter(|_| distribution.artifact.is_built()) {
            let needs = build.needs.of(distribution.name.as_ref(), target)?;
            let build_requirements = needs.requirements.iter().map(ToString::to_string).collect();
            package.tool = Some([("lockstep", OfBuild { build_requirements })].into());
        }
        Ok(package)
    }
}

/// The text of a `pylock.toml` that installs a resolution. Paths in it are relative to the directory
/// of `uv.lock`, as the standard has them relative to its own.
///
/// # Errors
/// A file of an index is locked without a URL; a source is the recipe's own.
pub fn pylock(resolution: &Resolution, build_lock: &BuildLock) -> Result<String, Problem> {
    let installed =
        resolution.distributions.iter().filter(|it| !matches!(it.artifact, Artifact::Virtual(_)));
    let packages = installed.map(|it| Package::of(it, &resolution.target, build_lock));
    let markers = resolution.target.markers();
    let (major, minor) = resolution.target.python_minor();
    let lock = Lock {
        lock_version: "1.0",
        environments: vec![format!(
            "sys_platform == '{}' and platform_machine == '{}' and \
             implementation_name == '{}'",
            markers.sys_platform, markers.platform_machine, markers.implementation_name
        )],
        requires_python: format!("=={major}.{minor}.*"),
        created_by: "lockstep",
        packages: packages.collect::<Result<_, Problem>>()?,
    };
    Ok(toml::to_string_pretty(&lock).expect("these are plain values"))
}
