//! What of a change judges the change, or later ones: the policy, waivers of recipes, workflows of
//! CI, what people approved. The base's versions judge; what the change does to them comes first in
//! every report. Together with a lock it is denied: a lock update needs none of it, and a person
//! can read the one without the other.

use base::vocabulary::{Problem, shortened};
use toml::{Table, Value};

use crate::finding::Finding;
use crate::policy::{self, Policy};
use crate::rules::{JUDGE_CHANGED, LEDGER_ALONE, SELF_JUDGING};
use crate::tree::Tree;

/// What a changed path is to the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// What CI runs.
    Workflow,
    /// `lockstep.toml`.
    Policy,
    /// A recipe.
    Recipe,
    /// A build lock or a toolchain lock.
    RecipeLock,
    /// A ledger or a snapshot: what people approved.
    Approved,
    /// A lock.
    Lock,
    /// A project's own file.
    Project,
    /// Anything else.
    Other,
}

/// What a path is to the gate.
pub(crate) fn part(path: &str) -> Part {
    let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
    let parent = dir.rsplit('/').next().unwrap_or_default();
    let below = |dirs: &[&str]| dirs.iter().any(|dir| path.starts_with(dir));
    let ci = [".gitlab-ci.yml", "azure-pipelines.yml", "Jenkinsfile", ".travis.yml", ".drone.yml"];
    let bots =
        ["renovate.json", "renovate.json5", ".renovaterc", ".renovaterc.json", "dependabot.yml"];
    let belonging = |end: &str| parent == "recipes" && name.ends_with(end);
    if below(&[
        ".github/workflows/",
        ".github/actions/",
        ".gitlab/",
        ".forgejo/",
        ".gitea/",
        ".circleci/",
        ".woodpecker/",
        ".ci/",
    ]) || ci.contains(&name)
        || bots.contains(&name)
        || ["action.yml", "action.yaml"].contains(&name)
        || [".gitattributes", ".gitmodules"].contains(&name)
    {
        Part::Workflow
    } else if name == policy::FILE {
        Part::Policy
    } else if belonging(".build-lock.toml") || belonging(".toolchain-lock.toml") {
        Part::RecipeLock
    } else if parent == "golden" && name.ends_with(".toml")
        || belonging(".ledger.toml")
        || path.split('/').any(|part| part == "snapshots" || part.ends_with(".snapshots"))
    {
        Part::Approved
    } else if parent == "recipes" && name.ends_with(".toml") {
        Part::Recipe
    } else if name == "uv.lock" || name.ends_with(".py.lock") {
        Part::Lock
    } else if ["pyproject.toml", "uv.toml"].contains(&name) {
        Part::Project
    } else {
        Part::Other
    }
}

/// What of the changed paths judges. `policies` are the base's and the head's, which may not be
/// readable.
pub(crate) fn check(
    changed: &[&str],
    base: &Tree,
    head: &Tree,
    policies: (&Policy, &Result<Policy, Problem>),
) -> Vec<Finding> {
    let has = |part_of: Part| changed.iter().any(|path| part(path) == part_of);
    let rule = if has(Part::Lock) { &SELF_JUDGING } else { &JUDGE_CHANGED };
    let mut found = Vec::new();
    for path in changed {
        let (verb, finding) = match part(path) {
            Part::Workflow => (verb(path, base, head), Vec::new()),
            Part::Policy => {
                let Some(lines) = policy_lines(path, policies) else { continue };
                ("loosens", lines)
            }
            Part::Recipe => {
                let lines = waivers(path, base, head);
                if lines.is_empty() {
                    continue;
                }
                ("adds waivers to", lines)
            }
            _ => continue,
        };
        let message = format!("the change {verb} `{path}`, which judges changes");
        found.push(Finding::new(rule, path, message).in_file(path).detail(finding));
    }
    let needs_approval = [Part::Lock, Part::Recipe, Part::RecipeLock, Part::Project, Part::Other];
    if !needs_approval.into_iter().any(has) {
        for path in changed.iter().filter(|path| part(path) == Part::Approved) {
            let message = format!("`{path}` changed, and nothing that it approves did");
            found.push(Finding::new(&LEDGER_ALONE, path, message).in_file(path));
        }
    }
    found
}

fn verb(path: &str, base: &Tree, head: &Tree) -> &'static str {
    match (base.has(path), head.has(path)) {
        (false, _) => "adds",
        (_, false) => "removes",
        _ => "edits",
    }
}

/// Only the policy at the top judges; a stricter one is no news.
fn policy_lines(
    path: &str,
    (base, head): (&Policy, &Result<Policy, Problem>),
) -> Option<Vec<String>> {
    let lines = match head {
        _ if path != policy::FILE => return None,
        Ok(head) => policy::loosened(base, head),
        Err(problem) => vec![format!("it cannot be read any more: {}", problem.what)],
    };
    (!lines.is_empty()).then_some(lines)
}

/// Waivers of a recipe that the base does not have as they are.
fn waivers(path: &str, base: &Tree, head: &Tree) -> Vec<String> {
    let of = |tree: &Tree| {
        let text = tree.read(path, &base::vocabulary::limits::RECIPE_BYTES).ok().flatten();
        let table = text.and_then(|text| toml::from_str::<Table>(text).ok()).unwrap_or_default();
        let waivers = table.get("waiver").and_then(Value::as_array).cloned();
        waivers.unwrap_or_default()
    };
    let before = of(base);
    let text = |waiver: &Value, key| {
        shortened(waiver.get(key).and_then(Value::as_str).unwrap_or_default())
    };
    let new = of(head).into_iter().filter(|it| !before.contains(it));
    new.map(|it| {
        format!("`{}` at `{}`: {}", text(&it, "cause"), text(&it, "path"), text(&it, "reason"))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_what_they_are() {
        for (path, expected) in [
            ("uv.lock", Part::Lock),
            ("services/api/uv.lock", Part::Lock),
            ("tools/run.py.lock", Part::Lock),
            (".github/workflows/gate.yml", Part::Workflow),
            (".gitlab-ci.yml", Part::Workflow),
            (".github/dependabot.yml", Part::Workflow),
            (".github/words.txt", Part::Other),
            ("lockstep.toml", Part::Policy),
            ("recipes/app.toml", Part::Recipe),
            ("recipes/app.build-lock.toml", Part::RecipeLock),
            ("recipes/app.toolchain-lock.toml", Part::RecipeLock),
            ("golden/app.toml", Part::Approved),
            ("snapshots/app/manifest.snap", Part::Approved),
            ("pyproject.toml", Part::Project),
            ("src/uv.lock.py", Part::Other),
        ] {
            assert_eq!(part(path), expected, "{path}");
        }
    }
}
