//! Converts times with a date to seconds since 1970, and finds the same moment in the notation of
//! two time zones.

use std::sync::LazyLock;

use regex::bytes::{Captures, Regex};

/// Offsets of zones are multiples of it.
const QUARTER: i64 = 15 * 60;
/// From UTC-12 to UTC+14.
const WIDEST: i64 = 26 * 60 * 60;

static TIMES: LazyLock<Regex> = LazyLock::new(|| {
    let form = r"\b(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)\b";
    Regex::new(form).expect("it is tried in a test")
});

/// Returns whether times that differ by `seconds` can be one moment in two zones.
pub(crate) fn is_of_zones(seconds: i64) -> bool {
    seconds != 0 && seconds % QUARTER == 0 && seconds.abs() <= WIDEST
}

/// Returns the times in a line, each with its seconds since 1970 if it is a time.
pub(crate) fn times(line: &[u8]) -> Vec<(&[u8], Option<i64>)> {
    let found = TIMES.captures_iter(line);
    found.filter_map(|it| Some((it.get(0)?.as_bytes(), seconds_of(&it)))).collect()
}

/// Returns the bytes with seconds for times, each earlier by `by`.
pub(crate) fn to_seconds(bytes: &[u8], by: i64) -> Vec<u8> {
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

/// Returns the seconds since 1970 of year, month, day, hour, minute and second.
pub(crate) fn seconds([year, month, day, hour, minute, second]: [i64; 6]) -> Option<i64> {
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
}
