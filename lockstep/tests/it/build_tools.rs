//! Build requirements that are built from source themselves: without a wheel, from a path, a URL or
//! a repository, and what differs by target. Each expectation was tried with uv 0.13.9.

use std::process::Command;

use serde_json::{Value, json};

use crate::build_requirements::{build, depend, lock, seen, small, with};
use crate::cli::{Small, end};
use crate::index::{Index, Sdist};
use crate::server::{Reply, Server};

/// An sdist that notes on the machine that it ran, if it can.
fn noting(marker: &str) -> String {
    format!("open({marker:?}, 'w').close()\n")
}

/// The newest version has no wheel; it, and what it needs, is built from source, as uv does it. Its
/// backend never runs on the host, although uv wants to know what it needs.
#[test]
fn what_has_no_wheel_is_built_first_and_only_in_the_sandbox() {
    let server = Server::start();
    let public = Index::new(&server, "/public");
    let dir = crate::cli::scratch();
    let marker = dir.path().join("ran").display().to_string();
    let act = format!("try:\n    {}except OSError:\n    pass\n", noting(&marker));
    public.wheel("tool", "1.0", &[]);
    public.wheel("helper", "1.0", &[]);
    let sdist = |name, requires: &[&str], needs: &[&str]| {
        let (version, act) = ("2.0", act.as_str());
        public.sdist(&Sdist { name, version, requires, needs, act, ..Sdist::default() });
    };
    sdist("tool", &["deep"], &["helper"]);
    sdist("deep", &["helper"], &[]);
    let small = small("['tool']", "");
    let report = build(&small, &public.url());
    assert_eq!(seen(&report, "small"), json!({ "tool": "2.0", "helper": "1.0" }));
    assert!(!std::path::Path::new(&marker).exists());
    let text = lock(&small);
    for part in ["version = 2", "file = \"tool-2.0.tar.gz\"", "from-source = [\"deep\"]"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // It was built for the question; the build finds it.
    assert_eq!((report["compiled"].as_u64(), report["stored"].as_u64()), (Some(1), Some(2)));
    end(&mut with(&small, &["build-lock", "small", "--check"], &public.url())).good();
    // The build graph has it, and each command that reads the lock.
    let ended = end(&mut with(&small, &["why-rebuild", "--all", "small"], &public.url())).good();
    assert!(ended.contains("tool==2.0"), "{ended}");
    let tree = end(&mut with(&small, &["tree", "small", "--build"], &public.url())).good();
    assert!(tree.contains("deep 2.0 (built)"), "{tree}");
}

/// Two builds need two versions, and one of them is installed, too: three wheels of one name.
#[test]
fn several_versions_are_built_side_by_side() {
    let server = Server::start();
    let public = Index::new(&server, "/public");
    let tool = |version| Sdist { name: "tool", version, ..Sdist::default() };
    public.sdist(&tool("1.0"));
    public.sdist(&tool("2.0"));
    let kern = Sdist { name: "kern", version: "1.0", requires: &["tool==1.0"], ..Sdist::default() };
    let small = small("['tool==2.0']", "");
    depend(&small, &kern, &public.sdist(&kern), &public.url());
    depend(&small, &tool("2.0"), &public.sdist(&tool("2.0")), &public.url());
    let report = build(&small, &public.url());
    assert_eq!(seen(&report, "small"), json!({ "tool": "2.0" }));
    assert_eq!(seen(&report, "kern"), json!({ "tool": "1.0" }));
    let text = lock(&small);
    // What is installed serves the build that needs the same.
    assert_eq!(text.matches("file = \"tool-").count(), 1, "{text}");
}

/// `no-binary-package` counts for builds, too.
#[test]
fn what_the_project_wants_no_wheel_of_is_built() {
    let server = Server::start();
    let public = Index::new(&server, "/public");
    public.wheel("tool", "1.0", &[]);
    public.sdist(&Sdist { name: "tool", version: "1.0", ..Sdist::default() });
    let small = small("['tool']", "[tool.uv]\nno-binary-package = ['tool']\n");
    let report = build(&small, &public.url());
    assert_eq!(seen(&report, "small"), json!({ "tool": "1.0" }));
    assert!(lock(&small).contains("file = \"tool-1.0.tar.gz\""), "{}", lock(&small));
}

#[test]
fn a_cycle_of_what_has_no_wheel_is_named() {
    let server = Server::start();
    let public = Index::new(&server, "/public");
    for (name, other) in [("hen", "egg"), ("egg", "hen")] {
        public.sdist(&Sdist { name, version: "1.0", requires: &[other], ..Sdist::default() });
    }
    let small = small("['hen']", "");
    let ended = end(&mut with(&small, &["build-lock", "small"], &public.url()));
    ended.bad(1, &["form a cycle", "hen==1.0 → egg==1.0 → hen==1.0", "come as a wheel"]);
}

/// Sources of the application's own: a member of the workspace, a directory, archives, a URL and a
/// repository. None is asked of the index, which has others of these names.
#[test]
fn sources_of_the_application_are_built_and_pinned() {
    let server = Server::start();
    let public = Index::new(&server, "/public");
    let names = ["member", "nearby", "packed", "wheeled", "remote", "versioned"];
    for name in names {
        public.wheel(name, "9.0", &[]);
    }
    public.wheel("helper", "1.0", &[]);
    let sdist = |name, needs| Sdist { name, version: "1.0", needs, ..Sdist::default() };
    let remote = server.set("/r/remote-1.0.tar.gz", Reply::File(sdist("remote", &[]).bytes()));
    let tables = format!(
        "[tool.uv.workspace]\nmembers = [\"member\"]\n[tool.uv.sources]\n\
         member = {{ workspace = true }}\nnearby = {{ path = \"dir/nearby\", editable = true }}\n\
         packed = {{ path = \"dir/packed-1.0.tar.gz\" }}\n\
         wheeled = {{ path = \"dir/wheeled-1.0-py3-none-any.whl\" }}\n\
         remote = {{ url = \"{remote}\" }}\n\
         versioned = {{ git = \"https://git.example/versioned\" }}\n"
    );
    let small = small(&format!("{names:?}"), &tables);
    let lay_out = |sdist: &Sdist<'_>, dir: &str| {
        fs_err::create_dir_all(small.path(dir)).unwrap();
        for (path, text) in sdist.files() {
            small.write(&format!("{dir}/{path}"), &text);
        }
    };
    lay_out(&sdist("member", &["helper"]), "app/member");
    lay_out(&sdist("nearby", &[]), "app/dir/nearby");
    lay_out(&sdist("versioned", &[]), "repositories/versioned");
    fs_err::write(small.path("app/dir/packed-1.0.tar.gz"), sdist("packed", &[]).bytes()).unwrap();
    crate::wheels_fixture::Wheel::new("wheeled", "1.0").write(&small.path("app/dir"));
    small.replace(
        "app/uv.lock",
        "requires-python = \"==3.14.*\"\n",
        "requires-python = \"==3.14.*\"\n\n[manifest]\nmembers = [\"member\", \"small\"]\n",
    );
    small.append(
        "app/uv.lock",
        "[[package]]\nname = \"member\"\nversion = \"1.0\"\nsource = { editable = \"member\" }\n",
    );
    commit(&small, "repositories/versioned");
    let instead = format!("url.file://{}/.insteadOf", small.path("repositories").display());
    let run = |words: &[&str]| {
        end(with(&small, words, &public.url()).envs([
            ("GIT_CONFIG_COUNT", "1"),
            ("GIT_CONFIG_KEY_0", &instead),
            ("GIT_CONFIG_VALUE_0", "https://git.example/"),
        ]))
    };
    run(&["build-lock", "small"]).good();
    let report = run(&["--json", "build", "small", "--locked"]).json();
    let mut expected: Value = names.iter().map(|name| ((*name).to_owned(), json!("1.0"))).collect();
    expected["helper"] = json!("1.0");
    assert_eq!(seen(&report, "small"), expected);
    run(&["build-lock", "small", "--check"]).good();
    // Another source is another lock.
    small.replace("app/pyproject.toml", "nearby = { path", "near = { path");
    run(&["build", "small"]).bad(1, &["the build lock does not fit", "`nearby`"]);
}

