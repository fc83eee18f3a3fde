//! Git trees out of repositories that the tests make: the tree is a function of the commit alone.

use std::path::{Path, PathBuf};

use base::sys::Host;
use base::sys::env::Environment;
use base::sys::files::sorted_entries;
use base::sys::process::Process;
use base::vocabulary::progress::Silent;
use base::vocabulary::{Problem, Sha256};
use builder::fetch::{Patience, Request, Settings, TreeRequest, Wheelhouse, fetch};
use url::Url;

/// A repository whose URL is `https://git.example/<name>`, by the user's own git configuration.
struct Repositories {
    dir: tempfile::TempDir,
    environment: Environment,
}

impl Repositories {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = Environment::capture().get("PATH").unwrap().to_owned();
        let instead = format!("url.file://{}/.insteadOf", dir.path().display());
        let home = dir.path().display().to_string();
        // Everything that could change a checkout is switched on.
        let config = "[core]\n\tautocrlf = true\n\thooksPath = /nowhere\n[filter \"shout\"]\n\
                      \tsmudge = tr a-z A-Z\n[protocol]\n\tversion = 2\n";
        fs_err::write(dir.path().join(".gitconfig"), config).unwrap();
        let environment = Environment::of([
            ("PATH", path.as_str()),
            ("HOME", &home),
            ("GIT_CONFIG_COUNT", "1"),
            ("GIT_CONFIG_KEY_0", &instead),
            ("GIT_CONFIG_VALUE_0", "https://git.example/"),
        ]);
        Self { dir, environment }
    }

    fn git(&self, name: &str, arguments: &[&str]) -> String {
        self.git_with_input(name, arguments, "")
    }

    fn git_with_input(&self, name: &str, arguments: &[&str], input: &str) -> String {
        let dir = self.dir.path().join(name);
        fs_err::create_dir_all(&dir).unwrap();
        let identity = ["GIT_AUTHOR", "GIT_COMMITTER"];
        let mut git = Process::new(self.environment.find_program("git").unwrap())
            .current_dir(&dir)
            .args(["-c", "protocol.file.allow=always"])
            .args(arguments);
        for who in identity {
            git = git.env(&format!("{who}_NAME"), "x").env(&format!("{who}_EMAIL"), "x@y.example");
        }
        git.stdout_with_input(input.as_bytes()).unwrap().trim().to_owned()
    }

    fn commit(&self, name: &str, files: &[(&str, &str)]) -> String {
        self.git(name, &["init", "-q", "-b", "main"]);
        for (path, content) in files {
            let path = self.dir.path().join(name).join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, content).unwrap();
        }
        self.git(name, &["add", "-A"]);
        self.git(name, &["commit", "-q", "-m", "one"]);
        self.git(name, &["rev-parse", "HEAD"])
    }

    fn fetch(&self, tree: TreeRequest, cache: &str) -> Result<Wheelhouse, Problem> {
        self.fetch_within(tree, cache, &Settings::default())
    }

    fn fetch_within(
        &self,
        tree: TreeRequest,
        cache: &str,
        settings: &Settings,
    ) -> Result<Wheelhouse, Problem> {
        let cache = self.dir.path().join(cache);
        let host = Host { environment: &self.environment, cache: &cache, progress: &Silent };
        let request = Request { trees: vec![tree], ..Request::default() };
        fetch(&request, &host, settings)
    }
}

fn tree(name: &str, rev: &str) -> TreeRequest {
    TreeRequest {
        project: "thing".parse().unwrap(),
        directory: "thing".to_owned(),
        url: Url::parse(&format!("https://git.example/{name}")).unwrap(),
        rev: rev.to_owned(),
        reference: None,
        submodules: false,
        nar_hash: None,
    }
}

