//! `cargo xtask`: the project's commands. One match; what was typed is in `flags`, and what builds
//! is the binary `builder`, which runs in a process of its own.

mod flags;
mod forward;
mod verify;
mod report;
mod bench;
mod tidy;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser as _;
use flags::{Command, Flags};
use xshell::{Shell, cmd};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody need read it; the exit code says it too.
            let text = builder::vocabulary::problem::render(&error);
            let _ = writeln!(std::io::stderr(), "{text}");
            builder::vocabulary::problem::outcome_of(&error).into()
        }
    }
}

fn run() -> anyhow::Result<()> {
    let shell = Shell::new()?;
    match Flags::parse().command {
        Command::Forwarded(_) => forward::run(&shell),
        Command::Tidy => tidy::run(&shell),
        Command::Bench(command) => command.run(&shell),
        Command::VerifyRepro(command) => command.run(&shell),
        Command::Compare(command) => command.run(),
        Command::Ci => {
            let run = root().join(".ci/run");
            Ok(cmd!(shell, "{run}").run()?)
        }
    }
}

/// The workspace's root. An xtask is built where it is used, so the path of its sources holds.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a member of the workspace")
}
