//! Detects the format of a file, and chooses the code that explains it.

use std::io::{self, Read as _};

use super::blob::{Blob, MOST_IN_MEMORY};
use super::claims::of_values;
use super::claims::sides::Sides;
use super::file::{Explained, File};
use super::formats::container::{self, Format};
use super::formats::{elf, installed, mo, pyc};
use super::prove::{prove, unexplained};
use super::rewrite::Rewrite;
use super::text::{self, Style};
use super::{Canaries, Evidence, Place, Proved, Unexplained};

/// ELF files are not copied to be normalised, so larger ones fit.
const MOST_ELF: u64 = 48 << 20;
/// Archives in archives are opened to this depth: a tar in a gzip in a wheel in a tree.
const DEEPEST: usize = 4;

/// Explains two blobs that differ.
pub(crate) fn explain(blobs: &[Blob; 2], file: &File<'_>) -> io::Result<Explained> {
    let mut explained = of_format(blobs, file)?;
    if !explained.causes.is_empty() {
        explained.sha256 = Some([blobs[0].digest()?, blobs[1].digest()?]);
    }
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
    if let Some(explained) = Some(files).filter(|_| both(mo::is_mo)).and_then(mo::explain) {
        return explained;
    }
    if file.is_link {
        return text::explain(files, Style::LINK, file.canaries, Vec::new());
    }
    if both(is_text) {
        if let Some(explained) = installed::explain(file.path, files) {
            return explained;
        }
        return text::explain(files, Style::of(file.path), file.canaries, file.known.clone());
    }
    data(files, file.canaries)
}

/// A format of which nothing is known: only values that were varied are looked for.
fn data(files: &[Vec<u8>; 2], canaries: &Canaries) -> Result<Vec<Proved>, Unexplained> {
    let claims = of_values(&Sides::new(files, &[], Place::Data, canaries));
    prove(files, files[0].len() as u64, claims, Rewrite::apply)
        .map_err(|refused| unexplained(refused, vec![Evidence::new("bytes", &files[0], &files[1])]))
}

fn is_text(bytes: &[u8]) -> bool {
    !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok()
}