fn names(dir: &Path) -> Vec<String> {
    let entries = sorted_entries(dir).unwrap();
    entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";

#[test]
fn attributes_and_configuration_have_no_say() {
    let repositories = Repositories::new();
    let large = "longer than any buffer on the way\n".repeat(50_000);
    let files = [
        (".gitattributes", "*.txt text eol=crlf filter=shout export-subst\nnot export-ignore\n"),
        ("a.txt", "one\n$Format:%H$\n"),
        ("not", "kept"),
        ("large", &*large),
        ("big.bin", POINTER),
        ("deep/er/x", "x"),
    ];
    repositories.git("app", &["init", "-q", "-b", "main"]);
    repositories.git("app", &["config", "core.autocrlf", "false"]);
    let rev = repositories.commit("app", &files);
    let wheelhouse = repositories.fetch(tree("app", &rev), "cache").unwrap();
    let path = wheelhouse.path.join("git/thing");
    assert_eq!(names(&path), [".gitattributes", "a.txt", "big.bin", "deep", "large", "not"]);
    for (name, content) in files {
        assert_eq!(fs_err::read_to_string(path.join(name)).unwrap(), content, "{name}");
    }
    assert_eq!(wheelhouse.trees[0].path, "git/thing");

    // The pinned hash is compared; the repository is not needed again.
    let nar_hash = Some(wheelhouse.trees[0].nar_hash);
    fs_err::rename(repositories.dir.path().join("app"), repositories.dir.path().join("gone"))
        .unwrap();
    let request = |nar_hash| TreeRequest { nar_hash, ..tree("app", &rev) };
    repositories.fetch(request(nar_hash), "cache").unwrap();
    let problem = repositories.fetch(request(Some(Sha256::of("x"))), "cache").unwrap_err();
    assert!(problem.to_string().contains("expected  sha256-"), "{problem}");
    let problem = repositories.fetch(request(nar_hash), "other").unwrap_err();
    assert!(problem.to_string().contains("git said"), "{problem}");
}

#[test]
fn a_commit_is_found_by_its_reference_or_among_all() {
    let repositories = Repositories::new();
    let old = repositories.commit("app", &[("a", "old")]);
    repositories.git("app", &["tag", "v1"]);
    repositories.commit("app", &[("a", "new")]);
    // A server that serves no bare commits.
    repositories.git("app", &["config", "uploadpack.allowAnySHA1InWant", "false"]);
    repositories.git("app", &["config", "protocol.version", "0"]);
    for (cache, reference) in [("one", Some("v1")), ("two", None), ("three", Some("no-such"))] {
        let request = TreeRequest { reference: reference.map(str::to_owned), ..tree("app", &old) };
        let wheelhouse = repositories.fetch(request, cache).unwrap();
        let text = fs_err::read_to_string(wheelhouse.path.join("git/thing/a"));
        assert_eq!(text.unwrap(), "old", "{cache}");
    }
    for rev in ["0".repeat(40), "main".to_owned(), "--upload-pack=x".to_owned()] {
        let problem = repositories.fetch(tree("app", &rev), "one").unwrap_err();
        assert!(problem.hint.is_some(), "{rev}: {problem}");
    }
}

#[test]
fn submodules_are_part_of_the_tree_if_asked_for() {
    let repositories = Repositories::new();
    let lib = repositories.commit("lib", &[("l", "lib")]);
    repositories.git("app", &["init", "-q", "-b", "main"]);
    let modules = "[submodule \"x\"]\n\tpath = vendor/lib\n\turl = ../lib\n\
                   [submodule \"self\"]\n\tpath = vendor/old\n\turl = ../app\n";
    let old = repositories.commit("app", &[(".gitmodules", modules), ("a", "a")]);
    for (commit, path) in [(lib, "vendor/lib"), (old, "vendor/old")] {
        let entry = format!("160000,{commit},{path}");
        repositories.git("app", &["update-index", "--add", "--cacheinfo", &entry]);
    }
    repositories.git("app", &["commit", "-q", "-m", "two"]);
    let rev = repositories.git("app", &["rev-parse", "HEAD"]);
    for (submodules, expected) in [(false, vec![]), (true, vec!["l"])] {
        let request = TreeRequest { submodules, ..tree("app", &rev) };
        let wheelhouse = repositories.fetch(request, "cache").unwrap();
        assert_eq!(names(&wheelhouse.path.join("git/thing/vendor/lib")), expected);
    }
}

#[test]
fn a_link_out_of_the_tree_is_refused() {
    let repositories = Repositories::new();
    for (name, target, good) in
        [("in", "a", true), ("up", "../../x", false), ("root", "/etc", false)]
    {
        repositories.git(name, &["init", "-q", "-b", "main"]);
        let link: PathBuf = repositories.dir.path().join(name).join("link");
        fs_err::os::unix::fs::symlink(target, link).unwrap();
        let rev = repositories.commit(name, &[("a", "a")]);
        let result = repositories.fetch(tree(name, &rev), "cache");
        assert_eq!(result.is_ok(), good, "{name}");
        if let Err(problem) = result {
            let text = base::vocabulary::problem::render(&anyhow::Error::new(problem));
            assert!(text.contains("leads out of the tree"), "{text}");
        }
    }
}

#[test]
fn a_mirror_that_a_killed_run_damaged_is_made_anew() {
    let repositories = Repositories::new();
    let rev = repositories.commit("app", &[("a", "a")]);
    repositories.fetch(tree("app", &rev), "cache").unwrap();
    let cache = repositories.dir.path().join("cache");
    fs_err::remove_dir_all(cache.join("wheelhouses")).unwrap();
    let mirrors = sorted_entries(&cache.join("git")).unwrap();
    let mirror = mirrors.iter().find(|entry| entry.path().is_dir()).unwrap().path();
    fs_err::remove_dir_all(mirror.join("objects")).unwrap();
    fs_err::write(mirror.join("shallow.lock"), "").unwrap();
    repositories.fetch(tree("app", &rev), "cache").unwrap();
}

/// A few objects of which a tree of a hundred million files is made, or one of ten gigabytes: each
/// tree has the one below it under a hundred names. git tells that without reading a file.
#[test]
fn a_small_repository_with_a_huge_tree_is_refused() {
    let repositories = Repositories::new();
    for (name, leaf, depth, expected) in [
        ("many", "x".to_owned(), 4, "more than 500000 members"),
        ("large", "x".repeat(1 << 20), 2, "more than 8589934592 bytes"),
    ] {
        repositories.commit(name, &[("leaf", &leaf)]);
        let mut object = repositories.git(name, &["rev-parse", "HEAD:leaf"]);
        for level in 0..depth {
            let kind = if level == 0 { "100644 blob" } else { "040000 tree" };
            let lines = (10..110).map(|n| format!("{kind} {object}\t{n:03}\n"));
            let lines = lines.collect::<Vec<_>>().concat();
            object = repositories.git_with_input(name, &["mktree"], &lines);
        }
        let rev = repositories.git(name, &["commit-tree", "-m", "bomb", &object]);
        repositories.git(name, &["update-ref", "refs/heads/main", &rev]);
        let problem = repositories.fetch(tree(name, &rev), "cache").unwrap_err();
        let text = base::vocabulary::problem::render(&anyhow::Error::new(problem));
        assert!(text.contains(expected), "{name}: {text}");
        let written = names(&repositories.dir.path().join("cache/wheelhouses/.work"));
        assert_eq!(written, [".sweep.lock"], "{name}");
    }
}

/// The repository of an application with one submodule, whose `.gitmodules` has `more` in it.
fn with_submodule(repositories: &Repositories, name: &str, more: &str) -> TreeRequest {
    let library = format!("lib-of-{name}");
    let lib = repositories.commit(&library, &[("l", "lib")]);
    let modules = format!("[submodule \"x\"]\n\tpath = vendor/lib\n\turl = ../{library}\n{more}");
    repositories.commit(name, &[(".gitmodules", &modules)]);
    let entry = format!("160000,{lib},vendor/lib");
    repositories.git(name, &["update-index", "--add", "--cacheinfo", &entry]);
    repositories.git(name, &["commit", "-q", "-m", "two"]);
    let rev = repositories.git(name, &["rev-parse", "HEAD"]);
    TreeRequest { submodules: true, ..tree(name, &rev) }
}

fn pipe(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0).unwrap();
}

