//! NAR: Nix's archive format, of which only the hash is wanted here.
use std::path::Path;

use crate::vocabulary::{Problem, Sha256};

/// The NAR hash of a file, link or tree: what `nix hash path` prints.
pub fn hash_path(_path: &Path) -> Result<Sha256, Problem> {
    unimplemented!("the `nar` helper brings it")
}
