//! What is compiled after a change, and what is not: four projects of which one needs another to be
//! built, a build requirement that comes as a wheel, and a pure wheel that is only installed.

use std::path::{Path, PathBuf};

use base::store::{read_sealed, write_sealed};
use base::sys::files::sorted_entries;
use base::vocabulary::Sha256;
use builder::lock::build_lock::Told;
use serde_json::Value;

use crate::cli::{PLAIN, Small, end, installed};
use crate::wheels_fixture::Wheel;

const BUILD_LOCK: &str = "recipes/small.build-lock.toml";

/// A module of the wheel says which requirements its build could see.
const CURIOUS: &str = "import os\n\ndef act():\n    \
    return {\"lone.txt\": \" \".join(sorted(os.listdir(\"/build/wheelhouse\")))}\n";

/// `small` is built with `other`, which is built with the wheel `tool`; nobody is built with
/// `lone`; `pure` is installed.
fn workspace() -> Small {
    let small = Small::new(PLAIN);
    small.add_project("other", "def act():\n    return {\"other.py\": \"answer = 1\\n\"}\n");
    small.add_project("lone", CURIOUS);
    require(&small, "small", "app/pyproject.toml", "other==1.0");
    require(&small, "other", "app/other/pyproject.toml", "tool");
    small.replace(
        "recipes/small.build-lock.toml",
        "requirements = [\"other==1.0\"]",
        "requirements = [\"other==1.0\"]\nfrom-source = [\"other\"]",
    );
    small.replace("recipes/small.build-lock.toml", "= [\"tool\"]", "= [\"tool==1.0\"]");
    small.replace(
        "recipes/small.build-lock.toml",
        "requires = [\"tool==1.0\"]",
        "requires = [\"tool\"]",
    );
    add_tool(&small, "1.0");
    let (file, hash) = pure(&small, "first");
    let edge = "dependencies = [{ name = \"pure\" }]";
    let package = format!(
        "{edge}\n\n[[package]]\nname = \"pure\"\nversion = \"1.0\"\nsource = {{ path = \"{file}\" }}\n\
         wheels = [{{ filename = \"{file}\", hash = \"sha256:{hash}\" }}]"
    );
    small.append("app/uv.lock", &package);
    small
}

/// Lets the build of a project require something.
pub(crate) fn require(small: &Small, name: &str, pyproject: &str, requirement: &str) {
    small.replace(pyproject, "requires = []", &format!("requires = [\"{requirement}\"]"));
    let lock = fs_err::read_to_string(small.path("recipes/small.build-lock.toml")).unwrap();
    let (before, after) = lock.split_once(&format!("name = \"{name}\"")).unwrap();
    let after = after.replacen("= []", &format!("= [\"{requirement}\"]"), 2);
    small.write("recipes/small.build-lock.toml", &format!("{before}name = \"{name}\"{after}"));
}

/// Locks a version of the wheel `tool`, which was downloaded before.
pub(crate) fn add_tool(small: &Small, version: &'static str) {
    let made = Wheel::new("tool", version).file("tool.py", version).write(small.dir.path());
    lock_tool(small, version, &made);
}

/// Locks a file as that version, which was downloaded before.
pub(crate) fn lock_tool(small: &Small, version: &str, made: &Path) {
    let sha256 = Sha256::of(fs_err::read(made).unwrap());
    let name = made.file_name().unwrap().to_str().unwrap();
    let dir = small.cache.join("files").join(sha256.to_string());
    fs_err::create_dir_all(&dir).unwrap();
    fs_err::rename(made, dir.join(name)).unwrap();
    let text = format!(
        "[[wheel]]\nname = \"tool\"\nversion = \"{version}\"\nfile = \"{name}\"\nsha256 = \"{sha256}\"\n"
    );
    small.append("recipes/small.build-lock.toml", &text);
}

/// Gives the build of `lone` other `CFLAGS`, and locks that its backend was asked with them.
fn tell(small: &Small, flags: &str) {
    let table = format!("[override.lone.build.env]\nCFLAGS = \"{flags}\"");
    small.append("recipes/small.toml", &table);
    let variables = [("CFLAGS".to_owned(), flags.to_owned())].into();
    let key = Told { variables, ..Told::default() }.lock_key().unwrap();
    let lone = "source = \"local:lone\"";
    small.replace(BUILD_LOCK, lone, &format!("{lone}\ntold = \"{key}\""));
}

