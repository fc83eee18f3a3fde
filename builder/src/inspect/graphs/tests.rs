//! Trees, paths and drawings of small pictures, each written as its edges.

use super::*;

/// `a -> b[x,y] : extra e ; marker`, one edge per line; `a ->> b` is one of the build graph. Nodes
/// are made of the names, sorted; `a` is the root.
fn picture(edges: &str) -> Picture {
    let lines: Vec<&str> = edges.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut names = BTreeSet::from(["a".to_owned()]);
    let mut parsed = Vec::new();
    for line in lines {
        let (line, marker) = line.split_once(" ; ").map_or((line, None), |(a, b)| (a, Some(b)));
        let (line, part) = line.split_once(" : ").map_or((line, None), |(a, b)| (a, Some(b)));
        let (ends, build) = match line.split_once(" ->> ") {
            Some(ends) => (ends, true),
            None => (line.split_once(" -> ").unwrap(), false),
        };
        let (to, extras) = ends.1.split_once('[').unwrap_or((ends.1, ""));
        let extras = extras.trim_end_matches(']').split(',').filter(|it| !it.is_empty());
        let extras: BTreeSet<ExtraName> = extras.map(|it| it.parse().unwrap()).collect();
        let need = match part.map(|part| part.split_once(' ').unwrap()) {
            _ if build => Need::Build,
            None => Need::Runtime,
            Some(("extra", name)) => Need::Extra(name.parse().unwrap()),
            Some((_, name)) => Need::Group(name.parse().unwrap()),
        };
        names.extend([ends.0.to_owned(), to.to_owned()]);
        parsed.push((ends.0, to, need, extras, marker.map(str::to_owned)));
    }
    let place = |name: &str| names.iter().position(|it| it == name).unwrap();
    let mut edges: Vec<Edge> = parsed
        .into_iter()
        .map(|(from, to, need, extras, marker)| Edge {
            from: place(from),
            to: place(to),
            need,
            extras,
            marker,
        })
        .collect();
    edges.sort();
    let node = |name: &String| Node {
        name: name.parse().unwrap(),
        version: Some("1.0".to_owned()),
        origin: if name == "b" { Origin::Built } else { Origin::Wheel },
    };
    Picture { nodes: names.iter().map(node).collect(), edges, roots: vec![place("a")] }
}

fn named(picture: &Picture, name: &str) -> NodeId {
    picture.named(&name.parse().unwrap())[0]
}

#[test]
fn a_tree_shows_extras_and_markers_and_cuts_what_comes_again() {
    let picture = picture(
        "a -> b[x]
         a -> d : extra e
         a -> d : group g ; sys_platform == 'linux'
         b -> c
         c -> b
         d -> b",
    );
    let expected = "\
a 1.0
├── b[x] 1.0 (built)
│   └── c 1.0
│       └── b 1.0 (built) (cycle)
├── d 1.0 (extra: e)
│   └── b 1.0 (built) (*)
└── d 1.0 (group: g) ; sys_platform == 'linux' (*)";
    assert_eq!(tree(&picture, &Shape::default()), expected);
}

#[test]
fn an_inverted_tree_starts_where_it_is_told() {
    let picture = picture("a -> b[x]\nb -> c\na -> c");
    let shape = Shape { invert: true, start: vec![named(&picture, "c")], depth: None };
    let expected = "c 1.0\n├── a 1.0\n└── b 1.0 (built)\n    └── a 1.0";
    assert_eq!(tree(&picture, &shape), expected);
    let shallow = Shape { depth: Some(1), ..shape };
    assert_eq!(tree(&picture, &shallow), "c 1.0\n├── a 1.0\n└── b 1.0 (built)");
}

#[test]
fn paths_come_shortest_first_and_visit_nothing_twice() {
    let picture =
        picture("a -> b\nb -> c\nc -> b\na -> c\na ->> d\nd -> c[z] ; os_name == 'posix'");
    let target = named(&picture, "c");
    let found = paths(&picture, target, 10);
    let expected = "\
a 1.0 → c 1.0
a 1.0 → b 1.0 → c 1.0
a 1.0 ⇒ d 1.0 (build) → c[z] 1.0 ; os_name == 'posix'";
    assert_eq!(found.to_text(&picture, target), expected);
    assert!(!found.more);
    let two = paths(&picture, target, 2);
    assert_eq!((two.paths.len(), two.more), (2, true));
}

#[test]
fn a_root_is_there_for_its_own_sake() {
    let picture = picture("a -> b\nb -> a");
    let target = named(&picture, "a");
    assert_eq!(paths(&picture, target, 10).to_text(&picture, target), "a 1.0");
}

/// Every layer doubles the paths: 2^40 of them, of which ten are looked for.
#[test]
fn a_graph_with_very_many_paths_is_no_trouble() {
    let layers = (0..40).flat_map(|n| {
        let (x, y, next) = (format!("x{n:02}"), format!("y{n:02}"), format!("x{:02}", n + 1));
        [format!("{x} -> {y}"), format!("{y} -> {next}"), format!("{x} -> {next}")]
    });
    let mut picture = picture(&layers.collect::<Vec<_>>().join("\n"));
    picture.roots = vec![named(&picture, "x00")];
    let found = paths(&picture, named(&picture, "x40"), 10);
    assert_eq!((found.paths.len(), found.more), (10, true));
}

#[test]
fn what_is_not_wanted_is_left_out_with_the_nodes_that_only_it_needs() {
    let picture = picture("a -> b\nb ->> c\nb ->> d");
    let build = picture.only(|edge| edge.need.is_build());
    let names: Vec<&str> = build.nodes.iter().map(|node| node.name.as_ref()).collect();
    assert_eq!(names, ["b", "c", "d"]);
    assert_eq!(tree(&build, &Shape::default()).lines().count(), 3);
    let runtime = picture.only(|edge| !edge.need.is_build());
    assert_eq!(tree(&runtime, &Shape::default()), "a 1.0\n└── b 1.0 (built)");
}

#[test]
fn drawings_tell_the_two_graphs_apart_and_escape_what_they_are_given() {
    let mut picture = picture("a -> b[x] ; os_name == \"<&'\"\nb ->> c");
    picture.nodes[0].version = Some("1\"<&>#".to_owned());
    let dot = dot(&picture);
    assert!(dot.contains(r#"n0 [label="a 1\"<&>#""#), "{dot}");
    assert!(dot.contains(&format!("n1 -> n2 [color=\"{}\", style=dashed", draw::BUILD)), "{dot}");
    let mermaid = mermaid(&picture);
    assert!(mermaid.contains(r#"n0["a 1#quot;#lt;&#gt;#35;"]:::wheel"#), "{mermaid}");
    assert!(mermaid.contains("n1 -.-> n2") && mermaid.contains("linkStyle 1 stroke"), "{mermaid}");
    let svg = svg(&picture, "shop & <co>").unwrap();
    assert!(svg.contains("shop &amp; &lt;co&gt;") && !svg.contains("<&"), "{svg}");
    assert_eq!(svg.matches("class=\"edge\"").count(), 2, "{svg}");
    assert_eq!(svg.matches("class=\"node\"").count(), 3, "{svg}");
}
