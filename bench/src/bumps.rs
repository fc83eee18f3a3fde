//! Single bumps of a recipe, as a person makes them: edits of a copy of the recipe, its source tree
//! and their locks. `bumps.toml` lists them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};
use xshell::{Shell, cmd};

/// One bump, and what must be compiled after it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bump {
    pub(super) name: String,
    pub(super) compiled: Compiled,
    /// Another file of a distribution of the index.
    lock: Option<Locked>,
    /// Build requirements of distributions, instead of their own; they are locked anew.
    #[serde(default)]
    requires: BTreeMap<String, Vec<String>>,
    /// Environment variables of builds, by distribution.
    #[serde(default)]
    env: BTreeMap<String, BTreeMap<String, String>>,
    /// Requirements that the output does not meet then.
    #[serde(default)]
    unmet: Vec<String>,
    append: Option<Append>,
    /// The Debian suite of the toolchain.
    suite: Option<String>,
}

/// What is compiled.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub(super) enum Compiled {
    /// These, sorted.
    Only(Vec<String>),
    /// The word `all`: everything that is built from source.
    Word(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Locked {
    name: String,
    version: String,
    file: String,
    sha256: String,
}

/// A line at the end of a file of the source tree.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Append {
    path: String,
    text: String,
}

/// The bumps of a recipe.
pub(super) fn of(recipe: &str) -> anyhow::Result<Vec<Bump>> {
    let mut all: BTreeMap<String, Vec<Bump>> =
        toml::from_str(include_str!("bumps.toml")).context("cannot read `bumps.toml`")?;
    let known = all.keys().cloned().collect::<Vec<_>>().join(", ");
    all.remove(recipe).with_context(|| format!("no bumps of `{recipe}` are known, only of {known}"))
}

impl Bump {
    /// Makes the edits in `copy`, which has the directories `recipes` and `source`. Tells whether
    /// the build requirements must be locked anew.
    pub(super) fn apply(&self, shell: &Shell, recipe: &str, copy: &Path) -> anyhow::Result<bool> {
        if let Some(locked) = &self.lock {
            edit(shell, &copy.join("source/uv.lock"), |lock| locked.put_into(lock))?;
        }
        if let Some(Append { path, text }) = &self.append {
            let path = copy.join("source").join(path);
            let before = shell.read_file(&path)?;
            shell.write_file(path, before + text)?;
        }
        edit(shell, &copy.join(format!("recipes/{recipe}.toml")), |table| {
            for (name, requires) in &self.requires {
                let build = at(table, &["override", name, "build"])?;
                build.insert("requires".to_owned(), requires.clone().into());
            }
            for (name, variables) in &self.env {
                let env = at(table, &["override", name, "build", "env"])?;
                env.extend(variables.iter().map(|(key, it)| (key.clone(), it.clone().into())));
            }
            if let Some(suite) = &self.suite {
                let debian = at(table, &["toolchain", "debian"])?;
                debian.insert("suite".to_owned(), suite.clone().into());
            }
            for name in &self.unmet {
                let skipped = at(table, &["check", "skip-requirements"])?;
                skipped.insert(name.clone(), "bumped".into());
            }
            Ok(())
        })?;
        Ok(!self.requires.is_empty())
    }
}

impl Locked {
    /// Puts it in place of what is locked of that name. The new file is said to lie beside the old
    /// one, where it is not: then it is looked for on the index, by name and sha256.
    fn put_into(&self, lock: &mut Table) -> anyhow::Result<()> {
        let packages = lock.get_mut("package").and_then(Value::as_array_mut);
        let mut packages = packages.into_iter().flatten().filter_map(Value::as_table_mut);
        let package = packages
            .find(|it| it.get("name").and_then(Value::as_str) == Some(&self.name))
            .with_context(|| format!("`{}` is not locked", self.name))?;
        let wheels = package.remove("wheels").and_then(|it| it.as_array()?.first().cloned());
        let file = package.remove("sdist").or(wheels).context("it has no file")?;
        let url = file.get("url").and_then(Value::as_str).context("its file has no URL")?;
        let (beside, _) = url.rsplit_once('/').context("its URL has no path")?;
        let file: Table = [
            ("url".to_owned(), format!("{beside}/{}", self.file).into()),
            ("hash".to_owned(), format!("sha256:{}", self.sha256).into()),
        ]
        .into_iter()
        .collect();
        package.insert("version".to_owned(), self.version.clone().into());
        if self.file.ends_with(".whl") {
            package.insert("wheels".to_owned(), vec![file].into());
        } else {
            package.insert("sdist".to_owned(), file.into());
        }
        Ok(())
    }
}

/// Copies what a recipe is built of to `copy`.
pub(super) fn copy(shell: &Shell, root: &Path, source: &Path, copy: &Path) -> anyhow::Result<()> {
    shell.remove_path(copy)?;
    shell.create_dir(copy)?;
    let (recipes, into) = (root.join("recipes"), copy.join("source"));
    cmd!(shell, "cp -r {recipes} {copy}").quiet().run()?;
    cmd!(shell, "cp -r {source} {into}").quiet().run()?;
    Ok(())
}

fn edit(
    shell: &Shell,
    path: &Path,
    change: impl FnOnce(&mut Table) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let read = || -> anyhow::Result<Table> { Ok(toml::from_str(&shell.read_file(path)?)?) };
    let mut table = read().with_context(|| format!("cannot read `{}`", path.display()))?;
    change(&mut table)?;
    shell.write_file(path, toml::to_string(&table)?)?;
    Ok(())
}

/// The table at a path of keys; made where it is missing.
fn at<'a>(table: &'a mut Table, keys: &[&str]) -> anyhow::Result<&'a mut Table> {
    keys.iter().try_fold(table, |table, key| {
        let below = table.entry(*key).or_insert_with(|| Table::new().into());
        below.as_table_mut().with_context(|| format!("`{key}` is no table"))
    })
}
