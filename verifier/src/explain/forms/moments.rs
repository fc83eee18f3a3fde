//! Dates, times of a date, and seconds since 1970: their positions, and the moments that they can
//! mean. A date alone can mean any moment of its day, and a time without a zone that of any zone.

use std::ops::{Range, RangeInclusive};
use std::sync::LazyLock;

use regex::bytes::{Captures, Regex};

use super::calendar;

const DAY: i64 = 24 * 60 * 60;
/// How far the clocks of two zones are apart from UTC: from UTC-12 to UTC+14.
const ZONES: RangeInclusive<i64> = -14 * 60 * 60..=12 * 60 * 60;
/// Until 2038, when seconds need a 32nd bit: the largest number of 31 bits is a constant of many
/// programs, and whatever was built was built before.
const LAST: i64 = 0x7fff_fffe;
/// Numbers of seconds have ten digits from 2001 on.
const FIRST_SECONDS: i64 = 1_000_000_000;

/// A moment that a text names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Its position.
    pub(crate) place: Range<usize>,
    /// Which seconds since 1970 it can mean.
    pub(crate) seconds: RangeInclusive<i64>,
}

/// The moments that a match can mean; `None` if it is not a moment.
type Meaning = fn(&Captures<'_>) -> Option<RangeInclusive<i64>>;

/// The forms, from the longest to the shortest: the first that fits at a place counts.
const FORMS: [(&str, Meaning); 5] = [
    (IN_DIGITS, in_digits),
    (IN_WORDS, in_words),
    (COMPACT, in_digits),
    (DATE_IN_WORDS, in_words),
    (SECONDS, in_seconds),
];

/// RFC 3339 and ISO 8601, also with slashes. A date alone with slashes around it is a part of a
/// path or of a URL.
const IN_DIGITS: &str = r"(?x-u)
    (?: ^ | [^\w/.] | \b d ) (?<value>
        (?<year>(?:19|20)\d\d) (?: -(?<month>\d\d)-(?<day>\d\d) | /(?<month2>\d\d)/(?<day2>\d\d) )
        (?: (?:[T\ ]|,\ ) (?<hour>\d\d):(?<minute>\d\d) (?: :(?<second>\d\d) (?:\.\d+)? )?
            (?: \ ? (?<zone> Z | [+-]\d\d:?\d\d | [A-Z]{3,5} ) )? )?
    ) (?: [^\w/] | $ )";

/// Without separators; setuptools-scm puts a `d` before the day.
const COMPACT: &str = r"(?x-u)
    (?: ^ | [^\w/=] | [^=<>!~]=['\x22\ ]? | \b d ) (?<value>
        (?<year>(?:19|20)\d\d)(?<month>[01]\d)(?<day>[0-3]\d)
        (?: T (?<hour>\d\d)(?<minute>\d\d)(?<second>\d\d) (?<zone>Z)? )?
    ) (?: [^\w/] | $ )";

/// RFC 5322, `asctime`, `date`.
const IN_WORDS: &str = r"(?x-u)
    (?: ^ | \W ) (?<value>
        (?: (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ,? \s+ )?
        (?: (?<name>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* \s+ (?<day>\d{1,2}) ,?
        | (?<day2>\d{1,2}) \s+ (?<name2>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* )
        (?: \s+ (?<year>\d{4}) )? \s+ (?<hour>\d\d):(?<minute>\d\d) (?: :(?<second>\d\d) )?
        (?: \s+ (?<zone> [A-Z]{3,5} | [+-]\d{4} ) )? (?: \s+ (?<year2>\d{4}) )?
    ) (?: \W | $ )";

/// `__DATE__`.
const DATE_IN_WORDS: &str = r"(?x-u)
    (?: ^ | \W ) (?<value>
        (?: (?<name>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* \ {1,2}
            (?<day>\d{1,2}) ,?
        | (?<day2>\d{1,2}) \ (?<name2>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* )
        \ (?<year>\d{4})
    ) (?: \W | $ )";

/// Seconds, or thousandths, millionths or billionths of them, or a fraction.
const SECONDS: &str = r"(?x-u)
    (?: ^ | [^\w.] ) (?<value>
        (?<seconds>[12]\d{9}) (?: \d{3} | \d{6} | \d{9} )? (?: \.\d+ )?
    ) (?: [^\w.] | \.\W | \.?$ )";

static PARSED: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    FORMS.iter().map(|(form, _)| Regex::new(form).expect("each is tried in a test")).collect()
});

/// Returns all moments in a text, in order.
pub(crate) fn all(text: &[u8]) -> Vec<Moment> {
    let mut found: Vec<Moment> = Vec::new();
    for (form, (_, meaning)) in PARSED.iter().zip(&FORMS) {
        let mut from = 0;
        // What follows one may be what must stand before the next.
        while let Some(captures) = form.captures_at(text, from) {
            let value = captures.name("value").expect("each form has it").range();
            from = value.end;
            let is_free =
                found.iter().all(|it| value.end <= it.place.start || it.place.end <= value.start);
            if let Some(seconds) = meaning(&captures).filter(|_| is_free) {
                found.push(Moment { place: value, seconds });
            }
        }
    }
    found.sort_by_key(|moment| moment.place.start);
    found
}

/// Returns the bytes with `mark` in place of each moment that can be within `window`.
pub(crate) fn replace(bytes: &[u8], window: &RangeInclusive<i64>, mark: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(bytes.len());
    let mut done = 0;
    for moment in all(bytes).iter().filter(|moment| moment.lies_in(window)) {
        replaced.extend_from_slice(&bytes[done..moment.place.start]);
        replaced.extend_from_slice(mark);
        done = moment.place.end;
    }
    replaced.extend_from_slice(&bytes[done..]);
    replaced
}

impl Moment {
    /// Whether it can mean one of these seconds.
    pub(crate) fn lies_in(&self, window: &RangeInclusive<i64>) -> bool {
        self.seconds.start() <= window.end() && window.start() <= self.seconds.end()
    }
}

fn in_digits(found: &Captures<'_>) -> Option<RangeInclusive<i64>> {
    let month = number(found, &["month", "month2"])??;
    meant(found, month, number(found, &["day", "day2"])??)
}

fn in_words(found: &Captures<'_>) -> Option<RangeInclusive<i64>> {
    const NAMES: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let name = found.name("name").or_else(|| found.name("name2"))?.as_bytes();
    let month = NAMES.chunks(3).position(|it| it == name)?;
    meant(found, i64::try_from(month).ok()? + 1, number(found, &["day", "day2"])??)
}

fn meant(found: &Captures<'_>, month: i64, day: i64) -> Option<RangeInclusive<i64>> {
    // A day without a year can be of any.
    let year = number(found, &["year", "year2"])??;
    let hour = number(found, &["hour"])?;
    let time = [hour, number(found, &["minute"])?, number(found, &["second"])?];
    let [hours, minutes, seconds] = time.map(Option::unwrap_or_default);
    let at = calendar::seconds([year, month, day, hours, minutes, seconds])?;
    let length = if hour.is_some() { 59 } else { DAY - 1 };
    let zone = found.name("zone").map(|zone| zone.as_bytes());
    let seconds = match zone.map(offset) {
        Some(Some(offset)) => at - offset..=at - offset + length,
        _ => at + ZONES.start()..=at + ZONES.end() + length,
    };
    (*seconds.end() >= 0 && *seconds.start() <= LAST).then_some(seconds)
}

/// Seconds east of UTC.
fn offset(zone: &[u8]) -> Option<i64> {
    let (sign, digits) = match zone {
        b"Z" | b"UTC" | b"GMT" => return Some(0),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let digits: String = digits.iter().filter(|it| **it != b':').map(|it| *it as char).collect();
    let digits: i64 = digits.parse().ok()?;
    Some(sign * (digits / 100 * 60 + digits % 100) * 60)
}

fn in_seconds(found: &Captures<'_>) -> Option<RangeInclusive<i64>> {
    let seconds = number(found, &["seconds"])??;
    (FIRST_SECONDS..=LAST).contains(&seconds).then_some(seconds..=seconds)
}

/// The number in the first of these groups that matched; `None` if it is not a number.
#[expect(clippy::option_option, reason = "a group that is not there is no fault of the number")]
fn number(found: &Captures<'_>, groups: &[&str]) -> Option<Option<i64>> {
    let Some(group) = groups.iter().find_map(|name| found.name(name)) else { return Some(None) };
    Some(Some(std::str::from_utf8(group.as_bytes()).ok()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_found_in_all_their_forms() {
        const AT: i64 = 1_795_478_478;
        for text in [
            "2026-11-24T00:01:18Z",
            "2026-11-24 01:01:18+01:00",
            "made 2026-11-24, 00:01:18.",
            "d20261124.",
            "x = '20261124T000118Z'",
            "on 2026/11/24.",
            "Tue Nov 24 00:01:18 UTC 2026",
            "Tue Nov 24 00:01:18 2026",
            "Tue, 24 Nov 2026 00:01:18 +0000",
            "\"Nov 24 2026\"",
            "24 November 2026",
            "at 1795478478.",
            "BUILT=1795478478.25",
            "1795478478000000001",
        ] {
            let found = all(text.as_bytes());
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!(found[0].lies_in(&(AT..=AT)), "{text}: {found:?}");
            assert!(!found[0].lies_in(&(AT - 3 * DAY..=AT - 2 * DAY)), "{text}: {found:?}");
        }
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in [
            "digest[0:10]",
            "10:22:33:44:55:10",
            "https://dl.example/2024/06/06/agent.py",
            "certifi==2019.11.28",
            "certifi==20191128",
            "2026-13-01",
            "2099-12-31",
            "2147483647",
            "315532800",
            "3100000000",
            "x_20261124",
            "1.1795478478.2",
            "Nov 24 00:01:18",
            "",
        ] {
            assert_eq!(all(text.as_bytes()), [], "{text}");
        }
    }

    #[test]
    fn what_is_outside_of_the_window_stays() {
        let text = b"1795479203 1395479203 1795479204.5 2147483647 2026-11-24";
        let replaced = replace(text, &(1_795_479_203..=1_795_479_204), b"#");
        assert_eq!(replaced, b"# 1395479203 # 2147483647 #");
    }
}
