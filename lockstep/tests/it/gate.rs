//! `gate`: a scripted history of updates, each judged as `tests/gate/cases.toml` says, and what a
//! change can try against the gate itself.

use std::path::{Path, PathBuf};

use base::sys::files::sorted_entries;
use base::vocabulary::Sha256;
use fs_err as fs;
use serde::Deserialize;
use tempfile::TempDir;

use crate::cli::{Ended, command, end, scratch};
use crate::server::Server;

/// `cases.toml`.
#[derive(Deserialize)]
struct Cases {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    code: i32,
    /// `level rule` of every finding, without repetition.
    rules: Vec<String>,
    /// Whether the repository has a recipe.
    #[serde(default)]
    recipe: bool,
    /// File, text, and what replaces it.
    #[serde(default)]
    edit: Vec<[String; 3]>,
    /// The same, done to the base first.
    #[serde(default)]
    base: Vec<[String; 3]>,
    /// File, and what is added at its end.
    #[serde(default)]
    append: Vec<[String; 2]>,
}

/// The day on which the scripted updates are judged.
const DAY: &str = "2026-02-28";

/// A git repository with the files of `tests/gate/base`.
struct Repository {
    dir: TempDir,
}

impl Repository {
    fn new(recipe: bool) -> Self {
        let repository = Self { dir: scratch() };
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gate/base");
        let mut files =
            vec!["uv.lock", "pyproject.toml", "lockstep.toml", ".github/workflows/gate.yml"];
        if recipe {
            files.extend(["recipes/app.toml", "recipes/app.build-lock.toml", "golden/app.toml"]);
        }
        let lock = Sha256::of(fs::read(from.join("uv.lock")).unwrap()).to_string();
        for file in files {
            let text = fs::read_to_string(from.join(file)).unwrap();
            repository.write(file, &text.replace("LOCK", &lock));
        }
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository.commit();
        repository
    }

    fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    fn write(&self, file: &str, text: &str) {
        fs::create_dir_all(self.path(file).parent().unwrap()).unwrap();
        fs::write(self.path(file), text).unwrap();
    }

    #[track_caller]
    fn replace(&self, [file, from, to]: &[String; 3]) {
        let text = fs::read_to_string(self.path(file)).unwrap();
        assert!(text.contains(from.as_str()), "{file} has no `{from}`");
        self.write(file, &text.replace(from.as_str(), to));
    }

    #[track_caller]
    fn git(&self, words: &[&str]) {
        let mut git = command("/usr/bin/git");
        git.args([
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@a.example",
            "-c",
            "commit.gpgsign=false",
        ]);
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").args(words).current_dir(self.dir.path());
        end(&mut git).good();
    }

    fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message=update"]);
    }

    /// The base and the update of a case.
    #[track_caller]
    fn of_case(case: &Case) -> Self {
        let repository = Self::new(case.recipe);
        if !case.base.is_empty() {
            case.base.iter().for_each(|edit| repository.replace(edit));
            repository.commit();
        }
        repository.git(&["checkout", "--quiet", "-b", "update"]);
        case.edit.iter().for_each(|edit| repository.replace(edit));
        for [file, text] in &case.append {
            let old = fs::read_to_string(repository.path(file)).unwrap();
            repository.write(file, &(old + text));
        }
        repository.commit();
        repository
    }

    /// `gate --base main`, with nothing but git on `PATH`.
    fn gate(&self, words: &[&str]) -> Ended {
        let path = self.path(".git/only");
        if !path.exists() {
            fs::create_dir(&path).unwrap();
            std::os::unix::fs::symlink("/usr/bin/git", path.join("git")).unwrap();
        }
        self.gate_with(&path, words)
    }

    fn gate_with(&self, path: &Path, words: &[&str]) -> Ended {
        let mut gate = command(env!("CARGO_BIN_EXE_lockstep"));
        gate.env("PATH", path).current_dir(self.dir.path());
        gate.args(["gate", "--base", "main", "--date", DAY]).args(words);
        end(&mut gate)
    }
}

fn cases() -> Vec<Case> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gate/cases.toml");
    let cases: Cases = toml::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    cases.case
}

fn case(name: &str) -> Case {
    cases().into_iter().find(|case| case.name == name).unwrap()
}

/// The JSON report of a case.
pub(crate) fn reports_of(name: &str) -> String {
    Repository::of_case(&case(name)).gate(&["--json"]).stdout
}

/// A report without the names of commits.
fn without_commits(report: &str) -> String {
    let (first, rest) = report.split_once('\n').unwrap();
    assert!(first.starts_with("compared ") && first.ends_with(DAY), "{first}");
    rest.to_owned()
}

