//! Extra build requirements besides those of the source trees: from the recipe, and from the uv
//! configuration of the application's project.

use std::collections::BTreeSet;

use super::Told;
use crate::lock::Lock;
use crate::lock::pyproject::{BuildSources, Pyproject};
use crate::lock::resolve::{Artifact, Distribution, Resolution};
use base::packaging::{PackageName, Requirement};
use base::recipe::{Choice, Recipe};
use base::vocabulary::Problem;

/// The extra requirements on builds, with their origins. An entry that was locked for others is
/// stale.
#[derive(Debug, Clone, Copy)]
pub struct Demands<'a> {
    /// Its overrides.
    pub recipe: &'a Recipe,
    /// The application's `pyproject.toml`.
    pub project: &'a Pyproject,
    /// The application's lock, which repeats the constraints of its project.
    pub lock: &'a Lock,
}

impl Demands<'_> {
    /// `[tool.uv] extra-build-dependencies` of a distribution. What is to match the run time has
    /// the version of that.
    pub fn extra_requires(
        &self,
        distribution: &Distribution,
        resolution: &Resolution,
    ) -> Result<Vec<Requirement>, Problem> {
        let extra = self.project.uv.extra_build_dependencies.get(&distribution.name);
        let demanded = extra.into_iter().flatten().map(|extra| {
            if extra.match_runtime {
                matching_runtime(&extra.requirement, distribution, resolution)
            } else {
                Ok(extra.requirement.clone())
            }
        });
        demanded.collect()
    }

    /// The `[tool.uv.sources]` that apply to the build of a distribution whose own `pyproject.toml`
    /// is `own`: a member of the workspace has those of its root, too.
    pub fn sources<'s>(
        &'s self,
        distribution: &Distribution,
        own: &'s Pyproject,
    ) -> BuildSources<'s> {
        let name = &distribution.name;
        let member = self.lock.members.contains(name) || self.project.name.as_ref() == Some(name);
        let local = matches!(distribution.artifact, Artifact::Local(_));
        BuildSources {
            own,
            workspace: (local && member).then_some(self.project),
            project: self.project,
        }
    }

    /// Whether a build requirement is built from source although a wheel of it fits: the project's
    /// `no-binary` counts for builds, too, as uv has it, and so do the recipe's decisions.
    pub fn builds_from_source(&self, name: &PackageName) -> bool {
        let (selection, uv) = (&self.recipe.selection, &self.project.uv);
        match (selection.choices.get(name), &selection.no_binary) {
            (Some(choice), _) => !matches!(choice, Choice::Wheel | Choice::File { .. }),
            (None, Some(names)) => names.contains(name),
            (None, None) => uv.no_binary || uv.no_binary_package.contains(name),
        }
    }

    /// With `no-build-isolation`, uv builds in the project's own environment, with whatever is
    /// installed there at that moment. A build here sees its build requirements and nothing else,
    /// so that the recipe must say which these are.
    ///
    /// # Errors
    /// It does not.
    pub fn check_isolation(&self, name: &PackageName) -> Result<(), Problem> {
        let said = self.recipe.build_settings(name).requires.is_some();
        if said || !self.project.uv.is_not_isolated(name) {
            return Ok(());
        }
        Err(Problem::usage(format!("`{name}` is built without isolation, as the project has it"))
            .fact("because", "of `no-build-isolation` or `no-build-isolation-package`")
            .hint(format!(
                "list what its build needs as `override.{name}.build.requires` in the recipe, \
                 such as `[\"setuptools\", \"numpy==2.1.0\"]`"
            )))
    }

    /// The settings for the build of a distribution.
    pub fn told(&self, name: &PackageName) -> Told {
        Told::of(name, self.recipe, self.project)
    }

    /// `[tool.uv] build-constraint-dependencies`, which bound the requirements of all builds.
    pub fn constraints(&self) -> BTreeSet<String> {
        let lock = self.lock.build_constraints.iter();
        lock.chain(&self.project.uv.build_constraints).map(ToString::to_string).collect()
    }
}

fn matching_runtime(
    requirement: &Requirement,
    distribution: &Distribution,
    resolution: &Resolution,
) -> Result<Requirement, Problem> {
    let name: &PackageName = &requirement.name;
    let version = resolution.get(name).and_then(|found| found.version.as_ref());
    let version = version.ok_or_else(|| {
        Problem::usage(format!(
            "`extra-build-dependencies` of `{}` wants `{name}` to match the run time, which has no \
             such distribution",
            distribution.name
        ))
        .hint("add it to the project's dependencies, or remove `match-runtime`")
    })?;
    Ok(format!("{name}=={version}").parse().expect("a name and a version make a requirement"))
}
