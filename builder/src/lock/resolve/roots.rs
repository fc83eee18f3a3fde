//! Where the runtime graph starts: whether the lock is for the target at all, the root project, and
//! its selected extras and groups.

use std::collections::BTreeSet;

use uv_normalize::{DEV_DEPENDENCIES, GroupName};

use super::runtime::{Roots, RuntimeRequest};
use crate::lock::{DefaultGroups, Lock, Package};
use base::recipe::{Selection, nearest};
use base::vocabulary::{Problem, Target};

pub(super) fn find<'a>(request: &RuntimeRequest<'a>) -> Result<Roots<'a>, Problem> {
    let RuntimeRequest { lock, target, selection, .. } = *request;
    check_target(lock, target)?;
    let package = root(lock, selection)?;
    check_extras(package, selection)?;
    let groups = groups(package, request)?;
    Ok(Roots { package, extras: selection.extras.iter().collect(), groups })
}

fn check_target(lock: &Lock, target: &Target) -> Result<(), Problem> {
    let python = &target.markers().python_full_version().version;
    if let Some(required) = &lock.requires_python
        && !required.contains(python)
    {
        return Err(Problem::usage("`uv.lock` was not locked for this Python version")
            .fact("target", target.python())
            .fact("requires-python", required)
            .hint("change `target.python` of the recipe, or lock again for that version"));
    }
    let supported = &lock.supported_markers;
    if !supported.is_empty() && !supported.iter().any(|it| it.evaluate(target.markers(), &[])) {
        let shown: Vec<String> =
            supported.iter().filter_map(|marker| marker.try_to_string()).collect();
        return Err(Problem::usage("`uv.lock` was not locked for this platform")
            .fact("target", target.platform())
            .fact("environments", shown.join("\n"))
            .hint(
                "change `target.platforms`, or add it to `tool.uv.environments` and lock again",
            ));
    }
    Ok(())
}

fn root<'a>(lock: &'a Lock, selection: &Selection) -> Result<&'a Package, Problem> {
    let Some(name) = &selection.project else {
        return lock.root().ok_or_else(|| {
            let members: Vec<String> = lock.members.iter().map(ToString::to_string).collect();
            Problem::usage("`uv.lock` has no project at its root")
                .fact("members", members.join(", "))
                .hint("name one of the members with `project.name` in the recipe")
        });
    };
    lock.named(name).next().ok_or_else(|| {
        let problem = Problem::usage(format!("`uv.lock` has no project `{name}`"));
        match nearest(name.as_ref(), lock.names().map(AsRef::as_ref)) {
            Some(name) => problem.hint(format!("did you mean `{name}`?")),
            None => problem.hint("`project.name` of the recipe names it"),
        }
    })
}

fn check_extras(root: &Package, selection: &Selection) -> Result<(), Problem> {
    for extra in &selection.extras {
        if !root.provides_extras.contains(extra) && !root.extras.contains_key(extra) {
            let valid = root.provides_extras.iter().map(AsRef::as_ref);
            return Err(absent("extra", extra.as_ref(), root, valid.collect()));
        }
    }
    Ok(())
}

fn groups<'a>(
    root: &'a Package,
    request: &RuntimeRequest<'a>,
) -> Result<BTreeSet<&'a GroupName>, Problem> {
    let RuntimeRequest { pyproject, selection, .. } = *request;
    let declared: BTreeSet<&GroupName> = root.groups.keys().chain(&root.provides_groups).collect();
    let mut groups: BTreeSet<&GroupName> = selection.groups.iter().collect();
    if selection.default_groups {
        // A member has its own; what a lock before revision 5 does not say, only the root's
        // `pyproject.toml` does.
        let of_root = pyproject.uv.default_groups.as_ref();
        let of_root = of_root.filter(|_| root.source.local_path() == Some("."));
        match root.default_groups.as_ref().or(of_root) {
            Some(DefaultGroups::All) => groups.extend(&declared),
            Some(DefaultGroups::Some(names)) => groups.extend(names),
            None => groups.extend(declared.iter().filter(|it| ***it == *DEV_DEPENDENCIES)),
        }
    }
    if let Some(group) = groups.iter().find(|group| !declared.contains(*group)) {
        let valid = declared.iter().map(std::convert::AsRef::as_ref);
        return Err(absent("group", group.as_ref(), root, valid.collect()));
    }
    Ok(groups)
}

fn absent(kind: &str, name: &str, root: &Package, valid: Vec<&str>) -> Problem {
    let problem = Problem::usage(format!("`{}` has no {kind} `{name}`", root.name))
        .fact(format!("{kind}s"), if valid.is_empty() { "none".into() } else { valid.join(", ") });
    match nearest(name, valid) {
        Some(valid) => problem.hint(format!("did you mean `{valid}`?")),
        None => problem.hint(format!("`project.{kind}s` of the recipe names it")),
    }
}
