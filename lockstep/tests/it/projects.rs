//! Projects that are no package, locks that are not where one looks first, and projects that uv has
//! not locked: what is installed of them, or which words say why not.

use std::path::Path;

use base::vocabulary::Sha256;
use serde_json::Value;

use crate::cli::{PLAIN, Small, end, installed};
use crate::wheels_fixture::Wheel;

const RECIPE: &str = "recipes/small.toml";

/// `small` as a project that is no package: a file that is copied, and nothing that is built.
fn no_package() -> Small {
    let small = Small::new(PLAIN);
    small.write("app/pyproject.toml", "[project]\nname = \"small\"\nversion = \"1.0\"\n");
    small.replace("app/uv.lock", "editable", "virtual");
    small.write("recipes/small.build-lock.toml", "version = 1\n");
    fs_err::create_dir(small.path("app/shop")).unwrap();
    small.write("app/shop/settings.py", "#!/usr/bin/env python\nDATA = \"data\"\n");
    small
}

fn file(report: &Value, path: &str) -> String {
    fs_err::read_to_string(Path::new(report["output"].as_str().unwrap()).join(path)).unwrap()
}

#[test]
fn patches_reach_what_is_copied() {
    let small = no_package();
    small.append(
        RECIPE,
        "shebangs = { python = \"/usr/bin/python3\" }\n\
         [[copy]]\nfrom = \"shop\"\nto = \"shop\"\nexecutable = [\"settings.py\"]\n\
         [[patch]]\nfile = \"shop/settings.py\"\n\
         [[patch.replace]]\nfrom = '\"data\"'\nto = '\"@out@/data\"'\n",
    );
    let text = fs_err::read_to_string(small.path(RECIPE)).unwrap();
    let (head, shebangs) = text.split_once("shebangs").unwrap();
    small.write(RECIPE, &format!("shebangs{}", shebangs.replacen('\n', &format!("\n{head}"), 1)));
    let report = small.build().json();
    let patched = "#!/usr/bin/python3\nDATA = \"/opt/small/data\"\n";
    assert_eq!(file(&report, "shop/settings.py"), patched);
    let manifest: Value = serde_json::from_str(&manifest(&report)).unwrap();
    assert_eq!(manifest["copied"][0]["sha256"], Sha256::of(patched).to_string(), "{manifest}");
    assert_eq!(manifest["copied"][0]["executable"], true);
    // A text that is gone is told, as of an installed file.
    small.replace("app/shop/settings.py", "data", "date");
    small.build().bad(1, &["cannot patch `shop/settings.py`", "not in it", "DATA = \"date\""]);
}

/// The manifest lies beside the output.
fn manifest(report: &Value) -> String {
    let output = Path::new(report["output"].as_str().unwrap());
    fs_err::read_to_string(output.parent().unwrap().join("manifest.json")).unwrap()
}

#[test]
fn an_override_that_changes_nothing_is_refused() {
    let small = no_package();
    small.write("recipes/fix.patch", "--- a/shop/settings.py\n+++ b/shop/settings.py\n");
    small.append(RECIPE, "[[copy]]\nfrom = \"shop\"\nto = \"shop\"\n");
    let wheel = Wheel::new("dep", "1.0").file("dep.py", "").write(&small.path("app"));
    require(&small, &wheel);
    let text = fs_err::read_to_string(small.path(RECIPE)).unwrap();
    for (lines, parts) in [
        (
            "[[override.small.build.patch]]\nfile = \"fix.patch\"\n",
            ["`override.small` changes nothing", "not a package", "`[[patch]]`"],
        ),
        (
            "[override.small]\nskip = [\"x\"]\n",
            ["`override.small` changes nothing", "not a package", "`[[copy]]`"],
        ),
        (
            "[override.dep.build.env]\nA = \"1\"\n",
            ["`override.dep.build` changes nothing", "comes as a wheel", "prefer = \"sdist\""],
        ),
    ] {
        small.write(RECIPE, &format!("{text}\n{lines}"));
        small.build().bad(2, &parts);
    }
    small.write(RECIPE, &format!("{text}\n[override.small]\nreason = \"none\"\n"));
    let report = small.build().json();
    assert_eq!(file(&report, "shop/settings.py").lines().count(), 2);
}