#[expect(clippy::disallowed_methods, reason = "a repository is made")]
fn commit(small: &Small, dir: &str) {
    let git = |words: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=x", "-c", "user.email=x@y.example"]).args(words);
        end(command.current_dir(small.path(dir))).good();
    };
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "x"]);
}

/// The version of the run time, from the index that the run time has it from.
#[test]
fn a_requirement_matches_the_run_time_on_its_index() {
    let server = Server::start();
    let (own, public) = (Index::new(&server, "/own"), Index::new(&server, "/public"));
    let (url, digest) = own.wheel("accel", "1.0+cu1", &[]);
    own.wheel("accel", "2.0+cu1", &[]);
    public.wheel("accel", "1.0", &[]);
    let kern = Sdist { name: "kern", version: "2.0", ..Sdist::default() };
    let tables = format!(
        "[tool.uv]\nextra-build-dependencies = {{ kern = [{{ requirement = \"accel\", \
         match-runtime = true }}] }}\n[tool.uv.sources]\naccel = {{ index = \"own\" }}\n\
         kern = {{ index = \"own\" }}\n[[tool.uv.index]]\nname = \"own\"\nurl = \"{}\"\n\
         explicit = true\n",
        own.url()
    );
    let small = small("[]", &tables);
    depend(&small, &kern, &own.sdist(&kern), &own.url());
    small.append(
        "app/uv.lock",
        &format!(
            "dependencies = [{{ name = \"accel\" }}]\n\n[[package]]\nname = \"accel\"\n\
             version = \"1.0+cu1\"\nsource = {{ registry = \"{0}\" }}\n\
             wheels = [{{ url = \"{url}\", \
             hash = \"sha256:{digest}\" }}]\n",
            own.url()
        ),
    );
    let report = build(&small, &public.url());
    assert_eq!(seen(&report, "kern"), json!({ "accel": "1.0+cu1" }));
}

