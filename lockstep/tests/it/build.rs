//! The whole build at the command line: the sample, and what is promised of every output.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use base::sys::files::{copy_tree, sorted_entries};
use base::vocabulary::Sha256;
use serde_json::Value;

use crate::cli::{self, PLAIN, Small, builder, end, installed, scratch, shared_cache, workspace};
use crate::wheels_fixture::SITE_PACKAGES;

/// `builder --json ARGUMENTS` in the workspace and the shared cache.
fn shared(arguments: &[&str]) -> cli::Ended {
    end(builder(workspace(), &shared_cache()).arg("--json").args(arguments).current_dir("/"))
}

fn sample() -> Value {
    shared(&["build", "sample", "--no-out-link"]).json()
}

fn beside(report: &Value, file: &str) -> Value {
    let output = Path::new(report["output"].as_str().unwrap());
    serde_json::from_slice(&fs_err::read(output.with_file_name(file)).unwrap()).unwrap()
}

fn is_sri(text: &Value) -> bool {
    let encoded = text.as_str().and_then(|text| text.strip_prefix("sha256-")).unwrap_or_default();
    encoded.len() == 44 && encoded.ends_with('=')
}

fn is_hex(text: &Value) -> bool {
    let text = text.as_str().unwrap_or_default();
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Every file below `dir`; links are not followed.
fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in sorted_entries(dir).unwrap() {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files(&entry.path(), found);
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
}

/// Files and link targets below `dir` that hold one of the texts.
fn holding(dir: &Path, texts: &[&str]) -> Vec<String> {
    let mut all = Vec::new();
    files(dir, &mut all);
    assert!(all.len() > 100, "{} files are no output", all.len());
    let mut found = Vec::new();
    for path in all {
        let bytes = fs_err::read(&path).unwrap();
        for text in texts {
            if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                found.push(format!("{}: {text}", path.display()));
            }
        }
    }
    found
}

#[test]
fn the_sample_is_built_and_then_found() {
    let dir = scratch();
    let link = dir.path().join("result");
    let text = link.to_str().unwrap();
    let first = shared(&["build", "sample", "--out-link", text]).json();
    assert_eq!(link.read_link().unwrap(), Path::new(first["output"].as_str().unwrap()));
    assert_eq!((&first["wheels"], &first["built"]), (&15.into(), &7.into()), "{first}");
    assert_eq!(first["target"], "cp314-x86_64-manylinux_2_39");
    assert!(is_sri(&first["fod-hash"]) && is_sri(&first["output-hash"]), "{first}");
    let second = sample();
    assert_eq!(second["cached"], true);
    for key in ["fod-hash", "output-hash", "output", "wheels", "built", "patched", "collisions"] {
        assert_eq!(first[key], second[key], "{key}");
    }
    let printed = end(builder(workspace(), &shared_cache()).arg("hash").arg(link.join("lib")));
    assert!(is_sri(&printed.good().trim().into()));
    // What a person reads says what to do next.
    let text = end(builder(workspace(), &shared_cache()).args(["build", "--no-out-link"]));
    assert_eq!(text.stdout, "", "results of `build` for people go to standard error");
    text.bad(0, &["unchanged", "15 wheels, 7 built from source", "next:", "lockstep run"]);
}

#[test]
fn the_manifest_says_what_is_installed_and_provenance_says_of_what() {
    let report = sample();
    let manifest = beside(&report, "manifest.json");
    let of_kind = |kind: &str| -> Vec<&str> {
        let all = manifest["distributions"].as_array().unwrap().iter();
        all.filter(|it| it["kind"] == kind).map(|it| it["name"].as_str().unwrap()).collect()
    };
    assert_eq!(manifest["distributions"].as_array().unwrap().len(), 22);
    assert_eq!(of_kind("sdist"), ["docopt", "markupsafe"]);
    assert_eq!(
        of_kind("local"),
        ["sample", "sample-cache", "sample-channels", "sample-permissions", "sample-tasks"]
    );
    assert_eq!(of_kind("wheel").len(), 15);
    let provenance = beside(&report, "provenance.json");
    let packages = provenance["toolchain"]["packages"].as_array().unwrap();
    let names: BTreeSet<&str> = packages.iter().filter_map(|it| it["name"].as_str()).collect();
    for name in ["gcc", "libc6", "python3.14"] {
        assert!(names.contains(name), "{name}");
    }
    for package in packages {
        assert!(is_hex(&package["sha256"]) && package["version"] != "", "{package}");
    }
    assert!(is_hex(&provenance["uv"]["sha256"]), "{}", provenance["uv"]);
    assert!(provenance["python"]["version"].as_str().unwrap().starts_with("3.14."));
    assert_eq!(provenance["built"].as_object().unwrap().len(), 7);
    assert_eq!(provenance["wheelhouse"], report["fod-hash"]);
}

