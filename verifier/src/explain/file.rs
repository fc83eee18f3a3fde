//! One file that differs: which format it has, and who explains that.

use std::io::{self, Read as _};

use super::blob::{Blob, MOST_IN_MEMORY};
use super::budget::Budget;
use super::container::{self, Format};
use super::finding::{Finding, Owner};
use super::prove::{Claim, prove, unexplained};
use super::rewrite::Rewrite;
use super::text::{self, Style};
use super::{Canaries, Evidence, Place, Proved, Unexplained, elf, pyc};

/// ELF files are not copied to be normalised, so larger ones fit.
const MOST_ELF: u64 = 48 << 20;
/// Archives in archives are opened to this depth: a tar in a gzip in a wheel in a tree.
const DEEPEST: usize = 4;

/// A file that differs, and what is known of it beside its bytes.
#[derive(Debug, Clone)]
pub(super) struct File<'f> {
    /// Where it is, as reports name it.
    pub(super) path: &'f str,
    /// Its last component.
    pub(super) name: &'f str,
    /// In how many archives it is.
    pub(super) depth: usize,
    pub(super) canaries: &'f Canaries,
    /// For it and all archives that it is in.
    pub(super) budget: &'f Budget,
    /// Claims of someone who knows more of a text than its bytes.
    pub(super) known: Vec<Claim<Rewrite>>,
}

/// What was found out about two files.
#[derive(Debug)]
pub(super) struct Explained {
    pub(super) causes: Vec<Proved>,
    pub(super) unexplained: Option<Unexplained>,
    pub(super) members: Vec<Finding>,
}

impl Explained {
    fn says_something(&self) -> bool {
        !self.causes.is_empty() || self.unexplained.is_some() || !self.members.is_empty()
    }

    pub(super) fn finding(self, path: String, owners: Vec<Owner>) -> Finding {
        let Self { causes, unexplained, members } = self;
        Finding { path, owners, causes, unexplained, members }
    }
}

/// Explains two blobs that differ.
pub(super) fn explain(blobs: &[Blob; 2], file: &File<'_>) -> io::Result<Explained> {
    let explained = of_format(blobs, file)?;
    if explained.says_something() {
        return Ok(explained);
    }
    // They differ, so it is in a part that the format's reader passes over, such as padding.
    let reason = "what differs is in a part that the format gives no meaning";
    let evidence = vec![first_difference(blobs)?];
    let unexplained = Unexplained { reason: reason.to_owned(), refused: Vec::new(), evidence };
    Ok(Err(unexplained).into())
}

fn of_format(blobs: &[Blob; 2], file: &File<'_>) -> io::Result<Explained> {
    let [format, other] = [0, 1].map(|side| Format::of(&blobs[side]));
    if let Some(format) = format.filter(|_| format == other && file.depth < DEEPEST) {
        return container::explain(blobs, format, file);
    }
    let head = blobs[0].part(0, blobs[0].len().min(4)).unwrap_or_default();
    let most = if elf::is_elf(&head) { MOST_ELF } else { MOST_IN_MEMORY };
    let [Some(a), Some(b)] = [blobs[0].read(most)?, blobs[1].read(most)?] else {
        let reason = format!("larger than {most} bytes, which is the most that is looked into");
        return Ok(Err(Unexplained::because(reason)).into());
    };
    Ok(in_memory(&[a, b], file).into())
}

/// Some bytes from the first one on that differs.
fn first_difference(blobs: &[Blob; 2]) -> io::Result<Evidence> {
    const LENGTH: u64 = 64;
    let mut at = 0;
    for (a, b) in blobs[0].reader().bytes().zip(blobs[1].reader().bytes()) {
        if a? != b? {
            break;
        }
        at += 1;
    }
    let [a, b] = [0, 1].map(|side| blobs[side].part(at, LENGTH.min(blobs[side].len() - at)));
    Ok(Evidence::new(format!("byte {at}"), a.unwrap_or_default(), b.unwrap_or_default()))
}

fn in_memory(files: &[Vec<u8>; 2], file: &File<'_>) -> Result<Vec<Proved>, Unexplained> {
    let both = |is: fn(&[u8]) -> bool| files.iter().all(|file| is(file));
    if both(elf::is_elf) {
        return elf::explain(files, file.canaries);
    }
    if file.name.ends_with(".pyc") {
        return pyc::explain(files, file.canaries);
    }
    if both(is_text) {
        return text::explain(files, Style::of(file.name), file.canaries, file.known.clone());
    }
    data(files, file.canaries)
}

/// A format of which nothing is known: only values that were varied are looked for.
fn data(files: &[Vec<u8>; 2], canaries: &Canaries) -> Result<Vec<Proved>, Unexplained> {
    let claims = text::value_claims(files, &[], Place::Data, canaries);
    prove(files, files[0].len() as u64, claims, Rewrite::apply)
        .map_err(|refused| unexplained(refused, vec![Evidence::new("bytes", &files[0], &files[1])]))
}

fn is_text(bytes: &[u8]) -> bool {
    !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok()
}

impl From<Result<Vec<Proved>, Unexplained>> for Explained {
    fn from(result: Result<Vec<Proved>, Unexplained>) -> Self {
        let (causes, unexplained) = match result {
            Ok(causes) => (causes, None),
            Err(unexplained) => (Vec::new(), Some(unexplained)),
        };
        Self { causes, unexplained, members: Vec::new() }
    }
}
