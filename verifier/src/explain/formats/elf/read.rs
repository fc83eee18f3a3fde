//! Splits an ELF file into parts that cover every byte.

use object::elf::{FileHeader64, ProgramHeader64, SHF_ALLOC, SHT_NOBITS, SectionHeader64};
use object::read::elf::{FileHeader as _, SectionHeader as _};
use object::{Endianness, pod};

use super::file::{Elf, Entry, Section};
use super::layout::Places;

type Header = FileHeader64<Endianness>;

const FILE_HEADER: usize = size_of::<Header>();
const SEGMENT: usize = size_of::<ProgramHeader64<Endianness>>();
const SECTION: usize = size_of::<SectionHeader64<Endianness>>();

/// A file with more sections is not looked into: each of them costs a few passes over the file.
const MOST_SECTIONS: usize = 8192;
/// Names of sections are compared often, and may overlap.
const LONGEST_NAME: usize = 4096;

impl<'d> Elf<'d> {
    /// Only 64-bit files: no target of this tool has others. Headers must have the size of their
    /// class, and sections must not overlap: what only seems to be covered would not be compared.
    pub(super) fn parse(file: &'d [u8]) -> Option<Self> {
        let header = Header::parse(file).ok()?;
        let endian = header.endian().ok()?;
        (usize::from(header.e_ehsize.get(endian)) == FILE_HEADER).then_some(())?;
        let table = header.sections(endian, file).ok()?;
        (table.len() <= MOST_SECTIONS).then_some(())?;
        let segments = header.program_headers(endian, file).ok()?;
        let mut covered = vec![
            (0, FILE_HEADER as u64),
            range(header.e_phoff.get(endian), segments.len().checked_mul(SEGMENT)?)?,
            range(header.e_shoff.get(endian), table.len().checked_mul(SECTION)?)?,
        ];
        let mut sections = Vec::new();
        let mut left = file.len();
        for section in table.iter() {
            let name = table.section_name(endian, section).unwrap_or_default();
            (name.len() <= LONGEST_NAME).then_some(())?;
            let data = section.data(endian, file).ok()?;
            left = left.checked_sub(data.len())?;
            covered.push(range(section.sh_offset.get(endian), data.len())?);
            sections.push(Section { name, header: fields(section, endian), data: data.into() });
        }
        let entry = Entry::Address(header.e_entry.get(endian));
        let mut head = *header;
        head.e_shoff.set(endian, 0);
        head.e_entry.set(endian, 0);
        let head = [pod::bytes_of(&head), pod::bytes_of_slice(segments)].concat();
        let rest = uncovered(file, covered);
        Some(Self { head, entry, sections, rest, moved: false, debug: None })
    }

    /// Where sections and segments are, how large and how aligned, and which number they have. The
    /// entry point stays in its section, and what has no bytes keeps its size.
    pub(super) fn forget_places(&mut self) {
        if let Entry::Address(address) = self.entry {
            let place = Places::of(self).find(self, address);
            self.entry = Entry::Section(place.map(|(number, _)| self.sections[number].name));
        }
        let (file, segments) = self.head.split_at_mut(FILE_HEADER);
        // How many sections there are.
        file[60..64].fill(0);
        // Kinds, flags and alignments stay.
        for segment in segments.chunks_exact_mut(SEGMENT) {
            segment[8..48].fill(0);
        }
        for section in &mut self.sections {
            let size = section.header[4];
            // A longer string may be aligned where a shorter one is not.
            section.header[2..8].fill(0);
            if section.header[0] == u64::from(SHT_NOBITS.0) {
                section.header[4] = size;
            }
        }
    }
}

fn range(start: u64, length: usize) -> Option<(u64, u64)> {
    Some((start, start.checked_add(length as u64)?))
}

fn fields(section: &SectionHeader64<Endianness>, endian: Endianness) -> [u64; 9] {
    let loaded = section.sh_flags.get(endian).0 & SHF_ALLOC.0 != 0;
    [
        u64::from(section.sh_type.get(endian).0),
        section.sh_flags.get(endian).0,
        section.sh_addr.get(endian),
        if loaded { section.sh_offset.get(endian) } else { 0 },
        section.sh_size.get(endian),
        u64::from(section.sh_link.get(endian)),
        u64::from(section.sh_info.get(endian)),
        section.sh_addralign.get(endian),
        section.sh_entsize.get(endian),
    ]
}

/// The bytes that no range covers, but for zeros that align the next one.
fn uncovered(file: &[u8], mut covered: Vec<(u64, u64)>) -> Vec<u8> {
    /// The largest page of the targets.
    const PAGE: usize = 1 << 16;
    covered.sort_unstable();
    let mut rest = Vec::new();
    let mut done = 0;
    for (number, (start, end)) in covered.iter().chain([&(u64::MAX, 0)]).enumerate() {
        let [from, to] = [done, *start].map(|at| usize::try_from(at).unwrap_or(usize::MAX));
        let gap = file.get(from..to.min(file.len())).unwrap_or_default();
        let aligns = number < covered.len() && gap.len() < PAGE && gap.iter().all(|it| *it == 0);
        if !gap.is_empty() && !aligns {
            rest.extend([number, gap.len()].map(usize::to_le_bytes).concat());
            rest.extend_from_slice(gap);
        }
        done = done.max(*end);
    }
    rest
}
