//! A picture in the languages of programs that draw: Graphviz's DOT, and Mermaid.

use std::fmt::Write as _;

use super::tree::{extras, why};
use super::{Edge, Node, Origin, Picture};

/// The colours of a drawing, also of the SVG. Each pair of fill and text has a contrast of 7 or
/// more (WCAG 2.2, level AAA).
pub(super) struct Colours {
    pub(super) fill: &'static str,
    pub(super) stroke: &'static str,
}

/// The colour of an edge that is needed at run time.
pub(super) const RUNTIME: &str = "#5b6b7b";
/// The colour of an edge that is needed for a build.
pub(super) const BUILD: &str = "#c2410c";
/// Of all texts.
pub(super) const TEXT: &str = "#111827";

pub(super) fn colours(node: &Node) -> Colours {
    match node.origin {
        Origin::Wheel => Colours { fill: "#ffffff", stroke: "#94a3b8" },
        Origin::Built => Colours { fill: "#fed7aa", stroke: "#c2410c" },
        Origin::Virtual => Colours { fill: "#e2e8f0", stroke: "#94a3b8" },
        Origin::BuildRequirement => Colours { fill: "#fff7ed", stroke: "#fdba74" },
        Origin::Tool => Colours { fill: "#fed7aa", stroke: "#fdba74" },
    }
}

/// The label of an edge, besides its colour.
fn label(edge: &Edge) -> String {
    let need = if edge.need.is_build() { String::new() } else { why(edge) };
    format!("{}{need}", extras(edge)).trim().to_owned()
}

/// The picture in Graphviz's language; `dot -Tsvg` draws it.
pub fn dot(picture: &Picture) -> String {
    let mut text = String::from(
        "digraph dependencies {\n  rankdir=LR;\n  node [shape=box, style=\"filled,rounded\", \
         fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\", fontsize=9];\n",
    );
    for (id, node) in picture.nodes.iter().enumerate() {
        let Colours { fill, stroke } = colours(node);
        let label = quoted(&node.label());
        let _ =
            writeln!(text, "  n{id} [label={label}, fillcolor=\"{fill}\", color=\"{stroke}\"];");
    }
    for edge in &picture.edges {
        let style = if edge.need.is_build() {
            format!("color=\"{BUILD}\", style=dashed")
        } else {
            format!("color=\"{RUNTIME}\"")
        };
        let label = quoted(&label(edge));
        let _ = writeln!(text, "  n{} -> n{} [{style}, label={label}];", edge.from, edge.to);
    }
    text + "}\n"
}

/// A string of the DOT language: only `"` and `\` have a meaning in it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The picture as a Mermaid flowchart, which many forges draw within Markdown.
pub fn mermaid(picture: &Picture) -> String {
    let mut text = String::from("flowchart LR\n");
    for (id, node) in picture.nodes.iter().enumerate() {
        let class = match node.origin {
            Origin::Wheel => "wheel",
            Origin::Built => "built",
            Origin::Virtual => "virtual",
            Origin::BuildRequirement => "requirement",
            Origin::Tool => "tool",
        };
        let _ = writeln!(text, "  n{id}[\"{}\"]:::{class}", entities(&node.label()));
    }
    for edge in &picture.edges {
        let arrow = if edge.need.is_build() { "-.->" } else { "-->" };
        let label = label(edge);
        let label = if label.is_empty() { label } else { format!("|\"{}\"|", entities(&label)) };
        let _ = writeln!(text, "  n{} {arrow}{label} n{}", edge.from, edge.to);
    }
    for (class, origin) in [
        ("wheel", Origin::Wheel),
        ("built", Origin::Built),
        ("virtual", Origin::Virtual),
        ("requirement", Origin::BuildRequirement),
        ("tool", Origin::Tool),
    ] {
        let Some(node) = picture.nodes.iter().find(|node| node.origin == origin) else { continue };
        let Colours { fill, stroke } = colours(node);
        let _ = writeln!(text, "  classDef {class} fill:{fill},stroke:{stroke},color:{TEXT}");
    }
    let build: Vec<String> = (0..picture.edges.len())
        .filter(|&index| picture.edges[index].need.is_build())
        .map(|index| index.to_string())
        .collect();
    if !build.is_empty() {
        let _ = writeln!(text, "  linkStyle {} stroke:{BUILD}", build.join(","));
    }
    text
}

/// A text between quotes in Mermaid's language: HTML's entities, with `#` in place of `&`.
fn entities(text: &str) -> String {
    text.replace('#', "#35;").replace('"', "#quot;").replace('<', "#lt;").replace('>', "#gt;")
}
