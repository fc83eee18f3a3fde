//! Zips. Source: PKWARE's APPNOTE 6.3.9, sections 4.3 and 4.5; without Zip64, which no wheel needs
//! that this tool can compare.

use super::content::{Content, add_piece, digest, inflate, measure, unknown};
use super::entry::{Container, Entry, Kind};
use crate::explain::blob::Blob;
use crate::explain::budget::Budget;
use crate::explain::forms::calendar;

/// End of central directory record, 4.3.16.
const END: &[u8] = b"PK\x05\x06";
const END_LENGTH: u64 = 22;
/// Zip64 end of central directory locator, 4.3.15, which would precede that record.
const LOCATOR: &[u8] = b"PK\x06\x07";
const LOCATOR_LENGTH: u64 = 20;
/// Central directory header, 4.3.12.
const CENTRAL: &[u8] = b"PK\x01\x02";
const CENTRAL_LENGTH: usize = 46;
/// Local file header, 4.3.7.
const LOCAL: &[u8] = b"PK\x03\x04";
const LOCAL_LENGTH: u64 = 30;

/// Of Unix's mode: permissions, and the kind of the file.
const PERMISSIONS: u64 = 0o777;
const KIND: u64 = 0o170_000;
const SYMBOLIC_LINK: u64 = 0o120_000;

/// Reads a zip; `None` if it is broken, encrypted, or packed in another way than wheels are; also
/// if programs would disagree on what it holds.
pub(super) fn read(blob: &Blob, budget: &Budget) -> Option<Container> {
    let end = find_end(blob)?;
    let record: [u8; 22] = blob.array(end)?;
    let [count, comment] = [u16_at(&record, 10)?, u16_at(&record, 20)?];
    let [length, start] = [u32_at(&record, 12)?, u32_at(&record, 16)?];
    // Some look for the directory where it is said to be, others right before this record.
    (start + length == end && end + END_LENGTH + comment == blob.len()).then_some(())?;
    let directory = blob.part(start, length)?;
    let members = members(&directory)?;
    // Some read as many headers as are counted, others all of them.
    (members.len() as u64 == count).then_some(())?;
    let spans = members.iter().map(|member| member.span(blob)).collect::<Option<Vec<Span>>>()?;
    let (spans, done) = in_file(spans)?;
    let mut container = Container::default();
    container.rest.extend(&record[4..10]);
    container.rest.extend(unknown(&blob.slice(end + END_LENGTH, comment)?)?);
    // Between the last member and the directory.
    container.rest.extend(unknown(&blob.slice(done, start.checked_sub(done)?)?)?);
    for (member, span) in members.iter().zip(spans) {
        let (entry, content) = member.entry(blob, &span, budget)?;
        container.add(entry, content, budget)?;
    }
    Some(container)
}

fn find_end(blob: &Blob) -> Option<u64> {
    let start = blob.len().saturating_sub(END_LENGTH + u64::from(u16::MAX));
    let tail = blob.part(start, blob.len() - start)?;
    let at = start + memchr::memmem::rfind(&tail, END)? as u64;
    let locator = at.checked_sub(LOCATOR_LENGTH).and_then(|at| blob.array(at));
    (locator.as_ref().map(|start: &[u8; 4]| &start[..]) != Some(LOCATOR)).then_some(at)
}

/// A member as the central directory describes it.
struct Member<'d> {
    header: &'d [u8],
    name: &'d [u8],
    extra: &'d [u8],
    comment: &'d [u8],
}

/// Where a member is in the file.
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    start: u64,
    data: u64,
    /// Behind the packed content, and behind the descriptor that may follow it.
    data_end: u64,
    end: u64,
    /// The number of members before it, and the end of the last of them.
    place: u64,
    before: u64,
}

