//! `resolve` against uv itself: what `uv export --frozen` lists for a target is what we install.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cli::{Ended, builder, end, scratch, workspace};
use crate::export::{Export, markers};

/// What `builder resolve --json` lists.
fn resolved(json: &Value) -> BTreeSet<String> {
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
    let exported = |flags: &[&str], machine: &str| -> BTreeSet<String> {
        Export::of(&project, flags).unwrap().on(&markers("3.14", machine)).into_keys().collect()
    };
    for machine in ["x86_64", "aarch64"] {
        let platform = format!("{machine}-manylinux_2_39");
        let expected = exported(&["--no-dev"], machine);
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
        let dev = exported(&[], machine);
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
