//! The one place that reads the environment. It is captured once, at the start of `main`; nothing
//! else can come to depend on a variable unnoticed, and nothing of it reaches foreign code but what
//! is passed on by name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::vocabulary::Problem;

/// The environment that the process was started with.
#[derive(Debug, Clone)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

/// Variables that a program which opens a socket on our behalf (apt-get, pip, uv, git) may see:
/// proxies, certificates, the configured index, and the home directory with its configuration.
const NETWORK_VARIABLES: [&str; 16] = [
    "ALL_PROXY",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "PATH",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "XDG_CONFIG_HOME",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// Prefixes of such variables.
const NETWORK_PREFIXES: [&str; 4] = ["GIT_CONFIG_", "PIP_", "UV_", "NETRC"];

impl Environment {
    /// Reads the process's environment. Variables that are not UTF-8 are left out.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn capture() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self { variables }
    }

    /// An environment of these variables and no others.
    pub fn from_variables<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let own = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        Self {
            variables: variables.into_iter().map(own).collect(),
        }
    }

    /// The value of a variable; an empty one counts as absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// What a program that may use the network sees of the environment.
    pub fn for_network(&self) -> BTreeMap<String, String> {
        let wanted = |key: &str| {
            NETWORK_VARIABLES.contains(&key)
                || NETWORK_PREFIXES
                    .iter()
                    .any(|prefix| key.starts_with(prefix))
        };
        self.variables
            .iter()
            .filter(|(key, _)| wanted(key))
            .map(own)
            .collect()
    }

    /// The tool's cache: `LOCKSTEP_CACHE_DIR`, else `$XDG_CACHE_HOME/lockstep`, else
    /// `~/.cache/lockstep`.
    pub fn cache_dir(&self) -> Result<PathBuf, Problem> {
        if let Some(dir) = self.get("LOCKSTEP_CACHE_DIR") {
            return Ok(PathBuf::from(dir));
        }
        let base = self.get("XDG_CACHE_HOME").map(PathBuf::from);
        let base = base.or_else(|| self.get("HOME").map(|home| Path::new(home).join(".cache")));
        base.map(|base| base.join("lockstep")).ok_or_else(|| {
            Problem::usage("no directory for the cache: neither `HOME` nor `XDG_CACHE_HOME` is set")
                .hint("set `LOCKSTEP_CACHE_DIR`, or give `--cache-dir`")
        })
    }

    /// The first executable of that name on `PATH`.
    pub fn find_program(&self, name: &str) -> Option<PathBuf> {
        let path = self.get("PATH")?;
        let candidates = path.split(':').filter(|dir| !dir.is_empty());
        candidates
            .map(|dir| Path::new(dir).join(name))
            .find(|path| is_executable(path))
    }
}

fn own((key, value): (&String, &String)) -> (String, String) {
    (key.clone(), value.clone())
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}
