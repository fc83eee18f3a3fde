//! One recipe, before and after: its targets, its own settings, its build lock and toolchain lock,
//! and whether its ledger is still of its locks. The recipe of the base decides what is compared.

use serde::Serialize;
use toml::Table;

use base::recipe::{LockPlace, Recipe, Source};
use base::vocabulary::limits::{
    BUILD_LOCK_BYTES, LEDGER_BYTES, LOCK_BYTES, PYPROJECT_BYTES, RECIPE_BYTES,
};
use base::vocabulary::{Problem, Sha256, Target};
use builder::lock::Lock;
use builder::lock::pyproject::Pyproject;

use crate::finding::Finding;
use crate::locks::Context;
use crate::rules::{BUILD_CODE, SETTING_CHANGED};
use crate::settings::{self, SettingChange};
use crate::targets::{self, Side, TargetChange};
use crate::tree::{Tree, joined};

/// What changed for a recipe.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct RecipeChange {
    /// Its name.
    pub(crate) name: String,
    /// On each target.
    pub(crate) targets: Vec<TargetChange>,
    /// Of the recipe, its build lock and its toolchain lock.
    pub(crate) settings: Vec<SettingChange>,
    /// What a person must do before or after the merge, a line each.
    pub(crate) to_bless: Vec<String>,
    /// What text alone cannot tell, a line each.
    pub(crate) unknown: Vec<String>,
}

/// The recipes of a side, by name, with the paths of their files.
pub(crate) fn all(tree: &Tree) -> Vec<(String, String)> {
    let ends = [".build-lock.toml", ".toolchain-lock.toml", ".ledger.toml"];
    let is_recipe = |path: &&str| {
        let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
        dir.rsplit('/').next() == Some("recipes")
            && path.ends_with(".toml")
            && !ends.iter().any(|end| path.ends_with(end))
    };
    let named = |path: &str| {
        let file = path.rsplit('/').next().unwrap_or_default();
        (file.trim_end_matches(".toml").to_owned(), path.to_owned())
    };
    tree.paths().filter(is_recipe).map(named).collect()
}

/// Where a recipe's lock is in the repository; `None` if its source is elsewhere.
fn lock_of(recipe: &Recipe, path: &str) -> Option<(String, String)> {
    let Source::Path(source) = &recipe.source else { return None };
    let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
    let tree = joined(dir, source.to_str()?)?;
    let lock = joined(&tree, &recipe.lock.file())?;
    Some((tree, lock))
}

fn recipe(tree: &Tree, name: &str, path: &str) -> Result<Option<Recipe>, Problem> {
    let Some(text) = tree.read(path, &RECIPE_BYTES)? else { return Ok(None) };
    // Source patches decide no lock.
    Recipe::parse(name, text, &|_| Ok(Vec::new())).map(Some)
}

/// What changed for the recipe at `path`, and what the rules find; `None` if nothing of the change
/// touches it.
///
/// # Errors
/// The recipe of the base cannot be read.
pub(crate) fn compare(
    (name, path): (&str, &str),
    changed: &[&str],
    context: Context<'_>,
) -> Result<Option<(RecipeChange, Vec<Finding>)>, Problem> {
    let Context { base, head, .. } = context;
    let belongs = |end: &str| path.replace(".toml", end);
    let (build_lock, toolchain) = (belongs(".build-lock.toml"), belongs(".toolchain-lock.toml"));
    let before = recipe(base, name, path)?;
    let now = match recipe(head, name, path) {
        Ok(now) => now,
        Err(problem) => {
            let change = RecipeChange {
                name: name.to_owned(),
                unknown: vec![format!("the recipe cannot be read: {}", problem.what)],
                ..RecipeChange::default()
            };
            return Ok(Some((change, Vec::new())));
        }
    };
    let Some(judge) = before.as_ref().or(now.as_ref()) else { return Ok(None) };
    let place = lock_of(judge, path);
    let own = [path, &build_lock, &toolchain];
    let in_tree = |it: &str| place.as_ref().is_some_and(|(_, lock)| it == lock);
    if !changed.iter().any(|it| own.contains(it) || in_tree(it)) {
        return Ok(None);
    }
    let mut change = RecipeChange { name: name.to_owned(), ..RecipeChange::default() };
    let mut found = own_files(&own, context, &mut change)?;
    let Some((tree, lock)) = place else {
        let source = change.settings.iter().any(|it| it.key.starts_with("source."));
        if source {
            change.unknown.push(
                "its lock is in a source archive that the change replaces: only a build fetches it"
                    .to_owned(),
            );
        }
        return Ok(Some((change, found)));
    };
    let sides = [base, head].map(|side| side_of(side, &tree, &lock, judge));
    if let [Ok(Some(base)), Ok(Some(head))] = &sides {
        let (targets, more) = targets::of(judge, base.side(), head.side());
        change.targets = targets;
        found.extend(more);
    }
    for side in sides {
        if let Err(problem) = side {
            change.unknown.push(format!("its targets cannot be compared: {}", problem.what));
        }
    }
    blessing((name, path), &lock, now.as_ref(), context, &mut change);
    for finding in found.iter_mut().filter(|it| it.file.is_empty()) {
        finding.file.clone_from(&lock);
    }
    Ok(Some((change, found)))
}

