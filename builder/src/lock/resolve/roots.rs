//! The roots of the runtime graph: the selected projects, and their selected extras and groups, as
//! `uv sync` selects them with `--package`, `--all-packages`, `--extra` and `--group`. It also
//! checks that the lock supports the target.

use std::collections::{BTreeMap, BTreeSet};

use base::packaging::{ExtraName, GroupName, Marker, PackageName};
use base::recipe::{Members, Selection, nearest};
use base::vocabulary::{Problem, Target};

use super::graph::{Requirements, Root, Roots, RuntimeRequest};
use crate::lock::uv_lock::{DefaultGroups, Lock, Package};

pub(super) fn find<'a>(request: &RuntimeRequest<'a>) -> Result<Roots<'a>, Problem> {
    let RuntimeRequest { lock, target, selection, .. } = *request;
    check_target(lock, target)?;
    match projects(lock, selection)? {
        Projects::One(package) => one(package, request),
        Projects::Many(packages) => many(&packages, request),
        Projects::Script => script(lock, selection),
    }
}

fn check_target(lock: &Lock, target: &Target) -> Result<(), Problem> {
    let python = &target.markers().python_full_version;
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
        let shown: Vec<String> = supported.iter().filter_map(Marker::text).collect();
        return Err(Problem::usage("`uv.lock` was not locked for this platform")
            .fact("target", target.platform())
            .fact("environments", shown.join("\n"))
            .hint(
                "change `target.platforms`, or add it to `tool.uv.environments` and lock again",
            ));
    }
    Ok(())
}

/// Which projects are selected. uv looks up extras and groups differently for one and for several.
enum Projects<'a> {
    /// `--package NAME`, or the project beside the lock.
    One(&'a Package),
    /// `--all-packages`, or a workspace root that is not a project; none if the root only has
    /// groups.
    Many(Vec<&'a Package>),
    /// What a script requires (PEP 723).
    Script,
}

fn projects<'a>(lock: &'a Lock, selection: &Selection) -> Result<Projects<'a>, Problem> {
    let named = |name: &PackageName| {
        lock.named(name).next().ok_or_else(|| absent_project(lock, name, "project.name"))
    };
    match (&selection.project, &selection.members) {
        (Some(name), _) => named(name).map(Projects::One),
        (None, Some(Members::All)) => Ok(Projects::Many(members(lock))),
        (None, Some(Members::Some(names))) => {
            let member = |name: &PackageName| {
                let found = members(lock).into_iter().find(|it| it.name == *name);
                found.ok_or_else(|| absent_project(lock, name, "project.members"))
            };
            let found = names.iter().map(member).collect::<Result<Vec<_>, Problem>>()?;
            match found[..] {
                [only] => Ok(Projects::One(only)),
                _ => Ok(Projects::Many(found)),
            }
        }
        (None, None) => match lock.root() {
            Some(root) => Ok(Projects::One(root)),
            None if lock.is_of_script() => Ok(Projects::Script),
            None => Ok(Projects::Many(members(lock))),
        },
    }
}

/// The members of the workspace, sorted by name; a project without a workspace is its only member.
fn members(lock: &Lock) -> Vec<&Package> {
    let members = lock.members.iter().filter_map(|name| lock.named(name).next());
    let root = lock.root().filter(|root| !lock.members.contains(&root.name));
    let mut members: Vec<&Package> = members.chain(root).collect();
    members.sort_by(|a, b| a.name.cmp(&b.name));
    members
}

fn absent_project(lock: &Lock, name: &PackageName, key: &str) -> Problem {
    let problem = Problem::usage(format!("`uv.lock` has no project `{name}`"));
    let known: BTreeSet<&str> = members(lock).iter().map(|it| it.name.as_ref()).collect();
    let problem = match known.len() {
        0 => problem,
        _ => problem.fact("members", known.into_iter().collect::<Vec<_>>().join(", ")),
    };
    match nearest(name.as_ref(), lock.names().map(AsRef::as_ref)) {
        Some(name) => problem.hint(format!("did you mean `{name}`?")),
        None => problem.hint(format!("`{key}` of the recipe names it")),
    }
}

/// One project: it must have what is selected. A group that it does not declare can be the
/// workspace root's, which then adds its requirements and not the root.
fn one<'a>(package: &'a Package, request: &RuntimeRequest<'a>) -> Result<Roots<'a>, Problem> {
    let RuntimeRequest { lock, pyproject, selection, .. } = *request;
    let extras = declared_extras(package);
    if let Some(extra) = selection.extras.iter().find(|it| !extras.contains(it)) {
        let whose = format!("`{}` has", package.name);
        return Err(absent("extra", extra.as_ref(), &whose, extras.iter().map(AsRef::as_ref)));
    }
    let own = declared_groups(package);
    let mut groups: BTreeSet<&GroupName> = BTreeSet::new();
    if selection.default_groups {
        // A member has its own; what a lock before revision 5 does not say, only the root's
        // `pyproject.toml` does.
        let of_root = pyproject.uv.default_groups.as_ref();
        let of_root = of_root.filter(|_| package.source.local_path() == Some(&lock.directory));
        let default = package.default_groups.as_ref().or(of_root);
        groups.extend(default_groups(default, &own));
    }
    let mut requirements = Vec::new();
    let shared = root_groups(lock);
    for group in groups.iter().copied().chain(&selection.groups).collect::<BTreeSet<_>>() {
        if own.contains(group) {
            groups.insert(group);
        } else if let Some(shared) = shared.get(group) {
            groups.remove(group);
            requirements.push(*shared);
        } else {
            let whose = format!("`{}` has", package.name);
            let known = own.iter().chain(shared.keys()).map(AsRef::as_ref);
            return Err(absent("group", group.as_ref(), &whose, known));
        }
    }
    let extras = selection.extras.iter().collect();
    Ok(Roots { projects: vec![Root { package, extras, groups }], requirements })
}

