//! A recipe under construction, and its text. A comment above each value names its source.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// A value and the reason why it is there.
pub(super) type Reasoned = BTreeMap<String, String>;

/// What is decided of one distribution.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OfOne {
    pub(super) system_packages: Reasoned,
    pub(super) extra_requires: Reasoned,
    /// The version, which git would know, and from where it is.
    pub(super) version: Option<(String, String)>,
}

/// A recipe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) name: String,
    /// Relative to the recipe's directory.
    pub(super) source: String,
    pub(super) python: (String, String),
    pub(super) platform: (String, String),
    /// The suite and why, if it is not the default.
    pub(super) suite: Option<(String, String)>,
    /// Why these projects, extras and groups.
    pub(super) because: Option<String>,
    pub(super) project: Option<String>,
    pub(super) members: BTreeSet<String>,
    pub(super) extras: BTreeSet<String>,
    pub(super) groups: BTreeSet<String>,
    pub(super) dependencies_only: bool,
    pub(super) overrides: BTreeMap<String, OfOne>,
    /// What runs needs of the system.
    pub(super) packages: Reasoned,
    /// `from` and `to`.
    pub(super) copies: Vec<(String, String)>,
    pub(super) imports: BTreeSet<String>,
    pub(super) skip_scripts: Reasoned,
    /// Name and words.
    pub(super) runs: Vec<(String, Vec<String>)>,
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn list<'a>(values: impl IntoIterator<Item = &'a String>) -> String {
    let values: Vec<String> = values.into_iter().map(|it| quoted(it)).collect();
    format!("[{}]", values.join(", "))
}

/// Comments of what was read elsewhere: control characters and line ends must not end one.
fn comment(text: &mut String, line: &str) {
    let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut width = 0;
    text.push('#');
    for word in line.split_whitespace() {
        if width > 0 && width + word.len() > 96 {
            text.push_str("\n#");
            width = 0;
        }
        text.push(' ');
        text.push_str(word);
        width += word.len() + 1;
    }
    text.push('\n');
}

impl Draft {
    /// The recipe's text.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let intro = "Written by `lockstep init`, and now yours: every line can be changed. \
                     Every key is documented in recipes/README.md of Lockstep.";
        comment(&mut text, intro);
        let _ = writeln!(text, "\n[source]\npath = {}\n\n[target]", quoted(&self.source));
        comment(&mut text, &self.python.1);
        let _ = writeln!(text, "python = {}", quoted(&self.python.0));
        comment(&mut text, &self.platform.1);
        let _ = writeln!(text, "platforms = [{}]", quoted(&self.platform.0));
        self.write_project(&mut text);
        self.write_toolchain(&mut text);
        self.write_overrides(&mut text);
        for (from, to) in &self.copies {
            let _ = writeln!(text, "\n[[copy]]\nfrom = {}\nto = {}", quoted(from), quoted(to));
        }
        self.write_checks(&mut text);
        text
    }

    fn write_project(&self, text: &mut String) {
        let is_plain = self.project.is_none()
            && self.members.is_empty()
            && self.extras.is_empty()
            && self.groups.is_empty()
            && !self.dependencies_only;
        if is_plain {
            return;
        }
        text.push_str("\n[project]\n");
        if let Some(because) = &self.because {
            comment(text, because);
        }
        if let Some(project) = &self.project {
            let _ = writeln!(text, "name = {}", quoted(project));
        }
        let lists =
            [("members", &self.members), ("extras", &self.extras), ("groups", &self.groups)];
        for (key, values) in lists.into_iter().filter(|(_, values)| !values.is_empty()) {
            let _ = writeln!(text, "{key} = {}", list(values));
        }
        if self.dependencies_only {
            comment(text, "the project is no package, and nothing of it was found to copy");
            text.push_str("dependencies-only = true\n");
        }
    }

    fn write_toolchain(&self, text: &mut String) {
        if self.suite.is_none() && self.packages.is_empty() {
            return;
        }
        text.push_str("\n[toolchain.debian]\n");
        if let Some((suite, because)) = &self.suite {
            comment(text, because);
            let _ = writeln!(text, "suite = {}", quoted(suite));
        }
        if !self.packages.is_empty() {
            reasons(text, &self.packages);
            let _ = writeln!(text, "packages = {}", list(self.packages.keys()));
        }
    }

    fn write_overrides(&self, text: &mut String) {
        for (name, it) in self.overrides.iter().filter(|(_, it)| **it != OfOne::default()) {
            let _ = writeln!(text, "\n[override.{name}.build]");
            if !it.system_packages.is_empty() {
                reasons(text, &it.system_packages);
                let _ = writeln!(text, "system-packages = {}", list(it.system_packages.keys()));
            }
            if !it.extra_requires.is_empty() {
                reasons(text, &it.extra_requires);
                let _ = writeln!(text, "extra-requires = {}", list(it.extra_requires.keys()));
            }
            if let Some((version, because)) = &it.version {
                comment(text, because);
                let _ = writeln!(text, "version = {}", quoted(version));
            }
        }
    }

    fn write_checks(&self, text: &mut String) {
        if !self.imports.is_empty() {
            text.push_str("\n[check]\n");
            comment(text, "what the project's wheel has at its top, or what is copied");
            let _ = writeln!(text, "imports = {}", list(&self.imports));
        }
        if !self.skip_scripts.is_empty() {
            text.push_str("\n[check.skip-scripts]\n");
            for (name, because) in &self.skip_scripts {
                let _ = writeln!(text, "{} = {}", quoted(name), quoted(because));
            }
        }
        for (name, words) in &self.runs {
            let _ = writeln!(
                text,
                "\n[[check.run]]\nname = {}\ncommand = {}",
                quoted(name),
                list(words)
            );
        }
    }
}

