//! Commits of a repository, read by git's plumbing alone: `rev-parse`, `merge-base`, `ls-tree` and
//! `cat-file`. Nothing is checked out. No filter, text conversion, hook, pager, alias, monitor or
//! credential helper of the repository's configuration can run: these commands use none of them,
//! and the settings below switch off what git itself would start. git reads no configuration of the
//! user or the system.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::ChildStdout;
use std::time::Duration;

use base::sys::env::Environment;
use base::sys::process::{Process, last_lines};
use base::vocabulary::limits::LOCK_BYTES;
use base::vocabulary::{Problem, shortened};

/// A repository, and the git that reads it.
#[derive(Debug)]
pub(crate) struct Repository {
    git: PathBuf,
    /// A directory of its working tree, or the bare repository.
    dir: PathBuf,
}

/// A file of a commit's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blob {
    /// The object's name.
    pub(crate) object: String,
    /// Bytes.
    pub(crate) size: u64,
    /// Whether it is a regular file: no symlink, no submodule.
    pub(crate) is_file: bool,
}

/// git is asked small questions; one that takes longer hangs.
const PATIENCE: Duration = Duration::from_mins(2);

/// A tree of more files is not listed to its end.
const ENTRIES_MAX: usize = 2_000_000;

/// What git would start of its own, and whose repositories it reads: nothing of a repository runs,
/// so it does not matter who owns it.
const SETTINGS: [&str; 7] = [
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.allow=never",
    "safe.directory=*",
];

impl Repository {
    /// The repository that `dir` is in.
    ///
    /// # Errors
    /// There is no git on `PATH`, or `dir` is in no repository.
    pub(crate) fn find(environment: &Environment, dir: &Path) -> Result<Self, Problem> {
        let git = environment.find_program("git").ok_or_else(|| {
            Problem::new("cannot read the repository: there is no `git` on `PATH`")
                .hint("install git, or compare two files: `--base-lock FILE --head-lock FILE`")
        })?;
        let repository = Self { git, dir: dir.to_owned() };
        match repository.ask(&["rev-parse", "--git-dir"])? {
            Ok(_) => Ok(repository),
            Err(said) => Err(Problem::usage("this is no git repository")
                .fact("looked in", dir.display())
                .fact("git said", said)
                .hint("compare two files: `--base-lock FILE --head-lock FILE`")),
        }
    }

    fn process(&self) -> Process {
        Process::new(&self.git)
            .args(SETTINGS.iter().flat_map(|setting| ["-c", setting]))
            .current_dir(&self.dir)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_TERMINAL_PROMPT", "0")
            .time_limit(PATIENCE)
    }

