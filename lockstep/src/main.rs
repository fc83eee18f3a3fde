//! The program: it parses what was typed, runs it, and maps its end to an exit code. `flags` is
//! what was typed, `commands` what it does, `screen` how it looks; `typed` completes the commands
//! that messages propose.

mod commands;
mod flags;
mod screen;
mod typed;

use std::process::ExitCode;

use base::vocabulary::Outcome;
use base::vocabulary::problem::{outcome_of, render};
use clap::{CommandFactory as _, FromArgMatches as _};

use flags::Cli;
use typed::Typed;

fn main() -> ExitCode {
    // First: if this process is the sandbox's launcher, it is nothing else.
    base::sys::sandbox::serve();
    let name = typed::program_name(std::env::args_os().next().as_deref());
    let matches = Cli::command().name(name).bin_name(name).get_matches();
    let typed = Typed::new(name, Cli::command(), &matches);
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    finish(commands::run(cli, &typed), &typed)
}

/// Turns the end of a command into an exit code; an error is printed once, with its causes and
/// hint.
fn finish(result: anyhow::Result<Outcome>, typed: &Typed) -> ExitCode {
    match result {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            anstream::eprintln!("{}", screen::coloured(&typed.shown(&render(&error))));
            outcome_of(&error).into()
        }
    }
}
