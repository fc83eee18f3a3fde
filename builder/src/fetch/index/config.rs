//! The indexes that this machine is configured with: from the environment, the configuration files
//! of uv and pip, else the default of an available uv or pip. Only settings that decide where to
//! look for files are read.

use std::path::Path;

use fs_err as fs;
use serde::Deserialize;
use url::Url;

use super::ask::{Named, ask, of_pip};
use crate::fetch::mirrors::Mirrors;
use crate::lock::pyproject::{Origins, Pyproject};
use base::sys::env::Environment;
use base::vocabulary::Problem;
use base::vocabulary::redacted::redact_text;

/// The configured indexes in the order in which uv asks them; the default one is the last.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Indexes {
    /// One after the other.
    pub list: Vec<Index>,
}

/// One index.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "as uv's own table has it")]
pub struct Index {
    /// The name by which a source chooses it.
    pub name: Option<String>,
    /// May hold credentials.
    pub url: Url,
    /// Whether it is asked only for what a source has it for.
    pub explicit: bool,
    /// Whether it is the one that is asked last.
    pub default: bool,
    /// Whether it is one page, or a directory, of files of any project.
    pub flat: bool,
    /// Whether the application's project names it.
    pub of_project: bool,
    /// Further keys, which only uv needs.
    pub rest: toml::Table,
}

/// What the application's project says of indexes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProjectIndexes {
    list: Vec<Index>,
    /// `index-strategy`.
    pub strategy: Option<String>,
    /// `no-index`.
    pub no_index: bool,
}

impl ProjectIndexes {
    /// What `[tool.uv]` of a project says whose tree is `tree`: relative paths start there.
    ///
    /// # Errors
    /// A URL that is none.
    pub fn of(project: &Pyproject, tree: &Path) -> Result<Self, Problem> {
        let origins = &project.uv.origins;
        let list = of_origins("the project's `[tool.uv]`", origins, Some(tree))?;
        Ok(Self { list, strategy: origins.index_strategy.clone(), no_index: origins.no_index })
    }

    /// The same, asked at mirrors.
    #[must_use]
    pub fn at(mut self, mirrors: &Mirrors) -> Self {
        for index in &mut self.list {
            index.url = mirrors.of(&index.url);
        }
        self
    }

