//! Every way from the roots to one distribution: why it is there.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use serde::Serialize;

use super::tree::{extras, why};
use super::{NodeId, Picture};

/// How many partial paths are looked at before the search gives up: in a graph with many cycles
/// nearly all of them can be dead ends.
const LOOKED_AT_MAX: usize = 200_000;

/// Paths to one distribution.
#[derive(Debug, PartialEq, Eq)]
pub struct Paths {
    /// Each as positions of edges, from a root on; the shortest first. A root's own is empty.
    pub paths: Vec<Vec<usize>>,
    /// Whether there are more than these.
    pub more: bool,
}

/// What `why --json` prints of one step of a path.
#[derive(Debug, Serialize)]
pub struct StepJson {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// What the step before needs it for; absent at a root.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

/// The paths from any root to `target` on which no distribution comes twice, at most `limit`; the
/// shortest first, and those of one length in the order of their edges.
pub fn paths(picture: &Picture, target: NodeId, limit: usize) -> Paths {
    let incoming = picture.incoming();
    let distance = distances(picture);
    // Partial paths, from the target backwards: the least that a whole one will have comes first.
    let mut open = BinaryHeap::new();
    let mut paths = Vec::new();
    if let Some(least) = distance[target] {
        open.push(Reverse((least, Vec::new(), target)));
    }
    let mut looked_at = 0;
    while let Some(Reverse((_, path, node))) = open.pop() {
        looked_at += 1;
        if paths.len() == limit || looked_at > LOOKED_AT_MAX {
            return Paths { paths, more: true };
        }
        if picture.roots.contains(&node) {
            paths.push(path.iter().rev().copied().collect());
            continue;
        }
        for &edge in &incoming[node] {
            let from = picture.edges[edge].from;
            let visited = from == target || path.iter().any(|&it| picture.edges[it].from == from);
            if let (Some(rest), false) = (distance[from], visited) {
                let mut longer = path.clone();
                longer.push(edge);
                open.push(Reverse((longer.len() + rest, longer, from)));
            }
        }
    }
    Paths { paths, more: false }
}

/// How many edges each node is away from the nearest root.
fn distances(picture: &Picture) -> Vec<Option<usize>> {
    let outgoing = picture.outgoing();
    let mut distance = vec![None; picture.nodes.len()];
    let mut queue: VecDeque<NodeId> = picture.roots.iter().copied().collect();
    for &root in &picture.roots {
        distance[root] = Some(0);
    }
    while let Some(node) = queue.pop_front() {
        for &edge in &outgoing[node] {
            let to = picture.edges[edge].to;
            if distance[to].is_none() {
                distance[to] = distance[node].map(|far| far + 1);
                queue.push_back(to);
            }
        }
    }
    distance
}

impl Paths {
    /// One line per path: `shop → kombu[redis] (extra: queue) → redis`.
    pub fn to_text(&self, picture: &Picture, target: NodeId) -> String {
        let lines = self.paths.iter().map(|path| {
            let first = path.first().map_or(target, |&edge| picture.edges[edge].from);
            let mut line = picture.nodes[first].label();
            for edge in path.iter().map(|&edge| &picture.edges[edge]) {
                let node = &picture.nodes[edge.to];
                let arrow = if edge.need.is_build() { "⇒" } else { "→" };
                let version = node.version.as_ref().map_or_else(String::new, |it| format!(" {it}"));
                line += &format!(" {arrow} {}{}{version}{}", node.name, extras(edge), why(edge));
            }
            line
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The form that `--json` prints: each path with its root first.
    pub fn to_json(&self, picture: &Picture, target: NodeId) -> Vec<Vec<StepJson>> {
        let step = |node: NodeId, kind, marker| StepJson {
            name: picture.nodes[node].name.to_string(),
            version: picture.nodes[node].version.clone(),
            kind,
            marker,
        };
        let whole = |path: &Vec<usize>| {
            let first = path.first().map_or(target, |&edge| picture.edges[edge].from);
            let rest = path.iter().map(|&edge| {
                let edge = &picture.edges[edge];
                step(edge.to, Some(edge.need.kind()), edge.marker.clone())
            });
            std::iter::once(step(first, None, None)).chain(rest).collect()
        };
        self.paths.iter().map(whole).collect()
    }
}
