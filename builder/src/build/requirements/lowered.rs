//! Passes the `[tool.uv.sources]` of a build's requirements to uv: in a project of our own, with
//! absolute paths and definitions of the chosen indexes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use base::packaging::PackageName;

use super::requires::Requires;
use crate::fetch::application::Application;
use crate::fetch::index::{Index, ProjectIndexes};
use crate::fetch::snapshot::project_directory;
use crate::lock::build_lock::Demands;
use crate::lock::pyproject::{Declared, Pyproject};
use crate::lock::resolve::{Artifact, Distribution};
use base::vocabulary::Problem;

/// The sources of what one build asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Lowered {
    /// The table `[tool.uv.sources]` for uv.
    pub(super) sources: toml::Table,
    /// The indexes that it chooses.
    pub(super) indexes: Vec<Index>,
    /// The sources as they were declared.
    pub(super) recorded: BTreeMap<PackageName, String>,
    /// What comes from an index that only the built tree names: phase 1 does not know that one.
    pub(super) unknown_index: BTreeSet<PackageName>,
}

/// The place of one declaration: who declares it, and where that one's tree is.
struct Place<'a> {
    whose: &'a Distribution,
    declared: Declared,
    pyproject: &'a Pyproject,
    /// The root of the workspace, for names of indexes.
    root: Option<&'a Pyproject>,
    /// Where the lock is, and the project of the root.
    lock_directory: &'a str,
    /// Relative to the application's tree; `None` if it is not part of it.
    directory: Option<&'a str>,
    application: &'a Application,
}

impl Lowered {
    /// The sources that apply to `requires`, which the build of `distribution` asks for.
    ///
    /// # Errors
    /// A source that cannot be pinned, or that a foreign tree must not name.
    pub(super) fn of(
        distribution: &Distribution,
        own: &Pyproject,
        requires: &Requires,
        demands: Demands<'_>,
        application: &Application,
    ) -> Result<Self, Problem> {
        let directory = match &distribution.artifact {
            Artifact::Local(path) => Some(path.as_str()),
            _ => None,
        };
        let sources = demands.sources(distribution, own);
        let root = demands.recipe.lock.directory();
        let names = requires.names();
        let recorded = sources.recorded(names, &requires.extra);
        let mut lowered = Self { recorded, ..Self::default() };
        for name in names {
            let Some((declared, source)) = sources.of(name, &requires.extra) else {
                continue;
            };
            let itself = declared == Declared::ByItself;
            let place = Place {
                whose: distribution,
                declared,
                pyproject: if itself { own } else { &application.project },
                root: sources.workspace,
                lock_directory: root,
                directory: if itself { directory } else { Some(root) },
                application,
            };
            lowered.add(name, source, &place)?;
        }
        Ok(lowered)
    }

    fn add(
        &mut self,
        name: &PackageName,
        source: &toml::Value,
        place: &Place<'_>,
    ) -> Result<(), Problem> {
        let tables = match source {
            toml::Value::Array(tables) => tables.clone(),
            one => vec![one.clone()],
        };
        let mut lowered = Vec::new();
        for table in tables {
            let toml::Value::Table(table) = table else {
                return Err(place.refused(name, "it is neither a table nor a list of tables"));
            };
            lowered.push(toml::Value::Table(self.table(name, table, place)?));
        }
        self.sources.insert(name.to_string(), toml::Value::Array(lowered));
        Ok(())
    }

    fn table(
        &mut self,
        name: &PackageName,
        mut table: toml::Table,
        place: &Place<'_>,
    ) -> Result<toml::Table, Problem> {
        let text = |table: &toml::Table, key: &str| {
            table.get(key).and_then(toml::Value::as_str).map(str::to_owned)
        };
        if let Some(index) = text(&table, "index") {
            let index = self.index(name, &index, place)?;
            table.insert("index".to_owned(), index.into());
        } else if let Some(path) = text(&table, "path") {
            table.remove("editable");
            table.insert("path".to_owned(), shown(&place.path(name, &path)?));
        } else if table.remove("workspace").is_some() {
            table.remove("editable");
            table.insert("path".to_owned(), shown(&place.member(name)?));
        } else if let Some(url) = text(&table, "git").or_else(|| text(&table, "url")) {
            place.check_foreign(name, &url)?;
            if table.get("lfs").and_then(toml::Value::as_bool) == Some(true) {
                return Err(place.refused(name, "`lfs = true` is not served for builds"));
            }
        }
        Ok(table)
    }

