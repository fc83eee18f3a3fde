//! Gzips of one member. Source: RFC 1952.

use std::io::{BufRead as _, Read as _};

use builder::sys::archive::Limits;

use super::super::blob::Blob;
use super::{Container, Entry, digest};

/// The header, without its optional fields.
const HEADER: u64 = 10;
/// Checksum and length at the end.
const TRAILER: u64 = 8;
/// A longer name or comment is not read.
const MOST_FIELD: u64 = 4096;

/// Reads a gzip; `None` if it is broken. Of several members it says nothing, as nothing makes such.
pub(super) fn read(blob: &Blob) -> Option<Container> {
    let header: [u8; 10] = blob.array(0)?;
    let optional = optional(blob, header[3])?;
    let start = HEADER + optional.len() as u64;
    let packed = blob.slice(start, blob.len().checked_sub(start)?)?;
    let mut decoder = flate2::bufread::GzDecoder::new(blob.reader());
    let content = Blob::collect(&mut decoder, Limits::default().bytes).ok()?;
    // Bytes after the member would be a second one, or something hidden.
    let mut rest = Vec::new();
    decoder.into_inner().take(MOST_FIELD).read_to_end(&mut rest).ok()?;
    let packed = packed.slice(0, packed.len().checked_sub(rest.len() as u64 + TRAILER)?)?;
    let entry = Entry {
        times: header[4..8].to_vec(),
        // `XFL` tells how hard the compressor tried.
        packing: [&header[8..9], digest(packed.reader()).ok()?.as_bytes()].concat(),
        content: Some(digest(content.reader()).ok()?),
        other: [&header[..4], &header[9..], &optional].concat(),
        ..Entry::default()
    };
    Some(Container { entries: vec![entry], contents: vec![content], rest })
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
        }
    }
    if flags & 2 != 0 {
        let mut checksum = [0; 2];
        reader.read_exact(&mut checksum).ok()?;
        fields.extend(checksum);
    }
    Some(fields)
}
