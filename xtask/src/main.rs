//! `cargo xtask`: this repository's own chores. Every other word is a command of the program
//! `lockstep`, which takes this process's place and reads all words itself.

mod flags;
mod forward;
mod bench;
mod dist;
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
            let text = base::vocabulary::problem::render(&error);
            let _ = writeln!(std::io::stderr(), "{text}");
            base::vocabulary::problem::outcome_of(&error).into()
        }
    }
}

fn run() -> anyhow::Result<()> {
    let shell = Shell::new()?;
    let first = std::env::args_os().nth(1);
    let is_chore = first.is_some_and(|word| Command::NAMES.iter().any(|name| word == *name));
    if !is_chore {
        return forward::run(&shell);
    }
    match Flags::parse().command {
        Command::Tidy => tidy::run(&shell),
        Command::Bench(command) => command.run(&shell),
        Command::Dist(dist) => dist.run(&shell),
        Command::Fuzz(fuzz) => {
            let words = fuzz.words;
            // It is an example: what it needs of other crates is compiled for it alone.
            Ok(cmd!(shell, "cargo run --quiet --package lockstep --example fuzz -- {words...}")
                .quiet()
                .run()?)
        }
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
