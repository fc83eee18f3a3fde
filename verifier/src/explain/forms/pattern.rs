//! A form given as a regular expression.

use std::ops::Range;
use std::sync::OnceLock;

use regex::bytes::Regex;

/// A form of values.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// In words, as a proof names it.
    pub(crate) what: &'static str,
    /// If it has a group `value`, the rest of the match is not part of the value and is kept.
    form: &'static str,
    regex: OnceLock<Regex>,
}

impl Pattern {
    pub(crate) const fn new(what: &'static str, form: &'static str) -> Self {
        Self { what, form, regex: OnceLock::new() }
    }

    /// Returns all values of this form, in order.
    pub(crate) fn all<'b>(&'b self, bytes: &'b [u8]) -> Vec<&'b [u8]> {
        self.places(bytes).map(|place| &bytes[place]).collect()
    }

    /// Returns the bytes with `mark` for each value of this form.
    pub(crate) fn replace(&self, bytes: Vec<u8>, mark: &[u8]) -> Vec<u8> {
        let mut replaced = Vec::new();
        let mut done = 0;
        for place in self.places(&bytes) {
            replaced.extend_from_slice(&bytes[done..place.start]);
            replaced.extend_from_slice(mark);
            done = place.end;
        }
        if done == 0 {
            return bytes;
        }
        replaced.extend_from_slice(&bytes[done..]);
        replaced
    }

    /// The positions of values. The text after a value may be the context before the next one, so
    /// the search continues directly after the value.
    fn places<'b>(&'b self, bytes: &'b [u8]) -> impl Iterator<Item = Range<usize>> + 'b {
        let regex =
            self.regex.get_or_init(|| Regex::new(self.form).expect("each is tried in a test"));
        let mut from = 0;
        std::iter::from_fn(move || {
            let found = regex.captures_at(bytes, from)?;
            let value = found.name("value").or_else(|| found.get(0))?.range();
            from = value.end;
            Some(value)
        })
    }
}
