//! The build environment: the question to a backend and the build see the same, and what we add to
//! it changes no wheel.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use base::sys::files::copy_tree;
use builder::build::environment::added::{ADDED, What};
use object::{Object as _, ObjectSection as _};
use serde_json::{Value, json};

use crate::cli::{self, Small, end, installed};
use crate::wheel_store::{add_tool, lock_tool, require};
use crate::wheels_fixture::{SITE_PACKAGES, Wheel};

/// What `uv build` sets for a hook.
const OF_UV: [&str; 5] =
    ["PATH", "PYTHONIOENCODING", "UV", "UV_INTERNAL__BUILD_DIR", "VIRTUAL_ENV"];

/// A backend that tells what it sees when it builds, and, if there is a file `fail`, when it is
/// asked.
const CURIOUS: &str = r#"
import json, os

SETTINGS = {}

def seen():
    facts = {
        "environment": dict(os.environ),
        "settings": SETTINGS,
        "directory": os.getcwd(),
        "build": sorted(os.listdir("/build")),
    }
    return json.dumps(facts)

def act():
    return {"seen.json": seen()}
"#;

const HOOK: &str = r#"

def get_requires_for_build_wheel(config_settings=None):
    act.SETTINGS = config_settings
    if os.path.exists("fail"):
        print("SEEN " + act.seen())
        raise SystemExit(1)
    return []

def remembering(build):
    def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
        act.SETTINGS = config_settings
        return build(wheel_directory, config_settings, metadata_directory)
    return build_wheel

build_wheel = remembering(build_wheel)
"#;

fn curious() -> Small {
    let small = Small::new(CURIOUS);
    small.append("app/backend.py", HOOK);
    small
}

/// What the backend sees as it is asked, and as it builds.
fn asked_and_built(small: &Small) -> (Value, Value) {
    small.write("app/fail", "");
    let asked = end(&mut small.builder(&["build-lock", "small"]));
    asked.bad(1, &["a build backend could not say what it needs", "`override.small.build.system"]);
    let (_, text) = asked.stderr.split_once("SEEN ").unwrap();
    let text = text.lines().next().unwrap();
    fs_err::remove_file(small.path("app/fail")).unwrap();
    end(&mut small.builder(&["build-lock", "small"])).good();
    let built = installed(&small.build().json(), "seen.json");
    (serde_json::from_str(text).unwrap(), serde_json::from_str(&built).unwrap())
}

#[test]
fn the_question_and_the_build_see_the_same() {
    let small = curious();
    small.append(
        "app/pyproject.toml",
        "[tool.uv]\nconfig-settings = { all = \"1\", list = [\"x\"], both = \"general\" }\n\
         [tool.uv.config-settings-package.small]\nboth = \"own\"\nover = \"project\"\n\
         [tool.uv.extra-build-variables.small]\nPRETEND_VERSION = \"1\"\nBOTH = \"project\"\n",
    );
    small.append(
        "recipes/small.toml",
        "[override.small.build]\nenv = { BOTH = \"recipe\", PATH = \"/nowhere:/bin\" }\n\
         config-settings = { over = \"recipe\" }\n",
    );
    let (asked, built) = asked_and_built(&small);
    assert_eq!(asked["environment"], built["environment"]);
    assert_eq!(asked["directory"], built["directory"]);
    let settings =
        json!({ "all": "1", "list": ["x"], "both": ["own", "general"], "over": "recipe" });
    assert_eq!((&asked["settings"], &built["settings"]), (&settings, &settings));
    let environment = &built["environment"];
    assert_eq!(environment["PRETEND_VERSION"], "1");
    assert_eq!(environment["BOTH"], "recipe");
    assert_eq!(environment["PATH"], "/build/env/bin:/nowhere:/bin");
}

/// A key that is a part of the question is one of the answer: what was locked is stale when the
/// backend is told something else.
#[test]
fn an_answer_to_another_question_is_not_built_with() {
    let small = curious();
    small.build().good();
    for (file, text) in [
        ("app/pyproject.toml", "[tool.uv]\nconfig-settings = { a = \"1\" }\n"),
        ("app/pyproject.toml", "[tool.uv.config-settings-package.small]\na = \"2\"\n"),
        ("app/pyproject.toml", "[tool.uv.extra-build-variables.small]\nA = \"3\"\n"),
        ("recipes/small.toml", "[override.small.build.config-settings]\na = \"4\"\n"),
        ("recipes/small.toml", "[override.small.build.env]\nA = \"5\"\n"),
    ] {
        small.append(file, text);
        let stale = "small: locked with other variables or config settings";
        small.build().bad(1, &[stale, "hint: `lockstep build-lock "]);
        end(&mut small.builder(&["build-lock", "small"])).good();
        assert_eq!(small.build().json()["cached"], false, "{text}");
    }
    // Settings of another distribution are not of this one.
    small.append("app/pyproject.toml", "[tool.uv.extra-build-variables.other]\nA = \"6\"\n");
    small.build().good();
}

