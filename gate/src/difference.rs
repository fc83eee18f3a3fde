//! Two locks, compared by meaning. Order, the lock's revision, `upload-time`, sizes that appear and
//! other URLs of one host for the same file are form, and no change.

use std::collections::BTreeSet;

use serde::Serialize;

use base::packaging::{PackageName, Version};
use builder::lock::{Edge, Lock, Package, Source};

use crate::reach::{Reach, Reaches, is_local};

/// What happened to a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct PackageChange {
    /// Its name.
    pub(crate) name: PackageName,
    /// What happened.
    pub(crate) kind: Kind,
    /// Its version before.
    pub(crate) from: Option<String>,
    /// Its version now.
    pub(crate) to: Option<String>,
    /// Where it came from before, if that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_from: Option<String>,
    /// Where it comes from now, if that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_to: Option<String>,
    /// What it needs now and did not before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) needs: Vec<String>,
    /// What it needs no longer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) drops: Vec<String>,
    /// Through whom it is needed; of what is removed, was.
    pub(crate) reach: Reach,
}

/// What happened to a package, in the order of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// It comes from elsewhere, whatever its version.
    Source,
    /// Another commit of the same git repository.
    Commit,
    /// A lower version.
    Downgraded,
    /// It was not there.
    Added,
    /// Another first number, or epoch.
    Major,
    /// Another second number.
    Minor,
    /// Any other higher version.
    Patch,
    /// It is not there any more.
    Removed,
    /// The same version needs something else.
    Edges,
}

impl Kind {
    /// The word for it in a sentence.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Source => "moved",
            Self::Commit => "commit",
            Self::Downgraded => "downgraded",
            Self::Added => "added",
            Self::Major => "major",
            Self::Minor => "minor",
            Self::Patch => "patch",
            Self::Removed => "removed",
            Self::Edges => "needs",
        }
    }
}

/// A package of both locks, or of one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair<'a> {
    /// In the base.
    pub(crate) base: Option<&'a Package>,
    /// In the head.
    pub(crate) head: Option<&'a Package>,
}

/// The packages of both locks, sorted by name, each paired with what it was before. Of a name that
/// a lock has several times (forks), equal ones are paired first, the others in order of version.
pub(crate) fn pairs<'a>(base: &'a Lock, head: &'a Lock) -> Vec<Pair<'a>> {
    let names: BTreeSet<&PackageName> = base.names().chain(head.names()).collect();
    names.into_iter().flat_map(|name| pairs_of(base, head, name)).collect()
}

fn pairs_of<'a>(base: &'a Lock, head: &'a Lock, name: &PackageName) -> Vec<Pair<'a>> {
    let mut old: Vec<&Package> = base.named(name).collect();
    let mut new: Vec<&Package> = head.named(name).collect();
    let mut found = Vec::new();
    new.retain(|head| {
        let same = |it: &&Package| (&it.version, &it.source) == (&head.version, &head.source);
        let Some(at) = old.iter().position(same) else { return true };
        found.push(Pair { base: Some(old.remove(at)), head: Some(head) });
        false
    });
    old.sort_by(|a, b| a.version.cmp(&b.version));
    new.sort_by(|a, b| a.version.cmp(&b.version));
    let longest = old.len().max(new.len());
    let rest =
        (0..longest).map(|at| Pair { base: old.get(at).copied(), head: new.get(at).copied() });
    found.extend(rest);
    found
}

