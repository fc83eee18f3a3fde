//! Real Nix builds with `nix/`: the wheelhouse as a fixed output under the golden hash, and the
//! application from it. Nix has a store of the test's own and its sandbox is on.
//!
//! In CI the builder is the program linked statically (`LOCKSTEP_STATIC`), for which the sandbox is
//! empty. Elsewhere it is the one that cargo built for the tests, which needs the machine's linker.

use std::path::{Path, PathBuf};

use base::nar::{Content, STORE, hash_path, store_path};
use base::packaging::distribution_of;
use base::sys::env::Environment;
use base::vocabulary::Sha256;
use serde_json::Value;
use tempfile::TempDir;

use crate::cli::{Ended, builder, command, end, scratch, shared_cache, workspace};
use crate::serve::sample_root;
use crate::server::{Reply, Server};

const PLATFORM: &str = "x86_64-manylinux_2_39";
const TARGET: &str = "cp314-x86_64-manylinux_2_39";

/// What the dynamic program needs of the machine.
const LINKER: &str = "/lib64/ld-linux-x86-64.so.2 /lib/x86_64-linux-gnu";

/// Nix with a store of its own.
struct Nix {
    dir: TempDir,
    program: PathBuf,
    sandbox_paths: &'static str,
    index: String,
    /// Whether paths are those of `/nix/store`, wherever the store is. Else nothing can be built.
    moved: bool,
}

