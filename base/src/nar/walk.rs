//! Walks a tree in the NAR's order and cuts it into batches. It lists directories only; other
//! threads read files and links.

use std::fs::FileType;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use fs_err as fs;

use super::wire::{Skeleton, WireError};
use crate::sys::files::sorted_entries;
use crate::vocabulary::Problem;

/// A batch ends after so many files and links...
const BATCH_HOLES: usize = 32;
/// ...or so many bytes of structure, as a tree may consist of directories alone.
const BATCH_BYTES: usize = 64 * 1024;
/// How many chunks of a batch may be read before its turn comes.
const CHUNKS_AHEAD: usize = 4;

/// Some bytes of a NAR, or why there are none.
pub(super) type Chunk = Result<Vec<u8>, Problem>;

/// A part of a NAR: structure that the walk wrote, with holes for what must be read.
pub(super) struct Batch {
    /// The bytes around the holes.
    pub(super) skeleton: Vec<u8>,
    /// What goes into the skeleton, in ascending order of positions.
    pub(super) holes: Vec<Hole>,
    /// Takes the batch's bytes; blocks when the batch is too far ahead.
    pub(super) sink: SyncSender<Chunk>,
}

/// A place in a skeleton at which the node of a file or link belongs.
pub(super) struct Hole {
    pub(super) position: usize,
    pub(super) path: PathBuf,
    pub(super) kind: HoleKind,
}

/// What a [`Hole`] is filled with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum HoleKind {
    Regular,
    Symlink,
}

/// Walks the tree: `order` gets the channel of each batch's bytes in the NAR's order, `batches` the
/// batches, for whichever reader is free. An error takes the place of the batch in which it arose.
/// Paths that are `skipped` are not there, nor is what is below them.
pub(super) fn walk(
    root: &Path,
    skipped: Skipped<'_>,
    order: SyncSender<Receiver<Chunk>>,
    batches: SyncSender<Batch>,
) {
    let mut walk = Walk { skipped, order, batches, skeleton: Vec::new(), holes: Vec::new() };
    if let Err(Stop::Failed(problem)) = walk.tree(root) {
        let (sink, chunks) = sync_channel(1);
        // If sending fails, an earlier error has been met and nobody waits for this one.
        let _ = sink.send(Err(problem));
        let _ = walk.order.send(chunks);
    }
}

/// Tells what is left out of a tree.
pub(super) type Skipped<'s> = &'s (dyn Fn(&Path) -> bool + Sync);

/// Why a walk ends early.
enum Stop {
    /// Nobody takes batches any more: an earlier batch had an error.
    Unwanted,
    /// The tree cannot be put into a NAR.
    Failed(Problem),
}

struct Walk<'w> {
    skipped: Skipped<'w>,
    order: SyncSender<Receiver<Chunk>>,
    batches: SyncSender<Batch>,
    skeleton: Vec<u8>,
    holes: Vec<Hole>,
}

impl Walk<'_> {
    fn tree(&mut self, root: &Path) -> Result<(), Stop> {
        let kind = fs::symlink_metadata(root).map_err(|error| unreadable(root, error))?.file_type();
        let mut nar = Skeleton::begin(&mut self.skeleton);
        // Directories that are open, not recursion: a tree may be deeper than a thread's stack.
        let mut open = Vec::new();
        open.extend(self.node(&mut nar, root.to_owned(), kind)?);
        while let Some(entries) = open.last_mut() {
            let Some(entry) = entries.next() else {
                open.pop();
                nar.end_directory(&mut self.skeleton).map_err(|error| malformed(root, error))?;
                if !open.is_empty() {
                    nar.end_entry(&mut self.skeleton).map_err(|error| malformed(root, error))?;
                }
                continue;
            };
            let path = entry.path();
            nar.entry(&mut self.skeleton, entry.file_name().as_bytes())
                .map_err(|error| malformed(&path, error))?;
            let kind = entry.file_type().map_err(|error| unreadable(&path, error))?;
            match self.node(&mut nar, path, kind)? {
                Some(entries) => open.push(entries),
                None => {
                    nar.end_entry(&mut self.skeleton).map_err(|error| malformed(root, error))?;
                }
            }
            if self.holes.len() >= BATCH_HOLES || self.skeleton.len() >= BATCH_BYTES {
                self.cut()?;
            }
        }
        nar.end().map_err(|error| malformed(root, error))?;
        self.cut()
    }

    /// Opens a directory, whose entries are returned, or leaves a hole.
    fn node(
        &mut self,
        nar: &mut Skeleton,
        path: PathBuf,
        kind: FileType,
    ) -> Result<Option<std::vec::IntoIter<fs::DirEntry>>, Stop> {
        if kind.is_dir() {
            nar.directory(&mut self.skeleton);
            let mut entries = sorted_entries(&path).map_err(|error| unreadable(&path, error))?;
            entries.retain(|entry| !(self.skipped)(&entry.path()));
            return Ok(Some(entries.into_iter()));
        }
        let kind = match kind {
            kind if kind.is_file() => HoleKind::Regular,
            kind if kind.is_symlink() => HoleKind::Symlink,
            kind => return Err(Stop::Failed(special(&path, kind))),
        };
        let position = self.skeleton.len();
        self.holes.push(Hole { position, path, kind });
        Ok(None)
    }

    fn cut(&mut self) -> Result<(), Stop> {
        let (sink, chunks) = sync_channel(CHUNKS_AHEAD);
        let batch = Batch {
            skeleton: std::mem::take(&mut self.skeleton),
            holes: std::mem::take(&mut self.holes),
            sink,
        };
        self.order.send(chunks).map_err(|_| Stop::Unwanted)?;
        self.batches.send(batch).map_err(|_| Stop::Unwanted)
    }
}

/// A file that cannot be read.
pub(super) fn unreadable(path: &Path, error: impl Into<std::io::Error>) -> Problem {
    Problem::new(format!("cannot hash `{}`", path.display())).cause(error.into())
}

/// Something that has no place in a NAR.
pub(super) fn malformed(path: &Path, error: WireError) -> Problem {
    Problem::new(format!("cannot hash `{}`", path.display())).cause(error)
}

/// A file that is neither a regular file, a directory nor a link.
pub(super) fn special(path: &Path, kind: FileType) -> Problem {
    let kind = match kind {
        kind if kind.is_fifo() => "a fifo",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_block_device() || kind.is_char_device() => "a device",
        _ => "no regular file any more",
    };
    Problem::new(format!("cannot hash `{}`: it is {kind}", path.display()))
        .hint("a NAR holds regular files, directories and symbolic links; remove it from the tree")
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}
