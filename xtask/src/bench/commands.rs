//! Which commands are compared, and why that is fair.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use xshell::Shell;

use super::Comparison;
use super::measure::Side;
use crate::flags::{Bench, Measured};
use crate::{forward, root};

/// The two sides of one comparison.
pub(super) fn comparison(
    what: Measured,
    bench: &Bench,
    shell: &Shell,
) -> anyhow::Result<Comparison> {
    let builder = forward::compile(shell)?;
    let scratch = builder.parent().context("the builder is nowhere")?.join("bench");
    let place = Place { builder, scratch, source: bench.source.clone(), recipe: &bench.recipe };
    match what {
        Measured::Nar => place.nar(),
        Measured::Fetch => place.fetch(shell, &bench.skip_for_uv),
        Measured::Build => place.build(),
        Measured::Resolve => place.resolve(),
        Measured::All => unreachable!("`all` was taken apart before"),
    }
}

struct Place<'a> {
    builder: PathBuf,
    /// Caches and outputs of the runs; on the file system on which builds are.
    scratch: PathBuf,
    source: Option<PathBuf>,
    recipe: &'a str,
}

impl Place<'_> {
    /// Warm on both sides: the tree is read once before. Both must print the same hash.
    fn nar(&self) -> anyhow::Result<Comparison> {
        let tree = self.source.as_deref().context("`bench nar` needs a tree: `--source DIR`")?;
        let nix = Side::new("nix")
            .args(["--extra-experimental-features", "nix-command", "hash", "path"])
            .arg(tree);
        let ours = self.ours("hash").arg(tree);
        Ok(Comparison { name: "nar", ours, theirs: nix, same_output: true })
    }

    /// From an empty cache to all files on the disk. Ours fetches more: sdists, git trees and build
    /// requirements, all of it hashed as one NAR and fsynced. uv unpacks what it fetches, though
    /// while it downloads, and links it into a venv, as it has no command that only downloads; what
    /// it would have to build is left out on its side. Both see the same index; both look for
    /// their interpreter or index within the measured time.
    fn fetch(&self, shell: &Shell, skipped: &[String]) -> anyhow::Result<Comparison> {
        let project = self.project()?;
        let mut skipped: BTreeSet<String> = skipped.iter().cloned().collect();
        skipped.extend(without_wheels(&shell.read_file(project.join("uv.lock"))?)?);
        let skipped = skipped.into_iter().map(|name| format!("--no-install-package={name}"));
        let theirs = self.uv_sync(&project).arg("--no-install-local").args(skipped);
        let cache = self.scratch.join("our-cache");
        let ours = self.ours_of_recipe("fetch").arg("--cache-dir").arg(&cache).emptied(cache);
        Ok(Comparison { name: "fetch", ours, theirs, same_output: false })
    }

    /// From an empty cache to an output, against `uv sync` from an empty cache to a venv.
    ///
    /// Left for whoever finishes the pipeline: uv must compile in the same root that ours compiles
    /// in (same compilers and interpreter), as with `builder enter`; until then it takes what the
    /// host has, and fails without compilers.
    fn build(&self) -> anyhow::Result<Comparison> {
        let cache = self.scratch.join("our-cache");
        let ours = self.ours_of_recipe("build").args(["--no-out-link", "--cache-dir"]);
        let ours = ours.arg(&cache).emptied(cache);
        let theirs = self.uv_sync(&self.project()?);
        Ok(Comparison { name: "build", ours, theirs, same_output: false })
    }

    /// From recipe and lock to a list of distributions, against the list that uv exports; offline.
    fn resolve(&self) -> anyhow::Result<Comparison> {
        let project = self.project()?;
        let theirs = Side::new("uv")
            .args(["export", "--frozen", "--no-dev", "--offline", "--quiet", "--project"])
            .arg(project);
        let ours = self.ours_of_recipe("resolve");
        Ok(Comparison { name: "resolve", ours, theirs, same_output: false })
    }

    fn ours(&self, command: &str) -> Side {
        Side::new(&self.builder).arg("--root").arg(root()).arg(command)
    }

    fn ours_of_recipe(&self, command: &str) -> Side {
        let ours = self.ours(command).arg(self.recipe);
        match &self.source {
            Some(source) => ours.arg("--source").arg(source),
            None => ours,
        }
    }

    fn uv_sync(&self, project: &Path) -> Side {
        let (cache, venv) = (self.scratch.join("uv-cache"), self.scratch.join("uv-venv"));
        Side::new("uv")
            .args(["sync", "--frozen", "--no-dev", "--no-editable", "--quiet", "--project"])
            .arg(project)
            .arg("--cache-dir")
            .arg(&cache)
            // The project's own directory stays as it is.
            .env("UV_PROJECT_ENVIRONMENT", &venv)
            .emptied(cache)
            .emptied(venv)
    }

    /// The directory of the uv.lock: `--source`, else the example that recipe builds.
    fn project(&self) -> anyhow::Result<PathBuf> {
        let default = || root().join("examples").join(self.recipe);
        let project = self.source.clone().unwrap_or_else(default);
        let missing = || format!("no `uv.lock` in `{}`; give `--source DIR`", project.display());
        anyhow::ensure!(project.join("uv.lock").is_file(), missing());
        Ok(project.canonicalize()?)
    }
}

/// Names of a lock's distributions that uv would have to build. One whose wheels all are for other
/// platforms is not among them; `--skip-for-uv` names it.
pub(super) fn without_wheels(lock: &str) -> anyhow::Result<Vec<String>> {
    #[derive(serde::Deserialize)]
    struct Lock {
        package: Vec<Package>,
    }
    #[derive(serde::Deserialize)]
    struct Package {
        name: String,
        #[serde(default)]
        wheels: Vec<toml::Value>,
    }
    let lock: Lock = toml::from_str(lock).context("cannot read `uv.lock`")?;
    let built = lock.package.into_iter().filter(|package| package.wheels.is_empty());
    Ok(built.map(|package| package.name).collect())
}
