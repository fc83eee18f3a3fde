//! From a virtual environment to a checked application.

pub mod variables; // `@out@` and the recipe's own
pub mod patch; // substitutions in installed files
pub mod layout; // copies, links, modes
mod bytecode; // compiled modules
pub mod checks; // what must hold of an output
pub mod manifest; // what an output holds
mod origins; // where each distribution came from, for the manifest
pub(crate) mod review; // what a person approves of an output
mod stages; // each of them in its order

pub use stages::{Compiled, LaidOut, Patched, Sealed};
