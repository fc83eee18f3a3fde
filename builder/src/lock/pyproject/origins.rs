//! The package origins in `[tool.uv]`: indexes, directories of files, and `[tool.uv.sources]`.
//! Settings that only uv itself uses are kept unchanged.

use std::collections::{BTreeMap, BTreeSet};

use base::packaging::PackageName;
use serde::Deserialize;

use super::Pyproject;

/// The parts of `[tool.uv]` that say where packages come from.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Origins {
    /// `[[tool.uv.index]]`, in its order.
    pub index: Vec<IndexEntry>,
    /// `index-url`: the default index in older words.
    pub index_url: Option<String>,
    /// `extra-index-url`.
    pub extra_index_url: Vec<String>,
    /// `find-links`.
    pub find_links: Vec<String>,
    /// `index-strategy`.
    pub index_strategy: Option<String>,
    /// `no-index`.
    pub no_index: bool,
    /// `[tool.uv.sources]`: a table, or a list of tables with markers.
    pub sources: BTreeMap<PackageName, toml::Value>,
}

/// One `[[tool.uv.index]]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct IndexEntry {
    /// Its name, by which a source can choose it.
    pub name: Option<String>,
    /// Its URL, or a path relative to the project.
    pub url: String,
    /// Whether only a source can choose it.
    #[serde(default)]
    pub explicit: bool,
    /// Whether it stands instead of the default index.
    #[serde(default)]
    pub default: bool,
    /// `flat`, or the default `simple`.
    pub format: Option<String>,
    /// Keys that only uv needs.
    #[serde(flatten)]
    pub rest: toml::Table,
}

/// The part of `[tool.uv.sources]` that applies to the requirements of a build.
#[derive(Debug, Clone, Copy)]
pub struct BuildSources<'a> {
    /// The tree that is built: its own sources come first, as uv has it, also if it is a source
    /// distribution of an index.
    pub own: &'a Pyproject,
    /// The root of the workspace, if the tree is a member of it.
    pub workspace: Option<&'a Pyproject>,
    /// The application's project, whose `extra-build-dependencies` have its sources.
    pub project: &'a Pyproject,
}

/// From which `pyproject.toml` a source is: relative paths and names of indexes depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Declared {
    /// The one of the tree that is built.
    ByItself,
    /// The one at the root of the application.
    ByTheRoot,
}

impl<'a> BuildSources<'a> {
    /// The source of a requirement, and who declares it; `extra` are the names that
    /// `extra-build-dependencies` adds.
    pub fn of(
        &self,
        name: &PackageName,
        extra: &BTreeSet<PackageName>,
    ) -> Option<(Declared, &'a toml::Value)> {
        let own = self.own.uv.origins.sources.get(name).map(|it| (Declared::ByItself, it));
        let root = self.workspace.or_else(|| extra.contains(name).then_some(self.project));
        let root = root.and_then(|root| root.uv.origins.sources.get(name));
        own.or(root.map(|it| (Declared::ByTheRoot, it)))
    }

    /// The sources of requirements as lines of text, which are locked: with others, other things
    /// would have been locked.
    pub fn recorded<'n>(
        &self,
        names: impl IntoIterator<Item = &'n PackageName>,
        extra: &BTreeSet<PackageName>,
    ) -> BTreeMap<PackageName, String> {
        let line = |source: &toml::Value| serde_json::to_string(source).unwrap_or_default();
        let of = |name: &'n PackageName| Some((name.clone(), line(self.of(name, extra)?.1)));
        names.into_iter().filter_map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trees_own_sources_come_first_and_the_roots_are_for_members() {
        let parse = |text: &str| Pyproject::parse("`x`", text).unwrap();
        let own = parse("tool.uv.sources.a = { path = 'own' }");
        let root = parse(
            "[tool.uv.sources]\na = { index = 'i' }\nb = { workspace = true }\n\
             [[tool.uv.index]]\nname = 'i'\nurl = 'wheels'\nexplicit = true\n\
             authenticate = 'never'",
        );
        assert!(root.uv.origins.index[0].explicit);
        assert_eq!(root.uv.origins.index[0].rest["authenticate"].as_str(), Some("never"));
        let [a, b] = ["a", "b"].map(|name| name.parse::<PackageName>().unwrap());
        let none = BTreeSet::new();
        let member = BuildSources { own: &own, workspace: Some(&root), project: &root };
        assert_eq!(member.of(&a, &none).unwrap().0, Declared::ByItself);
        assert_eq!(member.of(&b, &none).unwrap().0, Declared::ByTheRoot);
        let stranger = BuildSources { workspace: None, ..member };
        assert_eq!(stranger.of(&b, &none), None);
        assert_eq!(stranger.of(&b, &[b.clone()].into()).unwrap().0, Declared::ByTheRoot);
        let recorded = member.recorded([&a, &b], &none);
        assert_eq!(recorded[&a], r#"{"path":"own"}"#);
        assert_eq!(recorded[&b], r#"{"workspace":true}"#);
    }
}
