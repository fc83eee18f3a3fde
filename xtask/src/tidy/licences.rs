//! Licences of all dependencies against the exact list in `deny.toml`, in both directions: what is
//! not on the list is not allowed, and what nothing needs does not stay on it. The file has the
//! form that cargo-deny reads; every entry has a comment with its reason.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;
use xshell::{Shell, cmd};

use super::{SourceFile, Violation, missing, text};

const POLICY: &str = "deny.toml";

/// What `cargo metadata` says of a package.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) license: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// The part of `deny.toml` that is read here.
#[derive(Debug, Default, Deserialize)]
struct Policy {
    #[serde(default)]
    licenses: Licences,
}

#[derive(Debug, Default, Deserialize)]
struct Licences {
    #[serde(default)]
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
}

/// A licence that one package may have.
#[derive(Debug, Deserialize)]
struct Exception {
    allow: Vec<String>,
    #[serde(rename = "crate")]
    package: String,
}

pub(super) fn check(
    shell: &Shell,
    root: &Path,
    files: &[SourceFile],
) -> anyhow::Result<Vec<Violation>> {
    let cargo = shell.var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let manifest = root.join("Cargo.toml");
    // One platform: asking for all would download packages that no build here needs.
    let metadata = cmd!(shell, "{cargo} metadata --format-version 1 --locked --manifest-path")
        .arg(manifest)
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .quiet()
        .ignore_stderr()
        .read()
        .context("cannot ask cargo for the licences of all packages")?;
    let metadata: Metadata = serde_json::from_str(&metadata)?;
    compare(text(files, POLICY), &metadata.packages)
}

/// Compares the text of `deny.toml` with what packages say.
pub(super) fn compare(policy: &str, packages: &[Package]) -> anyhow::Result<Vec<Violation>> {
    let mut found = reasons(policy);
    let policy: Policy = toml::from_str(policy).context("cannot read `deny.toml`")?;
    let mut allowed: BTreeMap<Option<&str>, BTreeSet<&str>> = BTreeMap::new();
    let general = policy.licenses.allow.iter().map(String::as_str);
    allowed.entry(None).or_default().extend(general);
    for exception in &policy.licenses.exceptions {
        let licences = exception.allow.iter().map(String::as_str);
        allowed.entry(Some(&exception.package)).or_default().extend(licences);
    }
    let mut needed: BTreeSet<(Option<&str>, &str)> = BTreeSet::new();
    for package in packages {
        let name = package.name.as_str();
        let expression = package.license.as_deref().unwrap_or_default().replace('/', " OR ");
        let scopes = [None, Some(name)];
        let fits = |licence: &str| {
            let mut scopes = scopes.iter().copied();
            scopes.find(|scope| allowed.get(scope).is_some_and(|list| list.contains(licence)))
        };
        if !Expression::new(&expression).holds(&|licence| fits(licence).is_some()) {
            let mend = format!("`{name}` is under `{expression}`; allow that, with a reason");
            found.push(missing(POLICY, "licence", mend));
        }
        for (scope, list) in &allowed {
            let named = words(&expression).into_iter();
            let mut named = named.filter_map(|word| list.get(word.as_str()).copied());
            if scopes.contains(scope) {
                needed.extend(named.by_ref().map(|licence| (*scope, licence)));
            }
        }
    }
    for (scope, list) in &allowed {
        for licence in list.iter().filter(|licence| !needed.contains(&(*scope, licence))) {
            let owner = scope.unwrap_or("any package");
            let mend = format!("`{licence}` of {owner} is allowed and nothing needs it; remove it");
            found.push(missing(POLICY, "licence", mend));
        }
    }
    Ok(found)
}

/// Every entry of a list ends in a comment that gives its reason.
fn reasons(policy: &str) -> Vec<Violation> {
    let lines = policy.lines().enumerate();
    let entries = lines.filter(|(_, line)| line.trim_start().starts_with(['"', '{']));
    let bare = entries.filter(|(_, line)| !line.contains(" # "));
    bare.map(|(index, _)| Violation {
        line: index + 1,
        ..missing(POLICY, "reason", "say why this is allowed, in a comment on the line")
    })
    .collect()
}

/// An SPDX licence expression (SPDX 2.3, annex D), evaluated while it is read; `AND` binds closer
/// than `OR`, and `WITH` makes one licence of two words.
struct Expression {
    words: std::iter::Peekable<std::vec::IntoIter<String>>,
}

impl Expression {
    fn new(text: &str) -> Self {
        Self { words: words(text).into_iter().peekable() }
    }

    fn holds(mut self, allowed: &dyn Fn(&str) -> bool) -> bool {
        self.any(allowed) && self.words.next().is_none()
    }

    fn any(&mut self, allowed: &dyn Fn(&str) -> bool) -> bool {
        let mut holds = self.all(allowed);
        while self.words.next_if(|word| word == "OR").is_some() {
            holds |= self.all(allowed);
        }
        holds
    }

    fn all(&mut self, allowed: &dyn Fn(&str) -> bool) -> bool {
        let mut holds = self.one(allowed);
        while self.words.next_if(|word| word == "AND").is_some() {
            holds &= self.one(allowed);
        }
        holds
    }

    fn one(&mut self, allowed: &dyn Fn(&str) -> bool) -> bool {
        match self.words.next().as_deref() {
            Some("(") => {
                let holds = self.any(allowed);
                self.words.next().as_deref() == Some(")") && holds
            }
            Some(licence) => allowed(licence),
            None => false,
        }
    }
}

/// Licences, operators and parentheses.
fn words(expression: &str) -> Vec<String> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ");
    let mut words: Vec<String> = Vec::new();
    let mut parts = spaced.split_whitespace();
    while let Some(part) = parts.next() {
        match (part, words.last_mut()) {
            ("WITH", Some(licence)) => {
                licence.push_str(" WITH ");
                licence.push_str(parts.next().unwrap_or_default());
            }
            _ => words.push(part.to_owned()),
        }
    }
    words
}
