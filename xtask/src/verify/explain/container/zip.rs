//! Zips. Source: PKWARE's APPNOTE 6.3.9, sections 4.3 and 4.5; without Zip64, which no wheel needs
//! that this tool can hold against another.

use std::io::Read as _;

use builder::sys::archive::Limits;

use super::super::blob::Blob;
use super::super::shift;
use super::{Container, Entry, digest};

/// End of central directory record, 4.3.16.
const END: &[u8] = b"PK\x05\x06";
const END_LENGTH: u64 = 22;
/// Central directory header, 4.3.12.
const CENTRAL: &[u8] = b"PK\x01\x02";
const CENTRAL_LENGTH: usize = 46;
/// Local file header, 4.3.7.
const LOCAL: &[u8] = b"PK\x03\x04";
const LOCAL_LENGTH: u64 = 30;

/// Reads a zip; `None` if it is broken, encrypted, or packed in another way than wheels are.
pub(super) fn read(blob: &Blob) -> Option<Container> {
    let end = find_end(blob)?;
    let record: [u8; 22] = blob.array(end)?;
    let [count, comment] = [u16_at(&record, 10)?, u16_at(&record, 20)?];
    let [length, start] = [u32_at(&record, 12)?, u32_at(&record, 16)?];
    let directory = blob.part(start, length)?;
    let mut container = Container { entries: Vec::new(), contents: Vec::new(), rest: Vec::new() };
    // The comment, and whatever else follows, is among what no header speaks of.
    let mut covered = vec![(start, start + length), (end, end + END_LENGTH)];
    covered.push((blob.len(), blob.len()));
    container.rest.extend(&record[4..10]);
    container.rest.extend(comment.to_le_bytes());
    let mut at = 0;
    let mut budget = Limits::default().bytes;
    for _ in 0..count {
        let header = directory.get(at..at + CENTRAL_LENGTH).filter(|h| h.starts_with(CENTRAL))?;
        let lengths = [u16_at(header, 28)?, u16_at(header, 30)?, u16_at(header, 32)?];
        let [name, extra, comment] = lengths.map(|length| usize::try_from(length).unwrap_or(0));
        let rest =
            directory.get(at + CENTRAL_LENGTH..at + CENTRAL_LENGTH + name + extra + comment)?;
        at += CENTRAL_LENGTH + rest.len();
        let member = Member { header, name: &rest[..name], extra: &rest[name..name + extra] };
        let (mut entry, content, range) = member.read(blob, &mut budget)?;
        entry.other.extend_from_slice(&rest[name + extra..]);
        container.entries.push(entry);
        container.contents.push(content);
        covered.push(range);
    }
    // What no header speaks of is kept as it is.
    covered.sort_unstable();
    let mut done = 0;
    for (start, end) in covered {
        if start > done {
            container.rest.extend(blob.part(done, start - done)?);
        }
        done = done.max(end);
    }
    // The order on the disk is not always that of the directory; distances do not count.
    let mut order: Vec<u64> = container.entries.iter().map(|entry| entry.place).collect();
    order.sort_unstable();
    for entry in &mut container.entries {
        entry.place = order.binary_search(&entry.place).ok()? as u64;
    }
    Some(container)
}

fn find_end(blob: &Blob) -> Option<u64> {
    let start = blob.len().saturating_sub(END_LENGTH + u64::from(u16::MAX));
    let tail = blob.part(start, blob.len() - start)?;
    let at = memchr::memmem::rfind(&tail, END)?;
    Some(start + at as u64)
}

/// A member as the central directory tells it.
struct Member<'d> {
    header: &'d [u8],
    name: &'d [u8],
    extra: &'d [u8],
}

