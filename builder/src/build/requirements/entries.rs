//! Converts what was learned about builds to entries of the build lock.

use std::collections::{BTreeMap, BTreeSet};

use base::packaging::PackageName;

use super::Maker;
use super::pins::{Pin, Pins};
use super::run::Run;
use crate::lock::build_lock::{BuildLock, LockedBuild, Needs, Requirement, SourcePin, ToolSource};
use crate::lock::resolve::{Distribution, Resolution};
use base::vocabulary::{Problem, Target};

impl Maker<'_> {
    /// The build requirements that are built from source, because no wheel fits, or the project or
    /// the recipe wants no wheel. A package that requires itself starts with a wheel, if there is
    /// one.
    pub(super) fn built_first(
        &self,
        distribution: &Distribution,
        pins: &Pins,
    ) -> Result<BTreeSet<PackageName>, Problem> {
        let mut names = BTreeSet::new();
        for (requirement, Pin { wheel, source }) in pins {
            let name = &requirement.name;
            let unwanted = self.demands().builds_from_source(name) && *name != distribution.name;
            match (wheel, source) {
                (None, _) => {}
                (Some(_), Some(_)) if unwanted => {}
                (Some(file), None) if unwanted && file.is_of_index() => {
                    return Err(Problem::new(format!(
                        "`{requirement}` is to be built from source, and its index has no source \
                         distribution of it"
                    ))
                    .fact("required by the build of", &distribution.name)
                    .hint("take it out of `no-binary`, or require another version"));
                }
                _ => continue,
            }
            names.insert(name.clone());
        }
        Ok(names)
    }

    /// Whether what is built of a requirement for run time is what its build is given: it is the
    /// same source, or the recipe has another one instead.
    pub(super) fn is_installed(
        &self,
        resolution: &Resolution,
        requirement: &Requirement,
        source: &ToolSource,
    ) -> bool {
        let installed = resolution.get(&requirement.name).filter(|it| it.artifact.is_built());
        let chosen = self.located.recipe.selection.choices.contains_key(&requirement.name);
        installed.is_some_and(|it| {
            SourcePin::of(&it.artifact) == Some(source.pin())
                || (chosen && it.version.as_ref() == Some(&requirement.version))
        })
    }
}

/// Adds what a build needs on a target. One entry serves all targets, so they must build the same.
pub(super) fn record(
    lock: &mut BuildLock,
    distribution: &Distribution,
    build: &LockedBuild,
    needs: Needs,
    target: &Target,
) -> Result<(), Problem> {
    let name = &distribution.name;
    let entry = lock.builds.entry(name.clone()).or_insert_with(|| build.clone());
    if entry.source != build.source {
        return Err(Problem::new(format!("the targets build `{name}` from different sources"))
            .fact("before", &entry.source)
            .fact(target.to_string(), &build.source)
            .hint("give the targets recipes of their own"));
    }
    entry.needs.insert(target, needs);
    Ok(())
}

impl Run<'_> {
    /// Adds to the lock what it needs of tools and wheels, and says once what all targets share.
    pub(super) fn finish(
        &self,
        lock: &mut BuildLock,
        resolutions: &[Resolution],
    ) -> Result<(), Problem> {
        let found = self.found();
        lock.tools.clone_from(&found.tools);
        let mut tools = BTreeMap::new();
        for resolution in resolutions {
            let needed = lock.tools_for(resolution)?;
            tools.extend(needed.into_iter().map(|(it, tool)| (it.clone(), tool.clone())));
        }
        lock.tools = tools;
        let builds =
            lock.builds.values_mut().chain(lock.tools.values_mut().map(|it| &mut it.build));
        for build in builds {
            build.needs = std::mem::take(&mut build.needs).simplified();
        }
        let builds = lock.builds.values().chain(lock.tools.values().map(|it| &it.build));
        let needs = builds.flat_map(|build| build.needs.all());
        let wheels: BTreeSet<_> = needs.flat_map(Needs::wheels).cloned().collect();
        for requirement in wheels {
            let files = found.wheels.get(&requirement).into_iter().flatten().cloned();
            lock.wheels.insert(requirement, files.collect());
        }
        Ok(())
    }
}
