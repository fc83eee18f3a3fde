//! From where build requirements come: as uv's own builds have it, which each expectation here was
//! tried with (`uv sync --frozen --no-editable`, uv 0.13.9).

use std::process::Command;

use base::vocabulary::Sha256;
use serde_json::Value;

use crate::cli::{Ended, Small, end, installed};
use crate::index::{Index, SEEN, Sdist};
use crate::server::Server;

const BUILD_LOCK: &str = "recipes/small.build-lock.toml";

/// `small`, whose wheel lists what its build environment had.
pub(crate) fn small(requires: &str, tables: &str) -> Small {
    let small = Small::new(&format!("NAME = 'small'\n{SEEN}"));
    small.replace("app/pyproject.toml", "requires = []", &format!("requires = {requires}"));
    small.append("app/pyproject.toml", tables);
    fs_err::remove_file(small.path(BUILD_LOCK)).unwrap();
    small
}

/// The binary with an index as uv's default one.
pub(crate) fn with(small: &Small, words: &[&str], index: &str) -> Command {
    let mut command = small.builder(words);
    command.env("UV_DEFAULT_INDEX", index).env("UV_NO_CONFIG", "1");
    command
}

/// Locks and builds; what each build environment had, as JSON, by the name of the build.
#[track_caller]
pub(crate) fn build(small: &Small, index: &str) -> Value {
    end(&mut with(small, &["build-lock", "small"], index)).good();
    end(&mut with(small, &["--json", "build", "small", "--locked"], index)).json()
}

#[track_caller]
pub(crate) fn seen(report: &Value, name: &str) -> Value {
    serde_json::from_str(&installed(report, &format!("{name}.json"))).unwrap()
}

pub(crate) fn lock(small: &Small) -> String {
    fs_err::read_to_string(small.path(BUILD_LOCK)).unwrap()
}

/// A runtime dependency of `small` that is a source distribution of an index.
pub(crate) fn depend(
    small: &Small,
    sdist: &Sdist<'_>,
    (url, digest): &(String, Sha256),
    index: &str,
) {
    let Sdist { name, version, .. } = sdist;
    small.append(
        "app/uv.lock",
        &format!(
            "dependencies = [{{ name = \"{name}\" }}]\n\n[[package]]\nname = \"{name}\"\n\
             version = \"{version}\"\nsource = {{ registry = \"{index}\" }}\n\
             sdist = {{ url = \"{url}\", hash = \"sha256:{digest}\" }}\n"
        ),
    );
}

/// Another project of the same name on the public index must never be taken.
#[test]
fn the_projects_index_comes_before_the_ambient_one() {
    let server = Server::start();
    let (corp, public) = (Index::new(&server, "/corp"), Index::new(&server, "/public"));
    corp.wheel("tool", "1.0", &["helper"]);
    corp.wheel("helper", "1.0", &[]);
    public.wheel("tool", "9.0", &[]);
    public.wheel("helper", "9.0", &[]);
    let index = format!("[[tool.uv.index]]\nname = \"corp\"\nurl = \"{}\"\n", corp.url());
    let small = small("['tool']", &index);
    let report = build(&small, &public.url());
    assert_eq!(seen(&report, "small"), serde_json::json!({ "tool": "1.0", "helper": "1.0" }));
    // In other words of uv's.
    for words in [
        format!("[tool.uv]\nextra-index-url = [\"{}\"]\n", corp.url()),
        format!(
            "[tool.uv]\nfind-links = [\"{0}/tool/\", \"{0}/helper/\"]\nno-index = true",
            corp.url()
        ),
    ] {
        let own = fs_err::read_to_string(small.path("app/pyproject.toml")).unwrap();
        let own = own.split("\n[[tool").next().unwrap().split("\n[tool").next().unwrap();
        small.write("app/pyproject.toml", &format!("{own}\n{words}"));
        end(&mut with(&small, &["build-lock", "small"], &public.url())).good();
        assert!(lock(&small).contains("\"tool==1.0\""), "{words}: {}", lock(&small));
    }
}

/// The other way round: every index is asked, and the best version wins, if the project says so.
#[test]
fn the_projects_strategy_and_default_index_count() {
    let server = Server::start();
    let (corp, public) = (Index::new(&server, "/corp"), Index::new(&server, "/public"));
    corp.wheel("tool", "1.0", &[]);
    public.wheel("tool", "9.0", &[]);
    let index = |key: &str| format!("[[tool.uv.index]]\nurl = \"{}\"\n{key}\n", corp.url());
    for (table, expected) in [
        (format!("[tool.uv]\nindex-strategy = 'unsafe-best-match'\n{}", index("")), "9.0"),
        (index("default = true"), "9.0"),
        (index("explicit = true\nname = 'c'"), "9.0"),
    ] {
        let small = small("['tool']", &table);
        end(&mut with(&small, &["build-lock", "small"], &public.url())).good();
        assert!(
            lock(&small).contains(&format!("\"tool=={expected}\"")),
            "{table}: {}",
            lock(&small)
        );
    }
    // Where nothing in the environment says another one, the project's default is the default.
    let small = small("['tool']", &index("default = true"));
    end(small.builder(&["build-lock", "small"]).env("UV_NO_CONFIG", "1")).good();
    assert!(lock(&small).contains("\"tool==1.0\""), "{}", lock(&small));
}

