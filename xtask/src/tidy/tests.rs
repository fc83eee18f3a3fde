//! Each rule meets a text that breaks it and one that does not; then the repository itself.

use std::path::Path;

use xshell::Shell;

use super::licences::Package;
use super::{SourceFile, Violation, circles, code, docs, hosts, imports, licences, manifest, tree};

fn file(path: &str, text: &str) -> SourceFile {
    let bytes = text.len() as u64;
    SourceFile { path: path.to_owned(), bytes, text: Some(text.to_owned()) }
}

/// The violations as `line rule`.
#[track_caller]
fn check(found: &[Violation], expected: &[&str]) {
    let found: Vec<_> = found.iter().map(|v| format!("{} {}", v.line, v.rule)).collect();
    assert_eq!(found, expected);
}

#[test]
fn the_repository_is_tidy() {
    let shell = Shell::new().unwrap();
    // Which hosts are not to be named is asked over the network: that is left to the command.
    let violations = super::check(&shell, crate::root(), &[]).unwrap();
    let shown: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(shown.is_empty(), "`cargo xtask tidy`:\n{}", shown.join("\n"));
}

#[test]
fn violations_are_shown_as_path_line_rule_mend() {
    let file = file("a.rs", "");
    assert_eq!(file.violation(3, "width", "break it").to_string(), "a.rs:3: width: break it");
    assert_eq!(file.violation(0, "size", "make it").to_string(), "a.rs: size: make it");
}

#[test]
fn modules_that_use_each_other_are_found() {
    let of = |sources: &[(&str, &str)]| {
        let files: Vec<SourceFile> =
            sources.iter().map(|(path, text)| file(&format!("z/src/{path}"), text)).collect();
        circles::check(&files)
    };
    let two = of(&[("a.rs", "use crate::b::{X, Y};"), ("b.rs", "fn f(x: super::a::Z) {}")]);
    assert_eq!(two.len(), 1);
    assert_eq!(
        two[0].to_string(),
        "z/src/a.rs: circle: `a`, `b` use each other; move what they share below them"
    );
    // By way of a third, through groups and across directories.
    let three = [
        ("a/mod.rs", "mod deep;"),
        ("a/deep.rs", "pub use crate::{b::{self, X}, std};"),
        ("b.rs", "use crate::c;"),
        ("c.rs", "let x = crate::a::deep::x();"),
    ];
    assert_eq!(of(&three).len(), 1);
    // A module and its own parts are read as one; texts, comments and tests do not count.
    for (one, other) in [
        (("a.rs", "use a::b::X; use crate::a::b::Y;"), ("a/b.rs", "use super::Z;")),
        (("a.rs", "use crate::b::X;"), ("b.rs", "// crate::a::X\nlet x = \"crate::a::X\";")),
        (("a.rs", "use crate::b::X;"), ("b.rs", "#[cfg(test)]\nmod tests { use crate::a::X; }")),
        (("a.rs", "use crate::b::X;"), ("b/tests.rs", "use crate::a::X;")),
        (("a.rs", "use crate::b::X;"), ("b.rs", "use other::a::X;")),
    ] {
        assert_eq!(of(&[one, other]), [], "{one:?} {other:?}");
    }
}

#[test]
fn rust_files_open_with_what_they_are() {
    check(&code::check(&file("a.rs", "//! A file.\n")), &[]);
    check(&code::check(&file("a.rs", "use x;\n")), &["1 opening"]);
    check(&code::check(&file("a.rs", "")), &["1 opening"]);
}

#[test]
fn lines_are_at_most_100_columns() {
    let at = |columns| format!("//! A file.\n{}\n", "é".repeat(columns));
    check(&code::check(&file("a.rs", &at(100))), &[]);
    check(&code::check(&file("a.rs", &at(101))), &["2 width"]);
}

