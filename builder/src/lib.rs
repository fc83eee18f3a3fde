//! From one `uv.lock`, build a Python application in two phases. The modules stand in the order in
//! which data flows; a module may use the types of those above it, never the verbs of those below.

pub mod vocabulary; // values without I/O: digests, targets, outcomes, problems
pub mod sys; // the outside world: environment, files, processes, sandbox
pub mod nar; // Nix's archive format and its hash

pub mod recipe; // recipes/<name>.toml
pub mod fetch; // phase 1, the only code that opens a socket

pub mod output; // the tree that phase 2 makes, and paths in it
pub mod dist_info; // METADATA, RECORD, entry points
pub mod wheel_archive; // a wheel's content, unread by any installer
pub mod collisions; // paths that several distributions install
pub mod variables; // `@out@` and the recipe's
pub mod patch; // substitutions in files of the output
pub mod layout; // copies, links, modes and times
pub mod manifest; // what is installed, and whether that is the resolution
