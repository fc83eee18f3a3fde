//! The plan that the launcher carries out: plain values, computed before anything runs.

use serde::{Deserialize, Serialize};

use super::Limits;
use super::pinned::Machine;

/// A whole run.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    /// The process that waits for the run; with it the run ends.
    pub(super) parent: i32,
    pub(super) identity: Identity,
    pub(super) host_name: String,
    /// How many processors programs see.
    pub(super) processors: usize,
    /// Release and version of the kernel that they see.
    pub(super) kernel: [String; 2],
    /// Whether directories are listed backwards instead of sorted.
    pub(super) reversed_directories: bool,
    /// Whether it has a network of its own, with nothing but a loopback interface.
    pub(super) own_network: bool,
    /// The parts of the root, in order.
    pub(super) entries: Vec<Entry>,
    /// In this order.
    pub(super) environment: Vec<(String, String)>,
    pub(super) umask: u32,
    pub(super) program: String,
    pub(super) arguments: Vec<String>,
    pub(super) directory: String,
    /// Which of the three streams are a terminal of its own; the others come with the plan.
    pub(super) terminal: [bool; 3],
    pub(super) limits: Limits,
}

impl Plan {
    /// The facts about the machine that programs see.
    pub(super) fn machine(&self) -> Machine<'_> {
        let [release, version] = &self.kernel;
        Machine {
            processors: self.processors,
            kernel: [release, version],
            host_name: &self.host_name,
        }
    }

    /// The names in `/proc` for which there is a constant.
    pub(super) fn constants(&self) -> impl Iterator<Item = &str> {
        let below = self.entries.iter().filter_map(|it| it.inside.strip_prefix("/proc/"));
        below.filter(|it| !it.contains('/'))
    }
}

/// Who the program is, inside and outside.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Identity {
    /// User and group inside.
    pub(super) inside: [u32; 2],
    /// User and group outside.
    pub(super) outside: [u32; 2],
    /// Whether those are not the caller's own but subordinate ones, as root has.
    pub(super) subordinate: bool,
}

/// A path inside and what is there. Parents come before what is below them.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Absolute, without `.` and `..`.
    pub(super) inside: String,
    pub(super) kind: Kind,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Kind {
    Directory,
    Symlink {
        target: String,
    },
    File {
        text: String,
    },
    Tmpfs,
    /// A directory in memory in the place of one of the root, to be read only: what is below it
    /// follows.
    Again,
    /// `/dev`.
    Devices,
    /// A path of the host, with all that is mounted below it.
    Bind {
        source: String,
        writable: bool,
        owners: Owners,
    },
}

/// Who owns the files of a bind, if the program's user is not the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Owners {
    /// Whoever owns them outside: what only its owner may read is not to be seen.
    Kept,
    /// The program's user, for the time of the run.
    Lent,
    /// The caller, whose files are shown as those of the program's user.
    Shown,
}
