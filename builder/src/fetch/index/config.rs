//! Which indexes uv is configured with: the environment, uv's configuration files, else what uv
//! itself says. Only what decides where files are looked for is read of them.

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
    /// Finds them out. `uv` is asked only if neither the environment nor a file names a default
    /// index: `uv pip compile --emit-index-url` prints the one that uv would use.
    ///
    /// Errors: a configuration file or URL that cannot be read; no `uv` to ask.
    pub fn ambient(environment: &Environment, uv: Option<&Path>) -> Result<Self, Problem> {
        let Configured { more: mut urls, default } = Configured::read(environment)?;
        urls.push(default.map_or_else(|| ask_uv(environment, uv), Ok)?);
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

fn ask_uv(environment: &Environment, uv: Option<&Path>) -> Result<Url, Problem> {
    let problem = || {
        Problem::new("cannot find out which package index uv is configured with")
            .hint("set `UV_DEFAULT_INDEX` to the URL of the index")
    };
    let uv = uv.ok_or_else(|| problem().fact("because", "there is no `uv` to ask"))?;
    // It resolves what it reads; nothing to resolve is nothing to print.
    let printed = Process::new(uv)
        .args(["pip", "compile", "-q", "--emit-index-url", "--no-header", "-"])
        .envs(&environment.for_network())
        .stdout_with_input(b"six\n")
        .map_err(|error| problem().fact("because", redact_text(&error.to_string())))?;
    let line = printed.lines().find_map(|line| line.trim().strip_prefix("--index-url"));
    let line = line.ok_or_else(|| problem().fact("printed", redact_text(printed.trim())))?;
    parse("uv", line.trim_start_matches('=').trim())
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
}
