//! Archives: entries with times, modes, owners, a way of packing and content. Each format is read
//! into all that it consists of, so two archives without differences here are equal byte for byte.
//!
//! Archives may be made to do harm: sizes are bounded, nothing is written under a name of theirs,
//! and what is not as its format wants it is unexplained.

mod ar;
mod gzip;
mod nar;
mod tar;
mod zip;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use builder::sys::archive::Limits;
use builder::vocabulary::digest::Hashing;
use builder::vocabulary::{Sha256, shown_bytes, shown_name};

use super::blob::Blob;
use super::file::{self, Explained, File};
use super::finding::{Finding, Owner};
use super::prove::{Claim, prove, unexplained};
use super::{Cause, Evidence, Ordered, Place, Unexplained, record, shift};
use crate::verify::compare::Side;

/// An archive.
#[derive(Debug, Clone)]
pub(super) struct Container {
    entries: Vec<Entry>,
    /// Contents, by position among the entries.
    contents: Vec<Blob>,
    /// Everything that belongs to no entry.
    rest: Vec<u8>,
}

/// An entry's parts, in one form on both sides, and each by what a difference in it is due to.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    name: Vec<u8>,
    /// Where it stands, if a format can tell that in more than one way.
    place: u64,
    times: Vec<u8>,
    mode: Vec<u8>,
    owner: Vec<u8>,
    /// How the content is packed, and the digest of the packed bytes.
    packing: Vec<u8>,
    content: Option<Sha256>,
    other: Vec<u8>,
}

/// What a claim about an archive predicts.
#[derive(Debug, Clone, Copy)]
enum Normalisation {
    WithoutTimes,
    WithoutModes,
    WithoutOwners,
    WithoutPacking,
    Sorted,
}

/// A format of archives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Ar,
    Zip,
    Tar,
    Gzip,
    Nar,
}

impl Format {
    /// Of the first bytes of a file.
    pub(super) fn of(blob: &Blob) -> Option<Self> {
        let head = blob.part(0, blob.len().min(512))?;
        Some(match head.as_slice() {
            head if head.starts_with(ar::MAGIC) => Self::Ar,
            [b'P', b'K', 3 | 5, 4 | 6, ..] => Self::Zip,
            [0x1f, 0x8b, 8, ..] => Self::Gzip,
            head if head.len() > 262 && &head[257..262] == b"ustar" => Self::Tar,
            head if head.starts_with(nar::MAGIC) => Self::Nar,
            _ => return None,
        })
    }

    /// Reads an archive; `None` if it is not as its format wants it, or too large.
    fn read(self, blob: &Blob) -> Option<Container> {
        match self {
            Self::Ar => ar::read(blob),
            Self::Zip => zip::read(blob),
            Self::Tar => tar::read(blob),
            Self::Gzip => gzip::read(blob),
            Self::Nar => nar::read(blob),
        }
    }

    fn place(self) -> Place {
        match self {
            Self::Ar => Place::Ar,
            Self::Zip => Place::Zip,
            Self::Tar | Self::Nar => Place::Tar,
            Self::Gzip => Place::Gzip,
        }
    }

    fn ordered(self) -> Ordered {
        match self {
            Self::Zip => Ordered::Zip,
            Self::Ar => Ordered::Ar,
            Self::Tar | Self::Nar | Self::Gzip => Ordered::Tar,
        }
    }
}

/// Explains two archives of one format.
pub(super) fn explain(
    blobs: &[Blob; 2],
    format: Format,
    file: &File<'_>,
) -> std::io::Result<Explained> {
    let (Some(a), Some(b)) = (format.read(&blobs[0]), format.read(&blobs[1])) else {
        return Ok(Err(Unexplained::because("an archive that cannot be read")).into());
    };
    let mut sides = [a, b];
    let members = members(&sides, file)?;
    // What differs in them is told of the members; here it is left what the archive adds.
    settle(&mut sides, &members.pairs);
    let [a, b] = sides.map(|side| (side.entries, side.rest));
    let mut explained: Explained = if a == b {
        Ok(Vec::new()).into()
    } else {
        let documents = [a, b];
        let length = (documents[0].0.len() * std::mem::size_of::<Entry>()) as u64;
        let claims = claims(&documents, format);
        let proved = prove(&documents, length, claims, |normalisation, _, document| {
            let (entries, rest) = document;
            (normalisation.apply(entries), rest)
        });
        proved.map_err(|refused| unexplained(refused, evidence(&documents))).into()
    };
    // A format with one nameless member is but a wrapping.
    let (inner, named): (Vec<Finding>, Vec<Finding>) =
        members.findings.into_iter().partition(|finding| finding.path == file.path);
    explained.members = named;
    for finding in inner {
        explained.causes.extend(finding.causes);
        explained.unexplained = explained.unexplained.or(finding.unexplained);
        explained.members.extend(finding.members);
    }
    Ok(explained)
}

