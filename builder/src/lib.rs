//! From one `uv.lock`, build a Python application in two phases. The modules stand in the order in
//! which data flows; a module may use the types of those above it, never the verbs of those below.

pub mod vocabulary; // values without I/O: digests, targets, outcomes, problems
pub mod sys; // the outside world: environment, files, processes, sandbox
pub mod nar; // Nix's archive format and its hash

pub mod recipe; // recipes/<name>.toml
pub mod recipe_file; // where a recipe lies, and what belongs to it
pub mod lock; // uv.lock
pub mod pyproject; // what this tool reads of a pyproject.toml
pub mod resolve; // lock, target and selection in, a flat list of distributions out
pub mod fetch; // phase 1, the only code that opens a socket
pub mod toolchain; // the root, the interpreter and the uv that phase 2 works with
pub mod build_lock; // recipes/<name>.build-lock.toml: what uv.lock does not say
pub mod build_graph; // which build waits for which
pub mod resolvers; // the two of them, which a caller can replace
pub mod plan; // resolution and build lock in, a request to phase 1 out
pub mod ledger; // golden/<name>.toml: what phase 1 must bring
pub mod source_patch; // unified diffs, applied to a source before its build
pub mod sources; // trees, laid out where they are built
pub mod inputs; // recipe, source tree, lock and build lock, read together
pub mod phase1; // read, resolve, plan, fetch
pub mod environment; // what a backend sees, built with or asked
pub mod relock; // makes the build lock

pub mod wheels; // phase 2: what is built from source
pub mod output; // the tree that phase 2 makes, and paths in it
pub mod dist_info; // METADATA, RECORD, entry points
pub mod wheel_archive; // a wheel's content, unread by any installer
pub mod collisions; // paths that several distributions install
pub mod venv; // the virtual environment at the prefix
pub mod variables; // `@out@` and the recipe's
pub mod patch; // substitutions in installed files
pub mod layout; // copies, links, modes
pub mod checks; // what must hold of an output
pub mod manifest; // what an output holds
pub mod review; // what a person approves of an output
pub mod phase2; // small parts of phase 2 that belong to no single stage
pub mod publish; // finished outputs, with manifest and provenance
pub mod pipeline; // the whole build as one sequence
pub mod rebuilds; // what a build would compile, and why
pub mod gc; // bounds the cache

pub mod graphs; // the two graphs as a person looks at them
pub mod doctor; // looks at what a build needs of the machine
pub mod cli; // the command line
