//! Reads the files and links of a batch into its bytes.

use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, PoisonError};

use fs_err as fs;
use rustix::buffer::spare_capacity;
use rustix::fs::{Mode, OFlags};

use super::walk::{Batch, Chunk, HoleKind, malformed, special, unreadable};
use super::wire::{self, Regular, WireError};
use crate::vocabulary::Problem;

/// A chunk is sent when it has so many bytes...
const CHUNK: usize = 128 * 1024;
/// ...and has room for more, so that the next file needs no second read.
const SLACK: usize = 64 * 1024;

/// Reused buffers: allocating a new one each time costs more page faults than reading costs copies.
#[derive(Default)]
pub(super) struct Pool(Mutex<Vec<Vec<u8>>>);

impl Pool {
    fn take(&self) -> Vec<u8> {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        free.unwrap_or_else(|| Vec::with_capacity(CHUNK + SLACK))
    }

    /// Takes back a buffer whose bytes are no longer needed.
    pub(super) fn give_back(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
    }
}

/// Reads what a batch lacks and sends its bytes, up to the first error.
pub(super) fn fill(batch: &Batch, pool: &Pool) {
    let mut reader = Reader { sink: &batch.sink, pool, out: pool.take() };
    if let Err(Stop::Failed(problem)) = reader.batch(batch) {
        // Sending fails if an earlier error has been met: nobody waits for this one.
        let _ = batch.sink.send(Err(problem));
    }
}

enum Stop {
    Unwanted,
    Failed(Problem),
}

struct Reader<'a> {
    sink: &'a SyncSender<Chunk>,
    pool: &'a Pool,
    out: Vec<u8>,
}

impl Reader<'_> {
    fn batch(&mut self, batch: &Batch) -> Result<(), Stop> {
        let mut written = 0;
        for hole in &batch.holes {
            self.out.extend_from_slice(&batch.skeleton[written..hole.position]);
            written = hole.position;
            match hole.kind {
                HoleKind::Regular => self.regular(&hole.path)?,
                HoleKind::Symlink => self.symlink(&hole.path)?,
            }
            self.send_if_full()?;
        }
        self.out.extend_from_slice(&batch.skeleton[written..]);
        self.send()
    }

    fn symlink(&mut self, path: &Path) -> Result<(), Stop> {
        let target = fs::read_link(path).map_err(|error| unreadable(path, error))?;
        wire::symlink(&mut self.out, target.as_os_str().as_bytes())
            .map_err(|error| malformed(path, error))?;
        Ok(())
    }

    fn regular(&mut self, path: &Path) -> Result<(), Stop> {
        // Since the walk saw a regular file, anything may have taken its place: a link must not be
        // followed, a fifo must not block.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|error| unreadable(path, error))?;
        let file = File::from(file);
        let metadata = file.metadata().map_err(|error| unreadable(path, error))?;
        if !metadata.is_file() {
            return Err(special(path, metadata.file_type()).into());
        }
        let executable =
            std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o100 != 0;
        let mut node = Regular::begin(&mut self.out, executable, metadata.len());
        loop {
            self.send_if_full()?;
            // There is always room for a byte more than is missing or for a part of it, so a file
            // that has grown is noticed.
            let read = match rustix::io::read(&file, spare_capacity(&mut self.out)) {
                Ok(0) => break,
                Ok(read) => read,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(unreadable(path, error).into()),
            };
            node.received(read).map_err(|error| changed(path, &error))?;
        }
        node.end(&mut self.out).map_err(|error| changed(path, &error))?;
        Ok(())
    }

    fn send_if_full(&mut self) -> Result<(), Stop> {
        if self.out.len() < CHUNK { Ok(()) } else { self.send() }
    }

    fn send(&mut self) -> Result<(), Stop> {
        let full = std::mem::replace(&mut self.out, self.pool.take());
        self.sink.send(Ok(full)).map_err(|_| Stop::Unwanted)
    }
}

fn changed(path: &Path, error: &WireError) -> Problem {
    let problem =
        Problem::new(format!("cannot hash `{}`: it changes while it is read", path.display()))
            .hint("run again when nothing writes to the tree any more");
    match error {
        WireError::Length { announced, received } => problem
            .fact("expected", format!("{announced} bytes"))
            .fact("received", format!("{received} bytes")),
        other => problem.cause(other.clone()),
    }
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}
