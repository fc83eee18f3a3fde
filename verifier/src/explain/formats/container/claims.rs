//! The differences between two archives, entry by entry, and their causes.

use std::collections::{BTreeMap, BTreeSet};

use base::vocabulary::shown_bytes;

use super::entry::{Document, Entry, Format, Kind};
use super::members::positions;
use super::zip;
use crate::explain::forms::{calendar, modes};
use crate::explain::prove::Claim;
use crate::explain::{Cause, Evidence};

/// What a claim about an archive predicts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Normalisation {
    WithoutTimes,
    WithoutModes,
    WithoutOwners,
    WithoutPacking,
    Sorted,
}

/// A part of an entry, and the cause of a difference in it.
struct Part {
    cause: Cause,
    normalisation: Normalisation,
    proof: &'static str,
    of: fn(&Entry) -> Vec<u8>,
    /// Whether a difference in it means nothing to readers of the archive; `None` if it has another
    /// cause.
    proves: fn(&[[&Entry; 2]], Format) -> Option<bool>,
}

/// All claims that what differs gives reason to.
pub(super) fn claims(documents: &[Document; 2], format: Format) -> Vec<Claim<Normalisation>> {
    let pairs = named_pairs(&documents[0].0, &documents[1].0);
    let mut claims: Vec<_> = zone_claim(&pairs, format).into_iter().collect();
    for part in parts(format) {
        let differing: Vec<[&Entry; 2]> =
            pairs.iter().filter(|[a, b]| (part.of)(a) != (part.of)(b)).copied().collect();
        let Some([a, b]) = differing.first() else { continue };
        let Some(proves) = (part.proves)(&differing, format) else { continue };
        let at = format!("entry {}", shown_bytes(&a.name));
        let evidence = Evidence::new(at, (part.of)(a), (part.of)(b));
        let claim = Claim::new(part.cause, part.normalisation, part.proof).evidence([evidence]);
        claims.push(if proves { claim.proved() } else { claim });
    }
    claims.extend(order_claim(documents, format));
    claims
}

fn parts(format: Format) -> [Part; 4] {
    use Normalisation::{WithoutModes, WithoutOwners, WithoutPacking, WithoutTimes};
    let part = |cause, normalisation, proof, of: fn(&Entry) -> Vec<u8>| Part {
        cause,
        normalisation,
        proof,
        of,
        proves: |_, _| Some(true),
    };
    let times = Cause::Timestamp(format.place());
    [
        part(times, WithoutTimes, "without the entries' times", |it| it.times.clone()),
        Part {
            proves: of_umasks,
            ..part(Cause::Modes, WithoutModes, "without the entries' modes", |it| it.mode.clone())
        },
        // Whoever unpacks it as root gives the files to somebody else.
        Part {
            proves: |_, _| Some(false),
            ..part(Cause::User, WithoutOwners, "without the entries' owners", |it| it.owner.clone())
        },
        part(Cause::Compression, WithoutPacking, "after decompression", Entry::packed_as),
    ]
}

/// Whether a umask makes the difference; `None` if more than permissions differ. Whether a program
/// may be executed is more than a umask decides.
fn of_umasks(pairs: &[[&Entry; 2]], format: Format) -> Option<bool> {
    let mode = |entry: &Entry| match format {
        Format::Zip => Some(u32::from(u16::from_le_bytes(entry.mode.as_slice().try_into().ok()?))),
        Format::Nar => Some(if entry.mode.is_empty() { 0o644 } else { 0o755 }),
        Format::Ar | Format::Tar | Format::Gzip => {
            let digits =
                entry.mode.split(|byte| matches!(byte, b' ' | 0)).find(|it| !it.is_empty());
            u32::from_str_radix(std::str::from_utf8(digits?).ok()?, 8).ok()
        }
    };
    let mut all_of_umasks = true;
    for [a, b] in pairs {
        let (a, b) = (mode(a)?, mode(b)?);
        (a & !0o777 == b & !0o777).then_some(())?;
        all_of_umasks &= modes::are_of_umasks(a, b);
    }
    Some(all_of_umasks)
}