/// Compares the recipe, its build lock and its toolchain lock.
fn own_files(
    files: &[&str; 3],
    context: Context<'_>,
    change: &mut RecipeChange,
) -> Result<Vec<Finding>, Problem> {
    let mut found = Vec::new();
    for (at, file) in files.iter().enumerate() {
        let read = |tree: &Tree| -> Result<Table, Problem> {
            let text = tree.read(file, &BUILD_LOCK_BYTES)?.unwrap_or_default();
            toml::from_str(text).map_err(|error| {
                Problem::usage(format!("cannot read `{file}`")).fact("because", error.message())
            })
        };
        let (old, new) = (read(context.base)?, read(context.head)?);
        // A toolchain lock that was not there, or is no more, is one line and not one for each key.
        if at == 2 && old.is_empty() != new.is_empty() {
            let told = if old.is_empty() { "is new" } else { "was removed" };
            let message = format!("the toolchain lock {told}");
            found.push(Finding::new(&SETTING_CHANGED, "toolchain-lock", message).in_file(file));
            continue;
        }
        let mut settings = settings::of_file(file, &old, &new);
        // Waivers judge, and are told as that.
        settings.retain(|it| at != 0 || !it.key.starts_with("waiver."));
        // Versions of build requirements are told by what is built with them.
        if at == 1 {
            settings.retain(|it| {
                it.key.starts_with("build.") && it.key.ends_with("requirements")
                    || it.key.starts_with("tool.")
            });
        }
        for it in &settings {
            let (rule, subject) = match at {
                1 => (&BUILD_CODE, it.key.split('.').nth(1).unwrap_or_default()),
                _ => (&SETTING_CHANGED, it.key.as_str()),
            };
            let message = match at {
                0 => format!("`{}` of the recipe changed", it.key),
                1 => format!("`{subject}` is built with other requirements"),
                _ => format!("`{}` of the toolchain changed", it.key),
            };
            let finding = Finding::new(rule, subject, message).in_file(file);
            found.push(finding.detail(settings::sides(it)));
        }
        change.settings.extend(settings);
    }
    Ok(found)
}

/// A side of a recipe: its lock and its project.
struct OwnedSide {
    lock: Lock,
    project: Pyproject,
}

impl OwnedSide {
    fn side(&self) -> Side<'_> {
        Side { lock: &self.lock, project: &self.project }
    }
}

fn side_of(
    tree: &Tree,
    source: &str,
    lock: &str,
    recipe: &Recipe,
) -> Result<Option<OwnedSide>, Problem> {
    let Some(found) = tree.lock(lock)? else { return Ok(None) };
    let lock = Lock::clone(&found).within(recipe.lock.directory());
    let project = match &recipe.lock {
        LockPlace::Script(_) => Pyproject::default(),
        LockPlace::Directory(directory) => {
            let file = joined(source, &format!("{directory}/pyproject.toml")).unwrap_or_default();
            let text = tree.read(&file, &PYPROJECT_BYTES)?.unwrap_or_default();
            Pyproject::parse(&format!("`{file}`"), text)?
        }
    };
    Ok(Some(OwnedSide { lock, project }))
}

/// The targets of the recipes whose lock is at `path`.
pub(crate) fn targets_of(lock: &str, context: Context<'_>) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    for (name, path) in all(context.base).into_iter().chain(all(context.head)) {
        let of = |tree| recipe(tree, &name, &path).ok().flatten();
        let Some(recipe) = of(context.base).or_else(|| of(context.head)) else { continue };
        if lock_of(&recipe, &path).is_some_and(|(_, of)| of == lock) {
            targets.extend(recipe.targets);
        }
    }
    targets.sort_by_key(ToString::to_string);
    targets.dedup();
    targets
}

/// What a person must do so that the ledger is of the new locks.
fn blessing(
    (name, path): (&str, &str),
    lock: &str,
    now: Option<&Recipe>,
    context: Context<'_>,
    change: &mut RecipeChange,
) {
    let dir = path.strip_suffix(&format!("recipes/{name}.toml")).unwrap_or_default();
    let ledger = format!("{dir}golden/{name}.toml");
    let head = context.head;
    let Ok(Some(text)) = head.read(&ledger, &LEDGER_BYTES) else { return };
    let Ok(table) = toml::from_str::<Table>(text) else {
        change.unknown.push(format!("`{ledger}` cannot be read"));
        return;
    };
    let Ok(Some(lock_text)) = head.read(lock, &LOCK_BYTES) else { return };
    let is = Sha256::of(lock_text).to_string();
    let targets = table.get("target").and_then(toml::Value::as_table);
    let pinned = |target: &str| targets?.get(target)?.get("lock")?.as_str();
    let wanted = now.into_iter().flat_map(|recipe| &recipe.targets);
    let mut stale = wanted.filter(|target| pinned(&target.to_string()) != Some(&is));
    let built = change.targets.iter().flat_map(|it| it.now_built.iter().chain(&it.built_again));
    let built: std::collections::BTreeSet<&String> = built.collect();
    if !built.is_empty() {
        change.to_bless.push(format!(
            "the build lock must have {}: `lockstep build-lock {name}`",
            crate::finding::listed(built, 6)
        ));
    }
    if let Some(target) = stale.next() {
        change.to_bless.push(format!(
            "`{ledger}` does not pin this lock for `{target}`: `lockstep bless {name}`"
        ));
    }
}
