//! Dates without a time: the day on which something ends. No clock is read here.

use std::fmt;
use std::str::FromStr;

/// A day of the Gregorian calendar, in order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// A string that is not a date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is no day of the calendar, written like `2027-01-31`")]
pub struct DateError;

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

impl Date {
    /// The day in UTC, so many seconds after the start of 1970.
    pub fn of_unix_time(seconds: u64) -> Self {
        let mut days = seconds / SECONDS_PER_DAY;
        let (mut year, mut month) = (1970, 1);
        while days >= days_of_year(year) {
            days -= days_of_year(year);
            year += 1;
        }
        while days >= u64::from(days_of_month(year, month)) {
            days -= u64::from(days_of_month(year, month));
            month += 1;
        }
        let day = u8::try_from(days + 1).expect("a month has at most 31 days");
        Self { year, month, day }
    }

    /// The whole days since the start of 1970; 0 for a day before that.
    pub fn days_since_1970(self) -> u64 {
        let years = (1970..self.year).map(days_of_year).sum::<u64>();
        let months = (1..self.month).map(|month| u64::from(days_of_month(self.year, month)));
        if self.year < 1970 { 0 } else { years + months.sum::<u64>() + u64::from(self.day) - 1 }
    }
}

fn is_leap_year(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of_year(year: u16) -> u64 {
    if is_leap_year(year) { 366 } else { 365 }
}

fn days_of_month(year: u16, month: u8) -> u8 {
    match month {
        2 if is_leap_year(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        let plain = text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
        let parts: Vec<&str> = text.split('-').collect();
        let &[year, month, day] = parts.as_slice() else { return Err(DateError) };
        if !plain || (year.len(), month.len(), day.len()) != (4, 2, 2) {
            return Err(DateError);
        }
        let year: u16 = year.parse().map_err(|_| DateError)?;
        let month: u8 = month.parse().map_err(|_| DateError)?;
        let day: u8 = day.parse().map_err(|_| DateError)?;
        let exists = (1..=12).contains(&month) && (1..=days_of_month(year, month)).contains(&day);
        if exists { Ok(Self { year, month, day }) } else { Err(DateError) }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day } = self;
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_and_ordered() {
        for text in ["1970-01-01", "2024-02-29", "2000-02-29", "2027-12-31"] {
            assert_eq!(text.parse::<Date>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "2027",
            "2027-13-01",
            "2027-00-01",
            "2026-02-29",
            "1900-02-29",
            "2027-1-1",
            "2027-04-31",
            "+027-01-01",
            "2027-01-00",
            "2027-01-01T00:00:00Z",
        ] {
            assert_eq!(text.parse::<Date>(), Err(DateError), "{text}");
        }
        let day = |text: &str| text.parse::<Date>().unwrap();
        assert!(day("2026-12-31") < day("2027-01-01") && day("2027-01-31") < day("2027-02-01"));
    }

    #[test]
    fn seconds_become_days() {
        // `date -u -d @SECONDS +%F` gave these.
        for (seconds, expected) in [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (86_400, "1970-01-02"),
            (951_782_400, "2000-02-29"),
            (1_709_251_199, "2024-02-29"),
            (1_709_251_200, "2024-03-01"),
            (1_798_761_599, "2026-12-31"),
        ] {
            let day = Date::of_unix_time(seconds);
            assert_eq!(day.to_string(), expected, "{seconds}");
            assert_eq!(day.days_since_1970(), seconds / SECONDS_PER_DAY, "{seconds}");
        }
    }
}
