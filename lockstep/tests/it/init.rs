//! `init`: from a locked project to a recipe that builds, and what is left to a person.

use crate::cli::{self, Ended, Small, end};

/// A project without a recipe.
fn project(act: &str) -> Small {
    let small = Small::new(act);
    for file in ["small.toml", "small.build-lock.toml"] {
        fs_err::remove_file(small.path("recipes").join(file)).unwrap();
    }
    small
}

fn init(small: &Small, arguments: &[&str]) -> Ended {
    let mut command = small.builder(&["init", "app", "--json"]);
    end(command.args(arguments).env("TZ", "UTC"))
}

fn recipe(small: &Small) -> String {
    fs_err::read_to_string(small.path("recipes/small.toml")).unwrap()
}

const IMAGE: &str = "FROM python:3.14-slim\n\
    RUN apt-get update && apt-get install -y libpq5 gettext\n\
    RUN uv sync --frozen --no-dev --extra fast --group dev\n";

/// What the first build lacks is found in its log, looked up, and kept.
#[test]
fn a_recipe_is_written_built_and_corrected() {
    let small = project(
        "import os\n\n\ndef act():\n    if not os.path.exists('/usr/include/lmdb.h'):\n        \
         raise SystemExit('a.c:1: fatal error: lmdb.h: No such file or directory')\n    \
         return {'small/__init__.py': 'answer = 42\\n'}\n",
    );
    small.write("app/Dockerfile", IMAGE);
    let done = init(&small, &[]).json();
    assert_eq!((&done["built"], &done["attempts"]), (&true.into(), &3.into()), "{done:#}");
    let text = recipe(&small);
    for part in [
        "python = \"3.14\"",
        "[override.small.build]\n# liblmdb-dev: has the header `lmdb.h`",
        "system-packages = [\"liblmdb-dev\"]",
        "imports = [\"small\"]",
    ] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
    // The project has no such extra, and `dev` is never installed.
    assert!(!text.contains("fast") && !text.contains("\"dev\""), "{text}");
    let open = done["open"].to_string();
    assert!(open.contains("gettext, libpq5"), "{open}");
    for file in ["recipes/small.build-lock.toml", "golden/small.toml"] {
        assert!(small.path(file).is_file(), "{file}");
    }
    // A second run changes nothing, and makes what is missing.
    let again = |file: Option<&str>| {
        if let Some(file) = file {
            fs_err::remove_file(small.path(file)).unwrap();
        }
        let done = init(&small, &[]).json();
        assert_eq!((&done["new"], recipe(&small)), (&false.into(), text.clone()));
        done["wrote"].as_array().unwrap().len()
    };
    assert_eq!(again(None), 0);
    assert_eq!(again(Some("golden/small.toml")), 1);
    assert_eq!(small.build().json()["golden"], "same");
}

/// What cannot be found stays for a person, and the recipe is there to be finished.
#[test]
fn what_only_a_person_can_decide_is_said() {
    let small = project("def act():\n    raise SystemExit('error: no licence key')\n");
    let ended = end(&mut small.builder(&["init", "app"]));
    ended.bad(1, &["because    error: no licence key"]);
    assert!(ended.stdout.contains("it does not build yet"), "{ended:?}");
    assert!(small.path("recipes/small.toml").is_file());
    // Nothing of the project runs where only the recipe is wanted.
    let small = project("raise SystemExit('it ran')\n");
    let printed = end(&mut small.builder(&["init", "app", "--no-build"])).good();
    assert!(printed.contains("nothing was built"), "{printed}");
    assert!(!small.path("recipes/small.build-lock.toml").exists());
}

#[test]
fn a_version_that_only_version_control_knows_is_asked_for() {
    let small = project(cli::PLAIN);
    let lock = fs_err::read_to_string(small.path("app/uv.lock")).unwrap();
    small.write("app/uv.lock", &lock.replace("version = \"1.0\"\n", ""));
    small.replace("app/pyproject.toml", "version = \"1.0\"", "dynamic = [\"version\"]");
    small.append("app/pyproject.toml", "[tool.setuptools_scm]\n");
    init(&small, &["--no-build"]).bad(2, &["which version of `small` is this?", "--version"]);
    let done = init(&small, &["--no-build", "--version", "2.0"]).json();
    assert_eq!(done["new"], true);
    let text = recipe(&small);
    assert!(text.contains("version = \"2.0\""), "{text}");
}

/// Around `manage.py` everything keeps its place, and the check runs it.
#[test]
fn a_django_project_that_is_no_package_is_copied() {
    let small = project(cli::PLAIN);
    for file in ["act.py", "backend.py"] {
        fs_err::remove_file(small.path("app").join(file)).unwrap();
    }
    small.write("app/pyproject.toml", "[project]\nname = \"small\"\nversion = \"1.0\"\n");
    let lock = fs_err::read_to_string(small.path("app/uv.lock")).unwrap();
    small
        .write("app/uv.lock", &lock.replace("editable", "virtual").replace("directory", "virtual"));
    for dir in ["shop", "tests"] {
        fs_err::create_dir(small.path("app").join(dir)).unwrap();
        small.write(&format!("app/{dir}/__init__.py"), "");
    }
    small.write("app/manage.py", "import shop\n");
    let done = init(&small, &[]).json();
    assert_eq!(done["built"], true, "{done:#}");
    let text = recipe(&small);
    assert!(text.contains("from = \"shop\"\nto = \"shop\""), "{text}");
    assert!(text.contains("command = [\"python\", \"manage.py\", \"check\"]"), "{text}");
    assert!(!text.contains("tests"), "{text}");
}
