//! Tars. Source: POSIX.1-2017, "pax", with GNU's long names.
//!
//! Every byte of a header counts. Well-formed times, modes and owners get claims; all other bytes
//! are in `Entry::other`, piece by piece.

use std::ops::Range;

use super::content::{Content, add_piece, digest, unknown};
use super::entry::{Container, Entry, Kind};
use crate::explain::blob::Blob;
use crate::explain::budget::Budget;

const BLOCK: u64 = 512;
/// The maximum length of a pax header or a long name.
const MOST_HEADER: u64 = 1 << 20;

type Header = [u8; 512];

const NAME: Range<usize> = 0..100;
const MODE: Range<usize> = 100..108;
const USER: Range<usize> = 108..116;
const GROUP: Range<usize> = 116..124;
const SIZE: Range<usize> = 124..136;
const TIME: Range<usize> = 136..148;
const CHECKSUM: Range<usize> = 148..156;
const TYPE: usize = 156;
const TYPE_AND_TARGET: Range<usize> = 156..257;
const MAGIC: Range<usize> = 257..265;
const USER_NAME: Range<usize> = 265..297;
const GROUP_NAME: Range<usize> = 297..329;
const DEVICE: Range<usize> = 329..345;
const PREFIX: Range<usize> = 345..500;
const END: Range<usize> = 500..512;

/// Reads a tar; `None` if it is broken.
pub(super) fn read(blob: &Blob, budget: &Budget) -> Option<Container> {
    let mut container = Container::default();
    let mut at = 0;
    let mut parts = Parts::default();
    loop {
        let header: Header = blob.array(at)?;
        if header == [0; 512] {
            break;
        }
        (checksum(&header) == number(&header[CHECKSUM])?).then_some(())?;
        let length = number(&header[SIZE])?;
        let content = blob.slice(at + BLOCK, length)?;
        let padding = blob.part(at + BLOCK + length, length.wrapping_neg() % BLOCK)?;
        at += BLOCK + length + padding.len() as u64;
        match header[TYPE] {
            b'x' | b'L' | b'K' => parts.add_extended(&header, &content, &padding, budget)?,
            b'g' => {
                parts.is_empty().then_some(())?;
                parts.add_extended(&header, &content, &padding, budget)?;
                // It holds for all that follow, so it is none of theirs, and its place counts.
                container.rest.extend((container.entries.len() as u64).to_le_bytes());
                let entry = std::mem::take(&mut parts).into_entry(&header);
                container.add(entry, Content::none(), budget)?;
            }
            _ => {
                parts.add_member(&header, &content, &padding)?;
                let kind = match header[TYPE] {
                    b'1' => Kind::HardLink,
                    b'2' => Kind::SymbolicLink,
                    b'5' => Kind::Directory,
                    _ => Kind::File,
                };
                let entry = Entry { kind, ..std::mem::take(&mut parts).into_entry(&header) };
                container.add(entry, Content::Plain(content), budget)?;
            }
        }
    }
    parts.is_empty().then_some(())?;
    // Zeros up to a multiple of the record size; whatever else somebody put there counts.
    container.rest.extend(unknown(&blob.slice(at, blob.len() - at)?)?);
    Some(container)
}

/// What an entry's header says of it, and those before that.
#[derive(Default)]
struct Parts {
    /// A name that is too long for the entry's own header.
    long_name: Option<Vec<u8>>,
    entry: Entry,
}

impl Parts {
    fn is_empty(&self) -> bool {
        self.entry.other.is_empty()
    }

    /// The header of an entry.
    fn add_member(&mut self, header: &Header, content: &Blob, padding: &[u8]) -> Option<()> {
        self.add_header(header);
        let Entry { mode, other, .. } = &mut self.entry;
        share_out(&header[MODE], is_number, mode, other);
        add_piece(other, without_zeros(padding));
        // Of any type: what one program passes over is a file to another.
        self.entry.content = Some(digest(content)?);
        Some(())
    }

    /// A header that only says something of the entry after it, or of all.
    fn add_extended(
        &mut self,
        header: &Header,
        content: &Blob,
        padding: &[u8],
        budget: &Budget,
    ) -> Option<()> {
        budget.keep(BLOCK + content.len())?;
        self.add_header(header);
        let content = content.read(MOST_HEADER).ok()??;
        for piece in [&header[MODE], without_zeros(padding)] {
            add_piece(&mut self.entry.other, piece);
        }
        match header[TYPE] {
            b'L' => {
                self.long_name = Some(content.split(|byte| *byte == 0).next()?.to_vec());
                add_piece(&mut self.entry.other, &content);
            }
            b'K' => add_piece(&mut self.entry.other, &content),
            _ => self.add_records(&content)?,
        }
        Some(())
    }

    /// What all headers have, but the mode.
    fn add_header(&mut self, header: &Header) {
        let Entry { times, owner, other, .. } = &mut self.entry;
        share_out(&header[TIME], is_number, times, other);
        share_out(&header[USER], is_number, owner, other);
        share_out(&header[GROUP], is_number, owner, other);
        share_out(&header[USER_NAME], is_text, owner, other);
        share_out(&header[GROUP_NAME], is_text, owner, other);
        for field in [NAME, TYPE_AND_TARGET, MAGIC, DEVICE, PREFIX, END] {
            add_piece(other, without_zeros(&header[field]));
        }
        // The numbers themselves follow from the rest.
        for field in [SIZE, CHECKSUM] {
            add_piece(other, &spelling(&header[field]));
        }
    }

