//! The command line: `flags` is what was typed, `commands` what it does, `screen` how it looks.

mod commands;
pub mod flags;
mod screen;

use std::process::ExitCode;

pub use commands::run;
pub use flags::{Cli, Command};

use crate::vocabulary::Outcome;
use crate::vocabulary::problem::{outcome_of, render};

/// Turns the end of a command into an exit code; an error is printed once, with its causes and
/// hint.
pub fn finish(result: anyhow::Result<Outcome>) -> ExitCode {
    match result {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            anstream::eprintln!("{}", screen::coloured(&render(&error)));
            outcome_of(&error).into()
        }
    }
}
