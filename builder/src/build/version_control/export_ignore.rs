//! The paths that `git archive` leaves out of a tree: paths with the attribute `export-ignore`
//! (`gitattributes(5)`), and submodules (`gitmodules(5)`).

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use base::sys::beneath::Beneath;
use glob::{MatchOptions, Pattern};

/// git itself reads no larger one.
const BYTES_MAX: u64 = 100 << 20;

const WITHIN_COMPONENTS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// The lines about `export-ignore`, those that count for more last.
#[derive(Debug, Default)]
pub(super) struct Rules(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    /// The directory of its file.
    directory: PathBuf,
    pattern: Pattern,
    /// Whether the pattern is of a path, not of a name at any depth.
    is_path: bool,
    /// Whether it is of directories alone.
    of_directories: bool,
    ignores: bool,
}

impl Rules {
    /// Reads every `.gitattributes` among `files`. A link is none: git does not follow it.
    pub(super) fn read(source: &Beneath, files: &BTreeSet<PathBuf>) -> io::Result<Self> {
        let mut of_attributes: Vec<&PathBuf> =
            files.iter().filter(|file| file.ends_with(".gitattributes")).collect();
        of_attributes.sort_by_key(|file| (file.components().count(), (*file).clone()));
        let mut rules = Self::default();
        for file in of_attributes {
            if source.find(file)?.is_some_and(|found| found.is_file()) {
                let text = source.read(file, BYTES_MAX)?;
                let directory = file.parent().unwrap_or(Path::new(""));
                rules.add(directory, &String::from_utf8_lossy(&text));
            }
        }
        Ok(rules)
    }

    fn add(&mut self, directory: &Path, text: &str) {
        for line in text.lines().map(str::trim_start).filter(|line| !line.starts_with('#')) {
            let (pattern, words) = match line.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                None => line.split_once(char::is_whitespace).unwrap_or((line, "")),
            };
            let last = words.split_whitespace().rfind(|word| {
                let name = word.trim_start_matches(['-', '!']);
                name.split('=').next() == Some("export-ignore")
            });
            let (Some(word), false) = (last, pattern.is_empty()) else { continue };
            let of_directories = pattern.ends_with('/');
            let path = pattern.trim_end_matches('/');
            let is_path = path.contains('/');
            let path = path.strip_prefix('/').unwrap_or(path);
            // `**` that is no whole component means the same as `*`.
            let parsed = Pattern::new(path).or_else(|_| Pattern::new(&path.replace("**", "*")));
            if let Ok(pattern) = parsed {
                let (directory, ignores) = (directory.to_owned(), word == "export-ignore");
                self.0.push(Rule { directory, pattern, is_path, of_directories, ignores });
            }
        }
    }

    /// Whether a file, or a directory above it, is left out.
    pub(super) fn ignores(&self, file: &Path) -> bool {
        !self.0.is_empty()
            && file.ancestors().enumerate().any(|(above, path)| self.names(path, above > 0))
    }

    /// The decision of the last rule that matches a path.
    fn names(&self, path: &Path, is_directory: bool) -> bool {
        let names = |rule: &&Rule| {
            let Ok(below) = path.strip_prefix(&rule.directory) else { return false };
            let text = if rule.is_path { Some(below.as_os_str()) } else { below.file_name() };
            let text = text.map(|text| text.to_string_lossy()).unwrap_or_default();
            (is_directory || !rule.of_directories)
                && !text.is_empty()
                && rule.pattern.matches_with(&text, WITHIN_COMPONENTS)
        };
        self.0.iter().rfind(names).is_some_and(|rule| rule.ignores)
    }
}

/// The directories of submodules.
pub(super) fn submodules(source: &Beneath) -> io::Result<Vec<PathBuf>> {
    if !source.find(".gitmodules")?.is_some_and(|found| found.is_file()) {
        return Ok(Vec::new());
    }
    let text = source.read(".gitmodules", BYTES_MAX)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let path = |line: &str| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "path").then(|| PathBuf::from(value.trim().trim_matches('"')))
    };
    Ok(text.lines().filter_map(path).filter(|path| !path.as_os_str().is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values are those of `git archive HEAD | tar t` (git 2.39).
    #[test]
    fn files_are_left_out_as_git_archive_does() {
        let files = ["a.txt", "docs/a.txt", "docs/x/b", "sub/docs/c", "sub/keep.txt", "tests"];
        for (attributes, expected) in [
            (
                &[("", "a.txt export-ignore")][..],
                &["docs/x/b", "sub/docs/c", "sub/keep.txt", "tests"][..],
            ),
            (
                &[("", "/a.txt export-ignore")],
                &["docs/a.txt", "docs/x/b", "sub/docs/c", "sub/keep.txt", "tests"],
            ),
            (&[("", "docs/ export-ignore")], &["a.txt", "sub/keep.txt", "tests"]),
            (&[("", "/docs export-ignore")], &["a.txt", "sub/docs/c", "sub/keep.txt", "tests"]),
            (&[("", "tests/ export-ignore")], &files),
            (&[("", "docs/** export-ignore")], &["a.txt", "sub/docs/c", "sub/keep.txt", "tests"]),
            (
                &[("", "*.txt export-ignore\nsub/*.txt -export-ignore")],
                &["docs/x/b", "sub/docs/c", "sub/keep.txt", "tests"],
            ),
            (
                &[("", "*.txt export-ignore"), ("sub", "keep.txt !export-ignore")],
                &["docs/x/b", "sub/docs/c", "sub/keep.txt", "tests"],
            ),
            (&[("", "# * export-ignore\n* text=auto export-subst")], &files),
            (
                &[("sub", "docs export-ignore")],
                &["a.txt", "docs/a.txt", "docs/x/b", "sub/keep.txt", "tests"],
            ),
        ] {
            let mut rules = Rules::default();
            for (directory, text) in attributes {
                rules.add(Path::new(directory), text);
            }
            let left = files.iter().filter(|file| !rules.ignores(Path::new(file)));
            assert_eq!(left.copied().collect::<Vec<_>>(), expected, "{attributes:?}");
        }
    }
}
