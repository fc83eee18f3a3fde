//! `cargo xtask dist`: the program as a wheel, built by maturin, which is installed into a virtual
//! environment below `target/`. `cargo xtask static`: the program linked statically, which runs
//! where there is no dynamic linker, such as in a builder of Nix.

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

/// Builds the program linked statically in one of cargo's profiles and prints its path. glibc's own
/// resolver is in it (since glibc 2.34), so it finds hosts without libraries of the machine.
pub(crate) fn linked_statically(shell: &Shell, profile: &str) -> anyhow::Result<()> {
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let manifest = root().join("Cargo.toml");
    // With a target of its own the flag is not that of build scripts and macros.
    cmd!(shell, "cargo build --quiet --locked --package lockstep --bin lockstep --target {target}")
        .args(["--profile", profile, "--manifest-path"])
        .arg(manifest)
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .quiet()
        .run()
        .context("cannot link the program statically")?;
    let directory = if profile == "dev" { "debug" } else { profile };
    println!("{}", root().join("target").join(target).join(directory).join("lockstep").display());
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
