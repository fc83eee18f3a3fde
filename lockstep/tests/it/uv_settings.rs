//! uv's settings of a project: each is honoured, refused, or told about, and those of `uv.toml` are
//! the ones that count. What is right was seen with `uv sync --frozen --no-editable` of uv 0.13.9.

use base::recipe::Selection;
use base::vocabulary::progress::Silent;
use base::vocabulary::{Sha256, Target};
use builder::lock::Lock;
use builder::lock::resolve::{Artifact, resolve};
use builder::lock::uv_settings::{Here, SETTINGS, UV_VERSION, Whose, read};
use builder::toolchain::uv;

use crate::cli::{self, Small, end, installed};

/// The keys that a real uv lists when it meets one that it does not know.
fn of_a_real_uv() -> Vec<String> {
    let dir = cli::scratch();
    let environment = base::sys::env::Environment::capture();
    let cache = cli::shared_cache();
    let host = base::sys::Host { environment: &environment, cache: &cache, progress: &Silent };
    let uv = uv::provide_uv(&host).unwrap();
    fs_err::write(dir.path().join("uv.toml"), "no-such-setting = 1\n").unwrap();
    let ended = end(cli::command(&uv.path).args(["cache", "dir"]).current_dir(dir.path()));
    let (_, listed) = ended.stderr.split_once("expected one of").unwrap();
    listed.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_setting_of_uv_has_a_row() {
    assert_eq!(UV_VERSION, uv::UV_VERSION);
    let table: Vec<&str> = SETTINGS.iter().map(|setting| setting.key).collect();
    assert_eq!(table, of_a_real_uv());
}

/// Each key with a value that asks for something; in `uv.toml` uv refuses those of a project.
#[test]
fn each_row_does_what_it_says() {
    for setting in SETTINGS {
        let value = match setting.key {
            "required-version" => "\">=99\"",
            "managed" => "false",
            key if key.ends_with("-package") && key.starts_with("no-") => "[\"x\"]",
            "no-binary" | "no-build" | "no-build-isolation" | "no-sources" => "true",
            "default-groups"
            | "build-constraint-dependencies"
            | "index"
            | "find-links"
            | "extra-index-url" => "[]",
            "index-url" => "\"https://index.example/simple\"",
            "index-strategy" => "\"first-index\"",
            "no-index" => "false",
            _ => "{}",
        };
        let line = format!("{} = {value}\n", setting.key);
        let project = read(&format!("[tool.uv]\n{line}"), None);
        let word = format!("`tool.uv.{}`", setting.key);
        match setting.here {
            Here::Refused(because) => {
                let problem = project.unwrap_err().to_string();
                assert!(problem.contains(&word) && problem.contains(because), "{problem}");
            }
            Here::Warned(because) if value != "{}" => {
                let told = project.unwrap().1.join("\n");
                assert!(told.contains(&word) && told.contains(because), "{told}");
            }
            _ => assert!(project.unwrap().1.is_empty(), "{}", setting.key),
        }
        let file = read("", Some(&line));
        match setting.whose {
            Whose::Project => {
                let problem = file.unwrap_err();
                assert!(problem.to_string().contains(setting.key), "{problem}");
                assert!(problem.hint.unwrap().contains("move it to `[tool.uv]`"));
            }
            Whose::Tool | Whose::Shared => drop(file.unwrap()),
        }
    }
}

#[test]
fn what_is_no_setting_is_named() {
    let (_, told) = read("[tool.uv]\nno-binary-packages = [\"x\"]\n", None).unwrap();
    assert!(told[0].contains("`tool.uv.no-binary-packages`"), "{told:?}");
    assert!(told[0].contains("did you mean `no-binary-package`?"), "{told:?}");
    let problem = read("", Some("no-binary-packages = [\"x\"]\n")).unwrap_err();
    assert!(problem.to_string().contains("`no-binary-packages` of `uv.toml`"), "{problem}");
    assert!(problem.hint.unwrap().contains("`no-binary-package`"));
    for text in ["config-settings = { a = true }", "no-binary = 1", "x"] {
        let problem = read("", Some(text)).unwrap_err().to_string();
        assert!(problem.contains("cannot read the project's `uv.toml`"), "{text}: {problem}");
    }
    let (_, told) = read("[tool.uv]\nrequired-version = \">=0.13\"\n", None).unwrap();
    assert!(told.is_empty(), "{told:?}");
    let (_, told) = read("[tool.uv]\nrequired-version = \"0.9.5\"\n", None).unwrap();
    assert!(told[0].contains("required-version"), "{told:?}");
}

/// A backend that puts what it is told into the wheel.
const TOLD: &str = "import json, os\nSETTINGS = None\ndef act():\n    return {'told.json': \
    json.dumps([SETTINGS, os.environ.get('VARIABLE')], sort_keys=True)}\n";
const HOOK: &str = "\n\nmake = build_wheel\n\n\ndef build_wheel(directory, config_settings=None, \
    metadata=None):\n    act.SETTINGS = config_settings\n    return make(directory)\n";

fn telling() -> Small {
    let small = Small::new(TOLD);
    small.append("app/backend.py", HOOK);
    small
}

/// What the backend of `small` was told, with the build lock that fits.
fn told(small: &Small) -> String {
    end(&mut small.builder(&["build-lock", "small"])).good();
    installed(&small.build().json(), "told.json")
}

#[test]
fn uv_toml_counts_instead_of_tool_uv() {
    let small = telling();
    small.append(
        "app/pyproject.toml",
        "[tool.uv]\nconfig-settings = { edition = \"project\" }\n\
         [tool.uv.extra-build-variables]\nsmall = { VARIABLE = \"project\" }\n",
    );
    assert_eq!(told(&small), "[{\"edition\": \"project\"}, \"project\"]");
    // All of it, also where the file says nothing of a key.
    small.write("app/uv.toml", "config-settings-package.small = { edition = \"file\" }\n");
    assert_eq!(told(&small), "[{\"edition\": \"file\"}, null]");
    let ended = small.build();
    for key in ["config-settings", "extra-build-variables"] {
        assert!(ended.stderr.contains(&format!("`{key}`")), "{}", ended.stderr);
    }
    assert!(ended.stderr.contains("of `[tool.uv]` do not count"), "{}", ended.stderr);
    small.write("app/uv.toml", "extra-build-variables.small = { VARIABLE = \"file\" }\n");
    assert_eq!(told(&small), "[{}, \"file\"]");
    small.write("app/uv.toml", "environments = []\n");
    small.build().bad(2, &["`environments` cannot stand in `uv.toml`"]);
}

#[test]
fn a_build_without_isolation_needs_its_requirements_in_the_recipe() {
    for settings in ["no-build-isolation = true", "no-build-isolation-package = [\"small\"]"] {
        let small = Small::new(cli::PLAIN);
        small.append("app/pyproject.toml", &format!("[tool.uv]\n{settings}\n"));
        let parts = ["built without isolation", "`override.small.build.requires`"];
        small.build().bad(2, &parts);
        end(&mut small.builder(&["build-lock", "small"])).bad(2, &parts);
        small.append("recipes/small.toml", "[override.small.build]\nrequires = []\n");
        end(&mut small.builder(&["build-lock", "small"])).good();
        small.build().good();
    }
    let small = Small::new(cli::PLAIN);
    small.append("app/pyproject.toml", "[tool.uv]\nno-build-isolation-package = [\"other\"]\n");
    small.build().good();
}

/// A registry's file in both kinds, a member, and things from elsewhere.
const LOCK: &str = "version = 1
[manifest]
members = ['app', 'member']
[[package]]
name = 'app'
version = '1'
source = { editable = '.' }
dependencies = [
    { name = 'both' }, { name = 'member' }, { name = 'tree' }, { name = 'file' },
    { name = 'repository' },
]
[[package]]
name = 'member'
version = '1'
source = { editable = 'member' }
[[package]]
name = 'tree'
version = '1'
source = { directory = 'tree' }
[[package]]
name = 'repository'
version = '1'
source = { git = 'https://git.example/r#0123456789012345678901234567890123456789' }
[[package]]
name = 'file'
version = '1'
source = { path = 'file-1-py3-none-any.whl' }
wheels = [{ filename = 'file-1-py3-none-any.whl', hash = 'sha256:@' }]
[[package]]
name = 'both'
version = '1'
source = { registry = 'https://index.example/simple' }
sdist = { url = 'https://files.example/both-1.tar.gz', hash = 'sha256:@' }
wheels = [{ url = 'https://files.example/both-1-py3-none-any.whl', hash = 'sha256:@' }]
";

/// What is chosen of `both`, or who is to blame.
fn chosen(settings: &str) -> String {
    let lock = LOCK.replace('@', &Sha256::of("x").to_string());
    let lock = Lock::parse(&lock).unwrap();
    let (project, _) = read("", Some(settings)).unwrap();
    let target = Target::new("3.14", "linux").unwrap();
    match resolve(&lock, &project, &target, &Selection::default()) {
        Ok(found) => match &found.get(&"both".parse().unwrap()).unwrap().artifact {
            Artifact::Wheel(_) => "wheel".to_owned(),
            Artifact::Sdist(_) => "sdist".to_owned(),
            other => panic!("{other:?}"),
        },
        Err(problem) => problem.to_string(),
    }
}

/// Each line was tried with a real uv.
#[test]
fn what_may_be_built_and_what_may_not() {
    for (settings, expected) in [
        ("", "wheel"),
        ("no-binary-package = ['both']", "sdist"),
        ("no-binary = false\nno-binary-package = ['both']", "wheel"),
        ("no-binary = true", "`file 1` is a wheel"),
        ("no-binary-package = ['file']", "`file 1` is a wheel"),
        ("no-build = true", "must not be built"),
        ("no-build-package = ['tree']", "`tree 1` must not be built"),
        ("no-build-package = ['repository']", "`repository 1` must not be built"),
        ("no-build = false\nno-build-package = ['tree']", "wheel"),
        // Members are built whatever else may not be.
        ("no-build-package = ['app', 'member']", "wheel"),
        // A list of one setting is an exception from the other one.
        ("no-build = true\nno-binary-package = ['tree', 'repository']", "wheel"),
        ("no-build = true\nno-binary-package = ['both', 'tree', 'repository']", "sdist"),
        ("no-binary = true\nno-build-package = ['file']", "sdist"),
        ("no-binary = true\nno-build-package = ['file', 'both']", "wheel"),
        ("no-build-package = ['both']\nno-binary-package = ['both']", "no file of `both 1`"),
    ] {
        let found = chosen(settings);
        assert!(found.contains(expected), "{settings}: {found}");
    }
}
