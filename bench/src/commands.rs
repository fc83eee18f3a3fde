//! Which commands are compared, and why that is fair.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base::sys::Host;
use base::sys::cache::{FILES, GIT, OUTPUTS, WHEELHOUSES, WHEELS, WORK};
use base::sys::env::Environment;
use base::vocabulary::Outcome;
use base::vocabulary::progress::Silent;
use builder::toolchain::uv::provide_uv;
use xshell::{Shell, cmd};

use super::Comparison;
use super::measure::Side;
use super::naive_pair;
use crate::compile::compile;
use crate::flags::{Bench, Measured};
use crate::root;

/// The two sides of one comparison.
pub(super) fn comparison(
    what: Measured,
    bench: &Bench,
    shell: &Shell,
) -> anyhow::Result<Comparison> {
    let builder = compile(shell, "lockstep")?;
    let scratch = builder.parent().context("the builder is nowhere")?.join("bench-scratch");
    let place = Place { builder, scratch, source: bench.source.clone(), recipe: &bench.recipe };
    let comparison = match what {
        Measured::Nar => place.nar(),
        Measured::Fetch => place.fetch(shell, &bench.skip_for_uv),
        Measured::Build => place.build(shell),
        Measured::Verify => Ok(place.verify()),
        Measured::Resolve => place.resolve(),
        Measured::Compare => place.compare(shell),
        Measured::Naive => place.naive(shell, bench.pair.as_deref()),
        Measured::Faults
        | Measured::Scale
        | Measured::Rebuilds
        | Measured::Differ
        | Measured::Sdists
        | Measured::All => {
            unreachable!("it is no comparison of two sides")
        }
    };
    let paused = |it: Comparison| Comparison {
        ours: it.ours.pausing(bench.pause),
        theirs: it.theirs.pausing(bench.pause),
        ..it
    };
    comparison.map(paused)
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
    /// requirements, all of it hashed as one NAR and fsynced. uv has no command that only
    /// downloads, so it unpacks into a directory what it fetches, while it downloads; what it would
    /// have to build is left out on its side. Both look for their index within the measured time.
    fn fetch(&self, shell: &Shell, skipped: &[String]) -> anyhow::Result<Comparison> {
        let project = self.project()?;
        let mut skipped: BTreeSet<String> = skipped.iter().cloned().collect();
        skipped.extend(without_wheels(&shell.read_file(project.join("uv.lock"))?)?);
        let skipped = skipped.into_iter().map(|name| format!("--no-emit-package={name}"));
        let requirements = self.scratch.join("requirements.txt");
        shell.create_dir(&self.scratch)?;
        let uv = uv()?;
        cmd!(shell, "{uv} export --frozen --quiet --no-dev --no-emit-local --project {project}")
            .args(skipped)
            .args(["--output-file".as_ref(), requirements.as_os_str()])
            .quiet()
            .run()?;
        let (cache, target) = (self.scratch.join("uv-cache"), self.scratch.join("uv-target"));
        let theirs = Side::new(uv)
            .args(["pip", "install", "--quiet", "--no-deps", "--require-hashes"])
            .args(["--only-binary", ":all:", "--python-version", PYTHON])
            .args(["--python-platform", PLATFORM, "--target"])
            .arg(&target)
            .arg("--cache-dir")
            .arg(&cache)
            .arg("-r")
            .arg(&requirements)
            .emptied(cache)
            .emptied(target);
        let cache = self.scratch.join("our-cache");
        let ours = self
            .ours_of_recipe("fetch")
            .args(["--platform", PLATFORM, "--cache-dir"])
            .arg(&cache)
            .emptied(cache);
        Ok(Comparison { name: "fetch", ours, theirs, same_output: false })
    }

    /// From an empty cache to an output, against `uv sync` from an empty cache to a venv, in the
    /// same root: same interpreter, same compilers. The root and uv themselves are there on both
    /// sides. Ours also patches, lays out, checks, hashes and publishes; uv is spared the git
    /// dependencies, as the root has no git.
    fn build(&self, shell: &Shell) -> anyhow::Result<Comparison> {
        let project = self.project()?;
        let cache = self.scratch.join("our-cache");
        let theirs = self.scratch.join("theirs");
        let copy = theirs.join("project");
        shell.remove_path(&theirs)?;
        shell.create_dir(&theirs)?;
        cmd!(shell, "cp -r {project} {copy}").quiet().run()?;
        let cached = |side: Side| side.arg("--cache-dir").arg(&cache);
        let skipped = from_git(&shell.read_file(project.join("uv.lock"))?)?;
        let skipped = skipped.into_iter().map(|name| format!("--no-install-package={name}"));
        let uv = cached(self.ours("shell").arg(self.recipe))
            .args(["--network", "--env", "UV_CACHE_DIR=/w/cache"])
            .args(["--env", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"])
            .args(["--env", "UV_PROJECT_ENVIRONMENT=/w/venv", "--bind"])
            .arg(format!("{}:/w", theirs.display()))
            .args(["--", "uv", "sync", "--frozen", "--no-dev", "--no-editable", "--quiet"])
            .args(["--project", "/w/project"])
            .args(skipped)
            .emptied(theirs.join("cache"))
            .emptied(theirs.join("venv"));
        let mut ours = cached(self.ours_of_recipe("build")).arg("--no-out-link");
        for kept in [FILES, GIT, OUTPUTS, WHEELHOUSES, WHEELS, WORK] {
            ours = ours.emptied(cache.join(kept));
        }
        // Makes the root, so that no measured run does.
        let builder = &self.builder;
        let (root, recipe) = (root(), self.recipe);
        cmd!(shell, "{builder} --root {root} --cache-dir {cache} shell {recipe} -- true").run()?;
        Ok(Comparison { name: "build", ours, theirs: uv, same_output: false })
    }

    /// From an empty cache to a verdict, against one build from an empty cache: downloads and the
    /// making of the toolchain are in both.
    fn verify(&self) -> Comparison {
        let [ours, theirs] = ["verify", "cold"].map(|side| self.scratch.join(side));
        let mut verify = self.xtask("verify-repro").args([self.recipe, "--quiet"]);
        let mut build = self.ours_of_recipe("build").args(["--quiet", "--no-out-link"]);
        if let Some(source) = &self.source {
            verify = verify.arg("--source").arg(source);
        }
        verify = verify.arg("--cache-dir").arg(&ours).emptied(ours);
        build = build.arg("--cache-dir").arg(&theirs).emptied(theirs);
        Comparison { name: "verify", ours: verify, theirs: build, same_output: false }
    }

    /// From recipe and lock to a list of distributions, against the list that uv exports; offline.
    fn resolve(&self) -> anyhow::Result<Comparison> {
        let project = self.project()?;
        let theirs = Side::new(uv()?)
            .args(["export", "--frozen", "--no-dev", "--offline", "--quiet", "--project"])
            .arg(project);
        let ours = self.ours_of_recipe("resolve");
        Ok(Comparison { name: "resolve", ours, theirs, same_output: false })
    }

    /// Two copies of a tree that share no inode, warm on both sides. `diff` neither looks at modes
    /// nor says what differs in a file; it is told not to follow links, as ours does not.
    fn compare(&self, shell: &Shell) -> anyhow::Result<Comparison> {
        let tree =
            self.source.as_deref().context("`bench compare` needs a tree: `--source DIR`")?;
        let pair = self.scratch.join("compare");
        shell.remove_path(&pair)?;
        shell.create_dir(&pair)?;
        let [a, b] = ["a", "b"].map(|side| pair.join(side));
        for copy in [&a, &b] {
            cmd!(shell, "cp -a {tree} {copy}").quiet().run()?;
        }
        let theirs = Side::new("diff").args(["-rq", "--no-dereference"]).arg(&a).arg(&b);
        let ours = self.xtask("compare").arg(a).arg(b);
        Ok(Comparison { name: "compare", ours, theirs, same_output: false })
    }

    /// Two plain `uv sync`s, compared and explained, against `diff`, which only finds what differs.
    fn naive(&self, shell: &Shell, pair: Option<&Path>) -> anyhow::Result<Comparison> {
        let project = self.project()?;
        let skipped = from_git(&shell.read_file(project.join("uv.lock"))?)?;
        let pair = pair.map_or_else(|| self.scratch.join("naive"), Path::to_owned);
        let [a, b] =
            naive_pair::made(shell, &self.builder, self.recipe, &project, &skipped, &pair)?;
        let theirs = Side::new("diff").args(["-rq", "--no-dereference"]).arg(&a).arg(&b);
        let ours = self.xtask("compare").arg(a).arg(b);
        Ok(Comparison {
            name: "naive",
            ours: ours.ends_with(Outcome::NotReproducible.code()),
            theirs: theirs.ends_with(1),
            same_output: false,
        })
    }

    fn xtask(&self, command: &str) -> Side {
        Side::new(self.builder.with_file_name("xtask")).arg(command)
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

    /// The directory of the uv.lock: `--source`, else the example that recipe builds.
    fn project(&self) -> anyhow::Result<PathBuf> {
        let default = || root().join("examples").join(self.recipe);
        let project = self.source.clone().unwrap_or_else(default);
        let missing = || format!("no `uv.lock` in `{}`; give `--source DIR`", project.display());
        anyhow::ensure!(project.join("uv.lock").is_file(), missing());
        Ok(project.canonicalize()?)
    }
}

/// The uv that builds use: what is on `PATH` may be another one, or none.
pub(super) fn uv() -> anyhow::Result<PathBuf> {
    let environment = Environment::capture();
    let cache = environment.cache_dir()?;
    let host = Host { environment: &environment, cache: &cache, progress: &Silent };
    Ok(provide_uv(&host)?.path)
}

/// What the recipes here build for.
const PYTHON: &str = "3.14";
pub(super) const PLATFORM: &str = "x86_64-manylinux_2_39";

#[derive(serde::Deserialize)]
struct Lock {
    package: Vec<Package>,
}

#[derive(serde::Deserialize)]
struct Package {
    name: String,
    #[serde(default)]
    wheels: Vec<toml::Value>,
    #[serde(default)]
    source: toml::Table,
}

/// Names of a lock's distributions that uv would have to build. One whose wheels all are for other
/// platforms is not among them; `--skip-for-uv` names it.
pub(super) fn without_wheels(lock: &str) -> anyhow::Result<Vec<String>> {
    named(lock, |package| package.wheels.is_empty())
}

fn from_git(lock: &str) -> anyhow::Result<Vec<String>> {
    named(lock, |package| package.source.contains_key("git"))
}

fn named(lock: &str, wanted: impl Fn(&Package) -> bool) -> anyhow::Result<Vec<String>> {
    let lock: Lock = toml::from_str(lock).context("cannot read `uv.lock`")?;
    Ok(lock.package.into_iter().filter(wanted).map(|package| package.name).collect())
}
