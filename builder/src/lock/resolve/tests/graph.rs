//! The runtime graph: its edges say by what they came.

use super::*;

/// A graph, one edge a line: `app[more] -> a[x] (marker)`; a node without edges is its name.
pub(super) fn shown(graph: &RuntimeGraph<'_>) -> String {
    let mut lines = Vec::new();
    for (name, node) in &graph.nodes {
        for edge in &node.edges {
            let from = match edge.part {
                Part::Itself => name.to_string(),
                Part::Extra(extra) => format!("{name}[{extra}]"),
                Part::Group(group) => format!("{name}:{group}"),
            };
            let extras: Vec<&str> = edge.requirement.extras.iter().map(AsRef::as_ref).collect();
            let extras = match extras[..] {
                [] => String::new(),
                _ => format!("[{}]", extras.join(",")),
            };
            let marker = edge.marker().map(|marker| format!(" ({marker})")).unwrap_or_default();
            lines.push(format!("{from} -> {}{extras}{marker}", edge.to()));
        }
        if node.edges.is_empty() {
            lines.push(name.to_string());
        }
    }
    lines.join("\n")
}

pub(super) fn with_graph<T>(
    lock: &Lock,
    selection: &Selection,
    look: impl FnOnce(RuntimeGraph<'_>) -> T,
) -> Result<T, Problem> {
    let target = Target::new("3.14", "x86_64-manylinux_2_39").unwrap();
    let pyproject = Pyproject::default();
    let request = RuntimeRequest { lock, pyproject: &pyproject, target: &target, selection };
    LockResolver.resolve(&request).map(look)
}

fn small() -> Lock {
    lock(&format!(
        "{}[package.optional-dependencies]\nmore = [{{ name = \"c\" }}]\n\
         [package.dev-dependencies]\ntest = [{{ name = \"app\", extra = [\"more\"] }}]\n\
         [package.metadata]\nprovides-extras = [\"more\"]\n{}{}{}",
        app("{ name = \"b\", marker = \"sys_platform == 'linux'\" }, \
             { name = \"b\", marker = \"sys_platform == 'win32'\" }, \
             { name = \"a\", extra = [\"x\", \"none\"] }"),
        wheel(
            "a",
            "1",
            "dependencies = [{ name = \"b\" }]\n[package.optional-dependencies]\n\
             x = [{ name = \"a\", extra = [\"y\"] }]\ny = [{ name = \"c\" }]"
        ),
        wheel("b", "1", "dependencies = [{ name = \"app\" }]"),
        wheel("c", "1", ""),
    ))
}

#[test]
fn edges_say_by_which_part_they_came() {
    let lock = small();
    assert_eq!(
        with_graph(&lock, &Selection::default(), |graph| shown(&graph)).unwrap(),
        "a -> b\n\
         a[x] -> a[y]\n\
         a[y] -> c\n\
         app -> a[none,x]\n\
         app -> b (sys_platform == 'linux')\n\
         b -> app\n\
         c"
    );
    let test = with_graph(&lock, &selection(&[], &["test"]), |graph| shown(&graph)).unwrap();
    assert!(test.contains("app:test -> app[more]\n"), "{test}");
    assert!(test.contains("app[more] -> c\n"), "{test}");
}

#[test]
fn what_only_a_removed_package_needs_goes_with_it() {
    let lock = small();
    let without = |name: &str| {
        let remove = |mut graph: RuntimeGraph<'_>| {
            graph.remove(&name.parse().unwrap());
            graph.nodes.keys().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        with_graph(&lock, &Selection::default(), remove).unwrap()
    };
    assert_eq!(without("a"), "app b");
    assert_eq!(without("b"), "a app c");
    assert_eq!(without("c"), "a app b");
    assert_eq!(without("nothing"), "a app b c");
}
