//! Sets of extras and groups of which at most one may be selected (`tool.uv.conflicts`). Markers
//! ask for selected members, and a dependency may select one.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use super::runtime::{Part, Requirements, Roots, RuntimeGraph, RuntimeRequest};
use super::walk::Walk;
use crate::lock::{ConflictItem, ConflictKind, Lock};
use base::packaging::{ExtraName, PackageName};
use base::vocabulary::Problem;

/// The selected members of conflict sets, each with the package that selects it, if it is a
/// dependency that does.
type Active = BTreeMap<ConflictItem, Option<String>>;

/// Walks until no new member is found. Each walk knows the members that the one before it found;
/// what is found only grows, so this ends.
pub(super) fn settle<'a>(
    request: &RuntimeRequest<'a>,
    roots: Roots<'a>,
) -> Result<RuntimeGraph<'a>, Problem> {
    let members = Members::new(request.lock);
    let projects = roots.projects.iter();
    let asked = projects.flat_map(|it| it.parts().map(|part| item(&it.package.name, part)));
    let group = |it: &Requirements<'_>| Some(item(&it.package?.name, Part::Group(it.group?)));
    let asked = asked.chain(roots.requirements.iter().filter_map(group));
    let asked = asked.filter(|it| members.0.contains(it));
    let mut active: Active = asked.map(|item| (item, None)).collect();
    loop {
        check(request.lock, &active)?;
        let selected = active.keys().filter_map(encoded).collect();
        let walk = Walk::run(request, &members, selected, &roots)?;
        let before = active.len();
        for (item, by) in walk.selected() {
            if members.0.contains(&item) {
                active.entry(item).or_insert(by);
            }
        }
        if active.len() == before {
            return walk.into_graph(roots);
        }
    }
}

fn check(lock: &Lock, active: &Active) -> Result<(), Problem> {
    for set in &lock.conflicts {
        let selected: Vec<_> = set.iter().filter_map(|it| active.get_key_value(it)).collect();
        let [(first, _), (second, _), ..] = selected[..] else {
            continue;
        };
        let set: Vec<String> = set.iter().map(ToString::to_string).collect();
        let mut problem = Problem::usage(format!("{first} and {second} conflict"))
            .fact("conflict set", set.join(", "));
        for (item, by) in selected {
            if let Some(by) = by {
                problem = problem.fact(format!("{item} is needed by"), by);
            }
        }
        return Err(problem.hint("select at most one of them"));
    }
    Ok(())
}

/// Every member of every conflict set.
pub(super) struct Members(BTreeSet<ConflictItem>);

impl Members {
    fn new(lock: &Lock) -> Self {
        Self(lock.conflicts.iter().flatten().cloned().collect())
    }

    /// An extra as markers name it, if it is a member.
    pub(super) fn extra(&self, package: &PackageName, extra: &ExtraName) -> Option<ExtraName> {
        if self.0.is_empty() {
            return None;
        }
        let item = item(package, Part::Extra(extra));
        if self.0.contains(&item) { encoded(&item) } else { None }
    }
}

/// A part of a package as a member of a conflict set.
pub(super) fn item(package: &PackageName, part: Part<'_>) -> ConflictItem {
    let kind = match part {
        Part::Itself => ConflictKind::Project,
        Part::Extra(extra) => ConflictKind::Extra(extra.clone()),
        Part::Group(group) => ConflictKind::Group(group.clone()),
    };
    ConflictItem { package: package.clone(), kind }
}

/// uv's encoding of a member of a conflict set inside a marker's `extra == '…'`: the length makes
/// `a-b` + `c` different from `a` + `b-c`.
fn encoded(item: &ConflictItem) -> Option<ExtraName> {
    let package = item.package.to_string();
    let text = match &item.kind {
        ConflictKind::Extra(extra) => format!("extra-{}-{package}-{extra}", package.len()),
        ConflictKind::Group(group) => format!("group-{}-{package}-{group}", package.len()),
        ConflictKind::Project => format!("project-{}-{package}", package.len()),
    };
    ExtraName::from_str(&text).ok()
}
