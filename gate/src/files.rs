//! The files of packages: what became of those of a version that stayed, and the hosts that files
//! and indexes come from.

use std::collections::{BTreeMap, BTreeSet};

use url::Url;

use base::packaging::{PackageName, WheelFilename, distribution_of};
use base::vocabulary::redacted::redacted;
use builder::lock::{File, Location, Lock, Package, Source};

use crate::difference::Pair;
use crate::finding::{Finding, counted, listed};
use crate::rules::{
    BUILD_CODE, FILE_GONE, FILE_NAME, FILE_SIZE, FILES_LOST, GIT_UNPINNED, HASH_MISSING,
    HOST_LOOK_ALIKE, HOST_NEW, NEW_SDIST, RE_UPLOAD, SOURCE_CHANGED, URL_INSECURE, WHEEL_ADDED,
};

/// Of so many names a sentence has them all.
const SHOWN: usize = 6;

/// What is to be said of the files of a package.
pub(crate) fn of_pair(pair: Pair<'_>) -> Vec<Finding> {
    let Some(head) = pair.head else { return Vec::new() };
    let mut found = of_head(head, pair.base);
    let Some(base) = pair.base else {
        if head.wheels.is_empty() && head.sdist.is_some() {
            let message =
                format!("`{}` is new and has no wheel: it is built from source", head.name);
            found.push(Finding::new(&NEW_SDIST, &head.name, message));
        }
        return found;
    };
    if base.source == head.source && base.version == head.version {
        found.extend(same_version(base, head));
        return found;
    }
    found.extend(source(base, head));
    if base.wheels.is_empty() == head.wheels.is_empty() {
        found.extend(platforms_lost(base, head));
    } else if head.wheels.is_empty() && head.sdist.is_some() {
        let message = format!("`{}` has no wheel any more: it is built from source", head.name);
        found.push(Finding::new(&NEW_SDIST, &head.name, message));
    }
    found
}

fn platforms_lost(base: &Package, head: &Package) -> Option<Finding> {
    let (old, new) = (families(base), families(head));
    let lost: Vec<&str> = old.difference(&new).copied().collect();
    let message = if lost.contains(&ANY) {
        let only = listed(&new, SHOWN);
        format!("`{head}` no longer has a wheel for any platform: only {only}")
    } else if lost.is_empty() || new.contains(ANY) {
        return None;
    } else {
        format!("`{head}` has no wheel for {}", lost.join(", "))
    };
    Some(Finding::new(&FILES_LOST, &head.name, message))
}

/// A package whose new version is built from source on every target: it has no wheel, or the
/// project wants none (`no_binary`).
pub(crate) fn built(pair: Pair<'_>, no_binary: &BTreeSet<PackageName>) -> Option<Finding> {
    let (base, head) = (pair.base?, pair.head?);
    let is_source = |it: &Package| {
        let wanted = no_binary.contains(&it.name);
        it.sdist.is_some() && (wanted || it.wheels.is_empty())
            || matches!(it.source, Source::Git(_))
    };
    let moved = (&base.version, &base.source) != (&head.version, &head.source);
    (moved && is_source(base) && is_source(head)).then(|| {
        let message = format!("`{head}` is built from source: other code runs at build time");
        Finding::new(&BUILD_CODE, &head.name, message)
    })
}

/// Files of the sdist and the wheels.
fn all_files(package: &Package) -> impl Iterator<Item = &File> {
    package.sdist.iter().chain(&package.wheels)
}