/// The claim that entries are in another order. Order can matter: of two entries with one name,
/// programs use the last; an entry behind a link may go through it; and a linker uses the first
/// definition.
fn order_claim(documents: &[Document; 2], format: Format) -> Option<Claim<Normalisation>> {
    let place = |entry: &Entry| (entry.place, entry.name.clone());
    let mut in_place = documents[0].0.iter().zip(&documents[1].0);
    let (a, b) = in_place.find(|(a, b)| place(a) != place(b))?;
    documents.iter().all(|document| are_independent(&document.0)).then_some(())?;
    let evidence = Evidence::new("order of entries", &a.name, &b.name);
    let cause = Cause::Order(format.ordered());
    let claim = Claim::new(cause, Normalisation::Sorted, "with sorted entries");
    let claim = claim.evidence([evidence]);
    Some(if format == Format::Ar { claim } else { claim.proved() })
}

/// Whether each entry means the same at any position: no two have the same name on any file system,
/// none is a hard link to an earlier one, and no path goes through an entry that is not a
/// directory.
fn are_independent(entries: &[Entry]) -> bool {
    let components = |entry: &Entry| -> Vec<Vec<u8>> {
        let names = entry.name.split(|byte| matches!(byte, b'/' | b'\\'));
        names.filter(|it| !matches!(*it, b"" | b".")).map(<[u8]>::to_ascii_lowercase).collect()
    };
    let mut paths: BTreeMap<Vec<Vec<u8>>, Kind> = BTreeMap::new();
    for entry in entries {
        let path = components(entry);
        let leads_out = path.iter().any(|name| name.as_slice() == b"..");
        if leads_out || entry.kind == Kind::HardLink || paths.insert(path, entry.kind).is_some() {
            return false;
        }
    }
    let is_passable = |path: &[Vec<u8>]| paths.get(path).is_none_or(|it| *it == Kind::Directory);
    paths.keys().all(|path| (1..path.len()).all(|end| is_passable(&path[..end])))
}

/// A zip has no time zone: the same moment in another one is another time.
fn zone_claim(pairs: &[[&Entry; 2]], format: Format) -> Option<Claim<Normalisation>> {
    let read = |entry: &Entry| (format == Format::Zip).then(|| zip::seconds(&entry.times))?;
    let mut by = None;
    for [a, b] in pairs.iter().filter(|[a, b]| a.times != b.times) {
        let difference = read(b)? - read(a)?;
        (*by.get_or_insert(difference) == difference).then_some(())?;
    }
    let by = by.filter(|by| calendar::is_of_zones(*by))?;
    let proof = format!("without the entries' times, which all differ by {} minutes", by / 60);
    Some(Claim::new(Cause::TimeZone, Normalisation::WithoutTimes, proof).proved())
}

impl Normalisation {
    /// The entries without what is claimed to differ.
    pub(super) fn apply(self, mut entries: Vec<Entry>) -> Vec<Entry> {
        for entry in &mut entries {
            match self {
                Self::WithoutTimes => entry.times.clear(),
                Self::WithoutModes => entry.mode.clear(),
                Self::WithoutOwners => entry.owner.clear(),
                Self::WithoutPacking => {
                    entry.packing.clear();
                    entry.packed = None;
                }
                Self::Sorted => entry.place = 0,
            }
        }
        if let Self::Sorted = self {
            entries.sort();
        }
        entries
    }
}

/// An entry that is on one side only, or the parts that still differ.
pub(super) fn evidence(documents: &[Document; 2]) -> Vec<Evidence> {
    let [a, b] = documents;
    let [of_a, of_b]: [BTreeSet<&Vec<u8>>; 2] =
        [a, b].map(|document| document.0.iter().map(|entry| &entry.name).collect());
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

fn named_pairs<'e>(a: &'e [Entry], b: &'e [Entry]) -> Vec<[&'e Entry; 2]> {
    let of_b = positions(b);
    let pairs = positions(a).into_iter();
    pairs.filter_map(|(key, at)| Some([&a[at], &b[*of_b.get(&key)?]])).collect()
}
