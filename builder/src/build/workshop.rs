//! What all builds share, and what is known about each before it is built.

use std::borrow::Cow;
use std::path::Path;

use super::store::Store;
use super::version_control::VersionControl;
use super::view::Sight;
use crate::build::environment::BuildEnvironment;
use crate::build::sources::Sources;
use crate::lock::build_graph::BuildName;
use crate::lock::build_lock::{BuildLock, LockedBuild, Needs, Told};
use crate::lock::pyproject::Pyproject;
use crate::lock::resolve::{Artifact, Distribution, Resolution};
use crate::toolchain::Toolchain;
use crate::toolchain::uv::Uv;
use base::recipe::Recipe;
use base::vocabulary::Problem;

/// Everything that builds have in common.
#[derive(Debug, Clone, Copy)]
pub struct Workshop<'a> {
    /// What is built and how.
    pub recipe: &'a Recipe,
    /// What is built.
    pub resolution: &'a Resolution,
    /// What builds need.
    pub build_lock: &'a BuildLock,
    /// The application's `pyproject.toml`, for its build settings.
    pub project: &'a Pyproject,
    /// Where the trees come from.
    pub sources: Sources<'a>,
    /// Interpreter and compilers.
    pub toolchain: &'a Toolchain,
    /// The uv that runs inside.
    pub uv: &'a Uv,
    /// How many builds run at once.
    pub jobs: usize,
    /// Where built wheels are kept.
    pub store: &'a Store,
    /// Whether a wheel that is stored is used.
    pub reuse: bool,
    /// A directory of this run.
    pub work: &'a Path,
}

impl Workshop<'_> {
    pub(super) fn distribution(&self, name: &BuildName) -> Cow<'_, Distribution> {
        match name {
            BuildName::Installed(name) => {
                Cow::Borrowed(self.resolution.get(name).expect("the graph is made of it"))
            }
            BuildName::Tool(requirement) => {
                let tool = self.build_lock.tools.get(requirement).expect("the graph is made of it");
                Cow::Owned(tool.source.distribution(requirement))
            }
        }
    }

    /// The build lock's entry of a build.
    pub(super) fn locked(&self, name: &BuildName) -> Result<&LockedBuild, Problem> {
        match name {
            BuildName::Installed(_) => self.build_lock.of(&self.distribution(name)),
            BuildName::Tool(requirement) => Ok(&self.build_lock.tools[requirement].build),
        }
    }

    /// What a build needs for the target.
    pub(super) fn needs(&self, name: &BuildName) -> Result<&Needs, Problem> {
        self.locked(name)?.needs.of(&name.to_string(), &self.resolution.target)
    }

    /// `lxml 6.0.2`, for progress.
    pub(super) fn label(&self, name: &BuildName) -> String {
        let distribution = self.distribution(name);
        let name = &distribution.name;
        let version = distribution.version.as_ref();
        version.map_or_else(|| name.to_string(), |version| format!("{name} {version}"))
    }

    /// An estimate of the build time, without a unit: larger source archives take longer to
    /// compile.
    pub(super) fn estimate(&self, name: &BuildName) -> u64 {
        self.sources.size(&self.distribution(name))
    }

    /// How much of the source tree the build of a distribution is given: first its own part, and if
    /// it reads more, all of it.
    pub fn sights(&self, name: &BuildName) -> &'static [Sight] {
        match self.distribution(name).artifact {
            Artifact::Local(_) => &[Sight::Own, Sight::Whole],
            _ => &[Sight::Own],
        }
    }

    /// What a distribution is built in.
    pub(super) fn environment(
        &self,
        build: &BuildName,
        sight: Sight,
    ) -> Result<BuildEnvironment<'_>, Problem> {
        let distribution = &*self.distribution(build);
        let told = Told::of(&distribution.name, self.recipe, self.project);
        let version_control = VersionControl::of(
            distribution,
            self.recipe.build_settings(&distribution.name).version.as_ref(),
            &self.needs(build)?.requirements,
            &told.variables,
            || self.sources.tracked_files(distribution, sight),
        )?;
        BuildEnvironment::new(told, version_control, self.toolchain, self.uv)
    }
}