impl Nix {
    /// `None` where Nix is not installed.
    fn new(index: &str) -> Option<Self> {
        let environment = Environment::capture();
        let in_ci = environment.get("CI") == Some("true");
        if environment.find_program("nix-build").is_none() {
            assert!(!in_ci, "`nix-build` is not on PATH; `.ci/run` installs nix-bin");
            eprintln!("left out: `nix-build` is not on PATH");
            return None;
        }
        let linked = environment.get("LOCKSTEP_STATIC").map(PathBuf::from);
        assert!(linked.is_some() || !in_ci, "`LOCKSTEP_STATIC` names no static program");
        let sandbox_paths = if linked.is_some() { "" } else { LINKER };
        let program = linked.unwrap_or_else(|| env!("CARGO_BIN_EXE_lockstep").into());
        Some(Self { dir: scratch(), program, sandbox_paths, index: index.to_owned(), moved: true })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs a program of Nix with the test's store.
    fn run(&self, program: &str, arguments: &[&str]) -> Ended {
        let environment = Environment::capture();
        let mut nix = command(environment.find_program(program).unwrap());
        let config = format!(
            "build-users-group =\nsubstituters =\nsandbox = true\nsandbox-fallback = false\n\
             experimental-features = nix-command flakes\nextra-sandbox-paths = {}\n",
            self.sandbox_paths
        );
        nix.env("NIX_CONFIG", config);
        if self.moved {
            nix.env("NIX_REMOTE", self.dir.path());
        } else {
            nix.env("NIX_STORE_DIR", self.path("store")).env("NIX_STATE_DIR", self.path("state"));
            nix.env("NIX_LOG_DIR", self.path("log")).env("NIX_REMOTE", "local");
        }
        nix.env("HOME", self.dir.path()).env("UV_DEFAULT_INDEX", &self.index);
        end(nix.args(arguments))
    }

    /// Builds an expression in which `lib` is the library, `program` ours and `uv` the pinned one.
    fn build(&self, expression: &str) -> Ended {
        let [cache, library] = [shared_cache(), workspace().join("nix")];
        let uv = cache.join("uv").join(single(&cache.join("uv"))).join("bin/uv");
        let given = |path: &Path, name: &str| {
            format!("\"${{builtins.path {{ path = {}; name = \"{name}\"; }}}}\"", path.display())
        };
        let text = format!(
            "let program = {}; uv = {}; system = \"x86_64-linux\";\n\
             lib = import {} {{ inherit system program; }};\nin {expression}",
            given(&self.program, "lockstep"),
            given(&uv, "uv"),
            library.display()
        );
        let file = self.path("expression.nix");
        fs_err::write(&file, text).unwrap();
        self.run("nix-build", &["--no-out-link", file.to_str().unwrap()])
    }

    /// Where a store path is on the machine.
    fn real(&self, path: &str) -> PathBuf {
        self.dir.path().join(&path[1..])
    }

    /// What Nix knows of a store path.
    fn info(&self, path: &str) -> Value {
        let all = self.run("nix", &["path-info", "--json", path]).json();
        all[0].clone()
    }
}

/// The name of the only entry whose name is a digest.
fn single(dir: &Path) -> String {
    let entries = base::sys::files::sorted_entries(dir).unwrap();
    let names = entries.iter().map(|it| it.file_name().to_string_lossy().into_owned());
    let mut names = names.filter(|it| it.parse::<Sha256>().is_ok());
    names.next().unwrap()
}

fn ledger() -> toml::Table {
    let text = fs_err::read_to_string(workspace().join("golden/sample.toml")).unwrap();
    let mut ledger: toml::Table = toml::from_str(&text).unwrap();
    let mut targets = ledger.remove("target").unwrap().as_table().unwrap().clone();
    targets.remove(TARGET).unwrap().as_table().unwrap().clone()
}

fn golden() -> Sha256 {
    ledger()["nar-hash"].as_str().unwrap().parse().unwrap()
}

/// An index on loopback that has the sample's files.
fn index() -> Server {
    let cache = shared_cache();
    let mut fetch = builder(workspace(), &cache);
    end(fetch.args(["--quiet", "fetch", "sample", "--platform", PLATFORM])).good();
    let server = Server::start();
    for entry in ledger()["entries"].as_array().unwrap() {
        let (path, sha256) = (entry["path"].as_str().unwrap(), entry["sha256"].as_str().unwrap());
        let (_, name) = path.rsplit_once('/').unwrap();
        let file = fs_err::read(cache.join("files").join(sha256).join(name)).unwrap();
        server.set(&format!("/files/{name}"), Reply::File(file));
        let page = format!("<a href='/files/{name}#sha256={sha256}'>{name}</a>");
        let (project, _) = distribution_of(name).unwrap();
        let url = format!("/simple/{project}/");
        server.set(&url, Reply::Page("text/html", page));
    }
    server
}

/// The sample's recipe, lock and ledger in a workspace of the test's own.
fn copy_of_sample(into: &Path) {
    for path in ["examples/sample", "recipes", "golden"] {
        base::sys::files::copy_tree(&workspace().join(path), &into.join(path), &|_| false).unwrap();
    }
}

fn wheelhouse(root: &Path, more: &str) -> String {
    // Nothing of a toolchain is needed to fetch.
    format!(
        "(lib.mkApplication {{ recipe = {}/recipes/sample.toml; toolchain = null; inherit uv; \
         {more} }}).wheelhouse",
        root.display()
    )
}

#[test]
fn nix_fetches_the_golden_wheelhouse_and_refuses_others() {
    let server = index();
    let Some(nix) = Nix::new(&server.url("/simple")) else { return };
    let built = nix.build(&wheelhouse(workspace(), "")).good();
    let path = built.trim();
    // Its path is known before, and Nix found no other store path in it.
    let (_, name) = path.strip_prefix(STORE).unwrap().split_once('-').unwrap();
    assert_eq!(path, store_path(STORE, Content::Recursive(golden()), name).unwrap());
    let mut print = builder(workspace(), &shared_cache());
    let printed = end(print.args(["--json", "nix", "print", "sample"])).json();
    let rows = printed["wheelhouses"].as_array().unwrap();
    assert!(rows.iter().any(|row| row["target"] == TARGET && row["path"] == path), "{printed}");
    let info = nix.info(path);
    assert_eq!(info["narHash"], golden().to_sri());
    assert_eq!(info["references"], serde_json::json!([]));
    // The library pins the same uv as the program does.
    let uv = shared_cache().join("uv");
    let uv = hash_path(&uv.join(single(&uv)).join("bin/uv")).unwrap().to_sri();
    let library = fs_err::read_to_string(workspace().join("nix/default.nix")).unwrap();
    assert!(library.contains(&format!("x86_64-linux = \"{uv}\"")), "{uv}");
    let before = server.seen("/simple/django/").len();
    assert!(before > 0);
    // A wheelhouse that is there is not fetched again.
    nix.build(&wheelhouse(workspace(), "")).good();
    assert_eq!(server.seen("/simple/django/").len(), before);

    let other = Sha256::of("another").to_sri();
    let refused = nix.build(&wheelhouse(workspace(), &format!("hash = \"{other}\";")));
    assert_ne!(refused.code, Some(0), "{refused:?}");
    assert!(refused.stderr.contains("hash mismatch"), "{}", refused.stderr);
    assert!(refused.stderr.contains(&golden().to_sri()), "{}", refused.stderr);
    let told = nix.build(&wheelhouse(workspace(), "structuredAttrs = true;")).good();
    assert_eq!(told.trim(), path);
}

#[test]
fn a_changed_lock_is_refused_without_anybody_touching_the_hash() {
    let server = index();
    let Some(nix) = Nix::new(&server.url("/simple")) else { return };
    let root = nix.path("workspace");
    copy_of_sample(&root);
    let same = nix.build(&wheelhouse(&root, "")).good();
    let lock = root.join("examples/sample/uv.lock");
    let text = fs_err::read_to_string(&lock).unwrap();
    let changed = text.replace("    { name = \"h11\" },\n", "");
    assert_ne!(text, changed);
    fs_err::write(&lock, changed).unwrap();
    // Plain Nix would take the old wheelhouse, whose hash is the pinned one.
    let refused = nix.build(&wheelhouse(&root, ""));
    assert_ne!(refused.code, Some(0), "{refused:?}");
    for part in ["h11-0.16.0-py3-none-any.whl", "gone, was", "exit code 4"] {
        assert!(refused.stderr.contains(part), "no `{part}` in\n{}", refused.stderr);
    }
    fs_err::write(&lock, text).unwrap();
    assert_eq!(nix.build(&wheelhouse(&root, "")).good(), same);
}

/// Serves with what is in the store alone: a derivation sees neither `/usr` nor a Debian root.
const SERVES: &str = r#"
import os, subprocess, sys, time, urllib.request
import markupsafe._speedups, psycopg, ssl
assert sys.prefix == os.environ["app"], sys.prefix
url = "http://127.0.0.1:8000/-/health/live/"
words = ["-m", "uvicorn", "sample.root.asgi:application", "--port", "8000"]
with subprocess.Popen([sys.executable, *words]) as server:
    while True:
        try:
            status = urllib.request.urlopen(url).status
            break
        except OSError:
            assert server.poll() is None, "the server ended"
            time.sleep(0.05)
    server.terminate()
open(os.environ["out"], "w").write(str(status))
"#;

#[test]
fn nix_builds_what_we_build_and_it_serves_from_the_store() {
    let server = index();
    let Some(nix) = Nix::new(&server.url("/simple")) else { return };
    let root = sample_root();
    fs_err::write(nix.path("serves.py"), SERVES).unwrap();
    let expression = |attribute: &str, more: &str| {
        format!(
            "let root = builtins.path {{ path = {}; name = \"debian-root\"; }};\n\
             toolchain = lib.debianToolchain {{ inherit root; version = \"3.14\"; }};\n\
             it = lib.mkApplication {{ recipe = {}/recipes/sample.toml; \
             inherit uv toolchain; {more} }};\n\
             app = it.application;\n\
             serves = derivation {{ name = \"serves\"; inherit system app; \
             SAMPLE_SECRET_KEY = \"x\"; builder = \"${{app}}/bin/python\"; \
             args = [ \"${{{}}}\" ]; }};\nin {attribute}",
            root.display(),
            workspace().display(),
            nix.path("serves.py").display()
        )
    };
    let app = nix.build(&expression("app", "")).good().trim().to_owned();
    let python = nix.build(&expression("toolchain.python", "")).good().trim().to_owned();
    let info = nix.info(&app);
    let mut expected = [&python, &app];
    expected.sort();
    assert_eq!(info["references"], serde_json::json!(expected));
    let references = nix.info(&python)["references"].as_array().unwrap().clone();
    let [kept] = &references[..] else { panic!("{references:?}") };
    let kept = kept.as_str().unwrap();
    assert!(kept.ends_with("-debian-root"), "{kept}");
    nix.run("nix-store", &["--verify", "--check-contents"]).good();

    let served = nix.build(&expression("serves", "")).good();
    assert_eq!(fs_err::read_to_string(nix.real(served.trim())).unwrap(), "200");

    // Structured attributes are another derivation with the same content but for its own path.
    let wheels = nix.build(&expression("it.wheels.markupsafe", "")).good();
    assert_eq!(base::sys::files::sorted_entries(&nix.real(wheels.trim())).unwrap().len(), 1);

    // Ours, outside of Nix, for the same path.
    let show = |path: &str| format!("{}:{path}", nix.real(path).display());
    let mut ours = builder(workspace(), &nix.path("cache"));
    ours.args(["--json", "build", "sample", "--no-out-link", "--prefix", &app]);
    ours.arg("--toolchain-root").arg(nix.real(kept));
    ours.args(["--interpreter", &format!("{python}/bin/python3.14")]);
    ours.args(["--toolchain-path", &show(&python), "--toolchain-path", &show(kept)]);
    ours.env("UV_DEFAULT_INDEX", server.url("/simple"));
    let uv = shared_cache().join("uv");
    fs_err::create_dir_all(nix.path("cache")).unwrap();
    std::os::unix::fs::symlink(uv, nix.path("cache/uv")).unwrap();
    let ours = end(&mut ours).json();
    assert_eq!(ours["output-hash"], info["narHash"]);
}

#[test]
fn hashes_in_nix_files_are_those_of_the_ledgers_or_told() {
    let dir = scratch();
    let file = dir.path().join("package.nix");
    let (ours, other) = (golden().to_sri(), Sha256::of("other").to_sri());
    let text = |hash: &str| {
        format!(
            "{{\n  a = {{ name = \"sample-wheelhouse-1\"; outputHash = \"{hash}\"; }};\n  \
             b = {{\n    # lockstep: sample\n    hash = \"{ours}\";\n  }};\n  \
             web = {{ pname = \"web\"; npmDepsHash = \"{other}\"; }};\n}}\n"
        )
    };
    let check = |arguments: &[&str]| {
        let mut check = builder(workspace(), dir.path());
        end(check.args(["nix", "check"]).arg(&file).args(arguments))
    };
    for (hash, arguments, code, parts) in [
        (&other, &[][..], 4, &[":2  stale  sample-wheelhouse-1.outputHash", "  + sha256-"][..]),
        (&other, &["--write"], 0, &[":2  stale"]),
        (&ours, &[], 0, &[":2  right", ":5  right  b.hash", ":7  unpinned  web.npmDepsHash"]),
    ] {
        // What `--write` wrote is there for the next.
        if arguments.is_empty() && code == 4 {
            fs_err::write(&file, text(hash)).unwrap();
        }
        let checked = check(arguments);
        assert_eq!(checked.code, Some(code), "{checked:?}");
        for part in parts {
            assert!(checked.stdout.contains(part), "no `{part}` in\n{}", checked.stdout);
        }
    }
    assert_eq!(fs_err::read_to_string(&file).unwrap(), text(&ours));
    fs_err::write(&file, "{ hash = \"\"; # lockstep: nothing\n}").unwrap();
    check(&[]).bad(2, &["line 1", "nothing", "hint: "]);
    fs_err::write(&file, "{ hash = ").unwrap();
    check(&[]).bad(2, &["package.nix` as Nix"]);
}

#[test]
fn the_flake_can_be_checked_and_its_overlay_takes_any_packages() {
    let Some(nix) = Nix::new("http://127.0.0.1:9") else { return };
    let root = nix.path("flake");
    base::sys::files::copy_tree(&workspace().join("nix"), &root.join("nix"), &|_| false).unwrap();
    fs_err::copy(workspace().join("flake.nix"), root.join("flake.nix")).unwrap();
    // Nix takes a template's path for one of its store only where the store is not moved.
    let nix = Nix { moved: false, ..nix };
    let flake = format!("path:{}", root.display());
    let checked = nix.run("nix", &["flake", "check", "--offline", "--no-build", &flake]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    // A stand-in for nixpkgs, as far as the overlay asks it for something.
    let stand_in = "flake: let final = { stdenv.hostPlatform.system = \"x86_64-linux\"; \
        rustPlatform.buildRustPackage = it: derivation { name = it.pname; system = \"s\"; \
        builder = \"b\"; }; } // flake.default final { }; in \
        builtins.attrNames final.lockstepLib";
    let overlays = format!("{flake}#overlays");
    let arguments = ["eval", "--offline", "--json", &overlays, "--apply", stand_in];
    let names = nix.run("nix", &arguments).json();
    assert!(names.as_array().unwrap().iter().any(|it| it == "mkApplication"), "{names}");
}

#[test]
fn whoever_is_no_builder_is_told() {
    let dir = scratch();
    let mut fetch = builder(workspace(), dir.path());
    let told = end(fetch.args(["fetch", "sample", "--nix", "--platform", PLATFORM]));
    told.bad(2, &["NIX_BUILD_TOP", "hint: "]);
}
