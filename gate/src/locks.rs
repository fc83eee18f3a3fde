//! One lock of a repository, before and after: what changed, and what the rules find.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use toml::Table;

use base::packaging::PackageName;
use base::vocabulary::limits::{LOCK_BYTES, PYPROJECT_BYTES};
use base::vocabulary::{Date, Problem};
use builder::lock::Lock;
use builder::lock::pyproject::Pyproject;

use crate::ages;
use crate::difference::{self, Kind, PackageChange, Pair};
use crate::files;
use crate::finding::Finding;
use crate::policy::Policy;
use crate::reach::{Reaches, is_local};
use crate::rules::{BANNED, LOCK_UNREADABLE};
use crate::settings::{self, SettingChange};
use crate::tree::{Tree, joined};
use crate::written;

/// What the project beside a lock wants built from source.
pub(crate) fn no_binary(path: &str, tree: &Tree) -> BTreeSet<PackageName> {
    let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
    let file = joined(dir, "pyproject.toml").unwrap_or_default();
    let text = tree.read(&file, &PYPROJECT_BYTES).ok().flatten();
    let project = text.and_then(|text| Pyproject::parse("the project", text).ok());
    project.map(|it| it.uv.no_binary_package).unwrap_or_default()
}

/// What changed in a lock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct LockChange {
    /// Its path.
    pub(crate) path: String,
    /// Packages, worst first.
    pub(crate) packages: Vec<PackageChange>,
    /// Settings of the lock and of its projects.
    pub(crate) settings: Vec<SettingChange>,
    /// Extras and groups that local projects gained or lost.
    pub(crate) declared: Vec<String>,
    /// Whether the text differs in form alone.
    pub(crate) form_only: bool,
    /// Keys of the lock that this tool does not know.
    pub(crate) unknown_keys: Vec<String>,
}

/// Both sides of a repository, and what judges.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    /// The files before.
    pub(crate) base: &'a Tree,
    /// The files now.
    pub(crate) head: &'a Tree,
    /// What judges.
    pub(crate) policy: &'a Policy,
    /// The day for ages.
    pub(crate) today: Date,
    /// The origins of all locks of the base; `None` if it has no lock.
    pub(crate) known: Option<&'a BTreeSet<files::Origin>>,
}

/// The origins of all locks of a side, those that cannot be read left out; `None` without locks.
pub(crate) fn known_origins(tree: &Tree, paths: &[&str]) -> Option<BTreeSet<files::Origin>> {
    let mut known = None;
    for path in paths {
        if let Ok(Some(lock)) = tree.lock(path) {
            let origins = files::origins(&lock).into_keys();
            known.get_or_insert_with(BTreeSet::new).extend(origins);
        }
    }
    known
}

/// What changed in the lock at `path`, if it can be read, and what the rules find.
///
/// # Errors
/// The base's lock cannot be read: then nothing can be compared.
pub(crate) fn compare(
    path: &str,
    context: Context<'_>,
) -> Result<(Option<LockChange>, Vec<Finding>), Problem> {
    let Context { base, head, .. } = context;
    let old = base.lock(path)?;
    let new = match head.lock(path) {
        Ok(new) => new,
        Err(problem) => return Ok((None, vec![unreadable(path, &problem)])),
    };
    let empty = Lock::parse("version = 1\n")?;
    let (old, new) = (old.as_deref().unwrap_or(&empty), new.as_deref().unwrap_or(&empty));
    let pairs = difference::pairs(old, new);
    let [before, after] = [old, new].map(Reaches::of);
    let (mut found, projects) = projects(path, context, old, new)?;
    let packages = difference::packages(&pairs, &before, &after);
    let (mut settings, weaker) = settings::of_lock(path, old, new);
    found.extend(weaker);
    found.extend(of_packages(&pairs, &packages, context));
    let no_binary = no_binary(path, head);
    found.extend(pairs.iter().filter_map(|pair| files::built(*pair, &no_binary)));
    if let Some(known) = context.known {
        found.extend(files::hosts(&files::origins(new), known, &context.policy.hosts));
    }
    let wrong = written::check(new, &after, &projects.tables[1])?;
    let wrong_before = written::check(old, &before, &projects.tables[0])?;
    found.extend(written::news(wrong, &wrong_before));
    settings.extend(projects.settings);
    let declared = difference::declared(&pairs);
    let text = |tree: &Tree| tree.read(path, &LOCK_BYTES).ok().flatten().map(str::to_owned);
    let nothing = packages.is_empty() && settings.is_empty() && declared.is_empty();
    let change = LockChange {
        path: path.to_owned(),
        form_only: nothing && found.is_empty() && text(base) != text(head),
        packages,
        settings,
        declared,
        unknown_keys: new.unknown_keys.iter().cloned().collect(),
    };
    place(&mut found, path, text(head).as_deref().unwrap_or_default());
    Ok((Some(change), found))
}

