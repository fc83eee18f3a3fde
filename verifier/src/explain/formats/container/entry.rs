//! An archive in the form that is compared: its entries, and the bytes outside them.

use base::vocabulary::Sha256;

use super::content::Content;
use crate::explain::budget::Budget;
use crate::explain::{Ordered, Place};

/// An archive.
#[derive(Debug, Clone, Default)]
pub(crate) struct Container {
    pub(super) entries: Vec<Entry>,
    /// Contents, by position among the entries.
    pub(super) contents: Vec<Content>,
    /// Everything that belongs to no entry.
    pub(super) rest: Vec<u8>,
}

/// The parts of an archive that are compared after its members: entries, and bytes outside them.
pub(super) type Document = (Vec<Entry>, Vec<u8>);

/// An entry's parts, in the same form on both sides, each by the cause of a difference in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    pub(super) kind: Kind,
    /// Its position, if a format can encode that in more than one way.
    pub(super) place: u64,
    pub(super) times: Vec<u8>,
    pub(super) mode: Vec<u8>,
    pub(super) owner: Vec<u8>,
    /// How the content is packed.
    pub(super) packing: Vec<u8>,
    /// The packed bytes, if they do not follow from the content.
    pub(super) packed: Option<Sha256>,
    pub(super) content: Option<Sha256>,
    /// The bytes that no claim covers.
    pub(super) other: Vec<u8>,
}

/// The kind of an entry, as far as it affects whether its position matters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A file, or of a format that has nothing else.
    #[default]
    File,
    Directory,
    /// Later entries may go through it.
    SymbolicLink,
    /// Another name of an entry before it.
    HardLink,
}

impl Container {
    /// Adds an entry; `None` if that takes more memory than there is for archives.
    pub(super) fn add(&mut self, entry: Entry, content: Content, budget: &Budget) -> Option<()> {
        budget.keep(entry.memory())?;
        self.entries.push(entry);
        self.contents.push(content);
        Some(())
    }
}

impl Entry {
    /// About so many bytes of memory, with those that find it by its name.
    pub(super) fn memory(&self) -> u64 {
        const BESIDE: usize = 160;
        let parts = [&self.name, &self.times, &self.mode, &self.owner, &self.packing, &self.other];
        let parts: usize = parts.iter().map(|part| part.len()).sum();
        (size_of::<Self>() + size_of::<Content>() + BESIDE + parts) as u64
    }

    /// How the content is packed, and to what.
    pub(super) fn packed_as(&self) -> Vec<u8> {
        let packed = self.packed.iter().flat_map(Sha256::as_bytes);
        self.packing.iter().chain(packed).copied().collect()
    }
}

/// A format of archives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Ar,
    Zip,
    Tar,
    Gzip,
    Nar,
}

impl Format {
    pub(super) fn place(self) -> Place {
        match self {
            Self::Ar => Place::Ar,
            Self::Zip => Place::Zip,
            Self::Tar | Self::Nar => Place::Tar,
            Self::Gzip => Place::Gzip,
        }
    }

    pub(super) fn ordered(self) -> Ordered {
        match self {
            Self::Zip => Ordered::Zip,
            Self::Ar => Ordered::Ar,
            Self::Tar | Self::Nar | Self::Gzip => Ordered::Tar,
        }
    }
}
