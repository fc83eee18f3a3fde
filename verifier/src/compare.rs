//! Two trees, or two files, in; typed differences out. It looks at names, kinds, modes, link
//! targets and bytes, and at nothing that a copy changes: times, owners, inode numbers.
//!
//! All cores share the directories. Each pair of files needs only two buffers, so memory does not
//! grow with the trees. The results are sorted at the end: equal inputs give equal results,
//! whatever the order of the work.

mod content;
mod directory;
mod tree;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use base::vocabulary::{Problem, shown_name};
use fs_err as fs;
use serde::{Deserialize, Serialize};

/// One of the two things that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The first.
    A,
    /// The second.
    B,
}

impl Side {
    /// Both, in order: an index of `[T; 2]` is `side as usize`.
    pub const BOTH: [Self; 2] = [Self::A, Self::B];
}

/// What a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link.
    Link,
    /// A device, fifo or socket; no tree that is built has one.
    Special,
}

/// How a path differs between the sides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Change {
    /// It is there on one side only; of a directory, what is in it is not listed.
    Only {
        /// The side that has it.
        side: Side,
        /// What it is there.
        kind: Kind,
    },
    /// It is two different kinds of thing.
    Kind {
        /// What it is in A.
        a: Kind,
        /// What it is in B.
        b: Kind,
    },
    /// The permission bits (`07777`) differ.
    Mode {
        /// The bits in A.
        a: u32,
        /// The bits in B.
        b: u32,
        /// Whether the owner's execute bit of a file is among them: the only one that a NAR keeps.
        in_nar: bool,
    },
    /// A link leads elsewhere. Targets are shown as [`shown`] does it.
    Target {
        /// The target in A.
        a: String,
        /// The target in B.
        b: String,
    },
    /// The bytes differ.
    Content {
        /// Bytes in A.
        a: u64,
        /// Bytes in B.
        b: u64,
        /// Where the first byte differs, or the shorter file ends.
        first: u64,
    },
}

/// A path and how it differs. A path may differ in two ways, such as in mode and content.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// Relative to the root; empty if the roots themselves differ.
    pub path: PathBuf,
    /// How.
    pub change: Change,
}

/// How much was looked at: what is there on either side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// Directories, files and links.
    pub entries: u64,
    /// Regular files.
    pub files: u64,
    /// Bytes of A's regular files.
    pub bytes: u64,
}

/// All that differs between two paths, sorted by path.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The roots that were compared.
    pub roots: [PathBuf; 2],
    /// How much was looked at.
    pub counted: Counted,
    /// What differs.
    pub differences: Vec<Difference>,
    /// The `.dist-info` directories that both sides have, sorted.
    pub dist_infos: Vec<PathBuf>,
}

impl Comparison {
    /// Whether nothing differs.
    pub fn equal(&self) -> bool {
        self.differences.is_empty()
    }

    /// Where `path` is on the disk.
    pub fn locate(&self, side: Side, path: &Path) -> PathBuf {
        locate(&self.roots[side as usize], path)
    }
}

/// Compares two trees or two files. The roots themselves may be reached through links.
///
/// Errors: a path that cannot be read, or a file that changes while it is read. Then nothing is
/// known, even if differences were found before.
pub fn compare(a: &Path, b: &Path) -> Result<Comparison, Problem> {
    let mut roots = Vec::new();
    for root in [a, b] {
        let real = fs::canonicalize(root).map_err(|error| {
            Problem::usage(format!("cannot compare `{}`", root.display())).cause(error)
        })?;
        roots.push(real);
    }
    let roots: [PathBuf; 2] = roots.try_into().expect("there are two");
    let found = tree::walk(&roots)?;
    Ok(Comparison {
        roots,
        counted: found.counted,
        differences: found.differences,
        dist_infos: found.dist_infos,
    })
}

/// A path for people and for JSON.
pub fn shown(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    shown_name(path.as_os_str().as_bytes())
}

/// `join` would add a slash for the root itself, which a file has not.
fn locate(root: &Path, path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() { root.to_owned() } else { root.join(path) }
}