impl Member<'_> {
    /// The entry, its content, and the bytes that it covers.
    fn read(&self, blob: &Blob, budget: &mut u64) -> Option<(Entry, Blob, (u64, u64))> {
        let header = self.header;
        let [flags, method] = [u16_at(header, 8)?, u16_at(header, 10)?];
        let [packed_length, length] = [u32_at(header, 20)?, u32_at(header, 24)?];
        let start = u32_at(header, 42)?;
        let local: [u8; 30] = blob.array(start)?;
        local.starts_with(LOCAL).then_some(())?;
        let [name_length, extra_length] = [u16_at(&local, 26)?, u16_at(&local, 28)?];
        let name = blob.part(start + LOCAL_LENGTH, name_length)?;
        let extra = blob.part(start + LOCAL_LENGTH + name_length, extra_length)?;
        let data = start + LOCAL_LENGTH + name_length + extra_length;
        let packed = blob.slice(data, packed_length)?;
        let content = match method {
            0 => packed.clone(),
            8 => {
                let inflated = flate2::read::DeflateDecoder::new(packed.reader());
                Blob::collect(inflated, length.min(*budget)).ok()?
            }
            _ => return None,
        };
        *budget = budget.checked_sub(content.len())?;
        (content.len() == length && crc(&content)? == u32_at(header, 16)?).then_some(())?;
        let mut entry = Entry { name: self.name.to_vec(), place: start, ..Entry::default() };
        entry.times = [&header[12..16], &local[10..14]].concat();
        // The upper half of the external attributes is Unix's mode.
        entry.mode = header[40..42].to_vec();
        let packed_digest = digest(packed.reader()).ok()?;
        // Bits 1 and 2 tell the level of the compression.
        entry.packing =
            [&header[10..12], &[header[8] & 6, local[6] & 6], packed_digest.as_bytes()].concat();
        let steady = [header[8] & !6, header[9], local[6] & !6, local[7]];
        entry.other = [&header[4..8], &steady, &header[34..40], &local[4..6], &name].concat();
        // Method, checksum and lengths stand there a second time; zeros if a descriptor follows.
        for (second, first) in [(&local[8..10], &header[10..12]), (&local[14..26], &header[16..28])]
        {
            if second != first {
                entry.other.extend(second);
            }
        }
        for extra in [self.extra, &extra] {
            fields(extra, &mut entry);
        }
        entry.content = Some(digest(content.reader()).ok()?);
        let end = data + packed_length;
        let end = end + descriptor(blob, flags, end, &header[16..28], &mut entry.other);
        Some((entry, content, (start, end)))
    }
}

/// A data descriptor repeats checksum and lengths, 4.3.9; its signature is optional. One that does
/// not repeat them is not covered, so its bytes count.
fn descriptor(blob: &Blob, flags: u64, at: u64, repeated: &[u8], other: &mut Vec<u8>) -> u64 {
    let signature = blob.array(at) == Some(*b"PK\x07\x08");
    let length = if signature { 4 } else { 0 };
    let is_one = flags & 8 != 0 && blob.part(at + length, 12).as_deref() == Some(repeated);
    if !is_one {
        return 0;
    }
    // Whether there is a signature shows nowhere else.
    other.push(u8::from(signature));
    length + 12
}

/// Shares out extra fields, 4.5: times (NTFS and "UT"), owners ("ux"), the rest.
fn fields(mut extra: &[u8], entry: &mut Entry) {
    while let Some(length) = u16_at(extra, 2) {
        let end = (4 + usize::try_from(length).unwrap_or(0)).min(extra.len());
        let part = match extra[..2] {
            [0x0a, 0x00] | [0x55, 0x54] => &mut entry.times,
            [0x75, 0x78] => &mut entry.owner,
            _ => &mut entry.other,
        };
        part.extend_from_slice(&extra[..end]);
        extra = &extra[end..];
    }
    entry.other.extend_from_slice(extra);
}

/// The time of an entry, 4.4.6, as if it were one of UTC: `Entry::times` starts with it.
pub(super) fn seconds(times: &[u8]) -> Option<i64> {
    let [time, date] = [u16_at(times, 0)?, u16_at(times, 2)?].map(u64::cast_signed);
    let [day, month, year] = [date & 31, date >> 5 & 15, (date >> 9) + 1980];
    shift::seconds([year, month, day, time >> 11, time >> 5 & 63, 2 * (time & 31)])
}

fn crc(content: &Blob) -> Option<u64> {
    let mut crc = flate2::Crc::new();
    let mut reader = content.reader();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match reader.read(&mut buffer).ok()? {
            0 => return Some(u64::from(crc.sum())),
            read => crc.update(&buffer[..read]),
        }
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..at + 2)?;
    Some(u64::from(u16::from_le_bytes([field[0], field[1]])))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..at + 4)?;
    Some(u64::from(u32::from_le_bytes([field[0], field[1], field[2], field[3]])))
}
