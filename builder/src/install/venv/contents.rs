//! Checks the contents of a virtual environment: no wheel may overwrite the files that uv creates,
//! and after the installation it contains only these and the files of the wheels.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::FileType;
use std::path::Path;

use crate::install::output::Output;
use crate::install::wheel_archive::WheelArchive;
use base::sys::files::sorted_entries;
use base::vocabulary::{Outcome, Problem};

/// What uv has there while it installs.
const WHILE_INSTALLING: [&str; 2] = [".lock", ".uv-cache"];

/// How many paths one message shows.
const SHOWN_MAX: usize = 12;

/// Everything in an output except directories, by path; follows no links.
pub(super) struct Contents(BTreeMap<String, FileType>);

impl Contents {
    pub(super) fn of(output: &Output) -> Result<Self, Problem> {
        let mut found = BTreeMap::new();
        below(&output.root, "", &mut found)
            .map_err(|error| Problem::new("cannot read what was installed").cause(error))?;
        Ok(Self(found))
    }

    /// Checks that no wheel overwrites any of it: an interpreter or a `pyvenv.cfg` of a wheel would
    /// become the application's, and run instead of the toolchain's.
    pub(super) fn check_free(&self, wheels: &[WheelArchive]) -> Result<(), Problem> {
        for wheel in wheels {
            if let Some(path) = wheel.files.keys().find(|path| self.taken(path)) {
                return Err(Problem::new(format!("cannot install `{}`", wheel.name))
                    .outcome(Outcome::Policy)
                    .fact("because", "a part of the virtual environment itself is at this path")
                    .fact("path", path)
                    .hint(format!("leave it out with `override.{}.skip`", wheel.name)));
            }
        }
        Ok(())
    }

    /// Whether there is something at a path, above it or below it.
    fn taken(&self, path: &str) -> bool {
        let has = |it: &str| self.0.contains_key(it) || WHILE_INSTALLING.contains(&it);
        let directory = format!("{path}/");
        let below = self.0.range(directory.clone()..).next();
        has(path)
            || path.match_indices('/').any(|(end, _)| has(&path[..end]))
            || below.is_some_and(|(it, _)| it.starts_with(&directory))
    }

    /// Checks that every path is of `before`, or a file of a wheel. Otherwise uv reads wheels in
    /// another way than this tool, or installed code has run.
    pub(super) fn check_nothing_else(
        &self,
        before: &Self,
        wheels: &[WheelArchive],
    ) -> Result<(), Problem> {
        let files: BTreeSet<&str> =
            wheels.iter().flat_map(|wheel| wheel.files.keys().map(String::as_str)).collect();
        let others = self.others(before, &files);
        if others.is_empty() {
            return Ok(());
        }
        Err(Problem::new("more was installed than the wheels have")
            .fact("files", others.len())
            .fact("such as", others[..others.len().min(SHOWN_MAX)].join("\n"))
            .hint("no wheel has a file at these paths; nothing of this output is to be trusted"))
    }

    fn others(&self, before: &Self, files: &BTreeSet<&str>) -> Vec<&str> {
        let known = |path: &String, kind: &FileType| {
            before.0.contains_key(path) || kind.is_file() && files.contains(path.as_str())
        };
        let others = self.0.iter().filter(|(path, kind)| !known(path, kind));
        others.map(|(path, _)| path.as_str()).collect()
    }
}

fn below(
    directory: &Path,
    path: &str,
    found: &mut BTreeMap<String, FileType>,
) -> std::io::Result<()> {
    for entry in sorted_entries(directory)? {
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        let path = format!("{path}{}", name.to_string_lossy());
        if kind.is_dir() {
            below(&entry.path(), &format!("{path}/"), found)?;
        } else {
            found.insert(path, kind);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use fs_err as fs;

    use super::*;

    #[test]
    fn what_no_wheel_has_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let output = Output::create(dir.path().join("o"), "/opt/x", "lib".to_owned()).unwrap();
        let at = |path: &str| output.root.join(path);
        fs::create_dir_all(at("lib/empty")).unwrap();
        fs::write(at("pyvenv.cfg"), "").unwrap();
        symlink("lib", at("lib64")).unwrap();
        let before = Contents::of(&output).unwrap();
        for path in ["lib/a.py", "lib/other.py", ".lock"] {
            fs::write(at(path), "").unwrap();
        }
        symlink("a.py", at("lib/b.py")).unwrap();
        symlink("/", at("lib/root")).unwrap();
        let after = Contents::of(&output).unwrap();
        // A link is no file of a wheel, wherever it leads.
        let files = BTreeSet::from(["lib/a.py", "lib/b.py", "lib/gone.py"]);
        let others = after.others(&before, &files);
        assert_eq!(others, [".lock", "lib/b.py", "lib/other.py", "lib/root"]);
        assert_eq!(before.others(&before, &files), [""; 0]);
    }
}
