//! Which indexes this machine is configured with: the environment, the configuration files of uv
//! and pip, else the default of whichever is at hand. Only what decides where files are looked for
//! is read of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fs_err as fs;
use serde::Deserialize;
use url::Url;

use base::sys::env::Environment;
use base::sys::process::Process;
use base::vocabulary::Problem;
use base::vocabulary::redacted::redact_text;

/// The configured indexes in the order in which uv asks them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Indexes {
    /// Their URLs; may hold credentials.
    pub urls: Vec<Url>,
}

/// What environment and files say of indexes.
struct Configured {
    more: Vec<Url>,
    /// uv knows one itself if nothing names it.
    default: Option<Url>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct UvToml {
    #[serde(default)]
    index: Vec<IndexToml>,
    index_url: Option<String>,
    #[serde(default)]
    extra_index_url: Vec<String>,
    #[serde(default)]
    pip: PipToml,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PipToml {
    index_url: Option<String>,
}

#[derive(Debug, Deserialize)]
struct IndexToml {
    url: String,
    #[serde(default)]
    default: bool,
    #[serde(default)]
    explicit: bool,
}

impl Indexes {
    /// Finds them out. Only if neither the environment nor a file names a default index, `uv` is
    /// asked for its own, or what is on `PATH`.
    ///
    /// Errors: a configuration file or URL that cannot be read; nobody to ask.
    pub fn ambient(environment: &Environment, uv: Option<&Path>) -> Result<Self, Problem> {
        let Configured { more: mut urls, default } = Configured::read(environment)?;
        let default = match default {
            Some(url) => Some(url),
            None => of_pip(environment)?,
        };
        urls.push(default.map_or_else(|| ask(environment, uv), Ok)?);
        let mut seen = BTreeSet::new();
        urls.retain(|url| seen.insert(url.clone()));
        Ok(Self { urls })
    }

    /// Variables that give another uv the same indexes, and nothing else of the configuration: a
    /// constraint in it would change what is resolved.
    pub fn for_uv(environment: &Environment) -> Result<BTreeMap<&'static str, String>, Problem> {
        let Configured { more, default } = Configured::read(environment)?;
        let more: Vec<&str> = more.iter().map(Url::as_str).collect();
        let mut variables = BTreeMap::from([("UV_NO_CONFIG", "1".to_owned())]);
        variables.extend((!more.is_empty()).then(|| ("UV_INDEX", more.join(" "))));
        variables.extend(default.map(|url| ("UV_DEFAULT_INDEX", url.to_string())));
        Ok(variables)
    }
}

impl Configured {
    fn read(environment: &Environment) -> Result<Self, Problem> {
        let mut urls = Vec::new();
        let mut default = None;
        for name in ["UV_INDEX", "UV_EXTRA_INDEX_URL"] {
            for value in environment.get(name).unwrap_or_default().split_whitespace() {
                urls.push(parse(name, value)?);
            }
        }
        for name in ["UV_DEFAULT_INDEX", "UV_INDEX_URL"] {
            if let (None, Some(value)) = (&default, environment.get(name)) {
                default = Some(parse(name, value)?);
            }
        }
        for path in environment.uv_config_files() {
            let Ok(text) = fs::read_to_string(&path) else {
                continue;
            };
            let shown = path.display().to_string();
            let file: UvToml = toml::from_str(&text)
                .map_err(|error| Problem::new(format!("cannot read `{shown}`")).cause(error))?;
            for index in file.index.iter().filter(|index| !index.explicit) {
                let url = parse(&shown, &index.url)?;
                match (index.default, &default) {
                    (false, _) => urls.push(url),
                    (true, None) => default = Some(url),
                    (true, Some(_)) => {}
                }
            }
            for extra in &file.extra_index_url {
                urls.push(parse(&shown, extra)?);
            }
            let named = file.index_url.or(file.pip.index_url);
            if let (None, Some(value)) = (&default, named) {
                default = Some(parse(&shown, &value)?);
            }
        }
        Ok(Self { more: urls, default })
    }
}

/// A URL, or `name=URL` as `UV_INDEX` may have it.
fn parse(origin: &str, text: &str) -> Result<Url, Problem> {
    let wrong = || {
        let shown = redact_text(text);
        Problem::usage(format!("`{shown}` is not the URL of an index"))
            .fact("from", origin)
            .hint("an index is `https://…/simple`, or `file:///…` for one on disk")
    };
    let unnamed = match text.split_once('=') {
        Some((name, url)) if !name.contains([':', '/']) => url,
        _ => text,
    };
    let url = if unnamed.starts_with('/') {
        Url::from_directory_path(unnamed).map_err(|()| wrong())?
    } else {
        Url::parse(unnamed).map_err(|_| wrong())?
    };
    match url.scheme() {
        "https" | "http" | "file" => Ok(url),
        _ => Err(wrong()),
    }
}

/// The index that pip is configured with, `PIP_INDEX_URL` or `index-url` in one of its files. uv
/// does not look there, but who has configured only pip would be surprised by another index.
fn of_pip(environment: &Environment) -> Result<Option<Url>, Problem> {
    if let Some(url) = environment.get("PIP_INDEX_URL") {
        return parse("PIP_INDEX_URL", url).map(Some);
    }
    for path in environment.pip_config_files() {
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        if let Some(url) = index_url(&text) {
            return parse(&path.display().to_string(), url).map(Some);
        }
    }
    Ok(None)
}

/// `index-url` of an INI file of pip's: a section of a command counts more than `[global]`.
fn index_url(text: &str) -> Option<&str> {
    let (mut section, mut found) = ("", None);
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim();
        } else if let Some((key, value)) = line.split_once(['=', ':'])
            && matches!(key.trim(), "index-url" | "index_url")
        {
            match section {
                "install" | "download" => return Some(value.trim()),
                "global" => found = Some(value.trim()),
                _ => {}
            }
        }
    }
    found
}

