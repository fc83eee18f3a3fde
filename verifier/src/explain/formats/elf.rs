//! ELF files, by section. Debug information, the build-id and the loaded sections differ for
//! different reasons. A change of file offsets after longer debug information does not count.
//!
//! Sources: System V ABI, chapter "Object Files"; DWARF 5, section 7 for the names of sections.

mod file;
mod read;
mod layout;
mod cursor;
mod dwarf;
mod tables;
mod debug;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::rc::Rc;

use crate::compare::Side;
use crate::explain::claims::of_values;
use crate::explain::claims::sides::Sides;
use crate::explain::lines::Pair;
use crate::explain::prove::{Claim, prove, unexplained};
use crate::explain::rewrite::Rewrite;
use crate::explain::{Canaries, Cause, Evidence, Place, Proved, Unexplained};
use debug::Change;
use file::{Elf, Information, Section, differing, strings};
use layout::Moved;

/// So many strings that differ are looked at.
const MOST_STRINGS: usize = 64;
/// What a claim about an ELF file predicts.
#[derive(Debug, Clone)]
enum Normalisation {
    /// In loaded data; sections that move because a string has another length have the cause of the
    /// string.
    Data(Rewrite, Option<Rc<Moved>>),
    Debug(Rc<[Information; 2]>, Change),
    WithoutBuildId,
    WithoutCode,
    WithoutSeeds,
}

/// Whether the bytes start as an ELF file does.
pub(crate) fn is_elf(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x7fELF")
}

/// Explains two ELF files.
pub(crate) fn explain(
    files: &[Vec<u8>; 2],
    canaries: &Canaries,
) -> Result<Vec<Proved>, Unexplained> {
    let (Some(a), Some(b)) = (Elf::parse(&files[0]), Elf::parse(&files[1])) else {
        return Err(Unexplained::because("an ELF file that cannot be read"));
    };
    let elves = [a, b];
    let claims = claims(&elves, canaries);
    let proved = prove(&elves, files[0].len() as u64, claims, Normalisation::apply);
    let proved = proved.map_err(|refused| {
        let evidence = differing(&elves).take(3).map(|[a, b]| a.evidence(b)).collect();
        unexplained(refused, evidence)
    })?;
    Ok(with_derived_id(proved))
}

/// A build-id is a hash of the file: it follows if anything else of the same file is proved.
fn with_derived_id(mut proved: Vec<Proved>) -> Vec<Proved> {
    let follows = proved.iter().any(|it| it.cause != Cause::BuildId);
    for id in proved.iter_mut().filter(|it| it.cause == Cause::BuildId) {
        id.follows = follows;
    }
    proved
}

