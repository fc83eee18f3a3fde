//! What moves when a string in read-only data becomes longer or shorter: sections, and everything
//! that points at them. It is derived, and that is proved for each pointer: it must lead to the
//! same place of the same section, or to the same string.

use std::collections::BTreeMap;

use super::super::rewrite::Rewrite;
use super::{Elf, Section};
use crate::verify::compare::Side;

/// More pointers are not followed.
const MOST_POINTERS: usize = 200_000;

/// A pointer in a section: where it stands, and how many bytes it has.
type Pointers = BTreeMap<Vec<u8>, Vec<(usize, usize)>>;

/// All pointers that moved, by section.
#[derive(Debug, Clone)]
pub(super) struct Moved(Pointers);

/// Tables of addresses, in words of eight bytes.
const TABLES: [&[u8]; 9] = [
    b".data.rel.ro",
    b".dynamic",
    b".dynsym",
    b".fini_array",
    b".got",
    b".got.plt",
    b".init_array",
    b".rela.dyn",
    b".symtab",
];

/// A displacement of four bytes counts from the end of its instruction, behind which up to four
/// bytes may follow; in unwind tables it counts from its own start.
const COUNTED_FROM: [u64; 5] = [4, 5, 6, 8, 0];

impl Moved {
    /// Follows what differs; `None` if nothing moved, or if anything leads elsewhere.
    pub(super) fn of(elves: &[Elf<'_>; 2], strings: &[Rewrite]) -> Option<Self> {
        let [a, b] = elves;
        let names =
            |elf: &Elf<'_>| elf.sections.iter().map(|it| it.name.to_vec()).collect::<Vec<_>>();
        (a.sections.iter().zip(&b.sections).any(|(a, b)| a.header[2..5] != b.header[2..5]))
            .then_some(())?;
        (names(a) == names(b)).then_some(())?;
        let both = Both { elves, strings };
        let mut pointers = Pointers::new();
        let mut count = 0;
        for (a, b) in a.sections.iter().zip(&b.sections) {
            let followed = if TABLES.contains(&a.name) {
                both.words(a, b)?
            } else if (a.is_executable() || a.name == b".eh_frame") && a.data != b.data {
                both.displacements(a, b)?
            } else {
                continue;
            };
            count += followed.len();
            (count <= MOST_POINTERS).then_some(())?;
            pointers.insert(a.name.to_vec(), followed);
        }
        Some(Self(pointers))
    }

    /// The file without pointers that moved, and without places and sizes of sections.
    pub(super) fn apply<'d>(&self, mut elf: Elf<'d>) -> Elf<'d> {
        elf.forget_places();
        for section in &mut elf.sections {
            // It is a table of what `.eh_frame` holds, for binary search.
            if section.name == b".eh_frame_hdr" {
                section.data = Vec::new().into();
            }
            let Some(pointers) = self.0.get(section.name) else { continue };
            let data = section.data.to_mut();
            for (at, width) in pointers {
                data[*at..at + width].fill(0);
            }
        }
        elf
    }
}

struct Both<'b, 'd> {
    elves: &'b [Elf<'d>; 2],
    /// What makes strings of both sides equal.
    strings: &'b [Rewrite],
}

impl Both<'_, '_> {
    fn words(&self, a: &Section<'_>, b: &Section<'_>) -> Option<Vec<(usize, usize)>> {
        (a.data.len() == b.data.len()).then_some(())?;
        let mut found = Vec::new();
        for at in (0..a.data.len()).step_by(8) {
            let [word_a, word_b] = [a, b].map(|section| section.data.get(at..at + 8));
            if word_a != word_b {
                let [to_a, to_b] = [word_a?, word_b?]
                    .map(|word| u64::from_le_bytes(word.try_into().expect("it has eight bytes")));
                self.same(to_a, to_b).then_some(())?;
                found.push((at, 8));
            }
        }
        Some(found)
    }

    fn displacements(&self, a: &Section<'_>, b: &Section<'_>) -> Option<Vec<(usize, usize)>> {
        (a.data.len() == b.data.len()).then_some(())?;
        let mut found = Vec::new();
        let mut at = 0;
        while at < a.data.len() {
            if a.data[at] == b.data[at] {
                at += 1;
                continue;
            }
            let starts = at.saturating_sub(3)..=at;
            let start = starts.rev().find(|start| self.displacement(a, b, *start))?;
            found.push((start, 4));
            at = start + 4;
        }
        Some(found)
    }

    fn displacement(&self, a: &Section<'_>, b: &Section<'_>, at: usize) -> bool {
        let target = |section: &Section<'_>, counted_from: u64| {
            let field: [u8; 4] = section.data.get(at..at + 4)?.try_into().ok()?;
            let place = section.header[2].wrapping_add(at as u64).wrapping_add(counted_from);
            Some(place.wrapping_add_signed(i64::from(i32::from_le_bytes(field))))
        };
        COUNTED_FROM.into_iter().any(|from| match (target(a, from), target(b, from)) {
            (Some(a), Some(b)) => self.same(a, b),
            _ => false,
        })
    }

    /// Whether two addresses are the same place.
    fn same(&self, a: u64, b: u64) -> bool {
        let [Some((of_a, at_a)), Some((of_b, at_b))] =
            [self.elves[0].place(a), self.elves[1].place(b)]
        else {
            return false;
        };
        if of_a.name != of_b.name {
            return false;
        }
        let string = |side: Side, section: &Section<'_>, at: usize| {
            let rest = section.data.get(at..)?;
            let end = rest.iter().position(|byte| *byte == 0)?;
            let string = rest[..end].to_vec();
            Some(self.strings.iter().fold(string, |string, rewrite| rewrite.apply(side, string)))
        };
        if of_a.is_data() && of_a.data != of_b.data {
            let [a, b] = [string(Side::A, of_a, at_a), string(Side::B, of_b, at_b)];
            return a.is_some() && a == b;
        }
        at_a == at_b
    }
}

impl<'d> Elf<'d> {
    /// The loaded section that an address is in, and where in it.
    fn place(&self, address: u64) -> Option<(&Section<'d>, usize)> {
        let section = self.sections.iter().find(|section| {
            let [start, size] = [section.header[2], section.header[4]];
            start != 0 && start <= address && address - start < size
        })?;
        Some((section, usize::try_from(address - section.header[2]).ok()?))
    }
}