fn unreadable(path: &str, problem: &Problem) -> Finding {
    let facts = problem.facts.iter().flat_map(|(_, value)| value.lines()).map(str::to_owned);
    let message = format!("`{path}` is no lock: {}", problem.what);
    Finding::new(&LOCK_UNREADABLE, path, message).in_file(path).detail(facts)
}

fn of_packages(
    pairs: &[Pair<'_>],
    changes: &[PackageChange],
    context: Context<'_>,
) -> Vec<Finding> {
    let mut found = Vec::new();
    for change in changes.iter().filter(|it| it.kind == Kind::Downgraded) {
        let version = |it: &Option<String>| it.clone().unwrap_or_default();
        let (from, to) = (version(&change.from), version(&change.to));
        let message = format!("`{}` goes down from {from} to {to}", change.name);
        found.push(Finding::new(&crate::rules::DOWNGRADE, &change.name, message));
    }
    for pair in pairs {
        found.extend(files::of_pair(*pair));
        found.extend(files::unpinned(*pair));
        found.extend(ages::of_pair(*pair, context.policy, context.today));
        if let Some(head) = pair.head.filter(|it| context.policy.banned.contains(&it.name)) {
            let message = format!("the policy bans `{head}`");
            found.push(Finding::new(&BANNED, &head.name, message));
        }
    }
    found
}

/// What the projects of a lock say.
#[derive(Debug, Default)]
struct Projects {
    /// Their `pyproject.toml` by the path in the lock: before, and now.
    tables: [BTreeMap<String, Table>; 2],
    settings: Vec<SettingChange>,
}

fn projects(
    path: &str,
    context: Context<'_>,
    old: &Lock,
    new: &Lock,
) -> Result<(Vec<Finding>, Projects), Problem> {
    let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
    let (mut found, mut projects) = (Vec::new(), Projects::default());
    // The lock of a script has no project.
    if !path.ends_with("uv.lock") {
        return Ok((found, projects));
    }
    let local = |lock: &Lock| -> BTreeSet<String> {
        let paths = lock.packages.iter().filter(|it| is_local(it));
        let paths = paths.filter_map(|it| it.source.local_path().map(str::to_owned));
        paths.chain([".".to_owned()]).collect()
    };
    let paths: BTreeSet<String> = local(old).union(&local(new)).cloned().collect();
    for local in &paths {
        for name in ["pyproject.toml", "uv.toml"] {
            let Some(file) = joined(dir, &format!("{local}/{name}")) else { continue };
            let [base, head] = [context.base, context.head].map(|tree| table(tree, &file));
            let (base, head) = (base?, head?);
            let (settings, changed) = settings::of_project(&file, base.as_ref(), head.as_ref());
            // A new project has no settings that changed.
            if base.is_some() || name == "uv.toml" && local == "." {
                projects.settings.extend(settings);
                found.extend(changed);
            }
            if name == "pyproject.toml" {
                for (tables, table) in projects.tables.iter_mut().zip([base, head]) {
                    tables.extend(table.map(|table| (local.clone(), table)));
                }
            }
        }
    }
    Ok((found, projects))
}

fn table(tree: &Tree, file: &str) -> Result<Option<Table>, Problem> {
    let Some(text) = tree.read(file, &PYPROJECT_BYTES)? else { return Ok(None) };
    let table = toml::from_str(text).map_err(|error| {
        Problem::usage(format!("cannot read `{file}`"))
            .fact("because", error.to_string().trim_end())
    })?;
    Ok(Some(table))
}

/// Gives each finding its line in the lock: that of the package that it is about.
fn place(found: &mut [Finding], path: &str, text: &str) {
    let mut lines: BTreeMap<&str, usize> = BTreeMap::new();
    let mut in_head = false;
    for (at, line) in text.lines().enumerate() {
        if line == "[[package]]" {
            in_head = true;
        } else if let Some(name) = line.strip_prefix("name = \"")
            && in_head
        {
            lines.entry(name.trim_end_matches('"')).or_insert(at + 1);
            in_head = false;
        }
    }
    for finding in found.iter_mut().filter(|it| it.file.is_empty()) {
        path.clone_into(&mut finding.file);
        let at = lines.get(finding.subject.as_str()).copied();
        // A host is in the first line that names it.
        let of_host =
            || text.lines().position(|line| line.contains(&finding.subject)).map(|at| at + 1);
        finding.line = at.or_else(of_host).unwrap_or(1);
    }
}

#[cfg(test)]
mod tests;