    /// The one of that name.
    pub fn named(&self, name: &str) -> Option<&Index> {
        self.list.iter().find(|index| index.name.as_deref() == Some(name))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct UvToml {
    #[serde(flatten)]
    origins: Origins,
    #[serde(default)]
    pip: PipToml,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PipToml {
    index_url: Option<String>,
}

impl Indexes {
    /// Determines the indexes. If neither the environment, the project nor a file names a default
    /// index, it asks an available uv or pip for its default.
    ///
    /// # Errors
    /// A configuration file or URL that cannot be read; nobody to ask.
    pub fn ambient(
        environment: &Environment,
        project: &ProjectIndexes,
        uv: Option<&Path>,
    ) -> Result<Self, Problem> {
        let mut indexes = Self::configured(environment, project)?;
        if !project.no_index && !indexes.list.iter().any(|index| index.default) {
            let Named { origin, url } = match of_pip(environment) {
                Some(named) => named,
                None => ask(environment, uv)?,
            };
            let index = Index::at(parse(&origin, &url, None)?.url);
            indexes.list.push(Index { default: true, ..index });
        }
        Ok(indexes)
    }

    /// What environment, project and uv's configuration files name, in this order, without what
    /// uv itself knows.
    ///
    /// # Errors
    /// A configuration file or URL that cannot be read.
    pub fn configured(
        environment: &Environment,
        project: &ProjectIndexes,
    ) -> Result<Self, Problem> {
        let mut all = of_environment(environment)?;
        all.extend(project.list.iter().cloned());
        for path in environment.uv_config_files() {
            let Ok(text) = fs::read_to_string(&path) else {
                continue;
            };
            let shown = path.display().to_string();
            let mut file: UvToml = toml::from_str(&text)
                .map_err(|error| Problem::new(format!("cannot read `{shown}`")).cause(error))?;
            // What a person's own installations find beside indexes decides nothing here.
            file.origins.find_links.clear();
            file.origins.index_url = file.origins.index_url.or(file.pip.index_url);
            all.extend(of_origins(&shown, &file.origins, None)?);
        }
        for index in &mut all {
            index.authenticate(environment);
        }
        Ok(Self { list: in_order(all) })
    }

    /// Those that files are looked for on, by name and sha256.
    pub fn asked(&self) -> impl Iterator<Item = &Index> {
        self.list.iter().filter(|index| !index.explicit || index.of_project)
    }
}

/// The first default index is the default one and comes last; of others only the name counts. What
/// was named before is not asked again.
fn in_order(all: Vec<Index>) -> Vec<Index> {
    let mut default = None;
    let mut list: Vec<Index> = Vec::new();
    for mut index in all {
        let known = |other: &Index| other.url == index.url && other.explicit <= index.explicit;
        if list
            .iter()
            .any(|other| known(other) && (index.name.is_none() || other.name == index.name))
        {
            continue;
        }
        if index.default && default.is_none() {
            default = Some(index);
            continue;
        }
        if index.default {
            if index.name.is_none() {
                continue;
            }
            index.default = false;
            index.explicit = true;
        }
        list.push(index);
    }
    list.extend(default);
    list
}

impl Index {
    fn at(url: Url) -> Self {
        Self {
            name: None,
            url,
            explicit: false,
            default: false,
            flat: false,
            of_project: false,
            rest: toml::Table::new(),
        }
    }

    /// Gives it another name, under which a source chooses it and nothing else does.
    pub fn name_for_sources(&mut self, name: &str) {
        self.name = Some(name.to_owned());
        self.explicit = true;
        self.default = false;
    }

    /// The table that defines it for uv; `dated` says whether its files have a date of upload.
    pub fn for_uv(&self, dated: bool) -> toml::Table {
        let mut table = self.rest.clone();
        let mut set = |key: &str, value: toml::Value| table.insert(key.to_owned(), value);
        set("url", self.url.to_string().into());
        if let Some(name) = &self.name {
            set("name", name.clone().into());
        }
        for (key, is) in [("explicit", self.explicit), ("default", self.default)] {
            if is {
                set(key, true.into());
            }
        }
        if self.flat {
            set("format", "flat".into());
        }
        if !dated {
            set("exclude-newer", false.into());
        }
        table
    }

    /// `UV_INDEX_<NAME>_USERNAME` and `_PASSWORD`, if the URL itself has none.
    pub fn authenticate(&mut self, environment: &Environment) {
        let Some(name) = &self.name else { return };
        let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
        let name: String = name.to_uppercase().chars().map(plain).collect();
        let get = |what: &str| environment.get(&format!("UV_INDEX_{name}_{what}"));
        if self.url.username().is_empty() && self.url.password().is_none() && self.url.has_host() {
            // It has a host, so it can have a user.
            let _ = self.url.set_username(get("USERNAME").unwrap_or_default());
            let _ = self.url.set_password(get("PASSWORD"));
        }
    }
}

fn of_environment(environment: &Environment) -> Result<Vec<Index>, Problem> {
    let mut list = Vec::new();
    for name in ["UV_INDEX", "UV_EXTRA_INDEX_URL"] {
        for value in environment.get(name).unwrap_or_default().split_whitespace() {
            list.push(parse(name, value, None)?);
        }
    }
    for name in ["UV_DEFAULT_INDEX", "UV_INDEX_URL"] {
        if let Some(value) = environment.get(name) {
            list.push(Index { default: true, ..parse(name, value, None)? });
        }
    }
    Ok(list)
}

fn of_origins(shown: &str, origins: &Origins, tree: Option<&Path>) -> Result<Vec<Index>, Problem> {
    let at = |url: &str| {
        Ok::<_, Problem>(Index { of_project: tree.is_some(), ..parse(shown, url, tree)? })
    };
    let mut list = Vec::new();
    for entry in &origins.index {
        list.push(Index {
            name: entry.name.clone(),
            explicit: entry.explicit,
            default: entry.default,
            flat: entry.format.as_deref() == Some("flat"),
            rest: entry.rest.clone(),
            ..at(&entry.url)?
        });
    }
    for url in &origins.extra_index_url {
        list.push(at(url)?);
    }
    for url in &origins.find_links {
        list.push(Index { flat: true, ..at(url)? });
    }
    if let Some(url) = &origins.index_url {
        list.push(Index { default: true, ..at(url)? });
    }
    Ok(list)
}

/// A URL, or `name=URL` as `UV_INDEX` may have it, or a path; a relative one starts in `tree`.
fn parse(origin: &str, text: &str, tree: Option<&Path>) -> Result<Index, Problem> {
    let wrong = || {
        let shown = redact_text(text);
        Problem::usage(format!("`{shown}` is not the URL of an index"))
            .fact("from", origin)
            .hint("an index is `https://…/simple`, or `file:///…` for one on disk")
    };
    let (name, unnamed) = match text.split_once('=') {
        Some((name, url)) if !name.contains([':', '/']) => (Some(name.to_owned()), url),
        _ => (None, text),
    };
    let url = match (tree, Url::parse(unnamed)) {
        (_, Err(_)) if unnamed.starts_with('/') => {
            Url::from_directory_path(unnamed).map_err(|()| wrong())?
        }
        (Some(tree), Err(_)) => {
            Url::from_directory_path(tree.join(unnamed)).map_err(|()| wrong())?
        }
        (_, parsed) => parsed.map_err(|_| wrong())?,
    };
    match url.scheme() {
        "https" | "http" | "file" => Ok(Index { name, ..Index::at(url) }),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests;
