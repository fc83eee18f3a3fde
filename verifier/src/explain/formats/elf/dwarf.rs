//! Separates the strings from the structure of debug information. In the structure, offsets into
//! string tables are replaced by the strings themselves, so files whose paths have different
//! lengths can be compared.
//!
//! Sources: DWARF 5, sections 6.2 (lines), 6.3 (macros) and 7.5 (units, forms); the GNU extension
//! for macros in DWARF 4 has the same form.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::rc::Rc;

use base::vocabulary::Sha256;
use base::vocabulary::digest::Hashing;

use super::cursor::{Cursor, starts};

/// So many attributes are read, and eight times as many bytes of strings: a hostile file can have
/// many of them in few bytes.
const MOST_STEPS: u64 = 100_000_000;

/// Sections without strings that could hold a path, and without offsets of strings.
const PLAIN: [&[u8]; 14] = [
    b".debug_abbrev",
    b".debug_addr",
    b".debug_aranges",
    b".debug_frame",
    b".debug_gnu_pubnames",
    b".debug_gnu_pubtypes",
    b".debug_loc",
    b".debug_loclists",
    b".debug_pubnames",
    b".debug_pubtypes",
    b".debug_ranges",
    b".debug_rnglists",
    b".gdb_index",
    b".gnu_debuglink",
];

/// Debug information of one file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decoded<'s> {
    /// The digest of everything but strings and offsets of strings.
    pub(super) structure: Sha256,
    /// All strings, where they are used; then those that nobody uses.
    pub(super) strings: Vec<&'s [u8]>,
}

/// Decodes sections, each with its name; `None` if one of them is not as it should be.
pub(super) fn decode<'s>(sections: &[(&[u8], &'s [u8])]) -> Option<Decoded<'s>> {
    let mut decoder = Decoder::new(sections)?;
    for &(name, data) in sections {
        decoder.keep(name);
        match name {
            b".debug_str" | b".debug_line_str" => {}
            b".debug_info" => decoder.units(data, false)?,
            b".debug_types" => decoder.units(data, true)?,
            b".debug_line" => decoder.lines(data)?,
            b".debug_names" => decoder.index(data)?,
            b".debug_macro" => decoder.macros(data)?,
            b".debug_str_offsets" => decoder.offsets(data)?,
            name if name == super::file::COMMAND_LINE => decoder.strings.push(data),
            name if PLAIN.contains(&name) => decoder.keep(data),
            _ => return None,
        }
    }
    Some(decoder.finish())
}

/// A table of strings, and which of them are used.
#[derive(Default)]
struct Table<'s> {
    data: &'s [u8],
    starts: Vec<usize>,
    used: Vec<bool>,
}

impl<'s> Table<'s> {
    fn new(data: &'s [u8]) -> Self {
        let ends = memchr::memchr_iter(0, data).map(|end| end + 1).filter(|end| *end < data.len());
        let starts: Vec<usize> = (!data.is_empty()).then_some(0).into_iter().chain(ends).collect();
        let used = vec![false; starts.len()];
        Self { data, starts, used }
    }

    /// The string from an offset on, which may be the end of a longer one.
    fn get(&mut self, offset: u64) -> Option<&'s [u8]> {
        let offset = usize::try_from(offset).ok()?;
        let index = self.starts.partition_point(|start| *start <= offset).checked_sub(1)?;
        let string = self.string(offset, index)?;
        self.used[index] = true;
        Some(string)
    }

    /// The part from `offset` on of the string with this number.
    fn string(&self, offset: usize, index: usize) -> Option<&'s [u8]> {
        let next = self.starts.get(index + 1).copied().unwrap_or(self.data.len());
        let string = self.data.get(offset..next)?;
        Some(string.strip_suffix(b"\0").unwrap_or(string))
    }

    fn unused(&self) -> impl Iterator<Item = &'s [u8]> {
        let unused = self.starts.iter().enumerate().filter(|(index, _)| !self.used[*index]);
        unused.filter_map(|(index, start)| self.string(*start, index))
    }
}

/// What a unit says of the sizes of its values.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) version: u64,
    pub(super) wide: bool,
    pub(super) address: usize,
}

pub(super) enum Value<'s> {
    String(&'s [u8]),
    /// It may be an offset.
    Number(u64),
    Other,
}

/// Pairs of attribute and form, by the code of an abbreviation.
type Abbreviations = BTreeMap<u64, Vec<(u64, u64)>>;

