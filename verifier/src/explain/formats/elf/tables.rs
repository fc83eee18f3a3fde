//! Debug information that is not a tree: line tables, macros, indices and offsets of strings.

use super::cursor::Cursor;
use super::dwarf::{Decoder, Shape};

/// The only forms that a table of macros has.
const STRING: u64 = 0x08;
const STRP: u64 = 0x0e;

impl<'s> Decoder<'s> {
    /// `.debug_line`. Lengths of units and of their headers follow from what is in them.
    pub(super) fn lines(&mut self, data: &'s [u8]) -> Option<()> {
        let mut cursor = Cursor::new(data);
        while !cursor.is_at_end() {
            self.line_program(&mut cursor)?;
        }
        Some(())
    }

    fn line_program(&mut self, cursor: &mut Cursor<'s>) -> Option<()> {
        let (end, wide) = cursor.unit()?;
        let start = cursor.at;
        let version = cursor.number(2).filter(|version| (2..=5).contains(version))?;
        let mut address = 8;
        if version == 5 {
            address = usize::try_from(cursor.number(1)?).ok()?;
            // The size of segment selectors.
            cursor.number(1)?;
        }
        self.keep(&cursor.data[start..cursor.at]);
        let length = usize::try_from(cursor.offset(wide)?).ok()?;
        let program = cursor.at.checked_add(length).filter(|program| *program <= end)?;
        let mut kept = cursor.at;
        // How instructions are written, and how many operands the standard ones have.
        cursor.take(if version < 4 { 4 } else { 5 })?;
        let instructions = usize::try_from(cursor.number(1)?).ok()?;
        cursor.take(instructions.checked_sub(1)?)?;
        let shape = Shape { version, wide, address };
        if version == 5 {
            self.entries(cursor, &mut kept, shape)?;
            self.entries(cursor, &mut kept, shape)?;
        } else {
            self.names(cursor, &mut kept, 0, shape)?;
            self.names(cursor, &mut kept, 3, shape)?;
        }
        (cursor.at == program).then_some(())?;
        self.keep(&cursor.data[kept..program]);
        self.keep(&cursor.data[program..end]);
        cursor.at = end;
        Some(())
    }

    /// Directories or files of DWARF 5, after a description of what each of them has.
    fn entries(&mut self, cursor: &mut Cursor<'s>, kept: &mut usize, shape: Shape) -> Option<()> {
        let count = cursor.number(1)?;
        let mut forms = Vec::new();
        for _ in 0..count {
            // What it is; its form.
            cursor.leb()?;
            forms.push(cursor.leb()?);
        }
        let entries = cursor.leb()?;
        (entries == 0 || !forms.is_empty()).then_some(())?;
        for _ in 0..entries {
            for form in &forms {
                self.value(cursor, kept, *form, shape)?;
            }
        }
        Some(())
    }

    /// Names of older versions up to an empty one, with so many numbers after each.
    fn names(
        &mut self,
        cursor: &mut Cursor<'s>,
        kept: &mut usize,
        numbers: usize,
        shape: Shape,
    ) -> Option<()> {
        while *cursor.data.get(cursor.at)? != 0 {
            self.value(cursor, kept, STRING, shape)?;
            for _ in 0..numbers {
                cursor.leb()?;
            }
        }
        cursor.take(1)?;
        Some(())
    }

    /// `.debug_macro`.
    pub(super) fn macros(&mut self, data: &'s [u8]) -> Option<()> {
        let mut cursor = Cursor::new(data);
        while !cursor.is_at_end() {
            self.macro_unit(&mut cursor)?;
        }
        Some(())
    }

    fn macro_unit(&mut self, cursor: &mut Cursor<'s>) -> Option<()> {
        const WIDE: u64 = 1;
        const HAS_LINES: u64 = 2;
        let mut kept = cursor.at;
        let version = cursor.number(2).filter(|version| matches!(version, 4 | 5))?;
        // A third flag announces operations of a vendor, which nobody has.
        let flags = cursor.number(1).filter(|flags| *flags <= (WIDE | HAS_LINES))?;
        let wide = flags & WIDE != 0;
        if flags & HAS_LINES != 0 {
            let from = cursor.at;
            let offset = cursor.offset(wide)?;
            self.line_unit(cursor, &mut kept, from, offset);
        }
        let shape = Shape { version, wide, address: 8 };
        while self.operation(cursor, &mut kept, shape)? {}
        self.keep(&cursor.data[kept..cursor.at]);
        Some(())
    }

    /// Whether another one follows.
    fn operation(
        &mut self,
        cursor: &mut Cursor<'s>,
        kept: &mut usize,
        shape: Shape,
    ) -> Option<bool> {
        match cursor.number(1)? {
            0 => return Some(false),
            // define, undef: a line and a string
            1 | 2 => {
                cursor.leb()?;
                self.value(cursor, kept, STRING, shape)?;
            }
            // start_file; define_strx, undef_strx: two numbers
            3 | 0xb | 0xc => {
                cursor.leb().and(cursor.leb())?;
            }
            // end_file
            4 => {}
            // define_strp, undef_strp
            5 | 6 => {
                cursor.leb()?;
                self.value(cursor, kept, STRP, shape)?;
            }
            // import, import_sup
            7 | 0xa => {
                cursor.offset(shape.wide)?;
            }
            // define_sup, undef_sup
            8 | 9 => {
                cursor.leb().and(cursor.offset(shape.wide))?;
            }
            _ => return None,
        }
        Some(true)
    }

    /// `.debug_str_offsets`.
    pub(super) fn offsets(&mut self, data: &'s [u8]) -> Option<()> {
        let mut cursor = Cursor::new(data);
        while !cursor.is_at_end() {
            let mut kept = cursor.at;
            let (end, wide) = cursor.unit()?;
            let version = cursor.number(2).filter(|version| *version == 5)?;
            // Padding.
            cursor.number(2)?;
            let shape = Shape { version, wide, address: 8 };
            while cursor.at < end {
                self.value(&mut cursor, &mut kept, STRP, shape)?;
            }
            self.keep(&data[kept..cursor.at]);
        }
        Some(())
    }

    /// `.debug_names`: an index by name, with the names' offsets in its middle.
    pub(super) fn index(&mut self, data: &'s [u8]) -> Option<()> {
        let mut cursor = Cursor::new(data);
        while !cursor.is_at_end() {
            let mut kept = cursor.at;
            let (end, wide) = cursor.unit()?;
            let version = cursor.number(2).filter(|version| *version == 5)?;
            // Padding.
            cursor.number(2)?;
            let mut counts = [0; 7];
            for count in &mut counts {
                *count = usize::try_from(cursor.number(4)?).ok()?;
            }
            let [units, types, foreign, buckets, names, _, augmentation] = counts;
            let offset = if wide { 8 } else { 4 };
            let hashes = if buckets == 0 { 0 } else { names };
            cursor.take(augmentation + (units + types) * offset + foreign * 8)?;
            cursor.take((buckets + hashes) * 4)?;
            let shape = Shape { version, wide, address: 8 };
            for _ in 0..names {
                self.value(&mut cursor, &mut kept, STRP, shape)?;
            }
            self.keep(data.get(kept..end)?);
            cursor.at = end;
        }
        Some(())
    }
}
