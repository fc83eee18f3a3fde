//! The report for a person at a screen: what decides first, then what changed.

use super::escape::line;
use super::{Report, Row};
use crate::contents::ContentChange;
use crate::difference::{Kind, PackageChange};
use crate::locks::LockChange;
use crate::recipes::RecipeChange;
use crate::rules::Level;
use crate::targets::TargetChange;

/// Of so many packages of a kind each has a line.
const ROWS: usize = 40;

/// Of so many findings of a rule each has a line.
const SHOWN: usize = 8;

/// The whole report. The last line says whether to merge.
pub fn render(report: &Report) -> String {
    let mut text = String::new();
    text.push_str(&format!(
        "compared {} → {}, on {}\n",
        line(&report.base),
        line(&report.head),
        report.date
    ));
    for level in [Level::Deny, Level::Warn, Level::Allow] {
        let rows: Vec<&Row> = report.of_level(level).collect();
        for of_rule in rows.chunk_by(|a, b| a.rule == b.rule) {
            for row in of_rule.iter().take(SHOWN) {
                text.push_str(&finding(row));
            }
            if let Some(more) = of_rule.len().checked_sub(SHOWN).filter(|more| *more > 0) {
                text.push_str(&format!("{:23}and {more} more: `--json` has all\n", ""));
            }
        }
    }
    for lock in &report.locks {
        text.push_str(&format!("\n{}\n", of_lock(lock)));
    }
    for recipe in &report.recipes {
        text.push_str(&format!("\n{}\n", of_recipe(recipe)));
    }
    if !report.contents.is_empty() {
        text.push_str("\nfiles");
    }
    for it in &report.contents {
        text.push_str(&format!("\n  {}", line(&content(it))));
    }
    if !report.contents.is_empty() {
        text.push('\n');
    }
    if !report.notes.is_empty() {
        text.push('\n');
    }
    for note in &report.notes {
        text.push_str(&format!("note: {}\n", line(note)));
    }
    text.push_str(&format!("\n{}", line(&report.verdict().to_string())));
    text
}

fn finding(row: &Row) -> String {
    let mut text =
        format!("{:<5} {:<16} {}\n", row.level.to_string(), row.rule, line(&row.message));
    for detail in &row.detail {
        text.push_str(&format!("{:23}{}\n", "", line(detail)));
    }
    if let Some(reason) = &row.excepted {
        text.push_str(&format!("{:23}allowed: {}\n", "", line(reason)));
    }
    text
}

/// `1 added, 2 minor`.
pub(super) fn summary(packages: &[PackageChange]) -> String {
    let mut kinds: Vec<Kind> = packages.iter().map(|it| it.kind).collect();
    kinds.dedup();
    let count = |kind: Kind| packages.iter().filter(|it| it.kind == kind).count();
    kinds
        .iter()
        .map(|kind| format!("{} {}", count(*kind), kind.word()))
        .collect::<Vec<_>>()
        .join(", ")
}

fn of_lock(lock: &LockChange) -> String {
    let path = line(&lock.path);
    if lock.form_only {
        return format!("{path}: no change; only its form differs");
    }
    if lock.packages.is_empty() && lock.settings.is_empty() && lock.declared.is_empty() {
        return format!("{path}: no version and no setting changed");
    }
    let mut text = if lock.packages.is_empty() {
        format!("{path}: no package changed")
    } else {
        format!("{path}: {}", summary(&lock.packages))
    };
    let width = lock.packages.iter().map(|it| it.name.as_ref().len()).max().unwrap_or(0).min(32);
    for change in lock.packages.iter().take(ROWS) {
        let (name, word) = (change.name.as_ref(), change.kind.word());
        let (versions, reach) = (versions(change), reach(change));
        text.push_str(&format!("\n  {word:<10} {name:<width$} {}", line(&versions)));
        if !reach.is_empty() {
            text.push_str(&format!("  ({})", line(&reach)));
        }
        for need in needs(change) {
            text.push_str(&format!("\n  {:10}   {}", "", line(&need)));
        }
    }
    if lock.packages.len() > ROWS {
        text.push_str(&format!("\n  … and {} more", lock.packages.len() - ROWS));
    }
    for line_of in &lock.declared {
        text.push_str(&format!("\n  {}", line(line_of)));
    }
    // Those of projects are findings.
    for it in lock.settings.iter().filter(|it| it.file == lock.path) {
        text.push_str(&format!("\n  {}", line(&setting(it))));
    }
    text
}

