//! `tree`, `why` and `graph` as commands: what a person reads, and what a program does.

use std::path::Path;

use serde_json::Value;

use crate::cli::{Ended, builder, end, scratch, workspace};

fn look(arguments: &[&str]) -> Ended {
    let cache = scratch();
    end(builder(workspace(), cache.path()).args(["--quiet"]).args(arguments))
}

/// Looks at a lock of `tests/locks`.
fn look_at(case: &str, arguments: &[&str]) -> String {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/locks").join(case);
    look(&[arguments, &["--workspace", dir.to_str().unwrap()]].concat()).good()
}

#[test]
fn a_tree_marks_cycles_and_cuts_them() {
    assert_eq!(
        look_at("diamond-and-cycle", &["tree"]),
        "app 1.0 (virtual)\n\
         ├── cycle-a[more] 1.0\n\
         │   ├── cycle-b 1.0\n\
         │   │   ├── cycle-a 1.0 (cycle)\n\
         │   │   ├── bottom 1.0 (extra: more)\n\
         │   │   └── cycle-a[more] 1.0 (extra: more) (cycle)\n\
         │   └── cycle-b[more] 1.0 (extra: more) (*)\n\
         ├── left 1.0\n\
         │   └── bottom 1.0\n\
         └── right 1.0\n    \
         └── bottom 1.0\n"
    );
    let inverted = look_at("diamond-and-cycle", &["tree", "--invert", "--package", "left"]);
    assert_eq!(inverted, "left 1.0\n└── app 1.0 (virtual)\n");
}

#[test]
fn trees_of_the_sample_show_one_graph_each() {
    let runtime = look(&["tree", "sample"]).good();
    assert!(runtime.contains("\n├── psycopg[binary,pool] 3.3.2\n"), "{runtime}");
    let marked = "psycopg-binary 3.3.2 (extra: binary) ; implementation_name != 'pypy'\n";
    assert!(runtime.contains(marked), "{runtime}");
    assert!(runtime.contains("sample-channels 0.2.0 (built) (cycle)\n"), "{runtime}");
    assert!(!runtime.contains("hatchling") && !runtime.contains("(build)"), "{runtime}");
    let build = look(&["tree", "sample", "--build"]).good();
    assert!(build.contains("docopt 0.6.2 (built)\n└── setuptools 84.2.1 (build)\n"), "{build}");
    assert!(!build.contains("django"), "{build}");
    let inverted = look(&["tree", "sample", "--build", "--invert", "--package", "setuptools"]);
    let needing = "setuptools 84.2.1\n├── docopt 0.6.2 (built) (build)\n\
                   └── markupsafe 3.0.3 (built) (build)\n";
    assert_eq!(inverted.good(), needing);
    assert_eq!(look(&["tree", "sample", "--depth", "0"]).good(), "sample 2026.1.0 (built)\n");
}

#[test]
fn why_names_every_path_of_both_graphs() {
    let text = look(&["why", "psycopg-pool", "sample"]).good();
    let first = "sample 2026.1.0 → psycopg[binary,pool] 3.3.2 → psycopg-pool 3.3.3 (extra: pool)\n";
    assert!(text.starts_with(first), "{text}");
    let text = look(&["why", "setuptools", "sample"]).good();
    assert_eq!(
        text,
        "sample 2026.1.0 → docopt 0.6.2 ⇒ setuptools 84.2.1 (build)\n\
         sample 2026.1.0 → markupsafe 3.0.3 ⇒ setuptools 84.2.1 (build)\n"
    );
    let short = look(&["why", "asgiref", "sample", "--limit", "2"]).good();
    assert_eq!(short.lines().count(), 3, "{short}");
    assert!(short.ends_with("… and more; `--limit` is 2\n"), "{short}");
    let json = look(&["--json", "why", "psycopg-pool", "sample"]).json();
    let last = json["paths"][0].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["name"], &last["kind"]), (&"psycopg-pool".into(), &"extra".into()));
    look(&["why", "asgrief", "sample"]).bad(2, &["`asgrief`", "did you mean `asgiref`?"]);
}

/// Names of the ends of an edge.
fn ends<'a>(json: &'a Value, edge: &Value) -> [&'a str; 2] {
    let name = |id: &Value| {
        let nodes = json["nodes"].as_array().unwrap();
        nodes.iter().find(|it| it["id"] == *id).unwrap()["name"].as_str().unwrap()
    };
    [name(&edge["from"]), name(&edge["to"])]
}

#[test]
fn a_graph_is_drawn_in_three_languages_and_told_as_json() {
    let json = look(&["--json", "graph", "sample"]).json();
    let edges = json["edges"].as_array().unwrap();
    let of = |kind: &str| edges.iter().filter(|it| it["kind"] == kind).count();
    assert!(of("runtime") > 20 && of("extra") >= 3 && of("build") > 20, "{json}");
    let build = |it: &&Value| it["kind"] == "build";
    assert!(edges.iter().filter(build).any(|it| ends(&json, it) == ["docopt", "setuptools"]));
    assert!(!edges.iter().filter(|it| !build(it)).any(|it| ends(&json, it)[1] == "setuptools"));
    for (format, starts, edge) in [
        ("dot", "digraph", "->"),
        ("mermaid", "flowchart", "-.->"),
        ("svg", "<svg", "class=\"edge\""),
    ] {
        let drawn = look(&["graph", "sample", "--format", format]).good();
        assert!(drawn.contains(starts), "{format}: {drawn}");
        assert!(drawn.matches(edge).count() >= of("build"), "{format}: {drawn}");
        assert_eq!(drawn, look(&["graph", "sample", "--format", format]).good(), "{format}");
    }
    let only = look(&["graph", "sample", "--only", "runtime", "--format", "dot"]).good();
    assert!(only.contains("django") && !only.contains("hatchling"), "{only}");
    let dir = scratch();
    let file = dir.path().join("graph.svg");
    look(&["graph", "sample", "-o", file.to_str().unwrap()]).good();
    assert!(fs_err::read_to_string(&file).unwrap().starts_with("<svg"));
}
