//! The tree that phase 2 makes: its path on the host, its install path, and the one function that
//! turns a path of a recipe into a path of the host. So no recipe can make a stage touch a file
//! outside.

use std::fmt;
use std::path::PathBuf;

use fs_err as fs;

use base::sys::beneath::{Beneath, Found};
use base::vocabulary::Problem;

pub use crate::wheel_archive::below_lib;
pub use base::vocabulary::paths::normalised;

/// An output under construction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its path on the host. Never reaches a byte of the output.
    pub root: PathBuf,
    /// Its install path.
    pub prefix: String,
    /// The directory of modules relative to the root, such as `lib/python3.14/site-packages`.
    pub site_packages: String,
}

impl Output {
    /// An empty output at `root`.
    pub fn create(root: PathBuf, prefix: &str, site_packages: String) -> Result<Self, Problem> {
        fs::create_dir_all(&root)
            .map_err(|error| Problem::new("cannot make the output").cause(error))?;
        Ok(Self { root, prefix: prefix.to_owned(), site_packages })
    }

    /// The directory as a capability: the one way in which stages reach what is in it.
    pub fn beneath(&self) -> Result<Beneath, Problem> {
        Beneath::open(&self.root)
            .map_err(|error| Problem::new("cannot open the output").cause(error))
    }

    /// Normalises `path`, which is relative to the output. Fails the action `what` if it is
    /// absolute, has `..`, or has a symlink as one of its parents: through a link a path could have
    /// a second name outside. This check gives errors in a recipe's terms; [`Beneath`] enforces the
    /// rule at every access.
    pub fn path_in(&self, what: impl fmt::Display, path: &str) -> Result<String, Problem> {
        let problem = |because: String| Problem::usage(what.to_string()).fact("because", because);
        let Some(normal) = normalised(path).filter(|normal| !normal.is_empty()) else {
            return Err(problem(format!("`{path}` is not a path inside of the output"))
                .hint("give a path relative to the output, without `..`"));
        };
        let beneath = self.beneath()?;
        let parents = normal.match_indices('/').map(|(end, _)| &normal[..end]);
        for parent in parents {
            if matches!(beneath.find(parent), Ok(Some(Found::Link))) {
                return Err(problem(format!("`{parent}` is a symbolic link"))
                    .hint("name the directory that it points to"));
            }
        }
        Ok(normal)
    }

    /// The path in the output that a line of a `RECORD` names; `None` if it is outside.
    pub fn recorded(&self, line: &str) -> Option<String> {
        normalised(&format!("{}/{line}", self.site_packages)).map(below_lib)
    }
}

/// The text of a symbolic link at `link` that leads to `target`; both relative to one root and
/// normalised.
pub fn relative_link(link: &str, target: &str) -> String {
    let from: Vec<&str> = link.split('/').collect();
    let from = &from[..from.len() - 1];
    let to: Vec<&str> = target.split('/').collect();
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..", from.len() - common);
    let text = up.chain(to[common..].iter().copied()).collect::<Vec<_>>().join("/");
    if text.is_empty() { ".".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_record_has_one_path() {
        let site_packages = "lib/python3.14/site-packages".to_owned();
        let output = Output { root: PathBuf::new(), prefix: String::new(), site_packages };
        for (line, expected) in [
            ("a.py", Some("lib/python3.14/site-packages/a.py")),
            ("../../../bin/a", Some("bin/a")),
            (
                "../../../lib64/python3.14/site-packages/a.py",
                Some("lib/python3.14/site-packages/a.py"),
            ),
            ("../../../lib64", Some("lib64")),
            ("../../../lib/lib64/a", Some("lib/lib64/a")),
            ("../../../../a", None),
        ] {
            assert_eq!(output.recorded(line).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn links_are_relative_to_their_directory() {
        for (link, target, expected) in [
            ("a", "b", "b"),
            ("a/b/c", "a/d", "../d"),
            ("a/b", "c/d/e", "../c/d/e"),
            ("a/b", "a", "."),
            ("lib/x/y", "lib/x/z", "z"),
        ] {
            assert_eq!(relative_link(link, target), expected, "{link} -> {target}");
        }
    }
}