/// A part of an entry.
type Part = fn(&Entry) -> &Vec<u8>;

type Document = (Vec<Entry>, Vec<u8>);

fn claims(documents: &[Document; 2], format: Format) -> Vec<Claim<Normalisation>> {
    use Normalisation::{Sorted, WithoutModes, WithoutOwners, WithoutPacking, WithoutTimes};
    let place = format.place();
    let parts: [(Cause, Normalisation, &str, Part); 4] = [
        (Cause::Timestamp(place), WithoutTimes, "without the entries' times", |entry| &entry.times),
        (Cause::Modes, WithoutModes, "without the entries' modes", |entry| &entry.mode),
        (Cause::User, WithoutOwners, "without the entries' owners", |entry| &entry.owner),
        (Cause::Compression, WithoutPacking, "after decompression", |entry| &entry.packing),
    ];
    let pairs = named_pairs(&documents[0].0, &documents[1].0);
    let mut claims: Vec<_> = zone_claim(&pairs, format).into_iter().collect();
    for (cause, normalisation, proof, part) in parts {
        let pairs = pairs.clone();
        let differing = pairs.into_iter().find(|[a, b]| part(a) != part(b));
        if let Some([a, b]) = differing {
            let at = format!("entry {}", shown_bytes(&a.name));
            let evidence = Evidence::new(at, part(a), part(b));
            claims.push(Claim::new(cause, normalisation, proof).evidence([evidence]));
        }
    }
    let order = |document: &Document| -> Vec<(u64, Vec<u8>)> {
        document.0.iter().map(|entry| (entry.place, entry.name.clone())).collect()
    };
    let orders = documents.iter().map(order).collect::<Vec<_>>();
    if let Some((a, b)) = orders[0].iter().zip(&orders[1]).find(|(a, b)| a != b) {
        let evidence = Evidence::new("order of entries", &a.1, &b.1);
        let claim = Claim::new(Cause::Order(format.ordered()), Sorted, "with sorted entries");
        claims.push(claim.evidence([evidence]));
    }
    claims
}

/// A zip has no time zone: the same moment in another one is another time.
fn zone_claim(pairs: &[[&Entry; 2]], format: Format) -> Option<Claim<Normalisation>> {
    let read = |entry: &Entry| (format == Format::Zip).then(|| zip::seconds(&entry.times))?;
    let mut by = None;
    for [a, b] in pairs.iter().filter(|[a, b]| a.times != b.times) {
        let difference = read(b)? - read(a)?;
        (*by.get_or_insert(difference) == difference).then_some(())?;
    }
    let by = by.filter(|by| shift::is_of_zones(*by))?;
    let proof = format!("without the entries' times, which all differ by {} minutes", by / 60);
    Some(Claim::new(Cause::TimeZone, Normalisation::WithoutTimes, proof))
}

impl Normalisation {
    fn apply(self, mut entries: Vec<Entry>) -> Vec<Entry> {
        for entry in &mut entries {
            match self {
                Self::WithoutTimes => entry.times.clear(),
                Self::WithoutModes => entry.mode.clear(),
                Self::WithoutOwners => entry.owner.clear(),
                Self::WithoutPacking => entry.packing.clear(),
                Self::Sorted => entry.place = 0,
            }
        }
        if let Self::Sorted = self {
            entries.sort();
        }
        entries
    }
}

/// What was found out about the members, and which of them differ.
#[derive(Default)]
struct Members {
    findings: Vec<Finding>,
    /// Positions in A and B of entries whose contents differ.
    pairs: Vec<[usize; 2]>,
}

