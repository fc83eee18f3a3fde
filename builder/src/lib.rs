//! From one `uv.lock`, build a Python application in two phases. The modules stand in the order in
//! which data flows; a module may use the types of those above it, never the verbs of those below.

pub mod vocabulary; // values without I/O: digests, targets, outcomes, problems
pub mod sys; // the outside world: environment, files, processes, sandbox
pub mod nar; // Nix's archive format and its hash

pub mod recipe; // recipes/<name>.toml
pub mod fetch; // phase 1, the only code that opens a socket
pub mod toolchain; // the root, the interpreter and the uv that phase 2 works with

pub mod doctor; // looks at what a build needs of the machine
