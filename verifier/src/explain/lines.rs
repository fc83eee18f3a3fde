//! Finds corresponding lines that differ.

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::Evidence;

/// So many lines that differ are looked at for what they differ in; a normalisation is applied to
/// all lines.
pub(crate) const MOST_PAIRS: usize = 256;
/// Longer texts are compared line by line, without looking for lines that moved.
const MOST_ALIGNED: usize = 4000;

/// Two lines that belong together and differ.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair<'t> {
    pub(crate) line: usize,
    pub(crate) a: &'t [u8],
    pub(crate) b: &'t [u8],
}

impl<'t> Pair<'t> {
    pub(crate) fn at(&self) -> String {
        format!("line {}", self.line + 1)
    }

    pub(crate) fn evidence(&self) -> Evidence {
        Evidence::new(self.at(), self.a, self.b)
    }

    /// The words that differ, in pairs; if there are more on one side, only up to where they do.
    pub(crate) fn tokens(&self) -> Vec<(&'t [u8], &'t [u8])> {
        let separates =
            |byte: &u8| byte.is_ascii_whitespace() || b"\"'`,;()[]{}<>|\0".contains(byte);
        let words = |line: &'t [u8]| line.split(separates).filter(|word| !word.is_empty());
        words(self.a).zip(words(self.b)).filter(|(a, b)| a != b).collect()
    }
}

/// The lines that differ, each with its counterpart on the other side.
pub(crate) fn pairs(texts: &[Vec<u8>; 2]) -> Vec<Pair<'_>> {
    let [a, b] = [0, 1].map(|side| texts[side].split(|byte| *byte == b'\n'));
    let [lines_a, lines_b] =
        [0, 1].map(|side| memchr::memchr_iter(b'\n', &texts[side]).count() + 1);
    // A list of all lines can be many times as large as the text.
    if lines_a == lines_b || lines_a.max(lines_b) > MOST_ALIGNED {
        let differing = a.zip(b).enumerate().filter(|(_, (a, b))| a != b);
        return differing.take(MOST_PAIRS).map(|(line, (a, b))| Pair { line, a, b }).collect();
    }
    let [a, b]: [Vec<&[u8]>; 2] = [a, b].map(Iterator::collect);
    let mut found = Vec::new();
    for operation in capture_diff_slices(Algorithm::Myers, &a, &b) {
        let (from_a, from_b) = match operation {
            DiffOp::Equal { .. } => continue,
            operation => (operation.old_range(), operation.new_range()),
        };
        for offset in 0..from_a.len().max(from_b.len()) {
            let line = from_a.start + offset;
            let of = |lines: &[&'_ [u8]], range: &std::ops::Range<usize>| {
                range.start + offset < range.end && range.start + offset < lines.len()
            };
            let line_a = if of(&a, &from_a) { a[from_a.start + offset] } else { b"" };
            let line_b = if of(&b, &from_b) { b[from_b.start + offset] } else { b"" };
            found.push(Pair { line, a: line_a, b: line_b });
        }
    }
    found.truncate(MOST_PAIRS);
    found
}
