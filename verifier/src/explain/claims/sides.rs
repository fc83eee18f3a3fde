//! The parts of claims about values.

use super::super::forms::pattern::Pattern;
use super::super::lines::Pair;
use super::super::prove::Claim;
use super::super::rewrite::Rewrite;
use super::super::{Canaries, Cause, Evidence, Place};

/// Two texts that differ, or the strings of two files.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sides<'s> {
    /// What a claim is about: a whole text, or a line of it.
    pub(crate) bytes: &'s [Vec<u8>; 2],
    /// All of the text.
    pub(crate) whole: &'s [Vec<u8>; 2],
    /// The part of `bytes` that differs.
    pub(crate) pairs: &'s [Pair<'s>],
    pub(crate) place: Place,
    pub(crate) canaries: &'s Canaries,
}

impl<'s> Sides<'s> {
    pub(crate) fn new(
        bytes: &'s [Vec<u8>; 2],
        pairs: &'s [Pair<'s>],
        place: Place,
        canaries: &'s Canaries,
    ) -> Self {
        Self { bytes, whole: bytes, pairs, place, canaries }
    }

    /// The claim that values of a form differ; `None` if they do not.
    pub(crate) fn of_pattern(
        &self,
        pattern: &'static Pattern,
        cause: Cause,
    ) -> Option<Claim<Rewrite>> {
        let evidence = self.pairs.iter().find_map(|pair| {
            let (a, b) = (pattern.all(pair.a), pattern.all(pair.b));
            (a != b).then_some(())?;
            let differ = a.iter().zip(&b).find(|(a, b)| a != b);
            let (a, b) = differ.map_or((&b""[..], &b""[..]), |(a, b)| (*a, *b));
            Some(Evidence::new(pair.at(), a, b))
        })?;
        let proof = format!("without {}", pattern.what);
        Some(Claim::new(cause, Rewrite::Pattern(pattern), proof).evidence([evidence]))
    }

    /// Whether the values of a form can be random on each side: a value must correspond to the same
    /// other value everywhere, and must not occur on the other side.
    pub(crate) fn are_drawn(&self, pattern: &Pattern) -> bool {
        let [a, b] = [0, 1].map(|side| pattern.all(&self.whole[side]));
        let mut drawn: Vec<[&[u8]; 2]> =
            a.iter().zip(&b).filter(|(a, b)| a != b).map(|(a, b)| [*a, *b]).collect();
        drawn.sort_unstable();
        drawn.dedup();
        let twice = |side: usize| {
            let mut values: Vec<&[u8]> = drawn.iter().map(|pair| pair[side]).collect();
            values.sort_unstable();
            values.windows(2).any(|two| two[0] == two[1])
        };
        let is_new = |[of_a, of_b]: &[&[u8]; 2]| !b.contains(of_a) && !a.contains(of_b);
        // Strings of a binary file are sorted, so which belong together is not known.
        let in_order = !matches!(self.place, Place::ReadOnlyData | Place::Dwarf);
        drawn.iter().all(is_new) && !(in_order && (twice(0) || twice(1)))
    }
}
