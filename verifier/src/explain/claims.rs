//! Claims about text, one file for each cause. A new cause of text is a file here, a line in
//! [`ABOUT_VALUES`], and a folder under `golden/explain/`.
//!
//! A value of the right form can have another meaning: a date can be a deadline, an address can be
//! a mask. So a claim here is [`Standing::LooksLike`], unless the rounds are known to have had the
//! value, or the file format fixes its meaning.
//!
//! [`Standing::LooksLike`]: super::Standing::LooksLike

pub(super) mod sides;
pub(super) mod canaries;
pub(super) mod random;
pub(super) mod paths;
pub(super) mod zone;
pub(super) mod locale;
pub(super) mod address;
pub(super) mod time;
pub(super) mod cpu;
pub(super) mod order;

use super::Place;
use super::prove::Claim;
use super::rewrite::Rewrite;
use sides::Sides;

/// A way to make claims.
type Claims = fn(&Sides<'_>) -> Vec<Claim<Rewrite>>;

/// All of them, specific before general: the earlier of two claims is preferred.
const ABOUT_VALUES: [Claims; 8] = [
    canaries::claims,
    paths::claims,
    zone::claims,
    locale::claims,
    random::claims,
    address::claims,
    time::claims,
    cpu::claims,
];

/// Claims about values: what was varied, and what looks like a path, a time or a random name. Where
/// a link leads is a path, and nothing else of it can be due to a build.
pub(crate) fn of_values(sides: &Sides<'_>) -> Vec<Claim<Rewrite>> {
    match sides.place {
        Place::Link => paths::claims(sides),
        _ => ABOUT_VALUES.iter().flat_map(|claims| claims(sides)).collect(),
    }
}
