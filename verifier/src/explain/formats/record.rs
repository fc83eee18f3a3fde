//! `RECORD`: its lines hold digests of other files, so it differs where they do. The claim is
//! proved: a line counts as derived only if each digest matches the file on its own side.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use base::dist_info::Record;
use base::vocabulary::Sha256;

use crate::compare::{Side, shown};
use crate::explain::blob::{Blob, MOST_IN_MEMORY};
use crate::explain::owners::recorded;
use crate::explain::prove::Claim;
use crate::explain::rewrite::Rewrite;
use crate::explain::{Cause, Evidence};

/// The digest of a file on a side; `None` if it is not there.
pub(crate) type DigestOf<'d> = &'d dyn Fn(Side, &Path) -> Option<Sha256>;

/// The claim that lines of the `RECORD` in `directory` follow from files that differ; `None` if no
/// line does.
fn claim(
    texts: &[Vec<u8>; 2],
    directory: &Path,
    differing: &BTreeSet<&Path>,
    digest: DigestOf<'_>,
) -> Option<Claim<Rewrite>> {
    let mut derived = [BTreeSet::new(), BTreeSet::new()];
    let mut from: BTreeMap<PathBuf, Evidence> = BTreeMap::new();
    let [a, b] = [0, 1].map(|side| lines(&texts[side]));
    for (side, these, those) in [(Side::A, &a, &b), (Side::B, &b, &a)] {
        for line in these.difference(those) {
            let Some((path, recorded_digest)) = parse(directory, line) else { continue };
            if differing.contains(path.as_path()) && digest(side, &path) == Some(recorded_digest) {
                let evidence = from
                    .entry(path)
                    .or_insert_with_key(|path| Evidence::new(shown(path), b"", b""));
                let excerpt = if side == Side::A { &mut evidence.a } else { &mut evidence.b };
                *excerpt = line.to_vec();
                derived[side as usize].insert(line.to_vec());
            }
        }
    }
    let first = from.values().next()?.clone();
    let proof = "without the lines whose digests are those of files that differ";
    let mut claim =
        Claim::new(Cause::DerivedRecord, Rewrite::Derived(derived), proof).evidence([first]);
    claim.derived_from = from.keys().map(|path| shown(path)).collect();
    Some(claim.proved())
}

/// [`claim`] about files that may be too large to be read.
pub(crate) fn of_blobs(
    blobs: &[Blob; 2],
    directory: &Path,
    differing: &BTreeSet<&Path>,
    digest: DigestOf<'_>,
) -> io::Result<Option<Claim<Rewrite>>> {
    let [Some(a), Some(b)] = [blobs[0].read(MOST_IN_MEMORY)?, blobs[1].read(MOST_IN_MEMORY)?]
    else {
        return Ok(None);
    };
    Ok(claim(&[a, b], directory, differing, digest))
}

fn lines(text: &[u8]) -> BTreeSet<&[u8]> {
    text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end).collect()
}

fn parse(directory: &Path, line: &[u8]) -> Option<(PathBuf, Sha256)> {
    let record = Record::parse("one line", line).ok()?;
    let [line] = record.lines() else { return None };
    Some((recorded(directory, &line.path)?, line.sha256()?))
}
