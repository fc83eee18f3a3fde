//! What decides a lock or a build beside the packages: `requires-python`, `[options]` and
//! `[manifest]` of the lock; `[tool.uv]`, `[build-system]` and the build requirements of
//! `pyproject.toml`; a recipe, its build lock and its toolchain lock. Tables are compared key by
//! key, whatever their order.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use toml::{Table, Value};

use base::vocabulary::redacted::redact_text;
use builder::lock::Lock;

use crate::finding::Finding;
use crate::rules::{BUILD_CODE, OPTIONS_WEAKENED, SETTING_CHANGED};

/// A setting that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SettingChange {
    /// The file that has it.
    pub(crate) file: String,
    /// Its key.
    pub(crate) key: String,
    /// Its value before, on one line.
    pub(crate) from: Option<String>,
    /// Its value now.
    pub(crate) to: Option<String>,
}

/// A value of a report has at most so many characters.
const VALUE_MAX: usize = 200;

/// What changed in a lock beside its packages, and what of that is weaker than before.
pub(crate) fn of_lock(file: &str, base: &Lock, head: &Lock) -> (Vec<SettingChange>, Vec<Finding>) {
    let (mut changes, mut found) = (Vec::new(), Vec::new());
    let (old, new) = (&base.asked, &head.asked);
    let mut add = |key: &str, from: Option<String>, to: Option<String>| {
        if from != to {
            changes.push(SettingChange { file: file.to_owned(), key: key.to_owned(), from, to });
        }
    };
    let python = |lock: &Lock| {
        let specifiers = lock.requires_python.as_ref()?;
        let mut texts: Vec<String> = specifiers.iter().map(ToString::to_string).collect();
        texts.sort();
        Some(texts.join(","))
    };
    add("requires-python", python(base), python(head));
    let set = |texts: &[String]| {
        let texts: BTreeSet<&String> = texts.iter().collect();
        (!texts.is_empty()).then(|| texts.into_iter().cloned().collect::<Vec<_>>().join("; "))
    };
    add("required-markers", set(&old.required), set(&new.required));
    add("resolution-markers", set(&old.forks), set(&new.forks));
    let supported = |lock: &Lock| {
        let texts: Vec<String> =
            lock.supported_markers.iter().filter_map(base::packaging::Marker::text).collect();
        set(&texts)
    };
    add("supported-markers", supported(base), supported(head));
    let keys: BTreeSet<&str> = old.options.keys().chain(new.options.keys()).copied().collect();
    let spans =
        |options: &BTreeMap<&'static str, Value>| options.contains_key("exclude-newer-span");
    for key in keys {
        // With a span, uv moves the time at every lock.
        if key == "exclude-newer" && spans(&old.options) && spans(&new.options) {
            continue;
        }
        let (from, to) = (old.options.get(key), new.options.get(key));
        add(&format!("options.{key}"), from.map(one_line), to.map(one_line));
        if let Some(message) = weaker(key, from, to) {
            found.push(Finding::new(&OPTIONS_WEAKENED, key, message));
        }
    }
    let keys: BTreeSet<&str> = old.manifest.keys().chain(new.manifest.keys()).copied().collect();
    for key in keys {
        let (from, to) = (old.manifest.get(key), new.manifest.get(key));
        if from.map(sorted) != to.map(sorted) {
            let text = |it: Option<&Value>| it.map(|it| one_line(&sorted(it)));
            add(&format!("manifest.{key}"), text(from), text(to));
            let message = format!("`{key}` of the lock's manifest changed");
            found.push(Finding::new(&SETTING_CHANGED, key, message));
        }
    }
    let members =
        |lock: &Lock| set(&lock.members.iter().map(ToString::to_string).collect::<Vec<_>>());
    add("manifest.members", members(base), members(head));
    let conflicts = |lock: &Lock| {
        let sets = lock.conflicts.iter().map(|set| {
            let mut items: Vec<String> = set.iter().map(ToString::to_string).collect();
            items.sort();
            items.join(" / ")
        });
        set(&sets.collect::<Vec<_>>())
    };
    add("conflicts", conflicts(base), conflicts(head));
    let build = |lock: &Lock| {
        set(&lock.build_constraints.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    add("manifest.build-constraints", build(base), build(head));
    (changes, found)
}

/// Whether a setting limits less than it did.
fn weaker(key: &str, from: Option<&Value>, to: Option<&Value>) -> Option<String> {
    let (was, is) = (from.map(one_line), to.map(one_line));
    match key {
        _ if was == is => None,
        "exclude-newer" | "exclude-newer-span" if is.is_none() => {
            Some(format!("`{key}` is gone: uv may choose what was uploaded a minute ago"))
        }
        "exclude-newer-span" if was.is_some() => {
            Some(format!("`{key}` becomes {} (was {})", is?, was?))
        }
        "exclude-newer-package" => Some(format!("`{key}` changed: single packages may be newer")),
        "prerelease-mode" | "prerelease-package" if is.is_some() => {
            Some(format!("`{key}` becomes {}", is?))
        }
        _ => None,
    }
}

/// Settings of projects: what of `pyproject.toml` or `uv.toml` decides a lock or a build.
pub(crate) fn of_project(
    file: &str,
    base: Option<&Table>,
    head: Option<&Table>,
) -> (Vec<SettingChange>, Vec<Finding>) {
    let part = |table: Option<&Table>| {
        let mut kept = BTreeMap::new();
        let table = table?;
        if file.ends_with("uv.toml") {
            flatten("", &Value::Table(table.clone()), &mut kept);
            return Some(kept);
        }
        let uv = table.get("tool").and_then(|tool| tool.get("uv"));
        for (key, value) in [("tool.uv", uv), ("build-system", table.get("build-system"))] {
            if let Some(value) = value {
                flatten(key, value, &mut kept);
            }
        }
        if let Some(python) = table.get("project").and_then(|it| it.get("requires-python")) {
            flatten("project.requires-python", python, &mut kept);
        }
        Some(kept)
    };
    let changes = differing(file, &part(base).unwrap_or_default(), &part(head).unwrap_or_default());
    let found = changes.iter().map(|change| {
        let rule =
            if change.key.starts_with("build-system") { &BUILD_CODE } else { &SETTING_CHANGED };
        let message = format!("`{}` of `{file}` changed", change.key);
        Finding::new(rule, &change.key, message).in_file(file).detail(sides(change))
    });
    let found = found.collect();
    (changes, found)
}

/// Any TOML file, key by key.
pub(crate) fn of_file(file: &str, base: &Table, head: &Table) -> Vec<SettingChange> {
    let flat = |table: &Table| {
        let mut kept = BTreeMap::new();
        flatten("", &Value::Table(table.clone()), &mut kept);
        kept
    };
    differing(file, &flat(base), &flat(head))
}

/// A setting before and now, a line each.
pub(crate) fn sides(change: &SettingChange) -> Vec<String> {
    let side = |it: &Option<String>| it.clone().unwrap_or_else(|| "nothing".to_owned());
    vec![format!("before {}", side(&change.from)), format!("now    {}", side(&change.to))]
}

fn differing(
    file: &str,
    base: &BTreeMap<String, String>,
    head: &BTreeMap<String, String>,
) -> Vec<SettingChange> {
    let keys: BTreeSet<&String> = base.keys().chain(head.keys()).collect();
    let change = |key: &String| {
        let (from, to) = (base.get(key).cloned(), head.get(key).cloned());
        (from != to).then(|| SettingChange { file: file.to_owned(), key: key.clone(), from, to })
    };
    keys.into_iter().filter_map(change).collect()
}

/// Every value by its dotted key. A list is one value; a list of tables is one each, by name where
/// they have one.
fn flatten(key: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    let below = |part: &str| {
        if key.is_empty() { part.to_owned() } else { format!("{key}.{part}") }
    };
    match value {
        Value::Table(table) => {
            for (part, value) in table {
                flatten(&below(part), value, into);
            }
        }
        Value::Array(list) if list.iter().any(Value::is_table) => {
            for (at, value) in list.iter().enumerate() {
                let name =
                    ["name", "file", "path"].iter().find_map(|key| value.get(*key)?.as_str());
                let part = name.map_or_else(|| at.to_string(), str::to_owned);
                // Two of one name must not hide each other.
                let part = if into.keys().any(|it| it.starts_with(&format!("{}.", below(&part)))) {
                    format!("{part}#{at}")
                } else {
                    part
                };
                flatten(&below(&part), value, into);
            }
        }
        other => drop(into.insert(key.to_owned(), one_line(other))),
    }
}

/// A list in one order: that of requirements means nothing.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(list) => {
            let mut list: Vec<Value> = list.iter().map(sorted).collect();
            list.sort_by_key(ToString::to_string);
            Value::Array(list)
        }
        other => other.clone(),
    }
}

/// A value on one line, without the secrets of URLs.
fn one_line(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let text = redact_text(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    match text.char_indices().nth(VALUE_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
