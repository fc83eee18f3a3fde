//! Static libraries. Source: `ar(5)`, in the form of System V and GNU.

use super::content::{Content, digest};
use super::entry::{Container, Entry};
use crate::explain::blob::Blob;
use crate::explain::budget::Budget;

/// What an archive starts with.
pub(super) const MAGIC: &[u8] = b"!<arch>\n";
const HEADER: u64 = 60;

/// Reads an archive; `None` if it is broken, or has its members elsewhere (a thin archive).
pub(super) fn read(blob: &Blob, budget: &Budget) -> Option<Container> {
    let mut container = Container::default();
    let mut at = MAGIC.len() as u64;
    while at < blob.len() {
        let header: [u8; 60] = blob.array(at)?;
        header.ends_with(b"`\n").then_some(())?;
        // Of the symbol table and of long names, some fields are left blank.
        let numbers = &header[16..48];
        numbers.iter().all(|byte| byte.is_ascii_digit() || *byte == b' ').then_some(())?;
        let length = length(&header[48..58])?;
        let content = blob.slice(at + HEADER, length)?;
        at += HEADER + length;
        // Members start at even places; after the last one that may be left out.
        let padding = blob.part(at, (length % 2).min(blob.len() - at))?;
        padding.iter().all(|byte| *byte == b'\n').then_some(())?;
        at += padding.len() as u64;
        // A name that does not fit stands in the member `//`; here is then its place there.
        let name = header[..16].trim_ascii_end();
        let name = name.strip_suffix(b"/").filter(|name| !name.ends_with(b"/")).unwrap_or(name);
        let entry = Entry {
            name: name.to_vec(),
            times: header[16..28].to_vec(),
            owner: header[28..40].to_vec(),
            mode: header[40..48].to_vec(),
            content: Some(digest(&content)?),
            other: [&header[..16], &[u8::from(length % 2 == padding.len() as u64)]].concat(),
            ..Entry::default()
        };
        container.add(entry, Content::Plain(content), budget)?;
    }
    Some(container)
}

/// The length of a member, if it is written as all tools write it: nothing but the number counts.
fn length(field: &[u8]) -> Option<u64> {
    let length: u64 = std::str::from_utf8(field).ok()?.trim_end().parse().ok()?;
    (format!("{length:<10}").as_bytes() == field).then_some(length)
}
