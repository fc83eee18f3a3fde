//! What two separate graphs are for: no module search path is handed on through the environment, a
//! child that is started through `sys.executable` sees what its parent sees, a runtime cycle is
//! nothing special, and a build sees what it declared, wherever else that is installed.

use serde_json::Value;

use crate::cli::{PLAIN, Small, end, installed};
use crate::wheel_store::{add_tool, require};

/// What an interpreter sees, and what a child that it starts sees.
const LOOK: &str = "import json, os, subprocess, sys
look = 'import json, os, sys; print(json.dumps([sys.path[1:], sys.prefix, \
sorted(it for it in os.environ if it.startswith(\"PYTHON\"))]))'
run = lambda: json.loads(subprocess.check_output([sys.executable, '-c', look]))
own = [sys.path[1:], sys.prefix, sorted(it for it in os.environ if it.startswith('PYTHON'))]
";

/// Variables that decide where modules are looked for.
fn leaks(environment: &Value) -> bool {
    let names = environment.as_array().unwrap().iter().map(|it| it.as_str().unwrap());
    names.clone().any(|name| ["PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP"].contains(&name))
}

#[test]
fn nothing_is_on_pythonpath_and_children_see_what_their_parents_see() {
    let build =
        format!("{LOOK}\ndef act():\n    return {{'small.json': json.dumps([own, run()])}}\n");
    let small = Small::new(&build);
    let check =
        format!("{LOOK}assert own == run(), (own, run())\nassert 'PYTHONPATH' not in os.environ");
    let command = serde_json::to_string(&check).unwrap();
    small.append(
        "recipes/small.toml",
        &format!("[[check.run]]\nname = \"child\"\ncommand = [\"python\", \"-c\", {command}]"),
    );
    let report =
        end(small.builder(&["--json", "build", "small"]).env("PYTHONPATH", "/leak")).json();
    let in_build: Value = serde_json::from_str(&installed(&report, "small.json")).unwrap();
    let script = format!("{LOOK}print(json.dumps([own, run()]))");
    let mut run = small.builder(&["--quiet", "run", "small", "--", "python", "-c", &script]);
    let in_output: Value =
        serde_json::from_str(&end(run.env("PYTHONPATH", "/leak")).good()).unwrap();
    for (place, prefix, seen) in
        [("build", "/build/env", in_build), ("output", "/opt/small", in_output)]
    {
        let [own, child] = [&seen[0], &seen[1]];
        assert_eq!(own[1], prefix, "{place}");
        assert_eq!(own[1], child[1], "{place}");
        assert!(!leaks(&own[2]) && !leaks(&child[2]), "{place}: {seen}");
        assert!(!seen.to_string().contains("leak"), "{place}: {seen}");
        if place == "output" {
            assert_eq!(own[0], child[0], "{place}");
        }
    }
}

#[test]
fn a_pair_that_needs_each_other_is_installed_and_imported() {
    let pair = |own: &str, other: &str| {
        format!(
            "def act():\n    return {{\"{own}.py\": \"def answer():\\n    import {other}\\n    \
             return {other}.half() * 2\\n\\ndef half():\\n    return 21\\n\"}}\n"
        )
    };
    let small = Small::new(&pair("small", "other"));
    small.add_other(&pair("other", "small"));
    small.append("app/uv.lock", "dependencies = [{ name = \"small\" }]");
    small.append("recipes/small.toml", "[check]\nimports = [\"small\", \"other\"]");
    small.build().json();
    let script = "import small, other; print(small.answer(), other.answer())";
    let mut run = small.builder(&["--quiet", "run", "small", "--", "python", "-c", script]);
    assert_eq!(end(&mut run).good(), "42 42\n");
    // A runtime dependency is no input of a build: a change of one compiles it alone.
    small.replace("app/other/act.py", "21", "42");
    assert_eq!(small.build().json()["compiled"], 1);
}

#[test]
fn what_only_another_build_requires_is_not_visible() {
    // `other` is built and lies in the output of this very run; nobody declared it for `small`. Its
    // sources lie in the tree, as they do for uv: a directory without a file of its own.
    let small = Small::new(
        "def act():\n    try:\n        import other\n    except ModuleNotFoundError as error:\n        \
         return {'small.txt': str(error)}\n    return {'small.txt': str(other.__file__)}\n",
    );
    small.add_other(PLAIN);
    let report = end(&mut small.builder(&["--json", "build", "small", "-j", "1"])).json();
    assert_eq!(installed(&report, "small.txt"), "None");
}

/// Tells which distributions the build sees, and whether `tool` is one of the modules.
fn looking(name: &str) -> String {
    format!(
        "import importlib.util\nfrom importlib import metadata\n\ndef act():\n    \
         names = sorted(it.name for it in metadata.distributions())\n    \
         found = importlib.util.find_spec('tool') is not None\n    \
         return {{'{name}.txt': f'{{found}} {{names}}'}}\n"
    )
}

#[test]
fn an_undeclared_build_requirement_is_not_visible_wherever_it_is_installed() {
    let small = Small::new(&looking("small"));
    small.add_other(&looking("other"));
    // In the environment of another build, which declared it,
    require(&small, "other", "app/other/pyproject.toml", "tool");
    let lock = "recipes/small.build-lock.toml";
    small.replace(lock, "= [\"tool\"]", "= [\"tool==1.0\"]");
    small.replace(lock, "requires = [\"tool==1.0\"]", "requires = [\"tool\"]");
    add_tool(&small, "1.0");
    // and on the host: on its module search path, for its user, and in an active environment.
    let host = small.path("host");
    let site_packages = host.join("lib/python3.14/site-packages");
    fs_err::create_dir_all(&site_packages).unwrap();
    for dir in [&host, &site_packages] {
        fs_err::write(dir.join("tool.py"), "").unwrap();
    }
    let mut build = small.builder(&["--json", "build", "small"]);
    build.env("PYTHONPATH", &host).env("PYTHONUSERBASE", &host).env("VIRTUAL_ENV", &host);
    let report = end(&mut build).json();
    assert_eq!(installed(&report, "small.txt"), "False []");
    assert_eq!(installed(&report, "other.txt"), "True ['tool']");
}
