//! Bytes that are explained: a file, a part of one, or what was unpacked from one. They are read
//! piece by piece, so that no archive has to fit into memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use fs_err as fs;

/// What is understood as a whole, in memory, may have so many bytes; two such, and their normalised
/// copies, stay below the tool's bound of 150 MB.
pub(super) const MOST_IN_MEMORY: u64 = 12 << 20;

/// Some bytes, wherever they are.
#[derive(Debug, Clone)]
#[expect(dead_code, reason = "archives unpack into memory; they come next")]
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
}
