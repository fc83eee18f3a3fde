//! `doctor`: checks everything on the machine that a build needs, changes nothing, and says how to
//! fix each problem. It judges; the command line prints.

use std::fmt;
use std::path::Path;

use crate::fetch::ProjectIndexes;
use crate::fetch::index::Indexes;
use crate::toolchain::uv::{OTHER_UV, UV_VERSION, is_cached, provide_uv};
use crate::toolchain::{SignedBy, mirror, sources_directory};
use base::sys::Host;
use base::sys::env::Environment;
use base::sys::sandbox::check_available;
use base::vocabulary::Problem;

/// The state of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// As it should be.
    Good,
    /// Missing or wrong, but a build can do without it, perhaps in another way.
    Degraded,
    /// Missing, and the default way of building needs it.
    Missing,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Good => "good",
            Self::Degraded => "degraded",
            Self::Missing => "missing",
        })
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// What was looked at, such as `namespaces`.
    pub name: &'static str,
    /// Its state.
    pub state: State,
    /// What was found.
    pub detail: String,
    /// What to do about it.
    pub mend: Option<String>,
}

/// `good      uv          0.13.9 at …`, with the fix on a line of its own.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, state, detail, mend } = self;
        write!(f, "{:9} {name:12} {}", state.to_string(), detail.replace('\n', "; "))?;
        match mend {
            Some(mend) => write!(f, "\n{:23}{mend}", ""),
            None => Ok(()),
        }
    }
}

impl Finding {
    fn good(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, state: State::Good, detail: detail.into(), mend: None }
    }

    fn bad(
        name: &'static str,
        state: State,
        detail: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self { name, state, detail: detail.into(), mend: Some(mend.into()) }
    }
}

/// Whether a build in the default way can succeed: nothing is [`State::Missing`].
pub fn is_good(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.state != State::Missing)
}

/// Looks at everything, in the order in which a build needs it.
pub fn examine(host: &Host<'_>) -> Vec<Finding> {
    let environment = host.environment;
    vec![
        namespaces(),
        cache(host.cache),
        space(host.cache),
        uv(host),
        program(
            environment,
            "apt-get",
            State::Missing,
            "the `debian` toolchain needs it: use a Debian machine, or the `host` toolchain",
        ),
        program(
            environment,
            "dpkg-deb",
            State::Missing,
            "the `debian` toolchain needs it: install `dpkg`, or use the `host` toolchain",
        ),
        debian_mirror(&sources_directory(environment)),
        program(
            environment,
            "git",
            State::Degraded,
            "install `git`: a lock with git sources cannot be fetched without it",
        ),
        program(
            environment,
            "gcc",
            State::Degraded,
            "only the `host` toolchain needs it: install `gcc`",
        ),
    ]
}

fn namespaces() -> Finding {
    match check_available() {
        Ok(()) => Finding::good("namespaces", "a sandbox was made and ran"),
        Err(problem) => Finding::bad(
            "namespaces",
            State::Missing,
            facts(&problem),
            problem.hint.unwrap_or_default(),
        ),
    }
}

fn facts(problem: &Problem) -> String {
    let facts: Vec<String> =
        problem.facts.iter().map(|(label, value)| format!("{label}: {value}")).collect();
    if facts.is_empty() { problem.what.clone() } else { facts.join("; ") }
}

fn cache(dir: &Path) -> Finding {
    let written = fs_err::create_dir_all(dir).and_then(|()| tempfile::tempfile_in(dir));
    match written {
        Ok(_) => Finding::good("cache", dir.display().to_string()),
        Err(error) => Finding::bad(
            "cache",
            State::Missing,
            format!("cannot write: {error}"),
            "set `LOCKSTEP_CACHE_DIR` to a directory that you can write to",
        ),
    }
}

/// What authentik took: wheelhouse, toolchain, and the two rounds of a verification.
const SPACE_WANTED: u64 = 5 << 30;
const SPACE_NEEDED: u64 = 1 << 30;

