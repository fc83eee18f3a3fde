//! Words that are no chore of xtask's own: the program that has them is compiled if need be, and
//! then takes this process's place, so its exit code, signals and terminal are nobody else's.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::Context as _;
use xshell::Shell;

use crate::compile::compile;

/// Runs a program of this workspace with the words that follow the first `skipped` typed ones;
/// returns only if that fails. The program calls itself `name` in help and usage.
#[expect(
    clippy::disallowed_methods,
    reason = "it is this process that goes on, as another program"
)]
pub(crate) fn run(shell: &Shell, program: &str, name: &str, skipped: usize) -> anyhow::Result<()> {
    let program = compile(shell, program)?;
    let words = std::env::args_os().skip(1 + skipped);
    let error = Command::new(&program).arg0(name).args(words).exec();
    Err(error).with_context(|| format!("cannot run `{}`", program.display()))
}
