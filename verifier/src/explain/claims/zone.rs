//! Time zones: their names and offsets, and times that differ by the offset between two zones. They
//! are the same moment in another notation. The difference tells them from a clock that moved on:
//! it is the same for all times, and a multiple of 15 minutes.

use super::super::forms::calendar;
use super::super::forms::pattern::Pattern;
use super::super::prove::Claim;
use super::super::rewrite::Rewrite;
use super::super::{Cause, Evidence};
use super::sides::Sides;

static FORMS: [Pattern; 2] = [
    // Behind a time, the name of a zone, or what calls it a zone: `+1000` alone is a number.
    Pattern::new(
        "offsets of time zones",
        r#"(?x-u)
        (?: \d\d:\d\d \ ? | GMT | UTC | (?i: \b zone | \b offset ) ["']? [\ =:]{1,2} ["']? )
        (?<value> [+-](0\d|1[0-4]):?[0-5]\d ) \b"#,
    ),
    Pattern::new(
        "names of time zones",
        r"(?x) \b (
        UTC | GMT([+-]\d+)? | CES?T | EES?T | WES?T | [ECMP][SD]T | JST | IST | BST | [AN]Z?[SD]T
        | (Africa|America|Antarctica|Asia|Atlantic|Australia|Etc|Europe|Indian|Pacific)
          / [A-Za-z_]+ [A-Za-z_/+-]* \d*
        ) \b",
    ),
];

/// Claims that the time zone differs.
pub(crate) fn claims(sides: &Sides<'_>) -> Vec<Claim<Rewrite>> {
    let shifted = shifted(sides).into_iter();
    shifted.chain(FORMS.iter().filter_map(|it| sides.of_pattern(it, Cause::TimeZone))).collect()
}

/// The claim that all times in lines that differ are the same in another zone.
fn shifted(sides: &Sides<'_>) -> Option<Claim<Rewrite>> {
    let mut by = None;
    let mut evidence = None;
    for pair in sides.pairs {
        let [a, b] = [pair.a, pair.b].map(calendar::times);
        for ((a, at_a), (b, at_b)) in a.into_iter().zip(b) {
            let difference = at_b? - at_a?;
            if difference != 0 && *by.get_or_insert(difference) != difference {
                return None;
            }
            evidence.get_or_insert_with(|| Evidence::new(pair.at(), a, b));
        }
    }
    let by = by.filter(|by| calendar::is_of_zones(*by))?;
    let proof = format!("with all times of one side shifted by {} minutes", by / 60);
    Some(Claim::new(Cause::TimeZone, Rewrite::Shifted(by), proof).evidence(evidence))
}

#[cfg(test)]
mod tests {
    use super::super::super::lines::Pair;
    use super::super::super::{Canaries, Place};
    use super::*;

    #[test]
    fn only_differences_of_zones_are_claimed() {
        let claimed = |a: &str, b: &str| {
            let bytes = [a, b].map(|text| text.as_bytes().to_vec());
            let pairs = [Pair { line: 0, a: a.as_bytes(), b: b.as_bytes() }];
            let canaries = Canaries::default();
            shifted(&Sides::new(&bytes, &pairs, Place::Text, &canaries)).is_some()
        };
        assert!(claimed("1980-01-01 00:00:00", "1979-12-31 12:00:00"));
        assert!(!claimed("1980-01-01 00:00:00", "1980-01-01 00:00:01"));
        assert!(!claimed("1980-01-01 00:00:00", "1981-02-06 00:00:00"));
        assert!(!claimed("1980-01-01 00:00:00", "1980-01-01"));
    }
}
