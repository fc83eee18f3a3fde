//! A picture as an indented tree, as `cargo tree` and `uv tree` print theirs. A node's children are
//! shown once. Further occurrences are marked `(*)`, or `(cycle)` if the node is its own ancestor,
//! so the tree has at most one line per edge.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{Edge, Need, NodeId, Origin, Picture};

/// Which tree.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    /// From what is needed to what needs it.
    pub invert: bool,
    /// Where it starts; empty means at the roots, or at packages that nothing needs.
    pub start: Vec<NodeId>,
    /// How many levels below the start are shown.
    pub depth: Option<usize>,
}

/// A node whose line is still to be written.
struct Line {
    node: NodeId,
    /// The edge by which it was reached.
    edge: Option<usize>,
    /// The prefix of its line, and of its children's lines.
    lead: String,
    last: bool,
    depth: usize,
}

/// What is to be done next; a stack of these takes the place of recursion, which a long chain of
/// dependencies would overflow.
enum Step {
    Write(Line),
    Leave(NodeId),
}

/// Draws the tree. The lines end without a line feed.
pub fn tree(picture: &Picture, shape: &Shape) -> String {
    let edges = if shape.invert { picture.incoming() } else { picture.outgoing() };
    let mut steps: Vec<Step> = start(picture, shape)
        .into_iter()
        .rev()
        .map(|node| {
            Step::Write(Line { node, edge: None, lead: String::new(), last: true, depth: 0 })
        })
        .collect();
    let (mut shown, mut ancestors) = (BTreeSet::new(), BTreeSet::new());
    let mut text = String::new();
    while let Some(step) = steps.pop() {
        let line = match step {
            Step::Write(line) => line,
            Step::Leave(node) => {
                ancestors.remove(&node);
                continue;
            }
        };
        let children = &edges[line.node];
        let cut = shape.depth.is_some_and(|depth| line.depth >= depth);
        let mark = match () {
            () if ancestors.contains(&line.node) => " (cycle)",
            () if children.is_empty() || cut => "",
            () if shown.contains(&line.node) => " (*)",
            () => {
                push_children(picture, shape, &line, children, &mut steps);
                shown.insert(line.node);
                ancestors.insert(line.node);
                ""
            }
        };
        write_line(picture, shape, &line, mark, &mut text);
    }
    text.truncate(text.trim_end().len());
    text
}

fn start(picture: &Picture, shape: &Shape) -> Vec<NodeId> {
    if !shape.start.is_empty() {
        return shape.start.clone();
    }
    if !picture.roots.is_empty() && !shape.invert {
        return picture.roots.clone();
    }
    let before = if shape.invert { picture.outgoing() } else { picture.incoming() };
    (0..picture.nodes.len()).filter(|&id| before[id].is_empty()).collect()
}

fn push_children(
    picture: &Picture,
    shape: &Shape,
    line: &Line,
    children: &[usize],
    steps: &mut Vec<Step>,
) {
    let below = match (line.depth, line.last) {
        (0, _) => String::new(),
        (_, true) => format!("{}    ", line.lead),
        (_, false) => format!("{}│   ", line.lead),
    };
    steps.push(Step::Leave(line.node));
    for (index, &edge) in children.iter().enumerate().rev() {
        let Edge { from, to, .. } = picture.edges[edge];
        steps.push(Step::Write(Line {
            node: if shape.invert { from } else { to },
            edge: Some(edge),
            lead: below.clone(),
            last: index + 1 == children.len(),
            depth: line.depth + 1,
        }));
    }
}

fn write_line(picture: &Picture, shape: &Shape, line: &Line, mark: &str, text: &mut String) {
    let node = &picture.nodes[line.node];
    let branch = match (line.depth, line.last) {
        (0, _) => "",
        (_, true) => "└── ",
        (_, false) => "├── ",
    };
    let edge = line.edge.map(|edge| &picture.edges[edge]);
    // In an inverted tree the extras that were asked for are those of the line above.
    let extras = edge.filter(|_| !shape.invert).map_or_else(String::new, extras);
    let version = node.version.as_ref().map_or_else(String::new, |it| format!(" {it}"));
    let origin = match node.origin {
        Origin::Built | Origin::Tool => " (built)",
        Origin::Virtual => " (virtual)",
        Origin::Wheel | Origin::BuildRequirement => "",
    };
    let why = edge.map_or_else(String::new, why);
    let name = &node.name;
    let _ = writeln!(text, "{}{branch}{name}{extras}{version}{origin}{why}{mark}", line.lead);
}

/// `[s3,gcs]`
pub(super) fn extras(edge: &Edge) -> String {
    if edge.extras.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = edge.extras.iter().map(AsRef::as_ref).collect();
    format!("[{}]", names.join(","))
}

/// What an edge is for, and when it counts: ` (extra: s3) ; sys_platform == 'linux'`.
pub(super) fn why(edge: &Edge) -> String {
    let need = match &edge.need {
        Need::Runtime => String::new(),
        Need::Extra(extra) => format!(" (extra: {extra})"),
        Need::Group(group) => format!(" (group: {group})"),
        Need::Build => " (build)".to_owned(),
    };
    let marker = edge.marker.as_ref().map_or_else(String::new, |marker| format!(" ; {marker}"));
    format!("{need}{marker}")
}
