//! Forms of values that are known to change from build to build: times, random names, addresses.

use std::sync::LazyLock;

use regex::bytes::{NoExpand, Regex};

use super::{Cause, Place};

/// A form, and what a difference in it is due to.
#[derive(Debug)]
pub(super) struct Pattern {
    /// In words, as a proof names it.
    pub(super) what: &'static str,
    cause: fn(Place) -> Cause,
    regex: Regex,
}

impl Pattern {
    /// The cause, of a value in `place`.
    pub(super) fn cause(&self, place: Place) -> Cause {
        (self.cause)(place)
    }

    /// All values of this form, in order.
    pub(super) fn all<'b>(&self, bytes: &'b [u8]) -> Vec<&'b [u8]> {
        self.regex.find_iter(bytes).map(|found| found.as_bytes()).collect()
    }

    /// The bytes with `mark` for each value of this form.
    pub(super) fn replace(&self, bytes: Vec<u8>, mark: &[u8]) -> Vec<u8> {
        match self.regex.replace_all(&bytes, NoExpand(mark)) {
            std::borrow::Cow::Borrowed(_) => bytes,
            std::borrow::Cow::Owned(replaced) => replaced,
        }
    }
}

/// What is specific stands before what is general: the earlier of two claims is preferred.
pub(super) static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    TABLE
        .iter()
        .map(|(what, cause, regex)| Pattern {
            what,
            cause: *cause,
            regex: Regex::new(regex).expect("each is tried in a test"),
        })
        .collect()
});

type Row = (&'static str, fn(Place) -> Cause, &'static str);

