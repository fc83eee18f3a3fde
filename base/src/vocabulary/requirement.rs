//! Requirements and markers (PEP 508), parsed within limits. A marker is foreign text that may be
//! passed to uv. uv builds a decision diagram of it, whose size can double with each clause: a
//! marker of 2 KB took 24 GB. So we compute the size first, with a diagram of our own that stops at
//! a limit.
//!
//! [`Markers`] parses every requirement and marker that this tool reads.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::limits::{Budget, Exceeded, MARKER_BYTES, MARKER_DEPTH, MARKERS_NODES, SEMICOLONS};

use crate::packaging::{Marker, Requirement};

mod diagram;

/// The parser of one file's markers, which share a budget. A file repeats a few, and parsing one
/// takes longer than all else of a dependency, so parsed ones are kept.
#[derive(Debug)]
pub struct Markers {
    known: BTreeMap<String, Marker>,
    nodes: Budget,
}

/// A string that is not a requirement or marker, or that exceeds a limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequirementError {
    /// It exceeds a limit.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// It is not valid, for this reason.
    #[error("{0}")]
    Invalid(String),
}

impl Default for Markers {
    fn default() -> Self {
        Self { known: BTreeMap::new(), nodes: MARKERS_NODES.budget() }
    }
}

impl Markers {
    /// Parses a marker such as `sys_platform == 'linux'`.
    pub fn marker(&mut self, text: &str) -> Result<Marker, RequirementError> {
        if let Some(marker) = self.known.get(text) {
            return Ok(marker.clone());
        }
        MARKER_BYTES.check(text.len())?;
        self.examine(text)?;
        let marker = Marker::from_str(text).map_err(|error| invalid(&error))?;
        self.known.insert(text.to_owned(), marker.clone());
        Ok(marker)
    }

    /// Parses a requirement such as `lxml>=6 ; sys_platform == 'linux'`.
    pub fn requirement(&mut self, text: &str) -> Result<Requirement, RequirementError> {
        MARKER_BYTES.check(text.len())?;
        // In front of the marker there can be a URL, with semicolons of its own. Whatever part the
        // parser takes for the marker, it begins after one of them.
        SEMICOLONS.check(text.matches(';').count())?;
        for (start, _) in text.match_indices(';') {
            self.examine(&text[start + 1..])?;
        }
        MARKER_DEPTH.check(depth(text))?;
        Requirement::from_str(text).map_err(|error| invalid(&error))
    }

    /// Finds out how large the diagram of a marker is.
    fn examine(&mut self, text: &str) -> Result<(), Exceeded> {
        MARKER_DEPTH.check(depth(text))?;
        self.nodes.spend(diagram::size(text)?)
    }
}

/// Parses one requirement by itself.
pub fn requirement(text: &str) -> Result<Requirement, RequirementError> {
    Markers::default().requirement(text)
}

fn invalid(error: &impl ToString) -> RequirementError {
    RequirementError::Invalid(error.to_string())
}

