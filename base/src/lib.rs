//! The foundation of every other crate: shared types, the outside world, and the files that people
//! write. It contains no policy. A module may use only the modules above it.

// It only pins the tables that `url` has of international host names; see the manifest.
use idna_adapter as _;

pub mod packaging; // Python's specifications: names, versions, markers, tags
pub mod vocabulary; // values without I/O: digests, targets, outcomes, problems
pub mod sys; // the outside world: environment, files, processes, sandbox
pub mod store; // content-addressed stores of the cache
pub mod nar; // Nix's archive format and its hash
pub mod recipe; // recipes/<name>.toml
pub mod recipe_file; // where a recipe lies, and what belongs to it
pub mod dist_info; // METADATA, RECORD, entry points
