//! Times of a build. If the clock of a round is known, a time can be proved to come from it;
//! otherwise only its form is known.

use std::ops::RangeInclusive;

use super::super::forms::moments;
use super::super::forms::pattern::Pattern;
use super::super::prove::Claim;
use super::super::rewrite::Rewrite;
use super::super::{Cause, Evidence};
use super::sides::Sides;

/// Five years. The clocks of five rounds are that far apart, with 402 days between two of them;
/// what is compared by hand was hardly built further apart.
const FURTHEST: i64 = 5 * 365 * 24 * 60 * 60;

/// `__TIME__`: a time with seconds, and nothing that it could be a part of, such as the address of
/// a network card.
static TIMES_OF_DAY: Pattern = Pattern::new(
    "times of day",
    r#"(?x-u)
    (?: ^ | [\s"'=(,\x00] ) (?<value> [012]\d:[0-5]\d:[0-6]\d(\.\d+)? (\ ?[AP]M)? )
    (?: [\s"'),.;\x00] | $ )"#,
);

/// Claims that times differ.
pub(crate) fn claims(sides: &Sides<'_>) -> Vec<Claim<Rewrite>> {
    let clock = sides.canaries.clocks().and_then(|clocks| of_clocks(sides, clocks));
    let cause = Cause::Timestamp(sides.place);
    let of_day = sides.of_pattern(&TIMES_OF_DAY, cause);
    clock.into_iter().chain(by_form(sides)).chain(of_day).collect()
}

/// The claim that times differ as the rounds' clocks did: each time is within its round.
fn of_clocks(sides: &Sides<'_>, clocks: [RangeInclusive<i64>; 2]) -> Option<Claim<Rewrite>> {
    let evidence = differing(sides).find_map(|(a, b, evidence)| {
        (a.lies_in(&clocks[0]) && b.lies_in(&clocks[1])).then_some(evidence)
    })?;
    let proof = "without times that are those of the round's clock";
    let cause = Cause::Timestamp(sides.place);
    Some(Claim::new(cause, Rewrite::Moments(clocks), proof).evidence([evidence]).proved())
}

/// The claim that times differ, all of them by no more than two builds do.
fn by_form(sides: &Sides<'_>) -> Option<Claim<Rewrite>> {
    let mut window: Option<RangeInclusive<i64>> = None;
    let mut first = None;
    for (a, b, evidence) in differing(sides) {
        first.get_or_insert(evidence);
        let (start, end) =
            (*a.seconds.start().min(b.seconds.start()), *a.seconds.end().max(b.seconds.end()));
        window = Some(match window {
            Some(window) => start.min(*window.start())..=end.max(*window.end()),
            None => start..=end,
        });
    }
    let window = window?;
    (window.end() - window.start() <= FURTHEST).then_some(())?;
    let proof = "without dates, times and seconds since 1970, at most five years apart";
    let rewrite = Rewrite::Moments([window.clone(), window]);
    Some(Claim::new(Cause::Timestamp(sides.place), rewrite, proof).evidence(first))
}

/// The moments that differ, in pairs.
fn differing<'s>(
    sides: &'s Sides<'_>,
) -> impl Iterator<Item = (moments::Moment, moments::Moment, Evidence)> + 's {
    sides.pairs.iter().flat_map(|pair| {
        let [a, b] = [pair.a, pair.b].map(moments::all);
        let pairs = a.into_iter().zip(b).filter_map(|(a, b)| {
            let [of_a, of_b] = [&pair.a[a.place.clone()], &pair.b[b.place.clone()]];
            let evidence = (of_a != of_b).then(|| Evidence::new(pair.at(), of_a, of_b))?;
            Some((a, b, evidence))
        });
        pairs.collect::<Vec<_>>()
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::lines::Pair;
    use super::super::super::{Canaries, Place};
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
            ("until 2024-01-01", "until 2034-01-01", false),
            ("on 2026-11-24", "on 2027-01-06", true),
        ] {
            let pairs = [Pair { line: 0, a: a.as_bytes(), b: b.as_bytes() }];
            let bytes = [a, b].map(|text| text.as_bytes().to_vec());
            let canaries = Canaries::default();
            let sides = Sides::new(&bytes, &pairs, Place::Text, &canaries);
            assert_eq!(!claims(&sides).is_empty(), claimed, "{a}, {b}");
        }
    }
}
