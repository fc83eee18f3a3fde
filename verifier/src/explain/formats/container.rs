//! Archives: entries with times, modes, owners, compression and content. The reader of each format
//! keeps every byte, so two archives without differences here are equal byte for byte. A dropped
//! byte could be hidden by a claim about another one.
//!
//! Archives may be malicious: sizes are bounded, and names of members are never used as paths for
//! writing. An archive that violates its format, or that programs read in different ways, is
//! unexplained.

mod content;
mod entry;
mod ar;
mod gzip;
mod nar;
mod tar;
mod zip;
mod claims;
mod members;
#[cfg(test)]
mod tests;

use crate::explain::Unexplained;
use crate::explain::blob::Blob;
use crate::explain::budget::Budget;
use crate::explain::file::{Explained, File};
use crate::explain::finding::Finding;
use crate::explain::prove::{prove, unexplained};
use claims::{claims, evidence};
pub(crate) use entry::Format;
use entry::{Container, Entry};
use members::{members, settle};

impl Format {
    /// Of the first bytes of a file.
    pub(crate) fn of(blob: &Blob) -> Option<Self> {
        let head = blob.part(0, blob.len().min(512))?;
        Some(match head.as_slice() {
            head if head.starts_with(ar::MAGIC) => Self::Ar,
            [b'P', b'K', 3 | 5, 4 | 6, ..] => Self::Zip,
            [0x1f, 0x8b, 8, ..] => Self::Gzip,
            head if head.len() > 262 && &head[257..262] == b"ustar" => Self::Tar,
            head if head.starts_with(nar::MAGIC) => Self::Nar,
            _ => return None,
        })
    }

    /// Reads an archive; `None` if it violates its format, or exceeds the budget.
    fn read(self, blob: &Blob, budget: &Budget) -> Option<Container> {
        match self {
            Self::Ar => ar::read(blob, budget),
            Self::Zip => zip::read(blob, budget),
            Self::Tar => tar::read(blob, budget),
            Self::Gzip => gzip::read(blob, budget),
            Self::Nar => nar::read(blob, budget),
        }
    }
}

/// Explains two archives of one format.
pub(crate) fn explain(
    blobs: &[Blob; 2],
    format: Format,
    file: &File<'_>,
) -> std::io::Result<Explained> {
    file.budget.within(|| {
        let [a, b] = [0, 1].map(|side| format.read(&blobs[side], file.budget));
        let (Some(a), Some(b)) = (a, b) else {
            let reason = if file.budget.was_exceeded() {
                "an archive that takes more memory or time than is spent on one file"
            } else {
                "an archive that cannot be read, or that programs read in different ways"
            };
            return Ok(Err(Unexplained::because(reason)).into());
        };
        of_both([a, b], format, file)
    })
}

fn of_both(
    mut sides: [Container; 2],
    format: Format,
    file: &File<'_>,
) -> std::io::Result<Explained> {
    let members = members(&sides, file)?;
    // What differs in them is told of the members; here it is left what the archive adds.
    settle(&mut sides, &members.pairs);
    let [a, b] = sides.map(|side| (side.entries, side.rest));
    let mut explained: Explained = if a == b {
        Ok(Vec::new()).into()
    } else {
        let documents = [a, b];
        let length = (documents[0].0.len() * std::mem::size_of::<Entry>()) as u64;
        let claims = claims(&documents, format);
        let proved = prove(&documents, length, claims, |normalisation, _, document| {
            let (entries, rest) = document;
            (normalisation.apply(entries), rest)
        });
        proved.map_err(|refused| unexplained(refused, evidence(&documents))).into()
    };
    // A format with one nameless member is but a wrapping.
    let (inner, named): (Vec<Finding>, Vec<Finding>) =
        members.findings.into_iter().partition(|finding| finding.path == file.path);
    explained.members = named;
    for finding in inner {
        explained.causes.extend(finding.causes);
        explained.unexplained = explained.unexplained.or(finding.unexplained);
        explained.members.extend(finding.members);
    }
    Ok(explained)
}
