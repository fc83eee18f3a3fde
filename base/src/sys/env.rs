//! The one place that reads the environment. It is captured once, at the start of `main`. So no
//! other code depends on a variable unnoticed, and foreign code sees only variables that are passed
//! on by name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::files::digest_of;
use crate::vocabulary::{Problem, Sha256};

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

    /// An environment of exactly these variables, as tests need it.
    pub fn of<K: Into<String>, V: Into<String>>(
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let variables =
            variables.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        Self { variables }
    }

    /// The same with one variable more, as if it had been set.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The value of a variable; an empty one counts as absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// What a program that may use the network sees of the environment.
    pub fn for_network(&self) -> BTreeMap<String, String> {
        let wanted = |key: &str| {
            NETWORK_VARIABLES.contains(&key)
                || NETWORK_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
        };
        self.variables.iter().filter(|(key, _)| wanted(key)).map(own).collect()
    }

    /// What another process of the builder needs: it asks git and uv, each of which it gives what
    /// is meant for them.
    pub fn for_builder(&self) -> BTreeMap<String, String> {
        let own_use = [
            "LOCKSTEP_APT",
            "LOCKSTEP_DEBIAN_MIRRORS",
            "LOCKSTEP_UV",
            "SSH_AUTH_SOCK",
            "XDG_CONFIG_DIRS",
        ];
        let further = self.variables.iter().filter(|(key, _)| own_use.contains(&key.as_str()));
        self.for_network().into_iter().chain(further.map(own)).collect()
    }

    /// The proxy for URLs of `scheme` (`http` or `https`), by curl's rules: `<scheme>_proxy`, else
    /// `all_proxy`, either in capitals too. But `HTTP_PROXY` counts only in small letters when the
    /// tool runs as a CGI program, where a request's header sets the other (CVE-2016-5385).
    pub fn proxy(&self, scheme: &str) -> Option<&str> {
        let cgi = self.get("REQUEST_METHOD").is_some() && scheme == "http";
        let small = format!("{scheme}_proxy");
        self.get(&small)
            .or_else(|| self.get(&small.to_uppercase()).filter(|_| !cgi))
            .or_else(|| self.get("all_proxy"))
            .or_else(|| self.get("ALL_PROXY"))
    }

    /// Hosts that are reached without a proxy: the entries of `no_proxy`.
    pub fn no_proxy(&self) -> Vec<&str> {
        let list = self.get("no_proxy").or_else(|| self.get("NO_PROXY"));
        let entries = list.unwrap_or_default().split(',').map(str::trim);
        entries.filter(|entry| !entry.is_empty()).collect()
    }

    /// uv's configuration files in the order in which they count: the one that is named, or the
    /// user's and then the system's (uv's manual, "Configuration files").
    pub fn uv_config_files(&self) -> Vec<PathBuf> {
        if self.get("UV_NO_CONFIG").is_some() {
            return Vec::new();
        }
        if let Some(file) = self.get("UV_CONFIG_FILE") {
            return vec![PathBuf::from(file)];
        }
        let user = self.get("XDG_CONFIG_HOME").map(PathBuf::from);
        let user = user.or_else(|| self.get("HOME").map(|home| Path::new(home).join(".config")));
        let system = self.get("XDG_CONFIG_DIRS").unwrap_or("/etc/xdg").split(':');
        let system = system.filter(|dir| !dir.is_empty()).map(PathBuf::from);
        user.into_iter()
            .chain(system)
            .chain([PathBuf::from("/etc")])
            .map(|dir| dir.join("uv/uv.toml"))
            .collect()
    }

    /// pip's configuration files in the order in which they count, the most important first (pip's
    /// manual, "Configuration Files").
    pub fn pip_config_files(&self) -> Vec<PathBuf> {
        let home = self.get("HOME").map(PathBuf::from);
        let user = self.get("XDG_CONFIG_HOME").map(PathBuf::from);
        let user = user.or_else(|| home.as_ref().map(|home| home.join(".config")));
        let system = self.get("XDG_CONFIG_DIRS").unwrap_or("/etc/xdg").split(':');
        let system = system.filter(|dir| !dir.is_empty()).map(PathBuf::from);
        let named = self.get("PIP_CONFIG_FILE").map(PathBuf::from);
        named
            .into_iter()
            .chain(user.map(|dir| dir.join("pip/pip.conf")))
            .chain(home.map(|dir| dir.join(".pip/pip.conf")))
            .chain([PathBuf::from("/etc/pip.conf")])
            .chain(system.map(|dir| dir.join("pip/pip.conf")))
            .collect()
    }

    /// The user's netrc: `NETRC`, else `~/.netrc`.
    pub fn netrc(&self) -> Option<PathBuf> {
        let named = self.get("NETRC").map(PathBuf::from);
        named.or_else(|| self.get("HOME").map(|home| Path::new(home).join(".netrc")))
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
        candidates.map(|dir| Path::new(dir).join(name)).find(|path| is_executable(path))
    }
}

/// The digest of the running program.
pub fn own_program() -> Result<Sha256, Problem> {
    let digest = std::env::current_exe().and_then(|path| digest_of(&path));
    digest
        .map(|(digest, _)| digest)
        .map_err(|error| Problem::new("cannot read the running program").cause(error))
}

fn own((key, value): (&String, &String)) -> (String, String) {
    (key.clone(), value.clone())
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}
