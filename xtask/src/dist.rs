//! `cargo xtask dist`: the program as a wheel, built by maturin, which is installed into a virtual
//! environment below `target/`.

use std::path::PathBuf;

use anyhow::Context as _;
use xshell::{Shell, cmd};

use crate::flags::Dist;
use crate::root;

/// The requirement that `lockstep/pyproject.toml` has.
const MATURIN: &str = "maturin>=1.9,<2";

impl Dist {
    /// Builds the wheel and prints its path.
    pub(crate) fn run(&self, shell: &Shell) -> anyhow::Result<()> {
        println!("{}", self.wheel(shell)?.display());
        Ok(())
    }

    fn wheel(&self, shell: &Shell) -> anyhow::Result<PathBuf> {
        let dist = root().join("target/dist");
        let maturin = installed(shell, &dist.join("venv"))?;
        // A wheel of an earlier version would be taken for this one.
        let wheels = dist.join("wheels");
        shell.remove_path(&wheels)?;
        let (manifest, profile) = (root().join("lockstep/Cargo.toml"), &self.profile);
        cmd!(shell, "{maturin} build --profile {profile} --locked --out {wheels}")
            .arg("--manifest-path")
            .arg(manifest)
            .run()
            .context("maturin cannot build the wheel")?;
        let mut built = shell.read_dir(&wheels)?;
        built.pop().context("maturin left no wheel")
    }
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
