//! Normalisations of bytes that hold text: what a claim predicts, as something that can be applied.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use memchr::memmem;

use super::patterns::Pattern;
use super::{items, seconds, shift};
use crate::compare::Side;

/// One normalisation. It is applied to both sides; where it replaces, it leaves the same mark.
#[derive(Debug, Clone)]
pub(super) enum Rewrite {
    /// A value of each side.
    Value([Value; 2]),
    /// A value of each side, in these lines only.
    ValueIn([Value; 2], BTreeSet<Vec<u8>>),
    /// A value of each side is dropped, with what separates it from what stands before it.
    Without([Value; 2]),
    /// Times of day lead to seconds; those of B are by so many seconds later.
    Shifted(i64),
    /// Numbers of seconds since 1970 between these.
    Seconds(RangeInclusive<i64>),
    /// Typographic quotes become plain ones.
    PlainQuotes,
    /// Everything of a form.
    Pattern(&'static Pattern),
    /// The values of lines that only follow: each becomes what it is mapped to.
    Derived([BTreeSet<Vec<u8>>; 2]),
    /// Lines in which a side's value stands are dropped.
    Lines([Value; 2]),
    /// Items of lists within a line are sorted.
    Items,
    /// Lines are sorted.
    SortedLines,
}

/// A value to look for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Value {
    /// Empty if the side has none.
    pub(super) bytes: Vec<u8>,
    /// Whether it must not be a part of a longer name.
    pub(super) whole: bool,
}

/// What stands for everything that was replaced; no text has it.
const MARK: &[u8] = b"\x01\x02";

impl Rewrite {
    /// The bytes as this normalisation leaves them.
    pub(super) fn apply(&self, side: Side, bytes: Vec<u8>) -> Vec<u8> {
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
            Self::Shifted(by) => shift::to_seconds(&bytes, if side == Side::B { *by } else { 0 }),
            Self::Seconds(window) => seconds::replace(&bytes, window, MARK),
            Self::PlainQuotes => TYPOGRAPHIC.iter().fold(bytes, |bytes, (quote, plain)| {
                Value::new(quote, false).replace(bytes, plain)
            }),
            Self::Pattern(pattern) => pattern.replace(bytes, MARK),
            Self::Derived(lines) => {
                let derived = &lines[side as usize];
                kept_lines(&bytes, |line| !derived.contains(line))
            }
            Self::Lines(values) => {
                let value = &values[side as usize];
                kept_lines(&bytes, |line| value.find(line, 0).is_none())
            }
            Self::Items => {
                let lines = bytes.split_inclusive(|byte| *byte == b'\n');
                lines.flat_map(items::sorted).collect()
            }
            Self::SortedLines => {
                let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
                lines.sort_unstable();
                lines.join(&b'\n')
            }
        }
    }
}

impl Value {
    pub(super) fn new(bytes: &[u8], whole: bool) -> Self {
        Self { bytes: bytes.to_vec(), whole }
    }

    /// Where it first stands at or after `from`.
    pub(super) fn find(&self, bytes: &[u8], from: usize) -> Option<usize> {
        if self.bytes.is_empty() {
            return None;
        }
        let mut places = memmem::find_iter(&bytes[from..], &self.bytes).map(|at| from + at);
        places.find(|at| !self.whole || self.stands_alone(bytes, *at))
    }

    fn stands_alone(&self, bytes: &[u8], at: usize) -> bool {
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let starts_name = self.bytes.first().is_some_and(is_name);
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let after = bytes.get(at + self.bytes.len());
        let goes_on = after.is_some_and(is_name) || starts_name && before.is_some_and(is_name);
        !goes_on
    }

    fn replace(&self, bytes: Vec<u8>, mark: &[u8]) -> Vec<u8> {
        let mut replaced = Vec::with_capacity(bytes.len());
        let mut done = 0;
        while let Some(at) = self.find(&bytes, done) {
            replaced.extend_from_slice(&bytes[done..at]);
            replaced.extend_from_slice(mark);
            done = at + self.bytes.len();
        }
        if done == 0 {
            return bytes;
        }
        replaced.extend_from_slice(&bytes[done..]);
        replaced
    }

    fn remove(&self, bytes: Vec<u8>) -> Vec<u8> {
        let mut kept = Vec::with_capacity(bytes.len());
        let mut done = 0;
        while let Some(at) = self.find(&bytes, done) {
            kept.extend_from_slice(&bytes[done..at]);
            if matches!(kept.last(), Some(b':' | b';' | b',' | b'.' | b' ')) {
                kept.pop();
            }
            done = at + self.bytes.len();
        }
        if done == 0 {
            return bytes;
        }
        kept.extend_from_slice(&bytes[done..]);
        kept
    }
}

/// `‘`, `’`, `“`, `”`, each with what stands for it in the C locale.
pub(super) const TYPOGRAPHIC: [(&[u8], &[u8]); 4] = [
    ("\u{2018}".as_bytes(), b"'"),
    ("\u{2019}".as_bytes(), b"'"),
    ("\u{201c}".as_bytes(), b"\""),
    ("\u{201d}".as_bytes(), b"\""),
];

fn kept_lines(bytes: &[u8], keep: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    lines.filter(|line| keep(line.trim_ascii_end())).flatten().copied().collect()
}
