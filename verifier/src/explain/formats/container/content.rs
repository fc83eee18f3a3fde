//! The content of a member. It is not kept in memory: it is read once for its digest, and unpacked
//! only if it differs and must be explained.

use std::io::{self, Read, Write as _};

use base::vocabulary::Sha256;
use base::vocabulary::digest::Hashing;

use crate::explain::blob::Blob;
use crate::explain::budget::Budget;

/// The most bytes of unknown content that are kept unchanged.
const FEW: u64 = 128;

/// A member's content, by its location in the archive.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// As it is.
    Plain(Blob),
    /// A deflate stream, and how many bytes it unpacks to.
    Deflated(Blob, u64),
}

impl Content {
    /// The content of an entry that cannot have any.
    pub(super) fn none() -> Self {
        Self::Plain(Blob::of([]))
    }

    /// The content, unpacked.
    pub(super) fn open(&self) -> io::Result<Blob> {
        match self {
            Self::Plain(blob) => Ok(blob.clone()),
            Self::Deflated(packed, length) => {
                Blob::collect(flate2::bufread::DeflateDecoder::new(packed.reader()), *length)
            }
        }
    }
}

/// What is remembered of bytes that went by.
#[derive(Debug)]
pub(super) struct Measure {
    pub(super) length: u64,
    /// The checksum that zips and gzips have.
    pub(super) checksum: u32,
    pub(super) digest: Sha256,
}

/// Reads all that a reader brings; `None` if it is broken, or brings more than `most` bytes.
pub(super) fn measure(mut reader: impl Read, most: u64, budget: &Budget) -> Option<Measure> {
    let mut hashing = Hashing::new(io::sink());
    let mut checksum = flate2::Crc::new();
    let mut length = 0;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = reader.read(&mut buffer).ok()?;
        if read == 0 {
            break;
        }
        length += read as u64;
        (length <= most).then_some(())?;
        // It is unpacked a second time if it is to be explained.
        budget.unpack(2 * read as u64)?;
        checksum.update(&buffer[..read]);
        hashing.write_all(&buffer[..read]).ok()?;
    }
    Some(Measure { length, checksum: checksum.sum(), digest: hashing.digest() })
}

/// Inflates the deflate stream at the start of `packed`, which may be longer; also returns the
/// length of the stream.
pub(super) fn inflate(packed: &Blob, most: u64, budget: &Budget) -> Option<(u64, Measure)> {
    let mut decoder = flate2::bufread::DeflateDecoder::new(packed.reader());
    let measure = measure(&mut decoder, most, budget)?;
    Some((decoder.total_in(), measure))
}

/// The digest of bytes that an archive stores uncompressed.
pub(super) fn digest(blob: &Blob) -> Option<Sha256> {
    blob.digest().ok()
}

/// Bytes of which nothing is known, in a form that is as short for many as for few; where it ends
/// shows.
pub(super) fn unknown(blob: &Blob) -> Option<Vec<u8>> {
    let mut form = blob.len().to_le_bytes().to_vec();
    match blob.read(FEW).ok()? {
        Some(bytes) => form.extend(bytes),
        None => form.extend(digest(blob)?.as_bytes()),
    }
    Some(form)
}

/// Adds a piece so that where it ends shows: no byte can go over to the next one unseen.
pub(super) fn add_piece(part: &mut Vec<u8>, piece: &[u8]) {
    part.extend(u32::try_from(piece.len()).unwrap_or(u32::MAX).to_le_bytes());
    part.extend_from_slice(piece);
}
