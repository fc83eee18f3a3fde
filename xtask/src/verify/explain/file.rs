//! One file that differs: which format it has, and who explains that.

use std::io;

use super::blob::{Blob, MOST_IN_MEMORY};
use super::prove::{Claim, unexplained};
use super::rewrite::Rewrite;
use super::text::{self, Style};
use super::{Canaries, Evidence, Place, Proved, Unexplained, elf};

/// ELF files are not copied to be normalised, so larger ones fit.
const MOST_ELF: u64 = 48 << 20;

/// What was found out about two files.
#[derive(Debug)]
pub(super) struct Explained {
    pub(super) causes: Vec<Proved>,
    pub(super) unexplained: Option<Unexplained>,
}

/// Explains two blobs that differ. `name` is their last component; `known` are claims about a text
/// of someone who knows more of it than its bytes.
pub(super) fn explain(
    blobs: &[Blob; 2],
    name: &str,
    canaries: &Canaries,
    known: Vec<Claim<Rewrite>>,
) -> io::Result<Explained> {
    let mut head = vec![0; blobs[0].len().min(4) as usize];
    blobs[0].read_at(0, &mut head)?;
    let most = if elf::is_elf(&head) { MOST_ELF } else { MOST_IN_MEMORY };
    let [Some(a), Some(b)] = [blobs[0].read(most)?, blobs[1].read(most)?] else {
        let mut nothing = unexplained(Vec::new(), Vec::new());
        nothing.reason = format!("larger than {most} bytes, which is the most that is looked into");
        return Ok(Err(nothing).into());
    };
    let files = [a, b];
    Ok(match () {
        () if files.iter().all(|file| elf::is_elf(file)) => elf::explain(&files, canaries),
        () if files.iter().all(|file| is_text(file)) => {
            text::explain(&files, Style::of(name), canaries, known)
        }
        () => data(&files, canaries),
    }
    .into())
}

/// A format of which nothing is known: only values that were varied are looked for.
fn data(files: &[Vec<u8>; 2], canaries: &Canaries) -> Result<Vec<Proved>, Unexplained> {
    let claims = text::value_claims(files, &[], Place::Data, canaries);
    super::prove::prove(files, claims, Rewrite::apply)
        .map_err(|refused| unexplained(refused, vec![Evidence::new("bytes", &files[0], &files[1])]))
}

fn is_text(bytes: &[u8]) -> bool {
    !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok()
}

impl From<Result<Vec<Proved>, Unexplained>> for Explained {
    fn from(result: Result<Vec<Proved>, Unexplained>) -> Self {
        match result {
            Ok(causes) => Self { causes, unexplained: None },
            Err(unexplained) => Self { causes: Vec::new(), unexplained: Some(unexplained) },
        }
    }
}
