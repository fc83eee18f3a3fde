//! What a stranger meets in the first hour: builds that fail for what the system lacks, and what is
//! said then.

use base::vocabulary::Sha256;

use crate::cli::{self, Small, end};
use crate::wheels_fixture::Wheel;

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
    let printed = end(cli::builder(cli::workspace(), &small.cache).args(["resolve", "sample"]));
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

/// A lock with a wheel at a server that nobody reaches, and that wheel.
fn of_a_lost_server() -> (Small, String) {
    let small = Small::new(cli::PLAIN);
    fs_err::create_dir_all(small.path("recipes/wheels")).unwrap();
    let wheel = Wheel::new("thing", "1.0").file("thing.py", "answer = 1\n");
    let wheel = wheel.write(&small.path("recipes/wheels"));
    // Not the shared one: another run may have put the wheel there.
    fs_err::remove_file(small.cache.join("files")).unwrap();
    let sha256 = Sha256::of(fs_err::read(wheel).unwrap()).to_string();
    let file = "thing-1.0-py3-none-any.whl";
    small.append(
        "app/uv.lock",
        &format!(
            "dependencies = [{{ name = \"thing\" }}]\n\n[[package]]\nname = \"thing\"\n\
             version = \"1.0\"\nsource = {{ registry = \"http://127.0.0.1:9/simple\" }}\n\
             wheels = [{{ url = \"http://127.0.0.1:9/files/{file}\", hash = \"sha256:{sha256}\" }}]\n"
        ),
    );
    (small, sha256)
}

/// The message names the distribution, and each of three keys is a way out.
#[test]
fn what_cannot_be_fetched_can_be_given_mapped_or_dropped() {
    let (small, sha256) = of_a_lost_server();
    small.build().bad(1, &["distribution  thing", "127.0.0.1:9/files", "hint"]);
    let plain = fs_err::read_to_string(small.path("recipes/small.toml")).unwrap();
    let with = |key: &str| {
        small.write("recipes/small.toml", &format!("{plain}\n{key}"));
        small.build()
    };
    let given = format!(
        "[override.thing.wheel]\npath = \"wheels/thing-1.0-py3-none-any.whl\"\n\
         sha256 = \"{sha256}\"\n"
    );
    assert_eq!(cli::installed(&with(&given).json(), "thing.py"), "answer = 1\n");
    // A file of the store would serve the next ones.
    for store in ["wheelhouses", "files"] {
        base::sys::files::remove_tree(&small.cache.join(store)).unwrap();
    }
    let shelf = small.path("recipes/wheels").display().to_string();
    let mapped = format!("[mirrors]\n\"http://127.0.0.1:9/files\" = \"file://{shelf}\"\n");
    assert_eq!(cli::installed(&with(&mapped).json(), "thing.py"), "answer = 1\n");
    for store in ["wheelhouses", "files"] {
        base::sys::files::remove_tree(&small.cache.join(store)).unwrap();
    }
    let dropped = "[override.thing]\ndrop = true\nreason = \"not used here\"\n";
    let report = with(dropped).json();
    assert_eq!((report["wheels"].as_u64(), report["built"].as_u64()), (Some(0), Some(1)));
}

#[test]
fn a_key_that_gives_or_drops_too_much_is_refused() {
    let (small, sha256) = of_a_lost_server();
    let plain = fs_err::read_to_string(small.path("recipes/small.toml")).unwrap();
    let wheel = |name: &str| {
        format!("[override.thing.wheel]\npath = \"wheels/{name}\"\nsha256 = \"{sha256}\"\n")
    };
    for (key, part) in [
        (wheel("thing-2.0-py3-none-any.whl"), "a wheel of something else"),
        (wheel("thing-1.0-py3-none-win32.whl"), "does not fit"),
        (wheel("thing-1.0.tar.gz"), "of a `.whl`"),
        ("[override.thing]\ndrop = true\n".to_owned(), "must stand alone"),
        (
            "[override.gone]\ndrop = true\nreason = \"r\"\n".to_owned(),
            "is of what is not installed",
        ),
    ] {
        small.write("recipes/small.toml", &format!("{plain}\n{key}"));
        small.build().bad(2, &[part]);
    }
}

/// What lies in the project's own directory belongs to the recipe: writing it compiles nothing.
#[test]
fn documents_of_a_recipe_are_no_part_of_its_source() {
    let small = Small::new(cli::PLAIN);
    for (from, to) in [("small.toml", "it.toml"), ("small.build-lock.toml", "it.build-lock.toml")] {
        let text = fs_err::read_to_string(small.path("recipes").join(from)).unwrap();
        small.write(&format!("app/{to}"), &text.replace("../app", "."));
    }
    let build = |link: &str| {
        let link = small.path(link).display().to_string();
        let mut build = small.builder(&["--json", "build", "app/it.toml", "--out-link", &link]);
        end(&mut build).json()
    };
    assert_eq!(build("app/result")["compiled"], 1);
    end(&mut small.builder(&["bless", "app/it.toml"])).good();
    assert!(small.path("app/it.ledger.toml").is_file());
    small.append("app/it.toml", "[check]\nimports = [\"small\"]\n");
    let report = build("app/result");
    assert_eq!((&report["compiled"], &report["cached"]), (&0.into(), &false.into()));
}

/// A cache in the source tree is no part of it: it would be copied into itself without end.
#[test]
fn a_cache_may_lie_in_the_source_tree() {
    let small = Small::new(cli::PLAIN);
    let cache = cli::own_cache(&small.path("app"));
    let build = |link: &str| {
        let mut build = cli::builder(small.dir.path(), &cache);
        end(build.args(["--json", "build", "small", link])).json()
    };
    let first = build("--no-out-link");
    assert_eq!(build("--no-out-link")["cached"], true, "{first}");
}
