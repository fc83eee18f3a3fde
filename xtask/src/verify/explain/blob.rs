//! Bytes that are explained: a file, a part of one, or what was unpacked from one. They are read
//! piece by piece, so that no archive has to fit into memory.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use fs_err as fs;

/// What is understood as a whole, in memory, may have so many bytes; two such, and their normalised
/// copies, stay below the tool's bound of 150 MB.
pub(super) const MOST_IN_MEMORY: u64 = 12 << 20;

/// What is unpacked goes to a temporary file if it is larger.
const MOST_UNPACKED: u64 = 1 << 20;

/// Some bytes, wherever they are.
#[derive(Debug, Clone)]
pub(super) enum Blob {
    /// In memory.
    Memory(Arc<[u8]>),
    /// In a file.
    File {
        /// The file, which may be a temporary one without a name.
        file: Arc<File>,
        /// Where they start in it.
        start: u64,
        /// How many they are.
        length: u64,
    },
}

impl Blob {
    /// A file of the disk; links are not followed.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file: File = fs::File::open(path)?.into();
        let length = file.metadata()?.len();
        Ok(Self::File { file: Arc::new(file), start: 0, length })
    }

    /// How many bytes.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { length, .. } => *length,
        }
    }

    /// All bytes, if they are at most `most`.
    pub(super) fn read(&self, most: u64) -> io::Result<Option<Vec<u8>>> {
        if self.len() > most {
            return Ok(None);
        }
        let mut bytes = vec![0; usize::try_from(self.len()).map_err(io::Error::other)?];
        self.read_at(0, &mut bytes)?;
        Ok(Some(bytes))
    }

    /// Fills `buffer` from `offset` on; it is an error if there is less.
    pub(super) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(buffer.len() as u64).filter(|end| *end <= self.len());
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        match self {
            Self::Memory(bytes) => {
                let [start, end] =
                    [offset, end].map(|at| usize::try_from(at).unwrap_or(usize::MAX));
                buffer.copy_from_slice(&bytes[start..end]);
                Ok(())
            }
            Self::File { file, start, .. } => file.read_exact_at(buffer, start + offset),
        }
    }
    /// A part of the bytes; `None` if there are not so many.
    pub(super) fn slice(&self, from: u64, length: u64) -> Option<Self> {
        let end = from.checked_add(length).filter(|end| *end <= self.len())?;
        Some(match self {
            Self::Memory(bytes) => {
                let [from, end] = [from, end].map(|at| usize::try_from(at).unwrap_or(usize::MAX));
                Self::Memory(bytes[from..end].into())
            }
            Self::File { file, start, .. } => {
                Self::File { file: Arc::clone(file), start: start + from, length }
            }
        })
    }

    /// The bytes `from..from + N`, if there are so many.
    pub(super) fn array<const N: usize>(&self, from: u64) -> Option<[u8; N]> {
        let mut array = [0; N];
        self.read_at(from, &mut array).ok()?;
        Some(array)
    }

    /// A small part, as a vector.
    pub(super) fn part(&self, from: u64, length: u64) -> Option<Vec<u8>> {
        self.slice(from, length)?.read(MOST_IN_MEMORY).ok()?
    }

    /// Reads the bytes from the first on.
    pub(super) fn reader(&self) -> io::BufReader<BlobReader<'_>> {
        io::BufReader::with_capacity(64 * 1024, BlobReader { blob: self, at: 0 })
    }

    /// Keeps what a reader brings; more than `most` bytes are an error, not a full disk.
    pub(super) fn collect(mut reader: impl Read, most: u64) -> io::Result<Self> {
        let mut head = Vec::new();
        reader.by_ref().take(MOST_UNPACKED).read_to_end(&mut head)?;
        if (head.len() as u64) < MOST_UNPACKED {
            return Ok(Self::Memory(head.into()));
        }
        let mut file = tempfile::tempfile()?;
        file.write_all(&head)?;
        let more = most.saturating_sub(MOST_UNPACKED);
        let length = head.len() as u64 + io::copy(&mut reader.take(more + 1), &mut file)?;
        if length > most {
            return Err(io::Error::other(format!("it unpacks to more than {most} bytes")));
        }
        Ok(Self::File { file: Arc::new(file), start: 0, length })
    }
}

/// Reads a [`Blob`].
#[derive(Debug)]
pub(super) struct BlobReader<'b> {
    blob: &'b Blob,
    at: u64,
}

impl Read for BlobReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.blob.len() - self.at).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        self.blob.read_at(self.at, &mut buffer[..wanted])?;
        self.at += wanted as u64;
        Ok(wanted)
    }
}
