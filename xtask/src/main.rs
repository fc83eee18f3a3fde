//! `cargo xtask`: this repository's own chores. Every other word is a command of the program
//! `lockstep`, which takes this process's place and reads all words itself. It is compiled before
//! anything else can happen, so it has few dependencies, and reads its few words without a library.

mod compile;
mod forward;
mod dist;
mod tidy;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use xshell::{Shell, cmd};

/// A wrong use of the command line; `lockstep` has the same code for it.
const USAGE: u8 = 2;

/// What the chores are, as the program's own help has it.
const HELP: &str = "\
This repository's own chores; every other word is a command of `lockstep`

Usage: cargo xtask tidy                  check the repository against its written policy
       cargo xtask bench [--help]        measure against Nix and uv
       cargo xtask dist [--profile NAME] build the program as a wheel, and print its path
       cargo xtask static [--profile NAME] build the program linked statically, and print its path
       cargo xtask fuzz [TARGET]         feed mutated input to the readers of foreign input
       cargo xtask ci                    run what CI runs
       cargo xtask COMMAND …             run `lockstep COMMAND …`; see `cargo xtask --help`
";

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            // Nobody need read it; the exit code says it too.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<ExitCode> {
    let shell = Shell::new()?;
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let words: Vec<&str> = words.iter().map(|word| word.to_str().unwrap_or_default()).collect();
    match words[..] {
        ["tidy"] => return tidy::run(&shell),
        ["ci"] => {
            let run = root().join(".ci/run");
            cmd!(shell, "{run}").run()?;
        }
        ["dist"] => dist::run(&shell, "release")?,
        ["static"] => dist::linked_statically(&shell, "release")?,
        ["static", "--profile", profile] => dist::linked_statically(&shell, profile)?,
        ["dist", "--profile", profile] => dist::run(&shell, profile)?,
        ["fuzz", ref words @ ..] => {
            // It is an example: what it needs of other crates is compiled for it alone.
            cmd!(shell, "cargo run --quiet --package lockstep --example fuzz -- {words...}")
                .quiet()
                .run()?;
        }
        ["bench", ..] => forward::run(&shell, "bench", "cargo xtask bench", 1)?,
        ["tidy" | "ci" | "dist" | "static", ..] => {
            let _ = write!(std::io::stderr(), "{HELP}");
            let is_question = words[1..].iter().any(|word| matches!(*word, "--help" | "-h"));
            return Ok(if is_question { ExitCode::SUCCESS } else { USAGE.into() });
        }
        _ => forward::run(&shell, "lockstep", "cargo xtask", 0)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The workspace's root. An xtask is built where it is used, so the path of its sources holds.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a member of the workspace")
}