fn claims(elves: &[Elf<'_>; 2], canaries: &Canaries) -> Vec<Claim<Normalisation>> {
    let mut claims = data_claims(elves, canaries);
    if let Some((sides, of_debugging)) = debug::claims(elves, canaries) {
        let of_elf = |change| Normalisation::Debug(Rc::clone(&sides), change);
        // No program acts on it: it is not even loaded.
        claims.extend(of_debugging.into_iter().map(|claim| claim.map(of_elf).proved()));
    }
    if let Some([a, b]) = differing(elves).find(|[a, _]| a.is_build_id()) {
        let proof = "without `.note.gnu.build-id`";
        let claim = Claim::new(Cause::BuildId, Normalisation::WithoutBuildId, proof);
        claims.push(claim.evidence([a.evidence(b)]).proved());
    }
    // What a program does has changed, or may have: nothing here can tell a compiler's whim from a
    // change of the source.
    if let Some([a, b]) = differing(elves).find(|[a, _]| a.is_code()) {
        let proof = "without code, symbols and unwind tables";
        let claim = Claim::new(Cause::CompilerOutput, Normalisation::WithoutCode, proof);
        claims.push(claim.evidence([a.evidence(b)]));
    }
    let names = |elf: &Elf<'_>| elf.sections.iter().map(|it| it.name.to_vec()).collect::<Vec<_>>();
    let [a, b] = [0, 1].map(|side| names(&elves[side]));
    if let Some((a, b)) = a.iter().zip(&b).find(|(a, b)| a != b && unseeded(a) == unseeded(b)) {
        let proof = "without the random seeds in names of sections";
        let claim = Claim::new(Cause::CompilerOutput, Normalisation::WithoutSeeds, proof);
        claims.push(claim.evidence([Evidence::new("name of a section", a, b)]).proved());
    }
    claims
}

/// Claims about the strings in loaded data. What moves with them must be followed in the bytes as
/// they are, so these claims come first.
fn data_claims(elves: &[Elf<'_>; 2], canaries: &Canaries) -> Vec<Claim<Normalisation>> {
    let mut claims = Vec::new();
    for [a, b] in differing(elves).filter(|[a, _]| a.is_data()) {
        claims.extend(section_claims(a, b, canaries));
    }
    if claims.is_empty() {
        return Vec::new();
    }
    let rewrites: Vec<Rewrite> = claims.iter().map(|claim| claim.normalisation.clone()).collect();
    let moved = Moved::of(elves, &rewrites).map(Rc::new);
    let claims = claims.into_iter().map(|mut claim| {
        if moved.is_some() {
            claim.proof += ", without places of sections, and pointers that lead to the same";
        }
        claim.map(|rewrite| Normalisation::Data(rewrite, moved.clone()))
    });
    claims.collect()
}

/// Claims about the strings in a loaded section.
fn section_claims(a: &Section<'_>, b: &Section<'_>, canaries: &Canaries) -> Vec<Claim<Rewrite>> {
    let [of_a, of_b] = [a, b].map(|section| strings(&section.data));
    let only_a = of_a.iter().filter(|string| !of_b.contains(*string)).take(MOST_STRINGS);
    let only_b = of_b.iter().filter(|string| !of_a.contains(*string)).take(MOST_STRINGS);
    let [only_a, only_b]: [Vec<&Vec<u8>>; 2] = [only_a.collect(), only_b.collect()];
    let pairs = only_a.iter().zip(&only_b).enumerate();
    let pairs: Vec<Pair<'_>> = pairs.map(|(line, (a, b))| Pair { line, a, b }).collect();
    let joined = [only_a.clone(), only_b.clone()].map(|strings| {
        strings.iter().fold(Vec::new(), |mut all, string| {
            all.extend_from_slice(string);
            all.push(0);
            all
        })
    });
    let name = String::from_utf8_lossy(a.name).into_owned();
    let claims = of_values(&Sides::new(&joined, &pairs, Place::ReadOnlyData, canaries)).into_iter();
    claims
        .map(|mut claim| {
            claim.proof = format!("`{name}` {}", claim.proof);
            claim
        })
        .collect()
}

impl Normalisation {
    fn apply<'d>(&self, side: Side, mut elf: Elf<'d>) -> Elf<'d> {
        match self {
            Self::WithoutBuildId => {
                for section in elf.sections.iter_mut().filter(|section| section.is_build_id()) {
                    section.data = Cow::default();
                }
            }
            Self::Data(rewrite, moved) => {
                if let Some(moved) = moved
                    && !elf.moved
                {
                    elf = moved.apply(elf);
                }
                for section in elf.sections.iter_mut().filter(|section| section.is_data()) {
                    section.data = Cow::Owned(rewrite.apply(side, section.data.to_vec()));
                }
            }
            Self::Debug(sides, change) => change.apply(side, &mut elf, sides),
            Self::WithoutCode => {
                elf.forget_places();
                elf.sections.retain(|section| !section.is_code() && !section.follows_code());
            }
            Self::WithoutSeeds => {
                for section in &mut elf.sections {
                    section.name = unseeded(section.name);
                    if section.name == b".shstrtab" {
                        section.data = Cow::default();
                    }
                }
            }
        }
        elf
    }
}

/// The name of a section for link-time optimisation, without the seed of its compilation.
fn unseeded(name: &[u8]) -> &[u8] {
    let seed = name.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    let is_seed = (8..=16).contains(&seed.len()) && seed.iter().all(u8::is_ascii_hexdigit);
    let seeded = name.starts_with(b".gnu.lto_") || name.starts_with(b".gnu.debuglto_");
    if seeded && is_seed { &name[..name.len() - seed.len()] } else { name }
}
