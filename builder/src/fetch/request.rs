//! The request to phase 1: files and trees, each pinned. It knows nothing of graphs or builds; the
//! wheelhouse is a function of the request alone.

use std::path::PathBuf;

use url::Url;

use base::packaging::PackageName;
use base::vocabulary::Sha256;

/// All that one wheelhouse holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// Archives, each pinned by sha256.
    pub files: Vec<FileRequest>,
    /// Git trees, each pinned by a commit.
    pub trees: Vec<TreeRequest>,
    /// Local trees, each pinned by its NAR hash.
    pub local_trees: Vec<LocalTreeRequest>,
}

/// The directory of the wheelhouse for one kind of entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shelf {
    /// `wheels/`: what is installed as it is.
    Wheels,
    /// `sdists/`: archives that are built from source.
    Sdists,
    /// `build/`: wheels that only builds use.
    Build,
    /// `git/`: exported trees.
    Git,
    /// `trees/`: source trees of the recipe.
    Trees,
    /// `debs/`: packages of a toolchain.
    Debs,
    /// `uv/`: the wheel of a toolchain's uv.
    Uv,
}

impl Shelf {
    /// The directory's name.
    pub const fn directory(self) -> &'static str {
        match self {
            Self::Wheels => "wheels",
            Self::Sdists => "sdists",
            Self::Build => "build",
            Self::Git => "git",
            Self::Trees => "trees",
            Self::Debs => "debs",
            Self::Uv => "uv",
        }
    }
}

/// One archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRequest {
    /// The distribution that it belongs to, for messages and index look-ups.
    pub project: PackageName,
    /// Where it goes.
    pub shelf: Shelf,
    /// Its name there; a plain file name, already URL-unquoted.
    pub filename: String,
    /// What its bytes must hash to.
    pub sha256: Sha256,
    /// How many bytes it must have, if the lock says so.
    pub size: Option<u64>,
    /// Where it comes from.
    pub origin: FileOrigin,
}

/// Where an archive comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileOrigin {
    /// A package index. `locked` is the file's URL in the lock; the configured index may also have
    /// the file, by its name and sha256.
    Registry {
        /// The file's URL as locked.
        locked: Option<Url>,
    },
    /// Exactly this URL: a direct URL requirement. The ambient index is never asked.
    Url(Url),
    /// A local file, such as a path requirement or a flat index in the source tree.
    Path(PathBuf),
}

/// One git tree, exported without `.git`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeRequest {
    /// The distribution that it belongs to.
    pub project: PackageName,
    /// Its directory below `git/`.
    pub directory: String,
    /// The repository, without query and fragment.
    pub url: Url,
    /// The commit, 40 hexadecimal digits.
    pub rev: String,
    /// A tag or branch to ask the server for when it does not serve bare commits.
    pub reference: Option<String>,
    /// Whether submodules are part of the tree.
    pub submodules: bool,
    /// The NAR hash that the tree must have, if a ledger knows it.
    pub nar_hash: Option<Sha256>,
}

/// One local tree, copied as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalTreeRequest {
    /// The distribution that it belongs to, and its directory below `trees/`.
    pub project: PackageName,
    /// Where it is.
    pub path: PathBuf,
    /// The NAR hash that it must have.
    pub nar_hash: Sha256,
}