    /// Defines the index that a source chooses, and returns the name that it has for uv.
    fn index(
        &mut self,
        name: &PackageName,
        index: &str,
        place: &Place<'_>,
    ) -> Result<String, Problem> {
        let tree = place
            .directory
            .map_or_else(|| PathBuf::from("/"), |directory| place.application.tree.join(directory));
        let itself = place.declared == Declared::ByItself;
        let of = |whose: &Pyproject, tree: &Path| {
            let indexes = ProjectIndexes::of(whose, tree)?;
            Ok::<_, Problem>(indexes.named(index).cloned())
        };
        let own = of(place.pyproject, &tree)?.map(|found| (found, itself));
        let beside = place.application.tree.join(place.lock_directory);
        let root = place.root.map(|root| of(root, &beside)).transpose()?.flatten();
        let Some((mut found, of_itself)) = own.or_else(|| root.map(|found| (found, false))) else {
            return Err(place.refused(name, &format!("no index is named `{index}`")));
        };
        place.check_foreign(name, found.url.as_str())?;
        if of_itself && place.application.project != *place.pyproject {
            self.unknown_index.insert(name.clone());
        }
        // Both may have one of that name.
        let unique = format!("{}-{index}", if of_itself { "own" } else { "root" });
        found.name_for_sources(&unique);
        if !self.indexes.contains(&found) {
            self.indexes.push(found);
        }
        Ok(unique)
    }
}

fn shown(path: &Path) -> toml::Value {
    path.display().to_string().into()
}

impl Place<'_> {
    /// The absolute path of a path source, which must be in the application's tree.
    fn path(&self, name: &PackageName, path: &str) -> Result<PathBuf, Problem> {
        let Some(directory) = self.directory else {
            return Err(self.refused(
                name,
                "it is a path, and what is built is no part of the application's tree",
            ));
        };
        let below = below(&format!("{directory}/{path}")).ok_or_else(|| {
            self.refused(name, "it leads out of the source tree; what lies elsewhere is not pinned")
        })?;
        project_directory(&self.application.tree, &below)
    }

    /// The directory of a member of the workspace.
    fn member(&self, name: &PackageName) -> Result<PathBuf, Problem> {
        if self.directory.is_none() {
            return Err(self.refused(name, "it is a member of a workspace that is not here"));
        }
        let path = self.application.lock.named(name).find_map(|it| it.source.local_path());
        let path = path.ok_or_else(|| {
            self.refused(name, "`uv.lock` has no member of the workspace of that name")
        })?;
        project_directory(&self.application.tree, path)
    }

    /// A project that is not part of the application may not name a file of this machine.
    fn check_foreign(&self, name: &PackageName, url: &str) -> Result<(), Problem> {
        let open = ["https://", "http://", "ssh://"].iter().any(|scheme| url.starts_with(scheme));
        if open || self.directory.is_some() {
            return Ok(());
        }
        Err(self.refused(name, "a source that is not the application's must be `https:` or `ssh:`"))
    }

    fn refused(&self, name: &PackageName, because: &str) -> Problem {
        let whose = &self.whose.name;
        Problem::new(format!("cannot lock `{name}`, a build requirement of `{whose}`"))
            .fact("because", format!("its `[tool.uv.sources]`: {because}"))
            .hint(format!(
                "`override.{whose}.build.requires` in the recipe replaces its build requirements"
            ))
    }
}

/// A relative path without `.` and `..`; `.` if nothing is left, `None` if it leads out.
fn below(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::ParentDir => {
                parts.pop()?;
            }
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}

#[cfg(test)]
mod tests {
    use super::below;

    #[test]
    fn a_path_stays_in_the_tree() {
        for (path, expected) in [
            ("./plugin", Some("plugin")),
            ("pkgs/a/../b", Some("pkgs/b")),
            ("./.", Some(".")),
            ("./..", None),
            ("a/../../b", None),
            ("/etc", None),
        ] {
            assert_eq!(below(path).as_deref(), expected, "{path}");
        }
    }
}
