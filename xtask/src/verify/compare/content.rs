//! The bytes and the mode of two files.

use std::cell::RefCell;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use builder::vocabulary::Problem;
use rustix::fs::{Mode, OFlags};

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

/// Reads both files up to the first byte that differs.
pub(super) fn compare(paths: [&Path; 2]) -> Result<Compared, Problem> {
    let mut a = Reading::open(paths[0])?;
    let mut b = Reading::open(paths[1])?;
    // One inode is equal to itself: rounds that hard-link from one wheelhouse are common.
    let first = if a.identity == b.identity { None } else { first_difference(&mut a, &mut b)? };
    Ok(Compared { modes: [a.mode, b.mode], sizes: [a.size, b.size], first })
}

fn first_difference(a: &mut Reading<'_>, b: &mut Reading<'_>) -> Result<Option<u64>, Problem> {
    BUFFERS.with_borrow_mut(|[buffer_a, buffer_b]| {
        let mut offset = 0;
        loop {
            let bytes_a = a.fill(buffer_a)?;
            let bytes_b = b.fill(buffer_b)?;
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
struct Reading<'a> {
    path: &'a Path,
    file: File,
    identity: (u64, u64),
    mode: u32,
    size: u64,
    read: u64,
}

impl<'a> Reading<'a> {
    fn open(path: &'a Path) -> Result<Self, Problem> {
        // Since the walk saw a regular file, anything may have taken its place: a link must not be
        // followed, a fifo must not block.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|error| unreadable(path, error))?;
        let file = File::from(file);
        let metadata = file.metadata().map_err(|error| unreadable(path, error))?;
        if !metadata.is_file() {
            return Err(changed(path));
        }
        Ok(Self {
            path,
            file,
            identity: (metadata.dev(), metadata.ino()),
            mode: metadata.mode() & 0o7777,
            size: metadata.len(),
            read: 0,
        })
    }

    /// The next bytes: as many as the buffer takes, or all that are left.
    fn fill<'b>(&mut self, buffer: &'b mut [u8]) -> Result<&'b [u8], Problem> {
        let mut filled = 0;
        // A read that brings all that was announced is the last: a second one, only to be told of
        // the end, costs as much as the comparison of a small file.
        while filled < buffer.len() && !self.finished() {
            match rustix::io::read(&self.file, &mut buffer[filled..]) {
                Ok(0) => return Err(changed(self.path)),
                Ok(read) => {
                    filled += read;
                    self.read += read as u64;
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(unreadable(self.path, error)),
            }
        }
        if self.read > self.size {
            return Err(changed(self.path));
        }
        Ok(&buffer[..filled])
    }

    fn finished(&self) -> bool {
        self.read >= self.size
    }
}

/// A path that cannot be read.
pub(super) fn unreadable(path: &Path, error: impl Into<std::io::Error>) -> Problem {
    Problem::new(format!("cannot compare `{}`", path.display())).cause(error.into())
}

fn changed(path: &Path) -> Problem {
    Problem::new(format!("cannot compare `{}`: it changes while it is read", path.display()))
        .hint("run again when nothing writes to the tree any more")
}
