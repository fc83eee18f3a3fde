//! Lists within a line, and the same lists with their items sorted. Only items of a list may change
//! their place: `a - b` differs from `b - a`, and `copy(a, b)` from `copy(b, a)`. The items of a
//! list are of one kind: a program's name followed by paths is a command. Numbers are the elements
//! of a table, unless the text marks them as a set.

use std::ops::Range;

/// The fewest items of a list: two items in another order often mean something else.
const LEAST_ITEMS: usize = 3;
/// What nests deeper stays as it is, so that no line takes long.
const DEEPEST: usize = 16;

/// A longer text in quotes is not looked for, so that no line takes long.
const LONGEST_QUOTE: usize = 4096;

/// Conjunctions: words between blanks that include one of them are a sentence or code.
const JOINING: [&[u8]; 14] = [
    b"and", b"as", b"by", b"else", b"for", b"from", b"if", b"in", b"is", b"not", b"of", b"or",
    b"to", b"with",
];

/// The line with the items of each list sorted. What separates items stays in its place.
///
/// Lists are what stands in brackets, unless these are of a call or an index; and words after `=`,
/// or with commas in between.
pub(crate) fn sorted(line: &[u8]) -> Vec<u8> {
    let mut line = line.to_vec();
    if !sort_in_brackets(&mut line) {
        sort_words(&mut line);
    }
    line
}

/// Brackets that are open, and the commas between them so far.
#[derive(Debug)]
struct Open {
    bracket: u8,
    start: usize,
    commas: Vec<usize>,
    is_list: bool,
    /// Whether a set is made of it.
    is_set: bool,
}

/// Sorts lists in brackets, the inner ones first, and returns whether there are any brackets.
fn sort_in_brackets(line: &mut [u8]) -> bool {
    let mut open: Vec<Open> = Vec::new();
    let mut found = false;
    let mut at = 0;
    while at < line.len() {
        match line[at] {
            b'"' | b'\'' => at = end_of_quote(line, at),
            bracket @ (b'(' | b'[' | b'{') => {
                found = true;
                let is_list = open.len() < DEEPEST && !follows_name(&line[..at], bracket);
                let is_set = bracket == b'{' && line[..at].ends_with(b"set(");
                open.push(Open { bracket, start: at + 1, commas: Vec::new(), is_list, is_set });
            }
            b',' => {
                if let Some(open) = open.last_mut() {
                    open.commas.push(at);
                }
            }
            bracket @ (b')' | b']' | b'}') => match open.pop() {
                Some(open) if closes(open.bracket, bracket) => {
                    // One item is taken out of a list that is indexed, by its place.
                    let behind = line[at + 1..].trim_ascii_start().first();
                    if !matches!(behind, Some(b'[' | b'.')) {
                        open.sort(line, at);
                    }
                }
                // Brackets that are not in pairs are no lists.
                _ => open.clear(),
            },
            _ => {}
        }
        at += 1;
    }
    found
}

impl Open {
    /// Sorts the items between the bracket and the one at `end`.
    fn sort(self, line: &mut [u8], end: usize) {
        if !self.is_list {
            return;
        }
        if self.commas.is_empty() {
            sort_between_blanks(line, self.start..end);
            return;
        }
        let is_set = self.is_set;
        let starts = std::iter::once(self.start).chain(self.commas.iter().map(|comma| comma + 1));
        let ends = self.commas.iter().copied().chain([end]);
        let mut items: Vec<Range<usize>> =
            starts.zip(ends).map(|(start, end)| trimmed(line, start..end)).collect();
        // The last item may have a comma too.
        items.pop_if(|last| last.start == last.end);
        sort_items(line, &items, is_set);
    }
}

/// Sorts words behind a sign of equality, or behind nothing if there are commas between them.
fn sort_words(line: &mut [u8]) {
    let end = line.len() - line.iter().rev().take_while(|byte| ends_list(**byte)).count();
    let start = line[..end].iter().position(|byte| *byte == b'=').map_or(0, |sign| sign + 1);
    let commas = memchr::memchr_iter(b',', &line[start..end]).map(|comma| start + comma);
    let commas: Vec<usize> = commas.collect();
    if commas.is_empty() {
        if start > 0 {
            sort_between_blanks(line, start..end);
        }
        return;
    }
    let mut items = line[start..end].split(|byte| *byte == b',');
    let is_list = items.all(|item| is_word(item.trim_ascii()));
    Open { bracket: 0, start, commas, is_list, is_set: false }.sort(line, end);
}

fn sort_between_blanks(line: &mut [u8], range: Range<usize>) {
    let mut items = Vec::new();
    let mut at = range.start;
    for word in line[range].split(u8::is_ascii_whitespace) {
        if !word.is_empty() {
            items.push(at..at + word.len());
        }
        at += word.len() + 1;
    }
    if items.iter().all(|item| is_word(&line[item.clone()])) {
        sort_items(line, &items, false);
    }
}