#[test]
fn what_is_to_be_approved_lies_beside_the_output() {
    let small = Small::new(PLAIN);
    let patch = |from: &str, to: &str| {
        format!(
            "[[patch]]\nfile = \"@site-packages@/small.py\"\n[[patch.replace]]\nfrom = \"{from}\"\n\
             to = \"{to}\"\n"
        )
    };
    // Two patches of one file are one difference from what was there before both.
    small.append("recipes/small.toml", &(patch("42", "43") + &patch("= 43", "= 44")));
    let report = small.build().json();
    let output = Path::new(report["output"].as_str().unwrap());
    let review = output.with_file_name("review");
    let diff = review.join("patched/site-packages/small.py.diff");
    let [before, after] = ["answer = 42\n", "answer = 44\n"].map(Sha256::of);
    assert_eq!(
        fs_err::read_to_string(diff).unwrap(),
        format!(
            "base    sha256:{before}\nresult  sha256:{after}\n\n--- a/site-packages/small.py\n\
             +++ b/site-packages/small.py\n@@ -1 +1 @@\n-answer = 42\n+answer = 44\n"
        )
    );
    let installed = fs_err::read_to_string(review.join("installed.txt")).unwrap();
    for part in ["\nsmall 1.0\n", "  local    .\n", "  files    ", "1 distributions"] {
        assert!(installed.contains(part), "{installed}");
    }
    // Of what is compiled here only the number is said: the compiler comes from a moving suite.
    let sample = sample();
    let output = Path::new(sample["output"].as_str().unwrap());
    let installed = fs_err::read_to_string(output.with_file_name("review/installed.txt")).unwrap();
    let blocks: Vec<&str> = installed.split("\n\n").collect();
    let compiled = |it: &&&str| it.contains("\n  compiled ");
    let names: Vec<&str> =
        blocks.iter().filter(compiled).map(|it| it.split(' ').next().unwrap()).collect();
    assert_eq!(names, ["markupsafe"]);
}

/// Everything that must not matter is different: where the source, the cache and the home are, who
/// builds, in which language and time zone, with which umask, and how many builds run at once.
#[test]
fn another_place_gives_the_same_bytes() {
    let expected = sample();
    let dir = scratch();
    let cache = cli::own_cache(dir.path());
    let (source, home) = (dir.path().join("elsewhere"), dir.path().join("home-of-zaphod"));
    let caches = |path: &Path| path.ends_with("__pycache__");
    copy_tree(&workspace().join("examples/sample"), &source, &caches).unwrap();
    fs_err::create_dir(&home).unwrap();
    let program = builder(workspace(), &cache);
    let ended = end(cli::command("/bin/sh")
        .args(["-c", "umask 077; exec \"$@\"", "sh"])
        .arg(program.get_program())
        .args(program.get_args())
        .args(["--json", "build", "sample", "--rebuild", "--no-out-link", "-j", "1", "--source"])
        .arg(&source)
        .current_dir(dir.path())
        .envs([("HOME", &home), ("TMPDIR", &home)])
        .envs([("USER", "zaphod"), ("LOGNAME", "zaphod"), ("SOURCE_DATE_EPOCH", "1700000000")])
        .envs([("TZ", "Pacific/Chatham"), ("LANG", "tr_TR.UTF-8"), ("PYTHONPATH", "/zaphod")]));
    let report = ended.json();
    assert_eq!(report["cached"], false);
    let same = |file: &str, key: &str| {
        assert_eq!(beside(&report, file)[key], beside(&expected, file)[key], "{key}");
    };
    same("provenance.json", "source");
    same("provenance.json", "built");
    same("manifest.json", "distributions");
    assert_eq!(report["fod-hash"], expected["fod-hash"]);
    assert_eq!(report["output-hash"], expected["output-hash"]);
    let output = Path::new(report["output"].as_str().unwrap());
    let places = [dir.path().to_str().unwrap(), "zaphod", workspace().to_str().unwrap()];
    assert_eq!(holding(output, &places), [""; 0]);
}