#[test]
fn a_backend_sees_what_is_listed_and_nothing_more() {
    let (_, built) = asked_and_built(&curious());
    let listed = |kind: fn(What) -> Option<&'static str>| {
        ADDED.iter().filter_map(move |it| kind(it.what)).collect::<BTreeSet<_>>()
    };
    let variables = listed(|what| match what {
        What::Variable(name, _) | What::SandboxVariable(name) => Some(name),
        _ => None,
    });
    let seen: BTreeSet<&str> =
        built["environment"].as_object().unwrap().keys().map(String::as_str).collect();
    let expected: BTreeSet<&str> = variables.into_iter().chain(OF_UV).chain(["PWD"]).collect();
    assert_eq!(seen, expected);
    let files = listed(|what| match what {
        What::File(path) => path.strip_prefix("/build/"),
        _ => None,
    });
    let seen: BTreeSet<&str> =
        built["build"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    // What uv's build has elsewhere: the tree, the environment, the cache and the wheel.
    let expected: BTreeSet<&str> =
        files.into_iter().chain(["src", "env", "cache", "dist"]).collect();
    assert_eq!(seen, expected);
}

/// `small` is built by setuptools: four extensions of one source.
fn extensions() -> Small {
    let small = Small::new("");
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/extensions");
    for file in ["act.py", "backend.py", "pyproject.toml"] {
        fs_err::remove_file(small.path("app").join(file)).unwrap();
    }
    copy_tree(&fixtures.join("sizes"), &small.path("app/sizes"), &|_| false).unwrap();
    for (file, place) in [
        ("pyproject.toml", "app/pyproject.toml"),
        ("setup.py", "app/setup.py"),
        ("small.build-lock.toml", "recipes/small.build-lock.toml"),
    ] {
        fs_err::copy(fixtures.join(file), small.path(place)).unwrap();
    }
    small
}

/// An extension's sections by name, but for debug information; and whether it has some.
fn sections(report: &Value, module: &str) -> (BTreeMap<String, Vec<u8>>, bool) {
    let output = Path::new(report["output"].as_str().unwrap());
    let file = format!("sizes/{module}.cpython-314-x86_64-linux-gnu.so");
    let bytes = fs_err::read(output.join(SITE_PACKAGES).join(file)).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    let mut sections = BTreeMap::new();
    for section in file.sections() {
        let name = section.name().unwrap().to_owned();
        sections.insert(name, section.data().unwrap().to_vec());
    }
    let debug = sections.contains_key(".debug_info");
    // The build-id is a digest that knows debug information; the rest lists sections and files.
    let about = [".note.gnu.build-id", ".shstrtab", ".symtab", ".strtab"];
    sections.retain(|name, _| !name.starts_with(".debug") && !about.contains(&name.as_str()));
    (sections, debug)
}

