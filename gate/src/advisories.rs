//! Advisories in OSV's format, from a directory of the disk: which versions of a lock they are
//! about. Nothing is downloaded. Source: the OSV schema 1.7, "Evaluation".

use std::collections::BTreeMap;
use std::path::Path;

use fs_err as fs;
use serde::Deserialize;

use base::packaging::{PackageName, Version};
use base::sys::files::sorted_entries;
use base::vocabulary::limits::PYPROJECT_BYTES;
use base::vocabulary::{Date, Problem, Sha256, shortened};

use crate::difference::Pair;
use crate::finding::{Finding, counted};
use crate::rules::{ADVISORY_FIXED, ADVISORY_INTRODUCED, ADVISORY_LEFT, MALICIOUS};

/// All records of a directory.
#[derive(Debug)]
pub(crate) struct Advisories {
    by_name: BTreeMap<PackageName, Vec<Record>>,
    /// What was read, for the report.
    pub(crate) shown: String,
    /// The day of the newest record.
    pub(crate) newest: Option<Date>,
}

/// What a record says of one package.
#[derive(Debug)]
struct Record {
    id: String,
    summary: String,
    versions: Vec<Version>,
    ranges: Vec<Vec<Event>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Event {
    /// From this version on; `None` is from the first.
    Introduced(Option<Version>),
    /// Up to this version, without it.
    Fixed(Version),
    /// Up to this version, with it.
    LastAffected(Version),
}

#[derive(Deserialize)]
struct RecordWire {
    id: String,
    #[serde(default)]
    summary: String,
    modified: String,
    withdrawn: Option<String>,
    #[serde(default)]
    affected: Vec<AffectedWire>,
}

#[derive(Deserialize)]
struct AffectedWire {
    package: Option<PackageWire>,
    #[serde(default)]
    versions: Vec<String>,
    #[serde(default)]
    ranges: Vec<RangeWire>,
}

#[derive(Deserialize)]
struct PackageWire {
    ecosystem: String,
    name: String,
}

#[derive(Deserialize)]
struct RangeWire {
    r#type: String,
    #[serde(default)]
    events: Vec<BTreeMap<String, String>>,
}

impl Advisories {
    /// Reads every `.json` of a directory.
    ///
    /// # Errors
    /// The directory or a file cannot be read, or a file is no OSV record.
    pub(crate) fn read(dir: &Path) -> Result<Self, Problem> {
        let problem = |path: &Path| {
            Problem::usage(format!("cannot read the advisories of `{}`", path.display()))
                .hint("give a directory of OSV records, one `.json` each")
        };
        let entries = sorted_entries(dir).map_err(|error| problem(dir).cause(error))?;
        let mut by_name: BTreeMap<PackageName, Vec<Record>> = BTreeMap::new();
        let (mut count, mut newest, mut digests) = (0, None, String::new());
        for entry in entries {
            let path = entry.path();
            if path.extension() != Some("json".as_ref()) {
                continue;
            }
            let read = || PYPROJECT_BYTES.read(fs::File::open(&path)?);
            let bytes = read().map_err(|error| problem(&path).cause(error))?;
            let wire: RecordWire = serde_json::from_slice(&bytes)
                .map_err(|error| problem(&path).fact("because", error))?;
            digests.push_str(&Sha256::of(&bytes).to_string());
            count += 1;
            newest = newest.max(wire.modified.get(..10).and_then(|day| day.parse().ok()));
            for (name, record) in records(&wire) {
                by_name.entry(name).or_default().push(record);
            }
        }
        if count == 0 {
            return Err(problem(dir).fact("because", "it has no `.json`"));
        }
        let day = newest.map_or_else(|| "an unknown day".to_owned(), |day: Date| day.to_string());
        let digest = Sha256::of(&digests);
        let shown =
            format!("{}, newest of {day}, sha256:{digest}", counted(count, "advisory record"));
        Ok(Self { by_name, shown, newest })
    }

    fn of(&self, package: Option<&builder::lock::Package>) -> Vec<&Record> {
        let Some(package) = package else { return Vec::new() };
        let Some(version) = &package.version else { return Vec::new() };
        let records = self.by_name.get(&package.name).into_iter().flatten();
        records.filter(|record| record.affects(version)).collect()
    }