#[test]
fn an_output_is_a_plain_venv_at_its_prefix() {
    let report = sample();
    let output = Path::new(report["output"].as_str().unwrap());
    let cache = shared_cache();
    let places = [cache.to_str().unwrap(), workspace().to_str().unwrap()];
    assert_eq!(holding(output, &places), [""; 0]);
    let mut scripts = Vec::new();
    files(&output.join("bin"), &mut scripts);
    assert!(scripts.len() > 8, "{scripts:?}");
    for script in scripts {
        let text = fs_err::read(&script).unwrap();
        let text = String::from_utf8_lossy(&text);
        assert!(!text.contains("PYTHONPATH"), "{}", script.display());
    }
    let manifest = beside(&report, "manifest.json");
    let patched = manifest["patches"].as_array().unwrap();
    assert_eq!(patched.len(), 4);
    for (file, prefixed) in [
        ("sample/root/settings.py", "BASE_DIR = Path(\"/opt/sample\")"),
        ("sample/lib/default.yml", "blueprints_dir: /opt/sample/blueprints"),
        ("sample/stages/email/utils.py", "/opt/sample/web/icons/logo.png"),
        ("sample/admin/files/backends/file.py", "\"/var/lib/sample/data\""),
    ] {
        let path = output.join("lib/python3.14/site-packages").join(file);
        assert!(fs_err::read_to_string(path).unwrap().contains(prefixed), "{file}");
    }
    let mode = |path: &str| fs_err::metadata(output.join(path)).unwrap().permissions().mode();
    for (path, expected) in [("manage.py", 0o755), ("bin/sample", 0o755), ("pyvenv.cfg", 0o644)] {
        assert_eq!(mode(path) & 0o7777, expected, "{path}");
    }
}

#[test]
fn something_runs_in_an_output() {
    let dir = scratch();
    let bind = format!("{}:/srv/here", dir.path().display());
    let run = |arguments: &[&str], command: &[&str]| {
        end(builder(workspace(), &shared_cache())
            .args(["--quiet", "run", "sample"])
            .args(arguments)
            .arg("--")
            .args(command)
            .env("SECRET_OF_THE_CALLER", "hunter2"))
    };
    let script = "import os, sys, django; open('/srv/here/made', 'w').write(os.environ['A'])\n\
        print(os.getcwd(), sys.prefix, 'SECRET_OF_THE_CALLER' in os.environ)\nsys.exit(7)";
    let ended = run(&["--env", "A=b=c", "--bind", &bind], &["python", "-c", script]);
    assert_eq!(ended.code, Some(7), "{ended:?}");
    assert_eq!(ended.stdout, "/opt/sample /opt/sample False\n");
    assert_eq!(fs_err::read_to_string(dir.path().join("made")).unwrap(), "b=c");
    // Console scripts and copied scripts work wherever one is.
    let key = ["--env", "SAMPLE_SECRET_KEY=x"];
    for (line, expected) in [
        ("cd / && sample --help", "Run the sample application."),
        ("cd / && uvicorn --version", "Running uvicorn"),
        ("cd /tmp && /opt/sample/manage.py list_blueprints", "Bootstrap"),
        (
            "cd / && python -c 'import lifecycle.migrate, manage; print(manage.__file__)'",
            "/opt/sample/lib",
        ),
    ] {
        let ended = run(&key, &["sh", "-c", line]);
        assert!(ended.code == Some(0) && ended.stdout.contains(expected), "{line}: {ended:?}");
    }
    for (arguments, expected) in [
        (["--env", "A"], "`K=V`"),
        (["--bind", "/tmp"], "`HOST:INSIDE`"),
        (["--bind", "/tmp:relative"], "`relative`"),
    ] {
        run(&arguments, &["true"]).bad(2, &[expected]);
    }
    assert_eq!(run(&[], &["no-such-program"]).code, Some(127));
}

