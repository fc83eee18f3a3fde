//! Documents that must keep up with the code: the changelog, the map of modules, the recipe's keys.

use std::collections::{BTreeMap, BTreeSet};

use super::{SourceFile, Violation, imports, missing, text};

const MAP: &str = "ARCHITECTURE.md";
const KEYS: &str = "recipes/README.md";

pub(super) fn check(files: &[SourceFile]) -> Vec<Violation> {
    let mut found = Vec::new();
    let changelog = text(files, "CHANGELOG.md");
    if !changelog.lines().any(|line| line == "## Unreleased") {
        let mend = "add `## Unreleased` for what the next version brings";
        found.push(missing("CHANGELOG.md", "changelog", mend));
    }
    let crate_map = |name: &str| text(files, &format!("{name}/src/lib.rs"));
    found.extend(map(crate_map, text(files, MAP)));
    found.extend(keys(text(files, "base/src/recipe/wire.rs"), text(files, KEYS)));
    found
}

/// Crates whose `lib.rs` is a map of rooms.
const MAPPED: [&str; 4] = ["base", "builder", "verifier", "gate"];

/// Every room of a mapped crate has a row `` | `crate::room` | … | `` in the map, and no row is
/// stale. `crate_map` returns the text of a crate's `lib.rs`.
pub(super) fn map<'t>(crate_map: impl Fn(&str) -> &'t str, document: &str) -> Vec<Violation> {
    let rooms = MAPPED.iter().flat_map(|name| {
        let rooms = imports::order(crate_map(name)).into_iter();
        rooms.map(move |room| format!("{name}::{room}"))
    });
    let rooms: BTreeSet<String> = rooms.collect();
    let rows = first_column(document);
    let absent = rooms
        .iter()
        .filter(|room| !rows.contains(room.as_str()))
        .map(|room| missing(MAP, "map", format!("add a row for `{room}`")));
    let stale = rows
        .iter()
        .filter(|row| !rooms.contains(**row))
        .map(|row| missing(MAP, "map", format!("there is no module `{row}`; remove its row")));
    absent.chain(stale).collect()
}

/// Every key of a recipe has a row `` | `source.nar-hash` | … | ``, and no row is stale.
pub(super) fn keys(wire: &str, document: &str) -> Vec<Violation> {
    let structs = structs(wire);
    let mut keys = BTreeSet::new();
    collect(&structs, "RecipeWire", "", &mut keys);
    let keys: BTreeSet<&str> = keys.iter().map(String::as_str).collect();
    let rows = first_column(document);
    let absent = keys
        .difference(&rows)
        .map(|key| missing(KEYS, "keys", format!("document the key `{key}` with a row")));
    let stale = rows
        .difference(&keys)
        .map(|row| missing(KEYS, "keys", format!("recipes have no key `{row}`; remove its row")));
    absent.chain(stale).collect()
}

/// Field names and their types, by struct.
type Structs<'a> = BTreeMap<&'a str, Vec<(String, &'a str)>>;

fn structs(wire: &str) -> Structs<'_> {
    let mut structs = Structs::new();
    let (mut open, mut skipped) = (None, false);
    for line in wire.lines() {
        let words = line.trim().trim_start_matches("pub(super) ").trim_start_matches("pub ");
        if let Some(rest) = words.strip_prefix("struct ") {
            open = rest.split([' ', '<', ';', '(']).next();
        } else if line == "}" {
            open = None;
        } else if words == "#[serde(skip)]" {
            skipped = true;
        } else if let (Some(name), Some((field, kind))) = (open, words.split_once(": "))
            && !words.starts_with(['/', '#'])
            && !std::mem::take(&mut skipped)
        {
            let key = field.trim_start_matches("r#").replace('_', "-");
            structs.entry(name).or_default().push((key, kind.trim_end_matches(',')));
        }
    }
    structs
}

/// The keys of `name` below `prefix`: a map of structs has `<name>` in its keys, a list does not.
fn collect(structs: &Structs<'_>, name: &str, prefix: &str, keys: &mut BTreeSet<String>) {
    for (key, kind) in structs.get(name).into_iter().flatten() {
        let key = format!("{prefix}{key}");
        let innermost = kind.trim_end_matches('>').rsplit(['<', ' ']).next().unwrap_or_default();
        match structs.contains_key(innermost) {
            true if kind.contains("BTreeMap<") => {
                collect(structs, innermost, &format!("{key}.<name>."), keys);
            }
            true => collect(structs, innermost, &format!("{key}."), keys),
            false => {
                keys.insert(key);
            }
        }
    }
}

/// What stands in backticks at the start of a table's rows.
fn first_column(document: &str) -> BTreeSet<&str> {
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split('`').next()).collect()
}
