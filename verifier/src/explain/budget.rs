//! The budget for one file that differs and all archives in it. An archive can be made to cost any
//! amount of memory and time; a file that would exceed the budget is unexplained.

use std::cell::Cell;

use base::sys::archive::Limits;

/// The memory for the parts of all archives that are open at one time. Together with the files that
/// are explained as a whole, this stays below the tool's bound of 150 MB.
const MOST_MEMORY: u64 = 32 << 20;

/// What is left to be spent.
#[derive(Debug)]
pub(crate) struct Budget {
    memory: Cell<u64>,
    unpacking: Cell<u64>,
    exceeded: Cell<bool>,
}

impl Default for Budget {
    fn default() -> Self {
        // Two sides, each unpacked once for digests and once more to be explained.
        let unpacking = 4 * Limits::default().bytes;
        Self {
            memory: Cell::new(MOST_MEMORY),
            unpacking: Cell::new(unpacking),
            exceeded: Cell::new(false),
        }
    }
}

impl Budget {
    /// Before so many bytes are kept in memory; `None` if they must not be.
    pub(crate) fn keep(&self, bytes: u64) -> Option<()> {
        self.spend(&self.memory, bytes)
    }

    /// When so many bytes were unpacked; `None` if no more must be.
    pub(crate) fn unpack(&self, bytes: u64) -> Option<()> {
        self.spend(&self.unpacking, bytes)
    }

    /// Does something, after which the memory that was taken for it is free again.
    pub(crate) fn within<T>(&self, does: impl FnOnce() -> T) -> T {
        let before = self.memory.get();
        let done = does();
        self.memory.set(before);
        done
    }

    /// Whether anything was refused since the last call.
    pub(crate) fn was_exceeded(&self) -> bool {
        self.exceeded.take()
    }

    fn spend(&self, left: &Cell<u64>, bytes: u64) -> Option<()> {
        let rest = left.get().checked_sub(bytes);
        self.exceeded.set(self.exceeded.get() || rest.is_none());
        left.set(rest?);
        Some(())
    }
}
