//! What a recipe installs on each of its targets, before and after, and what of it is built.

use serde::Serialize;

use base::recipe::Recipe;
use base::vocabulary::{Problem, Target};
use builder::lock::Lock;
use builder::lock::pyproject::Pyproject;
use builder::lock::resolve::{Artifact, Distribution, Resolution, resolve};

use crate::finding::Finding;
use crate::rules::{BUILD_CODE, NEW_SDIST, TARGET_LOST};

/// What changes on a target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct TargetChange {
    /// The target.
    pub(crate) target: String,
    /// What is installed now and was not.
    pub(crate) added: Vec<String>,
    /// What is installed no longer.
    pub(crate) removed: Vec<String>,
    /// What has another version: `name 1 → 2`.
    pub(crate) changed: Vec<String>,
    /// What is built from source and had a wheel, or was not there.
    pub(crate) now_built: Vec<String>,
    /// What has a wheel and was built from source.
    pub(crate) now_wheel: Vec<String>,
    /// What is built again from other source.
    pub(crate) built_again: Vec<String>,
}

/// A lock with the project beside it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Side<'a> {
    /// The lock.
    pub(crate) lock: &'a Lock,
    /// Its project.
    pub(crate) project: &'a Pyproject,
}

/// What changes on each target of a recipe, and what is to be said of it.
pub(crate) fn of(
    recipe: &Recipe,
    base: Side<'_>,
    head: Side<'_>,
) -> (Vec<TargetChange>, Vec<Finding>) {
    let (mut changes, mut found) = (Vec::new(), Vec::new());
    for target in &recipe.targets {
        let resolved = |side: Side<'_>| resolve(side.lock, side.project, target, &recipe.selection);
        match (resolved(base), resolved(head)) {
            (Ok(base), Ok(head)) => {
                let change = change(target, &base, &head);
                found.extend(findings(&change));
                changes.push(change);
            }
            (before, Err(problem)) => {
                let news = if before.is_ok() { "no longer be" } else { "still not be" };
                found.push(lost(target, news, &problem));
            }
            // What could not be installed and now can is good news.
            (Err(_), Ok(_)) => {}
        }
    }
    (changes, found)
}

fn lost(target: &Target, news: &str, problem: &Problem) -> Finding {
    let message = format!("`{target}` can {news} installed: {}", problem.what);
    let detail = problem.facts.iter().map(|(label, value)| format!("{label}: {value}"));
    Finding::new(&TARGET_LOST, target, message).detail(detail)
}

fn change(target: &Target, base: &Resolution, head: &Resolution) -> TargetChange {
    let mut change = TargetChange { target: target.to_string(), ..TargetChange::default() };
    for it in &head.distributions {
        let before = base.get(&it.name);
        match before {
            None => change.added.push(shown(it)),
            Some(before) if before.version != it.version => {
                change.changed.push(format!("{} → {}", shown(before), version(it)));
            }
            Some(_) => {}
        }
        let was_built = before.map(|before| before.artifact.is_built());
        // A local project's source changes with every commit.
        let is_local = matches!(it.artifact, Artifact::Local(_) | Artifact::Virtual(_));
        match (was_built, it.artifact.is_built()) {
            (Some(false) | None, true) if !is_local => change.now_built.push(shown(it)),
            (Some(true), false) if !is_local => change.now_wheel.push(shown(it)),
            (Some(true), true) if before.is_some_and(|it2| it2.artifact != it.artifact) => {
                change.built_again.push(shown(it));
            }
            _ => {}
        }
    }
    let gone = base.distributions.iter().filter(|it| head.get(&it.name).is_none());
    change.removed.extend(gone.map(shown));
    change
}

fn findings(change: &TargetChange) -> Vec<Finding> {
    let target = &change.target;
    let name = |text: &String| text.split(' ').next().unwrap_or_default().to_owned();
    let built = change.now_built.iter().map(|it| {
        let message = format!("`{it}` is built from source, and was not");
        Finding::new(&NEW_SDIST, name(it), message).detail([format!("on {target}")])
    });
    let again = change.built_again.iter().map(|it| {
        let message = format!("`{it}` is built from source: other code runs at build time");
        Finding::new(&BUILD_CODE, name(it), message).detail([format!("on {target}")])
    });
    built.chain(again).collect()
}

fn shown(it: &Distribution) -> String {
    match &it.version {
        Some(version) => format!("{} {version}", it.name),
        None => it.name.to_string(),
    }
}

fn version(it: &Distribution) -> String {
    it.version.as_ref().map_or_else(|| "dynamic".to_owned(), ToString::to_string)
}
