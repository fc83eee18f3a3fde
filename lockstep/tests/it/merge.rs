//! The cases of pyproject.nix's `test_make_venv.py`, and what it gets wrong: what becomes of the
//! same path in two wheels. Symlinks cannot be in wheels (`wheel_archive` refuses them).

use std::collections::BTreeMap;

use base::recipe::CollisionRule::{self, Drop, Fail, FirstByName};
use base::recipe::CollisionRules;
use builder::install::collisions::{Collision, Decision, find};
use builder::install::output::Output;
use builder::install::wheel_archive::WheelArchive;
use fs_err as fs;

use crate::wheels_fixture::{SITE_PACKAGES, Wheel, install, output, true_record_lines};

/// Path and content; `+` at the content's start makes it executable.
type Files = &'static [(&'static str, &'static str)];

struct Case {
    name: &'static str,
    alpha: Files,
    beta: Files,
    default: CollisionRule,
    paths: &'static [(&'static str, CollisionRule)],
    /// `path: identical`, `path: NAME wins` or `path: dropped`; or words of the error.
    expect: Result<&'static [&'static str], &'static str>,
}

#[rustfmt::skip]
const CASES: [Case; 20] = [
    Case { name: "equal file", alpha: &[("f", "x")], beta: &[("f", "x")], default: Fail, paths: &[], expect: Ok(&["f: identical"]) },
    Case { name: "equal file, whatever the rule", alpha: &[("f", "x")], beta: &[("f", "x")], default: Drop, paths: &[("f", Drop)], expect: Ok(&["f: identical"]) },
    Case { name: "equal nested", alpha: &[("d/e/f", "x")], beta: &[("d/e/f", "x"), ("d/e/g", "y")], default: Fail, paths: &[], expect: Ok(&["d/e/f: identical"]) },
    Case { name: "different file", alpha: &[("f", "x")], beta: &[("f", "y")], default: Fail, paths: &[], expect: Err("f  `alpha`, `beta`") },
    Case { name: "different nested", alpha: &[("d/e/f", "x")], beta: &[("d/e/f", "y")], default: Fail, paths: &[], expect: Err("d/e/f  `alpha`, `beta`") },
    Case { name: "different mode of the same bytes", alpha: &[("f", "+x")], beta: &[("f", "x")], default: Fail, paths: &[], expect: Err("f  `alpha`, `beta`") },
    Case { name: "empty against not", alpha: &[("f", "")], beta: &[("f", "x")], default: Fail, paths: &[], expect: Err("f  `alpha`, `beta`") },
    Case { name: "namespace package", alpha: &[("ns/a.py", "x")], beta: &[("ns/b.py", "y")], default: Fail, paths: &[], expect: Ok(&[]) },
    Case { name: "namespace package with equal __init__", alpha: &[("ns/__init__.py", ""), ("ns/a.py", "")], beta: &[("ns/__init__.py", ""), ("ns/b.py", "")], default: Fail, paths: &[], expect: Ok(&["ns/__init__.py: identical"]) },
    Case { name: "path files of their own", alpha: &[("a.pth", "x")], beta: &[("b.pth", "y")], default: Fail, paths: &[], expect: Ok(&[]) },
    Case { name: "bytecode is compared too", alpha: &[("__pycache__/f.cpython-314.pyc", "x")], beta: &[("__pycache__/f.cpython-314.pyc", "y")], default: Fail, paths: &[], expect: Err("f.cpython-314.pyc") },
    Case { name: "only the case differs", alpha: &[("f", "x")], beta: &[("F", "y")], default: Fail, paths: &[], expect: Ok(&[]) },
    Case { name: "ignore: a winner", alpha: &[("f", "x")], beta: &[("f", "y")], default: Fail, paths: &[("f", FirstByName)], expect: Ok(&["f: alpha wins"]) },
    Case { name: "ignore with wildcard: a directory", alpha: &[("d/e/f", "x"), ("d/g", "x")], beta: &[("d/e/f", "y"), ("d/g", "y")], default: Fail, paths: &[("d", FirstByName)], expect: Ok(&["d/e/f: alpha wins", "d/g: alpha wins"]) },
    Case { name: "ignore with wildcard: everything", alpha: &[("f", "x"), ("d/g", "x")], beta: &[("f", "y"), ("d/g", "y")], default: FirstByName, paths: &[], expect: Ok(&["d/g: alpha wins", "f: alpha wins"]) },
    Case { name: "ignore one, fail on the other", alpha: &[("f", "x"), ("g", "x")], beta: &[("f", "y"), ("g", "y")], default: Fail, paths: &[("f", FirstByName)], expect: Err("at 1 path\n") },
    Case { name: "skip: nobody's", alpha: &[("d/f", "x")], beta: &[("d/f", "y")], default: Fail, paths: &[("d/f", Drop)], expect: Ok(&["d/f: dropped"]) },
    Case { name: "skip with wildcard: a directory, but for a file", alpha: &[("d/f", "x"), ("d/g", "x")], beta: &[("d/f", "y"), ("d/g", "y")], default: Fail, paths: &[("d", Drop), ("d/g", FirstByName)], expect: Ok(&["d/f: dropped", "d/g: alpha wins"]) },
    Case { name: "directory against file", alpha: &[("d/f", "x")], beta: &[("d", "y")], default: Drop, paths: &[("d", Drop)], expect: Err("exclude each other") },
    Case { name: "directory against file, other names between", alpha: &[("d", "x")], beta: &[("d-e/f", ""), ("d.py", ""), ("d/f/g", "")], default: FirstByName, paths: &[], expect: Err("exclude each other") },
];

