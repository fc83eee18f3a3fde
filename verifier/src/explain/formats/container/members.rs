//! Explains members that have the same name in two archives but differ, each as a file of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use base::vocabulary::{shown_bytes, shown_name};

use super::super::record::{self, DigestOf};
use super::entry::{Container, Entry, Kind};
use crate::compare::Side;
use crate::explain::Unexplained;
use crate::explain::blob::Blob;
use crate::explain::file::{Explained, File};
use crate::explain::finding::{Finding, Owner};
use crate::explain::prove::Claim;
use crate::explain::rewrite::Rewrite;

/// What was found out about the members, and which of them differ.
#[derive(Default)]
pub(super) struct Members {
    pub(super) findings: Vec<Finding>,
    /// Positions in A and B of entries whose contents differ.
    pub(super) pairs: Vec<[usize; 2]>,
}

/// Explains the members that differ, each pair after the one before is forgotten.
pub(super) fn members(sides: &[Container; 2], file: &File<'_>) -> io::Result<Members> {
    let positions = [0, 1].map(|side| positions(&sides[side].entries));
    let mut members = Members::default();
    for (key, at) in &positions[0] {
        let Some(other) = positions[1].get(key) else { continue };
        if sides[0].entries[*at].content != sides[1].entries[*other].content {
            members.pairs.push([*at, *other]);
        }
    }
    let differing: Vec<String> = members
        .pairs
        .iter()
        .map(|[at, _]| String::from_utf8_lossy(&sides[0].entries[*at].name).into_owned())
        .collect();
    let differing: BTreeSet<&Path> = differing.iter().map(Path::new).collect();
    let owner = sides[0].entries.iter().find_map(Entry::owner);
    for [at, other] in &members.pairs {
        let entry = &sides[0].entries[*at];
        let path = member_path(file.path, &entry.name);
        let opened = sides[0].contents[*at].open();
        let opened = opened.and_then(|a| Ok([a, sides[1].contents[*other].open()?]));
        let blobs = match opened {
            Ok(blobs) => blobs,
            // A full disk, for one; the other members are explained all the same.
            Err(error) => {
                let reason = format!("it cannot be unpacked: {error}");
                let explained = Explained::from(Err(Unexplained::because(reason)));
                members.findings.push(explained.finding(path, owner.iter().cloned().collect()));
                continue;
            }
        };
        let name = shown_bytes(entry.name.rsplit(|byte| *byte == b'/').next().unwrap_or_default());
        let digest = |side: Side, path: &Path| {
            let at = positions[side as usize].get(&(path.to_str()?.as_bytes(), 0))?;
            sides[side as usize].entries[*at].content
        };
        let known = record_claim(&entry.name, &blobs, &differing, &digest)?;
        let is_link = entry.kind == Kind::SymbolicLink;
        let depth = file.depth + 1;
        let member = File { path: &path, name: &name, depth, known, is_link, ..*file };
        let explained = (file.explain)(&blobs, &member)?;
        members.findings.push(explained.finding(path, owner.iter().cloned().collect()));
    }
    Ok(members)
}

/// In a wheel, `RECORD` follows from the other members.
fn record_claim(
    name: &[u8],
    blobs: &[Blob; 2],
    differing: &BTreeSet<&Path>,
    digest: DigestOf<'_>,
) -> io::Result<Vec<Claim<Rewrite>>> {
    let name = String::from_utf8_lossy(name).into_owned();
    let Some((directory, "RECORD")) = name.rsplit_once('/') else { return Ok(Vec::new()) };
    let claim = record::of_blobs(blobs, Path::new(directory), differing, digest)?;
    Ok(claim.into_iter().collect())
}

/// Takes what differs in contents out of both sides: nothing but the contents and their packed
/// bytes, which follow from them and from how they are packed.
pub(super) fn settle(sides: &mut [Container; 2], pairs: &[[usize; 2]]) {
    for pair in pairs {
        for (side, at) in sides.iter_mut().zip(pair) {
            side.entries[*at].content = None;
            side.entries[*at].packed = None;
        }
    }
}

/// Entries by name; of several with one name, by their number.
pub(super) fn positions(entries: &[Entry]) -> BTreeMap<(&[u8], usize), usize> {
    let mut seen: BTreeMap<&[u8], usize> = BTreeMap::new();
    let mut positions = BTreeMap::new();
    for (at, entry) in entries.iter().enumerate() {
        let number = seen.entry(&entry.name).or_default();
        positions.insert((entry.name.as_slice(), *number), at);
        *number += 1;
    }
    positions
}

fn member_path(archive: &str, name: &[u8]) -> String {
    match name {
        [] => archive.to_owned(),
        name => format!("{archive}!/{}", shown_name(name)),
    }
}

impl Entry {
    /// The distribution of a wheel or sdist is named by its `.dist-info` directory.
    fn owner(&self) -> Option<Owner> {
        let name = std::str::from_utf8(&self.name).ok()?;
        Owner::of(Path::new(name).parent()?)
    }
}
