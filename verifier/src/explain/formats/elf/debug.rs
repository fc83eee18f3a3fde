//! Claims about debug information and the recorded command line. Values in strings, such as paths,
//! are claimed pair by pair, and only for strings; every other difference needs a claim of its own.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::Read as _;
use std::rc::Rc;

use object::elf::SHF_COMPRESSED;

use super::dwarf::{Decoded, decode};
use super::file::{Elf, Information, Section, strings};
use crate::compare::Side;
use crate::explain::claims::sides::Sides;
use crate::explain::claims::{of_values, paths};
use crate::explain::forms::value::{Bounds, Value};
use crate::explain::lines::Pair;
use crate::explain::prove::Claim;
use crate::explain::rewrite::Rewrite;
use crate::explain::{Canaries, Cause, Evidence, Place};

/// Compressed sections of a file may grow to so much, all together.
const MOST_INFLATED: u64 = 24 << 20;
/// Strings that differ may have so many bytes.
const MOST_TEXT: usize = 64 << 20;
/// So many pairs of strings are looked at for other values than paths.
const MOST_STRINGS: usize = 64;
/// So many different paths are looked for.
const MOST_PATHS: usize = 8;

/// What a claim about debug information predicts.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// One path for both; the longest are rewritten first.
    Paths(Vec<Rewrite>),
    /// Another value in strings.
    Text(Rewrite),
    /// Without flags that only one side was compiled with.
    WithoutFlags([BTreeSet<Vec<u8>>; 2]),
    /// Only strings that are not names of things in code remain.
    OnlyText,
}

/// Both sides' debug information, and all claims about it.
type OfDebugging = (Rc<[Information; 2]>, Vec<Claim<Change>>);

/// A section's name, and what is in it.
type Named<'d> = (Vec<u8>, Cow<'d, [u8]>);

