//! Bytes to explain: a file, a part of one, or content unpacked from one. They are read piece by
//! piece, so no archive has to fit into memory.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use base::vocabulary::Sha256;
use base::vocabulary::digest::Hashing;
use fs_err as fs;

/// What is understood as a whole, in memory, may have so many bytes; two such, and their normalised
/// copies, stay below the tool's bound of 150 MB.
pub(crate) const MOST_IN_MEMORY: u64 = 12 << 20;

/// What is unpacked goes to a temporary file if it is larger.
const MOST_UNPACKED: u64 = 1 << 20;

/// A reader asks for so many bytes at a time.
const MOST_BUFFERED: usize = 64 * 1024;

/// Some bytes, wherever they are. To clone it or to take a part of it copies none of them.
#[derive(Debug, Clone)]
pub(crate) struct Blob {
    source: Source,
    /// Their offset in the source.
    start: u64,
    length: u64,
}

#[derive(Debug, Clone)]
enum Source {
    Memory(Arc<[u8]>),
    /// A file, which may be a temporary one without a name.
    File(Arc<File>),
}

impl Blob {
    /// Bytes in memory.
    pub(crate) fn of(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        let length = bytes.len() as u64;
        Self { source: Source::Memory(bytes), start: 0, length }
    }

    /// A file of the disk; links are not followed.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file: File = fs::File::open(path)?.into();
        let length = file.metadata()?.len();
        Ok(Self { source: Source::File(Arc::new(file)), start: 0, length })
    }

    /// How many bytes.
    pub(crate) fn len(&self) -> u64 {
        self.length
    }

    /// All bytes, if they are at most `most`.
    pub(crate) fn read(&self, most: u64) -> io::Result<Option<Vec<u8>>> {
        if self.len() > most {
            return Ok(None);
        }
        let mut bytes = vec![0; usize::try_from(self.len()).map_err(io::Error::other)?];
        self.read_at(0, &mut bytes)?;
        Ok(Some(bytes))
    }

    /// Fills `buffer` from `offset` on; it is an error if there is less.
    pub(crate) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(buffer.len() as u64).filter(|end| *end <= self.len());
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        match &self.source {
            Source::Memory(bytes) => {
                let [start, end] =
                    [offset, end].map(|at| usize::try_from(self.start + at).unwrap_or(usize::MAX));
                buffer.copy_from_slice(&bytes[start..end]);
                Ok(())
            }
            Source::File(file) => file.read_exact_at(buffer, self.start + offset),
        }
    }

    /// The digest of all bytes.
    pub(crate) fn digest(&self) -> io::Result<Sha256> {
        let mut hashing = Hashing::new(io::sink());
        io::copy(&mut self.reader(), &mut hashing)?;
        Ok(hashing.digest())
    }

    /// A part of the bytes; `None` if there are not so many.
    pub(crate) fn slice(&self, from: u64, length: u64) -> Option<Self> {
        from.checked_add(length).filter(|end| *end <= self.len())?;
        Some(Self { source: self.source.clone(), start: self.start + from, length })
    }

    /// The bytes `from..from + N`, if there are so many.
    pub(crate) fn array<const N: usize>(&self, from: u64) -> Option<[u8; N]> {
        let mut array = [0; N];
        self.read_at(from, &mut array).ok()?;
        Some(array)
    }

    /// A small part, as a vector.
    pub(crate) fn part(&self, from: u64, length: u64) -> Option<Vec<u8>> {
        self.slice(from, length)?.read(MOST_IN_MEMORY).ok()?
    }

    /// Reads the bytes from the first on.
    pub(crate) fn reader(&self) -> io::BufReader<BlobReader<'_>> {
        // Most members of archives are small, and each has a reader of its own.
        let capacity =
            usize::try_from(self.length).map_or(MOST_BUFFERED, |all| all.min(MOST_BUFFERED));
        io::BufReader::with_capacity(capacity, BlobReader { blob: self, at: 0 })
    }

    /// Keeps what a reader brings; more than `most` bytes are an error, not a full disk.
    pub(crate) fn collect(mut reader: impl Read, most: u64) -> io::Result<Self> {
        let mut head = Vec::new();
        reader.by_ref().take(MOST_UNPACKED).read_to_end(&mut head)?;
        if (head.len() as u64) < MOST_UNPACKED {
            return Ok(Self::of(head));
        }
        let mut file = tempfile::tempfile()?;
        file.write_all(&head)?;
        let more = most.saturating_sub(MOST_UNPACKED);
        let length = head.len() as u64 + io::copy(&mut reader.take(more + 1), &mut file)?;
        if length > most {
            return Err(io::Error::other(format!("it unpacks to more than {most} bytes")));
        }
        Ok(Self { source: Source::File(Arc::new(file)), start: 0, length })
    }
}

/// Reads a [`Blob`].
#[derive(Debug)]
pub(crate) struct BlobReader<'b> {
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