    /// The records of a pax header, unchanged. A claimed record keeps its place among the others:
    /// some programs omit times of whole seconds.
    fn add_records(&mut self, content: &[u8]) -> Option<()> {
        let (mut unclaimed, mut others, mut owners) = (Vec::new(), 0, 0);
        let mut rest = content;
        while !rest.is_empty() {
            let record;
            (record, rest) = rest.split_at_checked(record_length(rest)?)?;
            let (key, value) = key_and_value(record)?;
            let Entry { times, owner, .. } = &mut self.entry;
            if is_time(key, value) {
                add_record(times, others + owners, record);
            } else if is_owner(key, value) {
                add_record(owner, others, record);
                owners += 1;
            } else {
                unclaimed.extend_from_slice(record);
                others += 1;
            }
            match key {
                b"path" => self.long_name = Some(value.to_vec()),
                // Programs disagree on whether it or the header's is the size.
                b"size" => return None,
                _ => (),
            }
        }
        add_piece(&mut self.entry.other, &unclaimed);
        Some(())
    }

    fn into_entry(self, header: &Header) -> Entry {
        let text =
            |field: Range<usize>| header[field].split(|byte| *byte == 0).next().unwrap_or_default();
        // GNU's own format has times in place of the prefix.
        let prefix = if header[MAGIC].starts_with(b"ustar\0") { text(PREFIX) } else { b"" };
        let short = match prefix {
            [] => text(NAME).to_vec(),
            prefix => [prefix, b"/", text(NAME)].concat(),
        };
        Entry { name: self.long_name.unwrap_or(short), ..self.entry }
    }
}

/// Adds a field to the parts for claims if it has the form of such a field; otherwise it can
/// contain anything.
fn share_out(field: &[u8], has_form: fn(&[u8]) -> bool, part: &mut Vec<u8>, other: &mut Vec<u8>) {
    let (claimed, left) = if has_form(field) { (field, &b""[..]) } else { (&b""[..], field) };
    part.extend_from_slice(claimed);
    add_piece(other, left);
}

fn is_time(key: &[u8], value: &[u8]) -> bool {
    matches!(key, b"mtime" | b"atime" | b"ctime") && is_decimal(value)
}

fn is_owner(key: &[u8], value: &[u8]) -> bool {
    matches!(key, b"uname" | b"gname") || matches!(key, b"uid" | b"gid") && is_decimal(value)
}

/// Adds a record with the number of records before it.
fn add_record(part: &mut Vec<u8>, place: usize, record: &[u8]) {
    part.extend(format!("{place} ").into_bytes());
    part.extend_from_slice(record);
}

/// `<length> <key>=<value>\n`: the length.
fn record_length(content: &[u8]) -> Option<usize> {
    let blank = content.iter().position(|byte| *byte == b' ')?;
    std::str::from_utf8(&content[..blank]).ok()?.parse().ok()
}

fn key_and_value(record: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = record.iter().position(|byte| *byte == b' ')? + 1;
    let record = record.get(start..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some((&record[..equals], &record[equals + 1..]))
}

/// Octal digits, before them blanks, after them blanks or zeros; or GNU's base 256.
fn number(field: &[u8]) -> Option<u64> {
    if let [0x80, rest @ ..] = field {
        return rest
            .iter()
            .try_fold(0_u64, |number, byte| Some(number.checked_mul(256)? | u64::from(*byte)));
    }
    let blanks = field.iter().take_while(|byte| **byte == b' ').count();
    let digits = field[blanks..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, end) = field[blanks..].split_at(digits);
    end.iter().all(|byte| matches!(byte, 0 | b' ')).then_some(())?;
    match digits {
        [] => Some(0),
        digits => u64::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok(),
    }
}

fn is_number(field: &[u8]) -> bool {
    number(field).is_some()
}

/// Whether nothing follows the zero at the end of a text.
fn is_text(field: &[u8]) -> bool {
    !without_zeros(field).contains(&0)
}

fn is_decimal(value: &[u8]) -> bool {
    value.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'))
}

/// A field of a known length, which the zeros at its end follow from.
fn without_zeros(field: &[u8]) -> &[u8] {
    let zeros = field.iter().rev().take_while(|byte| **byte == 0).count();
    &field[..field.len() - zeros]
}

/// The part of a number field that does not follow from the number: in the usual form, its digit
/// count and its terminator; else the whole field.
fn spelling(field: &[u8]) -> Vec<u8> {
    let digits = field.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, end) = field.split_at(digits);
    let usual = !digits.is_empty() && end.len() <= 2;
    if usual { [b"0".repeat(digits.len()).as_slice(), end].concat() } else { field.to_vec() }
}

/// The sum of all bytes of a header, its own field as blanks.
pub(super) fn checksum(header: &Header) -> u64 {
    let bytes = header.iter().enumerate();
    bytes.map(|(at, byte)| if CHECKSUM.contains(&at) { 32 } else { u64::from(*byte) }).sum()
}
