//! Normalisations of bytes that contain text: the prediction of a claim as an operation.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::forms::pattern::Pattern;
use super::forms::value::Value;
use super::forms::{blocks, calendar, items, moments, quotes};
use crate::compare::Side;

/// One normalisation. It is applied to both sides; where it replaces, it leaves the same mark.
#[derive(Debug, Clone)]
pub(crate) enum Rewrite {
    /// A value of each side.
    Value([Value; 2]),
    /// A value of each side, in these lines only.
    ValueIn([Value; 2], BTreeSet<Vec<u8>>),
    /// Drops a value of each side, with the separator before it.
    Without([Value; 2]),
    /// Times of day lead to seconds; those of B are by so many seconds later.
    Shifted(i64),
    /// Moments within the window of their side.
    Moments([RangeInclusive<i64>; 2]),
    /// Typographic quotes in pairs become plain ones.
    PlainQuotes,
    /// Everything of a form.
    Pattern(&'static Pattern),
    /// The values of lines that only follow are dropped.
    Derived([BTreeSet<Vec<u8>>; 2]),
    /// These lines of each side are dropped.
    Lines([BTreeSet<Vec<u8>>; 2]),
    /// Items of lists within a line are sorted.
    Items,
    /// Lines are sorted.
    SortedLines,
    /// Lines of each section are sorted.
    SortedSections,
    /// Fields of core metadata are sorted.
    SortedFields,
}

/// The replacement for every normalised value; it occurs in no text.
const MARK: &[u8] = b"\x01\x02";

impl Rewrite {
    /// The bytes as this normalisation leaves them.
    pub(crate) fn apply(&self, side: Side, bytes: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Value(values) => values[side as usize].replace(bytes, MARK),
            Self::ValueIn(values, lines) => {
                let pieces = bytes.split_inclusive(|byte| matches!(byte, b'\n' | 0));
                let replaced = pieces.map(|piece| {
                    let end = piece.len() - usize::from(matches!(piece.last(), Some(b'\n' | 0)));
                    if !lines.contains(&piece[..end]) {
                        return piece.to_vec();
                    }
                    values[side as usize].replace(piece.to_vec(), MARK)
                });
                replaced.flatten().collect()
            }
            Self::Without(values) => values[side as usize].remove(bytes),
            Self::Shifted(by) => {
                calendar::to_seconds(&bytes, if side == Side::B { *by } else { 0 })
            }
            Self::Moments(windows) => moments::replace(&bytes, &windows[side as usize], MARK),
            Self::PlainQuotes => {
                let lines = bytes.split_inclusive(|byte| *byte == b'\n');
                lines.flat_map(quotes::plain).collect()
            }
            Self::Pattern(pattern) => pattern.replace(bytes, MARK),
            Self::Derived(lines) | Self::Lines(lines) => {
                let dropped = &lines[side as usize];
                let lines = bytes.split_inclusive(|byte| *byte == b'\n');
                let kept = lines.filter(|line| !dropped.contains(line.trim_ascii_end()));
                kept.flatten().copied().collect()
            }
            Self::Items => {
                let lines = bytes.split_inclusive(|byte| *byte == b'\n');
                lines.flat_map(items::sorted).collect()
            }
            Self::SortedLines => blocks::sorted_lines(&bytes),
            Self::SortedSections => blocks::sorted_sections(&bytes),
            Self::SortedFields => blocks::sorted_fields(&bytes),
        }
    }
}