/// Claims about all that differs there, those about values first; `None` if nothing does.
pub(super) fn claims(elves: &[Elf<'_>; 2], canaries: &Canaries) -> Option<OfDebugging> {
    let sides = Rc::new(Information::of(elves)?);
    let mut found = Vec::new();
    let mut pairs = sides[0].pairs(&sides[1]);
    if let Some(claim) = path_claim(&pairs, canaries) {
        rewrite(&mut pairs, &claim.normalisation);
        found.push(claim);
    }
    // A value that is claimed wrongly is found on one side only, and leaves other flags behind.
    let flags = flag_claim(&pairs);
    for claim in text_claims(&pairs, canaries) {
        rewrite(&mut pairs, &claim.normalisation);
        found.push(claim);
    }
    found.extend(flags);
    found.extend(flag_claim(&pairs));
    if sides[0].sections.is_none() {
        let proof = "debug information without all but its strings that are no names";
        found.push(Claim::new(Cause::CompilerOutput, Change::OnlyText, proof));
    }
    Some((sides, found))
}

fn path_claim(pairs: &[[Vec<u8>; 2]], canaries: &Canaries) -> Option<Claim<Change>> {
    let mut found: BTreeSet<[&[u8]; 2]> = BTreeSet::new();
    for [a, b] in pairs {
        let words = Pair { line: 0, a, b }.tokens().into_iter();
        let differing = words.filter_map(|(a, b)| paths::differing(a, b));
        for paths in differing.filter(|paths| paths.are_of_compiled(canaries)) {
            if found.len() < MOST_PATHS {
                found.insert([paths.a, paths.b]);
            }
        }
    }
    let mut paths: Vec<[&[u8]; 2]> = found.into_iter().collect();
    paths.sort_by_key(|[a, b]| std::cmp::Reverse(a.len().max(b.len())));
    let [a, b] = *paths.first()?;
    let evidence = Evidence::new("debug information", a, b);
    let values = paths.iter().map(|paths| paths.map(|path| Value::new(path, Bounds::Name)));
    let change = Change::Paths(values.map(Rewrite::Value).collect());
    let proof = "debug information with one path for both, wherever it has strings";
    Some(Claim::new(Cause::BuildPath(Place::Dwarf), change, proof).evidence([evidence]))
}

fn text_claims(pairs: &[[Vec<u8>; 2]], canaries: &Canaries) -> Vec<Claim<Change>> {
    let differing = pairs.iter().filter(|[a, b]| a != b).take(MOST_STRINGS).enumerate();
    let differing: Vec<Pair<'_>> = differing.map(|(line, [a, b])| Pair { line, a, b }).collect();
    let joined = [
        differing.iter().map(|pair| pair.a).collect::<Vec<_>>().join(&0),
        differing.iter().map(|pair| pair.b).collect::<Vec<_>>().join(&0),
    ];
    if differing.is_empty() {
        return Vec::new();
    }
    let claims = of_values(&Sides::new(&joined, &differing, Place::Dwarf, canaries)).into_iter();
    let claims = claims.map(|claim| {
        let mut claim = claim.map(Change::Text);
        claim.proof = format!("debug information {}, wherever it has strings", claim.proof);
        claim
    });
    claims.collect()
}

fn flag_claim(pairs: &[[Vec<u8>; 2]]) -> Option<Claim<Change>> {
    let differing = || pairs.iter().filter(|[a, b]| a != b);
    let [a, b]: [BTreeSet<&[u8]>; 2] =
        [0, 1].map(|side| differing().flat_map(|pair| flags(&pair[side])).collect());
    let only = |these: &BTreeSet<&[u8]>, those: &BTreeSet<&[u8]>| -> BTreeSet<Vec<u8>> {
        these.difference(those).map(|flag| flag.to_vec()).collect()
    };
    let sides = [only(&a, &b), only(&b, &a)];
    let [a, b] = [0, 1].map(|side| sides[side].iter().cloned().collect::<Vec<_>>().join(&b' '));
    (a != b).then(|| {
        let proof = "debug information without compiler flags of one side only";
        let evidence = Evidence::new("compiler flags", a, b);
        Claim::new(Cause::Cpu, Change::WithoutFlags(sides), proof).evidence([evidence])
    })
}

/// What compilers and linkers separate flags by.
fn words(string: &[u8]) -> impl Iterator<Item = &[u8]> {
    string.split(|byte| matches!(byte, b' ' | 0))
}

/// Words that begin as flags do: one dash or two, and a letter.
fn flags(string: &[u8]) -> impl Iterator<Item = &[u8]> {
    words(string).filter(|word| {
        let name = word.strip_prefix(b"--").or_else(|| word.strip_prefix(b"-"));
        name.and_then(<[u8]>::first).is_some_and(u8::is_ascii_alphabetic)
    })
}

fn rewrite(pairs: &mut [[Vec<u8>; 2]], change: &Change) {
    for pair in pairs {
        for side in Side::BOTH {
            let string = &mut pair[side as usize];
            *string = change.of_string(side, std::mem::take(string));
        }
    }
}

impl Change {
    /// Changes debug information; the first one that does replaces the sections by what they say.
    pub(super) fn apply(&self, side: Side, elf: &mut Elf<'_>, sides: &[Information; 2]) {
        for section in elf.sections.iter_mut().filter(|section| section.is_of_debugging()) {
            section.data = Cow::default();
            section.header[4] = 0;
        }
        let mut debug = elf.debug.take().unwrap_or_else(|| sides[side as usize].clone());
        for string in &mut debug.strings {
            *string = self.of_string(side, std::mem::take(string));
        }
        match self {
            Self::Paths(_) => {
                for section in debug.sections.iter_mut().flatten() {
                    *section = self.of_string(side, std::mem::take(section));
                }
            }
            Self::OnlyText => {
                debug.structure = 0;
                debug.strings.retain(|string| !is_name(string));
                debug.strings.sort_unstable();
                debug.strings.dedup();
                elf.sections.retain(|section| !section.is_of_debugging());
            }
            Self::Text(_) | Self::WithoutFlags(_) => {}
        }
        elf.debug = Some(debug);
    }

    fn of_string(&self, side: Side, string: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Paths(paths) => {
                paths.iter().fold(string, |string, path| path.apply(side, string))
            }
            Self::Text(rewrite) => rewrite.apply(side, string),
            Self::WithoutFlags(sides) => {
                let left = words(&string).filter(|word| !sides[side as usize].contains(*word));
                left.collect::<Vec<_>>().join(&b' ')
            }
            Self::OnlyText => string,
        }
    }
}

