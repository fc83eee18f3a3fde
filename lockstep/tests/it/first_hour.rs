//! What a stranger meets in the first hour: builds that fail for what the system lacks, and what is
//! said then.

use crate::cli::{self, Small, end};

/// A backend that fails as a compiler, or as what else a test says.
fn failing(text: &str) -> String {
    format!("def act():\n    raise SystemExit({text:?})\n")
}

const HEADER: &str = "a.c:1:10: fatal error: libpq-fe.h: No such file or directory";

#[test]
fn the_line_that_decides_stands_before_the_log_with_the_key_to_add() {
    let small = Small::new(&failing(&format!("{HEADER}\n{}", "and so on\n".repeat(40))));
    let ended = small.build();
    ended.bad(1, &["the build of `small 1.0` failed", "whole log", "lockstep enter"]);
    let because = ended.stderr.find("because    a.c:1:10: fatal error").expect(&ended.stderr);
    assert!(because < ended.stderr.find("log ends").unwrap(), "{}", ended.stderr);
    let hint = "hint: `override.small.build.system-packages = [\"libpq-dev\"]` in the recipe";
    assert!(ended.stderr.contains(hint), "{}", ended.stderr);
}

/// One run tells them all, and what needs none of them is built.
#[test]
fn all_builds_that_fail_are_told_at_once() {
    let small = Small::new(&failing(HEADER));
    small.add_other(&failing("ModuleNotFoundError: No module named 'numpy'"));
    let ended = small.build();
    ended.bad(
        1,
        &[
            "2 builds failed",
            "small 1.0",
            "other 1.0",
            "override.small.build.system-packages = [\"libpq-dev\"]",
            "override.other.build.extra-requires = [\"numpy\"]",
        ],
    );
    assert!(!ended.stderr.contains("log ends"), "{}", ended.stderr);
}

/// A backend that is asked and fails says as much as one that builds.
#[test]
fn a_question_that_fails_names_the_key_too() {
    let small = Small::new(cli::PLAIN);
    small.append("app/backend.py", &format!("print({HEADER:?})\nraise SystemExit(1)\n"));
    let ended = end(&mut small.builder(&["build-lock", "small"]));
    ended.bad(1, &["could not say what it needs", "because       a.c:1:10", "libpq-dev"]);
}

#[test]
fn a_failed_check_can_be_entered_and_an_unchecked_output_runs() {
    let small = Small::new(cli::PLAIN);
    small.append("recipes/small.toml", "[check]\nimports = [\"gone\"]\n");
    let ended = small.build();
    ended.bad(1, &["import gone", "look around"]);
    let directory = ended.stderr.split("lockstep enter ").nth(1).unwrap();
    let directory = directory.split([' ', '`']).next().unwrap();
    let python = ["--", "python", "-c", "import small; print(small.answer)"];
    let mut enter = small.builder(&["enter", directory]);
    assert_eq!(end(enter.args(python)).good().trim(), "42");
    // Nothing is checked again that was built without checks.
    end(&mut small.builder(&["build", "small", "--no-checks", "--no-out-link"])).good();
    let mut run = small.builder(&["run", "small"]);
    assert_eq!(end(run.args(python)).good().trim(), "42");
}

/// A build that asks for a network is told at once that there is none: cargo alone asks for
/// minutes.
#[test]
fn tools_of_a_build_know_that_there_is_no_network() {
    let act = "import os\n\n\ndef act():\n    return {'small.py': repr(dict(os.environ))}\n";
    let small = Small::new(act);
    let text = cli::installed(&small.build().json(), "small.py");
    for variable in ["'CARGO_NET_OFFLINE': 'true'", "'npm_config_offline': 'true'"] {
        assert!(text.contains(variable), "{text}");
    }
    let small = Small::new(&failing(
        "error: no matching package named `itoa` found\nAs a reminder, you're using offline mode \
         (--offline) which can sometimes cause surprising resolution failures",
    ));
    small.build().bad(1, &["a build has no network", "cargo vendor"]);
}

/// What recipe and locks say wrong is told although no toolchain can be made.
#[test]
fn slips_are_told_before_the_toolchain_is_made() {
    let small = Small::new(cli::PLAIN);
    small.append("recipes/small.toml", "[toolchain.debian]\nsuite = \"nowhere\"\n");
    small.append("recipes/small.toml", "[project]\nextras = [\"gone\"]\n");
    small.build().bad(2, &["gone"]);
    end(&mut small.builder(&["build-lock", "small"])).bad(2, &["gone"]);
}

#[test]
fn resolve_prints_each_file_and_why() {
    let small = Small::new(cli::PLAIN);
    let printed =
        end(&mut cli::builder(cli::workspace(), &small.cache).args(["resolve", "sample"]));
    let printed = printed.good();
    let line = |name: &str| printed.lines().find(|it| it.starts_with(name)).unwrap().to_owned();
    assert!(
        line("docopt ").contains(" docopt-0.6.2.tar.gz ")
            && line("docopt ").ends_with("there is no wheel"),
        "{printed}"
    );
    assert!(line("sample ").ends_with("in the source tree"), "{printed}");
    assert!(line("django ").ends_with("the only wheel"), "{printed}");
}
