//! What is inside new versions: two versions of a package compared, without running anything. The
//! list is short and worst first; every row names the file and the line.

use std::collections::BTreeSet;

use serde::Serialize;

use base::packaging::PackageName;

use crate::finding::{Finding, counted, listed};
use crate::rules::{
    BUILD_SCRIPT, LONG_LINES, MODULE_SHADOWED, NEW_BEHAVIOUR, NEW_BINARY, NEW_SCRIPT, STARTUP_CODE,
};
use crate::traits::{Behaviour, Content, Traits};

/// How the content of a package changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct ContentChange {
    /// The package with its new version.
    pub(crate) package: String,
    /// The files that were compared; without the old one, the package is new.
    pub(crate) from: Option<String>,
    pub(crate) to: String,
    /// Bytes of all files.
    pub(crate) bytes_from: u64,
    pub(crate) bytes_to: u64,
    /// Paths in the archive: how many.
    pub(crate) added: usize,
    pub(crate) removed: usize,
    pub(crate) changed: usize,
}

/// One version of a package.
#[derive(Debug, Clone, Default)]
pub(crate) struct Version {
    /// The file's name.
    pub(crate) filename: String,
    /// Its members; those of a source archive without the directory at its top.
    pub(crate) content: Content,
    /// Whether it is a source archive.
    pub(crate) is_source: bool,
    /// Its commands.
    pub(crate) scripts: BTreeSet<String>,
}

/// A line of Python with more characters is not written by hand.
const LINE_MAX: usize = 2_000;

/// Of so many files a finding shows each.
const SHOWN: usize = 5;

/// Compares two versions; `locked` are the names of all locked packages.
pub(crate) fn compare(
    (name, shown): (&PackageName, &str),
    old: Option<&Version>,
    new: &Version,
    locked: &BTreeSet<&PackageName>,
) -> (ContentChange, Vec<Finding>) {
    // A wheel says nothing of what a source archive had, and the other way round.
    let old = old.filter(|old| old.is_source == new.is_source);
    let nothing = Version::default();
    let before = old.unwrap_or(&nothing);
    let fresh: Vec<(&String, &Traits)> = new
        .content
        .iter()
        .filter(|(path, it)| before.content.get(*path).is_none_or(|was| was.sha256 != it.sha256))
        .collect();
    let bytes = |of: &Version| of.content.values().map(|it| it.bytes).sum();
    let added = fresh.iter().filter(|(path, _)| !before.content.contains_key(*path)).count();
    let change = ContentChange {
        package: shown.to_owned(),
        from: old.map(|old| old.filename.clone()),
        to: new.filename.clone(),
        bytes_from: bytes(before),
        bytes_to: bytes(new),
        added,
        removed: before.content.keys().filter(|path| !new.content.contains_key(*path)).count(),
        changed: fresh.len() - added,
    };
    let view = View { name, shown, old, new, fresh };
    let mut found: Vec<Finding> = view.startup().into_iter().collect();
    if new.is_source {
        found.extend(view.build_scripts());
    } else {
        found.extend(view.shadowed(locked));
        found.extend(view.behaviours());
        found.extend(view.binaries());
        found.extend(view.scripts());
    }
    found.extend(view.long_lines());
    (change, found)
}

struct View<'a> {
    name: &'a PackageName,
    shown: &'a str,
    old: Option<&'a Version>,
    new: &'a Version,
    /// What is new or changed.
    fresh: Vec<(&'a String, &'a Traits)>,
}