/// Makes the project of `small` need a wheel that lies in its tree.
fn require(small: &Small, wheel: &Path) {
    let name = wheel.file_name().unwrap().to_str().unwrap();
    let sha256 = Sha256::of(fs_err::read(wheel).unwrap());
    small.append(
        "app/uv.lock",
        &format!(
            "dependencies = [{{ name = \"dep\" }}]\n\n[[package]]\nname = \"dep\"\n\
             version = \"1.0\"\nsource = {{ path = \"{name}\" }}\n\
             wheels = [{{ filename = \"{name}\", hash = \"sha256:{sha256}\" }}]\n"
        ),
    );
}

#[test]
fn an_output_without_its_own_project_must_be_meant() {
    let small = no_package();
    let wheel = Wheel::new("dep", "1.0").file("dep.py", "answer = 1\n").write(&small.path("app"));
    require(&small, &wheel);
    let parts = ["no file of `small`", "not a package", "`[[copy]]`", "dependencies-only = true"];
    small.build().bad(2, &parts);
    assert!(!small.cache.join("work").join("x").exists());
    let text = fs_err::read_to_string(small.path(RECIPE)).unwrap();
    for lines in ["[project]\ndependencies-only = true\n", "[check]\nimports = [\"dep\"]\n"] {
        small.write(RECIPE, &format!("{text}\n{lines}"));
        assert_eq!(installed(&small.build().json(), "dep.py"), "answer = 1\n", "{lines}");
    }
}

#[test]
fn a_lock_below_the_top_has_projects_beside_it() {
    let small = Small::new(PLAIN);
    small.add_other("def act():\n    return {\"other.py\": \"answer = 1\\n\"}\n");
    fs_err::create_dir_all(small.path("repository/libs")).unwrap();
    fs_err::rename(small.path("app"), small.path("repository/api")).unwrap();
    fs_err::rename(small.path("repository/api/other"), small.path("repository/libs/other"))
        .unwrap();
    small.replace(
        "repository/api/uv.lock",
        "directory = \"other\"",
        "directory = \"../libs/other\"",
    );
    small.replace(RECIPE, "../app", "../repository");
    let parts = ["has no `uv.lock`", "`api/uv.lock`", "`project.directory = \"api\"`"];
    end(&mut small.builder(&["resolve", "small"])).bad(2, &[&parts[..], &["set "]].concat());
    small.append(RECIPE, "[project]\ndirectory = \"api/\"\n");
    let resolved = end(&mut small.builder(&["--json", "resolve", "small"])).json();
    assert_eq!(resolved["packages"][0]["path"], "libs/other");
    assert_eq!(resolved["packages"][1]["path"], "api");
    small.replace("recipes/small.build-lock.toml", "local:.", "local:api");
    small.replace("recipes/small.build-lock.toml", "local:other", "local:libs/other");
    small.append(RECIPE, "[[copy]]\nfrom = \"api/act.py\"\nto = \"act.py\"\n");
    let report = small.build().json();
    assert_eq!(installed(&report, "other.py"), "answer = 1\n");
    assert_eq!(file(&report, "act.py"), PLAIN);
    // A change of the one builds it alone.
    small.replace("repository/libs/other/act.py", "= 1", "= 2");
    let report = small.build().json();
    assert_eq!((&report["compiled"], &report["stored"]), (&1.into(), &1.into()), "{report}");
    // What lies above the source tree is not pinned.
    small.replace(RECIPE, "../repository", "../repository/api");
    small.replace(RECIPE, "directory = \"api/\"", "directory = \".\"");
    let parts =
        ["`other 1.0` lies outside of the source tree", "../libs/other", "project.directory"];
    small.build().bad(2, &parts);
    for (path, parts) in [
        ("apo", ["no directory `apo`", "did you mean"]),
        ("../api", ["`project.directory` is not valid", "without `..`"]),
    ] {
        small.replace(RECIPE, "directory = \".\"", &format!("directory = \"{path}\""));
        small.replace(RECIPE, "../repository/api", "../repository");
        small.build().bad(2, &parts);
        small.replace(RECIPE, "../repository", "../repository/api");
        small.replace(RECIPE, &format!("directory = \"{path}\""), "directory = \".\"");
    }
}

