//! Whether uv would have written the lock, as far as text tells, without network: every edge leads
//! to a package, every package is needed, each project depends on what it requires and on nothing
//! else, versions are within what was asked for, and the requirements are those of the
//! `pyproject.toml`. What a package of an index requires, only its metadata says.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use base::packaging::{PackageName, VersionOrUrl, VersionSpecifiers};
use base::vocabulary::{Markers, Problem, shortened};
use builder::lock::{AskedRequirement, Edge, Lock, Package};

use crate::finding::{Finding, listed};
use crate::reach::{Reaches, edges_of, is_local, led_to};
use crate::rules::{
    LOCK_MISSING, LOCK_NEWER, LOCK_SPECIFIER, LOCK_STALE, LOCK_UNDEMANDED, LOCK_UNREACHABLE,
};

/// Of so many names a sentence has them all.
const SHOWN: usize = 6;

/// What uv would have written otherwise. `projects` are the `pyproject.toml` of local projects that
/// could be read, by the path in the lock.
pub(crate) fn check(
    lock: &Lock,
    reaches: &Reaches<'_>,
    projects: &BTreeMap<String, Table>,
) -> Result<Vec<Finding>, Problem> {
    let mut found = missing(lock);
    let unreached: Vec<&Package> = reaches.unreached().collect();
    if !lock.packages.iter().any(is_local) && lock.requirements.is_empty() && lock.groups.is_empty()
    {
        // The lock of nothing: everything would be unreachable, and that says nothing.
        return Ok(found);
    }
    for package in unreached {
        let message = format!("nothing needs `{package}`: uv would have removed it");
        found.push(Finding::new(&LOCK_UNREACHABLE, &package.name, message));
    }
    let overridden = replaced(lock, &["overrides", "excludes"]);
    for package in lock.packages.iter().filter(|it| is_local(it)) {
        found.extend(undemanded(package, &overridden));
        found.extend(specifiers(lock, package, &overridden));
        if let Some(project) = package.source.local_path().and_then(|it| projects.get(it)) {
            found.extend(stale(package, project)?);
        }
    }
    found.extend(manifest(lock, &overridden));
    found.extend(newer(lock));
    Ok(found)
}

/// What can be said of these two sides once: what the base had the same way is no news.
pub(crate) fn news(head: Vec<Finding>, base: &[Finding]) -> Vec<Finding> {
    head.into_iter().filter(|it| !base.contains(it)).collect()
}

fn missing(lock: &Lock) -> Vec<Finding> {
    let mut found = Vec::new();
    for package in &lock.packages {
        let absent: BTreeSet<String> = edges_of(package)
            .filter(|edge| led_to(lock, edge).next().is_none())
            .map(|edge| match &edge.version {
                Some(version) => format!("{} {version}", edge.name),
                None => edge.name.to_string(),
            })
            .collect();
        if !absent.is_empty() {
            let absent = listed(absent, SHOWN);
            let message = format!("`{package}` needs {absent}, which the lock does not have");
            found.push(Finding::new(&LOCK_MISSING, &package.name, message));
        }
    }
    found
}

/// What a part of a project may depend on: what its requirements name. Requirements of an extra can
/// come through another extra of the same project, so all of them count together.
fn undemanded(package: &Package, overridden: &BTreeSet<String>) -> Vec<Finding> {
    let has_metadata = !package.asked.requires.is_empty() || !package.asked.groups.is_empty();
    let has_edges = edges_of(package).next().is_some();
    if !has_metadata && !has_edges {
        return Vec::new();
    }
    let mut found = Vec::new();
    let names = |requires: &[AskedRequirement]| -> BTreeSet<PackageName> {
        requires.iter().map(|it| it.name.clone()).collect()
    };
    let own = names(&package.asked.requires);
    // Groups can include each other.
    let of_groups: BTreeSet<PackageName> =
        package.asked.groups.values().flat_map(|it| names(it)).collect();
    let mut parts: Vec<(&[Edge], &BTreeSet<PackageName>)> = vec![(&package.dependencies, &own)];
    parts.extend(package.extras.values().map(|edges| (edges.as_slice(), &own)));
    parts.extend(package.groups.values().map(|edges| (edges.as_slice(), &of_groups)));
    let allowed = |name: &PackageName, demanded: &BTreeSet<PackageName>| {
        demanded.contains(name) || overridden.contains(name.as_ref())
    };
    let surplus: BTreeSet<&PackageName> = parts
        .iter()
        .flat_map(|(edges, demanded)| {
            edges.iter().map(|edge| &edge.name).filter(|name| !allowed(name, demanded))
        })
        .collect();
    if !surplus.is_empty() {
        let surplus = listed(surplus, SHOWN);
        let message = format!("`{}` depends on {surplus}, which it does not require", package.name);
        found.push(Finding::new(&LOCK_UNDEMANDED, &package.name, message));
    }
    let edges: BTreeSet<&PackageName> = package.dependencies.iter().map(|it| &it.name).collect();
    // With a marker, no environment of the lock may ask for it.
    let plain = package.asked.requires.iter().filter(|it| it.marker.is_none());
    let lacking: BTreeSet<&PackageName> = plain
        .map(|it| &it.name)
        .filter(|name| **name != package.name && !edges.contains(name))
        .filter(|name| !overridden.contains(name.as_ref()))
        .collect();
    if !lacking.is_empty() {
        let lacking = listed(lacking, SHOWN);
        let message = format!("`{}` requires {lacking}, and does not depend on it", package.name);
        found.push(Finding::new(&LOCK_MISSING, &package.name, message));
    }
    found
}

