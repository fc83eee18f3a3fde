//! The direction of imports inside a crate. Its map, `src/lib.rs`, is the table: its modules stand
//! in the order in which data flows, and no module uses one that stands below it. Between crates
//! rustc guards the direction.

use super::{SourceFile, Violation};

/// `map` is the text of the crate map of a file's crate.
pub(super) fn check(file: &SourceFile, map: &str) -> Vec<Violation> {
    let order = order(map);
    let Some((_, path)) = file.path.split_once("/src/") else {
        return Vec::new();
    };
    let module = path.split(['/', '.']).next().unwrap_or_default();
    match order.iter().position(|other| *other == module) {
        Some(place) => within_crate(file, module, &order[place + 1..]),
        None => Vec::new(),
    }
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

fn within_crate(file: &SourceFile, module: &str, outer: &[&str]) -> Vec<Violation> {
    let mut found = Vec::new();
    for (number, line) in code(file) {
        for used in paths(&line, "crate::").filter(|used| outer.contains(used)) {
            let mend =
                format!("`{module}` must not use `{used}`, which stands below it in the map");
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