    /// The first line that git prints; the inner error is what it says instead.
    fn ask(&self, words: &[&str]) -> Result<Result<String, String>, Problem> {
        let output = self.process().args(words).output()?;
        if !output.status.success() {
            return Ok(Err(last_lines(&String::from_utf8_lossy(&output.stderr), 3)));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(Ok(text.lines().next().unwrap_or_default().to_owned()))
    }

    /// The commit that `reference` names.
    ///
    /// # Errors
    /// There is no such commit; in CI, a clone that is too shallow is the frequent cause.
    pub(crate) fn commit(&self, flag: &str, reference: &str) -> Result<String, Problem> {
        let wanted = format!("{reference}^{{commit}}");
        let words = ["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted];
        self.ask(&words)?.map_err(|_| {
            Problem::usage(format!("the repository has no commit `{}`", shortened(reference)))
                .fact("flag", flag)
                .hint("fetch it first: in GitHub's checkout, `fetch-depth: 0` does")
        })
    }

    /// Where `head` left `base`; `None` if they have no history in common, as in a shallow clone.
    pub(crate) fn merge_base(&self, base: &str, head: &str) -> Result<Option<String>, Problem> {
        Ok(self.ask(&["merge-base", "--end-of-options", base, head])?.ok())
    }

    /// The top of the working tree; a bare repository has none.
    pub(crate) fn top(&self) -> Result<Option<PathBuf>, Problem> {
        Ok(self.ask(&["rev-parse", "--show-toplevel"])?.ok().map(PathBuf::from))
    }

    /// Every file of a commit, by path. A path that is not UTF-8 is shown with replacements.
    pub(crate) fn list(&self, commit: &str) -> Result<BTreeMap<String, Blob>, Problem> {
        let broken = |because: &str| {
            Problem::new("cannot list the files of a commit")
                .fact("commit", commit)
                .fact("because", because)
        };
        let git = self.process().args(["ls-tree", "-r", "-l", "-z", "--full-tree", commit]);
        let read = |list: &mut BufReader<ChildStdout>| {
            let (mut found, mut line) = (BTreeMap::new(), Vec::new());
            loop {
                line.clear();
                // No path is longer, whatever the tree says.
                let part = list.by_ref().take(1 << 20).read_until(0, &mut line);
                part.map_err(|error| broken(&error.to_string()))?;
                let Some(entry) = line.strip_suffix(&[0]) else {
                    return if line.is_empty() { Ok(found) } else { Err(broken("a long path")) };
                };
                let (path, blob) = entry_of(entry).ok_or_else(|| broken("an entry is strange"))?;
                if found.len() >= ENTRIES_MAX {
                    return Err(broken("it has too many files"));
                }
                found.insert(path, blob);
            }
        };
        let (found, output) = git.streamed(&[], read)?;
        let said = last_lines(&String::from_utf8_lossy(&output.stderr), 3);
        if output.status.success() { found } else { found.and_then(|_| Err(broken(&said))) }
    }

    /// The contents of objects, by name. One that is larger than any lock may be is left out.
    pub(crate) fn contents(
        &self,
        blobs: &BTreeMap<&str, u64>,
    ) -> Result<BTreeMap<String, Vec<u8>>, Problem> {
        let wanted: Vec<&str> = blobs
            .iter()
            .filter(|(_, size)| LOCK_BYTES.check(**size).is_ok())
            .map(|(object, _)| *object)
            .collect();
        let names: String = wanted.iter().flat_map(|object| [*object, "\n"]).collect();
        let broken = |object: &str| {
            Problem::new("cannot read a file of the repository")
                .fact("object", object)
                .hint("the clone may be partial: fetch all objects of both commits first")
        };
        let read = |out: &mut BufReader<ChildStdout>| {
            let mut found = BTreeMap::new();
            for object in &wanted {
                let content = content_of(out, object, blobs[object]);
                found.insert((*object).to_owned(), content.ok_or_else(|| broken(object))?);
            }
            Ok(found)
        };
        if wanted.is_empty() {
            return Ok(BTreeMap::new());
        }
        self.process().args(["cat-file", "--batch"]).streamed(names.as_bytes(), read)?.0
    }
}

/// `<mode> <type> <object> <size>\t<path>`.
fn entry_of(entry: &[u8]) -> Option<(String, Blob)> {
    let tab = entry.iter().position(|byte| *byte == b'\t')?;
    let (head, path) = (std::str::from_utf8(&entry[..tab]).ok()?, &entry[tab + 1..]);
    let mut words = head.split_ascii_whitespace();
    let (mode, kind, object) = (words.next()?, words.next()?, words.next()?.to_owned());
    let size = words.next()?.parse().unwrap_or(0);
    let is_file = kind == "blob" && mode.starts_with("100");
    Some((String::from_utf8_lossy(path).into_owned(), Blob { object, size, is_file }))
}

/// `<object> blob <size>\n<content>\n`.
fn content_of(out: &mut BufReader<ChildStdout>, object: &str, size: u64) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    out.by_ref().take(256).read_until(b'\n', &mut head).ok()?;
    if head != format!("{object} blob {size}\n").as_bytes() {
        return None;
    }
    let mut content = Vec::new();
    out.by_ref().take(size).read_to_end(&mut content).ok()?;
    let mut end = [0];
    out.read_exact(&mut end).ok()?;
    (content.len() as u64 == size && end == [b'\n']).then_some(content)
}