/// Each version that a project depends on is within one of its requirements of that name.
fn specifiers(lock: &Lock, package: &Package, overridden: &BTreeSet<String>) -> Vec<Finding> {
    let requires = package.asked.requires.iter().chain(package.asked.groups.values().flatten());
    let mut by_name: BTreeMap<&PackageName, Vec<&AskedRequirement>> = BTreeMap::new();
    for requirement in requires {
        by_name.entry(&requirement.name).or_default().push(requirement);
    }
    let mut found = BTreeMap::new();
    for edge in edges_of(package).filter(|edge| !overridden.contains(edge.name.as_ref())) {
        let Some(asked) = by_name.get(&edge.name) else { continue };
        let fits = |version| {
            asked.iter().any(|it| {
                let within = |specifier: &VersionSpecifiers| specifier.contains(version);
                it.has_source || it.specifier.as_ref().is_none_or(within)
            })
        };
        for to in led_to(lock, edge) {
            if to.version.as_ref().is_some_and(|version| !fits(version)) {
                let wanted = asked.iter().filter_map(|it| it.specifier.as_ref());
                let wanted: BTreeSet<String> = wanted.map(ToString::to_string).collect();
                let wanted = listed(wanted, SHOWN);
                let name = &package.name;
                let message = format!("`{to}` is locked, and `{name}` requires `{wanted}`");
                found.insert(to.to_string(), Finding::new(&LOCK_SPECIFIER, &to.name, message));
            }
        }
    }
    found.into_values().collect()
}

/// Constraints bound every version of their name, unless an override says otherwise.
fn manifest(lock: &Lock, overridden: &BTreeSet<String>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (key, word) in [("constraints", "a constraint"), ("overrides", "an override")] {
        let mut by_name: BTreeMap<&str, Vec<&Table>> = BTreeMap::new();
        for entry in tables(lock.asked.manifest.get(key)) {
            let name = entry.get("name").and_then(Value::as_str).unwrap_or_default();
            by_name.entry(name).or_default().push(entry);
        }
        for (name, entries) in by_name {
            let text =
                |entry: &&Table, key| entry.get(key).and_then(Value::as_str).map(str::to_owned);
            // One with a marker counts in some environments, one with a source has no versions.
            let plain = entries
                .iter()
                .all(|it| it.keys().all(|key| ["name", "specifier"].contains(&key.as_str())));
            let Ok(package) = name.parse::<PackageName>() else { continue };
            if !plain || key == "constraints" && overridden.contains(package.as_ref()) {
                continue;
            }
            for specifier in entries.iter().filter_map(|it| text(it, "specifier")) {
                let Ok(wanted) = specifier.parse::<VersionSpecifiers>() else { continue };
                let outside = lock.named(&package).filter(|it| {
                    it.version.as_ref().is_some_and(|version| !wanted.contains(version))
                });
                found.extend(outside.map(|it| {
                    let message = format!("`{it}` is locked, and {word} says `{specifier}`");
                    Finding::new(&LOCK_SPECIFIER, &it.name, message)
                }));
            }
        }
    }
    found
}

/// No file may be newer than what the lock says that uv looked at.
fn newer(lock: &Lock) -> Vec<Finding> {
    let Some(limit) = lock.asked.options.get("exclude-newer").and_then(Value::as_str) else {
        return Vec::new();
    };
    // A package can have a limit of its own.
    let own = lock.asked.options.get("exclude-newer-package").and_then(Value::as_table);
    let mut found = Vec::new();
    for package in &lock.packages {
        if own.is_some_and(|own| own.contains_key(package.name.as_ref())) {
            continue;
        }
        let files = package.sdist.iter().chain(&package.wheels);
        let late = files.filter_map(|file| file.upload_time.as_deref()).filter(|time| {
            let (Some(time), Some(limit)) = (seconds(time), seconds(limit)) else { return false };
            time > limit
        });
        if let Some(time) = late.max() {
            let message = format!("a file of `{package}` is of {time}, and the limit is {limit}");
            found.push(Finding::new(&LOCK_NEWER, &package.name, message));
        }
    }
    found
}

