//! Projects whose version and package data come from git: their builds have no `.git`, and make
//! what `uv sync --frozen --no-editable` installs of the same tree with one (tried, uv 0.13.9).

use std::collections::BTreeSet;
use std::path::Path;

use base::sys::env::Environment;
use base::sys::files::sorted_entries;
use base::sys::process::Process;

use crate::cli::{Small, end, installed};

const RECIPE: &str = "recipes/small.toml";

/// `small` as a project of a real backend, with files below `app/`; nothing is locked for its
/// build yet. `build_system` is the text of `requires` and `build-backend`.
fn project(build_system: &str, tables: &str, files: &[(&str, &str)]) -> Small {
    let small = Small::new("");
    for file in ["app/act.py", "app/backend.py", "recipes/small.build-lock.toml"] {
        fs_err::remove_file(small.path(file)).unwrap();
    }
    write(&small, "app", files);
    small.write(
        "app/pyproject.toml",
        &format!(
            "[project]\nname = \"small\"\ndynamic = [\"version\"]\nrequires-python = \"==3.14.*\"\n\
             [build-system]\n{build_system}\n{tables}\n"
        ),
    );
    small.replace("app/uv.lock", "version = \"1.0\"\nsource", "source");
    small
}

fn write(small: &Small, below: &str, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = small.path(below).join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }
}

fn git(dir: &Path, words: &[&str]) -> String {
    let git = Environment::capture().find_program("git").unwrap();
    let mut process = Process::new(git).current_dir(dir).args(["-c", "protocol.file.allow=always"]);
    for who in ["GIT_AUTHOR", "GIT_COMMITTER"] {
        let (name, mail) = (format!("{who}_NAME"), format!("{who}_EMAIL"));
        process = process.env(&name, "x").env(&mail, "x@y.example");
    }
    process.args(words).stdout().unwrap().trim().to_owned()
}

/// The tests' build requirements are those of one day.
const LOCK: [&str; 4] = ["build-lock", "small", "--exclude-newer", "2026-11-01"];

/// The files of a package in the output, relative.
fn files(report: &serde_json::Value, package: &str) -> BTreeSet<String> {
    fn collect(dir: &Path, below: &str, found: &mut BTreeSet<String>) {
        for entry in sorted_entries(dir).unwrap() {
            let name = format!("{below}{}", entry.file_name().to_str().unwrap());
            if entry.path().is_dir() {
                collect(&entry.path(), &format!("{name}/"), found);
            } else {
                found.insert(name);
            }
        }
    }
    let output = Path::new(report["output"].as_str().unwrap());
    let mut found = BTreeSet::new();
    let package = output.join("lib/python3.14/site-packages").join(package);
    collect(&package, "", &mut found);
    found
}

const SCM: &str = "requires = [\"setuptools>=80\", \"setuptools-scm>=8,<11\"]\n\
                   build-backend = \"setuptools.build_meta\"";
const SCM_TABLES: &str =
    "[tool.setuptools.packages.find]\nwhere = [\"src\"]\n[tool.setuptools_scm]";

/// The package of the tests with setuptools-scm: what is tracked, and what is not to be installed.
const PACKAGE: [(&str, &str); 8] = [
    ("src/small/__init__.py", ""),
    ("src/small/data.txt", "data"),
    ("src/small/deep/more.bin", "more"),
    ("src/small/secret.txt", "export-ignore"),
    ("src/small/drafts/a.txt", "export-ignore"),
    (".gitattributes", "secret.txt export-ignore\ndrafts/ export-ignore\n"),
    ("shared/common.txt", "common"),
    ("README.md", "outside of the package"),
];

fn package() -> Small {
    let small = project(SCM, SCM_TABLES, &PACKAGE);
    std::os::unix::fs::symlink("../../shared/common.txt", small.path("app/src/small/linked.txt"))
        .unwrap();
    small
}

const INSTALLED: [&str; 4] = ["__init__.py", "data.txt", "deep/more.bin", "linked.txt"];

/// Nobody tells the version; the recipe does; then what git tracks is installed, whether there is a
/// `.git` or not.
#[test]
fn a_local_project_has_the_package_data_that_git_tracks() {
    let small = package();
    let parts = [
        "`small` takes its version from git, and builds see no `.git`",
        "setuptools-scm",
        "`override.small.build.version`",
    ];
    end(&mut small.builder(&LOCK)).bad(2, &parts);
    small.append(RECIPE, "[override.small.build]\nversion = \"3.1.1\"\n");
    end(&mut small.builder(&LOCK)).good();
    let report = small.build().json();
    assert!(installed(&report, "small-3.1.1.dist-info/METADATA").contains("\nVersion: 3.1.1\n"));
    let expected: BTreeSet<String> = INSTALLED.map(str::to_owned).into();
    assert_eq!(files(&report, "small"), expected);

    // A working tree: what git does not track is not installed, and makes no other wheel.
    let app = small.path("app");
    git(&app, &["init", "-q"]);
    git(&app, &["add", "-A"]);
    small.write("app/src/small/untracked.txt", "");
    let again = small.build().json();
    assert_eq!(files(&again, "small"), expected);
    assert_eq!(again["output-hash"], report["output-hash"]);
    git(&app, &["add", "-A"]);
    let more = small.build().json();
    let names: BTreeSet<String> =
        expected.iter().cloned().chain(["untracked.txt".into()]).collect();
    assert_eq!(files(&more, "small"), names);
    // Who works there without git cannot be told apart from who has nothing tracked.
    let nothing = small.path("nothing");
    fs_err::create_dir(&nothing).unwrap();
    let mut build = small.builder(&["build", "small"]);
    small.write("app/src/small/new.txt", "");
    let parts = ["cannot list the files of the source tree that git tracks", "no `git` on `PATH`"];
    end(build.env("PATH", &nothing)).bad(1, &parts);
}