#[test]
fn a_foreign_platform_is_fetched() {
    let platform = "aarch64-manylinux_2_39";
    let json = shared(&["fetch", "sample", "--platform", platform]).json();
    let [row] = &json["wheelhouses"].as_array().unwrap()[..] else { panic!("{json}") };
    assert!(is_sri(&row["nar-hash"]), "{json}");
    let mut found = Vec::new();
    files(Path::new(row["path"].as_str().unwrap()), &mut found);
    let names: Vec<String> =
        found.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(names.len() as u64, row["files"].as_u64().unwrap());
    assert!(names.iter().any(|name| name.ends_with("_aarch64.whl")), "{names:?}");
    assert!(!names.iter().any(|name| name.contains("x86_64")), "{names:?}");
    let text = end(builder(workspace(), &shared_cache()).args(["fetch", "--platform", platform]));
    assert!(text.good().contains(row["nar-hash"].as_str().unwrap()));
    assert_ne!(row["nar-hash"], sample()["fod-hash"]);
    shared(&["fetch", "sample", "--platform", "x86_64-unknown-linux-musl"])
        .bad(2, &["x86_64-unknown-linux-musl", platform]);
}

/// What is done to a file beside an output or in it.
type Edit = (&'static str, &'static str, fn(&Path));

#[test]
fn an_output_that_was_changed_is_built_anew() {
    let small = Small::new(PLAIN);
    let first = small.build().json();
    assert_eq!((&first["cached"], &small.build().json()["cached"]), (&false.into(), &true.into()));
    let output = Path::new(first["output"].as_str().unwrap());
    let module = "tree/lib/python3.14/site-packages/small.py";
    let overwrite: fn(&Path) = |path| fs_err::write(path, "answer = 43\n").unwrap();
    let remove: fn(&Path) = |path| fs_err::remove_file(path).unwrap();
    let edits: [Edit; 10] = [
        ("other bytes", module, overwrite),
        ("gone", module, remove),
        ("a mode", module, |path| {
            fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }),
        ("a manifest of others", "manifest.json", |path| {
            let text = fs_err::read_to_string(path).unwrap();
            fs_err::write(path, text.replace("\"small\"", "\"large\"")).unwrap();
        }),
        ("no manifest", "manifest.json", remove),
        // As a power failure leaves what was not synced.
        ("a cut review", "review/installed.txt", |path| fs_err::write(path, "").unwrap()),
        ("no review", "review/installed.txt", remove),
        ("a seal of nonsense", "seal.json", overwrite),
        ("another provenance", "provenance.json", overwrite),
        ("no provenance", "provenance.json", remove),
    ];
    for (name, file, edit) in edits {
        edit(&output.with_file_name(file));
        let ended = small.build();
        assert!(ended.stderr.contains("is damaged and is made again"), "{name}: {ended:?}");
        let again = ended.json();
        assert_eq!(
            (&again["cached"], &again["output-hash"]),
            (&false.into(), &first["output-hash"])
        );
        assert_eq!(installed(&again, "small.py"), "answer = 42\n", "{name}");
    }
}

/// An error of the machine says nothing about what is stored.
#[test]
fn an_output_that_cannot_be_read_stays() {
    let small = Small::new(PLAIN);
    let first = small.build().json();
    let output = Path::new(first["output"].as_str().unwrap());
    for file in ["seal.json", "manifest.json", "review", "tree"] {
        let (file, good) = (output.with_file_name(file), output.with_file_name("good"));
        fs_err::rename(&file, &good).unwrap();
        // A circle cannot be read by anybody.
        std::os::unix::fs::symlink(&file, &file).unwrap();
        small.build().bad(1, &["cannot read the stored output", "--rebuild"]);
        fs_err::remove_file(&file).unwrap();
        fs_err::rename(&good, &file).unwrap();
        assert_eq!(small.build().json()["cached"], true);
    }
}

