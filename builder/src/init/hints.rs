//! What Dockerfiles and CI files of a project say of how it is installed: lines with `uv sync`,
//! `uv export` and `uv pip install`, the interpreter, and packages of `apt-get`. Text in, values
//! out; no line is run.

use std::collections::BTreeSet;

/// A line that says something, for a comment of the recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Quoted {
    /// The file, relative to the project.
    pub(super) file: String,
    /// The command, on one line.
    pub(super) command: String,
}

/// What all lines say together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Hints {
    /// The line that decides what is installed, and what it says.
    pub(super) install: Option<(Quoted, Install)>,
    /// Other such lines, which were not followed.
    pub(super) others: Vec<Quoted>,
    /// Versions of Python, `3.13`, in the order in which they were found.
    pub(super) pythons: Vec<String>,
    /// Packages of `apt-get install`.
    pub(super) system: BTreeSet<String>,
}

/// What a command of uv installs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of uv's")]
pub(super) struct Install {
    pub(super) packages: BTreeSet<String>,
    pub(super) all_packages: bool,
    pub(super) extras: BTreeSet<String>,
    pub(super) all_extras: bool,
    pub(super) groups: BTreeSet<String>,
    pub(super) all_groups: bool,
    /// Whether it leaves groups of development out.
    pub(super) is_production: bool,
}

/// The groups that no production install has.
pub(super) const DEVELOPMENT: [&str; 8] =
    ["dev", "development", "test", "tests", "lint", "docs", "typing", "ci"];

impl Hints {
    /// Reads a file; Dockerfiles must come before CI files, which install for tests, too.
    pub(super) fn read(&mut self, file: &str, text: &str, is_image: bool) {
        for command in commands(text) {
            // CI tries several, and the first is often the oldest.
            if is_image {
                self.pythons.extend(python_of(&command));
                self.system.extend(apt_packages(&command));
            }
            let Some(install) = install_of(&command) else { continue };
            let quoted = Quoted { file: file.to_owned(), command: command.join(" ") };
            // A later line of an image installs the project into what an earlier one prepared.
            let counts = is_image || install.is_production;
            match &mut self.install {
                None if counts => self.install = Some((quoted, install)),
                Some((at, known)) if counts && at.file == file => known.add(install),
                _ => self.others.push(quoted),
            }
        }
    }
}

impl Install {
    fn add(&mut self, other: Self) {
        self.packages.extend(other.packages);
        self.extras.extend(other.extras);
        self.groups.extend(other.groups);
        self.all_packages |= other.all_packages;
        self.all_extras |= other.all_extras;
        self.all_groups |= other.all_groups;
        self.is_production |= other.is_production;
    }
}

/// The commands of a file as words: continued lines are one, and `&&`, `;`, `|` end a command.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut joined: Vec<String> = Vec::new();
    let mut continues = false;
    for line in text.lines() {
        let line = line.trim();
        // A comment within a continued command of a Dockerfile ends nothing.
        if line.starts_with('#') {
            continue;
        }
        let (part, more) = match line.strip_suffix('\\') {
            Some(part) => (part, true),
            None => (line, false),
        };
        match joined.last_mut() {
            Some(last) if continues => {
                last.push(' ');
                last.push_str(part);
            }
            _ => joined.push(part.to_owned()),
        }
        continues = more;
    }
    let ends = |word: &&str| matches!(*word, "&&" | "||" | "|" | ";");
    let mut all = Vec::new();
    for line in joined {
        let spaced = line.replace("&&", " && ").replace("||", " || ").replace(';', " ; ");
        let words: Vec<&str> = spaced.split_whitespace().collect();
        for command in words.split(ends) {
            let plain = |word: &&str| word.trim_matches(['"', '\'', '[', ']', ',']).to_owned();
            let words: Vec<String> =
                command.iter().map(plain).filter(|it| !it.is_empty()).collect();
            all.push(words);
        }
    }
    all.retain(|words| !words.is_empty());
    all
}

fn install_of(words: &[String]) -> Option<Install> {
    let is_uv = |word: &String| word == "uv" || word.ends_with("/uv");
    let at = words.iter().position(is_uv)?;
    let rest: Vec<&str> = words[at + 1..].iter().map(String::as_str).collect();
    match rest.as_slice() {
        ["sync" | "export", flags @ ..] => Some(of_flags(flags)),
        ["pip", "install" | "sync", flags @ ..] => of_pip(flags),
        _ => None,
    }
}

