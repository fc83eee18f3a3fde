//! Bad input at the command line: which exit code, and what a person reads.

use base::vocabulary::Sha256;

use crate::cli::{PLAIN, Small, builder, end, installed, workspace};
use crate::server::{Reply, Server};

/// What is wrong, how it is made so, the exit code, and parts of what is read.
type Case = (&'static str, fn(&Small), i32, &'static [&'static str]);

const RECIPE: &str = "recipes/small.toml";
const LOCK: &str = "app/uv.lock";
const BUILD_LOCK: &str = "recipes/small.build-lock.toml";

/// A distribution of which no file fits.
const THING: &str = r#"
[[package]]
name = "thing"
version = "2.0"
source = { registry = "https://i.example/simple" }
wheels = [
    { url = "https://f.example/thing-2.0-cp313-cp313-win_amd64.whl", HASH },
]
"#;

fn depend_on_thing(small: &Small, hash: &str) {
    let thing = THING.replace("HASH", hash);
    small.append(LOCK, &format!("dependencies = [{{ name = \"thing\" }}]\n{thing}"));
}

fn add(small: &Small, lines: &str) {
    small.append(RECIPE, lines);
}

fn remove(small: &Small, file: &str) {
    fs_err::remove_file(small.path(file)).unwrap();
}

#[rustfmt::skip]
const CASES: [Case; 23] = [
    ("unknown key", |it| add(it, "[chekc]\nimports = []"), 2,
        &["cannot read recipe `small`", "`chekc`", "did you mean `check`?"]),
    ("unknown nested key", |it| add(it, "[toolchain]\nprovider = []"), 2,
        &["`provider`", "did you mean `providers`?"]),
    ("no such provider", |it| add(it, "[toolchain]\nproviders = [\"docker\"]"), 2,
        &["`docker`", "`debian`"]),
    ("no TOML", |it| add(it, "[["), 2, &["cannot read recipe `small`"]),
    ("source without pin",
        |it| it.replace(RECIPE, "path = \"../app\"", "url = \"https://a.example/a.tar.gz\""), 2,
        &["`source.url` is not pinned", "source.nar-hash"]),
    ("reserved prefix", |it| it.replace(RECIPE, "[source]", "prefix = \"/usr/x\"\n[source]"), 2,
        &["`/usr/x`", "/opt"]),
    ("unknown platform", |it| it.replace(RECIPE, "x86_64-manylinux_2_39", "amiga"), 2,
        &["`amiga`", "try one of"]),
    ("a Python without its minor version",
        |it| it.replace(RECIPE, "python = \"3.14\"", "python = \"3\""), 2,
        &["`target.python` is not valid", "such as `3.14`"]),
    ("a patch version that is not there",
        |it| it.replace(RECIPE, "python = \"3.14\"", "python = \"3.14.99\""), 2,
        &["Debian `forky` has Python 3.14.", ", not 3.14.99", "`target.python = \"3.14\"`"]),
    ("no source tree", |it| fs_err::remove_dir_all(it.path("app")).unwrap(), 2,
        &["the source tree `", "/app` does not exist", "`source.path`", "--source"]),
    ("no pyproject", |it| remove(it, "app/pyproject.toml"), 2, &["cannot read `pyproject.toml`"]),
    ("lock of version 2", |it| it.replace(LOCK, "version = 1\n", "version = 2\n"), 2,
        &["`uv.lock` has version 2", "understands version 1"]),
    ("lock that is cut", |it| it.replace(LOCK, "{ editable = \".\" }", "{ edita"), 2,
        &["cannot read `uv.lock`"]),
    ("another Python", |it| it.replace(LOCK, "==3.14.*", "<3.14"), 2,
        &["not locked for this Python version", "3.14", "<3.14"]),
    ("no such extra", |it| add(it, "[project]\nextras = [\"tls\"]"), 2,
        &["`small` has no extra `tls`"]),
    ("no such group", |it| add(it, "[project]\ngroups = [\"dev\"]"), 2,
        &["`small` has no group `dev`"]),
    ("no such project", |it| add(it, "[project]\nname = \"smal\""), 2,
        &["no project `smal`", "did you mean `small`?"]),
    ("nothing fits", |it| depend_on_thing(it, "size = 1"), 2,
        &["no file of `thing", "thing-2.0-cp313-cp313-win_amd64.whl", "wanted", "cp314", "sdist"]),
    ("no hash",
        |it| {
            depend_on_thing(it, "size = 1");
            it.replace(LOCK, "cp313-cp313-win_amd64", "py3-none-any");
        }, 2,
        &["not pinned in `uv.lock`", "no `hash`"]),
    ("edge into nowhere", |it| it.append(LOCK, "dependencies = [{ name = \"thing\" }]\n"), 2,
        &["no `thing` that fits"]),
    ("stale build lock", |it| it.replace(BUILD_LOCK, "local:.", "local:old"), 1,
        &["does not fit `uv.lock`", "local:old", "lockstep build-lock"]),
    ("unreadable build lock", |it| it.replace(BUILD_LOCK, "version = 1", "version = 7"), 2,
        &["version 7"]),
    ("unreadable ledger", |it| it.write("golden/small.toml", "[target.x]\nnar = 1\n"), 1,
        &["cannot read the ledger", "lockstep bless"]),
];

#[test]
fn bad_input_is_told_before_anything_is_built() {
    for (name, spoil, code, parts) in CASES {
        let small = Small::new(PLAIN);
        spoil(&small);
        let ended = small.build();
        assert_eq!(ended.code, Some(code), "{name}: {ended:?}");
        for part in parts {
            assert!(ended.stderr.contains(part), "{name}: no `{part}` in\n{}", ended.stderr);
        }
        assert!(
            ended.stderr.starts_with("error: ") || ended.stderr.contains("\nerror: "),
            "{name}"
        );
        assert_eq!(ended.stdout, "", "{name}");
        assert!(!small.path("result").exists(), "{name}");
        assert!(!small.cache.join("outputs").exists(), "{name}: something was built");
        assert_eq!(small.work_with("tree"), None, "{name}: work was left");
    }
}

#[test]
fn bad_arguments_are_told() {
    let small = Small::new(PLAIN);
    fs_err::create_dir(small.path("result")).unwrap();
    let cases: [(&[&str], i32, &[&str]); 7] = [
        (&["build", "smal"], 2, &["there is no recipe `smal`", "did you mean `small`?"]),
        (&["build", "nowhere/x.toml"], 2, &["there is no recipe `nowhere/x.toml`"]),
        (&["build", "small", "--source", "/nowhere"], 2, &["`/nowhere` does not exist"]),
        (&["build", "small", "--jobs", "many"], 2, &["many"]),
        (&["biuld"], 2, &["biuld", "build"]),
        (&["hash", "/nowhere"], 1, &["/nowhere"]),
        (&["fetch", "small", "--platform", "amiga"], 2, &["`amiga`", "x86_64-manylinux_2_39"]),
    ];
    for (arguments, code, parts) in cases {
        let ended = end(&mut small.builder(arguments));
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
        ended.bad(code, parts);
    }
    // A directory where the link should be is not ours to remove.
    end(&mut small.builder(&["build", "small"])).bad(2, &["`result` already exists", "--out-link"]);
    assert!(small.path("result").is_dir());
}

#[test]
fn a_patch_that_does_not_apply_shows_the_nearest_lines() {
    let small =
        Small::new("def act():\n    return {'small.py': 'BASE = \"/one/two\"\\nOTHER = 1\\n'}\n");
    small.append(
        "recipes/small.toml",
        "[[patch]]\nfile = \"@site-packages@/small.py\"\nreason = \"paths of a container\"\n\
         upstream = \"https://bugs.example/1\"\n[[patch.replace]]\n\
         from = 'BASE = \"/one/three\"'\nto = \"x\"",
    );
    let parts = [
        "BASE = \"/one/three\"",
        "nearest",
        "BASE = \"/one/two\"",
        "paths of a container",
        "https://bugs.example/1",
    ];
    small.build().bad(1, &parts);
    assert!(!small.path("result").exists());
    small.replace("recipes/small.toml", "small.py", "smal.py");
    small.build().bad(1, &["no such file in the output", "small.py"]);
    small.replace("recipes/small.toml", "@site-packages@", "@site@");
    let ended = small.build();
    assert!(ended.code != Some(0) && ended.stderr.contains("@site@"), "{ended:?}");
}

#[test]
fn another_wheelhouse_than_the_golden_one_is_exit_code_4() {
    let small = Small::new(PLAIN);
    let blessed = end(&mut small.builder(&["--json", "bless", "small"])).json();
    assert_eq!(blessed["changed"], true);
    let golden = |report: &serde_json::Value| report["golden"].as_str().map(str::to_owned);
    let is = |word: &str| Some(word.to_owned());
    assert_eq!(golden(&small.build().json()), is("same"));
    let text = fs_err::read_to_string(small.path("golden/small.toml")).unwrap();
    let hash = text.split('"').find(|part| part.starts_with("sha256-")).unwrap();
    let other = format!("sha256-{}=", "A".repeat(43));
    small.replace("golden/small.toml", hash, &other);
    let parts = ["the FOD hash drifted", &other, hash, "hint: "];
    small.build().bad(4, &parts);
    end(&mut small.builder(&["fetch", "small"])).bad(4, &parts);
    // It is told, with everything else, to those who go on: the verifier.
    for command in ["fetch", "build"] {
        let mut run = small.builder(&["--json", command, "small", "--no-golden"]);
        let told = end(&mut run).json();
        let told = told.pointer("/wheelhouses/0").unwrap_or(&told);
        assert_eq!(golden(told), is("drifted"));
        let detail = told["golden-detail"].to_string();
        assert!(parts.iter().all(|part| detail.contains(part)), "{detail}");
    }
    // With another lock it is a stale ledger, not a drift.
    small.append("app/uv.lock", "# locked again\n");
    small.build().bad(4, &["its ledger is stale", "lockstep bless small"]);
    // A build never writes the ledger, only `bless` does.
    assert!(fs_err::read_to_string(small.path("golden/small.toml")).unwrap().contains(&other));
    let shown = end(&mut small.builder(&["bless", "small"])).good();
    assert!(shown.contains(&format!("-nar-hash = \"{other}\"")), "{shown}");
    assert_eq!(golden(&small.build().json()), is("same"));
    // A change of the lock that wants the same files.
    small.append("app/uv.lock", "# and again\n");
    assert_eq!(golden(&small.build().json()), is("lock-changed-only"));
    for command in ["build", "fetch"] {
        let ended = end(&mut small.builder(&[command, "small"]));
        let shown = format!("{}{}", ended.stdout, ended.stderr);
        assert!(shown.contains("the lock changed and the golden FOD hash holds"), "{shown}");
    }
}

#[test]
fn a_file_that_was_uploaded_again_under_its_name_is_a_drift() {
    const FILE: &str = "/thing-2.0-py3-none-any.whl";
    let (server, small) = (Server::start(), Small::new(PLAIN));
    let sha256 = Sha256::of("first");
    let url = server.set(FILE, Reply::File(b"first".to_vec()));
    depend_on_thing(&small, &format!("hash = \"sha256:{sha256}\", size = 5"));
    small.replace(LOCK, "https://f.example/thing-2.0-cp313-cp313-win_amd64.whl", url.as_str());
    end(&mut small.builder(&["bless", "small", "--fod-only"])).good();
    // Same name, same size, other bytes; and a machine that does not have the first ones.
    server.set(FILE, Reply::File(b"other".to_vec()));
    for dir in ["wheelhouses", "files"] {
        base::sys::files::remove_tree(&small.cache.join(dir)).unwrap();
    }
    let other = Sha256::of("other").to_string();
    let parts = ["thing-2.0-py3-none-any.whl", &sha256.to_string(), &other, "thing", "hint: "];
    let drifted = [&["the lock is unchanged and a file of it drifted"][..], &parts].concat();
    for arguments in
        [&["fetch", "small"][..], &["build", "small"], &["fetch", "small", "--no-golden"]]
    {
        end(&mut small.builder(arguments)).bad(4, &drifted);
    }
    // Of a lock that the ledger does not know nobody can say that.
    small.append(LOCK, "# locked again\n");
    let ended = end(&mut small.builder(&["fetch", "small"]));
    ended.bad(4, &parts);
    assert!(!ended.stderr.contains("unchanged"), "{ended:?}");
}

#[test]
fn a_collision_that_nobody_decided_is_exit_code_6() {
    let small = Small::new("def act():\n    return {'docs/Makefile': 'of small'}\n");
    small.add_other("def act():\n    return {'docs/Makefile': 'of other'}\n");
    let parts = ["docs/Makefile", "`other`, `small`", "[collisions.paths]", "first-by-name"];
    small.build().bad(6, &parts);
    add(&small, "[collisions.paths]\n\"docs/Makefile\" = \"first-by-name\"");
    let report = small.build().json();
    assert_eq!(installed(&report, "docs/Makefile"), "of other");
    assert!(report["collisions"][0].as_str().unwrap().contains("other's stays"), "{report}");
}

#[test]
fn the_samples_own_recipe_is_good() {
    let small = Small::new(PLAIN);
    let ended = end(builder(workspace(), &small.cache).args(["--json", "resolve", "sample"]));
    assert_eq!(ended.json()["packages"].as_array().unwrap().len(), 22);
}

#[test]
fn hash_needs_neither_a_home_nor_a_cache() {
    let dir = crate::cli::scratch();
    fs_err::write(dir.path().join("file"), "x").unwrap();
    let mut command = crate::cli::command(env!("CARGO_BIN_EXE_lockstep"));
    command.env_clear().arg("hash").arg(dir.path().join("file"));
    let printed = crate::cli::end(&mut command).good();
    assert!(printed.starts_with("sha256-"), "{printed}");
    let printed = crate::cli::end(command.arg("--json")).json();
    assert!(printed["nar-hash"].as_str().unwrap().starts_with("sha256-"), "{printed}");
}
