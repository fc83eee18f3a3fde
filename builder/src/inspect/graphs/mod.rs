//! The runtime graph and the build graph as a person looks at them: one picture, written as a tree,
//! as paths to one distribution, or as a drawing. This module builds and installs nothing.

mod draw;
mod paths;
mod picture;
mod svg;
mod tree;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use base::packaging::{ExtraName, GroupName, PackageName};

pub use draw::{dot, mermaid};
pub use paths::{Paths, paths};
pub use picture::picture;
pub use svg::svg;
pub use tree::{Shape, tree};

/// The position of a node in [`Picture::nodes`].
pub type NodeId = usize;

/// Distributions and what connects them. An edge of the one graph is never one of the other: each
/// says of which it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Picture {
    /// Sorted by name, then version.
    pub nodes: Vec<Node>,
    /// Sorted by where they start, then what they are for, then where they end.
    pub edges: Vec<Edge>,
    /// Where the runtime graph starts.
    pub roots: Vec<NodeId>,
}

/// A distribution.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    /// Normalised name.
    pub name: PackageName,
    /// Absent if only the built wheel knows it.
    pub version: Option<String>,
    /// How it is obtained.
    pub origin: Origin,
}

/// How a distribution is obtained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// As a wheel.
    Wheel,
    /// Built from source.
    Built,
    /// Not installed: only its dependencies count.
    Virtual,
    /// A wheel that only builds see.
    BuildRequirement,
    /// Built from source, for builds only.
    Tool,
}

/// `from` needs `to`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// What needs.
    pub from: NodeId,
    /// What for.
    pub need: Need,
    /// What is needed.
    pub to: NodeId,
    /// The extras of `to` that are asked for.
    pub extras: BTreeSet<ExtraName>,
    /// The condition under which it is needed (PEP 508); it holds for the target.
    pub marker: Option<String>,
}

/// What a distribution needs another one for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// To run.
    Runtime,
    /// To run with this extra of its own.
    Extra(ExtraName),
    /// In this dependency group of its own.
    Group(GroupName),
    /// To be built.
    Build,
}

impl Need {
    /// Whether the edge is one of the build graph.
    pub fn is_build(&self) -> bool {
        *self == Self::Build
    }

    /// The word for it: `runtime`, `extra`, `group` or `build`.
    fn kind(&self) -> &'static str {
        match self {
            Self::Runtime => "runtime",
            Self::Extra(_) => "extra",
            Self::Group(_) => "group",
            Self::Build => "build",
        }
    }

    /// The name of the extra or group.
    fn of(&self) -> Option<&str> {
        match self {
            Self::Extra(extra) => Some(extra.as_ref()),
            Self::Group(group) => Some(group.as_ref()),
            Self::Runtime | Self::Build => None,
        }
    }
}

impl Node {
    /// `lxml 6.0.2`.
    pub fn label(&self) -> String {
        let version = self.version.as_ref();
        version.map_or_else(|| self.name.to_string(), |version| format!("{} {version}", self.name))
    }
}

impl Picture {
    /// Only the edges that are wanted, and their nodes; of the runtime graph also the roots. What
    /// is only of the build graph has no roots: it starts at whatever no build waits for.
    #[must_use]
    pub fn only(&self, wanted: impl Fn(&Edge) -> bool) -> Self {
        let edges: Vec<&Edge> = self.edges.iter().filter(|edge| wanted(edge)).collect();
        let mut kept: BTreeSet<NodeId> =
            edges.iter().flat_map(|edge| [edge.from, edge.to]).collect();
        let only_builds = !edges.is_empty() && edges.iter().all(|edge| edge.need.is_build());
        let roots = if only_builds { &[][..] } else { &self.roots[..] };
        kept.extend(roots);
        let places: BTreeMap<NodeId, NodeId> =
            kept.iter().enumerate().map(|(new, &old)| (old, new)).collect();
        Self {
            nodes: kept.iter().map(|&id| self.nodes[id].clone()).collect(),
            edges: edges
                .into_iter()
                .map(|edge| Edge { from: places[&edge.from], to: places[&edge.to], ..edge.clone() })
                .collect(),
            roots: roots.iter().map(|root| places[root]).collect(),
        }
    }

    /// The nodes of that name: one that is installed, and any number that only builds see.
    pub fn named(&self, name: &PackageName) -> Vec<NodeId> {
        (0..self.nodes.len()).filter(|&id| self.nodes[id].name == *name).collect()
    }

    /// Positions of the edges that start at each node.
    fn outgoing(&self) -> Vec<Vec<usize>> {
        self.by_end(|edge| edge.from)
    }

    /// Positions of the edges that end at each node.
    fn incoming(&self) -> Vec<Vec<usize>> {
        self.by_end(|edge| edge.to)
    }

    fn by_end(&self, end: impl Fn(&Edge) -> NodeId) -> Vec<Vec<usize>> {
        let mut lists = vec![Vec::new(); self.nodes.len()];
        for (index, edge) in self.edges.iter().enumerate() {
            lists[end(edge)].push(index);
        }
        lists
    }

    /// The form that `--json` prints.
    pub fn to_json(&self) -> PictureJson<'_> {
        PictureJson {
            nodes: self
                .nodes
                .iter()
                .enumerate()
                .map(|(id, node)| NodeJson::of(self, id, node))
                .collect(),
            edges: self.edges.iter().map(EdgeJson::of).collect(),
        }
    }
}

/// What `tree --json` and `graph --json` print.
#[derive(Debug, Serialize)]
pub struct PictureJson<'a> {
    nodes: Vec<NodeJson<'a>>,
    edges: Vec<EdgeJson<'a>>,
}

#[derive(Debug, Serialize)]
struct NodeJson<'a> {
    id: NodeId,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    origin: Origin,
    root: bool,
}

impl<'a> NodeJson<'a> {
    fn of(picture: &Picture, id: NodeId, node: &'a Node) -> Self {
        Self {
            id,
            name: node.name.as_ref(),
            version: node.version.as_deref(),
            origin: node.origin,
            root: picture.roots.contains(&id),
        }
    }
}

#[derive(Debug, Serialize)]
struct EdgeJson<'a> {
    from: NodeId,
    to: NodeId,
    kind: &'static str,
    /// The extra or group that the edge belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    extras: &'a BTreeSet<ExtraName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<&'a str>,
}

impl<'a> EdgeJson<'a> {
    fn of(edge: &'a Edge) -> Self {
        Self {
            from: edge.from,
            to: edge.to,
            kind: edge.need.kind(),
            of: edge.need.of(),
            extras: &edge.extras,
            marker: edge.marker.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests;