/// What must hold of each file, whatever it was before. What the base had the same way is no news.
fn of_head(head: &Package, base: Option<&Package>) -> Vec<Finding> {
    let mut found = Vec::new();
    let before: BTreeMap<&str, &File> =
        base.into_iter().flat_map(all_files).map(|file| (file.filename.as_str(), file)).collect();
    // uv writes no hashes of files of the same disk.
    let is_pinned = match &head.source {
        Source::Registry(index) => index.contains("://") && !index.starts_with("file:"),
        Source::Url { .. } => true,
        _ => false,
    };
    let bare: Vec<&str> = all_files(head)
        .filter(|file| is_pinned && file.hash.is_none())
        .map(|file| file.filename.as_str())
        .filter(|name| before.get(name).is_none_or(|file| file.hash.is_some()))
        .collect();
    if !bare.is_empty() {
        let message = format!("nothing pins {} of `{head}`", counted(bare.len(), "file"));
        found.push(Finding::new(&HASH_MISSING, &head.name, message).detail([listed(bare, SHOWN)]));
    }
    if let (Source::Registry(_), Some(version)) = (&head.source, &head.version) {
        let other: Vec<&str> = all_files(head)
            .map(|file| file.filename.as_str())
            .filter(|name| !before.contains_key(name))
            .filter(|name| {
                // A version such as `1.0+cpu` may be that of wheels of `1.0`; old sdists have
                // names that no rule reads.
                distribution_of(name)
                    .is_some_and(|(of, its)| of != head.name || its.release() != version.release())
            })
            .collect();
        if !other.is_empty() {
            let message = format!("files of `{head}` are named for something else");
            found
                .push(Finding::new(&FILE_NAME, &head.name, message).detail([listed(other, SHOWN)]));
        }
    }
    found
}

fn same_version(base: &Package, head: &Package) -> Vec<Finding> {
    let old: BTreeMap<&str, &File> =
        all_files(base).map(|file| (file.filename.as_str(), file)).collect();
    let new: BTreeMap<&str, &File> =
        all_files(head).map(|file| (file.filename.as_str(), file)).collect();
    let name = &head.name;
    let mut found = Vec::new();
    for (filename, file) in &new {
        let Some(before) = old.get(filename) else { continue };
        let (Some(was), Some(is)) = (&before.hash, &file.hash) else { continue };
        if was != is {
            let message = format!("`{head}` was uploaded again: `{filename}` has another hash");
            let detail = [format!("before {was}"), format!("now    {is}")];
            found.push(Finding::new(&RE_UPLOAD, name, message).detail(detail));
        } else if let (Some(was), Some(is)) = (before.size, file.size)
            && was != is
        {
            let message =
                format!("`{filename}` has the same hash and another size: {was}, now {is}");
            found.push(Finding::new(&FILE_SIZE, name, message));
        }
    }
    let added: Vec<&str> = new.keys().filter(|it| !old.contains_key(*it)).copied().collect();
    let gone: Vec<&str> = old.keys().filter(|it| !new.contains_key(*it)).copied().collect();
    if !added.is_empty() {
        let message = format!("`{head}` has {} more", counted(added.len(), "file"));
        found.push(Finding::new(&WHEEL_ADDED, name, message).detail([listed(added, SHOWN)]));
    }
    if !gone.is_empty() {
        let message = format!("`{head}` lost {}: yanked or deleted", counted(gone.len(), "file"));
        found.push(Finding::new(&FILE_GONE, name, message).detail([listed(gone, SHOWN)]));
    }
    if head.wheels.is_empty() && !base.wheels.is_empty() && head.sdist.is_some() {
        let message = format!("`{name}` has no wheel any more: it is built from source");
        found.push(Finding::new(&NEW_SDIST, name, message));
    }
    found
}

/// Another commit of the same repository and directory is an ordinary update.
fn source(base: &Package, head: &Package) -> Option<Finding> {
    let local = |it: &Package| it.source.local_path().map(str::to_owned);
    let same = match (&base.source, &head.source) {
        (Source::Git(a), Source::Git(b)) => (&a.url, &a.subdirectory) == (&b.url, &b.subdirectory),
        (Source::Url { url: a, .. }, Source::Url { url: b, .. }) => host(a) == host(b),
        (a, b) => a == b || local(base).is_some() && local(base) == local(head),
    };
    let (name, from, to) = (&head.name, &base.source, &head.source);
    let message = format!("`{name}` comes from elsewhere: {from}, now {to}");
    (!same).then(|| Finding::new(&SOURCE_CHANGED, name, message))
}