#[test]
fn every_update_is_judged() {
    let mut wrong = Vec::new();
    for case in cases() {
        let repository = Repository::of_case(&case);
        let ended = repository.gate(&["--json"]);
        let report: serde_json::Value = serde_json::from_str(&ended.stdout)
            .unwrap_or_else(|error| panic!("{}: {error}: {}", case.name, ended.stderr));
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let mut rules: Vec<String> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| format!("{} {}", text(&it["level"]), text(&it["rule"])))
            .collect();
        rules.dedup();
        let mut expected = case.rules.clone();
        expected.sort();
        rules.sort();
        if (ended.code, &rules) != (Some(case.code), &expected) {
            wrong.push(format!("{}: code {:?}, {rules:?}", case.name, ended.code));
        }
        let report = repository.gate(&[]);
        assert_eq!(report.code, ended.code, "{}", case.name);
        insta::assert_snapshot!(format!("gate-{}", case.name), without_commits(&report.stdout));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every case is one kind of change, and every rule is found by one, or by the files of one.
#[test]
fn every_rule_is_found_by_an_update() {
    let by_files = include_str!("gate_files.rs");
    let cases = cases();
    assert!(cases.len() >= 16);
    let found: std::collections::BTreeSet<&str> = cases
        .iter()
        .flat_map(|case| &case.rules)
        .filter_map(|rule| Some(rule.split_once(' ')?.1))
        .collect();
    let all = gate::rules::RULES.iter().map(|rule| rule.id);
    let missing: Vec<&str> = all
        .filter(|id| !found.contains(id) && !id.starts_with("exception-"))
        .filter(|id| !by_files.contains(&format!(" {id}")))
        .collect();
    assert!(missing.is_empty(), "no update shows {missing:?}");
}

/// A lock that is denied causes no request, and no process but git's plumbing.
#[test]
fn a_denied_lock_causes_no_request_and_no_process() {
    let repository = Repository::new(true);
    let server = Server::start();
    let edit = |from: &str, to: &str| {
        repository.replace(&["uv.lock".to_owned(), from.to_owned(), to.to_owned()]);
    };
    repository.git(&["checkout", "--quiet", "-b", "update"]);
    edit("https://files.index.example", &server.url("/files"));
    edit("https://index.example/simple", &server.url("/simple"));
    edit("https://git.example/delta", &server.url("/delta"));
    repository.commit();
    // A git that writes down what it is asked for, and traps for everything else.
    let path = repository.path(".git/watched");
    fs::create_dir(&path).unwrap();
    let script = |name: &str, text: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        let file = path.join(name);
        fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    let log = path.join("log");
    let said = log.display();
    script("git", &format!("echo git \"$@\" >> {said}\nexec /usr/bin/git \"$@\""));
    for name in ["uv", "pip", "python3", "sh", "ssh", "nix", "apt-get"] {
        script(name, &format!("echo {name} >> {said}"));
    }
    let ended = repository.gate_with(&path, &[]);
    assert_eq!(ended.code, Some(6), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("host-new"), "{}", ended.stdout);
    assert_eq!(server.connections(), 0);
    let plumbing = ["rev-parse", "merge-base", "ls-tree", "cat-file"];
    let started = fs::read_to_string(&log).unwrap();
    for line in started.lines() {
        assert!(line.starts_with("git "), "{line}");
        let is_setting = |word: &&str| *word == "-c" || word.contains('=');
        let verb = line.split(' ').skip(1).find(|word| !is_setting(word)).unwrap();
        assert!(plumbing.contains(&verb), "{line}");
    }
    assert!(started.lines().count() >= 5, "{started}");
}

/// Nothing of a repository's configuration or attributes runs.
#[test]
fn a_repository_starts_no_program() {
    let repository = Repository::of_case(&case("patch"));
    let ran = repository.path(".git/ran");
    let touch = format!("touch {}", ran.display());
    repository.write(".gitattributes", "* filter=evil diff=evil\n");
    repository.commit();
    for key in [
        "core.fsmonitor",
        "core.pager",
        "core.sshCommand",
        "core.alternateRefsCommand",
        "filter.evil.smudge",
        "filter.evil.clean",
        "diff.evil.textconv",
        "diff.external",
        "credential.helper",
        "alias.ls-tree",
        "uploadpack.packObjectsHook",
    ] {
        let value = if key.starts_with("alias") { format!("!{touch}") } else { touch.clone() };
        repository.git(&["config", key, &value]);
    }
    let hook = repository.path(".git/hooks/post-index-change");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, format!("#!/bin/sh\n{touch}\n")).unwrap();
    let ended = repository.gate(&[]);
    assert!(ended.stdout.contains("1.2.0 → 1.2.1"), "{}{}", ended.stdout, ended.stderr);
    assert!(!ran.exists());
}