const FACTS: &str = "
[check]
imports = [\"sizes\"]
[[check.run]]
name = \"what was compiled\"
command = [\"python\", \"-c\", '''
from sizes import debugged, narrow, plain, wide
found = [module.facts() for module in (narrow, wide, plain, debugged)]
assert found == [(8, 1, 0), (64, 1, 0), (0, 0, 0), (1, 1, 0)], found
''']
";

/// One source is compiled for each extension as that one says; the interpreter's flags and the
/// project's are those that the compiler gets.
#[test]
fn extensions_of_one_source_are_what_their_project_says() {
    let small = extensions();
    small.append("recipes/small.toml", FACTS);
    let report = small.build().json();
    let plain = ["narrow", "wide", "plain", "debugged"].map(|module| sections(&report, module));
    assert_eq!(plain.each_ref().map(|it| it.1), [false, false, false, true]);
    // The flags that the interpreter itself would have given: the same but debug information.
    let own = "-fno-strict-overflow -Wsign-compare -DNDEBUG -g -O2 -Wall";
    small.append(
        "recipes/small.toml",
        &format!("[override.small.build]\nenv = {{ CFLAGS = \"{own}\" }}\n"),
    );
    end(&mut small.builder(&["build-lock", "small", "--check"])).bad(6, &["is not what"]);
    end(&mut small.builder(&["build-lock", "small", "--exclude-newer", "2026-11-01"])).good();
    let report = small.build().json();
    for (module, plain) in ["narrow", "wide", "plain", "debugged"].into_iter().zip(plain) {
        let (sections, debug) = sections(&report, module);
        assert!(debug, "{module}");
        assert_eq!(sections, plain.0, "{module}");
    }
}

/// What a makefile or a script would take from the environment.
#[test]
fn defaults_of_makefiles_are_their_own() {
    let names = [
        "AR",
        "AS",
        "CC",
        "CFLAGS",
        "CMAKE_BUILD_PARALLEL_LEVEL",
        "CPPFLAGS",
        "CXX",
        "CXXFLAGS",
        "DIST_EXTRA_CONFIG",
        "LDFLAGS",
        "MAKEFLAGS",
        "OPT",
        "PYTHON",
        "PYTHONPATH",
    ];
    let small = Small::new(
        "import subprocess\n\ndef act():\n    text = subprocess.run(['make', '-s'], check=True, \
         capture_output=True, text=True).stdout\n    return {'made.txt': text}\n",
    );
    let lines = names.map(|name| format!("{name} ?= own\n")).concat();
    let shown = names.map(|name| format!("\t@echo {name}=$(origin {name})\n")).concat();
    small.write("app/Makefile", &format!("{lines}all:\n{shown}"));
    let made = installed(&small.build().json(), "made.txt");
    for name in names {
        let expected = match name {
            "AR" | "AS" | "CC" | "CXX" => format!("{name}=default"),
            _ => format!("{name}=file"),
        };
        assert!(made.contains(&expected), "no `{expected}` in {made}");
    }
}

/// Each variable that is set for builds alone, taken away again.
#[test]
fn a_wheel_is_the_same_without_each_variable() {
    for small in [extensions(), Small::new(cli::PLAIN)] {
        let first = small.build().json();
        for added in ADDED {
            let What::Variable(name, _) = added.what else { continue };
            let recipe = fs_err::read_to_string(small.path("recipes/small.toml")).unwrap();
            small.append(
                "recipes/small.toml",
                &format!("[override.small.build.env]\n{name} = \"\"\n"),
            );
            end(&mut small.builder(&["build-lock", "small", "--exclude-newer", "2026-11-01"]))
                .good();
            let report = small.build().json();
            assert_eq!(report["cached"], false, "{name}");
            assert_eq!(report["output-hash"], first["output-hash"], "{name}");
            small.write("recipes/small.toml", &recipe);
        }
    }
}

/// The backend that is locked builds, also where uv could do it itself.
#[test]
fn the_locked_version_of_uv_build_builds() {
    let small = Small::new("");
    for file in ["act.py", "backend.py"] {
        fs_err::remove_file(small.path("app").join(file)).unwrap();
    }
    let project = "[project]\nname = \"small\"\nversion = \"1.0\"\nrequires-python = \"==3.14.*\"\n\
                   [build-system]\nrequires = [\"uv_build>=0.9.5,<0.10\"]\n\
                   build-backend = \"uv_build\"\n";
    small.write("app/pyproject.toml", project);
    fs_err::create_dir_all(small.path("app/src/small")).unwrap();
    small.write("app/src/small/__init__.py", "");
    end(&mut small.builder(&["build-lock", "small", "--exclude-newer", "2026-01-15"])).good();
    let lock = fs_err::read_to_string(small.path("recipes/small.build-lock.toml")).unwrap();
    let (_, locked) = lock.split_once("requirements = [\"uv-build==").unwrap();
    let locked = &locked[..locked.find('"').unwrap()];
    assert!(locked.starts_with("0.9."), "{locked}");
    let wheel = installed(&small.build().json(), "small-1.0.dist-info/WHEEL");
    assert!(wheel.contains(&format!("Generator: uv {locked}\n")), "{wheel}");
}

/// A file of an index that is not what its name says, and a backend that is not the locked one.
#[test]
fn what_is_not_the_locked_backend_is_refused() {
    let small = Small::new(cli::PLAIN);
    require(&small, "small", "app/pyproject.toml", "tool");
    small.replace(
        "recipes/small.build-lock.toml",
        "requirements = [\"tool\"]",
        "requirements = [\"tool==1.0\"]",
    );
    add_tool(&small, "1.0");
    small.build().good();
    small.replace("app/backend.py", "Generator: small", "Generator: tool 2.0");
    small.build().bad(
        1,
        &[
            "the wheel of `small` was made by another backend than the locked one",
            "tool==1.0",
            "tool==2.0",
            "`override.small.build.extra-requires`",
        ],
    );
    small.replace("app/backend.py", "Generator: tool 2.0", "Generator: tool (1.0)");
    small.build().good();
    let lock = fs_err::read_to_string(small.path("recipes/small.build-lock.toml")).unwrap();
    small.write("recipes/small.build-lock.toml", lock.split("[[wheel]]").next().unwrap());
    let made = Wheel::new("tool", "1.0")
        .metadata("Metadata-Version: 2.1\nName: tool\nVersion: 3.0\n")
        .file("tool.py", "")
        .write(small.dir.path());
    lock_tool(&small, "1.0", &made);
    small.build().bad(1, &["cannot install the build requirements"]);
}
