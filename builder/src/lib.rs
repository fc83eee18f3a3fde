//! From one `uv.lock`, build a Python application in two phases. The modules stand in the order in
//! which data flows; a module may use the types of those above it, never the verbs of those below.

pub mod vocabulary; // values without I/O: digests, targets, outcomes, problems
pub mod sys; // the outside world: environment, files, processes, sandbox
pub mod nar; // Nix's archive format and its hash

pub mod recipe; // recipes/<name>.toml
pub mod fetch; // phase 1, the only code that opens a socket

pub mod lock; // uv.lock
pub mod pyproject; // what this tool reads of a pyproject.toml
pub mod resolve; // lock, target and selection in, a flat list of distributions out
pub mod build_lock; // recipes/<name>.build-lock.toml: what uv.lock does not say
pub mod build_graph; // which build waits for which
pub mod plan; // resolution and build lock in, a request to phase 1 out
