//! A repository of somebody else, outside of this checkout: every command is typed by the names of
//! recipes, from a directory in it, and every proposed command works as it was printed.

use std::path::Path;

use assert_cmd::Command;

use crate::small_workspace::Workspace;

/// Runs words as a shell would, below the repository, with the cache of its tests.
#[track_caller]
fn typed(workspace: &Workspace, words: &str) -> String {
    let mut words = words.split(' ');
    assert_eq!(words.next(), Some("lockstep"));
    let mut lockstep = Command::new(env!("CARGO_BIN_EXE_lockstep"));
    lockstep.current_dir(workspace.path("app")).args(words).env("INSTA_UPDATE", "new");
    let output = lockstep.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let printed = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{printed}");
    printed
}

/// The command on the line that begins with `label`, up to its explanation.
#[track_caller]
fn proposed(printed: &str, label: &str) -> String {
    let line = printed.lines().find_map(|line| line.trim_start().strip_prefix(label));
    let line = line.unwrap_or_else(|| panic!("no `{label}` in\n{printed}"));
    line.trim().split("   ").next().unwrap().to_owned()
}

#[test]
fn every_command_works_in_a_repository_of_ones_own() {
    let workspace = Workspace::new("def act():\n    return {'a.py': 'path = 1\\n'}\n");
    let cache = workspace.path("cache").display().to_string();
    let lockstep =
        |words: &str| typed(&workspace, &format!("lockstep {words} --cache-dir {cache}"));

    fs_err::remove_file(workspace.path("recipes/small.build-lock.toml")).unwrap();
    lockstep("build-lock small");
    assert!(workspace.path("recipes/small.build-lock.toml").is_file());
    let printed = lockstep("build small --source . --no-out-link");
    // What is proposed has the cache and the source of this run.
    let bless = proposed(&printed, "next:");
    assert_eq!(bless, format!("lockstep bless small --source . --cache-dir {cache}"));
    typed(&workspace, &bless);
    assert!(workspace.path("golden/small.toml").is_file());
    let printed = lockstep("build small --no-out-link");
    let run = proposed(&printed, "next:");
    assert!(run.ends_with(" -- python -V"), "{run}");
    assert!(typed(&workspace, &run).contains("Python 3."));
    assert!(lockstep("review small --accept").contains("1 accepted"));
    assert!(workspace.path("snapshots/small/installed.snap").is_file());
    assert!(lockstep("verify-repro small --quiet").contains("merge: yes"));
    lockstep("gc --max-size 1K");
    assert!(!Path::new(&cache).join("outputs").read_dir().is_ok_and(|mut it| it.next().is_some()));
}
