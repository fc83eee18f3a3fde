//! Text, by line: what two lines that belong together differ in, and what that is due to.

use memchr::memmem;
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::patterns::PATTERNS;
use super::prove::{Claim, merged, prove, unexplained};
use super::rewrite::{Rewrite, TYPOGRAPHIC};
use super::{Canaries, Cause, Evidence, Ordered, Place, Proved, Unexplained};
use super::{canaries, paths, seconds, shift};

/// So many lines that differ are looked at for what they differ in; a normalisation is applied to
/// all lines.
const MOST_PAIRS: usize = 256;
/// Longer texts are compared line by line, without looking for lines that moved.
const MOST_ALIGNED: usize = 4000;
/// The lines of longer texts are not sorted.
const MOST_SORTED: usize = 1 << 20;

/// What a text is, by the name of its file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) place: Place,
    pub(super) ordered: Ordered,
}

impl Style {
    /// Of a file name.
    pub(super) fn of(name: &str) -> Self {
        let place = match name {
            "direct_url.json" => Place::DirectUrl,
            "uv_cache.json" => Place::UvCache,
            _ => Place::Text,
        };
        let ordered = match name {
            "RECORD" => Ordered::Record,
            "METADATA" | "PKG-INFO" | "requires.txt" => Ordered::RequiresDist,
            "SOURCES.txt" => Ordered::Sources,
            _ => Ordered::Lines,
        };
        Self { place, ordered }
    }
}

/// Explains two texts. `known` are claims of someone who knows more about the file.
pub(super) fn explain(
    texts: &[Vec<u8>; 2],
    style: Style,
    canaries: &Canaries,
    known: Vec<Claim<Rewrite>>,
) -> Result<Vec<Proved>, Unexplained> {
    let pairs = pairs(texts);
    if known.is_empty() {
        // That the lines are the same says more than what could be said of each.
        let lines = lines_claim(texts, &pairs, style.ordered).into_iter().collect();
        if let Ok(proved) = prove(texts, texts[0].len() as u64, lines, Rewrite::apply) {
            return Ok(proved);
        }
        if let Some(proved) = by_line(texts, &pairs, style.place, canaries) {
            return Ok(proved);
        }
    }
    let mut claims = known;
    claims.extend(value_claims(texts, &pairs, style.place, canaries));
    claims.push(items_claim(&pairs, canaries));
    claims.extend(lines_claim(texts, &pairs, style.ordered));
    prove(texts, texts[0].len() as u64, claims, Rewrite::apply).map_err(|refused| {
        let evidence = pairs.iter().take(3).map(Pair::evidence).collect();
        unexplained(refused, evidence)
    })
}

