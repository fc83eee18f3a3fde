//! Through whom a package of a lock is needed, whatever the target: a lock is for all of them.

use std::collections::{BTreeMap, BTreeSet};

use base::packaging::{ExtraName, GroupName, PackageName};
use builder::lock::{Edge, Lock, Package};

/// Through whom a package is needed.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Reach {
    /// Whether a local project asks for it.
    pub(crate) direct: bool,
    /// The packages that ask for it and are no local projects, sorted.
    pub(crate) through: Vec<String>,
    /// The extras and groups of local projects without which it would not be needed; empty if the
    /// projects themselves need it.
    pub(crate) only: Vec<String>,
}

/// A part of a package with dependencies of its own, by position in the lock.
type Node<'a> = (usize, Part<'a>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    Itself,
    Extra(&'a ExtraName),
    Group(&'a GroupName),
}

/// The graph of a lock.
#[derive(Debug)]
pub(crate) struct Reaches<'a> {
    lock: &'a Lock,
    dependants: BTreeMap<&'a PackageName, BTreeSet<&'a PackageName>>,
    /// For each set of roots, what is reached from it.
    itself: BTreeSet<usize>,
    parts: BTreeMap<String, BTreeSet<usize>>,
}

impl<'a> Reaches<'a> {
    /// Walks a lock once for its projects, and once for each of their extras and groups.
    pub(crate) fn of(lock: &'a Lock) -> Self {
        let mut dependants: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for package in &lock.packages {
            for edge in edges_of(package) {
                dependants.entry(&edge.name).or_default().insert(&package.name);
            }
        }
        let local = || lock.packages.iter().enumerate().filter(|(_, it)| is_local(it));
        let mut start: Vec<Node<'a>> = local().map(|(at, _)| (at, Part::Itself)).collect();
        start.extend(targets(lock, &lock.requirements));
        let itself = walk(lock, start);
        let mut parts = BTreeMap::new();
        for (at, package) in local() {
            for extra in package.extras.keys() {
                let label = format!("{}[{extra}]", package.name);
                parts.insert(label, walk(lock, vec![(at, Part::Extra(extra))]));
            }
            for group in package.groups.keys() {
                let label = format!("{}:{group}", package.name);
                parts.insert(label, walk(lock, vec![(at, Part::Group(group))]));
            }
        }
        for (group, edges) in &lock.groups {
            parts.insert(format!(":{group}"), walk(lock, targets(lock, edges)));
        }
        Self { lock, dependants, itself, parts }
    }

    /// Positions in the lock of what nothing needs.
    pub(crate) fn unreached(&self) -> impl Iterator<Item = &'a Package> {
        let packages = self.lock.packages.iter().enumerate();
        packages
            .filter(|(at, _)| {
                !self.itself.contains(at) && !self.parts.values().any(|it| it.contains(at))
            })
            .map(|(_, package)| package)
    }

    /// Through whom a name is needed.
    pub(crate) fn reach(&self, name: &PackageName) -> Reach {
        let dependants = self.dependants.get(name).into_iter().flatten();
        let (local, others): (Vec<&PackageName>, Vec<&PackageName>) =
            dependants.copied().partition(|it: &&PackageName| self.lock.named(it).any(is_local));
        let asked = self.lock.requirements.iter().chain(self.lock.groups.values().flatten());
        let positions = self.lock.positions(name);
        let reached = |set: &BTreeSet<usize>| positions.iter().any(|at| set.contains(at));
        let only = if reached(&self.itself) {
            Vec::new()
        } else {
            let parts = self.parts.iter().filter(|(_, set)| reached(set));
            parts.map(|(label, _)| label.clone()).collect()
        };
        Reach {
            direct: !local.is_empty() || asked.into_iter().any(|edge| edge.name == *name),
            through: others.into_iter().map(ToString::to_string).collect(),
            only,
        }
    }
}

/// A project of the tree: not what is locked from elsewhere.
pub(crate) fn is_local(package: &Package) -> bool {
    package.source.local_path().is_some()
}

/// All edges of a package, of whatever part.
pub(crate) fn edges_of(package: &Package) -> impl Iterator<Item = &Edge> {
    let extras = package.extras.values().flatten();
    package.dependencies.iter().chain(extras).chain(package.groups.values().flatten())
}

/// The packages that an edge can lead to: of its name, and of its version and source if it says so.
pub(crate) fn led_to<'a>(lock: &'a Lock, edge: &Edge) -> impl Iterator<Item = &'a Package> {
    lock.named(&edge.name).filter(|package| {
        let version = edge.version.is_none() || edge.version == package.version;
        version && edge.source.as_ref().is_none_or(|source| *source == package.source)
    })
}

fn targets<'a>(lock: &'a Lock, edges: &'a [Edge]) -> Vec<Node<'a>> {
    edges.iter().flat_map(|edge| nodes(lock, edge)).collect()
}

fn nodes<'a>(lock: &'a Lock, edge: &'a Edge) -> Vec<Node<'a>> {
    let mut found = Vec::new();
    for &at in lock.positions(&edge.name) {
        let package = &lock.packages[at];
        let fits = edge.version.is_none() || edge.version == package.version;
        if fits && edge.source.as_ref().is_none_or(|source| *source == package.source) {
            found.push((at, Part::Itself));
            found.extend(edge.extras.iter().map(|extra| (at, Part::Extra(extra))));
        }
    }
    found
}

/// What is reached from these parts. The parts themselves do not count as reached, their packages
/// do, unless only a group or an extra of them was asked for.
fn walk<'a>(lock: &'a Lock, start: Vec<Node<'a>>) -> BTreeSet<usize> {
    let mut seen: BTreeSet<Node<'a>> = BTreeSet::new();
    let mut open = start;
    while let Some(node) = open.pop() {
        if !seen.insert(node) {
            continue;
        }
        let package = &lock.packages[node.0];
        let edges = match node.1 {
            Part::Itself => Some(&package.dependencies),
            Part::Extra(extra) => package.extras.get(extra),
            Part::Group(group) => package.groups.get(group),
        };
        open.extend(edges.into_iter().flatten().flat_map(|edge| nodes(lock, edge)));
    }
    let reached = seen.into_iter().filter(|(_, part)| *part == Part::Itself);
    reached.map(|(at, _)| at).collect()
}
