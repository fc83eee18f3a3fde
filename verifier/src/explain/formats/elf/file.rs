//! An ELF file as it is compared: its sections, by what they are for.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use object::elf::{SHF_ALLOC, SHF_EXECINSTR, SHT_NOBITS, SHT_NOTE};

use crate::explain::Evidence;

/// The section in which `-frecord-gcc-switches` records the compiler's options.
pub(super) const COMMAND_LINE: &[u8] = b".GCC.command.line";

/// A file, cut into all that it consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Elf<'d> {
    /// The file header and the segments, without the offset of the section table.
    pub(super) head: Vec<u8>,
    pub(super) entry: Entry<'d>,
    pub(super) sections: Vec<Section<'d>>,
    /// The bytes between sections, unless they are zeros that align the next one.
    pub(super) rest: Vec<u8>,
    /// Whether pointers that moved are taken out.
    pub(super) moved: bool,
    /// The replacement for the sections with debug information, once a claim covers them.
    pub(super) debug: Option<Information>,
}

/// Where the program starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry<'d> {
    /// Zero if it does not, as most libraries.
    Address(u64),
    /// Only in which section that is.
    Section(Option<&'d [u8]>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section<'d> {
    pub(super) name: &'d [u8],
    /// The section's header; of what is not loaded, without its offset.
    pub(super) header: [u64; 9],
    pub(super) data: Cow<'d, [u8]>,
}

/// Debug information of one side, as far as it differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Information {
    /// Different on each side if anything but strings differs.
    pub(super) structure: u8,
    pub(super) strings: Vec<Vec<u8>>,
    /// If it could not be decoded: sections as they are.
    pub(super) sections: Option<Vec<Vec<u8>>>,
}

impl Section<'_> {
    /// Debug information, and the compiler's options.
    pub(super) fn is_of_debugging(&self) -> bool {
        let named = [&b".debug_"[..], b".zdebug_", b".gdb_index", b".gnu_debuglink", COMMAND_LINE];
        let loaded = self.header[1] & SHF_ALLOC.0 != 0;
        // A debugger runs what stands there.
        let is_run = self.name == b".debug_gdb_scripts";
        !loaded && !is_run && named.iter().any(|start| self.name.starts_with(start))
    }

    pub(super) fn is_build_id(&self) -> bool {
        self.header[0] == u64::from(SHT_NOTE.0) && self.name == b".note.gnu.build-id"
    }

    pub(super) fn is_code(&self) -> bool {
        let of_code: [&[u8]; 6] = [
            b".symtab",
            b".strtab",
            b".eh_frame",
            b".eh_frame_hdr",
            b".gcc_except_table",
            b".comment",
        ];
        self.is_executable() || of_code.contains(&self.name)
    }

    pub(super) fn is_executable(&self) -> bool {
        self.header[1] & SHF_EXECINSTR.0 != 0
    }

    /// Tables of places in code, and names of sections, which are one for each kind of code.
    pub(super) fn follows_code(&self) -> bool {
        let tables: [&[u8]; 8] = [
            b".data.rel.ro",
            b".dynamic",
            b".dynsym",
            b".fini_array",
            b".got",
            b".got.plt",
            b".init_array",
            b".shstrtab",
        ];
        tables.contains(&self.name) || self.name.starts_with(b".rela")
    }

    /// Loaded, and neither code nor a note.
    pub(super) fn is_data(&self) -> bool {
        let flags = self.header[1];
        let loaded = flags & SHF_ALLOC.0 != 0 && flags & SHF_EXECINSTR.0 == 0;
        let kind = self.header[0];
        loaded
            && kind != u64::from(SHT_NOBITS.0)
            && kind != u64::from(SHT_NOTE.0)
            && !self.is_code()
    }

    pub(super) fn evidence(&self, other: &Self) -> Evidence {
        let name = String::from_utf8_lossy(self.name);
        Evidence::new(format!("section {name}"), &self.data, &other.data)
    }
}

/// Sections of one name whose headers or bytes differ, in order.
pub(super) fn differing<'e, 'd>(
    elves: &'e [Elf<'d>; 2],
) -> impl Iterator<Item = [&'e Section<'d>; 2]> {
    let [a, b] = elves;
    let of_b: BTreeMap<(&[u8], usize), &Section<'_>> = b.numbered().collect();
    a.numbered().filter_map(move |(name, section)| {
        let other = *of_b.get(&name)?;
        (section != other).then_some([section, other])
    })
}

impl<'d> Elf<'d> {
    /// Sections by name, and by their number among those with the same name.
    pub(super) fn numbered(&self) -> impl Iterator<Item = ((&[u8], usize), &Section<'d>)> {
        let mut seen = BTreeMap::new();
        self.sections.iter().map(move |section| {
            let number = seen.entry(section.name).or_insert(0);
            *number += 1;
            ((section.name, *number), section)
        })
    }
}

/// What reads as text: runs of printable characters, long enough not to be there by chance.
pub(super) fn strings(data: &[u8]) -> BTreeSet<Vec<u8>> {
    const SHORTEST: usize = 6;
    let runs = data.split(|byte| !matches!(byte, b' '..=b'~'));
    runs.filter(|run| run.len() >= SHORTEST).map(<[u8]>::to_vec).collect()
}
