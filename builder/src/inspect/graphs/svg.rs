//! A picture as an SVG that a person can read: layered from left to right, with each package to the
//! left of the packages that it needs. It is one file, without a script or a font.

use std::fmt::Write as _;

use dugong::graphlib::{EdgeKey, Graph, GraphOptions};
use dugong::{EdgeLabel, GraphLabel, LayoutError, NodeLabel, Point, RankDir};

use super::draw::{BUILD, Colours, RUNTIME, TEXT, colours};
use super::tree::{extras, why};
use super::{Edge, NodeId, Picture};
use base::vocabulary::Problem;

/// Widths are estimated: this is a wide letter of a sans-serif font of 12 pixels.
const LETTER: f64 = 7.0;
const NODE_HEIGHT: f64 = 22.0;
/// Room for the legend above the drawing.
const HEAD: f64 = 40.0;

type Layout = Graph<NodeLabel, EdgeLabel, GraphLabel>;

/// Draws the picture with `title` in its first line.
///
/// # Errors
/// A picture that cannot be laid out.
pub fn svg(picture: &Picture, title: &str) -> Result<String, Problem> {
    let layout = laid_out(picture).map_err(|error| {
        Problem::new("cannot lay out the drawing")
            .cause(error)
            .hint("`--format dot` writes it for Graphviz")
    })?;
    let size = layout.graph();
    let (width, height) = (size.width.max(640.0), size.height + HEAD);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         width=\"{width:.0}\" height=\"{height:.0}\" font-family=\"sans-serif\" font-size=\"12\">\n"
    );
    let _ = writeln!(text, "<title>{}</title>", escaped(title));
    text += STYLE;
    for (name, colour) in [("runtime", RUNTIME), ("build", BUILD)] {
        let _ = writeln!(
            text,
            "<marker id=\"{name}\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" \
             markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"{colour}\" \
             stroke=\"none\"/></marker>"
        );
    }
    legend(title, &mut text);
    let _ = writeln!(text, "<g transform=\"translate(0 {HEAD})\">");
    for (index, edge) in picture.edges.iter().enumerate() {
        if let Some(drawn) = layout.edge_by_key(&key(index, edge)) {
            draw_edge(picture, edge, &drawn.points, &mut text);
        }
    }
    for id in 0..picture.nodes.len() {
        if let Some(drawn) = layout.node(&name(id)) {
            draw_node(picture, id, drawn, &mut text);
        }
    }
    text += "</g>\n</svg>\n";
    Ok(text)
}

/// Highlights edges below the pointer, so that a reader can follow one in a large picture.
const STYLE: &str = "<style>path{fill:none;stroke-width:1.2}path.edge:hover{stroke-width:4}\
    .node:hover rect{stroke-width:3}</style>\n";

fn laid_out(picture: &Picture) -> Result<Layout, LayoutError> {
    let mut layout = Layout::new(GraphOptions { multigraph: true, ..GraphOptions::default() });
    layout.set_graph(GraphLabel {
        rankdir: RankDir::LR,
        nodesep: 8.0,
        edgesep: 4.0,
        ranksep: 60.0,
        marginx: 16.0,
        marginy: 16.0,
        ..GraphLabel::default()
    });
    layout.set_default_edge_label(EdgeLabel::default);
    for (id, node) in picture.nodes.iter().enumerate() {
        let letters = u32::try_from(node.label().chars().count()).unwrap_or(u32::MAX);
        let width = f64::from(letters) * LETTER + 16.0;
        layout.set_node(name(id), NodeLabel { width, height: NODE_HEIGHT, ..Default::default() });
    }
    for (index, edge) in picture.edges.iter().enumerate() {
        let label = EdgeLabel { weight: 1.0, ..EdgeLabel::default() };
        layout.set_edge_key(key(index, edge), label);
    }
    dugong::layout(&mut layout)?;
    Ok(layout)
}

fn name(id: NodeId) -> String {
    format!("n{id}")
}

/// Two nodes can have several edges, so each is named by its position.
fn key(index: usize, edge: &Edge) -> EdgeKey {
    EdgeKey::new(name(edge.from), name(edge.to), Some(format!("e{index}")))
}

fn legend(title: &str, text: &mut String) {
    let built = "#fed7aa";
    let _ = writeln!(
        text,
        "<g fill=\"{TEXT}\"><text x=\"16\" y=\"24\" font-weight=\"bold\">{}</text>\
         <g transform=\"translate({:.0} 12)\"><rect width=\"16\" height=\"16\" rx=\"3\" \
         fill=\"{built}\" stroke=\"{BUILD}\"/><text x=\"22\" y=\"12\">built from source</text>\
         <path d=\"M150 8H180\" stroke=\"{RUNTIME}\"/><text x=\"186\" y=\"12\">runs with</text>\
         <path d=\"M260 8H290\" stroke=\"{BUILD}\" stroke-dasharray=\"4 3\"/>\
         <text x=\"296\" y=\"12\">is built with</text></g></g>",
        escaped(title),
        f64::from(u32::try_from(title.chars().count()).unwrap_or(0)) * 8.0 + 40.0,
    );
}

fn draw_node(picture: &Picture, id: NodeId, drawn: &NodeLabel, text: &mut String) {
    let node = &picture.nodes[id];
    let (Some(x), Some(y)) = (drawn.x, drawn.y) else { return };
    let Colours { fill, stroke } = colours(node);
    let weight = if picture.roots.contains(&id) { " font-weight=\"bold\"" } else { "" };
    let _ = writeln!(
        text,
        "<g class=\"node\"><rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"4\" \
         fill=\"{fill}\" stroke=\"{stroke}\"/><text x=\"{x:.1}\" y=\"{:.1}\" fill=\"{TEXT}\" \
         text-anchor=\"middle\"{weight}>{}</text></g>",
        x - drawn.width / 2.0,
        y - drawn.height / 2.0,
        drawn.width,
        drawn.height,
        y + 4.0,
        escaped(&node.label())
    );
}

fn draw_edge(picture: &Picture, edge: &Edge, points: &[Point], text: &mut String) {
    let [first, rest @ ..] = points else { return };
    let (colour, dash, marker) = if edge.need.is_build() {
        (BUILD, " stroke-dasharray=\"4 3\"", "build")
    } else {
        (RUNTIME, "", "runtime")
    };
    let mut path = format!("M{:.1} {:.1}", first.x, first.y);
    let mut before = first;
    for point in rest {
        // Leaves and arrives horizontally, as the layers follow each other from left to right.
        let middle = f64::midpoint(before.x, point.x);
        let _ = write!(
            path,
            "C{middle:.1} {:.1} {middle:.1} {:.1} {:.1} {:.1}",
            before.y, point.y, point.x, point.y
        );
        before = point;
    }
    let [from, to] = [edge.from, edge.to].map(|id| picture.nodes[id].label());
    let title = format!("{from} → {to} {}{}", extras(edge), why(edge));
    let _ = writeln!(
        text,
        "<path class=\"edge\" d=\"{path}\" stroke=\"{colour}\"{dash} marker-end=\"url(#{marker})\">\
         <title>{}</title></path>",
        escaped(title.trim_end())
    );
}

/// Text of an XML document. Names and markers come from the lock, which is hostile input.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
