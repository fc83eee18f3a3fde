//! Static libraries. Source: `ar(5)`, in the form of System V and GNU.

use super::super::blob::Blob;
use super::{Container, Entry, digest};

/// What an archive starts with.
pub(super) const MAGIC: &[u8] = b"!<arch>\n";
const HEADER: u64 = 60;
/// More members are not read.
const MOST_MEMBERS: usize = 100_000;

/// Reads an archive; `None` if it is broken, or has its members elsewhere (a thin archive).
pub(super) fn read(blob: &Blob) -> Option<Container> {
    let mut container = Container { entries: Vec::new(), contents: Vec::new(), rest: Vec::new() };
    let mut at = MAGIC.len() as u64;
    while at < blob.len() {
        let header: [u8; 60] = blob.array(at)?;
        header.ends_with(b"`\n").then_some(())?;
        let length: u64 = std::str::from_utf8(&header[48..58]).ok()?.trim_end().parse().ok()?;
        let content = blob.slice(at + HEADER, length)?;
        // A name that does not fit stands in the member `//`; here is then its place there.
        let name = header[..16].trim_ascii_end();
        let name = name.strip_suffix(b"/").filter(|name| !name.ends_with(b"/")).unwrap_or(name);
        container.entries.push(Entry {
            name: name.to_vec(),
            times: header[16..28].to_vec(),
            owner: header[28..40].to_vec(),
            mode: header[40..48].to_vec(),
            content: Some(digest(content.reader()).ok()?),
            ..Entry::default()
        });
        container.contents.push(content);
        (container.entries.len() <= MOST_MEMBERS).then_some(())?;
        at += HEADER + length;
        // Members start at even places.
        if length % 2 == 1 && at < blob.len() {
            let [padding] = blob.array(at)?;
            (padding == b'\n').then_some(())?;
            at += 1;
        }
    }
    Some(container)
}
