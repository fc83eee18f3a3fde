//! Explains text by line: the differences between two corresponding lines, and their causes.

use super::claims::of_values;
use super::claims::order;
use super::claims::sides::Sides;
use super::lines::{MOST_PAIRS, Pair, pairs};
use super::prove::{Claim, merged, prove, unexplained};
use super::rewrite::Rewrite;
use super::{Canaries, Ordered, Place, Proved, Unexplained};

/// What a text is, by the path of its file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) place: Place,
    pub(crate) ordered: Ordered,
}

impl Style {
    /// The target of a symbolic link.
    pub(crate) const LINK: Self = Self { place: Place::Link, ordered: Ordered::Lines };

    /// The kind of a path, as reports name it. A name alone is not enough: any list can be called
    /// `RECORD`.
    pub(crate) fn of(path: &str) -> Self {
        let path = path.rsplit_once("!/").map_or(path, |(_, member)| member);
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        let in_egg_info = directory.ends_with(".egg-info");
        let in_dist_info = directory.ends_with(".dist-info");
        let ordered = match name {
            "RECORD" if in_dist_info => Ordered::Record,
            "METADATA" if in_dist_info => Ordered::RequiresDist,
            "PKG-INFO" => Ordered::RequiresDist,
            "requires.txt" if in_egg_info => Ordered::Requirements,
            "SOURCES.txt" if in_egg_info => Ordered::Sources,
            _ => Ordered::Lines,
        };
        Self { place: Place::Text, ordered }
    }
}

/// Explains two texts. `known` are claims of someone who knows more about the file.
pub(crate) fn explain(
    texts: &[Vec<u8>; 2],
    style: Style,
    canaries: &Canaries,
    known: Vec<Claim<Rewrite>>,
) -> Result<Vec<Proved>, Unexplained> {
    let pairs = pairs(texts);
    let sides = Sides::new(texts, &pairs, style.place, canaries);
    let is_text = style.place == Place::Text;
    if known.is_empty() && is_text {
        // That the lines are the same says more than what could be said of each.
        let lines = order::lines(texts, &pairs, style.ordered).into_iter().collect();
        if let Ok(proved) = prove(texts, texts[0].len() as u64, lines, Rewrite::apply) {
            return Ok(proved);
        }
        if let Some(proved) = by_line(&sides) {
            return Ok(proved);
        }
    }
    let mut claims = known;
    claims.extend(of_values(&sides));
    if is_text {
        claims.push(order::items(&pairs, canaries));
        claims.extend(order::lines(texts, &pairs, style.ordered));
    }
    prove(texts, texts[0].len() as u64, claims, Rewrite::apply).map_err(|refused| {
        let evidence = pairs.iter().take(3).map(Pair::evidence).collect();
        unexplained(refused, evidence)
    })
}

/// The causes of each line by itself, where no line was added, removed or moved: a cause of one
/// line does not get into the way of another's. `None` if a line has none.
fn by_line(sides: &Sides<'_>) -> Option<Vec<Proved>> {
    let count = |text: &[u8]| memchr::memchr_iter(b'\n', text).count();
    let [a, b] = sides.whole;
    let same_lines = count(a) == count(b) && sides.pairs.len() < MOST_PAIRS;
    same_lines.then_some(())?;
    let mut proved = Vec::new();
    for pair in sides.pairs {
        let lines = [pair.a.to_vec(), pair.b.to_vec()];
        let pairs = std::slice::from_ref(pair);
        let length = lines[0].len() as u64;
        let items = vec![order::items(pairs, sides.canaries)];
        let items = prove(&lines, length, items, Rewrite::apply);
        let of_line = items.or_else(|_| {
            let claims = of_values(&Sides { bytes: &lines, pairs, ..*sides });
            prove(&lines, length, claims, Rewrite::apply)
        });
        proved.extend(of_line.ok()?);
    }
    Some(merged(proved))
}