fn wheel(name: &'static str, files: Files) -> Wheel {
    files.iter().fold(Wheel::new(name, "1"), |wheel, (path, content)| {
        match content.strip_prefix('+') {
            Some(content) => wheel.file_with_mode(path, content, 0o100_755),
            None => wheel.file(path, content),
        }
    })
}

/// The decisions, or what is wrong with the tree that follows them.
fn decided(case: &Case, wheels: &[WheelArchive], output: &Output) -> Result<Vec<String>, String> {
    let paths = case.paths.iter().map(|(path, rule)| ((*path).to_owned(), *rule)).collect();
    let rules = CollisionRules { default: case.default, paths, ..CollisionRules::default() };
    let found = find(output, wheels, &rules).map_err(|problem| problem.to_string())?;
    install(output, wheels);
    found.apply(output, wheels).map_err(|problem| problem.to_string())?;
    let line = |one: &Collision| {
        let path = one.path.strip_prefix(&format!("{SITE_PACKAGES}/")).unwrap();
        match &one.decision {
            Decision::Identical => format!("{path}: identical"),
            Decision::Winner(name) => format!("{path}: {name} wins"),
            Decision::Dropped => format!("{path}: dropped"),
        }
    };
    let decisions: Vec<String> = found.decided.iter().map(line).collect();
    // Whoever wins is `alpha`; what only one of them has stays.
    let files: BTreeMap<&str, &str> = case.beta.iter().chain(case.alpha).copied().collect();
    for (path, content) in files {
        let found = fs::read_to_string(output.root.join(SITE_PACKAGES).join(path)).ok();
        let dropped = decisions.contains(&format!("{path}: dropped"));
        let expected = (!dropped).then(|| content.trim_start_matches('+'));
        if found.as_deref() != expected {
            return Err(format!("`{path}` is {found:?}"));
        }
    }
    true_record_lines(output);
    Ok(decisions)
}

fn is_as_expected(case: &Case, reversed: bool) -> Result<(), String> {
    let dir = tempfile::tempdir().unwrap();
    let wheel = |name, files| wheel(name, files).open(dir.path());
    let mut wheels = [wheel("alpha", case.alpha), wheel("beta", case.beta)];
    if reversed {
        wheels.reverse();
    }
    match (decided(case, &wheels, &output(dir.path())), case.expect) {
        (Ok(found), Ok(expected)) if found == expected => Ok(()),
        (Err(found), Err(words)) if found.contains(words) => Ok(()),
        (found, _) => Err(format!("{}: {found:?}", case.name)),
    }
}

#[test]
fn each_case_is_decided_whoever_wrote_last() {
    let both = CASES.iter().flat_map(|case| [(case, false), (case, true)]);
    let wrong = both.filter_map(|(case, reversed)| is_as_expected(case, reversed).err());
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
