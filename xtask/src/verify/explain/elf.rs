//! ELF files, by section. Debug information, the build-id and what is loaded differ for different
//! reasons; where in the file the debug information pushes what follows it does not count.
//!
//! Sources: System V ABI, chapter "Object Files"; DWARF 5, section 7 for the names of sections.

mod layout;
mod read;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::Read as _;

use object::elf::{SHF_ALLOC, SHF_COMPRESSED, SHF_EXECINSTR, SHT_NOBITS, SHT_NOTE};

use super::prove::{Claim, prove, unexplained};
use super::rewrite::Rewrite;
use super::text::{Pair, differing_paths, value_claims};
use super::{Canaries, Cause, Evidence, Place, Proved, Unexplained};
use crate::verify::compare::Side;
use layout::Moved;

/// A compressed section may grow to so much while paths are looked for in it.
const MOST_INFLATED: u64 = 16 << 20;
/// So many strings that differ are looked at.
const MOST_STRINGS: usize = 64;

/// A file, cut into all that it consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Elf<'d> {
    /// The file header and the segments, without the offset of the section table.
    head: Vec<u8>,
    sections: Vec<Section<'d>>,
    /// What lies between the sections, if it is more than zeros that align the next one.
    rest: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Section<'d> {
    name: &'d [u8],
    /// The section's header; of what is not loaded, without its offset.
    header: [u64; 9],
    data: Cow<'d, [u8]>,
}

/// What a claim about an ELF file predicts.
#[derive(Debug, Clone)]
enum Normalisation {
    WithoutDebug,
    WithoutBuildId,
    Data(Rewrite),
    Moved(Moved),
    WithoutCode,
    WithoutSeeds,
}

/// Whether the bytes start as an ELF file does.
pub(super) fn is_elf(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x7fELF")
}

/// Explains two ELF files.
pub(super) fn explain(
    files: &[Vec<u8>; 2],
    canaries: &Canaries,
) -> Result<Vec<Proved>, Unexplained> {
    let (Some(a), Some(b)) = (Elf::parse(&files[0]), Elf::parse(&files[1])) else {
        return Err(Unexplained::because("an ELF file that cannot be read"));
    };
    let elves = [a, b];
    let claims = claims(&elves, canaries);
    prove(&elves, files[0].len() as u64, claims, Normalisation::apply).map_err(|refused| {
        let evidence = differing(&elves).take(3).map(|[a, b]| a.evidence(b)).collect();
        unexplained(refused, evidence)
    })
}

fn claims(elves: &[Elf<'_>; 2], canaries: &Canaries) -> Vec<Claim<Normalisation>> {
    let mut claims = Vec::new();
    if differing(elves).any(|[a, _]| a.is_debug())
        || elves[0].debug_names() != elves[1].debug_names()
    {
        claims.push(debug_claim(elves));
    }
    let mut of_data = Vec::new();
    for [a, b] in differing(elves).filter(|[a, _]| a.is_data()) {
        of_data.extend(data_claims(a, b, canaries));
    }
    let moved = moved_claims(elves, &of_data);
    claims.extend(of_data);
    claims.extend(moved);
    if let Some([a, b]) = differing(elves).find(|[a, _]| a.is_build_id()) {
        let proof = "without `.note.gnu.build-id`";
        let claim = Claim::new(Cause::BuildId, Normalisation::WithoutBuildId, proof);
        claims.push(claim.evidence([a.evidence(b)]));
    }
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
        claims.push(claim.evidence([Evidence::new("name of a section", a, b)]));
    }
    claims
}

