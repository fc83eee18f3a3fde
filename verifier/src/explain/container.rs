//! Archives: entries with times, modes, owners, a way of packing and content. Each format is read
//! into all that it consists of, so two archives without differences here are equal byte for byte;
//! no byte is dropped, for the claim about another one would hide it.
//!
//! Archives may be made to do harm: sizes are bounded, nothing is written under a name of theirs,
//! and what is not as its format wants it, or what programs read in different ways, is unexplained.

mod content;
mod ar;
mod gzip;
mod nar;
mod tar;
mod zip;
mod claims;
mod members;
#[cfg(test)]
mod tests;

use base::vocabulary::Sha256;

use super::blob::Blob;
use super::budget::Budget;
use super::file::{Explained, File};
use super::finding::Finding;
use super::prove::{prove, unexplained};
use super::{Ordered, Place, Unexplained};
use claims::{claims, evidence};
use content::Content;
use members::{members, settle};

/// An archive.
#[derive(Debug, Clone, Default)]
pub(super) struct Container {
    entries: Vec<Entry>,
    /// Contents, by position among the entries.
    contents: Vec<Content>,
    /// Everything that belongs to no entry.
    rest: Vec<u8>,
}

/// What of an archive is compared once its members are: entries, and what belongs to none.
type Document = (Vec<Entry>, Vec<u8>);

/// An entry's parts, in one form on both sides, and each by what a difference in it is due to.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    name: Vec<u8>,
    /// Where it stands, if a format can tell that in more than one way.
    place: u64,
    times: Vec<u8>,
    mode: Vec<u8>,
    owner: Vec<u8>,
    /// How the content is packed.
    packing: Vec<u8>,
    /// The packed bytes, if they do not follow from the content.
    packed: Option<Sha256>,
    content: Option<Sha256>,
    /// What no claim is made of.
    other: Vec<u8>,
}

impl Container {
    /// Adds an entry; `None` if that takes more memory than there is for archives.
    fn add(&mut self, entry: Entry, content: Content, budget: &Budget) -> Option<()> {
        budget.keep(entry.memory())?;
        self.entries.push(entry);
        self.contents.push(content);
        Some(())
    }
}

impl Entry {
    /// About so many bytes of memory, with those that find it by its name.
    fn memory(&self) -> u64 {
        const BESIDE: usize = 160;
        let parts = [&self.name, &self.times, &self.mode, &self.owner, &self.packing, &self.other];
        let parts: usize = parts.iter().map(|part| part.len()).sum();
        (size_of::<Self>() + size_of::<Content>() + BESIDE + parts) as u64
    }

    /// How the content is packed, and to what.
    fn packed_as(&self) -> Vec<u8> {
        let packed = self.packed.iter().flat_map(Sha256::as_bytes);
        self.packing.iter().chain(packed).copied().collect()
    }
}

/// A format of archives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Ar,
    Zip,
    Tar,
    Gzip,
    Nar,
}

impl Format {
    /// Of the first bytes of a file.
    pub(super) fn of(blob: &Blob) -> Option<Self> {
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

    /// Reads an archive; `None` if it is not as its format wants it, or exceeds the budget.
    fn read(self, blob: &Blob, budget: &Budget) -> Option<Container> {
        match self {
            Self::Ar => ar::read(blob, budget),
            Self::Zip => zip::read(blob, budget),
            Self::Tar => tar::read(blob, budget),
            Self::Gzip => gzip::read(blob, budget),
            Self::Nar => nar::read(blob, budget),
        }
    }

    fn place(self) -> Place {
        match self {
            Self::Ar => Place::Ar,
            Self::Zip => Place::Zip,
            Self::Tar | Self::Nar => Place::Tar,
            Self::Gzip => Place::Gzip,
        }
    }

    fn ordered(self) -> Ordered {
        match self {
            Self::Zip => Ordered::Zip,
            Self::Ar => Ordered::Ar,
            Self::Tar | Self::Nar | Self::Gzip => Ordered::Tar,
        }
    }
}

/// Explains two archives of one format.
pub(super) fn explain(
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