/// `[tool.uv.sources]` chooses an explicit index, also for what the backend asks for when it is
/// asked; what has no source comes from elsewhere. The index wants a password.
#[test]
fn a_source_chooses_an_explicit_index() {
    let server = Server::start();
    let (corp, public) = (Index::new(&server, "/corp"), Index::new(&server, "/public"));
    for index in [&corp, &public] {
        let version = if index.url() == corp.url() { "1.0" } else { "9.0" };
        for name in ["asked", "tool", "other"] {
            index.wheel(name, version, &[]);
        }
    }
    let tables = format!(
        "[tool.uv.sources]\ntool = {{ index = \"corp\" }}\nasked = [{{ index = \"corp\" }}]\n\
         [[tool.uv.index]]\nname = \"corp\"\nurl = \"{}\"\nexplicit = true\n",
        corp.url()
    );
    let small = small("['tool', 'other']", &tables);
    small.append("app/act.py", "ASKS = ['asked']\n");
    let words: [&[&str]; 2] = [&["build-lock", "small"], &["--json", "build", "small", "--locked"]];
    let ended = words.map(|words| {
        end(with(&small, words, &public.url())
            .envs([("UV_INDEX_CORP_USERNAME", "me"), ("UV_INDEX_CORP_PASSWORD", "word")]))
    });
    let [locked, built] = ended;
    locked.good();
    let expected = serde_json::json!({ "tool": "1.0", "asked": "1.0", "other": "9.0" });
    assert_eq!(seen(&built.json(), "small"), expected);
    let asked = server.seen("/corp/tool/");
    assert!(asked.iter().all(|seen| seen.headers.contains_key("authorization")), "{asked:?}");
    assert!(!lock(&small).contains("word"), "{}", lock(&small));
    // What was locked for other sources is not built with.
    small.replace("app/pyproject.toml", "asked = [{ index = \"corp\" }]\n", "");
    let stale = end(&mut with(&small, &["build", "small"], &public.url()));
    stale.bad(1, &["the build lock does not fit", "asked", "build-lock"]);
}

/// A source distribution of an index has its own sources with its own index, as uv has it, and not
/// those of the project, whose `extra-build-dependencies` have the project's.
#[test]
fn a_source_distribution_has_its_own_sources() {
    let server = Server::start();
    let [own, corp, public] = ["/own", "/corp", "/public"].map(|path| Index::new(&server, path));
    for (index, version) in [(&own, "3.0"), (&corp, "1.0"), (&public, "9.0")] {
        for name in ["tool", "helper", "extra"] {
            index.wheel(name, version, &[]);
        }
    }
    let tables = format!(
        "[tool.uv.sources]\ntool = {{ index = \"mine\" }}\n[[tool.uv.index]]\nname = \"mine\"\n\
         url = \"{}\"\n",
        own.url()
    );
    let kern = Sdist {
        name: "kern",
        version: "1.0",
        requires: &["tool", "helper"],
        tables: &tables,
        ..Sdist::default()
    };
    let small = small(
        "[]",
        &format!(
            "[tool.uv]\nextra-build-dependencies = {{ kern = ['extra'] }}\n[tool.uv.sources]\n\
             helper = {{ index = \"corp\" }}\nextra = {{ index = \"corp\" }}\n[[tool.uv.index]]\n\
             name = \"corp\"\nurl = \"{}\"\nexplicit = true\n",
            corp.url()
        ),
    );
    depend(&small, &kern, &public.sdist(&kern), &public.url());
    let report = build(&small, &public.url());
    let expected = serde_json::json!({ "tool": "3.0", "helper": "9.0", "extra": "1.0" });
    assert_eq!(seen(&report, "kern"), expected);
}

/// A source that a foreign tree names is a file of this machine.
#[test]
fn a_foreign_tree_names_no_file_of_this_machine() {
    let server = Server::start();
    let public = Index::new(&server, "/public");
    public.wheel("tool", "9.0", &[]);
    for source in ["{ path = \"/etc\" }", "{ workspace = true }", "{ git = \"file:///etc\" }"] {
        let tables = format!("[tool.uv.sources]\ntool = {source}\n");
        let kern = Sdist {
            name: "kern",
            version: "1.0",
            requires: &["tool"],
            tables: &tables,
            ..Sdist::default()
        };
        let small = small("[]", "");
        depend(&small, &kern, &public.sdist(&kern), &public.url());
        let ended = end(&mut with(&small, &["build-lock", "small"], &public.url()));
        ended.bad(1, &["cannot lock `tool`", "`kern`", "override.kern.build.requires"]);
    }
}

