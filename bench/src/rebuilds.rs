//! What is compiled after single bumps of a recipe, and how long that takes, by a cold build.
//!
//! The cold build starts with an empty store of wheels, the others with what it left. No build is
//! measured with downloads or the making of a toolchain: these depend on the network, so they come
//! before. All else of phase 1 and phase 2 is in the time, to the published output.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base::sys::cache::{OUTPUTS, WHEELHOUSES, WORK};
use serde::Serialize;
use serde_json::Value;
use xshell::{Shell, cmd};

use super::bumps::{self, Bump, Compiled};
use super::measure::{Sample, Side};
use crate::compile::compile;
use crate::flags::Bench;
use crate::root;

/// What was found out of one bump.
#[derive(Debug, Serialize)]
pub(super) struct Rebuilt {
    name: String,
    expected: Compiled,
    compiled: Compiled,
    /// How many distributions are built from source.
    built: usize,
    seconds: f64,
    /// Its time by that of the cold build; of the processors likewise.
    ratio: f64,
    cpu_ratio: f64,
    sample: Sample,
}

/// Builds cold, and then after each bump. Each once: the second time all is in the store.
pub(super) fn run(bench: &Bench, shell: &Shell) -> anyhow::Result<Vec<Rebuilt>> {
    let builder = compile(shell, "lockstep")?;
    let scratch = builder.parent().context("the builder is nowhere")?.join("bench/rebuilds");
    let default = || root().join("examples").join(&bench.recipe);
    let source = bench.source.clone().unwrap_or_else(default).canonicalize()?;
    let place = Place { builder, scratch, recipe: &bench.recipe };
    let bumps = bumps::of(&bench.recipe)?;
    // Outputs of an earlier run of this. Between the builds none is removed, as a user's is not:
    // some file systems are slow for minutes where many files were just removed.
    shell.remove_path(place.cache().join(OUTPUTS))?;
    let mut prepared = vec![place.prepare(shell, &source, "cold", None)?];
    for bump in &bumps {
        prepared.push(place.prepare(shell, &source, &slug(&bump.name), Some(bump))?);
    }
    shell.remove_path(place.cache().join("wheels"))?;
    let all = Compiled::Word("all".to_owned());
    let mut found = vec![place.measure(shell, "cold", &all, &prepared[0], None)?];
    for (bump, copy) in bumps.iter().zip(&prepared[1..]) {
        let cold = Some(&found[0].sample);
        found.push(place.measure(shell, &bump.name, &bump.compiled, copy, cold)?);
    }
    Ok(found)
}

/// Whether each compiled what it must, and nothing else.
pub(super) fn check(found: &[Rebuilt]) -> anyhow::Result<()> {
    let wrong = found.iter().filter(|it| it.compiled != it.expected);
    let wrong: Vec<&str> = wrong.map(|it| it.name.as_str()).collect();
    anyhow::ensure!(wrong.is_empty(), "something else was compiled than must be: {wrong:?}");
    Ok(())
}

pub(super) fn table(found: &[Rebuilt]) -> String {
    let mut lines = vec![format!(
        "{:<36} {:>8} {:>8} {:>8} {:>8} {:>8}  {}",
        "bump", "seconds", "by cold", "cpu", "by cold", "compiled", "which"
    )];
    for Rebuilt { name, compiled, built, seconds, ratio, cpu_ratio, sample, .. } in found {
        let cpu = sample.cpu_seconds;
        let (count, which) = match compiled {
            Compiled::Only(names) => (names.len(), names.join(", ")),
            Compiled::Word(all) => (*built, all.clone()),
        };
        let times = format!("{seconds:>8.1} {ratio:>8.2} {cpu:>8.1} {cpu_ratio:>8.2}");
        let line = format!("{name:<36} {times} {count:>8}  {which}");
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}

struct Place<'a> {
    builder: PathBuf,
    /// A cache of its own, and the copies.
    scratch: PathBuf,
    recipe: &'a str,
}

