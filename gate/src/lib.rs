//! Judges an update of a `uv.lock` before it is merged. It is a crate of its own because it needs the
//! locks of `builder` and the date of `verifier`, which use nothing of each other. The modules stand
//! in the order in which data flows; a module may use those above it, never those below.
//!
//! Everything here is stage 1: it reads text. It opens no socket, starts no program but `git`, and
//! runs nothing of the change.

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
mod verdict; // what all of it comes to
pub mod report; // for people and programs
mod gate; // the whole sequence

pub use gate::{Asked, Gate, Place};
pub use verdict::{Decision, Verdict};
