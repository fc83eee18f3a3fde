//! Bytecode files, by field. Sources: PEP 552 for the header; CPython's `Python/marshal.c` for what
//! follows it.

mod marshal;

use crate::compare::Side;
use crate::explain::claims::of_values;
use crate::explain::claims::sides::Sides;
use crate::explain::lines::Pair;
use crate::explain::prove::{Claim, prove, unexplained};
use crate::explain::rewrite::Rewrite;
use crate::explain::{Canaries, Cause, Evidence, Place, Proved, Unexplained};
use marshal::{Digest, Marshal, Sorted};

/// Magic number and flags, and eight bytes that depend on the flags: time and size, or a hash.
const HEADER: usize = 16;

/// A bytecode file.
#[derive(Debug, Clone)]
struct Pyc {
    magic: [u8; 4],
    flags: [u8; 4],
    time: Vec<u8>,
    size_or_hash: Vec<u8>,
    body: Marshal,
    /// Whether only what the body loads to counts, and which constants are sorted for that.
    by_value: Option<Sorted>,
}

#[derive(Debug, Clone)]
enum Normalisation {
    WithoutTime,
    /// With one path of the source for both.
    SourcePath,
    Text(Rewrite),
    ByValue(Sorted),
}

/// Explains two bytecode files of CPython 3.8 to 3.14.
pub(crate) fn explain(
    files: &[Vec<u8>; 2],
    canaries: &Canaries,
) -> Result<Vec<Proved>, Unexplained> {
    let (Some(a), Some(b)) = (Pyc::parse(&files[0]), Pyc::parse(&files[1])) else {
        return Err(Unexplained::because("bytecode that cannot be read"));
    };
    let bytes = files[0].len() as u64;
    let files = [a, b];
    let claims = claims(&files, canaries);
    prove(&files, bytes, claims, Normalisation::apply)
        .map_err(|refused| unexplained(refused, evidence(&files)))
}

fn claims(files: &[Pyc; 2], canaries: &Canaries) -> Vec<Claim<Normalisation>> {
    let [a, b] = files;
    let mut claims = Vec::new();
    if a.time != b.time {
        let proof = "without the time in the header";
        let claim = Claim::new(Cause::Timestamp(Place::Pyc), Normalisation::WithoutTime, proof);
        claims.push(claim.evidence([Evidence::new("header", &a.time, &b.time)]).proved());
    }
    claims.extend(text_claims(files, canaries));
    let proof = "compared by what it loads to";
    let claim =
        Claim::new(Cause::BytecodeReferences, Normalisation::ByValue(Sorted::Nothing), proof);
    claims.push(claim.evidence(references(files)).proved());
    claims.extend(order_claims(canaries));
    claims
}

/// A set has no order. The order of a tuple is part of its value, so it is claimed only of a tuple
/// that may come from a set of names, if such a set can have had another order.
fn order_claims(canaries: &Canaries) -> Vec<Claim<Normalisation>> {
    let claim =
        |sorted, proof| Claim::new(Cause::ConstantOrder, Normalisation::ByValue(sorted), proof);
    let mut claims = vec![claim(Sorted::Sets, "with the items of constant sets sorted").proved()];
    if canaries.seeds_may_differ() {
        let proof = "with the items of constant sets and of tuples of different texts sorted";
        claims.push(claim(Sorted::SetsAndNames, proof));
    }
    claims
}

/// Claims about texts in the bytecode: the path of the source, and constants.
fn text_claims(files: &[Pyc; 2], canaries: &Canaries) -> Vec<Claim<Normalisation>> {
    let [a, b] = [0, 1].map(|side| files[side].body.texts());
    let pairs = a.iter().zip(&b).enumerate().filter(|(_, (a, b))| a != b);
    let pairs: Vec<Pair<'_>> = pairs.map(|(line, (a, b))| Pair { line, a, b }).take(64).collect();
    let joined = [a.join(&0), b.join(&0)];
    let mut claims = Vec::new();
    let [name_a, name_b] = [0, 1].map(|side| files[side].body.source_path());
    if let (Some(a), Some(b)) = (name_a, name_b)
        && a != b
    {
        let cause = Cause::BuildPath(Place::Pyc);
        let claim = Claim::new(cause, Normalisation::SourcePath, "with one `co_filename`");
        claims.push(claim.evidence([Evidence::new("co_filename", a, b)]).proved());
    }
    let texts = of_values(&Sides::new(&joined, &pairs, Place::Pyc, canaries));
    claims.extend(texts.into_iter().map(|mut claim| {
        // A date in a constant stands in the source too; only the header's is of bytecode.
        if claim.cause == Cause::Timestamp(Place::Pyc) {
            claim.cause = Cause::Timestamp(Place::Text);
        }
        claim.map(Normalisation::Text)
    }));
    claims
}

impl Normalisation {
    fn apply(&self, side: Side, mut pyc: Pyc) -> Pyc {
        match self {
            Self::WithoutTime => pyc.time.clear(),
            Self::SourcePath => pyc.body.forget_source_paths(),
            Self::Text(rewrite) => pyc.body.rewrite(|text| rewrite.apply(side, text)),
            Self::ByValue(items) => pyc.by_value = Some(*items),
        }
        pyc
    }
}

impl Pyc {
    fn parse(file: &[u8]) -> Option<Self> {
        let header = file.get(..HEADER)?;
        let array =
            |from: usize| [header[from], header[from + 1], header[from + 2], header[from + 3]];
        let (magic, flags) = (array(0), array(4));
        let version = u16::from_le_bytes([magic[0], magic[1]]);
        let (time, rest) = match u32::from_le_bytes(flags) {
            0 => header[8..].split_at(4),
            _ => header[8..].split_at(0),
        };
        let body = Marshal::parse(&file[HEADER..], version)?;
        let (time, size_or_hash) = (time.to_vec(), rest.to_vec());
        Some(Self { magic, flags, time, size_or_hash, body, by_value: None })
    }

    fn header(&self) -> Vec<u8> {
        [&self.magic[..], &self.flags, &self.time, &self.size_or_hash].concat()
    }

    fn value(&self) -> Option<Digest> {
        self.body.digest(self.by_value?)
    }
}

impl PartialEq for Pyc {
    fn eq(&self, other: &Self) -> bool {
        let bodies = match (self.by_value, other.by_value) {
            (None, None) => self.body == other.body,
            // What has no value is equal to nothing.
            _ => self.value().is_some_and(|value| other.value() == Some(value)),
        };
        self.header() == other.header() && bodies
    }
}

fn references(files: &[Pyc; 2]) -> Option<Evidence> {
    let [a, b] = [0, 1].map(|side| files[side].body.marks());
    let words = |(marked, used): (usize, usize)| format!("{marked} marked, {used} references");
    (a != b).then(|| Evidence::new("objects", words(a), words(b)))
}

fn evidence(files: &[Pyc; 2]) -> Vec<Evidence> {
    let [a, b] = files;
    let mut found = Vec::new();
    if a.header() != b.header() {
        found.push(Evidence::new("header", a.header(), b.header()));
    }
    let [texts_a, texts_b] = [a.body.texts(), b.body.texts()];
    let differing = texts_a.iter().zip(&texts_b).find(|(a, b)| a != b);
    found.extend(differing.map(|(a, b)| Evidence::new("constants", a, b)));
    found
}