/// `2026-02-10T19:18:38.255Z` up to the second, comparable as text; `None` with another offset.
fn seconds(time: &str) -> Option<&str> {
    let is_utc = time.ends_with('Z') || time.ends_with("+00:00");
    time.get(..19).filter(|text| is_utc && text.as_bytes()[10] == b'T')
}

fn tables(value: Option<&Value>) -> impl Iterator<Item = &Table> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_table)
}

/// Names that the manifest of the lock has under some keys: of packages that the project replaced
/// wherever they are asked for (`overrides`, `excludes`), or whose metadata it wrote itself.
pub(crate) fn replaced(lock: &Lock, keys: &[&str]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for key in keys {
        let entries = lock.asked.manifest.get(*key).and_then(Value::as_array);
        for entry in entries.into_iter().flatten() {
            let name = entry.get("name").and_then(Value::as_str).or(entry.as_str());
            names.extend(name.and_then(|it| it.parse::<PackageName>().ok()));
        }
    }
    names.iter().map(ToString::to_string).collect()
}

/// Whether the requirements that the lock has of a project are those of its `pyproject.toml`.
/// Markers are left out: uv writes them in its own form.
fn stale(package: &Package, project: &Table) -> Result<Vec<Finding>, Problem> {
    let Some(table) = project.get("project").and_then(Value::as_table) else {
        return Ok(Vec::new());
    };
    let dynamic = table.get("dynamic").and_then(Value::as_array);
    let is_dynamic = |key| dynamic.is_some_and(|it| it.iter().any(|it| it.as_str() == Some(key)));
    if is_dynamic("dependencies") || is_dynamic("optional-dependencies") {
        return Ok(Vec::new());
    }
    let mut markers = Markers::default();
    let mut wanted = BTreeSet::new();
    let plain = table.get("dependencies").into_iter();
    let extras = table.get("optional-dependencies").and_then(Value::as_table);
    for value in plain.chain(extras.into_iter().flat_map(Table::values)) {
        for text in value.as_array().into_iter().flatten().filter_map(Value::as_str) {
            let requirement = markers.requirement(text).map_err(|error| {
                Problem::usage(format!("`{}` in `pyproject.toml` is not valid", shortened(text)))
                    .fact("because", error)
            })?;
            let specifier = match &requirement.version_or_url {
                Some(VersionOrUrl::VersionSpecifier(specifiers)) => normal(Some(specifiers)),
                _ => String::new(),
            };
            wanted.insert((requirement.name.to_string(), specifier));
        }
    }
    let sources: BTreeSet<&str> = package
        .asked
        .requires
        .iter()
        .filter(|it| it.has_source)
        .map(|it| it.name.as_ref())
        .collect();
    let of_lock: BTreeSet<(String, String)> = package
        .asked
        .requires
        .iter()
        .map(|it| (it.name.to_string(), normal(it.specifier.as_ref())))
        .collect();
    // Beside a source, uv keeps no versions.
    let loose = |set: BTreeSet<(String, String)>| -> BTreeSet<(String, String)> {
        let entry = |(name, specifier): (String, String)| {
            let specifier = if sources.contains(name.as_str()) { String::new() } else { specifier };
            (name, specifier)
        };
        set.into_iter().map(entry).collect()
    };
    let (wanted, of_lock) = (loose(wanted), loose(of_lock));
    let shown = |(name, specifier): &(String, String)| format!("{name}{specifier}");
    let lacking: Vec<String> = wanted.difference(&of_lock).map(shown).collect();
    let surplus: Vec<String> = of_lock.difference(&wanted).map(shown).collect();
    if lacking.is_empty() && surplus.is_empty() {
        return Ok(Vec::new());
    }
    let message =
        format!("the lock is not of this `pyproject.toml` of `{}`: run `uv lock`", package.name);
    let mut detail = Vec::new();
    if !lacking.is_empty() {
        detail.push(format!("only pyproject.toml requires {}", listed(lacking, SHOWN)));
    }
    if !surplus.is_empty() {
        detail.push(format!("only the lock requires {}", listed(surplus, SHOWN)));
    }
    Ok(vec![Finding::new(&LOCK_STALE, &package.name, message).detail(detail)])
}

/// Specifiers in one order.
fn normal(specifiers: Option<&VersionSpecifiers>) -> String {
    let texts: BTreeSet<String> =
        specifiers.into_iter().flat_map(|it| it.iter()).map(ToString::to_string).collect();
    texts.into_iter().collect::<Vec<_>>().join(",")
}
