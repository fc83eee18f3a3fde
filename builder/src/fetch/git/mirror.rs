//! Bare mirrors, one per URL, below `git/` of the cache. They only grow. git names objects by their
//! content, and a mirror that a killed run damaged is made again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::{Commit, Patience};
use base::sys::Host;
use base::sys::cache::GIT;
use base::sys::files::{self, FileLock};
use base::sys::process::{Process, last_lines};
use base::vocabulary::redacted::redact_text;
use base::vocabulary::{Problem, Redacted, Sha256};

/// A mirror that this run holds the lock of.
pub(super) struct Mirror {
    git: PathBuf,
    dir: PathBuf,
    environment: BTreeMap<String, String>,
    settings: Vec<String>,
    limit: Duration,
    _lock: FileLock,
}

impl Mirror {
    pub(super) fn open(
        commit: &Commit<'_>,
        host: &Host<'_>,
        patience: &Patience,
    ) -> Result<Self, Problem> {
        let git = host.environment.find_program("git").ok_or_else(|| {
            commit
                .problem()
                .fact("because", "there is no `git` on `PATH`")
                .hint("install git; trees of a lock's git sources come through it")
        })?;
        let key = Sha256::of(commit.url.as_str()).to_string();
        let dir = host.cache.join(GIT).join(format!("{}.git", &key[..32]));
        let shown = Redacted(commit.url).to_string();
        let waiting = || {
            let message = format!("waiting for another run that fetches `{shown}`");
            host.progress.note(&message);
        };
        let lock = FileLock::acquire(&dir.with_extension("lock"), waiting)
            .map_err(|error| commit.problem().cause(error))?;
        let mut environment = host.environment.for_network();
        environment.insert("GIT_TERMINAL_PROMPT".to_owned(), "0".to_owned());
        environment.insert(
            "GIT_SSH_COMMAND".to_owned(),
            "ssh -o BatchMode=yes -o ConnectTimeout=15".to_owned(),
        );
        environment.insert("GIT_NO_REPLACE_OBJECTS".to_owned(), "1".to_owned());
        environment.insert("GIT_NO_LAZY_FETCH".to_owned(), "1".to_owned());
        // Hosts with ssh keys that are in an agent.
        if let Some(agent) = host.environment.get("SSH_AUTH_SOCK") {
            environment.insert("SSH_AUTH_SOCK".to_owned(), agent.to_owned());
        }
        let stall = patience.stall.as_secs().max(1);
        let mut settings = vec![
            "core.hooksPath=/dev/null".to_owned(),
            "core.fsmonitor=false".to_owned(),
            "gc.auto=0".to_owned(),
            "maintenance.auto=false".to_owned(),
            "fetch.fsckObjects=false".to_owned(),
            "protocol.ext.allow=never".to_owned(),
            "http.lowSpeedLimit=1".to_owned(),
            format!("http.lowSpeedTime={stall}"),
        ];
        if commit.url.scheme() == "file" {
            settings.push("protocol.file.allow=always".to_owned());
        }
        Ok(Self { git, dir, environment, settings, limit: patience.program, _lock: lock })
    }

    /// `git` in the mirror.
    pub(super) fn git(&self) -> Process {
        let settings = self.settings.iter().flat_map(|setting| ["-c", setting.as_str()]);
        Process::new(&self.git)
            .args(settings)
            .arg("--git-dir")
            .arg(&self.dir)
            .envs(&self.environment)
            .time_limit(self.limit)
    }

    /// Has the commit, from the mirror or from the server: first the bare commit, as most servers
    /// allow; then what the reference leads to; then everything.
    pub(super) fn ensure(&self, commit: &Commit<'_>) -> Result<(), Problem> {
        if self.dir.exists() {
            if self.has(commit)? {
                files::touch(&self.dir);
                return Ok(());
            }
        } else {
            self.make(commit)?;
        }
        let mut printed = match self.bring(commit)? {
            Ok(()) => return Ok(()),
            Err(printed) => printed,
        };
        // A run that was killed while it wrote leaves lock files, which git does not overcome.
        if printed.contains(".lock': File exists") || printed.contains("not a git repository") {
            files::remove_tree(&self.dir).map_err(|error| commit.problem().cause(error))?;
            self.make(commit)?;
            match self.bring(commit)? {
                Ok(()) => return Ok(()),
                Err(again) => printed = again,
            }
        }
        let problem = commit.problem().fact("git said", last_lines(&printed, 8));
        Err(if printed.is_empty() {
            problem.hint("the repository has no such commit (any more)")
        } else {
            problem.hint("`git fetch` must work as you, without asking anything; try it by hand")
        })
    }

    fn make(&self, commit: &Commit<'_>) -> Result<(), Problem> {
        let problem = || commit.problem();
        fs_err::create_dir_all(&self.dir).map_err(|error| problem().cause(error))?;
        // No template: it may hold hooks.
        self.git()
            .args(["init", "--quiet", "--bare", "--template="])
            .stdout()
            .map(|_| ())
            .map_err(|error| problem().cause(error))
    }

    /// The inner error is what git printed.
    fn bring(&self, commit: &Commit<'_>) -> Result<Result<(), String>, Problem> {
        let mut ways = vec![vec!["--depth=1".to_owned(), commit.rev.to_owned()]];
        if let Some(reference) = commit.reference.filter(|name| is_reference(name)) {
            for base in ["refs/tags/", "refs/heads/", ""] {
                ways.push(vec![format!("+{base}{reference}:refs/lockstep/wanted")]);
            }
        }
        ways.push(vec!["--unshallow".to_owned(), "+refs/*:refs/lockstep/all/*".to_owned()]);
        ways.push(vec!["+refs/*:refs/lockstep/all/*".to_owned()]);
        let mut printed = String::new();
        for way in ways {
            let (options, specs): (Vec<_>, Vec<_>) =
                way.iter().partition(|argument| argument.starts_with("--"));
            let output = self
                .git()
                .args(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"])
                .args(["--no-recurse-submodules", "--force"])
                .args(options)
                .arg("--")
                .arg(commit.url.as_str())
                .args(specs)
                .output()?;
            if output.status.success() && self.has(commit)? {
                return Ok(Ok(()));
            }
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            if !said.trim().is_empty() && !said.contains("--unshallow on a complete") {
                printed = redact_text(said.trim());
            }
        }
        Ok(Err(printed))
    }

    fn has(&self, commit: &Commit<'_>) -> Result<bool, Problem> {
        // The tree too: a commit can be there whose tree a killed run did not bring.
        let whole = self
            .git()
            .args(["rev-list", "--objects", "--max-count=1", "--quiet", "--end-of-options"])
            .arg(commit.rev)
            .output()?;
        Ok(whole.status.success())
    }
}

/// It goes into a refspec.
fn is_reference(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "-_./+@#%=,!".contains(c);
    !name.is_empty() && name.chars().all(plain) && !name.contains("..") && !name.contains("@{")
}