/// The base's policy counts: an exception that it has allows, one that the change brings does not.
#[test]
fn exceptions_come_from_the_base() {
    let mut re_upload = case("re-upload");
    let exception = |expires: &str| {
        format!(
            "\n[[policy.exception]]\nrule = \"re-upload\"\nsubject = \"alpha\"\nreason = \"its \
             author wrote to us\"\nexpires = \"{expires}\"\n"
        )
    };
    let add = |expires: &str| {
        let with = format!("banned = [\"omega\"]\n{}", exception(expires));
        ["lockstep.toml".to_owned(), "banned = [\"omega\"]\n".to_owned(), with]
    };
    re_upload.base = vec![add("2026-12-31")];
    let allowed = Repository::of_case(&re_upload).gate(&[]);
    assert_eq!(allowed.code, Some(0), "{}", allowed.stdout);
    assert!(allowed.stdout.contains("allowed: its author wrote to us"), "{}", allowed.stdout);
    re_upload.base = vec![add("2026-02-27")];
    let over = Repository::of_case(&re_upload).gate(&[]);
    assert_eq!(over.code, Some(6), "{}", over.stdout);
    assert!(over.stdout.contains("exception-expired"), "{}", over.stdout);
    re_upload.base.clear();
    re_upload.append = vec![["lockstep.toml".to_owned(), exception("2026-12-31")]];
    let own = Repository::of_case(&re_upload).gate(&[]);
    assert_eq!(own.code, Some(6), "{}", own.stdout);
    assert!(own.stdout.starts_with("compared ") && own.stdout.contains("self-judging"));
    let mut patch = case("patch");
    patch.base = vec![add("2026-12-31")];
    let unused = Repository::of_case(&patch).gate(&[]);
    assert_eq!(unused.code, Some(0), "{}", unused.stdout);
    assert!(unused.stdout.contains("exception-unused"), "{}", unused.stdout);
}

/// A branch is compared with where it left the base, and judged by the base as it is now.
#[test]
fn a_base_that_moved_on_is_not_undone_by_the_change() {
    let repository = Repository::of_case(&case("patch"));
    repository.git(&["checkout", "--quiet", "main"]);
    let edit = |from: &str, to: &str| {
        let words = ["uv.lock", from, to].map(str::to_owned);
        repository.replace(&words);
    };
    edit("epsilon-3.0.0", "epsilon-3.1.0");
    edit("name = \"epsilon\"\nversion = \"3.0.0\"", "name = \"epsilon\"\nversion = \"3.1.0\"");
    repository.write("lockstep.toml", "[policy]\nbanned = [\"alpha\"]\n");
    repository.commit();
    repository.git(&["checkout", "--quiet", "update"]);
    let ended = repository.gate(&[]);
    assert!(!ended.stdout.contains("epsilon"), "{}", ended.stdout);
    assert_eq!(ended.code, Some(6), "{}", ended.stdout);
    assert!(ended.stdout.contains("the policy bans `alpha 1.2.1`"), "{}", ended.stdout);
}

#[test]
fn what_was_not_committed_is_said() {
    let repository = Repository::new(false);
    repository.replace(&["uv.lock", "1.2.0", "1.2.1"].map(str::to_owned));
    let ended = repository.gate(&[]);
    assert_eq!(ended.code, Some(0));
    assert!(ended.stdout.contains("was not judged: commit it"), "{}", ended.stdout);
    // Two files need no repository and no commit.
    let [base, head] = [scratch(), scratch()];
    fs::copy(repository.path("uv.lock"), head.path().join("uv.lock")).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gate/base/uv.lock");
    fs::copy(source, base.path().join("uv.lock")).unwrap();
    let mut gate = command(env!("CARGO_BIN_EXE_lockstep"));
    gate.env("PATH", "/nowhere").args(["gate", "--date", DAY]);
    gate.arg("--base-lock").arg(base.path().join("uv.lock"));
    gate.arg("--head-lock").arg(head.path().join("uv.lock"));
    let printed = end(&mut gate).good();
    assert!(printed.contains("1.2.0 → 1.2.1"), "{printed}");
}