/// The headers of a directory, which consists of nothing else.
fn members(mut directory: &[u8]) -> Option<Vec<Member<'_>>> {
    let mut members = Vec::new();
    while !directory.is_empty() {
        let (header, rest) = directory.split_at_checked(CENTRAL_LENGTH)?;
        header.starts_with(CENTRAL).then_some(())?;
        let lengths = [u16_at(header, 28)?, u16_at(header, 30)?, u16_at(header, 32)?];
        let [name, extra, comment] = lengths.map(|length| usize::try_from(length).unwrap_or(0));
        let (name, rest) = rest.split_at_checked(name)?;
        let (extra, rest) = rest.split_at_checked(extra)?;
        let (comment, rest) = rest.split_at_checked(comment)?;
        members.push(Member { header, name, extra, comment });
        directory = rest;
    }
    Some(members)
}

/// The order of the members, and the end of the last one; `None` if two overlap, so that no more
/// bytes are read than the file has.
fn in_file(mut spans: Vec<Span>) -> Option<(Vec<Span>, u64)> {
    let mut order: Vec<&mut Span> = spans.iter_mut().collect();
    order.sort_by_key(|span| span.start);
    let mut done = 0;
    for (place, span) in order.into_iter().enumerate() {
        (done <= span.start).then_some(())?;
        (span.place, span.before) = (place as u64, done);
        done = span.end;
    }
    Some((spans, done))
}

impl Member<'_> {
    fn span(&self, blob: &Blob) -> Option<Span> {
        let start = u32_at(self.header, 42)?;
        let local: [u8; 30] = blob.array(start)?;
        local.starts_with(LOCAL).then_some(())?;
        let data = start + LOCAL_LENGTH + u16_at(&local, 26)? + u16_at(&local, 28)?;
        let data_end = data + u32_at(self.header, 20)?;
        let end = data_end + self.descriptor(blob, data_end)?;
        Some(Span { start, data, data_end, end, ..Span::default() })
    }

    /// How long the data descriptor is, 4.3.9, which repeats checksum and lengths; its signature
    /// is optional. One that does not repeat them is none, so its bytes count.
    fn descriptor(&self, blob: &Blob, at: u64) -> Option<u64> {
        let signature = blob.array(at) == Some(*b"PK\x07\x08");
        let length = if signature { 4 } else { 0 };
        let repeated = blob.array(at + length) == Some(self.sums());
        Some(if u16_at(self.header, 8)? & 8 != 0 && repeated { length + 12 } else { 0 })
    }

    /// Checksum, packed length and length.
    fn sums(&self) -> [u8; 12] {
        std::array::from_fn(|at| self.header[16 + at])
    }

    fn entry(&self, blob: &Blob, span: &Span, budget: &Budget) -> Option<(Entry, Content)> {
        let header = self.header;
        let packed = blob.slice(span.data, span.data_end - span.data)?;
        let [method, length] = [u16_at(header, 10)?, u32_at(header, 24)?];
        let (content, read, measure) = match method {
            0 => {
                let measure = measure(packed.reader(), length, budget)?;
                (Content::Plain(packed.clone()), measure.length, measure)
            }
            8 => {
                let (read, measure) = inflate(&packed, length, budget)?;
                (Content::Deflated(packed.clone(), length), read, measure)
            }
            _ => return None,
        };
        // No byte stands behind the end of a stream, where nothing would look at it.
        let told = u32_at(header, 16)? == u64::from(measure.checksum);
        (told && read == packed.len() && measure.length == length).then_some(())?;
        let mut entry = self.shared_out(blob, span)?;
        entry.packed = Some(digest(&packed)?);
        entry.content = Some(measure.digest);
        Some((entry, content))
    }

    /// The bytes of both headers and around them, by their meaning.
    fn shared_out(&self, blob: &Blob, span: &Span) -> Option<Entry> {
        let header = self.header;
        let local: [u8; 30] = blob.array(span.start)?;
        let [name_length, extra_length] = [u16_at(&local, 26)?, u16_at(&local, 28)?];
        let name = blob.part(span.start + LOCAL_LENGTH, name_length)?;
        let extra = blob.part(span.start + LOCAL_LENGTH + name_length, extra_length)?;
        let mut entry = Entry { name: self.name.to_vec(), place: span.place, ..Entry::default() };
        entry.times = [&header[12..16], &local[10..14]].concat();
        // The upper half of the external attributes is Unix's mode, with the kind of the file.
        let mode = u16_at(header, 40)?;
        entry.mode = (mode & PERMISSIONS).to_le_bytes()[..2].to_vec();
        if mode & KIND == SYMBOLIC_LINK {
            entry.kind = Kind::SymbolicLink;
        } else if self.name.ends_with(b"/") {
            entry.kind = Kind::Directory;
        }
        // Bits 1 and 2 tell the level of the compression.
        entry.packing = [&header[10..12], &[header[8] & 6, local[6] & 6]].concat();
        let steady = [header[8] & !6, header[9], local[6] & !6, local[7]];
        let steady_mode = (mode & !PERMISSIONS).to_le_bytes();
        let steady = [&header[4..8], &steady[..], &header[34..40], &steady_mode[..2]].concat();
        entry.other = [&steady[..], &local[4..6]].concat();
        // Method, checksum and lengths stand there a second time; zeros if a descriptor follows.
        for (second, first) in [(&local[8..10], &header[10..12]), (&local[14..26], &header[16..28])]
        {
            add_piece(&mut entry.other, if second == first { &[] } else { second });
        }
        // Whether the descriptor has a signature shows nowhere else.
        entry.other.extend((span.end - span.data_end).to_le_bytes());
        let gap = unknown(&blob.slice(span.before, span.start - span.before)?)?;
        for piece in [name.as_slice(), self.comment, gap.as_slice()] {
            add_piece(&mut entry.other, piece);
        }
        for extra in [self.extra, &extra] {
            share_out_fields(extra, &mut entry);
        }
        Some(entry)
    }
}

