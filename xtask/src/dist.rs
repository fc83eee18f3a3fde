//! `cargo xtask dist`: the program as a wheel, built by maturin, which is installed into a virtual
//! environment below `target/`.

use std::path::PathBuf;

use anyhow::Context as _;
use xshell::{Shell, cmd};

use crate::root;

/// The requirement that `lockstep/pyproject.toml` has.
const MATURIN: &str = "maturin>=1.9,<2";

/// Builds the wheel in one of cargo's profiles and prints its path: `release` is small and
/// stripped, `dev` is built in a moment.
pub(crate) fn run(shell: &Shell, profile: &str) -> anyhow::Result<()> {
    println!("{}", wheel(shell, profile)?.display());
    Ok(())
}

fn wheel(shell: &Shell, profile: &str) -> anyhow::Result<PathBuf> {
    let dist = root().join("target/dist");
    let maturin = installed(shell, &dist.join("venv"))?;
    // A wheel of an earlier version would be taken for this one.
    let wheels = dist.join("wheels");
    shell.remove_path(&wheels)?;
    let manifest = root().join("lockstep/Cargo.toml");
    cmd!(shell, "{maturin} build --profile {profile} --locked --out {wheels}")
        .arg("--manifest-path")
        .arg(manifest)
        .run()
        .context("maturin cannot build the wheel")?;
    let mut built = shell.read_dir(&wheels)?;
    built.pop().context("maturin left no wheel")
}

/// Returns maturin's path, after installing it if need be.
fn installed(shell: &Shell, venv: &std::path::Path) -> anyhow::Result<PathBuf> {
    let maturin = venv.join("bin/maturin");
    if !maturin.is_file() {
        cmd!(shell, "python3 -m venv {venv}").run().context("cannot make a virtual environment")?;
        let python = venv.join("bin/python");
        cmd!(shell, "{python} -m pip install --quiet {MATURIN}")
            .run()
            .context("cannot install maturin")?;
    }
    Ok(maturin)
}