#[test]
fn nothing_is_left_unfinished() {
    for (start, end) in [("#[ign", "ore]"), ("tod", "o!()"), ("db", "g!(x)"), ("// FIX", "ME: x")] {
        let text = format!("//! A file.\n{start}{end}\n");
        check(&code::check(&file("a.rs", &text)), &["2 unfinished"]);
    }
    check(&code::check(&file("a.rs", "//! A file.\n// ignore the todo list\n")), &[]);
}

#[test]
fn long_files_say_why() {
    let lines = |count: usize, opening: &str| format!("{opening}\n{}", "\n".repeat(count - 1));
    let plain = "//! A file.";
    check(&code::check(&file("a.rs", &lines(400, plain))), &[]);
    check(&code::check(&file("a.rs", &lines(401, plain))), &["1 length"]);
    check(&code::check(&file("a.rs", &lines(401, "//! A\n//! Long because it is a table."))), &[]);
    check(&code::check(&file("a/tests.rs", &lines(600, plain))), &[]);
    check(&code::check(&file("tests/it/a.rs", &lines(601, plain))), &["1 length"]);
}

#[test]
fn functions_are_at_most_70_lines() {
    let text = |lines: usize| {
        let body = "        1;\n".repeat(lines - 2);
        format!("//! A file.\nimpl A {{\n    pub(crate) const fn long<T>() {{\n{body}    }}\n}}\n")
    };
    check(&code::check(&file("a.rs", &text(70))), &[]);
    check(&code::check(&file("a.rs", &text(71))), &["3 function"]);
    let short = "//! A file.\ntrait A {\n    fn one(&self);\n    fn two(&self) {}\n}\n";
    check(&code::check(&file("a.rs", short)), &[]);
}

#[test]
fn imports_go_one_way() {
    let map = "pub mod sys; // x\npub mod nar;\nmod lock;\n\npub mod fetch;\npub mod wheels;\n\
               pub mod venv;\npub mod pipeline;\npub mod cli;\n";
    for (path, line, expected) in [
        ("builder/src/fetch/http.rs", "use crate::sys::env;", None),
        ("builder/src/nar/hash.rs", "use crate::fetch::Request;", Some("2 imports")),
        ("builder/src/nar.rs", "use crate::{sys, pipeline};", Some("2 imports")),
        ("builder/src/sys/env.rs", "    crate::cli::run()", Some("2 imports")),
        ("builder/src/sys/env.rs", "// as crate::cli does", None),
        ("builder/src/venv.rs", "use crate::wheels::Wheel;", None),
        ("verifier/src/nar.rs", "use crate::{sys, pipeline};", Some("2 imports")),
        (
            "builder/src/nar.rs",
            "use crate::{\n    cli::run,\n    sys::{env, files},\n};",
            Some("2 imports"),
        ),
        ("xtask/src/bench.rs", "use base::vocabulary::Outcome;", None),
    ] {
        let found = imports::check(&file(path, &format!("//! A file.\n{line}\n")), map);
        check(&found, expected.as_slice());
    }
}

#[test]
fn files_are_small_known_and_from_no_machine() {
    let root = Path::new("/srv/somebody/lockstep");
    let here = root.parent().unwrap().display().to_string();
    for (path, text, expected) in [
        ("a.rs", "fine\n", None),
        ("a.exe", "", Some("0 kind")),
        ("unknown", "", Some("0 kind")),
        ("examples/x/bin/start", "", None),
        ("a.md", "blank \n", Some("1 blanks")),
        ("a.snap", "blank \n", None),
        ("a.md", &format!("\nsee {here}/x"), Some("2 machine")),
        ("a.md", &format!("see /mnt{here}/x"), None),
        ("a.md", &"x".repeat(1024 * 1024 + 1), Some("0 size")),
    ] {
        check(&tree::check(&file(path, text), root), expected.as_slice());
    }
}

#[test]
fn registries_are_not_named() {
    let hosts = ["files.registry.example".to_owned()];
    let named = file("a.md", "\nhttps://files.registry.example/x\n");
    check(&hosts::check(&named, &hosts), &["2 host"]);
    check(&hosts::check(&file("a.md", "https://other.example\n"), &hosts), &[]);
}