/// The bound does not empty an index that has no dates; it holds for the others.
#[test]
fn an_index_without_dates_has_no_bound() {
    let server = Server::start();
    let corp = Index::new(&server, "/corp");
    let public = Index::dated(&server, "/public", "2024-01-01T00:00:00Z");
    let newer = Index::dated(&server, "/newer", "2026-01-01T00:00:00Z");
    corp.wheel("tool", "1.0", &["deep"]);
    corp.wheel("deep", "1.0", &[]);
    public.wheel("plain", "1.0", &[]);
    newer.wheel("plain", "2.0", &[]);
    let index = |index: &Index<'_>| format!("[[tool.uv.index]]\nurl = \"{}\"\n", index.url());
    let strategy = "[tool.uv]\nindex-strategy = 'unsafe-best-match'\n";
    let small = small("['plain', 'tool']", &[strategy, &index(&corp), &index(&newer)].concat());
    small.append("recipes/small.toml", "[build-lock]\nexclude-newer = '2025-01-01'\n");
    let ended = end(&mut with(&small, &["build-lock", "small"], &public.url()));
    let told = ended.stderr.matches("does not say when files were uploaded").count();
    assert_eq!(told, 1, "{}", ended.stderr);
    ended.good();
    let lock = lock(&small);
    for part in ["\"tool==1.0\"", "\"deep==1.0\"", "\"plain==1.0\""] {
        assert!(lock.contains(part), "{part}: {lock}");
    }
}

/// A build requirement that only another one needs is on an index without dates.
#[test]
fn an_index_without_dates_is_found_behind_others() {
    let server = Server::start();
    let corp = Index::new(&server, "/corp");
    let public = Index::dated(&server, "/public", "2024-01-01T00:00:00Z");
    public.wheel("tool", "1.0", &["deep"]);
    corp.wheel("deep", "1.0", &[]);
    let small = small("['tool']", &format!("[[tool.uv.index]]\nurl = \"{}\"\n", corp.url()));
    small.append("recipes/small.toml", "[build-lock]\nexclude-newer = '2025-01-01'\n");
    end(&mut with(&small, &["build-lock", "small"], &public.url())).good();
    assert!(lock(&small).contains("\"deep==1.0\""), "{}", lock(&small));
}

/// What cannot be resolved says who asks for what, and what bounds it.
#[test]
fn a_conflict_says_who_asks_and_which_key_helps() {
    let server = Server::start();
    let public = Index::dated(&server, "/public", "2026-01-01T00:00:00Z");
    public.wheel("tool", "1.0", &[]);
    let small = small("['tool>=1']", "[tool.uv]\nbuild-constraint-dependencies = ['tool<1']\n");
    let run = |small: &Small| end(&mut with(small, &["build-lock", "small"], &public.url()));
    run(&small).bad(
        1,
        &[
            "cannot resolve the build requirements of `small`",
            "tool>=1  (its `[build-system] requires`)",
            "tool<1  (the project's `[tool.uv] build-constraint-dependencies`)",
            "override.small.build.requires",
        ],
    );
    small.replace("app/pyproject.toml", "build-constraint-dependencies = ['tool<1']", "");
    small.append("recipes/small.toml", "[build-lock]\nexclude-newer = '2025-01-01'\n");
    run(&small).bad(
        1,
        &["up to", "`build-lock.exclude-newer` of the recipe", "hint: `build-lock.exclude-newer`"],
    );
}

/// uv looks for no Python and downloads none, whatever the machine has.
#[test]
fn no_python_is_looked_for() {
    let server = Server::start();
    let public = Index::new(&server, "/public");
    public.wheel("tool", "1.0", &[]);
    let small = small("['tool']", "");
    // Brings toolchain and uv, for which pip may be needed.
    end(&mut small.builder(&["shell", "small", "--", "true"])).good();
    let home = small.path("home");
    fs_err::create_dir(&home).unwrap();
    let mirror = server.url("/python");
    let ended = end(with(&small, &["build-lock", "small"], &public.url())
        .env("HOME", &home)
        .env("PATH", "/nowhere")
        .envs([("UV_PYTHON_DOWNLOADS", "automatic"), ("UV_PYTHON_INSTALL_MIRROR", &mirror)]));
    ended.good();
    assert!(!home.join(".local/share/uv").exists());
}

/// A build lock that is missing is made, unless that is forbidden.
#[test]
fn a_missing_build_lock_is_made_and_said() {
    let server = Server::start();
    let public = Index::new(&server, "/public");
    public.wheel("tool", "1.0", &[]);
    let small = small("['tool']", "");
    let build = |words: &[&str]| end(&mut with(&small, words, &public.url()));
    let forbidden = build(&["build", "small", "--locked"]);
    forbidden.bad(6, &["no build lock", "--locked"]);
    assert!(!small.path(BUILD_LOCK).exists());
    let made: Ended = build(&["--json", "build", "small"]);
    assert!(made.stderr.contains("wrote the missing build lock"), "{}", made.stderr);
    assert_eq!(seen(&made.json(), "small"), serde_json::json!({ "tool": "1.0" }));
    build(&["build-lock", "small", "--check"]).good();
}
