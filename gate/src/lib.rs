//! Judges an update of a `uv.lock` before it is merged. It is a crate of its own: it judges
//! changes, with the locks and downloads of `builder`, which knows nothing of changes. The modules
//! stand in the order in which data flows; a module may use those above it, never those below.
//!
//! Stage 1 reads text: it opens no socket and starts no program but `git`. Only if it denies
//! nothing, and only if that was asked for, stage 2 (`inspect`) downloads the files of new versions
//! through `builder::fetch` and looks into them. Nothing of the change runs in either.

pub mod rules; // every rule: its id, its level without a policy, what it is about
mod finding; // what a rule found, and where
mod git; // commits, read by plumbing alone
mod tree; // the files of one side
mod policy; // lockstep.toml: levels and exceptions
mod reach; // through whom a package is needed
mod difference; // two locks, compared by meaning
mod files; // files of a version that stayed, and the hosts of all
mod targets; // what a recipe installs on each target, before and after
mod written; // whether uv would have written the lock
mod settings; // what decides a lock beside its packages
mod ages; // how old what is new is
mod judges; // what of the change judges the change
mod locks; // one lock of a repository, before and after
mod recipes; // one recipe, before and after
mod traits; // what a person would look for in a file
mod contents; // two versions of a package, compared
mod metadata; // what a wheel requires, and what the lock has for it
mod inspect; // stage 2: the files of new versions, downloaded and looked into
mod verdict; // what all of it comes to
pub mod report; // for people and programs
mod gate; // the whole sequence

pub use gate::{Asked, Depth, Gate, Place};
pub use verdict::{Decision, Verdict};
