//! The evidence for a cause: a few bytes of each side, for people.

use base::vocabulary::shown_bytes;
use serde::{Serialize, Serializer};

/// Longer excerpts are cut: a report has to stay readable, and small.
const MOST_BYTES: usize = 120;
/// Bytes before the first one that differs.
const BEFORE: usize = 24;

/// The bytes of both sides at one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Where: `line 3`, `section .debug_str`, `byte 4711`.
    pub at: String,
    /// The bytes in A.
    #[serde(serialize_with = "excerpt")]
    pub a: Vec<u8>,
    /// The bytes in B.
    #[serde(serialize_with = "excerpt")]
    pub b: Vec<u8>,
}

impl Evidence {
    /// Excerpts of two values, cut at the end if they are too long to show.
    pub fn new(at: impl Into<String>, a: impl AsRef<[u8]>, b: impl AsRef<[u8]>) -> Self {
        Self::around(at, a.as_ref(), b.as_ref())
    }

    /// Excerpts around the first byte that differs.
    fn around(at: impl Into<String>, a: &[u8], b: &[u8]) -> Self {
        let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
        let long = a.len().max(b.len()) > MOST_BYTES;
        let start = if long { same.saturating_sub(BEFORE) } else { 0 };
        let cut = |bytes: &[u8]| {
            let bytes = &bytes[start.min(bytes.len())..];
            bytes[..bytes.len().min(MOST_BYTES)].to_vec()
        };
        Self { at: at.into(), a: cut(a), b: cut(b) }
    }
}

fn excerpt<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&shown_bytes(bytes))
}