/// Takes [`tell`] back.
fn untell(small: &Small) {
    let recipe = fs_err::read_to_string(small.path("recipes/small.toml")).unwrap();
    small.write("recipes/small.toml", recipe.split("[override.lone").next().unwrap());
    let lock = fs_err::read_to_string(small.path(BUILD_LOCK)).unwrap();
    let lines = lock.lines().filter(|line| !line.starts_with("told = "));
    small.write(BUILD_LOCK, &lines.collect::<Vec<_>>().join("\n"));
}

/// Writes the wheel `pure` into the application's tree; returns its name and hash.
fn pure(small: &Small, content: &str) -> (String, Sha256) {
    let made = Wheel::new("pure", "1.0").file("pure.py", content).write(&small.path("app"));
    let name = made.file_name().unwrap().to_str().unwrap().to_owned();
    (name, Sha256::of(fs_err::read(&made).unwrap()))
}

/// What would be compiled, each with the inputs that changed.
fn foretold(small: &Small) -> Vec<String> {
    let all = end(&mut small.builder(&["--json", "why-rebuild", "--all", "small"])).json();
    let shown = |it: &Value| {
        let changes = it["changes"].as_array().into_iter().flatten();
        let inputs: Vec<&str> = changes.map(|it| it["input"].as_str().unwrap()).collect();
        format!("{} {}", it["name"].as_str().unwrap(), inputs.join(" ")).trim_end().to_owned()
    };
    let rebuilt = all.as_array().unwrap().iter().filter(|it| it["verdict"] != "stored");
    rebuilt.map(shown).collect()
}