impl View<'_> {
    fn before(&self, has: impl Fn(&String, &Traits) -> bool) -> bool {
        self.old.is_some_and(|old| old.content.iter().any(|(path, it)| has(path, it)))
    }

    fn rows(&self, has: impl Fn(&str, &Traits) -> Option<String>) -> Vec<String> {
        self.fresh
            .iter()
            .filter_map(|(path, it)| Some(format!("{path}: {}", has(path, it)?)))
            .collect()
    }

    /// What Python runs at every start (the `site` module): `.pth` files and two modules.
    fn startup(&self) -> Option<Finding> {
        if self.new.is_source {
            return None;
        }
        let is_startup = |path: &str| {
            let top = !path.contains('/');
            let in_data = path.split_once(".data/").map(|(_, rest)| rest);
            let place = in_data.and_then(|it| it.split_once('/')).map_or(path, |(_, rest)| rest);
            let named = ["sitecustomize", "usercustomize"].contains(&stem(place));
            (top || in_data.is_some()) && place.ends_with(".pth") || named && is_python(place)
        };
        let rows = self.rows(|path, it| {
            let line = it.behaviours.values().next().cloned();
            is_startup(path).then(|| line.unwrap_or_else(|| counted_bytes(it.bytes)))
        });
        (!rows.is_empty()).then(|| {
            let message =
                format!("`{}` brings code that runs at every start of Python", self.shown);
            Finding::new(&STARTUP_CODE, self.name, message).detail(rows)
        })
    }

    /// A module or package at the top that is named as another locked package, and was not there.
    fn shadowed(&self, locked: &BTreeSet<&PackageName>) -> Option<Finding> {
        let before: BTreeSet<&str> = self
            .old
            .into_iter()
            .flat_map(|old| old.content.keys())
            .filter_map(|it| top(it))
            .collect();
        let tops: BTreeSet<&str> = self.new.content.keys().filter_map(|it| top(it)).collect();
        let shadowed: Vec<&str> = tops
            .difference(&before)
            .copied()
            .filter(|top| {
                top.parse::<PackageName>().is_ok_and(|it| it != *self.name && locked.contains(&it))
            })
            .collect();
        (!shadowed.is_empty()).then(|| {
            let message = format!("`{}` brings modules of other packages", self.shown);
            let detail = [format!("modules {}", listed(shadowed, SHOWN))];
            Finding::new(&MODULE_SHADOWED, self.name, message).detail(detail)
        })
    }

    /// What no module of the old version did. Of a new package nothing is known, so all counts.
    fn behaviours(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        for behaviour in Behaviour::ALL {
            if self.old.is_none() || self.before(|_, it| it.behaviours.contains_key(&behaviour)) {
                continue;
            }
            let rows = self.rows(|_, it| it.behaviours.get(&behaviour).cloned());
            if !rows.is_empty() {
                let message = format!("`{}` {}, and did not before", self.shown, behaviour.words());
                found.push(Finding::new(&NEW_BEHAVIOUR, self.name, message).detail(cut(rows)));
            }
        }
        found
    }

    /// What runs at build time: whatever it does is shown, with what is new in it.
    fn build_scripts(&self) -> Option<Finding> {
        let is_script = |path: &str| {
            let is_top = !path.contains('/');
            let of_backend = stem(path).contains("backend") || path.starts_with("_custom_build");
            is_top
                && ["setup.py", "setup.cfg", "pyproject.toml", "meson.build", "CMakeLists.txt"]
                    .contains(&path)
                || is_python(path) && (is_top || of_backend)
        };
        let rows = self.rows(|path, it| {
            let lines: Vec<String> = it
                .behaviours
                .iter()
                .map(|(behaviour, line)| format!("it {} ({line})", behaviour.words()))
                .collect();
            let text =
                if lines.is_empty() { "new or changed".to_owned() } else { lines.join("; ") };
            is_script(path).then_some(text)
        });
        (!rows.is_empty()).then(|| {
            let message = format!("what builds `{}` is new or changed", self.shown);
            Finding::new(&BUILD_SCRIPT, self.name, message).detail(cut(rows))
        })
    }

    fn binaries(&self) -> Option<Finding> {
        if self.old.is_none() || self.before(|_, it| it.is_binary) {
            return None;
        }
        let rows = self.rows(|_, it| it.is_binary.then(|| counted_bytes(it.bytes)));
        (!rows.is_empty()).then(|| {
            let message = format!("`{}` brings compiled code, and had none", self.shown);
            Finding::new(&NEW_BINARY, self.name, message).detail(cut(rows))
        })
    }

    fn scripts(&self) -> Option<Finding> {
        let old = self.old?;
        let new: Vec<&String> = self.new.scripts.difference(&old.scripts).collect();
        (!new.is_empty()).then(|| {
            let message = format!("`{}` brings {}", self.shown, counted(new.len(), "command"));
            Finding::new(&NEW_SCRIPT, self.name, message).detail([listed(new, SHOWN)])
        })
    }

    fn long_lines(&self) -> Option<Finding> {
        let was_long = |path: &str| {
            let old = self.old.and_then(|old| old.content.get(path));
            old.is_some_and(|old| old.longest_line > LINE_MAX)
        };
        let rows = self.rows(|path, it| {
            let is_long = it.longest_line > LINE_MAX && !was_long(path);
            is_long.then(|| format!("a line of {} characters", it.longest_line))
        });
        (!rows.is_empty()).then(|| {
            let message = format!("`{}` has very long lines of code", self.shown);
            Finding::new(&LONG_LINES, self.name, message).detail(cut(rows))
        })
    }
}