fn reasons(text: &mut String, values: &Reasoned) {
    for (value, because) in values {
        comment(text, &format!("{value}: {because}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::recipe::Recipe;

    /// Whatever was read elsewhere, the text is a recipe and says what the draft says.
    #[test]
    fn the_text_is_the_recipe() {
        let reason =
            |name: &str| BTreeMap::from([(name.to_owned(), "a\n[evil]\nb = 1".to_owned())]);
        let names = |name: &str| BTreeSet::from([name.to_owned()]);
        let of_one = OfOne {
            system_packages: reason("libpq-dev"),
            extra_requires: reason("numpy"),
            version: Some(("1.2".to_owned(), "from\ngit".to_owned())),
        };
        let draft = Draft {
            name: "shop".to_owned(),
            source: "..".to_owned(),
            python: ("3.14".to_owned(), "because\n= \u{1b}".to_owned()),
            platform: ("x86_64-manylinux_2_39".to_owned(), "here".to_owned()),
            suite: Some(("trixie".to_owned(), "it has this Python".to_owned())),
            because: Some("`uv sync --extra a` in Dockerfile".to_owned()),
            project: Some("shop".to_owned()),
            extras: names("a"),
            groups: names("b"),
            overrides: [("psycopg2".to_owned(), of_one)].into(),
            packages: reason("libpq5"),
            copies: vec![("manage.py".to_owned(), "manage.py".to_owned())],
            imports: names("shop"),
            skip_scripts: reason("blackd"),
            runs: vec![("it runs".to_owned(), vec!["python".to_owned(), "-V".to_owned()])],
            ..Draft::default()
        };
        let text = draft.text();
        let recipe = Recipe::parse("shop", &text, &|_| Err(std::io::ErrorKind::NotFound.into()));
        let recipe = recipe.unwrap_or_else(|problem| panic!("{problem}\n{text}"));
        let name = "psycopg2".parse().unwrap();
        let build = recipe.build_settings(&name);
        assert_eq!(build.version.as_ref().map(ToString::to_string).as_deref(), Some("1.2"));
        assert!(build.system_packages.contains("libpq-dev"));
        assert_eq!(recipe.debian.suite, "trixie");
        assert_eq!(recipe.checks.skip_scripts["blackd"], "a\n[evil]\nb = 1");
        assert!(!text.contains('\u{1b}') && recipe.copies.len() == 1, "{text}");
    }
}
