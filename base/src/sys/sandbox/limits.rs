//! The resource limits of a program. When the program reaches a limit, every process inside is
//! killed, and the last line of its log names the limit.

use serde::{Deserialize, Serialize};

/// Each has a default that no build of a package comes near.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// How long it may run, in seconds of the wall clock. A person's shell has no such limit.
    pub seconds: u64,
    /// How much memory all of its processes may have together, with what they keep in file systems
    /// in memory, in bytes; `None` is all that the machine has.
    pub memory_bytes: Option<u64>,
    /// How many processes and threads may exist at once.
    pub processes: u64,
    /// How much may be printed into a log, in bytes.
    pub log_bytes: u64,
    /// How large a file may become, in bytes.
    pub file_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            seconds: 4 * 60 * 60,
            memory_bytes: None,
            processes: 8192,
            log_bytes: 256 << 20,
            file_bytes: 64 << 30,
        }
    }
}

/// A limit that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Reached {
    Time,
    Memory,
    Log,
}

/// What `timeout(1)` exits with, too.
pub(super) const STOPPED: i32 = 124;

impl Limits {
    /// How much memory that is on this machine.
    pub(super) fn memory(&self) -> u64 {
        let machine = rustix::system::sysinfo();
        let all: u64 = machine.totalram;
        self.memory_bytes.unwrap_or(all.saturating_mul(u64::from(machine.mem_unit)))
    }

    /// The last line of what the program printed.
    pub(super) fn told(&self, reached: Reached) -> String {
        let (what, key) = match reached {
            Reached::Time => (
                format!("it ran for more than {} s", self.seconds),
                "`limits.build-minutes` or `limits.check-minutes`",
            ),
            Reached::Memory => (
                format!("it took more than {} MB of memory", self.memory() >> 20),
                "`limits.memory-megabytes`",
            ),
            Reached::Log => {
                (format!("it printed more than {} bytes", self.log_bytes), "`limits.log-megabytes`")
            }
        };
        format!("lockstep: stopped, because {what}; {key} of the recipe sets another limit\n")
    }
}