pub(super) struct Decoder<'s> {
    texts: Table<'s>,
    line_texts: Table<'s>,
    abbreviations: &'s [u8],
    /// The abbreviations at an offset, which are those of the unit before.
    last: Option<(u64, Rc<Abbreviations>)>,
    /// Where units of `.debug_line` start.
    lines: Vec<u64>,
    steps: u64,
    structure: Hashing<std::io::Sink>,
    strings: Vec<&'s [u8]>,
}

impl<'s> Decoder<'s> {
    fn new(sections: &[(&[u8], &'s [u8])]) -> Option<Self> {
        let only = |wanted: &[u8]| {
            let mut of_name = sections.iter().filter(|(name, _)| *name == wanted);
            let data = of_name.next().map_or(&[][..], |(_, data)| *data);
            of_name.next().is_none().then_some(data)
        };
        Some(Self {
            texts: Table::new(only(b".debug_str")?),
            line_texts: Table::new(only(b".debug_line_str")?),
            abbreviations: only(b".debug_abbrev")?,
            last: None,
            lines: starts(only(b".debug_line")?)?,
            steps: 0,
            structure: Hashing::new(std::io::sink()),
            strings: Vec::new(),
        })
    }

    fn finish(mut self) -> Decoded<'s> {
        self.strings.extend(self.texts.unused().chain(self.line_texts.unused()));
        Decoded { structure: self.structure.digest(), strings: self.strings }
    }

    /// Bytes that belong to the structure.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        self.structure.write_all(&bytes.len().to_le_bytes()).expect("a sink takes everything");
        self.structure.write_all(bytes).expect("a sink takes everything");
    }

    /// Keeps the bytes before a value, and `instead` in place of the value.
    fn cut(&mut self, cursor: &Cursor<'s>, kept: &mut usize, from: usize, instead: &[u8]) {
        self.keep(&cursor.data[*kept..from]);
        self.keep(instead);
        *kept = cursor.at;
    }