/// What happened to packages, worst first.
pub(crate) fn packages(
    pairs: &[Pair<'_>],
    base: &Reaches<'_>,
    head: &Reaches<'_>,
) -> Vec<PackageChange> {
    let mut changes: Vec<PackageChange> =
        pairs.iter().filter_map(|pair| package(*pair, base, head)).collect();
    changes.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    changes
}

fn package(pair: Pair<'_>, base: &Reaches<'_>, head: &Reaches<'_>) -> Option<PackageChange> {
    let either = pair.head.or(pair.base)?;
    let (needs, drops) = match (pair.base, pair.head) {
        (Some(base), Some(head)) => needs(base, head),
        _ => (Vec::new(), Vec::new()),
    };
    let kind = kind(pair, needs.is_empty() && drops.is_empty())?;
    let of = if pair.head.is_some() { head } else { base };
    let version = |it: Option<&Package>| it?.version.as_ref().map(ToString::to_string);
    let source = |it: Option<&Package>| Some(it?.source.to_string());
    let moved = matches!(kind, Kind::Source | Kind::Commit | Kind::Added);
    Some(PackageChange {
        name: either.name.clone(),
        kind,
        from: version(pair.base),
        to: version(pair.head),
        source_from: source(pair.base).filter(|_| moved),
        source_to: source(pair.head).filter(|_| moved),
        needs,
        drops,
        reach: of.reach(&either.name),
    })
}

fn kind(pair: Pair<'_>, same_edges: bool) -> Option<Kind> {
    let (base, head) = match (pair.base, pair.head) {
        (Some(base), Some(head)) => (base, head),
        (None, _) => return Some(Kind::Added),
        (Some(_), None) => return Some(Kind::Removed),
    };
    // A local project that becomes editable, or no package, comes from where it came from.
    let moved = base.source != head.source
        && (base.source.local_path().is_none()
            || base.source.local_path() != head.source.local_path());
    if let (Source::Git(from), Source::Git(to)) = (&base.source, &head.source)
        && (&from.url, &from.subdirectory) == (&to.url, &to.subdirectory)
        && from != to
    {
        return Some(Kind::Commit);
    }
    match (&base.version, &head.version) {
        _ if moved => Some(Kind::Source),
        (Some(from), Some(to)) if from != to => Some(step(from, to)),
        _ if same_edges => None,
        _ => Some(Kind::Edges),
    }
}

/// By the numbers of the release (PEP 440): most projects count as SemVer does.
fn step(from: &Version, to: &Version) -> Kind {
    if to < from {
        return Kind::Downgraded;
    }
    let number = |version: &Version, at: usize| version.release().get(at).copied().unwrap_or(0);
    if from.epoch() != to.epoch() || number(from, 0) != number(to, 0) {
        Kind::Major
    } else if number(from, 1) != number(to, 1) {
        Kind::Minor
    } else {
        Kind::Patch
    }
}

/// What a package needs now and did not before, and the other way round. Versions of what it needs
/// are those packages' own changes.
fn needs(base: &Package, head: &Package) -> (Vec<String>, Vec<String>) {
    let [old, new] = [base, head].map(edges);
    let missing = |of: &BTreeSet<String>, from: &BTreeSet<String>| {
        of.difference(from).cloned().collect::<Vec<_>>()
    };
    (missing(&new, &old), missing(&old, &new))
}

fn edges(package: &Package) -> BTreeSet<String> {
    let of = |part: String, edges: &[Edge]| {
        edges.iter().map(|edge| format!("{}{part}", shown(edge))).collect::<Vec<_>>()
    };
    let mut found = of(String::new(), &package.dependencies);
    for (extra, edges) in &package.extras {
        found.extend(of(format!(" (extra {extra})"), edges));
    }
    for (group, edges) in &package.groups {
        found.extend(of(format!(" (group {group})"), edges));
    }
    found.into_iter().collect()
}

/// `name[extra] ; marker`.
fn shown(edge: &Edge) -> String {
    let mut text = edge.name.to_string();
    if !edge.extras.is_empty() {
        let extras: Vec<&str> = edge.extras.iter().map(AsRef::as_ref).collect();
        text.push_str(&format!("[{}]", extras.join(",")));
    }
    if let Some(marker) = edge.marker.text() {
        text.push_str(&format!(" ; {marker}"));
    }
    text
}

/// Extras and groups that a local project gained or lost, a line each.
pub(crate) fn declared(pairs: &[Pair<'_>]) -> Vec<String> {
    let mut lines = Vec::new();
    for pair in pairs {
        let (Some(base), Some(head)) = (pair.base, pair.head) else { continue };
        if !is_local(head) {
            continue;
        }
        let names = |package: &Package| {
            let extras = package.provides_extras.iter().chain(package.extras.keys());
            let groups = package.provides_groups.iter().chain(package.groups.keys());
            let extras = extras.map(|it| format!("extra `{it}`"));
            extras.chain(groups.map(|it| format!("group `{it}`"))).collect::<BTreeSet<_>>()
        };
        let [old, new] = [base, head].map(names);
        let name = &head.name;
        let gained = new.difference(&old);
        lines.extend(gained.map(|it| format!("`{name}` has a new {it}")));
        let lost = old.difference(&new);
        lines.extend(lost.map(|it| format!("`{name}` no longer has the {it}")));
    }
    lines
}
