//! Circles between the modules of one crate: a module is read before those that use it, and in a
//! circle there is no such order. What a module and its own submodules share does not count; they
//! are read as one. Between crates rustc refuses circles.

use std::collections::{BTreeMap, BTreeSet};

use super::{SourceFile, Violation};

/// A module's path in its crate; the crate's root is empty.
type Module = Vec<String>;

/// All modules of a crate, each with the file that it is in.
type Modules<'a> = BTreeMap<Module, &'a SourceFile>;

pub(super) fn check(files: &[SourceFile]) -> Vec<Violation> {
    let mut crates: BTreeMap<&str, Modules<'_>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.is_rust() && !file.is_test()) {
        if let Some((name, path)) = file.path.split_once("/src/") {
            crates.entry(name).or_default().insert(module(path), file);
        }
    }
    let mut found = Vec::new();
    for modules in crates.values() {
        let used = modules.iter().map(|(at, file)| (at, uses(at, file, modules)));
        for circle in closed(&used.collect()) {
            let shown: Vec<String> =
                circle.iter().map(|module| format!("`{}`", module.join("::"))).collect();
            let fix =
                format!("{} use each other; move what they share below them", shown.join(", "));
            found.push(modules[circle[0]].violation(0, "circle", fix));
        }
    }
    found
}

/// `lock/resolve/mod.rs` and `lock/resolve.rs` are `lock::resolve`.
fn module(path: &str) -> Module {
    let mut parts: Module = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if parts.len() == 1 && matches!(parts[0].as_str(), "lib" | "main") {
        parts.clear();
    } else if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    parts
}

/// The other modules that a file names, as far as neither is below the other.
fn uses<'a>(at: &Module, file: &SourceFile, modules: &'a Modules<'_>) -> BTreeSet<&'a Module> {
    let code = code(file.text.as_deref().unwrap_or_default());
    let mut paths: Vec<String> = Vec::new();
    for statement in code.split(';') {
        match statement.rfind("use ").filter(|start| is_start(&statement[..*start])) {
            Some(start) => expand("", statement[start + 4..].trim(), &mut paths),
            None => paths.extend(named(statement)),
        }
    }
    let targets = paths.iter().filter_map(|path| target(at, path, modules));
    targets.filter(|target| !target.starts_with(at) && !at.starts_with(target)).collect()
}

fn is_start(before: &str) -> bool {
    !before.ends_with(|char: char| char.is_alphanumeric() || char == '_')
}

/// A file without comments, without what is in quotes, and without the tests at its end.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    let lines: Vec<String> = lines.map(|line| line.split('"').step_by(2).collect()).collect();
    lines.join(" ")
}

/// Writes each path of a `use` tree out: `a::{b, c::{d, e}}` is `a::b`, `a::c::d`, `a::c::e`.
fn expand(prefix: &str, tree: &str, paths: &mut Vec<String>) {
    let Some((before, inner)) = tree.split_once('{') else {
        paths.push(format!("{prefix}{}", tree.split(" as ").next().unwrap_or_default().trim()));
        return;
    };
    let inner = inner.trim_end().strip_suffix('}').unwrap_or(inner);
    let prefix = format!("{prefix}{}", before.trim());
    let (mut depth, mut start) = (0_usize, 0);
    for (place, char) in inner.char_indices().chain([(inner.len(), ',')]) {
        match char {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                let part = inner[start..place].trim();
                start = (place + 1).min(inner.len());
                if !part.is_empty() {
                    expand(&prefix, part, paths);
                }
            }
            _ => {}
        }
    }
}

/// The paths that begin with `crate` or `super` outside of `use`.
fn named(code: &str) -> Vec<String> {
    let is_path = |char: char| char.is_alphanumeric() || matches!(char, '_' | ':');
    let words = code.split(|char| !is_path(char));
    let words = words.filter(|word| word.starts_with("crate::") || word.starts_with("super::"));
    words.map(str::to_owned).collect()
}

/// The module that a path names, or the one that what it names is in.
fn target<'a>(at: &Module, path: &str, modules: &'a Modules<'_>) -> Option<&'a Module> {
    let mut words = path.split("::").map(str::trim).peekable();
    let mut full = match words.peek() {
        Some(&"crate") => {
            words.next();
            Module::new()
        }
        Some(&"super") => at.clone(),
        _ => return None,
    };
    while words.next_if_eq(&"super").is_some() {
        full.pop();
    }
    full.extend(words.map(str::to_owned));
    let lengths = (0..=full.len()).rev();
    lengths.filter_map(|length| modules.get_key_value(&full[..length])).map(|(it, _)| it).next()
}

/// The sets of modules that all lead to each other; a module alone is none.
fn closed<'a>(used: &BTreeMap<&'a Module, BTreeSet<&'a Module>>) -> Vec<Vec<&'a Module>> {
    let reached = |from: &'a Module| {
        let mut found: BTreeSet<&Module> = BTreeSet::new();
        let mut next = vec![from];
        while let Some(module) = next.pop() {
            let further = used.get(module).into_iter().flatten();
            next.extend(further.filter(|module| found.insert(module)));
        }
        found
    };
    let reached: BTreeMap<&Module, BTreeSet<&Module>> =
        used.keys().map(|module| (*module, reached(module))).collect();
    let mut circles: BTreeSet<Vec<&Module>> = BTreeSet::new();
    for (module, all) in &reached {
        let back = all.iter().copied().filter(|other| reached[other].contains(module));
        let circle: Vec<&Module> = back.collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}
