//! Forms of values that are known to change from build to build: times, random names, addresses.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::{Cause, Place};

/// A form, and what a difference in it is due to.
#[derive(Debug)]
pub(super) struct Pattern {
    /// In words, as a proof names it.
    pub(super) what: &'static str,
    cause: fn(Place) -> Cause,
    /// If it has a group `value`, the rest of what it finds is no part of the value and stays.
    regex: Regex,
}

impl Pattern {
    /// The cause, of a value in `place`.
    pub(super) fn cause(&self, place: Place) -> Cause {
        (self.cause)(place)
    }

    /// All values of this form, in order.
    pub(super) fn all<'b>(&self, bytes: &'b [u8]) -> Vec<&'b [u8]> {
        self.places(bytes).map(|place| &bytes[place]).collect()
    }

    /// The bytes with `mark` for each value of this form.
    pub(super) fn replace(&self, bytes: Vec<u8>, mark: &[u8]) -> Vec<u8> {
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

    /// Where values stand. What follows one may be what must stand before the next, so the search
    /// goes on right behind the value.
    fn places<'b>(&'b self, bytes: &'b [u8]) -> impl Iterator<Item = Range<usize>> + 'b {
        let mut from = 0;
        std::iter::from_fn(move || {
            let found = self.regex.captures_at(bytes, from)?;
            let value = found.name("value").or_else(|| found.get(0))?.range();
            from = value.end;
            Some(value)
        })
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

const TABLE: [Row; 20] = [
    // uv's `uv_cache.json`.
    ("uv's cache times", Cause::Timestamp, r#""(secs|nanos)_since_epoch":\s*\d+"#),
    ("names of temporary files", |_| Cause::RandomName, TEMPORARY),
    ("names of build directories", |_| Cause::RandomName, BUILD_DIRECTORIES),
    ("names of what is compiled", |_| Cause::RandomName, COMPILED),
    (
        "UUIDs",
        |_| Cause::RandomName,
        r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
    ),
    // A generator of C calls a constant `__pyx_k_` and its hash; only the hash was drawn.
    ("names that end in a hash", |_| Cause::RandomName, r"\b[A-Za-z_]\w*_(?<value>[0-9a-f]{8})\b"),
    ("memory addresses", |_| Cause::Address, ADDRESS),
    ("memory addresses in `repr()`", |_| Cause::Address, r" at (?<value>0x[0-9a-f]{6,8})>"),
    ("dates with times", Cause::Timestamp, DATE_TIME),
    ("dates with times in words", Cause::Timestamp, IN_WORDS),
    // setuptools-scm puts a `d` before the day.
    ("dates", Cause::Timestamp, r"\bd?(19|20)\d\d([-/.])?[01]\d([-/.])?[0-3]\d\b"),
    ("dates in words", Cause::Timestamp, DATE_IN_WORDS),
    ("times of day", Cause::Timestamp, r"\b[012]?\d:[0-5]\d(:[0-6]\d(\.\d+)?)?( ?[AP]M)?\b"),
    ("names of locales", |_| Cause::Locale, LOCALES),
    ("values of locale variables", |_| Cause::Locale, LOCALE_VARIABLES),
    ("offsets of time zones", |_| Cause::TimeZone, OFFSETS),
    ("names of time zones", |_| Cause::TimeZone, ZONES),
    ("numbers of jobs", |_| Cause::Cpu, r#"(?:^|[\s"'=,\x00])-j(?<value>(?: ?\d+)?)\b"#),
    ("processors that are compiled for", |_| Cause::Cpu, MACHINES),
    ("optimisation levels", |_| Cause::Cpu, LEVELS),
];

/// tempfile (Python, Rust), mkstemp, meson-python.
const TEMPORARY: &str = r"(?x)
    \b tmp[a-z0-9_]{8} \b
    | \.tmp[A-Za-z0-9]{6} \b
    | \b tmp\.[A-Za-z0-9]{6,10} \b
    | \.mesonpy-[a-z0-9_]{8} \b";

/// pip, and the copies that the backends of aio-libs build in.
const BUILD_DIRECTORIES: &str = r"(?x)
    ( \b pip-[a-z-]+- | \.tmp-[\w.-]+-pep517- ) (?<value> [a-z0-9_]{8} ) \b";

/// gcc, rustc.
const COMPILED: &str = r"(?x)
    \b (cc|rustc) (?<value> [A-Za-z0-9]{6} ) (\.ltrans\d*)? \.(o|s|c|res|ltrans\w*) \b";

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

/// Where Linux gives a process room. On x86-64, programs lie above 2/3 of 47 bits, libraries and
/// stacks below the end, both as far from there as 32 random bits lead (`vm.mmap_rnd_bits`); on
/// aarch64 it is 48 bits. A program at a fixed place has shorter addresses, which any constant can
/// look like: those count only as `repr()` writes them.
const ADDRESS: &str = r"(?x)
    \b 0x ( 5[5-9a-f][0-9a-f]{2} | 6[0-5f][0-9a-f]{2} | 7[0-9a-f]{3} | aaa[a-f] | ffff )
    [0-9a-f]{8} \b";

/// `C` and `POSIX`, and names with a codeset or modifier: `is_NO` alone can be any name.
const LOCALES: &str = r#"(?x)
    ( ^ | [\s"'=,:;(\[\x00] )
    (?<value>
        [a-z]{2,3} (_[A-Z]{2})? \. (?i: utf-?8 | iso-?8859-?\d+ ) (@[a-z]+)?
        | [a-z]{2,3}_[A-Z]{2} @[a-z]+
        | (C|POSIX) ( \. (?i: utf-?8 ) )?
    )
    ( [\s"',:;)\]\x00] | $ )"#;

/// What stands there names a locale, with or without a codeset.
const LOCALE_VARIABLES: &str = r#"(?x)
    \b (LANG|LANGUAGE|LC_[A-Z]+) ["']? \ ? [=:] \ ? ["']?
    (?<value>
        ( [a-z]{2,3} (_[A-Z]{2})? | C | POSIX )
        ( \. (?i: utf-?8 | iso-?8859-?\d+ ) )? (@[a-z]+)?
    )
    ( [\s"',:;)\]\x00] | $ )"#;

const MACHINES: &str = r#"(?x)
    ( ^ | [\s"'=,\x00] ) -m(arch|tune|cpu)= (?<value> [\w.+-]+ )"#;

const LEVELS: &str = r#"(?x)
    ( ^ | [\s"'=,\x00] ) -O (?<value> ([0-3sgz]|fast)? ) \b"#;

/// Behind a time, the name of a zone, or nothing that they could be a part of.
const OFFSETS: &str = r#"(?x)
    ( ^ | [\s"'=,:(\x00] | :\d\d | GMT | UTC ) (?<value> [+-](0\d|1[0-4]):?[0-5]\d ) \b"#;

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
            ("pip-build-env-abcd_123", "names of build directories"),
            ("ccAb12Cd.ltrans0.o", "names of what is compiled"),
            ("3f2b8c1e-0a4d-4c39-9f6e-1b2c3d4e5f60", "UUIDs"),
            ("/x/.tmp-frozenlist-pep517-a1b2c3d4/src", "names of build directories"),
            ("static int __pyx_k_1f2e3d4c;", "names that end in a hash"),
            ("1.0.dev3+g0123abc.d20261124", "dates"),
            ("<object at 0x7f2a1c3d5e80>", "memory addresses"),
            ("<object at 0xaaaab3d5e880>", "memory addresses"),
            ("<object at 0x1c8c2a0>", "memory addresses in `repr()`"),
            ("2026-11-24T00:01:18+01:00", "dates with times"),
            ("Tue Nov 24 00:01:18 UTC 2026", "dates with times in words"),
            ("Tue, 24 Nov 2026 00:01:18 +0000", "dates with times in words"),
            ("built 20261124", "dates"),
            ("Nov 24 2026", "dates in words"),
            ("at 00:01:18", "times of day"),
            ("LANG=et_EE.UTF-8", "names of locales"),
            ("in POSIX", "names of locales"),
            ("LC_TIME='de_DE'", "values of locale variables"),
            ("offset +0200", "offsets of time zones"),
            ("in CEST", "names of time zones"),
            ("make -j8", "numbers of jobs"),
            ("gcc -march=znver3", "processors that are compiled for"),
            ("CFLAGS=-O2", "optimisation levels"),
        ] {
            assert_eq!(first(text), Some(what), "{text}");
        }
        for text in [
            "a plain sentence",
            "version 12.3.4",
            "deadbeef",
            "x = 4294967296",
            "mask 0x0badc0de",
            "mask 0xdeadbeefcafe",
            "is_OK",
            "is_NO",
            "C++",
            "x-java",
            "pre-Oslo",
            "java -jar x",
            "x-0130",
            "",
        ] {
            assert_eq!(first(text), None, "{text}");
        }
    }

    #[test]
    fn only_the_value_is_replaced() {
        let replaced = |text: &str| {
            PATTERNS.iter().fold(text.as_bytes().to_vec(), |bytes, it| it.replace(bytes, b"#"))
        };
        for (text, expected) in [
            ("read_deadbeef()", "read_#()"),
            ("-O2 -O3,-j2 -march=x86-64", "-O# -O#,-j# -march=#"),
            ("pip-build-env-abcd_123", "pip-build-env-#"),
            ("ccAb12Cd.ltrans0.o", "cc#.ltrans0.o"),
            ("C POSIX C", "# # #"),
            ("LANG=de_DE", "LANG=#"),
            ("<x at 0x1c8c2a0>", "<x at #>"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(replaced(text), expected.as_bytes(), "{text}");
        }
    }
}