/// Sorts items, which do not overlap and are in the order of the line.
fn sort_items(line: &mut [u8], items: &[Range<usize>], is_set: bool) {
    let (Some(first), Some(last)) = (items.first(), items.last()) else { return };
    if items.len() < LEAST_ITEMS || items.iter().any(Range::is_empty) {
        return;
    }
    let kind = Kind::of(&line[first.clone()]);
    let is_of_kind = |item: &Range<usize>| Kind::of(&line[item.clone()]) == kind;
    if kind == Kind::Number && !is_set || !items.iter().all(is_of_kind) {
        return;
    }
    let whole = first.start..last.end;
    let mut contents: Vec<&[u8]> = items.iter().map(|item| &line[item.clone()]).collect();
    contents.sort_unstable();
    let mut sorted = Vec::with_capacity(whole.len());
    let mut done = whole.start;
    for (item, content) in items.iter().zip(contents) {
        sorted.extend_from_slice(&line[done..item.start]);
        sorted.extend_from_slice(content);
        done = item.end;
    }
    line[whole].copy_from_slice(&sorted);
}

/// What an item is, as it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Quoted,
    Number,
    Bracketed,
    Flag,
    Path,
    Name,
}

impl Kind {
    fn of(item: &[u8]) -> Self {
        match item {
            [b'"' | b'\'', ..] | [b'b' | b'r' | b'u' | b'f', b'"' | b'\'', ..] => Self::Quoted,
            [b'0'..=b'9', ..] | [b'-' | b'+', b'0'..=b'9', ..] => Self::Number,
            [b'(' | b'[' | b'{', ..] => Self::Bracketed,
            [b'-', ..] => Self::Flag,
            [b'/' | b'.' | b'~', ..] => Self::Path,
            _ => Self::Name,
        }
    }
}

fn trimmed(line: &[u8], range: Range<usize>) -> Range<usize> {
    let item = &line[range.clone()];
    let start = range.start + (item.len() - item.trim_ascii_start().len());
    start..start + item.trim_ascii().len()
}

/// Whether it can be an item without brackets around the list: a name, a path, a flag, a number.
fn is_word(word: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-+./:@'\"".contains(byte);
    word.iter().all(fits) && word.iter().any(u8::is_ascii_alphanumeric) && !JOINING.contains(&word)
}

fn ends_list(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b",;\\".contains(&byte)
}

/// Whether the bracket behind `before` is that of a call, as in `f(` and `f (`, or of an index.
fn follows_name(before: &[u8], bracket: u8) -> bool {
    let before = if bracket == b'(' { before.trim_ascii_end() } else { before };
    let ends_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_)]".contains(byte);
    before.last().is_some_and(ends_name)
}

fn closes(open: u8, close: u8) -> bool {
    matches!((open, close), (b'(', b')') | (b'[', b']') | (b'{', b'}'))
}

/// The end of a quoted text, or `at` if none starts there: an apostrophe follows a word.
fn end_of_quote(line: &[u8], at: usize) -> usize {
    let quote = line[at];
    // A letter before it may be a prefix, as in `b'x'`.
    let in_word = line[..at].iter().rev().take(2).all(u8::is_ascii_alphanumeric) && at >= 2;
    if in_word {
        return at;
    }
    let last = line.len().min(at + LONGEST_QUOTE);
    let mut end = at + 1;
    while end < last && line[end] != quote {
        end += if line[end] == b'\\' { 2 } else { 1 };
    }
    if end < last { end } else { at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_items_of_lists_change_their_places() {
        for (line, expected) in [
            ("X = {'c', 'a', 'b'}", "X = {'a', 'b', 'c'}"),
            ("X = ['c', 'a', 'b',]", "X = ['a', 'b', 'c',]"),
            ("X = ('c,', 'a]', b'b')", "X = ('a]', 'c,', b'b')"),
            ("X = {'b': [3, 1, 2], 'a': 1, 'c': 2}", "X = {'a': 1, 'b': [3, 1, 2], 'c': 2}"),
            ("frozenset({3, 1, 2})", "frozenset({1, 2, 3})"),
            ("frozenset({'c', 'a', 'b'})", "frozenset({'a', 'b', 'c'})"),
            ("X=(c a b)", "X=(a b c)"),
            ("LIBS = -lc  -la -lb;\n", "LIBS = -la  -lb -lc;\n"),
            ("LIST=c,a,b", "LIST=a,b,c"),
            ("c, a, b\n", "a, b, c\n"),
            // What is no list, or too short, stays.
            ("['cp', C, A]", "['cp', C, A]"),
            ("Exec = cp /b /a", "Exec = cp /b /a"),
            ("['c', 'a', 'b'][0]", "['c', 'a', 'b'][0]"),
            ("bytes([3, 1, 2])", "bytes([3, 1, 2])"),
            ("int t[] = {3, 1, 2};", "int t[] = {3, 1, 2};"),
            ("x = b - a", "x = b - a"),
            ("x = c if b else a", "x = c if b else a"),
            ("copy(src, dst, 1, 0)", "copy(src, dst, 1, 0)"),
            ("printf (c, b, a)", "printf (c, b, a)"),
            ("x[c, b, a]", "x[c, b, a]"),
            ("X = (12, 3)", "X = (12, 3)"),
            ("copy src dst now", "copy src dst now"),
            ("add r3, r2, r1", "add r3, r2, r1"),
            ("X = [c, b, a", "X = [c, b, a"),
            ("X = (c, b, a]", "X = (c, b, a]"),
            ("don't [c, b, a] won't", "don't [a, b, c] won't"),
            ("", ""),
        ] {
            let sorted = String::from_utf8(sorted(line.as_bytes())).unwrap();
            assert_eq!(sorted, expected, "{line}");
        }
    }

    #[test]
    fn what_nests_deeply_is_done_with() {
        let line = "[1, 2, ".repeat(100_000) + &"]".repeat(100_000);
        assert_eq!(sorted(line.as_bytes()).len(), line.len());
    }
}