/// Markers that split the recipe's platforms, and a wheel for one of them only: one lock for all.
#[test]
fn one_lock_serves_targets_that_need_different_things() {
    let server = Server::start();
    let public = Index::new(&server, "/public");
    for name in ["everywhere", "intel", "arm"] {
        public.wheel(name, "1.0", &[]);
    }
    let requires = "['everywhere', 'intel; platform_machine == \"x86_64\"', \
                    'arm; platform_machine == \"aarch64\"', 'never; python_version < \"3\"']";
    let small = small(requires, "");
    let two = "platforms = [\"x86_64-manylinux_2_39\", \"aarch64-manylinux_2_39\"]";
    small.replace("recipes/small.toml", "platforms = [\"x86_64-manylinux_2_39\"]", two);
    let report = build(&small, &public.url());
    assert_eq!(seen(&report, "small"), json!({ "everywhere": "1.0", "intel": "1.0" }));
    let text = lock(&small);
    assert_eq!(text.matches("name = \"small\"").count(), 1, "{text}");
    for part in [
        "names = [\"cp314-aarch64-manylinux_2_39\"]",
        "names = [\"cp314-x86_64-manylinux_2_39\"]",
        "\"arm==1.0\"",
        "\"intel==1.0\"",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // Phase 1 serves both; a target that was not locked is said.
    end(&mut with(&small, &["fetch", "small"], &public.url())).good();
    let three = two.replace("\"]", "\", \"riscv64-unknown-linux\"]");
    small.replace("recipes/small.toml", two, &three);
    let ended = end(&mut with(&small, &["fetch", "small"], &public.url()));
    ended.bad(1, &["not locked for cp314-riscv64-unknown-linux", "build-lock"]);
}
