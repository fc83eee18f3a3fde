//! What two archives may differ in, entry by entry, and what that is due to.

use std::collections::BTreeSet;

use base::vocabulary::shown_bytes;

use super::super::prove::Claim;
use super::super::{Cause, Evidence, shift};
use super::members::positions;
use super::{Document, Entry, Format, zip};

/// What a claim about an archive predicts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Normalisation {
    WithoutTimes,
    WithoutModes,
    WithoutOwners,
    WithoutPacking,
    Sorted,
}

/// A part of an entry.
type Part = fn(&Entry) -> Vec<u8>;

/// All claims that what differs gives reason to.
pub(super) fn claims(documents: &[Document; 2], format: Format) -> Vec<Claim<Normalisation>> {
    use Normalisation::{Sorted, WithoutModes, WithoutOwners, WithoutPacking, WithoutTimes};
    let place = format.place();
    let parts: [(Cause, Normalisation, &str, Part); 4] = [
        (Cause::Timestamp(place), WithoutTimes, "without the entries' times", |it| {
            it.times.clone()
        }),
        (Cause::Modes, WithoutModes, "without the entries' modes", |it| it.mode.clone()),
        (Cause::User, WithoutOwners, "without the entries' owners", |it| it.owner.clone()),
        (Cause::Compression, WithoutPacking, "after decompression", Entry::packed_as),
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
    let place = |entry: &Entry| (entry.place, entry.name.clone());
    let mut in_place = documents[0].0.iter().zip(&documents[1].0);
    if let Some((a, b)) = in_place.find(|(a, b)| place(a) != place(b)) {
        let evidence = Evidence::new("order of entries", &a.name, &b.name);
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