    /// Reads a value, and takes it out if it is a string.
    pub(super) fn value(
        &mut self,
        cursor: &mut Cursor<'s>,
        kept: &mut usize,
        form: u64,
        shape: Shape,
    ) -> Option<Value<'s>> {
        let from = cursor.at;
        self.steps += 1;
        (self.steps <= MOST_STEPS).then_some(())?;
        let value = self.value_of(cursor, form, shape)?;
        if let Value::String(string) = value {
            self.steps += string.len() as u64 / 8;
            self.cut(cursor, kept, from, b"a string");
            self.strings.push(string);
        }
        Some(value)
    }

    fn value_of(&mut self, cursor: &mut Cursor<'s>, form: u64, shape: Shape) -> Option<Value<'s>> {
        let offset = if shape.wide { 8 } else { 4 };
        let size = match form {
            // string
            0x08 => return Some(Value::String(cursor.string()?)),
            // strp
            0x0e => return Some(Value::String(self.texts.get(cursor.offset(shape.wide)?)?)),
            // line_strp
            0x1f => return Some(Value::String(self.line_texts.get(cursor.offset(shape.wide)?)?)),
            // data4, data8, sec_offset
            0x06 => return Some(Value::Number(cursor.number(4)?)),
            0x07 => return Some(Value::Number(cursor.number(8)?)),
            0x17 => return Some(Value::Number(cursor.offset(shape.wide)?)),
            // indirect
            0x16 => {
                let form = cursor.leb().filter(|form| *form != 0x16)?;
                return self.value_of(cursor, form, shape);
            }
            // flag_present, implicit_const
            0x19 | 0x21 => 0,
            // data1, flag, ref1, strx1, addrx1
            0x0b | 0x0c | 0x11 | 0x25 | 0x29 => 1,
            // data2, ref2, strx2, addrx2
            0x05 | 0x12 | 0x26 | 0x2a => 2,
            // strx3, addrx3
            0x27 | 0x2b => 3,
            // ref4, ref_sup4, strx4, addrx4
            0x13 | 0x1c | 0x28 | 0x2c => 4,
            // ref8, ref_sig8, ref_sup8; data16
            0x14 | 0x20 | 0x24 => 8,
            0x1e => 16,
            // addr; ref_addr
            0x01 => shape.address,
            0x10 => {
                if shape.version == 2 {
                    shape.address
                } else {
                    offset
                }
            }
            // strp_sup, GNU_ref_alt, GNU_strp_alt
            0x1d | 0x1f20 | 0x1f21 => offset,
            // sdata, udata, ref_udata, strx, addrx, loclistx, rnglistx
            // GNU_addr_index, GNU_str_index
            0x0d | 0x0f | 0x15 | 0x1a | 0x1b | 0x22 | 0x23 | 0x1f01 | 0x1f02 => {
                cursor.leb()?;
                0
            }
            // block1, block2, block4; block, exprloc
            0x0a => usize::try_from(cursor.number(1)?).ok()?,
            0x03 => usize::try_from(cursor.number(2)?).ok()?,
            0x04 => usize::try_from(cursor.number(4)?).ok()?,
            0x09 | 0x18 => usize::try_from(cursor.leb()?).ok()?,
            _ => return None,
        };
        cursor.take(size)?;
        Some(Value::Other)
    }

    fn units(&mut self, data: &'s [u8], of_types: bool) -> Option<()> {
        let mut cursor = Cursor::new(data);
        while !cursor.is_at_end() {
            self.unit(&mut cursor, of_types)?;
        }
        Some(())
    }

    fn unit(&mut self, cursor: &mut Cursor<'s>, of_types: bool) -> Option<()> {
        let mut kept = cursor.at;
        let (end, wide) = cursor.unit()?;
        let version = cursor.number(2).filter(|version| (2..=5).contains(version))?;
        let (kind, address, abbreviations) = if version == 5 {
            (cursor.number(1)?, cursor.number(1)?, cursor.offset(wide)?)
        } else {
            let abbreviations = cursor.offset(wide)?;
            (if of_types { 2 } else { 1 }, cursor.number(1)?, abbreviations)
        };
        match kind {
            // compile, partial
            1 | 3 => 0,
            // skeleton, split_compile
            4 | 5 => cursor.number(8)?,
            // type, split_type
            2 | 6 => cursor.number(8).and(cursor.offset(wide))?,
            _ => return None,
        };
        let shape = Shape { version, wide, address: usize::try_from(address).ok()? };
        let abbreviations = self.abbreviations(abbreviations)?;
        while cursor.at < end {
            let code = cursor.leb()?;
            if code == 0 {
                continue;
            }
            for (attribute, form) in abbreviations.get(&code)? {
                self.attribute(cursor, &mut kept, (*attribute, *form), shape)?;
            }
        }
        self.keep(&cursor.data[kept..cursor.at]);
        (cursor.at == end).then_some(())
    }

    fn attribute(
        &mut self,
        cursor: &mut Cursor<'s>,
        kept: &mut usize,
        (attribute, form): (u64, u64),
        shape: Shape,
    ) -> Option<()> {
        const STMT_LIST: u64 = 0x10;
        let from = cursor.at;
        let value = self.value(cursor, kept, form, shape)?;
        if let Value::Number(offset) = value
            && attribute == STMT_LIST
        {
            self.line_unit(cursor, kept, from, offset);
        }
        Some(())
    }

    /// An offset into `.debug_line` becomes the number of the unit there.
    pub(super) fn line_unit(
        &mut self,
        cursor: &Cursor<'s>,
        kept: &mut usize,
        from: usize,
        offset: u64,
    ) {
        if let Ok(number) = self.lines.binary_search(&offset) {
            self.cut(cursor, kept, from, &number.to_le_bytes());
        }
    }

    fn abbreviations(&mut self, offset: u64) -> Option<Rc<Abbreviations>> {
        const IMPLICIT_CONST: u64 = 0x21;
        if let Some((last, abbreviations)) = &self.last
            && *last == offset
        {
            return Some(Rc::clone(abbreviations));
        }
        let mut cursor = Cursor { data: self.abbreviations, at: usize::try_from(offset).ok()? };
        let mut all = Abbreviations::new();
        loop {
            let code = cursor.leb()?;
            if code == 0 {
                break;
            }
            // The tag, and whether there are children.
            cursor.leb()?;
            cursor.take(1)?;
            let mut attributes = Vec::new();
            loop {
                self.steps += 1;
                (self.steps <= MOST_STEPS).then_some(())?;
                let (attribute, form) = (cursor.leb()?, cursor.leb()?);
                if form == IMPLICIT_CONST {
                    cursor.leb()?;
                }
                if (attribute, form) == (0, 0) {
                    break;
                }
                attributes.push((attribute, form));
            }
            all.insert(code, attributes);
        }
        let all = Rc::new(all);
        self.last = Some((offset, Rc::clone(&all)));
        Some(all)
    }
}