#[test]
fn checks_can_fail_and_then_nothing_is_published() {
    let child = "import subprocess, sys\nsys.exit(subprocess.run([sys.executable, '-c', \
        'import small; assert small.answer == 43']).returncode)";
    let child = serde_json::to_string(child).unwrap();
    let cases: [(&str, &str, &[&str]); 4] = [
        (
            "a command",
            "[[check.run]]\nname = \"the answer\"\n\
             command = [\"python\", \"-c\", \"raise SystemExit('41')\"]",
            &["the answer", "41"],
        ),
        (
            "a child",
            &format!("[[check.run]]\nname = \"children\"\ncommand = [\"python\", \"-c\", {child}]"),
            &["children", "AssertionError"],
        ),
        (
            "an import",
            "[check]\nimports = [\"small\", \"absent\"]",
            &["import absent", "ModuleNotFoundError"],
        ),
        ("a name that is not", "[check.skip-scripts]\nghost = \"none\"", &["`ghost`"]),
    ];
    for (name, rule, parts) in cases {
        let small = Small::new(PLAIN);
        small.append("recipes/small.toml", rule);
        let ended = small.build();
        assert!(matches!(ended.code, Some(1 | 2)), "{name}: {ended:?}");
        ended.bad(ended.code.unwrap(), parts);
        assert_eq!(small.entries("outputs"), [""; 0].map(PathBuf::from), "{name}");
        assert!(!small.path("result").exists(), "{name}");
        // It is built without the checks, and not taken for checked afterwards.
        if name != "a name that is not" {
            let mut unchecked = small.builder(&["--json", "build", "small", "--no-checks"]);
            let report = end(&mut unchecked).json();
            assert_eq!(report["checked"], false);
            assert_eq!(beside(&report, "provenance.json")["checked"], Value::Null);
            fs_err::remove_file(small.path("result")).unwrap();
            small.build().bad(1, parts);
        }
        // The same check holds where it should.
        small.replace("app/act.py", "42", "43");
        if name == "a child" {
            assert_eq!(small.build().json()["cached"], false);
        }
    }
}

/// What unpacks to more than is held in memory is unpacked on the disk.
#[test]
fn a_large_wheel_is_installed_like_a_small_one() {
    let small = Small::new(
        "def act():\n    return {'small.py': 'answer = 42\\n', 'large': 'lockstep' * (33 << 20)}\n",
    );
    let report = small.build().json();
    let large = Path::new(report["output"].as_str().unwrap()).join(SITE_PACKAGES).join("large");
    assert_eq!(fs_err::metadata(large).unwrap().len(), 8 * (33 << 20));
    let names: Vec<_> = sorted_entries(Path::new(report["output"].as_str().unwrap())).unwrap();
    let names: Vec<_> = names.iter().map(|it| it.file_name().into_string().unwrap()).collect();
    assert_eq!(names, ["bin", "lib", "lib64", "pyvenv.cfg"]);
}

/// A tree of the developer's is copied once for each content it has had; who works on in it
/// disturbs no build, and a damaged copy is not used.
#[test]
fn the_source_is_kept_by_its_content() {
    let small = Small::new(PLAIN);
    let kept = || {
        let entries = sorted_entries(&small.cache.join("sources")).unwrap();
        let trees = entries.iter().filter(|it| it.path().join("uv.lock").is_file());
        trees.map(fs_err::DirEntry::path).collect::<Vec<_>>()
    };
    let first = small.build().json();
    let [tree] = &kept()[..] else { panic!("{:?}", kept()) };
    // What no build sees does not make another tree of it.
    fs_err::create_dir(small.path("app/.venv")).unwrap();
    fs_err::write(small.path("app/.venv/file"), "anything").unwrap();
    assert_eq!(small.build().json()["cached"], true);
    assert_eq!(kept(), std::slice::from_ref(tree));
    fs_err::write(tree.join("act.py"), PLAIN.replace("42", "666")).unwrap();
    let ended = end(&mut small.builder(&["--json", "build", "small", "--no-cache"]));
    assert!(ended.stderr.contains("is damaged"), "{ended:?}");
    assert_eq!(ended.json()["output-hash"], first["output-hash"]);
    assert_eq!(kept(), std::slice::from_ref(tree));
    small.replace("app/act.py", "42", "43");
    let second = small.build().json();
    assert_eq!(installed(&second, "small.py"), "answer = 43\n");
    assert_eq!(kept().len(), 2);
}