/// `requires-python: >=3.11 → >=3.12`.
pub(super) fn setting(it: &crate::settings::SettingChange) -> String {
    let side = |it: &Option<String>| it.clone().unwrap_or_else(|| "nothing".to_owned());
    format!("{}: {}: {} → {}", it.file, it.key, side(&it.from), side(&it.to))
}

/// `1.0 → 2.0`, and where from, if that changed.
pub(super) fn versions(change: &PackageChange) -> String {
    let text = match (&change.from, &change.to) {
        (Some(from), Some(to)) if from != to => format!("{from} → {to}"),
        (_, Some(version)) | (Some(version), None) => version.clone(),
        (None, None) => "dynamic".to_owned(),
    };
    let commit = |source: &str| source.rsplit('#').next().unwrap_or_default()[..12].to_owned();
    match (&change.source_from, &change.source_to) {
        (Some(from), Some(to)) if change.kind == Kind::Commit => {
            format!("{text}, commit {} → {}", commit(from), commit(to))
        }
        (Some(from), Some(to)) if from != to => format!("{text}, {from} → {to}"),
        (None, Some(to)) if !to.starts_with("registry ") => format!("{text}, {to}"),
        _ => text,
    }
}

/// `direct`, or through whom; and what alone needs it.
pub(super) fn reach(change: &PackageChange) -> String {
    let through = crate::finding::listed(&change.reach.through, 3);
    let was = if change.kind == Kind::Removed { "was " } else { "" };
    let mut text = match (change.reach.direct, through.is_empty()) {
        (true, true) => "direct".to_owned(),
        (true, false) => format!("direct, and through {through}"),
        (false, false) => format!("through {through}"),
        (false, true) => String::new(),
    };
    if !text.is_empty() {
        text.insert_str(0, was);
    }
    if !change.reach.only.is_empty() {
        text.push_str(&format!("; only for {}", crate::finding::listed(&change.reach.only, 3)));
    }
    text
}

/// What a package that stayed needs now, and no longer.
pub(super) fn needs(change: &PackageChange) -> Vec<String> {
    let part = |word: &str, list: &[String]| {
        (!list.is_empty()).then(|| format!("{word} {}", crate::finding::listed(list, 5)))
    };
    [part("now needs", &change.needs), part("no longer needs", &change.drops)]
        .into_iter()
        .flatten()
        .collect()
}

/// `alpha 1.3.0: 2 files added, 1 changed, 1,000 → 1,200 bytes (alpha-1.3.0-py3-none-any.whl)`.
pub(super) fn content(it: &ContentChange) -> String {
    let counts = [(it.added, "added"), (it.removed, "removed"), (it.changed, "changed")];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, word)| format!("{count} {word}")).collect();
    let files = if counts.is_empty() {
        "no file differs".to_owned()
    } else {
        format!("files {}", counts.join(", "))
    };
    match &it.from {
        Some(_) => {
            format!(
                "{}: {files}; {} → {} bytes ({})",
                it.package, it.bytes_from, it.bytes_to, it.to
            )
        }
        None => format!("{}: new, {} bytes ({})", it.package, it.bytes_to, it.to),
    }
}

fn of_recipe(recipe: &RecipeChange) -> String {
    let mut text = format!("recipe {}", line(&recipe.name));
    for target in &recipe.targets {
        text.push_str(&format!("\n  {}: {}", line(&target.target), line(&of_target(target))));
    }
    for it in &recipe.unknown {
        text.push_str(&format!("\n  unknown: {}", line(it)));
    }
    for it in &recipe.to_bless {
        text.push_str(&format!("\n  to do: {}", line(it)));
    }
    text
}

/// What changes on a target, on one line.
pub(super) fn of_target(target: &TargetChange) -> String {
    let part = |word: &str, list: &[String]| {
        (!list.is_empty())
            .then(|| format!("{} {word} ({})", list.len(), crate::finding::listed(list, 4)))
    };
    let parts = [
        part("installed more", &target.added),
        part("installed no longer", &target.removed),
        part("of another version", &target.changed),
        part("now built from source", &target.now_built),
        part("now from a wheel", &target.now_wheel),
        part("built from other source", &target.built_again),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "nothing changes".to_owned() } else { parts.join("; ") }
}