fn space(dir: &Path) -> Finding {
    let Some(stat) = dir.ancestors().find_map(|dir| rustix::fs::statvfs(dir).ok()) else {
        return Finding::bad(
            "disk space",
            State::Degraded,
            "cannot be seen",
            "check the cache's file system",
        );
    };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let detail = format!("{} MiB free for the cache", free >> 20);
    match free {
        SPACE_WANTED.. => Finding::good("disk space", detail),
        SPACE_NEEDED.. => Finding::bad(
            "disk space",
            State::Degraded,
            detail,
            "a large application needs 5 GiB: make room, or move the cache",
        ),
        _ => Finding::bad(
            "disk space",
            State::Missing,
            detail,
            "make room, or set `LOCKSTEP_CACHE_DIR` to a larger file system",
        ),
    }
}

fn uv(host: &Host<'_>) -> Finding {
    if let Some(path) = host.environment.get(OTHER_UV) {
        return match provide_uv(host) {
            Ok(uv) => Finding::good("uv", format!("{} at `{path}`, as you wish", uv.version)),
            Err(_) => Finding::bad(
                "uv",
                State::Missing,
                format!("`{path}` is no uv that runs here"),
                format!("leave out `--uv` and `{OTHER_UV}`"),
            ),
        };
    }
    if is_cached(host) {
        return Finding::good("uv", format!("{UV_VERSION} in the cache"));
    }
    match Indexes::ambient(host.environment, &ProjectIndexes::default(), None) {
        Ok(_) => Finding::good("uv", format!("{UV_VERSION} will be fetched from the index")),
        Err(_) => Finding::bad(
            "uv",
            State::Missing,
            format!("uv {UV_VERSION} is not in the cache, and no index is known to fetch it from"),
            "set `UV_DEFAULT_INDEX` to the URL of the index",
        ),
    }
}

fn program(environment: &Environment, name: &'static str, otherwise: State, mend: &str) -> Finding {
    match environment.find_program(name) {
        Some(path) => Finding::good(name, path.display().to_string()),
        None => Finding::bad(name, otherwise, "not on `PATH`", mend),
    }
}

fn debian_mirror(etc: &Path) -> Finding {
    let name = "mirror";
    match mirror(etc) {
        Err(problem) => Finding::bad(
            name,
            State::Missing,
            problem.what.clone(),
            problem.hint.unwrap_or_default(),
        ),
        Ok(mirror) => {
            let lost = match &mirror.signed_by {
                Some(SignedBy::Name(keyring)) => keyring
                    .split_whitespace()
                    .find(|key| key.starts_with('/') && !Path::new(key).exists()),
                _ => None,
            };
            match lost {
                None => Finding::good(name, mirror.uri),
                Some(keyring) => Finding::bad(
                    name,
                    State::Missing,
                    format!("`{}` is signed by `{keyring}`, which does not exist", mirror.uri),
                    "install `debian-archive-keyring`",
                ),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use base::vocabulary::progress::Silent;

    fn findings(path: &Path, cache: &PathBuf) -> Vec<Finding> {
        let environment = Environment::of([("PATH", path.to_str().unwrap())]);
        examine(&Host { environment: &environment, cache, progress: &Silent })
    }

    #[test]
    fn an_empty_path_is_not_good_and_every_fault_has_a_mend() {
        let empty = tempfile::tempdir().unwrap();
        let found = findings(empty.path(), &empty.path().join("cache"));
        assert!(!is_good(&found));
        for name in ["apt-get", "dpkg-deb", "uv"] {
            let finding = found.iter().find(|finding| finding.name == name).unwrap();
            assert_eq!(finding.state, State::Missing, "{finding}");
        }
        for finding in found {
            assert_eq!(finding.mend.is_some(), finding.state != State::Good, "{finding}");
            assert_ne!(finding.mend.as_deref(), Some(""), "{finding}");
        }
    }

    #[test]
    fn a_cache_that_is_no_directory_is_missing() {
        let base = tempfile::tempdir().unwrap();
        fs_err::write(base.path().join("file"), "").unwrap();
        let finding = cache(&base.path().join("file/cache"));
        assert_eq!(finding.state, State::Missing, "{finding}");
    }

    #[test]
    fn a_source_whose_keyring_is_gone_is_missing() {
        let etc = tempfile::tempdir().unwrap();
        let line = "deb [signed-by=/nowhere/k.gpg] http://m.example/debian x main\n";
        fs_err::write(etc.path().join("sources.list"), line).unwrap();
        let finding = debian_mirror(etc.path());
        assert_eq!(finding.state, State::Missing, "{finding}");
        assert!(finding.detail.contains("/nowhere/k.gpg"), "{finding}");
    }
}
