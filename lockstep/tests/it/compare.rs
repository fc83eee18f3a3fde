//! `lockstep compare`: what it writes, when, and that it is the same every time.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use base::sys::files::{copy_tree, sorted_entries};
use fs_err as fs;

#[expect(clippy::disallowed_methods, reason = "it is told all that it depends on")]
fn xtask(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep"));
    command.current_dir(directory).env_clear().stdin(Stdio::null());
    command
}

fn compared(directory: &Path, words: &[&str]) -> Output {
    xtask(directory).arg("compare").args(words).output().unwrap()
}

/// Two trees `a` and `b` that hold all golden pairs.
fn plant_golden_pairs(base: &Path) {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../golden/explain");
    for case in sorted_entries(&cases).unwrap() {
        for side in ["a", "b"].into_iter().filter(|_| case.file_type().unwrap().is_dir()) {
            let into = base.join(side).join(case.file_name());
            copy_tree(&case.path().join(side), &into, &|_| false).unwrap();
        }
    }
}

#[test]
fn equal_inputs_give_the_same_json_wherever_they_are() {
    let bases = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let deeper = bases[1].path().join("much/deeper");
    plant_golden_pairs(bases[0].path());
    plant_golden_pairs(&deeper);
    let first = compared(bases[0].path(), &["--json", "a", "b"]);
    let [a, b] = ["a", "b"].map(|side| deeper.join(side).display().to_string());
    let second = compared(Path::new("/"), &["--json", &a, &b, "--html", "/dev/null/x"]);
    assert_eq!(second.status.code(), Some(1), "a report that cannot be written is no report");
    let page = deeper.join("page.html").display().to_string();
    let second = compared(Path::new("/"), &["--json", &a, &b, "--html", &page]);
    assert_eq!(first.status.code(), Some(3));
    let [first, second] = [first, second].map(|output| String::from_utf8(output.stdout).unwrap());
    assert_eq!(first, second);
    assert!(first.len() > 10_000, "{first}");
    let page = fs::read_to_string(page).unwrap();
    for base in &bases {
        let base = base.path().to_str().unwrap();
        assert!(!first.contains(base) && !page.contains(base));
    }
}

#[test]
fn a_killed_run_leaves_what_it_knew() {
    let base = tempfile::tempdir().unwrap();
    for side in ["a", "b"] {
        fs::create_dir(base.path().join(side)).unwrap();
        for name in 0..1000 {
            let place = base.path().join(side).join(format!("{name:04}"));
            fs::write(place, format!("{side}{}", "x".repeat(100))).unwrap();
        }
    }
    // The findings go into a pipe: when it is full, the run waits for somebody to read on.
    let words = ["compare", "a", "b", "--html", "page.html", "--partial", "/dev/stdout"];
    let mut run = xtask(base.path()).args(words).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(run.stdout.take().unwrap());
    let mut known = String::new();
    for _ in 0..4 {
        assert!(lines.read_line(&mut known).unwrap() > 0, "it ended: {known}");
    }
    run.kill().unwrap();
    run.wait().unwrap();
    lines.read_to_string(&mut known).unwrap();
    let whole = &known[..=known.rfind('\n').unwrap()];
    let values = whole.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let events: Vec<String> =
        values.map(|value| value["event"].as_str().unwrap().to_owned()).collect();
    assert_eq!(events[..3], ["begun", "compared", "found"]);
    assert!(events[2..].iter().all(|event| event == "found"), "{events:?}");
    let page = fs::read_to_string(base.path().join("page.html")).unwrap();
    assert!(page.contains("unfinished: comparing"), "{page}");
}

#[test]
fn a_finished_run_replaces_the_page_and_ends_the_lines() {
    let base = tempfile::tempdir().unwrap();
    for side in ["a", "b"] {
        fs::write(base.path().join(side), format!("at /{side}/x\n")).unwrap();
    }
    let words = ["a", "b", "--html", "page.html", "--partial", "lines.json"];
    let output = compared(base.path(), &words);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let page = fs::read_to_string(base.path().join("page.html")).unwrap();
    assert!(page.contains("build-path-in-text") && !page.contains("unfinished"), "{page}");
    let lines = fs::read_to_string(base.path().join("lines.json")).unwrap();
    let last: serde_json::Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(last["event"], "finished");
    assert_eq!(last["value"]["outcome"], "not-reproducible");
    // The sides are equal: the page says so.
    assert!(compared(base.path(), &["a", "a", "--html", "page.html"]).status.success());
    assert!(fs::read_to_string(base.path().join("page.html")).unwrap().contains("equal"));
}
