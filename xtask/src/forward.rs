//! Commands of the program `lockstep`: it is compiled if need be, and then takes this process's
//! place, so its exit code, signals and terminal are nobody else's.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;
use xshell::{Shell, cmd};

use crate::root;

/// Runs `lockstep` with what was typed; returns only if that fails.
#[expect(
    clippy::disallowed_methods,
    reason = "it is this process that goes on, as another program"
)]
pub(crate) fn run(shell: &Shell) -> anyhow::Result<()> {
    let program = compile(shell)?;
    // Help and usage then name the command that was typed.
    let error = Command::new(&program).arg0("cargo xtask").args(std::env::args_os().skip(1)).exec();
    Err(error).with_context(|| format!("cannot run `{}`", program.display()))
}

/// Compiles the program `lockstep` in xtask's own profile and returns its path.
pub(crate) fn compile(shell: &Shell) -> anyhow::Result<PathBuf> {
    let xtask = std::env::current_exe().context("cannot tell where xtask itself is")?;
    // `target/debug/deps/xtask-…` when a test runs it, else `target/debug/xtask`.
    let beside = xtask.parent().context("xtask is nowhere")?;
    let beside = if beside.ends_with("deps") { beside.join("..") } else { beside.to_owned() };
    let beside = beside.canonicalize()?;
    let directory = beside.file_name().context("xtask is nowhere")?;
    let profile = if directory == "debug" { "dev".as_ref() } else { directory };
    let cargo = shell.var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let manifest = root().join("Cargo.toml");
    let build = cmd!(shell, "{cargo} build --quiet --package lockstep --bin lockstep");
    // `cargo run` describes xtask's package in the environment; build scripts that look at such
    // variables (ring's does) would run again, and all that depends on them be compiled again.
    let build = of_cargo_run().into_iter().fold(build, xshell::Cmd::env_remove);
    build
        .args(["--profile".as_ref(), profile])
        .arg("--manifest-path")
        .arg(manifest)
        .quiet()
        .run()
        .context("cannot compile the program `lockstep`")?;
    Ok(beside.join("lockstep"))
}

/// The variables with which `cargo run` describes the package that it runs.
#[expect(clippy::disallowed_methods, reason = "only their names are wanted, to remove them")]
fn of_cargo_run() -> Vec<std::ffi::OsString> {
    let described = |name: &std::ffi::OsString| {
        let name = name.to_string_lossy();
        ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|start| name.starts_with(start))
    };
    std::env::vars_os().map(|(name, _)| name).filter(described).collect()
}