impl Place<'_> {
    fn cache(&self) -> PathBuf {
        self.scratch.join("cache")
    }

    /// Makes a copy with the bump in it, and brings all that it needs of the network.
    fn prepare(
        &self,
        shell: &Shell,
        source: &Path,
        name: &str,
        bump: Option<&Bump>,
    ) -> anyhow::Result<PathBuf> {
        println!("preparing {name}");
        let copy = self.scratch.join(self.recipe).join(name);
        bumps::copy(shell, root(), source, &copy)?;
        let lock_again = bump.map_or(Ok(false), |bump| bump.apply(shell, self.recipe, &copy))?;
        if lock_again {
            self.run(shell, &copy, "build-lock", &[])?;
        }
        self.run(shell, &copy, "fetch", &["--no-golden"])?;
        let (builder, cache, recipe) = (&self.builder, self.cache(), self.recipe);
        cmd!(shell, "{builder} --quiet --root {copy} --cache-dir {cache} shell {recipe} -- true")
            .quiet()
            .run()?;
        Ok(copy)
    }

    fn run(
        &self,
        shell: &Shell,
        copy: &Path,
        command: &str,
        more: &[&str],
    ) -> anyhow::Result<String> {
        let (builder, cache, recipe) = (&self.builder, self.cache(), self.recipe);
        let source = copy.join("source");
        let common = cmd!(shell, "{builder} --json --root {copy} --cache-dir {cache}");
        let words = cmd_words(command, recipe);
        let ran = common.args(words).arg("--source").arg(source).args(more).quiet();
        ran.read().with_context(|| format!("cannot prepare `{}`", copy.display()))
    }

    fn measure(
        &self,
        shell: &Shell,
        name: &str,
        expected: &Compiled,
        copy: &Path,
        cold: Option<&Sample>,
    ) -> anyhow::Result<Rebuilt> {
        print!("building {name} … ");
        let foretold = self.foretold(shell, copy)?;
        let cache = self.cache();
        let mut side = Side::new(&self.builder)
            .args(["--quiet", "--json", "--root"])
            .arg(copy)
            .arg("--cache-dir")
            .arg(&cache)
            .args(["build", self.recipe, "--no-out-link", "--source"])
            .arg(copy.join("source"));
        for section in [WHEELHOUSES, WORK] {
            side = side.emptied(cache.join(section));
        }
        let sample = side.measure(shell)?;
        let report: Value = serde_json::from_str(&sample.output)?;
        let count = |key: &str| report[key].as_u64().and_then(|it| usize::try_from(it).ok());
        let built = count("built").context("the report says nothing of builds")?;
        let compiled = count("compiled");
        anyhow::ensure!(
            compiled == Some(foretold.len()),
            "`why-rebuild` foretold {foretold:?} for `{name}`, but {compiled:?} were compiled"
        );
        let compiled = match foretold.len() {
            len if len == built => Compiled::Word("all".to_owned()),
            _ => Compiled::Only(foretold),
        };
        println!("{:.1} s", sample.seconds);
        let by = |of: fn(&Sample) -> f64| cold.map_or(1.0, |cold| of(&sample) / of(cold));
        Ok(Rebuilt {
            name: name.to_owned(),
            expected: expected.clone(),
            compiled,
            built,
            seconds: sample.seconds,
            ratio: by(|it| it.seconds),
            cpu_ratio: by(|it| it.cpu_seconds),
            sample,
        })
    }

    /// What would be compiled, sorted.
    fn foretold(&self, shell: &Shell, copy: &Path) -> anyhow::Result<Vec<String>> {
        let all: Value = serde_json::from_str(&self.run(shell, copy, "why-rebuild", &[])?)?;
        let all = all.as_array().context("`why-rebuild` prints no list")?;
        let names = all.iter().filter(|it| it["verdict"] != "stored");
        Ok(names.filter_map(|it| it["name"].as_str().map(str::to_owned)).collect())
    }
}

/// A command and its recipe, as the builder takes them.
fn cmd_words<'a>(command: &'a str, recipe: &'a str) -> Vec<&'a str> {
    match command {
        "why-rebuild" => vec![command, "--all", recipe],
        _ => vec![command, recipe],
    }
}

/// A name as that of a directory.
fn slug(name: &str) -> String {
    let plain = |it: char| if it.is_ascii_alphanumeric() { it } else { '-' };
    name.chars().map(plain).collect()
}