/// Every platform.
const ANY: &str = "any platform";

/// What platforms a package has wheels for, in words.
fn families(package: &Package) -> BTreeSet<&'static str> {
    let platform = |name: &str| {
        let tag = name.strip_suffix(".whl")?.rsplit('-').next()?;
        let arm = tag.contains("aarch64") || tag.contains("arm64");
        Some(match tag {
            "any" => ANY,
            tag if tag.starts_with("manylinux") && arm => "Linux (aarch64)",
            tag if tag.starts_with("manylinux") && tag.contains("x86_64") => "Linux (x86_64)",
            tag if tag.starts_with("musllinux") && arm => "musl Linux (aarch64)",
            tag if tag.starts_with("musllinux") && tag.contains("x86_64") => "musl Linux (x86_64)",
            tag if tag.starts_with("macosx") => "macOS",
            tag if tag.starts_with("win") => "Windows",
            _ => return None,
        })
    };
    let wheels = package.wheels.iter().filter(|it| it.filename.parse::<WheelFilename>().is_ok());
    wheels.filter_map(|file| platform(&file.filename)).collect()
}

/// Git sources of the head that follow a branch and did not before.
pub(crate) fn unpinned(pair: Pair<'_>) -> Option<Finding> {
    let head = pair.head?;
    let follows = |package: &Package| match &package.source {
        Source::Git(git) => git.reference.as_ref().is_none_or(|it| is_branch(it)),
        _ => false,
    };
    let is_news = follows(head) && pair.base.is_none_or(|base| !follows(base));
    is_news.then(|| {
        let message = format!("`{}` follows a branch: pin it with `rev` or `tag`", head.name);
        Finding::new(&GIT_UNPINNED, &head.name, message)
    })
}

/// A reference that is neither a commit nor a version's tag.
fn is_branch(reference: &str) -> bool {
    let is_commit = reference.len() >= 7 && reference.bytes().all(|it| it.is_ascii_hexdigit());
    !is_commit && !reference.contains(|it: char| it.is_ascii_digit())
}

/// Where a package or its files come from: `host`, with its port if it has one, and whether it is
/// reached without encryption.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Origin {
    host: String,
    insecure: bool,
}

fn host(text: &str) -> Option<Origin> {
    let url = Url::parse(text.strip_prefix("git+").unwrap_or(text)).ok()?;
    let host = url.host_str()?.trim_end_matches('.').to_ascii_lowercase();
    let is_loopback = host == "localhost" || host == "127.0.0.1" || host == "[::1]";
    let insecure = matches!(url.scheme(), "http" | "git" | "ftp") && !is_loopback;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(Origin { host: format!("{host}{port}"), insecure })
}

/// What comes from each origin of a lock: packages, and how many files.
pub(crate) type Origins<'a> = BTreeMap<Origin, (BTreeSet<&'a PackageName>, usize)>;

/// The origins of a lock.
pub(crate) fn origins(lock: &Lock) -> Origins<'_> {
    let mut found = Origins::new();
    let mut add = |text: &str, name, files| {
        if let Some(origin) = host(text) {
            let entry = found.entry(origin).or_default();
            entry.0.insert(name);
            entry.1 += files;
        }
    };
    for package in &lock.packages {
        match &package.source {
            Source::Registry(url) | Source::Url { url, .. } => add(url, &package.name, 0),
            Source::Git(git) => add(&git.url, &package.name, 0),
            _ => {}
        }
        for file in all_files(package) {
            if let Location::Url(url) = &file.location {
                add(url.as_str(), &package.name, 1);
            }
        }
    }
    found
}