const TABLE: [Row; 15] = [
    // uv's `uv_cache.json`.
    ("uv's cache times", Cause::Timestamp, r#""(secs|nanos)_since_epoch":\s*\d+"#),
    ("names of temporary files", |_| Cause::RandomName, TEMPORARY),
    (
        "UUIDs",
        |_| Cause::RandomName,
        r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
    ),
    // A generator of C calls a constant `__pyx_k_` and its hash.
    ("names that end in a hash", |_| Cause::RandomName, r"\b[A-Za-z_]\w*_[0-9a-f]{8}\b"),
    // `repr()` of an object, `%p`.
    ("memory addresses", |_| Cause::Address, r"\b0x[0-9a-f]{7,16}\b"),
    ("dates with times", Cause::Timestamp, DATE_TIME),
    ("dates with times in words", Cause::Timestamp, IN_WORDS),
    // setuptools-scm puts a `d` before the day.
    ("dates", Cause::Timestamp, r"\bd?(19|20)\d\d([-/.])?[01]\d([-/.])?[0-3]\d\b"),
    ("dates in words", Cause::Timestamp, DATE_IN_WORDS),
    ("times of day", Cause::Timestamp, r"\b[012]?\d:[0-5]\d(:[0-6]\d(\.\d+)?)?( ?[AP]M)?\b"),
    // Seconds from 2001 to 2096, and fractions of them.
    ("seconds since 1970", Cause::Timestamp, r"\b[1-3]\d{9}(\d{3}|\d{6}|\d{9})?(\.\d+)?\b"),
    ("names of locales", |_| Cause::Locale, LOCALES),
    ("offsets of time zones", |_| Cause::TimeZone, r"(GMT|UTC)?[+-](0\d|1[0-4]):?[0-5]\d\b"),
    ("names of time zones", |_| Cause::TimeZone, ZONES),
    ("optimisation flags", |_| Cause::Cpu, r"-(j|m(arch|tune|cpu)=|O)[\w.+-]*"),
];

/// tempfile (Python, Rust), mkstemp, pip, meson-python, the aio-libs backends, gcc.
const TEMPORARY: &str = r"(?x)
    \b tmp[a-z0-9_]{8} \b
    | \.tmp[A-Za-z0-9]{6} \b
    | \b tmp\.[A-Za-z0-9]{6,10} \b
    | \b pip-[a-z-]+-[a-z0-9_]{8} \b
    | \.mesonpy-[a-z0-9_]{8} \b
    | \.tmp-[\w.-]+-pep517-[a-z0-9_]{8} \b
    | \b (cc|rustc)[A-Za-z0-9]{6} (\.ltrans\d*)? \.(o|s|c|res|ltrans\w*) \b";

/// RFC 3339, ISO 8601.
const DATE_TIME: &str = r"(?x)
    \b (19|20)\d\d [-/] \d\d [-/] \d\d
    ([T\ ] | ,\ ) \d\d:\d\d (:\d\d (\.\d+)?)?
    (\ ? (Z | [+-]\d\d:?\d\d | [A-Z]{3,5}))?";

/// RFC 5322, `asctime`.
const IN_WORDS: &str = r"(?x)
    \b ( (Mon|Tue|Wed|Thu|Fri|Sat|Sun) ,? \s+ )?
    ( (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* \s+ \d{1,2} ,?
    | \d{1,2} \s+ (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* )
    ( \s+ \d{4} )? \s+ \d\d:\d\d (:\d\d)? ( \s+ ([A-Z]{3,5}|[+-]\d{4}) )? ( \s+ \d{4} )?";

/// `__DATE__`.
const DATE_IN_WORDS: &str = r"(?x)
    \b ( [A-Z][a-z]{2,8} \ {1,2} \d{1,2} ,? \ \d{4} | \d{1,2} \ [A-Z][a-z]{2,8} \ \d{4} ) \b";

const LOCALES: &str = r"(?x)
    \b ( [a-z]{2,3}_[A-Z]{2} | C | POSIX )
    ( \.[Uu][Tt][Ff]-?8 | \.ISO-?8859-\d+ )? ( @[a-z]+ )? \b";

const ZONES: &str = r"(?x) \b (
    UTC | GMT([+-]\d+)? | CES?T | EES?T | WES?T | [ECMP][SD]T | JST | IST | BST | [AN]Z?[SD]T
    | (Africa|America|Antarctica|Asia|Atlantic|Australia|Etc|Europe|Indian|Pacific)
      / [A-Za-z_]+ [A-Za-z_/+-]* \d*
    ) \b";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_recognised_and_others_are_not() {
        let first = |text: &str| {
            let bytes = text.as_bytes();
            PATTERNS.iter().find(|pattern| !pattern.all(bytes).is_empty()).map(|found| found.what)
        };
        for (text, what) in [
            (r#"{"secs_since_epoch":17,"nanos_since_epoch":5}"#, "uv's cache times"),
            ("/x/tmpq3k_2z9a/y", "names of temporary files"),
            ("/x/.tmpAb12Cd/y", "names of temporary files"),
            ("pip-build-env-abcd_123", "names of temporary files"),
            ("3f2b8c1e-0a4d-4c39-9f6e-1b2c3d4e5f60", "UUIDs"),
            ("/x/.tmp-frozenlist-pep517-a1b2c3d4/src", "names of temporary files"),
            ("static int __pyx_k_1f2e3d4c;", "names that end in a hash"),
            ("1.0.dev3+g0123abc.d20261124", "dates"),
            ("<object at 0x7f2a1c3d5e80>", "memory addresses"),
            ("2026-11-24T00:01:18+01:00", "dates with times"),
            ("Tue Nov 24 00:01:18 UTC 2026", "dates with times in words"),
            ("Tue, 24 Nov 2026 00:01:18 +0000", "dates with times in words"),
            ("built 20261124", "dates"),
            ("Nov 24 2026", "dates in words"),
            ("at 00:01:18", "times of day"),
            ("epoch 1779580000", "seconds since 1970"),
            ("LANG=et_EE.UTF-8", "names of locales"),
            ("offset +0200", "offsets of time zones"),
            ("in CEST", "names of time zones"),
            ("gcc -march=znver3", "optimisation flags"),
        ] {
            assert_eq!(first(text), Some(what), "{text}");
        }
        for text in ["a plain sentence", "version 12.3.4", "deadbeef", "x = 4294967296"] {
            assert_eq!(first(text), None, "{text}");
        }
    }
}