/// git reads `.gitmodules` as configuration, which can include any file of the host.
#[test]
fn a_list_of_submodules_includes_no_file_of_the_host() {
    let repositories = Repositories::new();
    let file = |name: &str| repositories.dir.path().join(name).display().to_string();
    pipe(Path::new(&file("pipe")));
    // Were it read, the submodule would come from elsewhere.
    let other = repositories.commit("other", &[("l", "of the host")]);
    let of_host = "[submodule \"x\"]\n\tpath = vendor/lib\n\turl = https://git.example/other\n";
    fs_err::write(file("of-host"), of_host).unwrap();
    for (name, more) in [
        ("pipe-in", format!("[include]\n\tpath = {}\n", file("pipe"))),
        ("device", "[include]\n\tpath = /dev/ptmx\n".to_owned()),
        ("host", format!("[include]\n\tpath = {}\n", file("of-host"))),
        ("home", "[include]\n\tpath = ~/of-host\n".to_owned()),
        ("if", format!("[includeIf \"gitdir:/**\"]\n\tpath = {}\n", file("of-host"))),
    ] {
        let request = with_submodule(&repositories, name, &more);
        let wheelhouse = repositories.fetch(request, "cache").unwrap();
        let text = fs_err::read_to_string(wheelhouse.path.join("git/thing/vendor/lib/l"));
        assert_eq!(text.unwrap(), "lib", "{name}: not of {other}");
    }
}

