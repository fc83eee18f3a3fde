//! The binary that rounds run: parses, runs, maps the end to an exit code.

use std::process::ExitCode;

use builder::cli;
use clap::Parser as _;

fn main() -> ExitCode {
    cli::finish(cli::run(cli::Cli::parse()))
}