/// Whether it can be what a compiler calls a function, a variable or a type.
fn is_name(string: &[u8]) -> bool {
    let starts = string.first().is_none_or(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    starts && string.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.$@:".contains(byte))
}

impl Information {
    /// `None` if nothing of it differs.
    fn of(elves: &[Elf<'_>; 2]) -> Option<[Self; 2]> {
        let [a, b] = elves;
        let sections = [of_debugging(a), of_debugging(b)];
        (sections[0] != sections[1]).then_some(())?;
        let [a, b] = [inflated(&sections[0]), inflated(&sections[1])];
        Self::decoded([&a, &b]).or_else(|| Some(Self::as_it_is([&a, &b])))
    }

    fn decoded(sides: [&[Named<'_>]; 2]) -> Option<[Self; 2]> {
        let [a, b] = sides.map(|sections| {
            let named = sections.iter().map(|(name, data)| (name.as_slice(), &**data));
            decode(&named.collect::<Vec<_>>())
        });
        let (a, b) = (a?, b?);
        let other = u8::from(a.structure != b.structure || a.strings.len() != b.strings.len());
        let [a, b] = differing(&a, &b);
        let size = |strings: &[&[u8]]| strings.iter().map(|string| string.len()).sum::<usize>();
        (size(&a) + size(&b) <= MOST_TEXT).then_some(())?;
        Some([(0, a), (other, b)].map(|(structure, strings)| {
            let strings = strings.into_iter().map(<[u8]>::to_vec).collect();
            Self { structure, strings, sections: None }
        }))
    }

    /// Only sections that differ.
    fn as_it_is(sides: [&[Named<'_>]; 2]) -> [Self; 2] {
        let [a, b] = sides;
        let names = |sections: &[Named<'_>]| -> Vec<Vec<u8>> {
            sections.iter().map(|(name, _)| name.clone()).collect()
        };
        let other = u8::from(names(a) != names(b));
        let differing = || a.iter().zip(b).filter(|((_, a), (_, b))| a != b);
        let sections: [Vec<Vec<u8>>; 2] = [
            differing().map(|((_, data), _)| data.to_vec()).collect(),
            differing().map(|(_, (_, data))| data.to_vec()).collect(),
        ];
        let mut structure = 0;
        sections.map(|sections| {
            let side = Self { structure, strings: Vec::new(), sections: Some(sections) };
            structure = other;
            side
        })
    }

    /// Strings that belong together.
    fn pairs(&self, other: &Self) -> Vec<[Vec<u8>; 2]> {
        let mut pairs: Vec<[Vec<u8>; 2]> = Vec::new();
        let both = |a: &Vec<u8>, b: &Vec<u8>| [a.clone(), b.clone()];
        pairs.extend(self.strings.iter().zip(&other.strings).map(|(a, b)| both(a, b)));
        for (a, b) in self.sections.iter().flatten().zip(other.sections.iter().flatten()) {
            let [of_a, of_b] = [strings(a), strings(b)];
            pairs.extend(
                of_a.difference(&of_b).zip(of_b.difference(&of_a)).map(|(a, b)| both(a, b)),
            );
        }
        pairs
    }
}

fn of_debugging<'d>(elf: &Elf<'d>) -> Vec<Section<'d>> {
    elf.sections.iter().filter(|section| section.is_of_debugging()).cloned().collect()
}

/// The strings that differ, each pair once. If one side has more of them, those that only one side
/// has, in order.
fn differing<'s>(a: &Decoded<'s>, b: &Decoded<'s>) -> [Vec<&'s [u8]>; 2] {
    if a.strings.len() == b.strings.len() {
        let pairs = a.strings.iter().copied().zip(b.strings.iter().copied());
        let pairs: BTreeSet<(&[u8], &[u8])> = pairs.filter(|(a, b)| a != b).collect();
        let (a, b) = pairs.into_iter().unzip();
        return [a, b];
    }
    let [a, b] = [a, b].map(|side| side.strings.iter().copied().collect::<BTreeSet<_>>());
    [a.difference(&b).copied().collect(), b.difference(&a).copied().collect()]
}

/// Sections by name and decompressed; what cannot be is as it is.
fn inflated<'d>(sections: &'d [Section<'d>]) -> Vec<Named<'d>> {
    let mut left = MOST_INFLATED;
    let sections = sections.iter().map(|section| {
        let as_it_is = || (section.name.to_vec(), Cow::Borrowed(&*section.data));
        let Some((name, packed, size)) = section.packed() else { return as_it_is() };
        let mut data = Vec::new();
        let most = size.min(left);
        let read = flate2::read::ZlibDecoder::new(packed).take(most + 1).read_to_end(&mut data);
        if read.ok().map(|read| read as u64) != Some(size) || size > left {
            left -= most.min(data.len() as u64);
            return as_it_is();
        }
        left -= size;
        (name, Cow::Owned(data))
    });
    sections.collect()
}

impl Section<'_> {
    /// If it is compressed: its name without that, the zlib stream, and the size of what is in it.
    fn packed(&self) -> Option<(Vec<u8>, &[u8], u64)> {
        const ZLIB: [u8; 4] = [1, 0, 0, 0];
        if self.header[1] & SHF_COMPRESSED.0 != 0 {
            // `Elf64_Chdr`: type, padding, size, alignment.
            let (header, packed) = self.data.split_at_checked(24)?;
            let size = u64::from_le_bytes(header[8..16].try_into().ok()?);
            return (header[..4] == ZLIB).then(|| (self.name.to_vec(), packed, size));
        }
        // The older form has `z` in its name, and the size the other way round.
        let name = self.name.strip_prefix(b".z")?;
        let (size, packed) = self.data.strip_prefix(b"ZLIB")?.split_at_checked(8)?;
        let size = u64::from_be_bytes(size.try_into().ok()?);
        Some(([b".", name].concat(), packed, size))
    }
}
