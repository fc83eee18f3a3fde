//! What every other crate stands on: the words that all of them share, the outside world, and the
//! files that a person writes. There is no policy here. The modules stand in the order in which
//! they may know each other: a module may use those above it.

pub mod vocabulary; // values without I/O: digests, targets, outcomes, problems
pub mod sys; // the outside world: environment, files, processes, sandbox
pub mod store; // content-addressed stores of the cache
pub mod nar; // Nix's archive format and its hash
pub mod recipe; // recipes/<name>.toml
pub mod recipe_file; // where a recipe lies, and what belongs to it
pub mod dist_info; // METADATA, RECORD, entry points