/// Several projects: each extra and group must be declared by one of them, and counts in all that
/// declare it. A workspace root that is not a project has groups, too.
fn many<'a>(packages: &[&'a Package], request: &RuntimeRequest<'a>) -> Result<Roots<'a>, Problem> {
    let RuntimeRequest { lock, pyproject, selection, .. } = *request;
    let extras: BTreeSet<&ExtraName> = packages.iter().flat_map(|it| declared_extras(it)).collect();
    if let Some(extra) = selection.extras.iter().find(|it| !extras.contains(it)) {
        let known = extras.iter().map(AsRef::as_ref);
        return Err(absent("extra", extra.as_ref(), "the selected projects have", known));
    }
    let shared = if lock.root().is_some() { BTreeMap::new() } else { root_groups(lock) };
    let of_projects = packages.iter().flat_map(|it| declared_groups(it));
    let declared: BTreeSet<&GroupName> = of_projects.chain(shared.keys().copied()).collect();
    let mut selected: BTreeSet<&GroupName> = selection.groups.iter().collect();
    if selection.default_groups {
        let of_root = lock.root().map_or(&lock.default_groups, |root| &root.default_groups);
        let default = of_root.as_ref().or(pyproject.uv.default_groups.as_ref());
        // The root's own need not be those of what is selected.
        let default = default_groups(default, &declared);
        selected.extend(default.into_iter().filter(|it| declared.contains(it)));
    }
    if let Some(group) = selected.iter().find(|it| !declared.contains(*it)) {
        let known = declared.iter().map(AsRef::as_ref);
        return Err(absent("group", group.as_ref(), "the selected projects have", known));
    }
    if packages.is_empty() && selected.is_empty() {
        let known: Vec<&str> = declared.iter().map(AsRef::as_ref).collect();
        return Err(Problem::usage("nothing of `uv.lock` is selected")
            .fact("because", "there is no project at its root, and it has no members")
            .fact("groups", if known.is_empty() { "none".into() } else { known.join(", ") })
            .hint("name groups with `project.groups` in the recipe"));
    }
    let project = |package: &&'a Package| {
        let (extras, groups) = (declared_extras(package), declared_groups(package));
        Root {
            package,
            extras: extras.into_iter().filter(|it| selection.extras.contains(it)).collect(),
            groups: groups.into_iter().filter(|it| selected.contains(it)).collect(),
        }
    };
    let groups = shared.into_iter().filter(|(group, _)| selected.contains(group));
    Ok(Roots {
        projects: packages.iter().map(project).collect(),
        requirements: groups.map(|(_, requirements)| requirements).collect(),
    })
}

/// A script has neither extras nor groups.
fn script<'a>(lock: &'a Lock, selection: &Selection) -> Result<Roots<'a>, Problem> {
    let extra = selection.extras.iter().map(|it| ("extra", it.as_ref()));
    let group = selection.groups.iter().map(|it| ("group", it.as_ref()));
    if let Some((kind, name)) = extra.chain(group).next() {
        return Err(absent(kind, name, "the script has", []));
    }
    let edges = &lock.requirements;
    let requirements = vec![Requirements { package: None, group: None, edges }];
    Ok(Roots { projects: Vec::new(), requirements })
}

fn declared_extras(package: &Package) -> BTreeSet<&ExtraName> {
    package.provides_extras.iter().chain(package.extras.keys()).collect()
}

fn declared_groups(package: &Package) -> BTreeSet<&GroupName> {
    package.groups.keys().chain(&package.provides_groups).collect()
}

/// The groups of the workspace root, whether it is a project or not.
fn root_groups(lock: &Lock) -> BTreeMap<&GroupName, Requirements<'_>> {
    let Some(root) = lock.root() else {
        let groups = lock.groups.iter();
        return groups
            .map(|(group, edges)| {
                (group, Requirements { package: None, group: Some(group), edges })
            })
            .collect();
    };
    let of = |group| Requirements {
        package: Some(root),
        group: Some(group),
        edges: root.groups.get(group).map(Vec::as_slice).unwrap_or_default(),
    };
    declared_groups(root).into_iter().map(|group| (group, of(group))).collect()
}

/// uv's own default is the group `dev`, where there is one.
fn default_groups<'a>(
    setting: Option<&'a DefaultGroups>,
    declared: &BTreeSet<&'a GroupName>,
) -> BTreeSet<&'a GroupName> {
    match setting {
        Some(DefaultGroups::All) => declared.clone(),
        Some(DefaultGroups::Some(names)) => names.iter().collect(),
        None => declared.iter().copied().filter(|it| it.as_str() == "dev").collect(),
    }
}

fn absent<'a>(
    kind: &str,
    name: &str,
    whose: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Problem {
    let known: Vec<&str> = known.into_iter().collect();
    let problem = Problem::usage(format!("{whose} no {kind} `{name}`"))
        .fact(format!("{kind}s"), if known.is_empty() { "none".into() } else { known.join(", ") });
    match nearest(name, known) {
        Some(known) => problem.hint(format!("did you mean `{known}`?")),
        None => problem.hint(format!("`project.{kind}s` of the recipe names it")),
    }
}
