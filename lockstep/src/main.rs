//! The program: it parses what was typed, runs it, and maps its end to an exit code. `flags` is
//! what was typed, `commands` what it does, `screen` how it looks.

mod commands;
mod flags;
mod screen;

use std::process::ExitCode;

use base::vocabulary::Outcome;
use base::vocabulary::problem::{outcome_of, render};
use clap::{CommandFactory as _, FromArgMatches as _};

use flags::Cli;

fn main() -> ExitCode {
    let typed = flags::typed_name(std::env::args_os().next().as_deref());
    let matches = Cli::command().name(typed).bin_name(typed).get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    finish(commands::run(cli))
}

/// Turns the end of a command into an exit code; an error is printed once, with its causes and
/// hint.
fn finish(result: anyhow::Result<Outcome>) -> ExitCode {
    match result {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            anstream::eprintln!("{}", screen::coloured(&render(&error)));
            outcome_of(&error).into()
        }
    }
}