/// The version is the lock's, the files are those of the commit.
#[test]
fn a_git_source_has_the_version_of_the_lock() {
    let small = project("requires = []\nbuild-backend = \"x\"", "[tool.uv]\npackage = false", &[]);
    small.replace("app/uv.lock", "editable", "virtual");
    let other = small.path("other");
    write(&small, "other", &PACKAGE);
    let pyproject = format!(
        "[project]\nname = \"other\"\ndynamic = [\"version\"]\n[build-system]\n{SCM}\n{SCM_TABLES}\n\
         fallback_version = \"0.0\"\n"
    );
    write(&small, "other", &[("pyproject.toml", &pyproject)]);
    fs_err::rename(other.join("src/small"), other.join("src/other")).unwrap();
    git(&other, &["init", "-q", "-b", "main"]);
    git(&other, &["add", "-A"]);
    git(&other, &["commit", "-q", "-m", "one"]);
    git(&other, &["tag", "v1.4.2"]);
    let commit = git(&other, &["rev-parse", "HEAD"]);
    small.append(
        "app/uv.lock",
        &format!(
            "dependencies = [{{ name = \"other\" }}]\n\n[[package]]\nname = \"other\"\n\
             version = \"1.4.2\"\n\
             source = {{ git = \"file://{}?tag=v1.4.2#{commit}\" }}\n",
            other.display()
        ),
    );
    small.append(RECIPE, "[project]\ndependencies-only = true\n");
    end(&mut small.builder(&LOCK)).good();
    let report = small.build().json();
    assert!(installed(&report, "other-1.4.2.dist-info/METADATA").contains("\nVersion: 1.4.2\n"));
    let expected = ["__init__.py", "data.txt", "deep/more.bin"].map(str::to_owned);
    assert_eq!(files(&report, "other"), expected.into());

    // What the project itself tells, in whatever name, counts.
    small.append(
        "app/pyproject.toml",
        "[tool.uv.extra-build-variables.other]\nSETUPTOOLS_SCM_PRETEND_VERSION_FOR_OTHER = \"9\"\n",
    );
    end(&mut small.builder(&LOCK)).good();
    small.build().bad(1, &["the build of `other` did not make its wheel", "other-9-"]);
}

/// A build requirement and a backend, tables, and a file of its own.
type Row = (&'static str, &'static str, &'static str);

#[rustfmt::skip]
const ROWS: [Row; 7] = [
    ("\"hatchling\", \"hatch-vcs\"", "hatchling.build", "[tool.hatch.version]\nsource = \"vcs\"\nfallback-version = \"0.0\""),
    ("\"hatchling\", \"uv-dynamic-versioning\"", "hatchling.build", "[tool.hatch.version]\nsource = \"uv-dynamic-versioning\""),
    ("\"pdm-backend\"", "pdm.backend", "[tool.pdm.version]\nsource = \"scm\"\nfallback_version = \"0.0\""),
    ("\"setuptools>=80\", \"setuptools-git-versioning\"", "setuptools.build_meta", "[tool.setuptools-git-versioning]\nenabled = true"),
    ("\"setuptools>=80\", \"versioningit\"", "setuptools.build_meta", "[tool.versioningit]\ndefault-version = \"0.0\""),
    ("\"setuptools>=80\", \"setuptools-scm<9\"", "setuptools.build_meta", "[tool.setuptools_scm]\nversion_file = \"small/_version.py\""),
    ("\"poetry-core>=2\", \"poetry-dynamic-versioning>=1.8\"", "poetry_dynamic_versioning.backend", "[tool.poetry]\nversion = \"0.0.0\"\n[tool.poetry-dynamic-versioning]\nenable = true"),
];

#[test]
fn every_tool_that_asks_git_is_told() {
    std::thread::scope(|scope| {
        for row in ROWS {
            scope.spawn(move || is_told(row));
        }
    });
}

#[track_caller]
fn is_told((requires, backend, tables): Row) {
    let build_system = format!("requires = [{requires}]\nbuild-backend = \"{backend}\"");
    let small = project(&build_system, tables, &[("small/__init__.py", "")]);
    let untold = ["takes its version from git", "`override.small.build.version`"];
    end(&mut small.builder(&LOCK)).bad(2, &untold);
    small.append(RECIPE, "[override.small.build]\nversion = \"1.2.4.dev3+g1a2b3c4\"\n");
    end(&mut small.builder(&LOCK)).good();
    let report = small.build().json();
    let metadata = installed(&report, "small-1.2.4.dev3+g1a2b3c4.dist-info/METADATA");
    assert!(metadata.contains("\nVersion: 1.2.4.dev3+g1a2b3c4\n"), "{requires}: {metadata}");
}

/// What cannot be told is refused, and so is a version that nobody asks for.
#[test]
fn who_cannot_be_told_is_named() {
    let build_system = "requires = [\"setuptools>=80\"]\nbuild-backend = \"setuptools.build_meta\"";
    let version = "[override.small.build]\nversion = \"1.0\"\n";
    for (setup, recipe, parts) in [
        ("import versioneer\n", "", ["built by `versioneer`, which asks git", "build.patch"]),
        ("import versioneer\n", version, ["built by `versioneer`, which asks git", "build.patch"]),
        ("setup(setup_requires=['pbr'], pbr=True)\n", "", ["built by `pbr`", "build.patch"]),
        ("", version, ["`override.small.build.version` changes nothing", "hint: remove it"]),
    ] {
        let small = project(build_system, "", &[("setup.py", setup)]);
        small.append(RECIPE, recipe);
        end(&mut small.builder(&LOCK)).bad(2, &parts);
    }
}
