//! The grammar of a NAR, as bytes. It appends to buffers and does no I/O. Whatever the grammar
//! forbids is an error in every build profile: a NAR that Nix would reject must have no hash.
//!
//! From the Nix manual, chapter "Nix Archive (NAR) format" (first: Dolstra, "The Purely Functional
//! Software Deployment Model", figure 5.2):
//!
//! ```text
//! nar     = str("nix-archive-1"), node
//! node    = str("("), str("type"), ( regular | symlink | directory ), str(")")
//! regular = str("regular"), [ str("executable"), str("") ], str("contents"), str(contents)
//! symlink = str("symlink"), str("target"), str(target)
//! directory = str("directory"), { entry }            names ascending by bytes, each once
//! entry   = str("entry"), str("("), str("name"), str(name), str("node"), node, str(")")
//! str(s)  = length of s as 64 bits, little endian; s; zeros up to a multiple of 8 bytes
//! ```

/// What a NAR cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum WireError {
    /// Empty, `.`, `..`, or with a `/` or a NUL byte in it.
    #[error("`{0}` is not a name that a directory's entry can have")]
    Name(String),
    /// Not after the entry before it.
    #[error("entry `{name}` comes after `{before}`, which is not in ascending order of bytes")]
    Order {
        /// The entry's name.
        name: String,
        /// The name of the entry before it.
        before: String,
    },
    /// A symbolic link without a target, or with a NUL byte in it.
    #[error("`{0}` is not a target that a symbolic link can have")]
    Target(String),
    /// A file's content is not as long as was announced.
    #[error("{received} bytes of content where {announced} were announced")]
    Length {
        /// How many bytes were announced.
        announced: u64,
        /// How many came.
        received: u64,
    },
    /// Directories and entries that do not nest.
    #[error("a NAR's directories and entries do not nest")]
    Nesting,
}

/// The skeleton of a NAR: its magic, its directories and their entries. Between [`Skeleton::entry`]
/// and [`Skeleton::end_entry`] (or, without any directory, between [`Skeleton::begin`] and the end)
/// there is exactly one node, written by [`Skeleton::directory`], [`Regular`] or [`symlink`].
#[derive(Debug, Default)]
pub(super) struct Skeleton {
    /// The name of the last entry of each open directory; empty before the first.
    open: Vec<Vec<u8>>,
}

impl Skeleton {
    /// Starts a NAR.
    pub(super) fn begin(out: &mut Vec<u8>) -> Self {
        string(out, b"nix-archive-1");
        Self::default()
    }

    /// Opens a directory.
    pub(super) fn directory(&mut self, out: &mut Vec<u8>) {
        strings(out, &[b"(", b"type", b"directory"]);
        self.open.push(Vec::new());
    }

    /// Opens an entry of the innermost open directory.
    pub(super) fn entry(&mut self, out: &mut Vec<u8>, name: &[u8]) -> Result<(), WireError> {
        let last = self.open.last_mut().ok_or(WireError::Nesting)?;
        if matches!(name, b"" | b"." | b"..") || name.iter().any(|byte| matches!(byte, b'/' | 0)) {
            return Err(WireError::Name(shown(name)));
        }
        if name <= last.as_slice() {
            return Err(WireError::Order { name: shown(name), before: shown(last) });
        }
        last.clear();
        last.extend_from_slice(name);
        strings(out, &[b"entry", b"(", b"name", name, b"node"]);
        Ok(())
    }

    /// Closes an entry.
    pub(super) fn end_entry(&self, out: &mut Vec<u8>) -> Result<(), WireError> {
        self.open.last().ok_or(WireError::Nesting)?;
        string(out, b")");
        Ok(())
    }

    /// Closes the innermost open directory.
    pub(super) fn end_directory(&mut self, out: &mut Vec<u8>) -> Result<(), WireError> {
        self.open.pop().ok_or(WireError::Nesting)?;
        string(out, b")");
        Ok(())
    }

    /// Ends the NAR; every directory must have been closed.
    pub(super) fn end(self) -> Result<(), WireError> {
        match self.open.as_slice() {
            [] => Ok(()),
            _ => Err(WireError::Nesting),
        }
    }
}

/// A file whose content is being written: it must become exactly as long as was announced.
#[derive(Debug)]
#[must_use = "a file that is not finished has no end in the NAR"]
pub(super) struct Regular {
    announced: u64,
    received: u64,
}

impl Regular {
    /// Opens a file of `length` bytes.
    pub(super) fn begin(out: &mut Vec<u8>, executable: bool, length: u64) -> Self {
        strings(out, &[b"(", b"type", b"regular"]);
        if executable {
            strings(out, &[b"executable", b""]);
        }
        string(out, b"contents");
        out.extend_from_slice(&length.to_le_bytes());
        Self { announced: length, received: 0 }
    }

    /// Counts `bytes` bytes of content, which the caller appends itself: they are read straight
    /// into the buffer.
    pub(super) fn received(&mut self, bytes: usize) -> Result<(), WireError> {
        self.received += bytes as u64;
        if self.received > self.announced {
            return Err(self.wrong_length());
        }
        Ok(())
    }

    /// Closes the file.
    pub(super) fn end(self, out: &mut Vec<u8>) -> Result<(), WireError> {
        if self.received != self.announced {
            return Err(self.wrong_length());
        }
        out.extend_from_slice(padding(self.announced));
        string(out, b")");
        Ok(())
    }

    fn wrong_length(&self) -> WireError {
        WireError::Length { announced: self.announced, received: self.received }
    }
}

/// Writes a symbolic link.
pub(super) fn symlink(out: &mut Vec<u8>, target: &[u8]) -> Result<(), WireError> {
    if target.is_empty() || target.contains(&0) {
        return Err(WireError::Target(shown(target)));
    }
    strings(out, &[b"(", b"type", b"symlink", b"target", target, b")"]);
    Ok(())
}

fn strings(out: &mut Vec<u8>, strings: &[&[u8]]) {
    for bytes in strings {
        string(out, bytes);
    }
}

fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = bytes.len() as u64;
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(bytes);
    out.extend_from_slice(padding(length));
}

fn padding(length: u64) -> &'static [u8] {
    &[0; 7][..(length.wrapping_neg() % 8) as usize]
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