/// Shares out extra fields, 4.5: times (NTFS and "UT"), owners ("ux"), the rest. A field that
/// violates its definition can contain anything, so it is part of the rest.
fn share_out_fields(mut extra: &[u8], entry: &mut Entry) {
    let mut rest = Vec::new();
    while let Some(length) = u16_at(extra, 2) {
        let end = 4 + usize::try_from(length).unwrap_or(0);
        let Some((field, behind)) = extra.split_at_checked(end) else { break };
        let (head, part) = match field {
            [0x55, 0x54, 5 | 9 | 13, 0, ..] => (5, &mut entry.times),
            [0x0a, 0, 32, 0, _, _, _, _, 1, 0, 24, 0, ..] => (12, &mut entry.times),
            [0x75, 0x78, 11, 0, 1, 4, _, _, _, _, 4, ..] => (6, &mut entry.owner),
            field => (field.len(), &mut entry.owner),
        };
        rest.extend_from_slice(&field[..head]);
        part.extend_from_slice(&field[head..]);
        extra = behind;
    }
    rest.extend_from_slice(extra);
    add_piece(&mut entry.other, &rest);
}

/// The time of an entry, 4.4.6, as if it were one of UTC: `Entry::times` starts with it.
pub(super) fn seconds(times: &[u8]) -> Option<i64> {
    let [time, date] = [u16_at(times, 0)?, u16_at(times, 2)?].map(u64::cast_signed);
    let [day, month, year] = [date & 31, date >> 5 & 15, (date >> 9) + 1980];
    calendar::seconds([year, month, day, time >> 11, time >> 5 & 63, 2 * (time & 31)])
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..at + 2)?;
    Some(u64::from(u16::from_le_bytes([field[0], field[1]])))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..at + 4)?;
    Some(u64::from(u32::from_le_bytes([field[0], field[1], field[2], field[3]])))
}
