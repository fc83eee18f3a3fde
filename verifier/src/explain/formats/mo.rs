//! Gettext catalogues. Source: the GNU gettext manual, "The Format of GNU MO Files".
//!
//! The translation of the empty string is the catalogue's header, and two of its fields are
//! creation times: `POT-Creation-Date` and `PO-Revision-Date`. The offsets of strings follow from
//! their lengths, so the comparison covers the strings, in order, and all other bytes.

use crate::explain::prove::{Claim, prove, unexplained};
use crate::explain::{Cause, Evidence, Place, Proved, Unexplained};

/// The magic number of both orders of bytes.
const MAGIC: u32 = 0x9504_12de;
/// Catalogues with more texts are not looked into.
const MOST_TEXTS: u32 = 1_000_000;
/// The fields of the header that are times.
const DATES: [&[u8]; 2] = [b"POT-Creation-Date:", b"PO-Revision-Date:"];

/// What the one claim about catalogues predicts.
#[derive(Debug, Clone, Copy)]
struct WithoutDates;

/// A catalogue, cut into all that it consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Catalogue {
    /// The header, without the offsets of the tables, and all bytes that are not text.
    rest: Vec<Vec<u8>>,
    /// Originals, and the translation of each.
    texts: [Vec<Vec<u8>>; 2],
}

/// Returns whether the bytes start as a catalogue does.
pub(crate) fn is_mo(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC.to_le_bytes()) || bytes.starts_with(&MAGIC.to_be_bytes())
}

/// Explains two catalogues; `None` if they differ in more than what has a claim here, and what a
/// file of any format can have.
pub(crate) fn explain(files: &[Vec<u8>; 2]) -> Option<Result<Vec<Proved>, Unexplained>> {
    let [a, b] = [Catalogue::parse(&files[0])?, Catalogue::parse(&files[1])?];
    let evidence = a.dates().zip(b.dates()).find(|(a, b)| a != b);
    let evidence = evidence.map(|(a, b)| Evidence::new("header", a, b));
    let catalogues = [a, b];
    let proof = "without the dates of its header";
    let claims = evidence.iter().map(|evidence| {
        let claim = Claim::new(Cause::Timestamp(Place::Data), WithoutDates, proof);
        claim.evidence([evidence.clone()]).proved()
    });
    let proved = prove(&catalogues, files[0].len() as u64, claims.collect(), |_, _, catalogue| {
        without_dates(catalogue)
    });
    Some(proved.map_err(|refused| {
        let [a, b] = &catalogues;
        let texts = a.texts.iter().flatten().zip(b.texts.iter().flatten());
        let differing = texts.filter(|(a, b)| a != b).take(3);
        unexplained(refused, differing.map(|(a, b)| Evidence::new("text", a, b)).collect())
    }))
}

fn without_dates(mut catalogue: Catalogue) -> Catalogue {
    if let Some(header) = catalogue.header_at() {
        let lines = catalogue.texts[1][header].split_inclusive(|byte| *byte == b'\n');
        let kept = lines.filter(|line| !is_date(line));
        catalogue.texts[1][header] = kept.flatten().copied().collect();
    }
    catalogue
}

/// `POT-Creation-Date: 2026-11-28 05:50+0000`: any other value is not a date.
fn is_date(line: &[u8]) -> bool {
    let value = DATES.iter().find_map(|name| line.strip_prefix(*name)).map(<[u8]>::trim_ascii);
    let shape: Option<Vec<u8>> = value.map(|value| {
        value.iter().map(|byte| if byte.is_ascii_digit() { b'0' } else { *byte }).collect()
    });
    shape.is_some_and(|shape| {
        [&b"0000-00-00 00:00+0000"[..], b"0000-00-00 00:00-0000"].contains(&shape.as_slice())
    })
}

impl Catalogue {
    /// Reads a catalogue; `None` if it is broken, or if texts overlap.
    fn parse(file: &[u8]) -> Option<Self> {
        let is_little = file.starts_with(&MAGIC.to_le_bytes());
        let word = |at: usize| {
            let bytes: [u8; 4] = file.get(at..at + 4)?.try_into().ok()?;
            Some(if is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
        };
        let count = word(8).filter(|count| *count <= MOST_TEXTS)?;
        let tables = [word(12)?, word(16)?];
        let mut spans = Vec::new();
        let mut texts = [Vec::new(), Vec::new()];
        // The head ends where its seven words do; the tables have a place and a length for each.
        let head = 0..28;
        let mut taken = vec![head];
        for (table, texts) in tables.into_iter().zip(&mut texts) {
            let start = usize::try_from(table).ok()?;
            let end = start.checked_add(8 * usize::try_from(count).ok()?)?;
            file.get(start..end)?;
            taken.push(start..end);
            for entry in (start..end).step_by(8) {
                let [length, at] = [word(entry)?, word(entry + 4)?];
                let at = usize::try_from(at).ok()?;
                let end = at.checked_add(usize::try_from(length).ok()?)?;
                let text = file.get(at..end)?;
                // Each ends with a zero that is not counted.
                (file.get(end) == Some(&0)).then_some(())?;
                spans.push(at..end + 1);
                texts.push(text.to_vec());
            }
        }
        taken.extend(spans);
        taken.sort_by_key(|span| (span.start, span.end));
        let mut rest = vec![file.get(..12)?.to_vec(), file.get(20..24)?.to_vec()];
        let mut done = 0;
        for span in taken {
            (span.start >= done).then_some(())?;
            rest.push(file[done..span.start].to_vec());
            done = span.end;
        }
        rest.push(file[done..].to_vec());
        Some(Self { rest, texts })
    }

    /// The translation of the empty text is the header.
    fn header_at(&self) -> Option<usize> {
        self.texts[0].iter().position(Vec::is_empty)
    }

    fn dates(&self) -> impl Iterator<Item = Vec<u8>> {
        let header = self.header_at().map(|at| self.texts[1][at].as_slice()).unwrap_or_default();
        let lines = header.split_inclusive(|byte| *byte == b'\n').filter(|line| is_date(line));
        lines.map(<[u8]>::to_vec)
    }
}
