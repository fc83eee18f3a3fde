//! The same items in another order. If the format gives order no meaning, this is a proof.
//! Otherwise a list only looks as if it came from a set or a directory.

use super::super::lines::Pair;
use super::super::prove::Claim;
use super::super::rewrite::Rewrite;
use super::super::{Canaries, Cause, Ordered};

/// The lines of longer texts are not sorted.
const MOST_SORTED: usize = 1 << 20;

/// The claim that the items of lists within lines are in another order.
///
/// A list that is backwards on one side was read from a directory that is listed backwards there;
/// by chance a set of so many items would hardly be so. Nor is it a set's order if both sides had
/// one hash seed.
pub(crate) fn items(pairs: &[Pair<'_>], canaries: &Canaries) -> Claim<Rewrite> {
    const LEAST_ITEMS: usize = 4;
    let backwards = pairs.iter().all(|pair| {
        let (a, b): (Vec<_>, Vec<_>) = pair.tokens().into_iter().unzip();
        a.len() >= LEAST_ITEMS && a.iter().eq(b.iter().rev())
    });
    let (cause, proof) = if backwards {
        (Cause::Order(Ordered::Items), "with the items of each list sorted; they are backwards")
    } else if canaries.seeds_may_differ() {
        (Cause::HashSeed, "with the items of each list sorted")
    } else {
        let proof = "with the items of each list sorted; both sides had the same hash seed";
        (Cause::Order(Ordered::Items), proof)
    };
    Claim::new(cause, Rewrite::Items, proof).evidence(pairs.first().map(Pair::evidence))
}

/// The claim that lines are in another order.
pub(crate) fn lines(
    texts: &[Vec<u8>; 2],
    pairs: &[Pair<'_>],
    ordered: Ordered,
) -> Option<Claim<Rewrite>> {
    // One line has no order; of more than these, a list is much larger than the text.
    let has_order = |text: &Vec<u8>| {
        text.trim_ascii().contains(&b'\n')
            && memchr::memchr_iter(b'\n', text).count() <= MOST_SORTED
    };
    texts.iter().all(has_order).then_some(())?;
    let (rewrite, proof) = match ordered {
        Ordered::RequiresDist => (Rewrite::SortedFields, "with sorted fields of its header"),
        Ordered::Requirements => (Rewrite::SortedSections, "with sorted lines in each section"),
        _ => (Rewrite::SortedLines, "with sorted lines"),
    };
    let claim = Claim::new(Cause::Order(ordered), rewrite, proof);
    let claim = claim.evidence(pairs.first().map(Pair::evidence));
    match ordered {
        Ordered::Lines => moved_are_alike(texts).then_some(claim),
        _ => Some(claim.proved()),
    }
}

/// Whether the lines that may have moved are those of one list: each is written as the others are,
/// with other words.
fn moved_are_alike(texts: &[Vec<u8>; 2]) -> bool {
    let [a, b] = [0, 1].map(|side| {
        texts[side].split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>()
    });
    let same_before = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let same_behind = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let end = a.len().saturating_sub(same_behind).max(same_before);
    let mut shapes = a[same_before..end].iter().map(|line| shape(line));
    let Some(first) = shapes.next() else { return false };
    shapes.all(|shape| shape == first)
}

/// The line with one letter for each word.
fn shape(line: &[u8]) -> Vec<u8> {
    let mut shape: Vec<u8> = Vec::new();
    for byte in line.trim_ascii_end() {
        let in_word =
            byte.is_ascii_alphanumeric() || b"_.-/+@~%".contains(byte) || !byte.is_ascii();
        match (in_word, shape.last()) {
            (true, Some(b'w')) => {}
            (true, _) => shape.push(b'w'),
            (false, _) => shape.push(*byte),
        }
    }
    shape
}
