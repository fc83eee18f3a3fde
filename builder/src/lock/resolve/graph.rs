//! The runtime graph: the packages of a lock that are installed, and why. Cycles are allowed: a
//! package is one node, however many paths lead to it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::lock::pyproject::Pyproject;
use crate::lock::{Edge, Lock, Package};
use base::packaging::{ExtraName, GroupName, PackageName};
use base::recipe::Selection;
use base::vocabulary::{Problem, Target};

/// What a runtime resolver is asked.
#[derive(Debug, Clone, Copy)]
pub struct RuntimeRequest<'a> {
    /// What may be installed.
    pub lock: &'a Lock,
    /// The `pyproject.toml` beside the lock: its `[tool.uv]` says which groups are installed by
    /// default and what may not come as a wheel.
    pub pyproject: &'a Pyproject,
    /// For what.
    pub target: &'a Target,
    /// Which projects, extras and groups.
    pub selection: &'a Selection,
}

/// Decides what is installed. The pipeline, and the making of the build lock, take one through
/// [`Resolvers`](crate::lock::resolvers::Resolvers), so a caller can put another in place of
/// [`LockResolver`], or one around it that changes its graph.
///
/// # Contract
/// - The graph is a function of the request: no clock, no environment, no I/O.
/// - Its nodes are packages of the lock, each name at most once; every edge leads from a node to a
///   node, and every node can be reached from the roots.
/// - Cycles are allowed, of any length.
/// - What a build needs is no part of it (see
///   [`BuildResolver`](crate::lock::build_graph::BuildResolver)).
pub trait RuntimeResolver: fmt::Debug + Send + Sync {
    /// The packages that a selection of a lock installs on a target.
    ///
    /// # Errors
    /// The request cannot be met.
    fn resolve<'a>(&self, request: &RuntimeRequest<'a>) -> Result<RuntimeGraph<'a>, Problem>;
}

/// What is installed, and why. Nodes are sorted by name; the edges of each by [`Part`], then by the
/// name that they lead to, then as in the lock. So the order does not depend on that of the
/// packages in the file.
#[derive(Debug, Clone)]
pub struct RuntimeGraph<'a> {
    /// Where it starts.
    pub roots: Roots<'a>,
    /// The requirements of the roots that apply to the target.
    pub required: Vec<&'a Edge>,
    /// What is installed, by name.
    pub nodes: BTreeMap<&'a PackageName, RuntimeNode<'a>>,
}

/// Where the runtime graph starts. Both may be empty, but not because there is no project: then the
/// selection is an error.
#[derive(Debug, Clone, Default)]
pub struct Roots<'a> {
    /// The selected projects, sorted by name.
    pub projects: Vec<Root<'a>>,
    /// What is asked for by nothing that is installed.
    pub requirements: Vec<Requirements<'a>>,
}

/// A selected project and what of it is selected.
#[derive(Debug, Clone)]
pub struct Root<'a> {
    /// The project.
    pub package: &'a Package,
    /// Its selected extras.
    pub extras: BTreeSet<&'a ExtraName>,
    /// Its selected groups, with those that are selected by default.
    pub groups: BTreeSet<&'a GroupName>,
}

/// What is asked for by nothing that is installed: a dependency group of a workspace root, or what
/// a script requires.
#[derive(Debug, Clone, Copy)]
pub struct Requirements<'a> {
    /// The project that declares the group, if the workspace root is one.
    pub package: Option<&'a Package>,
    /// The group; `None` is what a script requires.
    pub group: Option<&'a GroupName>,
    /// What is asked for.
    pub edges: &'a [Edge],
}

/// A package that is installed.
#[derive(Debug, Clone)]
pub struct RuntimeNode<'a> {
    /// What the lock says of it.
    pub package: &'a Package,
    /// Which parts of it are wanted.
    pub parts: BTreeSet<Part<'a>>,
    /// What these parts need on the target.
    pub edges: Vec<RuntimeEdge<'a>>,
}

/// A part of a package that has dependencies of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part<'a> {
    /// The package itself.
    Itself,
    /// An extra.
    Extra(&'a ExtraName),
    /// A dependency group; only selected projects have selected ones.
    Group(&'a GroupName),
}

/// An edge that was followed: its marker holds on the target.
#[derive(Debug, Clone, Copy)]
pub struct RuntimeEdge<'a> {
    /// The part of the package that asks for it.
    pub part: Part<'a>,
    /// The edge of the lock: the name that it leads to, the extras that it asks for, its marker.
    pub requirement: &'a Edge,
}

impl<'a> RuntimeEdge<'a> {
    /// The name of the package that it leads to.
    pub fn to(&self) -> &'a PackageName {
        &self.requirement.name
    }

    /// Its marker as PEP 508 text, if it has one.
    pub fn marker(&self) -> Option<String> {
        self.requirement.marker.text()
    }
}

impl<'a> Part<'a> {
    /// The edges that a package has for this part. An extra that adds nothing on any platform is
    /// not in the lock.
    pub(super) fn edges(self, package: &'a Package) -> &'a [Edge] {
        match self {
            Self::Itself => Some(&package.dependencies),
            Self::Extra(extra) => package.extras.get(extra),
            Self::Group(group) => package.groups.get(group),
        }
        .map(Vec::as_slice)
        .unwrap_or_default()
    }
}

impl<'a> Root<'a> {
    /// The parts of the project that are wanted.
    pub fn parts(&self) -> impl Iterator<Item = Part<'a>> + use<'_, 'a> {
        let extras = self.extras.iter().copied().map(Part::Extra);
        let groups = self.groups.iter().copied().map(Part::Group);
        std::iter::once(Part::Itself).chain(extras).chain(groups)
    }
}

impl<'a> RuntimeGraph<'a> {
    /// The names at which it starts.
    pub fn start(&self) -> impl Iterator<Item = &'a PackageName> + use<'_, 'a> {
        let projects = self.roots.projects.iter().map(|root| &root.package.name);
        projects.chain(self.required.iter().map(|edge| &edge.name))
    }

    /// Removes a package, the edges that lead to it, and what nothing else needs.
    pub fn remove(&mut self, name: &PackageName) {
        self.nodes.remove(name);
        self.roots.projects.retain(|root| root.package.name != *name);
        self.required.retain(|edge| edge.name != *name);
        for node in self.nodes.values_mut() {
            node.edges.retain(|edge| edge.to() != name);
        }
        let mut reached: BTreeSet<&'a PackageName> = BTreeSet::new();
        let mut open: Vec<&'a PackageName> = self.start().collect();
        while let Some(name) = open.pop() {
            if let Some(node) = self.nodes.get(name)
                && reached.insert(name)
            {
                open.extend(node.edges.iter().map(RuntimeEdge::to));
            }
        }
        self.nodes.retain(|name, _| reached.contains(name));
    }
}
