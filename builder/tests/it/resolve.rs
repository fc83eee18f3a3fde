//! `resolve` against uv itself: what `uv export --frozen` lists for a target is what we install.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use builder::sys::Host;
use builder::sys::env::Environment;
use builder::toolchain::uv::provide_uv;
use builder::vocabulary::progress::Silent;
use serde_json::Value;
use uv_pep508::{MarkerEnvironment, MarkerEnvironmentBuilder, Requirement, VerbatimUrl};

use crate::cli::{Ended, builder, command, end, scratch, shared_cache, workspace};

/// The uv that the tool itself uses.
fn uv() -> PathBuf {
    let environment = Environment::capture();
    let cache = shared_cache();
    provide_uv(&Host { environment: &environment, cache: &cache, progress: &Silent }).unwrap().path
}

/// Runs uv in a project, without configuration of the machine's or of the tool's workspace.
fn run_uv(project: &Path, arguments: &[&str]) -> Ended {
    let ended = end(command(uv()).args(arguments).current_dir(project).env("UV_NO_PROGRESS", "1"));
    assert_eq!(ended.code, Some(0), "uv {arguments:?}: {}", ended.stderr);
    ended
}

/// PEP 508's variables, written by hand: not by the code that is tested.
fn markers(python: &str, machine: &str) -> MarkerEnvironment {
    let full = format!("{python}.0");
    MarkerEnvironmentBuilder {
        implementation_name: "cpython",
        implementation_version: &full,
        os_name: "posix",
        platform_machine: machine,
        platform_python_implementation: "CPython",
        platform_release: "",
        platform_system: "Linux",
        platform_version: "",
        python_full_version: &full,
        python_version: python,
        sys_platform: "linux",
    }
    .try_into()
    .unwrap()
}

/// `name==version`, or the path of a local project.
type Installed = BTreeSet<String>;

/// What `uv export --frozen` lists for an environment.
fn exported(project: &Path, flags: &[&str], markers: &MarkerEnvironment) -> Installed {
    let arguments = ["export", "--frozen", "--no-hashes", "--no-annotate", "--no-header", "-q"];
    let printed = run_uv(project, &[&arguments, flags].concat()).stdout;
    let mut installed = Installed::new();
    for line in printed.lines() {
        let line = line.strip_prefix("-e ").unwrap_or(line);
        let (what, marker) = line.split_once(" ; ").unwrap_or((line, ""));
        if what.starts_with('.') || what.starts_with('/') {
            let marker = if marker.is_empty() { String::new() } else { format!(" ; {marker}") };
            let line: Requirement<VerbatimUrl> = format!("local{marker}").parse().unwrap();
            if line.evaluate_markers(markers, &[]) {
                let path = what.trim_start_matches("./");
                installed.insert(if path.is_empty() { ".".to_owned() } else { path.to_owned() });
            }
            continue;
        }
        let requirement: Requirement<VerbatimUrl> = line.parse().unwrap();
        if requirement.evaluate_markers(markers, &[]) {
            installed.insert(what.trim().to_owned());
        }
    }
    installed
}

/// What `builder resolve --json` lists.
fn resolved(json: &Value) -> Installed {
    let packages = json["packages"].as_array().unwrap().iter();
    let packages = packages.filter(|package| package["kind"] != "virtual");
    let line = |package: &Value| {
        let text = |key: &str| package[key].as_str().unwrap().to_owned();
        if package["kind"] == "local" {
            return text("path");
        }
        format!("{}=={}", text("name"), text("version"))
    };
    packages.map(line).collect()
}

fn resolve(arguments: &[&str]) -> Ended {
    let cache = scratch();
    end(builder(workspace(), cache.path()).args(["--json", "resolve"]).args(arguments))
}

#[test]
fn the_sample_is_what_uv_exports() {
    let project = workspace().join("examples/sample");
    for machine in ["x86_64", "aarch64"] {
        let platform = format!("{machine}-manylinux_2_39");
        let expected = exported(&project, &["--no-dev"], &markers("3.14", machine));
        assert_eq!(expected.len(), 22, "{expected:?}");
        let json = resolve(&["sample", "--platform", &platform]).json();
        assert_eq!(resolved(&json), expected, "{machine}");
        // Each has what its kind says, and the files of one machine are not those of another.
        for package in json["packages"].as_array().unwrap() {
            let keys = match package["kind"].as_str().unwrap() {
                "wheel" | "sdist" => ["file", "sha256"].as_slice(),
                _ => &["path"],
            };
            assert!(keys.iter().all(|key| package[key].is_string()), "{package}");
            let file = package["file"].as_str().unwrap_or_default();
            assert!(!file.contains("linux") || file.contains(machine), "{file}");
        }
        let dev = exported(&project, &[], &markers("3.14", machine));
        assert!(dev.len() > expected.len());
        let json = resolve(&["sample", "--platform", &platform, "--group", "dev"]).json();
        assert_eq!(resolved(&json), dev, "{machine}");
    }
}