/// How deep parentheses are nested; those within quotes count too, as if nothing closed them.
fn depth(text: &str) -> u64 {
    let (mut depth, mut deepest) = (0_u64, 0);
    for byte in text.bytes() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `../shared/cases/hostile/marker-bomb` has it: all `a` come before all `b` in uv's order.
    fn bomb(pairs: usize) -> String {
        let pair = |i: usize| format!("(extra == 'a{i}' or extra == 'b{i}')");
        (0..pairs).map(pair).collect::<Vec<_>>().join(" and ")
    }

    #[test]
    fn a_marker_that_would_take_all_memory_is_refused() {
        let keys = |key: &str, op: &str| {
            let pair = |i: usize| format!("('a{i}' {op} {key} or 'b{i}' {op} {key})");
            (0..40).map(pair).collect::<Vec<_>>().join(" and ")
        };
        let spelled = bomb(40).replace("'a", "'A_").replace("'b", "'b.");
        let negated =
            bomb(40).replace("==", "!=").replace(" or ", " and ").replace(") and", ") or");
        for marker in
            [bomb(40), spelled, negated, keys("platform_version", "in"), keys("extras", "in")]
        {
            let error = Markers::default().marker(&marker).unwrap_err();
            assert!(error.to_string().contains("`marker-nodes`"), "{error}: {marker}");
            let error = requirement(&format!("six ; {marker}")).unwrap_err();
            assert!(error.to_string().contains("`marker-nodes`"), "{error}: {marker}");
            let url = format!("six @ https://a.example/;b?x=1 ; {marker}");
            assert!(requirement(&url).is_err(), "{url}");
        }
        // A small diagram that cannot be written down: uv has no short form of it.
        let pair = |i: usize| format!("(extra == 'x{i:02}-a' or extra == 'x{i:02}-b')");
        let wide = (0..40).map(pair).collect::<Vec<_>>().join(" and ");
        let error = requirement(&format!("six ; {wide}")).unwrap_err().to_string();
        assert!(error.contains("`marker-terms`"), "{error}");
        let many = (0..300).map(|i| format!("extra == 'x{i}'")).collect::<Vec<_>>().join(" or ");
        let error = requirement(&format!("six ; {many}")).unwrap_err().to_string();
        assert!(error.contains("`marker-variables`"), "{error}");
    }

    #[test]
    fn a_marker_that_would_overflow_the_stack_is_refused() {
        let nested = |n: usize| format!("{}os_name == 'a'{}", "(".repeat(n), ")".repeat(n));
        assert!(Markers::default().marker(&nested(32)).is_ok());
        for marker in [nested(33), nested(20_000), "(".repeat(20_000), "'(' ((".repeat(10_000)] {
            let error = Markers::default().marker(&marker).unwrap_err().to_string();
            assert!(
                error.contains("`marker-depth`") || error.contains("`marker-bytes`"),
                "{error}"
            );
            assert!(requirement(&format!("six; {marker}")).is_err());
        }
    }

    #[test]
    fn what_is_too_long_is_refused() {
        let long = format!("os_name == '{}'", "a".repeat(64 << 10));
        assert!(
            Markers::default().marker(&long).unwrap_err().to_string().contains("`marker-bytes`")
        );
        assert!(requirement(&format!("six{}", " ".repeat(64 << 10))).is_err());
    }

    #[test]
    fn markers_of_one_file_share_a_budget() {
        let mut markers = Markers::default();
        let distinct = |n: usize| bomb(9).replace("'a", &format!("'a{n}-"));
        let refused = (0..10_000).find_map(|n| markers.marker(&distinct(n)).err());
        assert!(refused.unwrap().to_string().contains("`markers-nodes`"));
        // What is known costs nothing again.
        assert!(markers.marker(&distinct(0)).is_ok());
    }

    #[test]
    fn what_uv_writes_is_accepted() {
        // Twelve conflicting extras: every pair of them, on three platforms.
        let extra = |i: usize| format!("extra == 'extra-7-project-x{i}'");
        let pairs = (0..12).flat_map(|a| (0..a).map(move |b| (a, b)));
        let clauses = pairs.flat_map(|(a, b)| {
            ["darwin", "linux", "win32"].map(|platform| {
                format!("(sys_platform == '{platform}' and {} and {})", extra(a), extra(b))
            })
        });
        let all = clauses.collect::<Vec<_>>().join(" or ");
        assert!(Markers::default().marker(&all).is_ok());
        for text in [
            "python_full_version >= '3.10' and python_full_version < '3.14' and os_name != 'nt'",
            "'linux' in sys_platform and platform_machine not in 'arm armv7l'",
            "os_name=='a'and(sys_platform=='b')",
            "python_version in '2.7 3.4 3.5'",
        ] {
            assert_eq!(Markers::default().marker(text).is_ok(), Marker::from_str(text).is_ok());
        }
        for text in ["a", "a[b,c] (>=1,<2) ; os_name == 'x'", "a @ https://h.example/a;b#c", "a;"] {
            assert_eq!(requirement(text).is_ok(), Requirement::from_str(text).is_ok());
        }
    }
}
