//! What a person can ask of a build.

use std::path::PathBuf;

use crate::fetch::ledger::Golden;
use crate::lock::resolvers::Resolvers;
use base::recipe::Provider;
use base::store::Check;
use base::sys::sandbox::Surroundings;

/// What a build may use of earlier ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reuse {
    /// A finished output of the same inputs; else stored wheels.
    #[default]
    Everything,
    /// Stored wheels.
    Wheels,
    /// Nothing: everything is built.
    Nothing,
}

/// What a person can ask of a build.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// A local source tree instead of the recipe's.
    pub source: Option<PathBuf>,
    /// A toolchain provider instead of the recipe's list.
    pub toolchain: Option<Provider>,
    /// What may be used of earlier builds.
    pub reuse: Reuse,
    /// How much of the toolchain is read to verify it.
    pub check: Check,
    /// What is done about a wheelhouse that is not the golden one.
    pub golden: Golden,
    /// How many builds run at once; `None` is the number of processors.
    pub jobs: Option<usize>,
    /// Whether a missing build lock or toolchain lock is an error; else it is made.
    pub locked: bool,
    /// Whether the output is published without having been checked.
    pub no_checks: bool,
    /// Whether an output that was left unchecked is good enough, if there is no checked one.
    pub unchecked_serves: bool,
    /// What decides what is installed, and in which order builds run.
    pub resolvers: Resolvers,
    /// Where copies of the wheels that were built go.
    pub wheels_out: Option<PathBuf>,
    /// What programs in the sandbox see around them.
    pub surroundings: Surroundings,
}
