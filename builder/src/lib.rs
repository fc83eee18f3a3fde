//! Builds a Python application from one `uv.lock`, in two phases. The modules are in the order of
//! the data flow; a module may use the modules above it, never those below.

pub mod lock; // what is locked: uv.lock, pyproject.toml, the build lock, and what follows from them
pub mod fetch; // phase 1, the only code that opens a socket
pub mod missing; // what the log of a failed program lacks, and which system package has it
pub mod toolchain; // the root, the interpreter and the uv that phase 2 works with
pub mod wheel_archive; // a wheel's content, read and verified, unread by any installer
pub mod build; // phase 2: from source to wheel
pub mod install; // phase 2: from wheels to a virtual environment
pub mod finish; // phase 2: from a virtual environment to a checked application
pub mod publish; // finished outputs, with manifest and provenance
pub mod pipeline; // the whole build as one sequence
pub mod inspect; // looks, and changes nothing
pub mod init; // a recipe from a project never seen
pub mod gc; // bounds the cache
