//! A literal value, such as a host name or a path.

use memchr::memmem;

/// A value to look for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Value {
    /// Empty if the side has none.
    pub(crate) bytes: Vec<u8>,
    bounds: Bounds,
}

/// The characters that must not be next to a value, because it would then be part of a longer one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Bounds {
    /// Letters, digits, `_`.
    #[default]
    Word,
    /// Letters, digits, `_`, `-`.
    Name,
    /// As [`Bounds::Name`], and before it there is a slash: it is a name within a path.
    Component,
}

impl Value {
    pub(crate) fn new(bytes: &[u8], bounds: Bounds) -> Self {
        Self { bytes: bytes.to_vec(), bounds }
    }

    /// Returns its first position at or after `from`.
    pub(crate) fn find(&self, bytes: &[u8], from: usize) -> Option<usize> {
        if self.bytes.is_empty() {
            return None;
        }
        let mut places = memmem::find_iter(&bytes[from..], &self.bytes).map(|at| from + at);
        places.find(|at| self.stands_alone(bytes, *at))
    }

    fn stands_alone(&self, bytes: &[u8], at: usize) -> bool {
        let with_dash = self.bounds != Bounds::Word;
        let goes_on =
            |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || with_dash && *byte == b'-';
        let starts_name = self.bytes.first().is_some_and(goes_on);
        let ends_name = self.bytes.last().is_some_and(goes_on);
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let after = bytes.get(at + self.bytes.len());
        if self.bounds == Bounds::Component && starts_name && before != Some(&b'/') {
            return false;
        }
        !(ends_name && after.is_some_and(goes_on) || starts_name && before.is_some_and(goes_on))
    }

    /// Puts `mark` in place of each occurrence.
    pub(crate) fn replace(&self, bytes: Vec<u8>, mark: &[u8]) -> Vec<u8> {
        self.edit(bytes, |kept| kept.extend_from_slice(mark))
    }

    /// Drops each occurrence, with the separator before it.
    pub(crate) fn remove(&self, bytes: Vec<u8>) -> Vec<u8> {
        self.edit(bytes, |kept| {
            if matches!(kept.last(), Some(b':' | b';' | b',' | b'.' | b' ')) {
                kept.pop();
            }
        })
    }

    fn edit(&self, bytes: Vec<u8>, mut at_each: impl FnMut(&mut Vec<u8>)) -> Vec<u8> {
        let mut kept = Vec::with_capacity(bytes.len());
        let mut done = 0;
        while let Some(at) = self.find(&bytes, done) {
            kept.extend_from_slice(&bytes[done..at]);
            at_each(&mut kept);
            done = at + self.bytes.len();
        }
        if done == 0 {
            return bytes;
        }
        kept.extend_from_slice(&bytes[done..]);
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_only_as_a_whole() {
        for (value, bounds, text, found) in [
            ("host-of-1", Bounds::Word, "at host-of-1.example", true),
            ("host-of-1", Bounds::Word, "x-host-of-1-y", true),
            ("host-of-1", Bounds::Word, "my_host-of-1", false),
            ("host-of-1", Bounds::Word, "host-of-10", false),
            ("build", Bounds::Name, "run(build)", true),
            ("build", Bounds::Name, "pre-build", false),
            ("/tmp", Bounds::Name, "W='/tmp'", true),
            ("/tmp", Bounds::Name, "W='/tmpx'", false),
            ("a", Bounds::Component, "in /r/a/x", true),
            ("a", Bounds::Component, "x = a", false),
            ("/one", Bounds::Component, "at /one/x", true),
        ] {
            let value = Value::new(value.as_bytes(), bounds);
            assert_eq!(value.find(text.as_bytes(), 0).is_some(), found, "{value:?} in {text}");
        }
    }
}
