//! One directory, opened once: its mode, its sorted names, and the descriptor from which its files
//! are opened. Names are looked up in it, because walking the whole path from the root would take
//! half of the time for a small file.

use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, fstat, openat, statat};

use super::Kind;

/// The kernel fills it with as many names as fit.
const BUFFER: usize = 16 * 1024;

/// A directory of one side.
pub(super) struct Directory {
    descriptor: OwnedFd,
    /// Its permission bits.
    pub(super) mode: u32,
}

/// Names of a directory, sorted by bytes.
pub(super) struct Entries {
    /// Each name with the terminating zero that the kernel needs.
    names: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    start: usize,
    end: usize,
    kind: Kind,
}

impl Directory {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let descriptor = openat(rustix::fs::CWD, path, flags, Mode::empty())?;
        let mode = fstat(&descriptor)?.st_mode & 0o7777;
        Ok(Self { descriptor, mode })
    }

    /// To open what is in it.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    /// Sorted: the disk's order differs between the sides.
    pub(super) fn entries(&self) -> io::Result<Entries> {
        let mut names = Vec::new();
        let mut entries = Vec::new();
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut listing = RawDir::new(&self.descriptor, &mut buffer);
        while let Some(entry) = listing.next() {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let kind = match entry.file_type() {
                // Not every file system tells it.
                FileType::Unknown => {
                    let found = statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW)?;
                    FileType::from_raw_mode(found.st_mode)
                }
                known => known,
            };
            let start = names.len();
            names.extend_from_slice(name.to_bytes_with_nul());
            entries.push(Entry { start, end: names.len(), kind: kind.into() });
        }
        entries.sort_unstable_by(|a, b| names[a.start..a.end].cmp(&names[b.start..b.end]));
        Ok(Entries { names, entries })
    }
}

impl Entries {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn name(&self, index: usize) -> &CStr {
        let Entry { start, end, .. } = self.entries[index];
        CStr::from_bytes_with_nul(&self.names[start..end]).expect("it was one")
    }

    pub(super) fn kind(&self, index: usize) -> Kind {
        self.entries[index].kind
    }
}

impl From<FileType> for Kind {
    fn from(kind: FileType) -> Self {
        match kind {
            FileType::Directory => Self::Directory,
            FileType::RegularFile => Self::File,
            FileType::Symlink => Self::Link,
            _ => Self::Special,
        }
    }
}
