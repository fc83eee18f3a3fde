//! `entry_points.txt`. Source: “Entry points specification”: an INI file whose keys keep their case
//! and whose values are `module:object [extras]`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::vocabulary::Problem;
use crate::vocabulary::limits::{ENTRY_POINTS_BYTES, Exceeded, SCRIPTS};

/// The entry points by group and name, as written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntryPoints {
    groups: BTreeMap<String, BTreeMap<String, String>>,
}

const SCRIPT_GROUPS: [&str; 2] = ["console_scripts", "gui_scripts"];

/// A command that an installer makes in `bin/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Script {
    /// The name of the command, a plain file name.
    pub name: String,
    /// The module that is imported.
    pub module: String,
    /// The function in it, dotted if it is nested.
    pub function: String,
}

impl EntryPoints {
    /// Parses an `entry_points.txt`. `of` names the distribution in messages. Rejects script names
    /// that are not plain file names: they would be written outside `bin/`.
    pub fn parse(of: impl fmt::Display, bytes: &[u8]) -> Result<Self, Problem> {
        let problem = |line: &str| {
            Problem::new(format!("cannot read the `entry_points.txt` of `{of}`")).fact("line", line)
        };
        let too_much = |error: Exceeded| {
            Problem::new(format!("cannot read the `entry_points.txt` of `{of}`"))
                .fact("because", error)
        };
        ENTRY_POINTS_BYTES.check(bytes.len()).map_err(too_much)?;
        let text = String::from_utf8_lossy(bytes);
        let mut groups = BTreeMap::<String, BTreeMap<String, String>>::new();
        let mut group = None;
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                group = Some(groups.entry(name.trim().to_owned()).or_default());
                continue;
            }
            let (name, value) = line.split_once('=').ok_or_else(|| problem(line))?;
            let group = group.as_mut().ok_or_else(|| problem(line))?;
            group.insert(name.trim().to_owned(), value.trim().to_owned());
        }
        let points = Self { groups };
        SCRIPTS.check(points.script_values().count()).map_err(too_much)?;
        for (name, value) in points.script_values() {
            let plain =
                !name.is_empty() && !name.contains(['/', '\0']) && !matches!(name, "." | "..");
            if !plain || script(name, value).is_none() {
                return Err(problem(&format!("{name} = {value}")));
            }
        }
        Ok(points)
    }

    /// The text of an `entry_points.txt` without the commands of those names.
    pub fn without_scripts(bytes: &[u8], names: &BTreeSet<&str>) -> Vec<u8> {
        let text = String::from_utf8_lossy(bytes);
        let mut in_scripts = false;
        let kept = text.lines().filter(|line| {
            let line = line.trim();
            if let Some(group) = line.strip_prefix('[') {
                in_scripts = SCRIPT_GROUPS.contains(&group.trim_end_matches(']').trim());
            }
            let name = line.split('=').next().unwrap_or_default().trim();
            !(in_scripts && names.contains(name))
        });
        kept.flat_map(|line| [line, "\n"]).collect::<String>().into_bytes()
    }

    /// All groups.
    pub fn groups(&self) -> &BTreeMap<String, BTreeMap<String, String>> {
        &self.groups
    }

    /// The commands of `console_scripts` and `gui_scripts`, which are the same outside of Windows,
    /// sorted by name within each group.
    pub fn scripts(&self) -> impl Iterator<Item = Script> {
        self.script_values().filter_map(|(name, value)| script(name, value))
    }

    fn script_values(&self) -> impl Iterator<Item = (&str, &str)> {
        SCRIPT_GROUPS
            .into_iter()
            .filter_map(|group| self.groups.get(group))
            .flatten()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

fn script(name: &str, value: &str) -> Option<Script> {
    let object = value.split_once('[').map_or(value, |(object, _)| object).trim();
    let (module, function) = object.split_once(':')?;
    let dotted = |text: &str| {
        let mut parts = text.split('.');
        parts.all(|part| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_'))
    };
    let (module, function) = (module.trim(), function.trim());
    (dotted(module) && dotted(function)).then(|| Script {
        name: name.to_owned(),
        module: module.to_owned(),
        function: function.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_have_module_and_function() {
        let text = "# c\n[console_scripts]\nA-b = m.n : f.g [x, y]\n\n[other]\nk = any \
         thing\n[gui_scripts]\nz=m:f";
        let points = EntryPoints::parse("x", text.as_bytes()).unwrap();
        let scripts: Vec<String> = points
            .scripts()
            .map(|script| format!("{} {} {}", script.name, script.module, script.function))
            .collect();
        assert_eq!(scripts, ["A-b m.n f.g", "z m f"]);
        assert_eq!(points.groups()["other"]["k"], "any thing");
    }

    #[test]
    fn commands_by_the_ten_thousand_are_refused() {
        let text = |count: usize| {
            let lines: Vec<String> = (0..count).map(|i| format!("s{i} = m:f\n")).collect();
            format!("[console_scripts]\n{}", lines.concat())
        };
        assert!(EntryPoints::parse("x", text(1_000).as_bytes()).is_ok());
        let problem = EntryPoints::parse("x", text(1_001).as_bytes()).unwrap_err().to_string();
        assert!(problem.contains("`scripts`") && problem.contains("`x`"), "{problem}");
        let long = format!("[a]\nb = {}", "c".repeat(1 << 20));
        assert!(EntryPoints::parse("x", long.as_bytes()).is_err());
    }

    #[test]
    fn scripts_that_leave_bin_are_refused() {
        for line in ["../x = m:f", "a/b = m:f", ".. = m:f", "x = m", "x = m:f; import os", "x"] {
            let text = format!("[console_scripts]\n{line}\n");
            assert!(EntryPoints::parse("x", text.as_bytes()).is_err(), "{line}");
        }
    }
}