fn of_flags(words: &[&str]) -> Install {
    let mut install = Install::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (flag, given) = match word.split_once('=') {
            Some((flag, value)) => (flag, Some(value.to_owned())),
            None => (*word, None),
        };
        let mut value = || given.clone().or_else(|| words.next().map(|it| (*it).to_owned()));
        match flag {
            "--package" => install.packages.extend(value()),
            "--extra" => install.extras.extend(value()),
            "--group" | "--only-group" => install.groups.extend(value()),
            "--all-packages" => install.all_packages = true,
            "--all-extras" => install.all_extras = true,
            "--all-groups" => install.all_groups = true,
            "--no-dev" | "--no-default-groups" => install.is_production = true,
            _ => {}
        }
    }
    install.groups.retain(|it| !DEVELOPMENT.contains(&it.as_str()));
    let is_name = |name: &String| {
        name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    for names in [&mut install.packages, &mut install.extras, &mut install.groups] {
        names.retain(is_name);
    }
    install
}

/// `uv pip install .[a,b]` installs extras of the project; other names are not part of its lock.
fn of_pip(words: &[&str]) -> Option<Install> {
    let extras = words.iter().find_map(|word| {
        let rest = word.strip_prefix('.')?;
        Some(rest.strip_prefix('[').map_or("", |it| it.trim_end_matches(']')).to_owned())
    })?;
    let names = extras.split(',').map(|it| it.trim().to_owned());
    let extras = names.filter(|it| !it.is_empty() && !DEVELOPMENT.contains(&it.as_str()));
    Some(Install { extras: extras.collect(), ..Install::default() })
}

/// `FROM python:3.13-slim`, `FROM registry.example/uv:python3.13-alpine`, `uv python install 3.13`.
fn python_of(words: &[String]) -> Option<String> {
    let after = |text: &str| {
        let (_, rest) = text.split_once("python")?;
        minor(rest.trim_start_matches([':', '-']))
    };
    if words.first().is_some_and(|it| it.eq_ignore_ascii_case("from")) {
        return words.iter().skip(1).find_map(|word| after(word));
    }
    let is_install = words.windows(3).any(|it| it == ["uv", "python", "install"]);
    is_install.then(|| words.iter().find_map(|word| minor(word)))?
}

/// `3.13` of `3.13.1-slim`.
pub(super) fn minor(text: &str) -> Option<String> {
    let rest = text.strip_prefix("3.")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    (1..=2).contains(&digits.len()).then(|| format!("3.{digits}"))
}

fn apt_packages(words: &[String]) -> Vec<String> {
    let is_apt = |word: &String| word == "apt-get" || word == "apt";
    let Some(at) = words.iter().position(is_apt) else { return Vec::new() };
    let mut rest = words[at + 1..].iter().skip_while(|word| *word != "install");
    if rest.next().is_none() {
        return Vec::new();
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
    let names = rest.map(|word| word.split('=').next().unwrap_or_default());
    let is_package = |name: &&str| {
        name.len() > 1
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(plain)
    };
    names.filter(is_package).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn an_image_says_what_is_installed() {
        let mut hints = Hints::default();
        let text = "FROM ghcr.example/uv:python3.13-slim AS build\n\
            RUN --mount=type=cache,target=/x apt-get update && \\\n  # why\n  \
            apt-get install -y --no-install-recommends \\\n    libpq-dev=17.* gcc \\\n    \
            && rm -rf /x\n\
            RUN uv sync --frozen --no-install-project --no-dev --extra postgres\n\
            RUN [\"uv\", \"sync\", \"--locked\", \"--group=prod\", \"--group\", \"dev\"]\n";
        hints.read("Dockerfile", text, true);
        hints.read(".github/workflows/ci.yml", "  - run: uv sync --all-extras --dev\n", false);
        let (quoted, install) = hints.install.unwrap();
        assert!(quoted.command.contains("uv sync --frozen"), "{quoted:?}");
        assert_eq!(install.extras, set(&["postgres"]));
        assert_eq!(install.groups, set(&["prod"]));
        assert!(install.is_production && !install.all_extras);
        assert_eq!(hints.pythons, ["3.13"]);
        assert_eq!(hints.system, set(&["gcc", "libpq-dev"]));
        assert_eq!(hints.others.len(), 1);
    }

    #[test]
    fn a_ci_file_counts_only_where_it_leaves_development_out() {
        for (command, extras) in [
            ("uv sync --extra a", None),
            ("uv sync --no-dev --extra a --extra '$(rm x)'", Some(set(&["a"]))),
            ("/bin/uv export --no-default-groups --package shop", Some(set(&[]))),
        ] {
            let mut hints = Hints::default();
            hints.read("ci.yml", command, false);
            assert_eq!(hints.install.map(|it| it.1.extras), extras, "{command}");
        }
    }

    #[test]
    fn pip_installs_extras_of_the_project_and_nothing_else() {
        let of = |text: &str| commands(text).iter().find_map(|it| install_of(it));
        assert_eq!(of("RUN uv pip install --system '.[a,dev]'").unwrap().extras, set(&["a"]));
        assert_eq!(of("uv pip install requests"), None);
        assert_eq!(of("echo uv"), None);
    }
}
