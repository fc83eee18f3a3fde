//! Explains what moves when a string in read-only data becomes longer or shorter: sections, and all
//! pointers to them. Each pointer needs a proof that it is derived: it must lead to the same place
//! of the same section, or to the same string.

use std::collections::BTreeMap;

use object::elf::{SHF_TLS, SHT_NOBITS};

use super::file::{Elf, Entry, Section};
use crate::compare::Side;
use crate::explain::rewrite::Rewrite;

/// More pointers are not followed.
const MOST_POINTERS: usize = 200_000;
/// Longer strings are not read: each pointer costs as much as its string.
const LONGEST: usize = 4096;

/// The positions of pointers, and their sizes in bytes, by the number of their section: several
/// sections may have one name.
type Pointers = BTreeMap<usize, Vec<(usize, usize)>>;

/// All pointers that moved.
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
        let differ = a.sections.iter().zip(&b.sections).map(|(a, b)| a.data != b.data).collect();
        let both = Both { elves, strings, places: [Places::of(a), Places::of(b)], differ };
        both.same_entry().then_some(())?;
        let mut pointers = Pointers::new();
        let mut count = 0;
        for (number, (a, b)) in a.sections.iter().zip(&b.sections).enumerate() {
            let followed = if TABLES.contains(&a.name) {
                both.words(a, b)?
            } else if (a.is_executable() || a.name == b".eh_frame") && both.differ[number] {
                both.displacements(a, b)?
            } else {
                continue;
            };
            count += followed.len();
            (count <= MOST_POINTERS).then_some(())?;
            pointers.insert(number, followed);
        }
        Some(Self(pointers))
    }

    /// The file without pointers that moved, and without places and sizes of sections. It must have
    /// all sections, with the bytes that were followed.
    pub(super) fn apply<'d>(&self, mut elf: Elf<'d>) -> Elf<'d> {
        elf.forget_places();
        elf.moved = true;
        for (number, section) in elf.sections.iter_mut().enumerate() {
            // It is a table of what `.eh_frame` holds, for binary search.
            if section.name == b".eh_frame_hdr" {
                section.data = Vec::new().into();
            }
            let Some(pointers) = self.0.get(&number) else { continue };
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
    places: [Places; 2],
    /// Whether the bytes of a section differ, by its number.
    differ: Vec<bool>,
}

impl Both<'_, '_> {
    fn same_entry(&self) -> bool {
        match [self.elves[0].entry, self.elves[1].entry] {
            [Entry::Address(0), Entry::Address(0)] => true,
            [Entry::Address(a), Entry::Address(b)] => self.same(a, b),
            _ => false,
        }
    }

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
        let [Some((number, at_a)), Some((of_b, at_b))] =
            [(0, a), (1, b)].map(|(side, to)| self.places[side].find(&self.elves[side], to))
        else {
            return false;
        };
        if number != of_b {
            return false;
        }
        let string = |side: Side, at: usize| {
            let rest = self.elves[side as usize].sections[number].data.get(at..)?;
            let end = rest.iter().take(LONGEST).position(|byte| *byte == 0)?;
            let string = rest[..end].to_vec();
            Some(self.strings.iter().fold(string, |string, rewrite| rewrite.apply(side, string)))
        };
        if self.differ[number] && self.elves[0].sections[number].is_data() {
            let [a, b] = [string(Side::A, at_a), string(Side::B, at_b)];
            return a.is_some() && a == b;
        }
        at_a == at_b
    }
}

/// Sections by the addresses at which they are loaded.
pub(super) struct Places(Vec<(u64, usize)>);

impl Places {
    pub(super) fn of(elf: &Elf<'_>) -> Self {
        let loaded = elf.sections.iter().enumerate().filter(|(_, section)| section.has_place());
        let mut places: Vec<(u64, usize)> =
            loaded.map(|(number, section)| (section.header[2], number)).collect();
        places.sort_unstable();
        Self(places)
    }

    /// The number of the section that an address is in, and where in it.
    pub(super) fn find(&self, elf: &Elf<'_>, address: u64) -> Option<(usize, usize)> {
        let after = self.0.partition_point(|(start, _)| *start <= address);
        let (start, number) = *self.0.get(after.checked_sub(1)?)?;
        let at = address - start;
        (at < elf.sections[number].header[4]).then_some((number, usize::try_from(at).ok()?))
    }
}

impl Section<'_> {
    /// A section that is zeroed for each thread takes no space: the next section has the same
    /// address.
    fn has_place(&self) -> bool {
        let zeroed = self.header[0] == u64::from(SHT_NOBITS.0);
        let lies_nowhere = zeroed && self.header[1] & SHF_TLS.0 != 0;
        self.header[2] != 0 && self.header[4] != 0 && !lies_nowhere
    }
}
