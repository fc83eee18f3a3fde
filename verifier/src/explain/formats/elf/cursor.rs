//! Reads numbers and strings of debug information, one after the other. Numbers are little-endian,
//! as on all targets.

/// A place in some bytes; whatever goes beyond their end is `None`.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'s> {
    pub(super) data: &'s [u8],
    pub(super) at: usize,
}

impl<'s> Cursor<'s> {
    pub(super) fn new(data: &'s [u8]) -> Self {
        Self { data, at: 0 }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.data.len()
    }

    pub(super) fn take(&mut self, length: usize) -> Option<&'s [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.data.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    /// A number of at most eight bytes.
    pub(super) fn number(&mut self, bytes: usize) -> Option<u64> {
        let taken = self.take(bytes)?;
        Some(taken.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    }

    /// A number of seven bits a byte, of which the lower 64 count.
    pub(super) fn leb(&mut self) -> Option<u64> {
        let mut number = 0;
        let mut shift = 0;
        loop {
            let byte = self.number(1)?;
            if shift < u64::BITS {
                number |= (byte & 0x7f) << shift;
            }
            shift = shift.saturating_add(7);
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
    }

    /// An offset, of eight bytes in 64-bit DWARF.
    pub(super) fn offset(&mut self, wide: bool) -> Option<u64> {
        self.number(if wide { 8 } else { 4 })
    }

    /// A string, and the zero behind it.
    pub(super) fn string(&mut self) -> Option<&'s [u8]> {
        let length = memchr::memchr(0, self.data.get(self.at..)?)?;
        let string = self.take(length)?;
        self.at += 1;
        Some(string)
    }

    /// The length of what follows, as the place at its end, and whether it is 64-bit DWARF.
    pub(super) fn unit(&mut self) -> Option<(usize, bool)> {
        let short = self.number(4)?;
        let wide = short == 0xffff_ffff;
        let length = if wide { self.number(8)? } else { short };
        let end = self.at.checked_add(usize::try_from(length).ok()?)?;
        (end <= self.data.len()).then_some((end, wide))
    }
}

/// Where the units of `.debug_line` start.
pub(super) fn starts(data: &[u8]) -> Option<Vec<u64>> {
    let mut cursor = Cursor::new(data);
    let mut starts = Vec::new();
    while !cursor.is_at_end() {
        starts.push(cursor.at as u64);
        (cursor.at, _) = cursor.unit()?;
    }
    Some(starts)
}
