//! The direction of imports. The crate map, `builder/src/lib.rs`, is the table: its modules stand
//! in the order in which data flows, and no module knows one that stands below it.

use super::{SourceFile, Violation};

/// What xtask may know of the builder: words, texts and the outside world, never what builds.
const OPEN_TO_XTASK: [&str; 7] =
    ["vocabulary", "sys", "nar", "recipe", "recipe_file", "dist_info", "cli"];

/// `order` is the crate map, as [`order`] reads it.
pub(super) fn check(file: &SourceFile, order: &[&str]) -> Vec<Violation> {
    if let Some(path) = file.path.strip_prefix("builder/src/") {
        let module = path.split(['/', '.']).next().unwrap_or_default();
        return match order.iter().position(|other| *other == module) {
            Some(place) => within_builder(file, module, &order[place + 1..]),
            None => Vec::new(),
        };
    }
    if file.path.starts_with("xtask/src/") {
        return within_xtask(file);
    }
    Vec::new()
}

/// The modules of a crate map, from the innermost to the outermost.
pub(super) fn order(crate_map: &str) -> Vec<&str> {
    let lines = crate_map.lines();
    let modules = lines.filter_map(|line| {
        let rest = line.strip_prefix("pub mod ").or_else(|| line.strip_prefix("mod "))?;
        rest.split(';').next()
    });
    modules.collect()
}

fn within_builder(file: &SourceFile, module: &str, outer: &[&str]) -> Vec<Violation> {
    let mut found = Vec::new();
    for (number, line) in code(file) {
        for used in paths(&line, "crate::").filter(|used| outer.contains(used)) {
            let mend =
                format!("`{module}` must not know `{used}`, which stands below it in the map");
            found.push(file.violation(number, "imports", mend));
        }
        if paths(&line, "xtask::").next().is_some() {
            found.push(file.violation(number, "imports", "the builder knows nothing of xtask"));
        }
    }
    found
}

fn within_xtask(file: &SourceFile) -> Vec<Violation> {
    let mut found = Vec::new();
    for (number, line) in code(file) {
        for used in paths(&line, "builder::").filter(|used| !OPEN_TO_XTASK.contains(used)) {
            let mend = format!("xtask must not know `builder::{used}`; run the binary `builder`");
            found.push(file.violation(number, "imports", mend));
        }
    }
    found
}

/// Lines of code without texts and comments; each `use` with all its lines as one, at the number of
/// its first.
fn code(file: &SourceFile) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (number, line) in file.lines() {
        let line = line.trim();
        match found.last_mut() {
            Some((_, statement)) if open => statement.push_str(line),
            _ if line.starts_with("//") => continue,
            _ => {
                open = line.starts_with("use ") || line.starts_with("pub use ");
                found.push((number, line.split('"').step_by(2).collect()));
            }
        }
        open &= !line.ends_with(';');
    }
    found
}

/// The first names after `prefix` in a line: `fetch` of `crate::fetch::Request`, both of
/// `crate::{nar, sys::files}`.
fn paths<'a>(line: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    let is_name = |character: char| character.is_alphanumeric() || character == '_';
    let places = line.match_indices(prefix).filter(move |(index, _)| {
        let before = line[..*index].chars().next_back();
        !before.is_some_and(|before| is_name(before) || before == ':')
    });
    places.flat_map(move |(index, _)| {
        let rest = &line[index + prefix.len()..];
        let names: Vec<&str> = match rest.strip_prefix('{') {
            Some(group) => top_level(group),
            None => vec![rest],
        };
        names.into_iter().map(move |name| {
            let name = name.trim_start();
            &name[..name.find(|character| !is_name(character)).unwrap_or(name.len())]
        })
    })
}

/// The parts of a brace group, cut at commas that no inner group holds.
fn top_level(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (index, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(&group[start..index]);
                return parts;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&group[start..]);
    parts
}
