//! Cuts an ELF file into all that it consists of.

use std::collections::BTreeSet;

use object::elf::{FileHeader64, SHF_ALLOC, SectionHeader64};
use object::read::elf::{FileHeader as _, SectionHeader as _};
use object::{Endianness, pod};

use super::{Elf, Section, strings};

type Header = FileHeader64<Endianness>;

impl<'d> Elf<'d> {
    /// Only 64-bit files: no target of this tool has others.
    pub(super) fn parse(file: &'d [u8]) -> Option<Self> {
        let header = Header::parse(file).ok()?;
        let endian = header.endian().ok()?;
        let table = header.sections(endian, file).ok()?;
        let mut covered = vec![(0, u64::from(header.e_ehsize.get(endian)))];
        let segments = header.program_headers(endian, file).ok()?;
        let entry = u64::from(header.e_phentsize.get(endian));
        let start = header.e_phoff.get(endian);
        covered.push((start, start + entry * segments.len() as u64));
        let start = header.e_shoff.get(endian);
        let entry = u64::from(header.e_shentsize.get(endian));
        covered.push((start, start.checked_add(entry.checked_mul(table.len() as u64)?)?));
        let mut sections = Vec::new();
        for section in table.iter() {
            let name = table.section_name(endian, section).unwrap_or_default();
            let data = section.data(endian, file).ok()?;
            let start = section.sh_offset.get(endian);
            covered.push((start, start + data.len() as u64));
            sections.push(Section { name, header: fields(section, endian), data: data.into() });
        }
        let mut head = *header;
        head.e_shoff.set(endian, 0);
        let head = [pod::bytes_of(&head), pod::bytes_of_slice(segments)].concat();
        Some(Self { head, sections, rest: uncovered(file, covered) })
    }

    /// Where sections and segments are, how large and how aligned, and which number they have.
    pub(super) fn forget_places(&mut self) {
        const FILE_HEADER: usize = 64;
        const SEGMENT: usize = 56;
        let (file, segments) = self.head.split_at_mut(FILE_HEADER);
        // The entry point, and how many sections there are.
        file[24..32].fill(0);
        file[60..64].fill(0);
        // Kinds, flags and alignments stay.
        for segment in segments.chunks_exact_mut(SEGMENT) {
            segment[8..48].fill(0);
        }
        for section in &mut self.sections {
            // A longer string may be aligned where a shorter one is not.
            section.header[2..8].fill(0);
        }
    }

    pub(super) fn debug_names(&self) -> Vec<&[u8]> {
        self.sections.iter().filter(|s| s.is_debug()).map(|section| section.name).collect()
    }

    pub(super) fn debug_strings(&self) -> BTreeSet<Vec<u8>> {
        let debug = self.sections.iter().filter(|section| section.is_debug());
        debug.flat_map(|section| strings(&section.inflated())).collect()
    }
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