/// What moves with a string that has another length is due to what the string is due to.
fn moved_claims(
    elves: &[Elf<'_>; 2],
    of_data: &[Claim<Normalisation>],
) -> Vec<Claim<Normalisation>> {
    let rewrites = of_data.iter().filter_map(|claim| match &claim.normalisation {
        Normalisation::Data(rewrite) => Some(rewrite.clone()),
        _ => None,
    });
    let rewrites: Vec<Rewrite> = rewrites.collect();
    if rewrites.is_empty() {
        return Vec::new();
    }
    let Some(moved) = Moved::of(elves, &rewrites) else { return Vec::new() };
    let mut causes: Vec<Cause> = Vec::new();
    for claim in of_data {
        if !causes.contains(&claim.cause) {
            causes.push(claim.cause);
        }
    }
    let proof = "without places of sections, and pointers that lead to the same";
    let claim = |cause| Claim::new(cause, Normalisation::Moved(moved.clone()), proof);
    causes.into_iter().map(claim).collect()
}

/// Debug information may differ for its paths, for the flags that it records, or because the
/// compiler made something else.
fn debug_claim(elves: &[Elf<'_>; 2]) -> Claim<Normalisation> {
    let proof = "without `.debug_*` sections";
    let [a, b] = [0, 1].map(|side| elves[side].debug_strings());
    let only = |these: &BTreeSet<Vec<u8>>, those: &BTreeSet<Vec<u8>>, wanted: fn(&[u8]) -> bool| {
        these.difference(those).find(|string| wanted(string)).cloned()
    };
    let both = |wanted| Some([only(&a, &b, wanted)?, only(&b, &a, wanted)?]);
    let paths = both(|string| string.starts_with(b"/"));
    let flags = both(|string| string.windows(2).any(|pair| pair == b" -"));
    let in_flags = flags.as_ref().and_then(|[a, b]| {
        let tokens = Pair { line: 0, a, b }.tokens();
        let paths = tokens.into_iter().find_map(|(a, b)| differing_paths(a, b));
        paths.map(|(a, b)| [a.to_vec(), b.to_vec()])
    });
    let found = paths.or(in_flags).map(|pair| (Cause::BuildPath(Place::Dwarf), pair));
    let found = found.or(flags.map(|pair| (Cause::Cpu, pair)));
    let (cause, evidence) = match found {
        Some((cause, [a, b])) => (cause, Some(Evidence::new("debug information", a, b))),
        None => (Cause::CompilerOutput, None),
    };
    Claim::new(cause, Normalisation::WithoutDebug, proof).evidence(evidence)
}

/// Claims about the strings in a loaded section.
fn data_claims(a: &Section<'_>, b: &Section<'_>, canaries: &Canaries) -> Vec<Claim<Normalisation>> {
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
    let claims = value_claims(&joined, &pairs, Place::ReadOnlyData, canaries).into_iter();
    claims
        .map(|claim| {
            let mut claim = claim.map(Normalisation::Data);
            claim.proof = format!("`{name}` {}", claim.proof);
            claim
        })
        .collect()
}

impl Normalisation {
    fn apply<'d>(&self, side: Side, mut elf: Elf<'d>) -> Elf<'d> {
        match self {
            Self::WithoutDebug => elf.sections.retain(|section| !section.is_debug()),
            Self::WithoutBuildId => {
                for section in elf.sections.iter_mut().filter(|section| section.is_build_id()) {
                    section.data = Cow::default();
                }
            }
            Self::Data(rewrite) => {
                for section in elf.sections.iter_mut().filter(|section| section.is_data()) {
                    section.data = Cow::Owned(rewrite.apply(side, section.data.to_vec()));
                }
            }
            Self::Moved(moved) => elf = moved.apply(elf),
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

impl Section<'_> {
    fn is_debug(&self) -> bool {
        let flags = self.header[1];
        let named =
            [&b".debug_"[..], b".zdebug_", b".gdb_index", b".gnu_debuglink", b".GCC.command.line"];
        flags & SHF_ALLOC.0 == 0 && named.iter().any(|start| self.name.starts_with(start))
    }

    fn is_build_id(&self) -> bool {
        self.header[0] == u64::from(SHT_NOTE.0) && self.name == b".note.gnu.build-id"
    }

    fn is_code(&self) -> bool {
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

    fn is_executable(&self) -> bool {
        self.header[1] & SHF_EXECINSTR.0 != 0
    }

    /// Tables of places in code, and names of sections, which are one for each kind of code.
    fn follows_code(&self) -> bool {
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
    fn is_data(&self) -> bool {
        let flags = self.header[1];
        let loaded = flags & SHF_ALLOC.0 != 0 && flags & SHF_EXECINSTR.0 == 0;
        let kind = self.header[0];
        loaded
            && kind != u64::from(SHT_NOBITS.0)
            && kind != u64::from(SHT_NOTE.0)
            && !self.is_code()
    }

    /// The data, decompressed if it is compressed with zlib; what cannot be is left as it is.
    fn inflated(&self) -> Cow<'_, [u8]> {
        let compressed = self.header[1] & SHF_COMPRESSED.0 != 0;
        // `Elf64_Chdr` is 24 bytes long.
        let Some(body) = self.data.get(24..).filter(|_| compressed) else {
            return Cow::Borrowed(&self.data);
        };
        let mut inflated = Vec::new();
        let reader = flate2::read::ZlibDecoder::new(body);
        match reader.take(MOST_INFLATED).read_to_end(&mut inflated) {
            Ok(_) => Cow::Owned(inflated),
            Err(_) => Cow::Borrowed(&self.data),
        }
    }

    fn evidence(&self, other: &Self) -> Evidence {
        let name = String::from_utf8_lossy(self.name);
        Evidence::new(format!("section {name}"), &self.data, &other.data)
    }
}

/// Sections of one name, in order, whose headers or bytes differ.
fn differing<'e, 'd>(elves: &'e [Elf<'d>; 2]) -> impl Iterator<Item = [&'e Section<'d>; 2]> {
    let [a, b] = elves;
    a.sections.iter().filter_map(|section| {
        let other = b.sections.iter().find(|other| other.name == section.name)?;
        (section != other).then_some([section, other])
    })
}

/// The name of a section for link-time optimisation, without the seed of its compilation.
fn unseeded(name: &[u8]) -> &[u8] {
    let seed = name.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    let is_seed = (8..=16).contains(&seed.len()) && seed.iter().all(u8::is_ascii_hexdigit);
    let seeded = name.starts_with(b".gnu.lto_") || name.starts_with(b".gnu.debuglto_");
    if seeded && is_seed { &name[..name.len() - seed.len()] } else { name }
}

/// What reads as text: runs of printable characters, long enough not to be there by chance.
fn strings(data: &[u8]) -> BTreeSet<Vec<u8>> {
    const SHORTEST: usize = 6;
    let runs = data.split(|byte| !matches!(byte, b' '..=b'~'));
    runs.filter(|run| run.len() >= SHORTEST).map(<[u8]>::to_vec).collect()
}