fn cut(mut rows: Vec<String>) -> Vec<String> {
    let more = rows.len().saturating_sub(SHOWN);
    rows.truncate(SHOWN);
    rows.extend((more > 0).then(|| format!("and {} more", counted(more, "file"))));
    rows
}

/// The module or package at the top of site-packages that a member belongs to.
fn top(path: &str) -> Option<&str> {
    let (first, rest) = path.split_once('/').map_or((path, None), |(a, b)| (a, Some(b)));
    match rest {
        Some(_) if first.ends_with(".dist-info") || first.ends_with(".data") => None,
        Some(_) => Some(first),
        None => first.strip_suffix(".py").or_else(|| first.strip_suffix(".so")?.split('.').next()),
    }
}

fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.split('.').next().unwrap_or_default()
}

fn is_python(path: &str) -> bool {
    [".py", ".pyc", ".so"].iter().any(|end| path.ends_with(end))
}

fn counted_bytes(bytes: u64) -> String {
    counted(usize::try_from(bytes).unwrap_or(usize::MAX), "byte")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traits;

    fn version(files: &[(&str, &str)], is_source: bool) -> Version {
        let content = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), traits::of(path, text.as_bytes())));
        Version { content: content.collect(), is_source, ..Version::default() }
    }

    /// `rule: detail` of what is found in a version that had one harmless module before.
    fn found(files: &[(&str, &str)], is_source: bool) -> Vec<String> {
        let plain = ("alpha/__init__.py", "import os\n");
        let old = version(&[plain], is_source);
        let new = version(&[&[plain], files].concat(), is_source);
        let [alpha, beta]: [PackageName; 2] = ["alpha", "beta"].map(|it| it.parse().unwrap());
        let (_, found) =
            compare((&alpha, "alpha 2"), Some(&old), &new, &BTreeSet::from([&alpha, &beta]));
        found.iter().map(|it| format!("{}: {}", it.rule.id, it.detail.join("; "))).collect()
    }

    #[test]
    fn what_is_new_in_a_wheel_is_found() {
        let long = format!("x = '{}'\n", "a".repeat(3_000));
        for (path, text, expected) in [
            ("alpha/util.py", "x = 1\n", ""),
            (
                "evil.pth",
                "import os; os.system('x')\n",
                "startup-code: evil.pth: line 1: import os; os.system('x')",
            ),
            (
                "alpha-2.data/purelib/x.pth",
                "/opt\n",
                "startup-code: alpha-2.data/purelib/x.pth: 5 bytes",
            ),
            ("sitecustomize.py", "", "startup-code: sitecustomize.py: 0 bytes"),
            ("beta/__init__.py", "", "module-shadowed: modules beta"),
            ("beta.py", "", "module-shadowed: modules beta"),
            (
                "alpha/net.py",
                "\nimport socket\n",
                "new-behaviour: alpha/net.py: line 2: import socket",
            ),
            (
                "alpha/x.py",
                "k = os.environ['AWS']\n",
                "new-behaviour: alpha/x.py: line 1: k = os.environ['AWS']",
            ),
            ("alpha/packed.py", &long, "long-lines: alpha/packed.py: a line of 3006 characters"),
            ("alpha/_c.so", "\x7fELF", "new-binary: alpha/_c.so: 4 bytes"),
        ] {
            let found = found(&[(path, text)], false);
            let found = found.iter().find(|it| !it.starts_with("new-behaviour: evil.pth"));
            assert_eq!(found.map(String::as_str).unwrap_or_default(), expected, "{path}");
        }
    }

    #[test]
    fn what_runs_at_build_time_is_found() {
        let setup = ("setup.py", "import os\nsend(os.environ)\n");
        assert_eq!(
            found(&[setup], true),
            ["build-script: setup.py: it reads the environment (line 2: send(os.environ))"]
        );
        assert_eq!(
            found(&[("tools/my_backend.py", "def build_wheel(): pass\n")], true),
            ["build-script: tools/my_backend.py: new or changed"]
        );
        assert!(found(&[("src/alpha/x.py", "import socket\n")], true).is_empty());
    }
}
