//! Tars. Source: POSIX.1-2017, "pax", with GNU's long names.

use std::collections::BTreeMap;

use builder::sys::archive::Limits;

use super::super::blob::Blob;
use super::{Container, Entry, digest};

const BLOCK: u64 = 512;
/// A pax header or a long name is no longer.
const MOST_HEADER: u64 = 1 << 20;

/// Reads a tar; `None` if it is broken.
pub(super) fn read(blob: &Blob) -> Option<Container> {
    let mut container = Container { entries: Vec::new(), contents: Vec::new(), rest: Vec::new() };
    let mut at = 0;
    let mut extended = Extended::default();
    loop {
        let header: [u8; 512] = blob.array(at)?;
        if header == [0; 512] {
            break;
        }
        let length = number(&header[124..136])?;
        let content = blob.slice(at + BLOCK, length)?;
        let padding = (BLOCK - length % BLOCK) % BLOCK;
        let padded = blob.part(at + BLOCK + length, padding)?;
        // Padding is of zeros; whatever else somebody put there counts.
        container.rest.extend(padded.into_iter().filter(|byte| *byte != 0));
        at += BLOCK + length + padding;
        (checksum(&header) == number(&header[148..156])?).then_some(())?;
        match header[156] {
            b'x' | b'g' | b'L' | b'K' => extended.read(&header, &content)?,
            _ => {
                let (entry, content) = std::mem::take(&mut extended).entry(&header, content)?;
                container.entries.push(entry);
                container.contents.push(content);
            }
        }
        (container.entries.len() <= Limits::default().members).then_some(())?;
    }
    // The end is filled up to a multiple of the record size.
    container.rest.extend(blob.len().checked_sub(at)?.to_le_bytes());
    let tail = blob.part(at, (blob.len() - at).min(MOST_HEADER))?;
    container.rest.extend(tail.into_iter().filter(|byte| *byte != 0));
    Some(container)
}

/// What headers before an entry's own say of it.
#[derive(Default)]
struct Extended {
    name: Option<Vec<u8>>,
    times: Vec<u8>,
    owner: Vec<u8>,
    other: Vec<u8>,
}

impl Extended {
    fn read(&mut self, header: &[u8; 512], content: &Blob) -> Option<()> {
        let content = content.read(MOST_HEADER).ok()??;
        self.times.extend_from_slice(&header[136..148]);
        self.owner.extend_from_slice(&header[108..124]);
        self.other.push(header[156]);
        // A pax header's own name may hold the number of the process that wrote it.
        match header[156] {
            b'L' => self.name = Some(content.split(|byte| *byte == 0).next()?.to_vec()),
            b'K' => self.other.extend(content),
            _ => {
                for (key, value) in records(&content)? {
                    match key.as_slice() {
                        b"path" => self.name = Some(value),
                        b"mtime" | b"atime" | b"ctime" => self.times.extend([key, value].concat()),
                        b"uid" | b"gid" | b"uname" | b"gname" => {
                            self.owner.extend([key, value].concat());
                        }
                        _ => self.other.extend([key, value].concat()),
                    }
                }
            }
        }
        Some(())
    }

    fn entry(self, header: &[u8; 512], content: Blob) -> Option<(Entry, Blob)> {
        let text = |from: usize, to: usize| {
            header[from..to].split(|byte| *byte == 0).next().unwrap_or_default()
        };
        let prefix = text(345, 500);
        let short = match prefix {
            [] => text(0, 100).to_vec(),
            prefix => [prefix, b"/", text(0, 100)].concat(),
        };
        let is_file = matches!(header[156], 0 | b'0' | b'7');
        let entry = Entry {
            name: self.name.unwrap_or(short),
            place: 0,
            times: [&header[136..148], &self.times].concat(),
            mode: header[100..108].to_vec(),
            owner: [&header[108..124], &header[265..329], &self.owner].concat(),
            packing: Vec::new(),
            content: if is_file { Some(digest(content.reader()).ok()?) } else { None },
            // Type, target of a link, magic, device numbers.
            other: [&header[156..265], &header[329..345], &header[500..], &self.other].concat(),
        };
        Some((entry, content))
    }
}

/// `<length> <key>=<value>\n`, sorted.
fn records(mut content: &[u8]) -> Option<BTreeMap<Vec<u8>, Vec<u8>>> {
    let mut records = BTreeMap::new();
    while !content.is_empty() {
        let blank = content.iter().position(|byte| *byte == b' ')?;
        let length: usize = std::str::from_utf8(&content[..blank]).ok()?.parse().ok()?;
        let record = content.get(blank + 1..length)?.strip_suffix(b"\n")?;
        let equals = record.iter().position(|byte| *byte == b'=')?;
        records.insert(record[..equals].to_vec(), record[equals + 1..].to_vec());
        content = &content[length..];
    }
    Some(records)
}

/// Octal digits, or GNU's base 256.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        let (sign, low) = field.split_at(field.len() - 8);
        let positive = sign[0] == 0x80 && sign[1..].iter().all(|byte| *byte == 0);
        return positive.then(|| u64::from_be_bytes(low.try_into().expect("eight bytes")));
    }
    let digits = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    if digits.is_empty() { Some(0) } else { u64::from_str_radix(digits, 8).ok() }
}

/// The sum of all bytes of a header, its own field as blanks.
fn checksum(header: &[u8; 512]) -> u64 {
    let bytes = header.iter().enumerate();
    bytes.map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) }).sum()
}