fn members(sides: &[Container; 2], file: &File<'_>) -> std::io::Result<Members> {
    let [a, b] = [0, 1].map(|side| positions(&sides[side].entries));
    let mut members = Members::default();
    for (key, at) in &a {
        let Some(other) = b.get(key) else { continue };
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
        let blobs = [sides[0].contents[*at].clone(), sides[1].contents[*other].clone()];
        let path = member_path(file.path, &entry.name);
        let name = shown_bytes(entry.name.rsplit(|byte| *byte == b'/').next().unwrap_or_default());
        let known = record_claim(&entry.name, &blobs, &differing, sides)?;
        let member = File { path: &path, name: &name, depth: file.depth + 1, known, ..*file };
        let explained = file::explain(&blobs, &member)?;
        members.findings.push(explained.finding(path, owner.iter().cloned().collect()));
    }
    Ok(members)
}

/// In a wheel, `RECORD` follows from the members beside it.
fn record_claim(
    name: &[u8],
    blobs: &[Blob; 2],
    differing: &BTreeSet<&Path>,
    sides: &[Container; 2],
) -> std::io::Result<Vec<Claim<super::rewrite::Rewrite>>> {
    let name = String::from_utf8_lossy(name).into_owned();
    let Some((directory, "RECORD")) = name.rsplit_once('/') else { return Ok(Vec::new()) };
    let digest = |side: Side, path: &Path| {
        let wanted = path.to_str()?.as_bytes();
        let mut entries = sides[side as usize].entries.iter();
        entries.find(|entry| entry.name == wanted)?.content
    };
    let claim = record::of_blobs(blobs, Path::new(directory), differing, &digest)?;
    Ok(claim.into_iter().collect())
}

/// Takes what differs in contents out of both sides.
fn settle(sides: &mut [Container; 2], pairs: &[[usize; 2]]) {
    for pair in pairs {
        for (side, at) in sides.iter_mut().zip(pair) {
            side.entries[*at].content = None;
            side.entries[*at].packing.clear();
        }
    }
}

/// Entries by name; of several with one name, by their number.
fn positions(entries: &[Entry]) -> BTreeMap<(&[u8], usize), usize> {
    let mut seen: BTreeMap<&[u8], usize> = BTreeMap::new();
    let mut positions = BTreeMap::new();
    for (at, entry) in entries.iter().enumerate() {
        let number = seen.entry(&entry.name).or_default();
        positions.insert((entry.name.as_slice(), *number), at);
        *number += 1;
    }
    positions
}

fn named_pairs<'e>(a: &'e [Entry], b: &'e [Entry]) -> Vec<[&'e Entry; 2]> {
    let of_b = positions(b);
    let pairs = positions(a).into_iter();
    pairs.filter_map(|(key, at)| Some([&a[at], &b[*of_b.get(&key)?]])).collect()
}

/// An entry that is on one side only, or the parts that still differ.
fn evidence(documents: &[Document; 2]) -> Vec<Evidence> {
    let [a, b] = documents;
    let names = |entries: &[Entry]| -> BTreeSet<Vec<u8>> {
        entries.iter().map(|entry| entry.name.clone()).collect()
    };
    let (of_a, of_b) = (names(&a.0), names(&b.0));
    let only_a =
        of_a.difference(&of_b).map(|name| Evidence::new("entry on one side only", name, b""));
    let only_b =
        of_b.difference(&of_a).map(|name| Evidence::new("entry on one side only", b"", name));
    let pairs = named_pairs(&a.0, &b.0).into_iter();
    let parts = pairs
        .filter(|[a, b]| a.other != b.other)
        .map(|[a, b]| Evidence::new(format!("entry {}", shown_bytes(&a.name)), &a.other, &b.other));
    let rest = (a.1 != b.1).then(|| Evidence::new("beside the entries", &a.1, &b.1));
    only_a.chain(only_b).chain(parts).chain(rest).take(3).collect()
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

/// The digest of all that a reader brings; `None` if that is more than is unpacked.
fn digest(reader: impl std::io::Read) -> std::io::Result<Sha256> {
    let most = Limits::default().bytes;
    let mut hashing = Hashing::new(std::io::sink());
    let read = std::io::copy(&mut std::io::Read::take(reader, most + 1), &mut hashing)?;
    if read > most {
        return Err(std::io::Error::other("it unpacks to more than is allowed"));
    }
    Ok(hashing.digest())
}