/// Files of a tree, and words of the message.
type Unlocked = (&'static [(&'static str, &'static str)], &'static [&'static str]);

const PROJECT: &str = "[project]\nname = \"small\"\n";

#[rustfmt::skip]
const UNLOCKED: [Unlocked; 9] = [
    (&[("pyproject.toml", "[tool.poetry]\nname = \"x\"\n"), ("poetry.lock", "")],
        &["a Poetry project", "PEP 621", "`uv lock`"]),
    (&[("pyproject.toml", "[project]\nname = \"x\"\n[tool.poetry]\npackages = []\n")],
        &["a Poetry project", "`uv lock`"]),
    (&[("pyproject.toml", PROJECT), ("pdm.lock", "")], &["a PDM project", "`uv lock`"]),
    (&[("Pipfile", "")], &["a Pipenv project"]),
    (&[("pyproject.toml", PROJECT)], &["`uv lock`, run there, writes it"]),
    (&[("hello.py", ""), ("hello.py.lock", "")],
        &["the lock of a script, `hello.py.lock`", "`project.script = \"hello.py\"`"]),
    (&[("pyproject.toml", PROJECT), ("services/api/uv.lock", "")],
        &["`services/api/uv.lock`", "`project.directory = \"services/api\"`"]),
    (&[("README.md", "")], &["the source tree has no `uv.lock`", "`source.path`", "--source"]),
    (&[("pyproject.toml", PROJECT), ("../uv.lock", "")], &["member of a workspace", "project.name"]),
];

#[test]
fn what_uv_has_not_locked_is_told_apart() {
    for (files, parts) in UNLOCKED {
        let small = Small::new(PLAIN);
        fs_err::remove_dir_all(small.path("app")).unwrap();
        for (path, text) in files {
            let path = small.path("app").join(path);
            fs_err::create_dir_all(small.path("app")).unwrap();
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
        end(&mut small.builder(&["resolve", "small"])).bad(2, parts);
    }
    let small = Small::new(PLAIN);
    small.replace(RECIPE, "../app", "../ap");
    small.build().bad(2, &["/ap` does not exist", "did you mean `app`?"]);
    small.replace(RECIPE, "../ap", "../app/uv.lock");
    small.build().bad(2, &["/app/uv.lock` is not a directory"]);
    // A lock that was taken from elsewhere.
    let small = Small::new(PLAIN);
    small.replace("app/pyproject.toml", "\"small\"", "\"large\"");
    small.build().bad(2, &["does not have the project `large`", "it locks  small", "`uv lock`"]);
}

#[test]
fn a_script_is_installed_with_what_it_requires() {
    let small = Small::new(PLAIN);
    for name in ["pyproject.toml", "uv.lock", "backend.py", "act.py"] {
        fs_err::remove_file(small.path("app").join(name)).unwrap();
    }
    small.write("recipes/small.build-lock.toml", "version = 1\n");
    let script = "# /// script\n# requires-python = \">=3.14\"\n# dependencies = [\"dep\"]\n\
                  #\n# [tool.uv]\n# no-build = true\n# ///\nimport dep\nprint(dep.answer)\n";
    small.write("app/hello.py", script);
    let lock = "version = 1\nrequires-python = \">=3.14\"\n\
                [manifest]\nrequirements = [{ name = \"dep\", path = \"dep-1.0-py3-none-any.whl\" }]\n";
    small.write("app/uv.lock", lock);
    let wheel = Wheel::new("dep", "1.0").file("dep.py", "answer = 1\n").write(&small.path("app"));
    require(&small, &wheel);
    small.replace("app/uv.lock", "dependencies = [{ name = \"dep\" }]\n", "");
    // As a project's lock it would install something else than the project.
    small.write("app/pyproject.toml", PROJECT);
    let parts = ["the lock of a script (PEP 723), not of a project", "`SCRIPT.lock`"];
    small.build().bad(2, &[&parts[..], &["project.script"]].concat());
    fs_err::rename(small.path("app/uv.lock"), small.path("app/hello.py.lock")).unwrap();
    fs_err::remove_file(small.path("app/pyproject.toml")).unwrap();

    small.append(RECIPE, "[project]\nscript = \"hello.py\"\n");
    small.build().bad(2, &["no file of the script `hello.py`", "`[[copy]]`"]);
    small.append(RECIPE, "[[copy]]\nfrom = \"hello.py\"\nto = \"bin/hello\"\n");
    small.append(
        RECIPE,
        "[[check.run]]\nname = \"it runs\"\ncommand = [\"python\", \"bin/hello\"]\n",
    );
    let report = small.build().json();
    assert_eq!(installed(&report, "dep.py"), "answer = 1\n");
    assert_eq!(file(&report, "bin/hello"), script);
    let text = fs_err::read_to_string(small.path(RECIPE)).unwrap();
    for (from, to, parts) in [
        ("script = \"hello.py\"", "script = \"helo.py\"", ["no script `helo.py`", "`hello.py`?"]),
        (
            "hello.py\"\n",
            "hello.py\"\ngroups = [\"a\"]\n",
            ["the script has no group `a`", "groups"],
        ),
        ("hello.py\"\n", "hello.py\"\nname = \"a\"\n", ["a script has no projects", "remove"]),
        (
            "hello.py\"\n",
            "hello.py\"\ndirectory = \"a\"\n",
            ["`directory` or `script`", "not both"],
        ),
    ] {
        small.write(RECIPE, &text.replacen(from, to, 1));
        small.build().bad(2, &parts);
    }
}

#[test]
fn archives_of_one_name_are_both_installed() {
    let small = no_package();
    let source = |name: &str| {
        let archive = Vec::new();
        let gz = flate2::write::GzEncoder::new(archive, flate2::Compression::fast());
        let mut tar = tar::Builder::new(gz);
        let act = format!(
            "NAME = \"{name}\"\ndef act():\n    return {{\"{name}.py\": \"name = '{name}'\\n\"}}\n"
        );
        let backend = include_str!("../fixtures/small/backend.py");
        let pyproject = include_str!("../fixtures/small/pyproject.toml");
        let pyproject = pyproject.replace("\"small\"", &format!("\"{name}\""));
        for (path, text) in
            [("backend.py", backend), ("pyproject.toml", &pyproject), ("act.py", &act)]
        {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o644);
            header.set_size(text.len() as u64);
            tar.append_data(&mut header, format!("top/{path}"), text.as_bytes()).unwrap();
        }
        let archive = tar.into_inner().unwrap().finish().unwrap();
        fs_err::create_dir_all(small.path("app").join(name)).unwrap();
        fs_err::write(small.path("app").join(name).join("v1.0.tar.gz"), &archive).unwrap();
        small.append(
            "recipes/small.build-lock.toml",
            &format!(
                "[[build]]\nname = \"{name}\"\nsource = \"sha256:{}\"\nbackend = \"backend\"\n\
                 requires = []\nrequirements = []\n",
                Sha256::of(&archive)
            ),
        );
        format!(
            "[[package]]\nname = \"{name}\"\nversion = \"1.0\"\n\
             source = {{ path = \"{name}/v1.0.tar.gz\" }}\n\
             sdist = {{ hash = \"sha256:{}\" }}\n",
            Sha256::of(&archive)
        )
    };
    let (left, right) = (source("left"), source("right"));
    let edges = "dependencies = [{ name = \"left\" }, { name = \"right\" }]\n";
    small.append("app/uv.lock", &format!("{edges}\n{left}\n{right}"));
    small.append(RECIPE, "[check]\nimports = [\"left\", \"right\"]\n");
    let report = small.build().json();
    for name in ["left", "right"] {
        assert_eq!(installed(&report, &format!("{name}.py")), format!("name = '{name}'\n"));
    }
}
