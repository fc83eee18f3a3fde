//! Serialises a tree on disk as a NAR, into a hash or a writer.
//!
//! Only one core can hash, and opening 32,000 small files takes longer than hashing them, so the
//! work is divided: one thread walks the tree and cuts it into batches, several threads read
//! batches ahead, and the caller's thread hashes their bytes in the tree's order. [`BATCHES_AHEAD`]
//! and `walk::CHUNKS_AHEAD` limit the bytes in flight, so memory does not grow with the tree.

use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::Digest as _;

use super::read::{Pool, fill};
use super::walk::{Batch, Chunk, Skipped, walk};
use crate::vocabulary::{Problem, Sha256};

/// How many batches may be read before their turn comes.
const BATCHES_AHEAD: usize = 32;
/// More readers than this only wait for the one thread that hashes.
const MOST_READERS: usize = 4;

/// The NAR hash of a file, symbolic link or tree: what `nix hash path` prints.
///
/// A socket, fifo or device is an error, as is a file whose size changes while it is read.
pub fn hash_path(path: &Path) -> Result<Sha256, Problem> {
    hash_without(path, &|_| false)
}

/// As [`hash_path`], but ignores paths below `path` that are `skipped`.
pub fn hash_without(
    path: &Path,
    skipped: &(dyn Fn(&Path) -> bool + Sync),
) -> Result<Sha256, Problem> {
    let mut hasher = sha2::Sha256::new();
    stream(path, skipped, |bytes| {
        hasher.update(bytes);
        Ok(())
    })?;
    let digest: [u8; 32] = hasher.finalize().into();
    Ok(digest.into())
}

/// Writes the NAR of a file, symbolic link or tree: what `nix nar dump-path` prints. After an error
/// what was written is not a NAR.
pub fn dump(path: &Path, out: &mut impl Write) -> Result<(), Problem> {
    stream(path, &|_| false, |bytes| {
        out.write_all(bytes).map_err(|error| {
            Problem::new(format!("cannot write the NAR of `{}`", path.display())).cause(error)
        })
    })
}

/// Calls `consume` with the bytes of the NAR of `root`, in order.
fn stream(
    root: &Path,
    skipped: Skipped<'_>,
    mut consume: impl FnMut(&[u8]) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let pool = Pool::default();
    std::thread::scope(|scope| {
        let (order, ordered) = sync_channel::<Receiver<Chunk>>(BATCHES_AHEAD);
        let (batches, taken) = sync_channel::<Batch>(BATCHES_AHEAD);
        // Only the readers hold it: should they die, the walk's sending fails instead of waiting.
        let taken = Arc::new(Mutex::new(taken));
        for _ in 0..readers() {
            let (taken, pool) = (Arc::clone(&taken), &pool);
            scope.spawn(move || {
                while let Some(batch) = next(&taken) {
                    fill(&batch, pool);
                }
            });
        }
        drop(taken);
        scope.spawn(move || walk(root, skipped, order, batches));
        for chunks in ordered {
            for chunk in chunks {
                let chunk = chunk?;
                consume(&chunk)?;
                pool.give_back(chunk);
            }
        }
        Ok(())
    })
}

fn next(taken: &Mutex<Receiver<Batch>>) -> Option<Batch> {
    taken.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

fn readers() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(MOST_READERS))
}
