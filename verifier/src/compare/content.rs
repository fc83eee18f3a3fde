//! The bytes and the mode of two files.

use std::cell::RefCell;
use std::ffi::CStr;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, fstat, openat};

use super::Side;

/// Both buffers fit into a core's second-level cache.
const BUFFER: usize = 128 * 1024;

thread_local! {
    static BUFFERS: RefCell<[Vec<u8>; 2]> = RefCell::new([vec![0; BUFFER], vec![0; BUFFER]]);
}

/// Two files, read side by side.
pub(super) struct Compared {
    pub(super) modes: [u32; 2],
    pub(super) sizes: [u64; 2],
    /// Where the first byte differs, if one does.
    pub(super) first: Option<u64>,
}

/// Why two files could not be compared.
pub(super) struct Failed {
    /// Whose file it is.
    pub(super) side: Side,
    pub(super) why: Why,
}

/// What is wrong with a file.
pub(super) enum Why {
    /// The system says so.
    System(io::Error),
    /// It became another one while it was read.
    Changes,
}

/// Reads the files of one name in two directories, up to the first byte that differs.
pub(super) fn compare(
    directories: [BorrowedFd<'_>; 2],
    names: [&CStr; 2],
) -> Result<Compared, Failed> {
    let open = |side: Side| {
        let opened = Reading::open(directories[side as usize], names[side as usize]);
        opened.map_err(|why| Failed { side, why })
    };
    let (mut a, mut b) = (open(Side::A)?, open(Side::B)?);
    // One inode is equal to itself: rounds that hard-link from one wheelhouse are common.
    let first = if a.identity == b.identity { None } else { first_difference(&mut a, &mut b)? };
    Ok(Compared { modes: [a.mode, b.mode], sizes: [a.size, b.size], first })
}

fn first_difference(a: &mut Reading, b: &mut Reading) -> Result<Option<u64>, Failed> {
    BUFFERS.with_borrow_mut(|[buffer_a, buffer_b]| {
        let mut offset = 0;
        loop {
            let of = |side| move |why| Failed { side, why };
            let bytes_a = a.fill(buffer_a).map_err(of(Side::A))?;
            let bytes_b = b.fill(buffer_b).map_err(of(Side::B))?;
            if bytes_a != bytes_b {
                let equal = bytes_a.iter().zip(bytes_b).take_while(|(a, b)| a == b).count();
                return Ok(Some(offset + equal as u64));
            }
            if bytes_a.is_empty() {
                return Ok(None);
            }
            offset += bytes_a.len() as u64;
            if a.finished() && b.finished() {
                return Ok(None);
            }
        }
    })
}

/// A file that is being read, and what was announced of it.
struct Reading {
    descriptor: OwnedFd,
    identity: (u64, u64),
    mode: u32,
    size: u64,
    read: u64,
}

impl Reading {
    fn open(directory: BorrowedFd<'_>, name: &CStr) -> Result<Self, Why> {
        // Since the walk saw a regular file, anything may have taken its place: a link must not be
        // followed, a fifo must not block.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let descriptor = openat(directory, name, flags, Mode::empty())?;
        let found = fstat(&descriptor)?;
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            return Err(Why::Changes);
        }
        Ok(Self {
            descriptor,
            identity: (found.st_dev, found.st_ino),
            mode: found.st_mode & 0o7777,
            size: u64::try_from(found.st_size).unwrap_or_default(),
            read: 0,
        })
    }

    /// The next bytes: as many as the buffer takes, or all that are left.
    fn fill<'b>(&mut self, buffer: &'b mut [u8]) -> Result<&'b [u8], Why> {
        let mut filled = 0;
        // A read that brings all that was announced is the last: a second one, only to be told of
        // the end, costs as much as the comparison of a small file.
        while filled < buffer.len() && !self.finished() {
            match rustix::io::read(&self.descriptor, &mut buffer[filled..]) {
                Ok(0) => return Err(Why::Changes),
                Ok(read) => {
                    filled += read;
                    self.read += read as u64;
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if self.read > self.size {
            return Err(Why::Changes);
        }
        Ok(&buffer[..filled])
    }

    fn finished(&self) -> bool {
        self.read >= self.size
    }
}

impl From<rustix::io::Errno> for Why {
    fn from(error: rustix::io::Errno) -> Self {
        Self::System(error.into())
    }
}
