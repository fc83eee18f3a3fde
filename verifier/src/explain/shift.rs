//! Times that differ by what two time zones do: the moment is the same, only its name is another.
//! That is told from a clock that went on by the difference, which is one for all times and a
//! multiple of a quarter of an hour.

use std::sync::LazyLock;

use regex::bytes::{Captures, Regex};

use super::prove::Claim;
use super::rewrite::Rewrite;
use super::text::Pair;
use super::{Cause, Evidence};

/// Offsets of zones are multiples of it.
const QUARTER: i64 = 15 * 60;
/// From UTC-12 to UTC+14.
const WIDEST: i64 = 26 * 60 * 60;

static TIMES: LazyLock<Regex> = LazyLock::new(|| {
    let form = r"\b(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)\b";
    Regex::new(form).expect("it is tried in a test")
});

/// Whether times that differ by `seconds` can be one moment in two zones.
pub(super) fn is_of_zones(seconds: i64) -> bool {
    seconds != 0 && seconds % QUARTER == 0 && seconds.abs() <= WIDEST
}

/// The claim that all times in lines that differ are the same in another zone.
pub(super) fn claim(pairs: &[Pair<'_>]) -> Option<Claim<Rewrite>> {
    let mut by = None;
    let mut evidence = None;
    for pair in pairs {
        let [a, b] = [pair.a, pair.b].map(|line| TIMES.captures_iter(line).collect::<Vec<_>>());
        for (a, b) in a.iter().zip(&b) {
            let difference = seconds_of(b)? - seconds_of(a)?;
            if difference != 0 && *by.get_or_insert(difference) != difference {
                return None;
            }
            evidence.get_or_insert_with(|| Evidence::new(pair.at(), &a[0], &b[0]));
        }
    }
    let by = by.filter(|by| is_of_zones(*by))?;
    let proof = format!("with all times of one side shifted by {} minutes", by / 60);
    Some(Claim::new(Cause::TimeZone, Rewrite::Shifted(by), proof).evidence(evidence))
}

/// The bytes with seconds for times, each earlier by `by`.
pub(super) fn to_seconds(bytes: &[u8], by: i64) -> Vec<u8> {
    let seconds = |found: &Captures<'_>| match seconds_of(found) {
        Some(seconds) => (seconds - by).to_string().into_bytes(),
        None => found[0].to_vec(),
    };
    TIMES.replace_all(bytes, seconds).into_owned()
}

fn seconds_of(found: &Captures<'_>) -> Option<i64> {
    let mut fields = [0; 6];
    for (at, field) in fields.iter_mut().enumerate() {
        *field = std::str::from_utf8(found.get(at + 1)?.as_bytes()).ok()?.parse().ok()?;
    }
    seconds(fields)
}

/// Seconds since 1970 of year, month, day, hour, minute and second.
pub(super) fn seconds([year, month, day, hour, minute, second]: [i64; 6]) -> Option<i64> {
    let fits = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60;
    fits.then_some(())?;
    // The year starts in March: the day that not every year has is its last.
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let days = 365 * year + leap_days + (153 * month + 2) / 5 + day - 719_469;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_those_of_the_calendar() {
        for (time, expected) in [
            ([1970, 1, 1, 0, 0, 0], 0),
            ([1980, 1, 1, 0, 0, 0], 315_532_800),
            ([2000, 2, 29, 12, 0, 1], 951_825_601),
            ([2026, 11, 25, 18, 32, 50], 1_795_631_570),
        ] {
            assert_eq!(seconds(time), Some(expected), "{time:?}");
        }
        assert_eq!(seconds([2026, 13, 1, 0, 0, 0]), None);
    }

    #[test]
    fn only_differences_of_zones_are_claimed() {
        let claimed = |a: &str, b: &str| {
            claim(&[Pair { line: 0, a: a.as_bytes(), b: b.as_bytes() }]).is_some()
        };
        assert!(claimed("1980-01-01 00:00:00", "1979-12-31 12:00:00"));
        assert!(!claimed("1980-01-01 00:00:00", "1980-01-01 00:00:01"));
        assert!(!claimed("1980-01-01 00:00:00", "1981-02-06 00:00:00"));
        assert!(!claimed("1980-01-01 00:00:00", "1980-01-01"));
    }
}
