//! Gzip files with one member. Source: RFC 1952.

use std::io::{BufRead as _, Read as _};

use base::sys::archive::Limits;

use super::content::{Content, digest, inflate};
use super::entry::{Container, Entry};
use crate::explain::blob::Blob;
use crate::explain::budget::Budget;

/// The header, without its optional fields.
const HEADER: u64 = 10;
/// Checksum and length at the end.
const TRAILER: u64 = 8;
/// A longer name or comment is not read.
const MOST_FIELD: u64 = 4096;

/// Reads a gzip; `None` if it is broken, or if anything follows its first member: a second one,
/// which nothing here makes, or something hidden.
pub(super) fn read(blob: &Blob, budget: &Budget) -> Option<Container> {
    let header: [u8; 10] = blob.array(0)?;
    let optional = optional(blob, header[3])?;
    let start = HEADER + optional.len() as u64;
    let rest = blob.slice(start, blob.len().checked_sub(start)?)?;
    let (length, measure) = inflate(&rest, Limits::default().bytes, budget)?;
    let packed = rest.slice(0, length)?;
    let trailer: [u8; 8] = rest.array(length)?;
    // The length is told modulo 2^32.
    let told = u64::from(measure.checksum) | (measure.length << 32);
    (trailer == told.to_le_bytes() && length + TRAILER == rest.len()).then_some(())?;
    let entry = Entry {
        times: header[4..8].to_vec(),
        // `XFL` tells how hard the compressor tried.
        packing: header[8..9].to_vec(),
        packed: Some(digest(&packed)?),
        content: Some(measure.digest),
        other: [&header[..4], &header[9..], &optional].concat(),
        ..Entry::default()
    };
    let mut container = Container::default();
    container.add(entry, Content::Deflated(packed, measure.length), budget)?;
    Some(container)
}

/// The optional fields: extra, name, comment, checksum of the header.
fn optional(blob: &Blob, flags: u8) -> Option<Vec<u8>> {
    let rest = blob.slice(HEADER, blob.len().checked_sub(HEADER)?)?;
    let mut reader = rest.reader().take(MOST_FIELD);
    let mut fields = Vec::new();
    if flags & 4 != 0 {
        let mut length = [0; 2];
        reader.read_exact(&mut length).ok()?;
        fields.extend(length);
        let mut extra = vec![0; usize::from(u16::from_le_bytes(length))];
        reader.read_exact(&mut extra).ok()?;
        fields.extend(extra);
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            reader.read_until(0, &mut fields).ok()?;
            fields.ends_with(&[0]).then_some(())?;
        }
    }
    if flags & 2 != 0 {
        let mut checksum = [0; 2];
        reader.read_exact(&mut checksum).ok()?;
        fields.extend(checksum);
    }
    Some(fields)
}
