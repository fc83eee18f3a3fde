//! Programs of this workspace, compiled when they are needed. `bench` has this file too.

use std::path::PathBuf;

use anyhow::Context as _;
use xshell::{Shell, cmd};

use crate::root;

/// Compiles a program of the workspace in the profile of the one that runs, and returns its path.
pub(crate) fn compile(shell: &Shell, name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot tell where this program itself is")?;
    // `target/debug/deps/xtask-…` when a test runs it, else `target/debug/xtask`.
    let beside = own.parent().context("this program is nowhere")?;
    let beside = if beside.ends_with("deps") { beside.join("..") } else { beside.to_owned() };
    let beside = beside.canonicalize()?;
    let directory = beside.file_name().context("this program is nowhere")?;
    let profile = if directory == "debug" { "dev".as_ref() } else { directory };
    let cargo = shell.var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let manifest = root().join("Cargo.toml");
    let build = cmd!(shell, "{cargo} build --quiet --package {name} --bin {name}");
    // `cargo run` describes its package in the environment; build scripts that look at such
    // variables (ring's does) would run again, and all that depends on them be compiled again.
    let build = of_cargo_run().into_iter().fold(build, xshell::Cmd::env_remove);
    build
        .args(["--profile".as_ref(), profile])
        .arg("--manifest-path")
        .arg(manifest)
        .quiet()
        .run()
        .with_context(|| format!("cannot compile the program `{name}`"))?;
    Ok(beside.join(name))
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
