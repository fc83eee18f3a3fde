//! Makes a picture from the two graphs.

use std::collections::{BTreeMap, BTreeSet};

use super::{Edge, Need, Node, NodeId, Origin, Picture};
use crate::lock::build_lock::{BuildLock, LockedBuild, Needs, Requirement};
use crate::lock::resolve::{Distribution, Part, Resolution, RuntimeGraph};
use base::packaging::PackageName;

/// Draws the runtime graph, from which `resolution` was made, and the build lock's entries of every
/// distribution that is built. A build requirement that is built from source shares the node of the
/// installed distribution if the source is the same. Any other is a node of its own, even if the
/// same version is installed too: the two graphs share only packages that are built for both.
pub fn picture(runtime: &RuntimeGraph<'_>, resolution: &Resolution, builds: &BuildLock) -> Picture {
    let installed = resolution.distributions.iter();
    let built = installed.clone().filter(|it| it.artifact.is_built());
    let needs = |build: &'_ LockedBuild| build.needs.get(&resolution.target).cloned();
    let tools = builds.tools_for(resolution).unwrap_or_default();
    let of_tools = tools.iter().map(|(requirement, tool)| (of_tool(requirement), &tool.build));
    let built: Vec<(Node, Needs)> = built
        .filter_map(|it| Some((of_distribution(it), builds.builds.get(&it.name)?)))
        .chain(of_tools)
        .filter_map(|(node, build)| Some((node, needs(build)?)))
        .collect();
    let requirements = built.iter().flat_map(|(_, needs)| needs.wheels().map(of_requirement));
    let nodes: BTreeSet<Node> = installed
        .map(of_distribution)
        .chain(tools.keys().map(|requirement| of_tool(requirement)))
        .chain(requirements)
        .collect();
    let nodes: Vec<Node> = nodes.into_iter().collect();
    let places: BTreeMap<&Node, NodeId> =
        nodes.iter().enumerate().map(|(id, node)| (node, id)).collect();
    let of_name: BTreeMap<&PackageName, NodeId> = nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| !matches!(node.origin, Origin::BuildRequirement | Origin::Tool))
        .map(|(id, node)| (&node.name, id))
        .collect();

    let mut edges = BTreeSet::new();
    for (name, node) in &runtime.nodes {
        for edge in &node.edges {
            let (Some(&from), Some(&to)) = (of_name.get(name), of_name.get(edge.to())) else {
                continue;
            };
            let extras = edge.requirement.extras.clone();
            edges.insert(Edge { from, need: edge.part.into(), to, extras, marker: edge.marker() });
        }
    }
    for (node, needs) in &built {
        for requirement in &needs.requirements {
            let to = if !needs.from_source.contains(&requirement.name) {
                places.get(&of_requirement(requirement))
            } else if builds.tool(requirement, resolution).is_some() {
                places.get(&of_tool(requirement))
            } else {
                of_name.get(&requirement.name)
            };
            let (Some(&from), Some(&to)) = (places.get(node), to) else { continue };
            let extras = BTreeSet::new();
            edges.insert(Edge { from, need: Need::Build, to, extras, marker: None });
        }
    }
    let roots: BTreeSet<NodeId> =
        runtime.start().filter_map(|name| of_name.get(name).copied()).collect();
    let roots = roots.into_iter().collect();
    let edges = edges.into_iter().collect();
    Picture { nodes, edges, roots }
}

impl From<Part<'_>> for Need {
    fn from(part: Part<'_>) -> Self {
        match part {
            Part::Itself => Self::Runtime,
            Part::Extra(extra) => Self::Extra(extra.clone()),
            Part::Group(group) => Self::Group(group.clone()),
        }
    }
}

fn of_distribution(distribution: &Distribution) -> Node {
    let origin = match &distribution.artifact {
        artifact if !artifact.is_installed() => Origin::Virtual,
        artifact if artifact.is_built() => Origin::Built,
        _ => Origin::Wheel,
    };
    let version = distribution.version.as_ref().map(ToString::to_string);
    Node { name: distribution.name.clone(), version, origin }
}

fn of_requirement(requirement: &Requirement) -> Node {
    Node {
        name: requirement.name.clone(),
        version: Some(requirement.version.to_string()),
        origin: Origin::BuildRequirement,
    }
}

fn of_tool(requirement: &Requirement) -> Node {
    Node { origin: Origin::Tool, ..of_requirement(requirement) }
}