/// A change, what is foretold of it, and how many are compiled then.
type Bump = (&'static str, fn(&Small), &'static [&'static str], u64);

const BUMPS: [Bump; 10] = [
    ("nothing was built before", |_| (), &["lone", "other", "small"], 3),
    (
        "a pure wheel",
        |small| {
            let (_, old) = pure(small, "first");
            let (_, new) = pure(small, "second");
            small.replace("app/uv.lock", &old.to_string(), &new.to_string());
        },
        &[],
        0,
    ),
    (
        "a project in the tree",
        |small| small.append("app/lone/act.py", "# changed"),
        &["lone source"],
        1,
    ),
    (
        "a project that another is built with",
        |small| small.replace("app/other/act.py", "answer = 1", "answer = 2"),
        &["other source", "small requirements.other"],
        2,
    ),
    (
        "such a one, and its wheel stays the same",
        |small| small.append("app/other/act.py", "# changed"),
        &["other source", "small requirements.other"],
        1,
    ),
    (
        "a pin of a build requirement",
        |small| {
            small.replace("recipes/small.build-lock.toml", "tool==1.0", "tool==1.1");
            add_tool(small, "1.1");
        },
        &["other requirements.tool", "small requirements.other"],
        1,
    ),
    (
        "a variable of one build",
        |small| tell(small, "-O1"),
        &["lone environment.sandbox.environment.CFLAGS"],
        1,
    ),
    ("what was built before", untell, &[], 0),
    (
        "a runtime dependency",
        |small| {
            let edge = "dependencies = [{ name = \"pure\" }]\n";
            small.replace("app/uv.lock", edge, &format!("{edge}# another one\n"));
        },
        &[],
        0,
    ),
    (
        "the interpreter",
        |small| another_interpreter(&small.cache),
        &[
            "lone toolchain.python",
            "other toolchain.python",
            "small requirements.other toolchain.python",
        ],
        3,
    ),
];

/// Gives the cache toolchains of its own that say that their Python has another version.
fn another_interpreter(cache: &Path) {
    let dir = cache.join("toolchains");
    let shared = fs_err::read_link(&dir).unwrap();
    fs_err::remove_file(&dir).unwrap();
    fs_err::create_dir_all(dir.join("index")).unwrap();
    for entry in sorted_entries(&shared).unwrap() {
        if entry.file_name().len() == 64 {
            fs_err::os::unix::fs::symlink(entry.path(), dir.join(entry.file_name())).unwrap();
        }
    }
    for entry in sorted_entries(&shared.join("index")).unwrap() {
        // What apt-get resolved names no interpreter.
        if entry.file_name().to_string_lossy().starts_with("resolved-") {
            continue;
        }
        let mut known: Value = read_sealed(&entry.path()).unwrap().unwrap();
        known["python_version"] = "3.14.99".into();
        write_sealed(&dir.join("index").join(entry.file_name()), &known).unwrap();
    }
}

#[test]
fn only_what_depends_on_a_change_is_compiled() {
    let small = workspace();
    let again = |flag: &str| end(&mut small.builder(&["--json", "build", "small", flag])).json();
    for (name, bump, expected, compiled) in BUMPS {
        bump(&small);
        assert_eq!(foretold(&small), expected, "{name}");
        let report = again("--rebuild");
        assert_eq!(report["compiled"], compiled, "{name}: {report}");
        assert_eq!(report["stored"].as_u64().unwrap() + compiled, 3, "{name}: {report}");
        // A build sees its own requirements and not those of others.
        assert_eq!(installed(&report, "lone.txt"), "", "{name}");
    }
    for (flag, compiled) in [("--rebuild", 0), ("--jobs=1", 0), ("--no-cache", 3)] {
        let report = again(flag);
        assert_eq!(
            (&report["compiled"], &report["cached"]),
            (&compiled.into(), &(flag == "--jobs=1").into())
        );
    }
}

#[test]
fn why_rebuild_tells_old_and_new() {
    let small = workspace();
    let why = |words: &[&str]| end(small.builder(&["why-rebuild"]).args(words));
    let text = why(&["lone", "small"]).good();
    assert!(text.contains("lone: no build of this recipe and target is known"), "{text}");
    small.build().json();
    tell(&small, "-O1");
    small.build().json();
    untell(&small);
    tell(&small, "-O3");
    let change = "environment.sandbox.environment.CFLAGS: -O1 → -O3";
    assert!(why(&["lone", "small"]).good().ends_with(&format!("\n  {change}\n")));
    let text = why(&["--all", "small"]).good();
    assert!(text.contains(&format!("rebuild  {change}\n")) && text.lines().count() == 3, "{text}");
    base::sys::files::remove_tree(&small.cache.join("wheels")).unwrap();
    let text = why(&["other", "small"]).good();
    assert!(text.contains("nothing changed, but its wheel is not in the store any more"), "{text}");
    why(&["pure", "small"]).bad(2, &["does not build `pure`", "lone, other, small"]);
    why(&["--all", "lone", "small"]).bad(2, &["`--all` takes no name"]);
}

/// The only wheel in the store.
fn stored(small: &Small) -> PathBuf {
    let [entry] = &small.entries("wheels")[..] else { panic!("not one wheel") };
    entry.join("small-1.0-py3-none-any.whl")
}

/// What is done to a stored wheel.
type Damage = (&'static str, fn(&Path));

#[test]
fn a_damaged_wheel_is_built_anew() {
    let small = Small::new(PLAIN);
    let first = small.build().json();
    let damages: [Damage; 5] = [
        ("other bytes", |wheel| fs_err::write(wheel, "PK").unwrap()),
        ("gone", |wheel| fs_err::remove_file(wheel).unwrap()),
        ("other inputs", |wheel| fs_err::write(wheel.with_file_name("inputs.json"), "{}").unwrap()),
        ("no seal", |wheel| fs_err::remove_file(wheel.with_file_name("seal.json")).unwrap()),
        ("a seal of nonsense", |wheel| {
            fs_err::write(wheel.with_file_name("seal.json"), "{}").unwrap();
        }),
    ];
    let build = || end(&mut small.builder(&["build", "small", "--rebuild"]));
    for (name, damage) in damages {
        damage(&stored(&small));
        let told = ["the stored wheel `small 1.0` is damaged", "1 compiled, 0 from the store"];
        build().bad(0, &told);
        build().bad(0, &["0 compiled, 1 from the store"]);
        let again = small.build().json();
        assert_eq!(again["output-hash"], first["output-hash"], "{name}");
    }
}

/// An error of the machine says nothing about what is stored.
#[test]
fn a_wheel_that_cannot_be_read_stays() {
    let small = Small::new(PLAIN);
    small.build().json();
    let wheel = stored(&small);
    for file in [&wheel, &wheel.with_file_name("seal.json")] {
        let good = wheel.with_file_name("good");
        fs_err::rename(file, &good).unwrap();
        // A circle cannot be read by anybody.
        std::os::unix::fs::symlink(file, file).unwrap();
        let build = || end(&mut small.builder(&["build", "small", "--rebuild"]));
        build().bad(1, &["cannot take a wheel out of the cache", "--no-cache"]);
        fs_err::remove_file(file).unwrap();
        fs_err::rename(&good, file).unwrap();
        build().bad(0, &["0 compiled, 1 from the store"]);
    }
}
