//! The resolver: roots, then walks until the selected members of conflict sets are known. Markers
//! ask for selected members, and a dependency may select one.

use std::collections::{BTreeMap, BTreeSet};

use super::conflicts::{Members, encoded, item};
use super::graph::{Part, Requirements, Roots, RuntimeGraph, RuntimeRequest, RuntimeResolver};
use super::roots;
use super::walk::Walk;
use crate::lock::{ConflictItem, Lock, Package};
use base::vocabulary::Problem;

/// Resolves as uv installs: it walks the lock breadth first from the selected projects, and from
/// what the workspace asks for itself.
///
/// - An edge counts if its marker (PEP 508) holds on the target; a Python or a platform that was
///   not locked for (`requires-python`, `supported-markers`) is an error.
/// - An edge leads to the package of its name, `version` and `source`. Only where these leave more
///   than one do the `resolution-markers` of the packages decide; two that remain are an error.
/// - Extras and groups are separate namespaces: an extra `x` never selects a group `x`. An extra
///   that adds nothing is valid, one that no selected project declares is an error.
/// - Of a set of `tool.uv.conflicts`, none or one member may be selected; two are an error that
///   names both and the set. A member that a dependency selects counts as one that was asked for.
///   One that adds nothing is no answer to a marker that asks for it, as for uv.
///   Since markers may ask for selected members, the walk is repeated until no new one is found:
///   at most once for each member, and once if the lock has no conflicts.
///
/// One walk looks at each edge once, so it is linear in the edges.
#[derive(Debug, Clone, Copy, Default)]
pub struct LockResolver;

impl RuntimeResolver for LockResolver {
    fn resolve<'a>(&self, request: &RuntimeRequest<'a>) -> Result<RuntimeGraph<'a>, Problem> {
        let roots = roots::find(request)?;
        settle(request, roots)
    }
}

/// The selected members of conflict sets, each with the package that selects it, if it is a
/// dependency that does.
type Active = BTreeMap<ConflictItem, Option<String>>;

/// Walks until no new member is found. Each walk knows the members that the one before it found;
/// what is found only grows, so this ends.
fn settle<'a>(request: &RuntimeRequest<'a>, roots: Roots<'a>) -> Result<RuntimeGraph<'a>, Problem> {
    let members = Members::new(request.lock);
    let projects = roots.projects.iter();
    let asked = projects.flat_map(|it| it.parts().map(|part| item(&it.package.name, part)));
    let group = |it: &Requirements<'_>| Some(item(&it.package?.name, Part::Group(it.group?)));
    let asked = asked.chain(roots.requirements.iter().filter_map(group));
    let asked = asked.filter(|it| members.0.contains(it));
    let mut active: Active = asked.map(|item| (item, None)).collect();
    let mut idle = idle(&roots);
    loop {
        check(request.lock, &active)?;
        let selected = active.keys().filter(|it| !idle.contains(*it)).filter_map(encoded).collect();
        let walk = Walk::run(request, &members, selected, &roots)?;
        let before = (active.len(), idle.len());
        for (item, by) in walk.selected() {
            if members.0.contains(&item) {
                idle.remove(&item);
                active.entry(item).or_insert(by);
            }
        }
        if (active.len(), idle.len()) == before {
            return walk.into_graph(roots);
        }
    }
}

/// What is selected of the roots and adds nothing to them.
fn idle(roots: &Roots<'_>) -> BTreeSet<ConflictItem> {
    let adds = |package: &Package, part: Part<'_>| match part {
        Part::Itself => true,
        Part::Extra(extra) => package.extras.contains_key(extra),
        Part::Group(group) => package.groups.contains_key(group),
    };
    let parts = roots.projects.iter().flat_map(|it| it.parts().map(|part| (it.package, part)));
    let shared = |it: &Requirements<'_>| Some(item(&it.package?.name, Part::Group(it.group?)));
    let shared = roots.requirements.iter().filter(|it| it.edges.is_empty()).filter_map(shared);
    let own = parts.filter(|(package, part)| !adds(package, *part));
    own.map(|(package, part)| item(&package.name, part)).chain(shared).collect()
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