#[test]
fn what_is_asked_for_beside_the_recipe_counts() {
    let kind = |arguments: &[&str], name: &str| {
        let json = resolve(arguments).json();
        let packages = json["packages"].as_array().unwrap().clone();
        let found = packages.iter().find(|package| package["name"] == name).unwrap().clone();
        found["kind"].as_str().unwrap().to_owned()
    };
    assert_eq!(kind(&["sample"], "pyyaml"), "wheel");
    assert_eq!(kind(&["sample"], "markupsafe"), "sdist");
    assert_eq!(kind(&["sample", "--no-binary", "pyyaml"], "pyyaml"), "sdist");
    let project = workspace().join("examples/sample");
    let text = project.to_str().unwrap();
    let platform = ["--platform", "x86_64-manylinux_2_39"];
    let of_workspace = resolve(&[&["--workspace", text][..], &platform].concat()).json();
    assert_eq!(of_workspace, resolve(&["sample"]).json());
    for (arguments, parts) in [
        (["--group", "devel"], ["no group `devel`", "did you mean `dev`?"]),
        (["--extra", "tls"], ["no extra `tls`", "hint: "]),
        (["--no-binary", "markupsaf"], ["`markupsaf`", "did you mean `markupsafe`?"]),
        (
            ["--project", "sample-task"],
            ["no project `sample-task`", "did you mean `sample-tasks`?"],
        ),
        (["--platform", "amiga"], ["`amiga`", "try one of"]),
        (["--python", "2.7"], ["2.7", "3.14"]),
        (["--workspace", "/nowhere"], ["cannot read `uv.lock`", "/nowhere"]),
    ] {
        let all = if arguments[0] == "--workspace" {
            arguments.to_vec()
        } else {
            [&["sample"], &arguments[..]].concat()
        };
        resolve(&all).bad(2, &parts);
    }
}

/// Flags for uv, and the same for us.
type Flags = (&'static [&'static str], &'static [&'static str]);

const PLAIN: &[Flags] = &[(&["--no-dev"], &[])];

/// Projects in `tests/fixtures/shapes`.
const SHAPES: [(&str, &[Flags]); 8] = [
    ("nothing", PLAIN),
    ("markers", PLAIN),
    ("transitive", PLAIN),
    (
        "extras",
        &[
            (&["--no-dev"], &[]),
            (&["--no-dev", "--extra", "more"], &["--extra", "more"]),
            (&["--no-dev", "--extra", "all"], &["--extra", "all"]),
        ],
    ),
    ("extras-of-others", PLAIN),
    (
        "groups",
        &[
            (&["--no-dev"], &[]),
            (&["--no-dev", "--group", "docs"], &["--group", "docs"]),
            (&["--group", "lint"], &["--group", "dev", "--group", "lint"]),
        ],
    ),
    ("forks", PLAIN),
    (
        "conflicts",
        &[
            (&["--no-dev"], &[]),
            (&["--no-dev", "--extra", "old"], &["--extra", "old"]),
            (&["--no-dev", "--extra", "new"], &["--extra", "new"]),
        ],
    ),
];

#[test]
fn locks_of_every_shape_are_what_uv_exports() {
    let dir = scratch();
    let shapes = workspace().join("builder/tests/fixtures/shapes");
    for (name, flags) in SHAPES {
        let project = dir.path().join(name);
        fs_err::create_dir(&project).unwrap();
        let text = fs_err::read(shapes.join(format!("{name}.toml"))).unwrap();
        fs_err::write(project.join("pyproject.toml"), text).unwrap();
        run_uv(&project, &["lock", "--quiet", "--python-preference", "only-system"]);
        compare(name, &project, flags);
    }
}

#[test]
fn a_workspace_and_local_trees_are_what_uv_exports() {
    let dir = scratch();
    let project = |path: &str, name: &str, rest: &[&str]| {
        let text = format!(
            "[project]\nname = \"{name}\"\nversion = \"1.0\"\nrequires-python = \">=3.11\"\n{}\n\
             [build-system]\nrequires = []\nbuild-backend = \"backend\"\n",
            rest.join("\n")
        );
        fs_err::create_dir_all(dir.path().join(path)).unwrap();
        fs_err::write(dir.path().join(path).join("pyproject.toml"), text).unwrap();
    };
    let of_a = ["dependencies = ['b', 'six']", "[tool.uv.sources]", "b = { workspace = true }"];
    let of_b = [
        "dependencies = ['a', \"idna; platform_machine == 'x86_64'\"]",
        "[tool.uv.sources]",
        "a = { workspace = true }",
    ];
    let of_root = [
        "dependencies = ['a', \"beside; python_version >= '3.13'\"]",
        "[tool.uv.sources]",
        "a = { workspace = true }",
        "beside = { path = 'beside' }",
        "[tool.uv.workspace]",
        "members = ['packages/*']",
    ];
    project("packages/a", "a", &of_a);
    project("packages/b", "b", &of_b);
    project("beside", "beside", &["dependencies = []"]);
    project(".", "shape", &of_root);
    run_uv(dir.path(), &["lock", "--quiet", "--python-preference", "only-system"]);
    compare("workspace", dir.path(), PLAIN);
    let member: &[Flags] = &[(&["--no-dev", "--package", "b"], &["--project", "b"])];
    compare("member", dir.path(), member);
}

fn compare(name: &str, project: &Path, flags: &[Flags]) {
    for (python, machine) in [("3.11", "x86_64"), ("3.14", "x86_64"), ("3.14", "aarch64")] {
        for (for_uv, ours) in flags {
            let mut expected = exported(project, for_uv, &markers(python, machine));
            let platform = format!("{machine}-manylinux_2_39");
            let workspace = ["--workspace", project.to_str().unwrap()];
            let target = ["--python", python, "--platform", &platform];
            let json = resolve(&[&workspace[..], &target, ours].concat()).json();
            // A root without `[build-system]` is not installed; uv says nothing of it.
            expected.remove("");
            assert_eq!(resolved(&json), expected, "{name}: {for_uv:?} {python} {machine}");
        }
    }
}