/// Claims about values: what was varied, and what looks like a path, a time or a random name.
pub(super) fn value_claims(
    bytes: &[Vec<u8>; 2],
    pairs: &[Pair<'_>],
    place: Place,
    canaries: &Canaries,
) -> Vec<Claim<Rewrite>> {
    let mut claims = canaries::claims(bytes, pairs, place, canaries);
    claims.extend(paths::claims(pairs, place, canaries));
    claims.extend(shift::claim(pairs));
    claims.extend(quotes_claim(pairs));
    for pattern in PATTERNS.iter() {
        let mut of_pairs = pairs.iter().filter_map(|pair| {
            let (a, b) = (pattern.all(pair.a), pattern.all(pair.b));
            (a != b).then_some(())?;
            let differ = a.iter().zip(&b).find(|(a, b)| a != b);
            let (a, b) = differ.map_or((&b""[..], &b""[..]), |(a, b)| (*a, *b));
            Some(Evidence::new(pair.at(), a, b))
        });
        if let Some(evidence) = of_pairs.next() {
            let proof = format!("without {}", pattern.what);
            let claim = Claim::new(pattern.cause(place), Rewrite::Pattern(pattern), proof);
            claims.push(claim.evidence([evidence]));
        }
    }
    claims.extend(seconds::claim(pairs, place));
    claims
}

/// What the C locale quotes as `'x'`, a compiler's message has in typographic quotes in another.
fn quotes_claim(pairs: &[Pair<'_>]) -> Option<Claim<Rewrite>> {
    let quotes =
        |line: &[u8]| TYPOGRAPHIC.iter().any(|(quote, _)| memmem::find(line, quote).is_some());
    let pair = pairs.iter().find(|pair| quotes(pair.a) != quotes(pair.b))?;
    let proof = "with plain quotes for typographic ones";
    Some(Claim::new(Cause::Locale, Rewrite::PlainQuotes, proof).evidence([pair.evidence()]))
}

/// A list that is backwards on one side was read from a directory that is listed backwards there;
/// by chance a set of so many items would hardly be so. Nor is it a set's order if both sides had
/// one hash seed.
fn items_claim(pairs: &[Pair<'_>], canaries: &Canaries) -> Claim<Rewrite> {
    const LEAST_ITEMS: usize = 4;
    let backwards = pairs.iter().all(|pair| {
        let (a, b): (Vec<_>, Vec<_>) = pair.tokens().into_iter().unzip();
        a.len() >= LEAST_ITEMS && a.iter().eq(b.iter().rev())
    });
    let (cause, proof) = if backwards {
        (Cause::Order(Ordered::Items), "with the items of each list sorted; they are backwards")
    } else if canaries.seeds_may_differ() {
        (Cause::HashSeed, "with the items of each list sorted")
    } else {
        let proof = "with the items of each list sorted; both sides had the same hash seed";
        (Cause::Order(Ordered::Items), proof)
    };
    Claim::new(cause, Rewrite::Items, proof).evidence(pairs.first().map(Pair::evidence))
}

fn lines_claim(
    texts: &[Vec<u8>; 2],
    pairs: &[Pair<'_>],
    ordered: Ordered,
) -> Option<Claim<Rewrite>> {
    // One line has no order; of more than these, a list is much larger than the text.
    let has_order = |text: &Vec<u8>| {
        text.trim_ascii().contains(&b'\n')
            && memchr::memchr_iter(b'\n', text).count() <= MOST_SORTED
    };
    if !texts.iter().all(has_order) {
        return None;
    }
    let claim = Claim::new(Cause::Order(ordered), Rewrite::SortedLines, "with sorted lines");
    Some(claim.evidence(pairs.first().map(Pair::evidence)))
}

/// The causes of each line by itself, where no line was added, removed or moved: a cause of one
/// line does not get into the way of another's. `None` if a line has none.
fn by_line(
    texts: &[Vec<u8>; 2],
    pairs: &[Pair<'_>],
    place: Place,
    canaries: &Canaries,
) -> Option<Vec<Proved>> {
    let count = |text: &[u8]| memchr::memchr_iter(b'\n', text).count();
    let same_lines = count(&texts[0]) == count(&texts[1]) && pairs.len() < MOST_PAIRS;
    same_lines.then_some(())?;
    let mut proved = Vec::new();
    for pair in pairs {
        let lines = [pair.a.to_vec(), pair.b.to_vec()];
        let pair = std::slice::from_ref(pair);
        let length = lines[0].len() as u64;
        let items = prove(&lines, length, vec![items_claim(pair, canaries)], Rewrite::apply);
        let of_line = items.or_else(|_| {
            let claims = value_claims(&lines, pair, place, canaries);
            prove(&lines, length, claims, Rewrite::apply)
        });
        proved.extend(of_line.ok()?);
    }
    Some(merged(proved))
}

/// Two lines that belong together and differ.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair<'t> {
    pub(super) line: usize,
    pub(super) a: &'t [u8],
    pub(super) b: &'t [u8],
}

impl<'t> Pair<'t> {
    pub(super) fn at(&self) -> String {
        format!("line {}", self.line + 1)
    }

    pub(super) fn evidence(&self) -> Evidence {
        Evidence::new(self.at(), self.a, self.b)
    }

    /// The words that differ, in pairs; if there are more on one side, only up to where they do.
    pub(super) fn tokens(&self) -> Vec<(&'t [u8], &'t [u8])> {
        let separates =
            |byte: &u8| byte.is_ascii_whitespace() || b"\"'`,;()[]{}<>|\0".contains(byte);
        let words = |line: &'t [u8]| line.split(separates).filter(|word| !word.is_empty());
        words(self.a).zip(words(self.b)).filter(|(a, b)| a != b).collect()
    }
}

/// The lines that differ, each with the one that stands in its place on the other side.
pub(super) fn pairs(texts: &[Vec<u8>; 2]) -> Vec<Pair<'_>> {
    let [a, b] = [0, 1].map(|side| texts[side].split(|byte| *byte == b'\n'));
    let [lines_a, lines_b] =
        [0, 1].map(|side| memchr::memchr_iter(b'\n', &texts[side]).count() + 1);
    // A list of all lines can be many times as large as the text.
    if lines_a == lines_b || lines_a.max(lines_b) > MOST_ALIGNED {
        let differing = a.zip(b).enumerate().filter(|(_, (a, b))| a != b);
        return differing.take(MOST_PAIRS).map(|(line, (a, b))| Pair { line, a, b }).collect();
    }
    let [a, b]: [Vec<&[u8]>; 2] = [a, b].map(Iterator::collect);
    let mut found = Vec::new();
    for operation in capture_diff_slices(Algorithm::Myers, &a, &b) {
        let (from_a, from_b) = match operation {
            DiffOp::Equal { .. } => continue,
            operation => (operation.old_range(), operation.new_range()),
        };
        for offset in 0..from_a.len().max(from_b.len()) {
            let line = from_a.start + offset;
            let of = |lines: &[&'_ [u8]], range: &std::ops::Range<usize>| {
                range.start + offset < range.end && range.start + offset < lines.len()
            };
            let line_a = if of(&a, &from_a) { a[from_a.start + offset] } else { b"" };
            let line_b = if of(&b, &from_b) { b[from_b.start + offset] } else { b"" };
            found.push(Pair { line, a: line_a, b: line_b });
        }
    }
    found.truncate(MOST_PAIRS);
    found
}