#[test]
fn dependencies_have_reasons_and_users() {
    let manifest = "[workspace.dependencies]\na = '1' # why\nb = '1'\n\n# Why.\nc = '1'\nd = '1'\n\
                    \ne = { path = 'e' }\nf-g = '1' # why\n[other]\nz = '1'\n";
    let members = "a.workspace = true\nb.workspace = true\nc = { workspace = true }\n\
                   e.workspace = true\nf-g.workspace = true\n";
    let files = [
        file("Cargo.toml", manifest),
        file("m/Cargo.toml", members),
        file("m/src/lib.rs", "use a::A; use b::B; use c; e::e(); f_g::x()"),
    ];
    check(&manifest::check(&files), &["3 reason", "7 unused"]);
    let files = [file("Cargo.toml", manifest), file("m/Cargo.toml", "a.workspace = true\n")];
    let unused = ["2", "3", "6", "7", "9", "10"].map(|line| format!("{line} unused"));
    let mut expected: Vec<&str> = unused.iter().map(String::as_str).collect();
    expected.insert(1, "3 reason");
    check(&manifest::check(&files), &expected);
}

#[test]
fn licences_are_those_of_the_list() {
    let policy = "[licenses]\nallow = [\n\"MIT\", # ours\n\"ISC\", # short\n]\nexceptions = [\n\
                  { allow = [\"GPL-1 WITH X\"], crate = \"odd\" }, # so\n]\n";
    let package = |name: &str, license: &str| Package {
        name: name.to_owned(),
        license: Some(license.to_owned()),
    };
    let fine = [package("a", "MIT/Apache-2.0"), package("odd", "(GPL-1 WITH X OR B) AND ISC")];
    check(&licences::compare(policy, &fine).unwrap(), &[]);
    for (name, licence) in [("b", "GPL-1 WITH X"), ("b", "MIT AND GPL"), ("b", "MIT)"), ("b", "")] {
        let packages = [fine.as_slice(), &[package(name, licence)]].concat();
        check(&licences::compare(policy, &packages).unwrap(), &["0 licence"]);
    }
    check(&licences::compare(policy, &fine[..1]).unwrap(), &["0 licence"; 2]);
    check(&licences::compare(&policy.replace(" # short", ""), &fine).unwrap(), &["4 reason"]);
}

#[test]
fn the_map_has_every_module() {
    let map = |name: &str| if name == "base" { "pub mod nar; // x\nmod sys;\n" } else { "" };
    check(&docs::map(map, "| `base::nar` | x |\n| `base::sys` | x |\n"), &[]);
    check(&docs::map(map, "| `base::nar` | x |\n| `gone` | x |\n"), &["0 map", "0 map"]);
}

#[test]
fn every_key_of_a_recipe_is_documented() {
    let wire = "pub(super) struct RecipeWire {\n    /// One: it.\n\
                pub(super) one_two: Option<String>,\n\
                pub(super) build: BTreeMap<String, BuildWire>,\n\
                pub(super) patch: Vec<Patch>,\n}\n\
                struct BuildWire {\n    env: BTreeMap<String, String>,\n}\n\
                pub struct Patch {\n    pub file: String,\n}\n";
    let rows = "| `one-two` | x |\n| `build.<name>.env` | x |\n| `patch.file` | x |\n";
    check(&docs::keys(wire, rows), &[]);
    check(&docs::keys(wire, &rows.replace("one-two", "one")), &["0 keys", "0 keys"]);
}

#[test]
fn the_changelog_is_open() {
    let open = [file("CHANGELOG.md", "# Changelog\n\n## Unreleased\n")];
    check(&docs::check(&open), &[]);
    check(&docs::check(&[file("CHANGELOG.md", "# Changelog\n")]), &["0 changelog"]);
}