/// The default index of the uv or pip at hand, as its help has it: nothing is configured, so that
/// is the one that it would ask. It is asked for nothing else, and neither reads a configuration
/// nor opens a socket for that.
fn ask(environment: &Environment, uv: Option<&Path>) -> Result<Url, Problem> {
    let on_path = ["uv", "python3"].map(|name| environment.find_program(name));
    let [their_uv, python] = &on_path;
    let uvs = uv.into_iter().chain(their_uv.as_deref());
    let uvs = uvs.map(|uv| (uv, &["pip", "compile", "--help"][..]));
    let pips =
        python.iter().map(|python| (python.as_path(), &["-m", "pip", "install", "--help"][..]));
    let mut asked = Vec::new();
    for (program, arguments) in uvs.chain(pips) {
        let help = Process::new(program)
            .args(arguments)
            .envs(&environment.for_network())
            // No line of the help may end within the URL.
            .env("COLUMNS", "1000")
            .stdout();
        match help.ok().as_deref().and_then(default_in) {
            Some(url) => return parse(&program.display().to_string(), url),
            None => asked.push(program.display().to_string()),
        }
    }
    let asked =
        if asked.is_empty() { "no `uv`, no `python3`".to_owned() } else { asked.join("\n") };
    Err(Problem::new("cannot find out which package index to ask")
        .fact("looked at", "environment, uv.toml, pip.conf")
        .fact("asked", asked)
        .hint("set `UV_DEFAULT_INDEX` to the URL of the index"))
}

/// The URL in `(default https://…)` or `(by default: <https://…>)`.
fn default_in(help: &str) -> Option<&str> {
    let words: Vec<&str> = help.split_whitespace().collect();
    let pair = words.windows(2).find(|pair| {
        let before = pair[0].trim_start_matches('(').trim_end_matches(':');
        before == "default" && pair[1].contains("://")
    })?;
    let url = pair[1].trim_start_matches(['<', '`']);
    url.split(['>', ')', '`']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(environment: &Environment) -> Vec<String> {
        let indexes = Indexes::ambient(environment, None).unwrap();
        indexes.urls.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_environment_counts_more_than_files() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().to_str().unwrap();
        fs::create_dir_all(format!("{home}/uv")).unwrap();
        let text = "[[index]]\nurl = 'https://file.example/simple'\ndefault = true\n\
                    [[index]]\nurl = 'https://more.example/simple'\n\
                    [[index]]\nurl = 'https://never.example/simple'\nexplicit = true\n";
        fs::write(format!("{home}/uv/uv.toml"), text).unwrap();
        let with = |extra: &[(&str, &str)]| {
            let fixed = [("XDG_CONFIG_HOME", home), ("XDG_CONFIG_DIRS", "/nowhere")];
            Environment::of(fixed.iter().chain(extra).copied())
        };
        let more = "https://more.example/simple";
        assert_eq!(urls(&with(&[])), [more, "https://file.example/simple"]);
        let named = ("UV_DEFAULT_INDEX", "mine=https://env.example/simple");
        assert_eq!(urls(&with(&[named])), [more, "https://env.example/simple"]);
        let alone = [("UV_INDEX_URL", "https://env.example/simple"), ("UV_NO_CONFIG", "1")];
        assert_eq!(urls(&with(&alone)), ["https://env.example/simple"]);
    }

    #[test]
    fn a_wrong_url_is_shown_without_its_password() {
        let environment = Environment::of([("UV_DEFAULT_INDEX", "ftp://me:word@a.example/")]);
        let problem = Indexes::ambient(&environment, None).unwrap_err();
        assert!(!problem.to_string().contains("word"), "{problem}");
        let nothing = Environment::of([("UV_NO_CONFIG", "1")]);
        let problem = Indexes::ambient(&nothing, None).unwrap_err();
        assert!(problem.hint.unwrap().contains("UV_DEFAULT_INDEX"));
    }

    #[test]
    fn pip_is_looked_at_where_uv_names_none() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().to_str().unwrap();
        fs::create_dir_all(format!("{home}/pip")).unwrap();
        let with = |conf: &str, extra: &[(&str, &str)]| {
            fs::write(format!("{home}/pip/pip.conf"), conf).unwrap();
            let fixed = [("XDG_CONFIG_HOME", home), ("XDG_CONFIG_DIRS", "/nowhere")];
            urls(&Environment::of(fixed.iter().chain(extra).copied()))
        };
        let conf = "# mine\n[global]\ntimeout = 5\nindex-url = https://conf.example/simple\n";
        assert_eq!(with(conf, &[]), ["https://conf.example/simple"]);
        let install = format!("{conf}[install]\nindex_url: https://install.example/simple\n");
        assert_eq!(with(&install, &[]), ["https://install.example/simple"]);
        let pip = ("PIP_INDEX_URL", "https://env.example/simple");
        assert_eq!(with(conf, &[pip]), ["https://env.example/simple"]);
        let uv = ("UV_INDEX_URL", "https://uv.example/simple");
        assert_eq!(with(conf, &[pip, uv]), ["https://uv.example/simple"]);
    }

    #[test]
    fn a_default_is_read_out_of_a_help() {
        for help in [
            "-i, --index-url <url>  Base URL (default\n  https://a.example/simple). It should",
            "--default-index <X>\n  The index (by default: <https://a.example/simple>) [env: X]",
        ] {
            assert_eq!(default_in(help), Some("https://a.example/simple"));
        }
        assert_eq!(default_in("by default: nothing"), None);
    }
}
