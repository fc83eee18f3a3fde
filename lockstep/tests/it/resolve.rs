//! `resolve` against uv itself: what `uv export --frozen` lists for a target is what we install.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cli::{Ended, Small, builder, command, end, scratch, workspace};
use crate::export::{Export, markers, uv};

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

/// The standard's lock file: uv installs the same of it.
#[test]
fn a_pylock_installs_what_is_resolved() {
    let project = workspace().join("examples/sample");
    let dir = scratch();
    let copy = dir.path().join("sample");
    base::sys::files::copy_tree(&project, &copy, &|_| false).unwrap();
    for (machine, platform) in
        [("x86_64", "x86_64-manylinux_2_39"), ("aarch64", "aarch64-manylinux_2_39")]
    {
        let cache = dir.path().join("cache");
        let mut resolve = builder(workspace(), &cache);
        resolve.args(["resolve", "sample", "--format", "pylock", "--platform", platform]);
        let text = end(&mut resolve).good();
        let lock: toml::Table = toml::from_str(&text).unwrap();
        assert_eq!(lock["lock-version"].as_str(), Some("1.0"));
        let docopt = lock["packages"].as_array().unwrap().iter();
        let docopt = docopt.filter(|it| it["name"].as_str() == Some("docopt")).next().unwrap();
        let built = docopt["tool"]["lockstep"]["build-requirements"].as_array().unwrap();
        assert!(built[0].as_str().unwrap().starts_with("setuptools=="), "{docopt}");
        // The interpreter of this machine is another one.
        let text = text.replace("requires-python = \"==3.14.*\"\n", "");
        fs_err::write(copy.join("pylock.toml"), &text).unwrap();
        let mut install = command(uv());
        install.current_dir(&copy).args(["pip", "install", "--dry-run", "-r", "pylock.toml"]);
        install.args(["--python-version", "3.14", "--python-platform", platform]);
        install.args(["--preview", "--no-config", "--cache-dir"]).arg(dir.path().join("uv"));
        let installed = end(install.arg("--target").arg(dir.path().join("target")));
        assert_eq!(installed.code, Some(0), "{}", installed.stderr);
        let lines = installed.stderr.lines().filter_map(|line| line.strip_prefix(" + "));
        let names: BTreeSet<&str> =
            lines.filter_map(|line| line.split([' ', '=']).next()).collect();
        let expected: Vec<&str> = lock["packages"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|it| it["name"].as_str())
            .collect();
        assert_eq!(names, expected.into_iter().collect(), "{machine}: {}", installed.stderr);
    }
}

#[test]
fn a_pylock_says_where_everything_is() {
    let small = Small::new(crate::cli::PLAIN);
    small.replace(
        "app/uv.lock",
        "source = { editable = \".\" }\n",
        "source = { editable = \".\" }\ndependencies = [{ name = \"a\" }, { name = \"b\" }]\n\n\
         [[package]]\nname = \"a\"\nversion = \"1.0\"\n\
         source = { git = \"https://git.example/a?subdirectory=x&tag=v1#0123456789012345678901234567890123456789\" }\n\n\
         [[package]]\nname = \"b\"\nversion = \"2.0\"\n\
         source = { url = \"https://files.example/b-2.0.tar.gz\" }\n\
         sdist = { hash = \"sha256:0123456789012345678901234567890123456789012345678901234567890123\" }\n",
    );
    let text = end(&mut small.builder(&["resolve", "small", "--format", "pylock"])).good();
    let lock: toml::Table = toml::from_str(&text).unwrap();
    let [a, b, small_itself] = lock["packages"].as_array().unwrap().as_slice() else {
        panic!("{text}");
    };
    let vcs = &a["vcs"];
    assert_eq!(vcs["url"].as_str(), Some("https://git.example/a"));
    assert_eq!(vcs["commit-id"].as_str(), Some("0123456789012345678901234567890123456789"));
    assert_eq!(
        (vcs["requested-revision"].as_str(), vcs["subdirectory"].as_str()),
        (Some("v1"), Some("x"))
    );
    assert_eq!(b["archive"]["url"].as_str(), Some("https://files.example/b-2.0.tar.gz"));
    assert!(b["archive"]["hashes"]["sha256"].as_str().unwrap().starts_with("01234567"));
    assert_eq!(small_itself["directory"]["path"].as_str(), Some("."));
    let both = end(&mut small.builder(&["--json", "resolve", "small", "--format", "pylock"]));
    both.bad(2, &["`--json` and `--format pylock`", "hint: "]);
}
