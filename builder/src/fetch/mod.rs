//! Phase 1: the only code that opens a socket. It takes a list of pinned files and trees and
//! returns a wheelhouse: a directory whose content is a function of the request alone. It resolves
//! nothing, builds nothing, and runs nothing that it fetched.

pub(crate) mod request; // what is asked for
mod address; // URLs, their secrets
pub mod http; // transfers
mod mirrors; // URLs that are asked instead of others
pub mod index; // the ambient index
pub mod git; // trees of commits
mod store; // the download cache
mod trees; // the cache of source trees
pub mod file; // one file of a request
pub mod pool; // archives of Debian's pool, by path and sha256
pub mod wheelhouse; // all of a request
mod source; // the application's source archive
pub(crate) mod snapshot; // the application's source tree, as builds see it
pub(crate) mod tracked; // which of its files git tracks
pub(crate) mod plan; // resolution and build lock in, a request to phase 1 out
pub mod ledger; // golden/<name>.toml: what phase 1 must bring
mod unlocked; // why there is no lock
pub mod application; // recipe, source tree, lock and build lock, read together
pub mod phase1; // read, resolve, plan, fetch

use std::path::PathBuf;

pub use file::Fetcher;
pub use http::Patience;
pub use index::ProjectIndexes;
pub use mirrors::Mirrors;
pub use request::{FileOrigin, FileRequest, LocalTreeRequest, Request, Shelf, TreeRequest};
pub use source::fetch_source;
pub use wheelhouse::{LedgerFile, LedgerTree, Wheelhouse, fetch};

use base::recipe::IndexPolicy;

/// How phase 1 goes about it. Nothing of this reaches the wheelhouse.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Where files of registry packages are looked for.
    pub index: IndexPolicy,
    /// A wheelhouse that is there: it is verified and used, and nothing is fetched.
    pub wheelhouse: Option<PathBuf>,
    /// The indexes that the application's project names.
    pub project: ProjectIndexes,
    /// What is asked instead of URLs that begin with a key.
    pub mirrors: Mirrors,
    /// The uv that is asked for its index if nothing else names one.
    pub uv: Option<PathBuf>,
    /// How long servers are waited for.
    pub patience: Patience,
    /// Downloads at a time.
    pub parallelism: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            index: IndexPolicy::default(),
            wheelhouse: None,
            project: ProjectIndexes::default(),
            mirrors: Mirrors::default(),
            uv: None,
            patience: Patience::default(),
            parallelism: 16,
        }
    }
}