/// What is to be said of hosts: a line for each that is new. `known` are those of all locks of the
/// base, and of the policy.
pub(crate) fn hosts(
    head: &Origins<'_>,
    known: &BTreeSet<Origin>,
    allowed: &BTreeSet<String>,
) -> Vec<Finding> {
    let names: BTreeSet<&str> =
        known.iter().map(|it| it.host.as_str()).chain(allowed.iter().map(String::as_str)).collect();
    let mut found = Vec::new();
    for (origin, (packages, files)) in head {
        let shown = redacted(&origin.host);
        let whose = || {
            let what = match files {
                0 => "the index".to_owned(),
                files => counted(*files, "file"),
            };
            [format!("{what} of {}", listed(packages, SHOWN))]
        };
        if !names.contains(origin.host.as_str()) {
            let resembled = names.iter().find(|it| is_look_alike(&origin.host, it));
            let finding = if let Some(known) = resembled {
                let message = format!("the host `{shown}` is new and resembles `{known}`");
                Finding::new(&HOST_LOOK_ALIKE, &origin.host, message)
            } else {
                let message = format!("the host `{shown}` was in no lock before");
                Finding::new(&HOST_NEW, &origin.host, message)
            };
            found.push(finding.detail(whose()));
        }
        if origin.insecure && !known.contains(origin) {
            let message = format!("`{shown}` is reached without encryption");
            found.push(Finding::new(&URL_INSECURE, &origin.host, message).detail(whose()));
        }
    }
    found
}

/// Whether a person could take one host for the other: at most two letters differ, one is written
/// with letters of another alphabet or with digits for letters, or one holds the other's name.
fn is_look_alike(new: &str, known: &str) -> bool {
    let (skeleton, other) = (skeleton(new), skeleton(known));
    // Of short names, two letters are half of them.
    let allowed = if known.len() < 8 { 1 } else { 2 };
    let holds = |host: &str, name: &str| {
        let name = name.rsplit_once('.').map_or(name, |(name, _)| name);
        name.len() >= 6 && host.contains(name)
    };
    skeleton == other
        || strsim::osa_distance(&skeleton, &other) <= allowed
        || new.contains("xn--") && !known.contains("xn--")
        || holds(new, known) && !new.ends_with(&format!(".{}", registered(known)))
}

/// The last two labels: roughly what somebody has registered.
fn registered(host: &str) -> &str {
    let dots: Vec<usize> = host.match_indices('.').map(|(at, _)| at).collect();
    match dots.len() {
        0 | 1 => host,
        count => &host[dots[count - 2] + 1..],
    }
}

/// A host as the eye reads it.
fn skeleton(host: &str) -> String {
    let mut text = host.replace("rn", "m").replace("vv", "w").replace("cl", "d");
    for (seen, meant) in [('0', "o"), ('1', "l"), ('i', "l"), ('5', "s"), ('3', "e"), ('-', "")] {
        text = text.replace(seen, meant);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_resemble_each_other() {
        for (new, known, expected) in [
            ("files.pythonhosted.example", "files.pythonhosted.example", true),
            ("flles.example.org", "files.example.org", true),
            ("files.examp1e.org", "files.example.org", true),
            ("files.exarnple.org", "files.example.org", true),
            ("files.exampel.org", "files.example.org", true),
            ("files-example.org", "files.example.org", true),
            ("files.example.org.evil.net", "files.example.org", true),
            ("files.xn--exmple-cua.org", "files.example.org", true),
            ("mirror.university.edu", "files.example.org", false),
            ("cdn.example.org", "files.example.org", false),
            ("git.example.org", "files.example.org", false),
        ] {
            assert_eq!(is_look_alike(new, known), expected, "{new} {known}");
        }
    }

    #[test]
    fn branches_are_told_from_tags() {
        for (reference, expected) in
            [("main", true), ("ceb4fcc0908", false), ("v1.2", false), ("release/2026", false)]
        {
            assert_eq!(is_branch(reference), expected, "{reference}");
        }
    }
}