    /// What is known of a package: introduced by the change, fixed by it, or left.
    pub(crate) fn check(&self, pair: Pair<'_>) -> Vec<Finding> {
        let (before, now) = (self.of(pair.base), self.of(pair.head));
        let known = |list: &[&Record], id: &str| list.iter().any(|it| it.id == id);
        let mut found = Vec::new();
        for record in &now {
            let Some(head) = pair.head else { continue };
            let (rule, word) = if record.id.starts_with("MAL-") {
                (&MALICIOUS, "is malicious")
            } else if known(&before, &record.id) {
                (&ADVISORY_LEFT, "still has a known weakness")
            } else {
                (&ADVISORY_INTRODUCED, "has a known weakness that the base does not have")
            };
            let message = format!("`{head}` {word}: {}", record.id);
            found.push(Finding::new(rule, &head.name, message).detail([record.summary.clone()]));
        }
        for record in before.iter().filter(|record| !known(&now, &record.id)) {
            let Some(base) = pair.base else { continue };
            let message = format!("the change removes a known weakness of `{base}`: {}", record.id);
            let finding = Finding::new(&ADVISORY_FIXED, &base.name, message);
            found.push(finding.detail([record.summary.clone()]));
        }
        found
    }
}

fn records(wire: &RecordWire) -> Vec<(PackageName, Record)> {
    let mut found = Vec::new();
    if wire.withdrawn.is_some() {
        return found;
    }
    for affected in &wire.affected {
        let Some(package) = affected.package.as_ref().filter(|it| it.ecosystem == "PyPI") else {
            continue;
        };
        let Ok(name) = package.name.parse() else { continue };
        let ranges = affected.ranges.iter().filter(|range| range.r#type == "ECOSYSTEM");
        let versions = affected.versions.iter().filter_map(|text| text.parse().ok());
        found.push((
            name,
            Record {
                id: shortened(&wire.id),
                summary: shortened(&wire.summary),
                versions: versions.collect(),
                ranges: ranges
                    .map(|range| range.events.iter().filter_map(event).collect())
                    .collect(),
            },
        ));
    }
    found
}

fn event(wire: &BTreeMap<String, String>) -> Option<Event> {
    let (key, text) = wire.iter().next()?;
    match key.as_str() {
        "introduced" if text == "0" => Some(Event::Introduced(None)),
        "introduced" => Some(Event::Introduced(Some(text.parse().ok()?))),
        "fixed" => Some(Event::Fixed(text.parse().ok()?)),
        "last_affected" => Some(Event::LastAffected(text.parse().ok()?)),
        _ => None,
    }
}

impl Record {
    fn affects(&self, version: &Version) -> bool {
        self.versions.contains(version) || self.ranges.iter().any(|range| within(range, version))
    }
}

/// The last event at or before a version decides.
fn within(range: &[Event], version: &Version) -> bool {
    let place = |event: &Event| match event {
        Event::Introduced(from) => from.clone(),
        Event::Fixed(to) | Event::LastAffected(to) => Some(to.clone()),
    };
    let mut events: Vec<&Event> = range.iter().collect();
    events.sort_by_key(|event| place(event));
    let mut affected = false;
    for event in events {
        match event {
            Event::Introduced(from) if from.as_ref().is_none_or(|from| version >= from) => {
                affected = true;
            }
            Event::Fixed(to) if version >= to => affected = false,
            Event::LastAffected(last) if version > last => affected = false,
            _ => {}
        }
    }
    affected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_bound_what_is_affected() {
        let version = |text: &str| text.parse::<Version>().unwrap();
        let range = [
            Event::Introduced(Some(version("3.0"))),
            Event::Introduced(None),
            Event::Fixed(version("1.5")),
            Event::LastAffected(version("3.2")),
        ];
        for (text, expected) in [
            ("0.1", true),
            ("1.4.9", true),
            ("1.5", false),
            ("2.9", false),
            ("3.0", true),
            ("3.2", true),
            ("3.2.1", false),
            ("1.5rc1", true),
        ] {
            assert_eq!(within(&range, &version(text)), expected, "{text}");
        }
    }
}
