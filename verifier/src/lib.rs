//! Compares, explains and judges two builds. It runs the program `lockstep` for its rounds and uses
//! nothing of `builder`. The modules are in the order of the data flow; a module may use the
//! modules above it, never those below.

mod check; // what must hold beside equality, and what was varied
pub mod listing; // what an output has, for another machine to compare with
pub mod compare; // what differs between two trees or files
pub mod explain; // why
pub mod rounds; // builds in places that differ in everything that must not matter
mod checks; // what else must hold of rounds
mod report; // what was found out, for people and programs
mod pairs; // two rounds: compared, explained, blamed
pub mod review; // snapshots that wait for a person
mod compare_command; // any two trees or files, without building anything
mod verify_repro; // rounds, comparison, explanation, checks, verdict

pub use checks::snapshots::texts;
pub use checks::waivers::today;
pub use compare_command::CompareCommand;
pub use verify_repro::{Program, VerifyRepro};

/// The workspace, whose golden pairs the tests read.
#[cfg(test)]
fn tests_root() -> &'static std::path::Path {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it is in a workspace")
}