/// A repository on disk has a configuration of its own, which the git that serves it reads.
#[test]
fn a_repository_that_makes_git_wait_is_not_waited_for() {
    let repositories = Repositories::new();
    let rev = repositories.commit("app", &[("a", "a")]);
    let path = repositories.dir.path().join("wait");
    pipe(&path);
    let include = format!("[include]\n\tpath = {}\n", path.display());
    let config = repositories.dir.path().join("app/.git/config");
    let old = fs_err::read_to_string(&config).unwrap();
    fs_err::write(config, old + &include).unwrap();
    let program = std::time::Duration::from_millis(700);
    let patience = Patience { program, ..Patience::default() };
    let settings = Settings { patience, ..Settings::default() };
    let problem = repositories.fetch_within(tree("app", &rev), "cache", &settings).unwrap_err();
    let text = base::vocabulary::problem::render(&anyhow::Error::new(problem));
    assert!(text.contains("did not end") && text.contains("0.7 seconds"), "{text}");
}

#[test]
fn a_submodule_is_no_option_and_not_one_of_thousands() {
    let repositories = Repositories::new();
    for (name, url) in [
        ("host", "ssh://-oProxyCommand=touch/x"),
        ("user", "ssh://-oProxyCommand=touch@git.example/x"),
        ("scp", "-oProxyCommand=touch:x"),
        ("helper", "ext::touch x"),
        ("file", "file:///etc"),
    ] {
        let url = format!("[submodule \"x\"]\n\turl = {url}\n");
        let request = with_submodule(&repositories, name, &url);
        // As in git, the last URL counts.
        let problem = repositories.fetch(request, "cache").unwrap_err();
        assert!(!problem.to_string().contains("git said"), "{name}: git was asked: {problem}");
    }
    let lib = repositories.commit("lib", &[("l", "lib")]);
    repositories.git("many", &["init", "-q", "-b", "main"]);
    let (mut modules, mut index) = (String::new(), String::new());
    for number in 0..1_001 {
        modules += &format!("[submodule \"{number}\"]\n\tpath = s{number}\n\turl = ../lib\n");
        index += &format!("160000 {lib}\ts{number}\n");
    }
    repositories.commit("many", &[(".gitmodules", &modules)]);
    repositories.git_with_input("many", &["update-index", "--index-info"], &index);
    repositories.git("many", &["commit", "-q", "-m", "two"]);
    let rev = repositories.git("many", &["rev-parse", "HEAD"]);
    let request = TreeRequest { submodules: true, ..tree("many", &rev) };
    let problem = repositories.fetch(request, "cache").unwrap_err().to_string();
    assert!(problem.contains("`submodules`"), "{problem}");
}