#[test]
fn mistakes_at_the_command_line_are_errors() {
    let repository = Repository::of_case(&case("patch"));
    let gate = |words: &[&str]| {
        let mut gate = command(env!("CARGO_BIN_EXE_lockstep"));
        gate.env("PATH", "/usr/bin").current_dir(repository.dir.path()).arg("gate").args(words);
        end(&mut gate)
    };
    gate(&[]).bad(2, &["--base"]);
    gate(&["--base", "nowhere"]).bad(2, &["no commit `nowhere`", "fetch-depth: 0"]);
    gate(&["--base", "--upload-pack=touch x"]).bad(2, &[]);
    gate(&["--base", "main", "shop"]).bad(2, &["neither side has a recipe `shop`"]);
    gate(&["--base", "main", "--github"]).bad(2, &["GITHUB_STEP_SUMMARY"]);
    gate(&["--base-lock", "uv.lock"]).bad(2, &["--head-lock"]);
    repository.replace(&["lockstep.toml", "banned", "baned"].map(str::to_owned));
    repository.commit();
    gate(&["--base", "HEAD"]).bad(2, &["cannot read `lockstep.toml`"]);
}

/// No value of a package is obeyed by a terminal, GitHub's runner, Markdown or HTML.
#[test]
fn hostile_names_write_nothing_into_reports() {
    let repository = Repository::of_case(&case("hostile-names"));
    let summary = repository.path(".git/summary.md");
    let sarif = repository.path(".git/gate.sarif");
    let path = repository.path(".git/only");
    fs::create_dir(&path).unwrap();
    std::os::unix::fs::symlink("/usr/bin/git", path.join("git")).unwrap();
    let mut gate = command(env!("CARGO_BIN_EXE_lockstep"));
    gate.env("PATH", &path).env("GITHUB_STEP_SUMMARY", &summary).current_dir(repository.dir.path());
    gate.args(["gate", "--base", "main", "--date", DAY, "--github", "--sarif"]).arg(&sarif);
    let ended = end(&mut gate);
    assert_eq!(ended.code, Some(6), "{}{}", ended.stdout, ended.stderr);
    let markdown = fs::read_to_string(&summary).unwrap();
    assert!(markdown.contains("re-upload"), "{markdown}");
    for bad in ["<img", "](http", "@everyone", "\u{1b}", "\u{202e}"] {
        assert!(!markdown.contains(bad), "{bad}: {markdown}");
    }
    // Every row of a table has as many cells as its head.
    for row in markdown.lines().filter(|line| line.starts_with("| ")) {
        assert!(matches!(row.matches('|').count(), 4 | 5), "{row}");
    }
    for text in [&ended.stdout, &ended.stderr, &repository.gate(&["--json"]).stdout] {
        assert!(!text.contains("##[") && !text.contains('\u{1b}'), "{text}");
    }
    for line in ended.stdout.lines() {
        assert!(!line.trim_start().starts_with("::"), "{line}");
    }
    let commands: Vec<&str> = ended.stderr.lines().collect();
    assert!(commands.iter().all(|it| it.starts_with("::error file=uv.lock,line=")), "{commands:?}");
    insta::assert_snapshot!("gate-hostile-names-markdown", after_compared(&markdown));
    let sarif: serde_json::Value = serde_json::from_slice(&fs::read(sarif).unwrap()).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "re-upload");
}

fn after_compared(markdown: &str) -> String {
    let lines = markdown.lines().filter(|line| !line.starts_with("Compared "));
    lines.collect::<Vec<_>>().join("\n")
}

/// Cut at whole rows, with every fold closed.
#[test]
fn a_comment_is_never_too_long() {
    let repository = Repository::new(false);
    repository.git(&["checkout", "--quiet", "-b", "update"]);
    let lock = fs::read_to_string(repository.path("uv.lock")).unwrap();
    let package = |at: usize| {
        format!(
            "\n[[package]]\nname = \"p{at}\"\nversion = \"1.0\"\nsource = {{ registry = \
             \"https://index.example/simple\" }}\nsdist = {{ url = \
             \"https://files.index.example/p{at}-1.0.tar.gz\", hash = \"sha256:{at:064}\" }}\n"
        )
    };
    let more: String = (0..2_000).map(package).collect();
    repository.write("uv.lock", &(lock + &more));
    repository.commit();
    let file = repository.path(".git/comment.md");
    let ended = repository.gate(&["--markdown", file.to_str().unwrap()]);
    assert_eq!(ended.code, Some(6));
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.chars().count() <= 60_000, "{}", text.chars().count());
    assert!(text.contains("The report is longer"));
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    assert_eq!(text.matches("<code>").count(), text.matches("</code>").count());
}

#[test]
fn snapshots_are_of_cases() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots");
    let names: Vec<String> =
        cases().iter().map(|case| format!("gate-{}.snap", case.name)).collect();
    for entry in sorted_entries(&dir).unwrap() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((_, name)) = name.split_once("__gate__").or_else(|| name.split_once("it__gate-"))
        else {
            continue;
        };
        let name = if name.starts_with("gate-") { name.to_owned() } else { format!("gate-{name}") };
        assert!(names.contains(&name) || name.ends_with("markdown.snap"), "{name} is of no case");
    }
}
