//! Seconds since 1970: numbers that can be the time of a build, near to each other. No clock is
//! read, so what is near is told from the numbers themselves.

use std::ops::RangeInclusive;
use std::sync::LazyLock;

use regex::bytes::{Captures, Regex};

use super::prove::Claim;
use super::rewrite::Rewrite;
use super::text::Pair;
use super::{Cause, Evidence, Place};

/// From 2001, when they had ten digits for the first time, to 2038, when they need a 32nd bit; the
/// largest number of 31 bits is a constant of many programs.
const PLAUSIBLE: RangeInclusive<i64> = 1_000_000_000..=0x7fff_fffe;

/// Five years. The clocks of five rounds are that far apart, with 402 days between two of them;
/// what is compared by hand was hardly built further apart.
const FURTHEST: i64 = 5 * 365 * 24 * 60 * 60;

/// Seconds, or thousandths, millionths or billionths of them, or a fraction.
static SECONDS: LazyLock<Regex> = LazyLock::new(|| {
    let form = r"\b([12]\d{9})(?:\d{3}|\d{6}|\d{9})?(?:\.\d+)?\b";
    Regex::new(form).expect("it is tried in a test")
});

/// The claim that numbers of seconds differ, none by more than two builds do.
pub(super) fn claim(pairs: &[Pair<'_>], place: Place) -> Option<Claim<Rewrite>> {
    let mut window: Option<RangeInclusive<i64>> = None;
    let mut evidence = None;
    for pair in pairs {
        let [a, b] = [pair.a, pair.b].map(times);
        for ((a, at_a), (b, at_b)) in a.iter().zip(&b).filter(|(a, b)| a != b) {
            let (first, last) = (*at_a.min(at_b), *at_a.max(at_b));
            window = Some(match window {
                Some(window) => first.min(*window.start())..=last.max(*window.end()),
                None => first..=last,
            });
            evidence.get_or_insert_with(|| Evidence::new(pair.at(), a, b));
        }
    }
    let window = window.filter(|window| window.end() - window.start() <= FURTHEST)?;
    let proof = "without seconds since 1970, which are at most five years apart";
    Some(Claim::new(Cause::Timestamp(place), Rewrite::Seconds(window), proof).evidence(evidence))
}

/// The bytes with `mark` for all seconds within `window`.
pub(super) fn replace(bytes: &[u8], window: &RangeInclusive<i64>, mark: &[u8]) -> Vec<u8> {
    let marked = |found: &Captures<'_>| match seconds(found) {
        Some(seconds) if window.contains(&seconds) => mark.to_vec(),
        _ => found[0].to_vec(),
    };
    SECONDS.replace_all(bytes, marked).into_owned()
}

/// All numbers in a line that can be a time, with the time.
fn times(line: &[u8]) -> Vec<(&[u8], i64)> {
    let found = SECONDS.captures_iter(line);
    found.filter_map(|it| Some((it.get(0)?.as_bytes(), seconds(&it)?))).collect()
}

fn seconds(found: &Captures<'_>) -> Option<i64> {
    let seconds = std::str::from_utf8(&found[1]).ok()?.parse().ok()?;
    PLAUSIBLE.contains(&seconds).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_times_that_are_near_are_claimed() {
        for (a, b, claimed) in [
            ("at 1795479203", "at 1799233140", true),
            ("at 1795479203.25", "at 1799233140.5", true),
            ("at 1795479203251", "at 1799233140000", true),
            ("at 1795479203", "at 1830227876", true),
            ("at 1795479203", "at 1395479203", false),
            ("at 2147483647", "at 2147483646", false),
            ("at 3100000000", "at 3100000001", false),
            ("at 315532800", "at 315532801", false),
            ("at 1795479203", "at noon", false),
        ] {
            let pair = Pair { line: 0, a: a.as_bytes(), b: b.as_bytes() };
            assert_eq!(claim(&[pair], Place::Text).is_some(), claimed, "{a}, {b}");
        }
    }

    #[test]
    fn what_is_outside_of_the_window_stays() {
        let text = b"1795479203 1395479203 1795479204.5 2147483647";
        let replaced = replace(text, &(1_795_479_203..=1_795_479_204), b"#");
        assert_eq!(replaced, b"# 1395479203 # 2147483647");
    }
}
