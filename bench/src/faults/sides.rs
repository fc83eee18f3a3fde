//! All cases, built in two places that differ in everything that must not matter. Each place is one
//! sandbox, in which each build is a process of its own.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base::recipe::BytecodePolicy;
use base::vocabulary::Problem;
use fs_err as fs;
use rayon::prelude::*;
use xshell::{Shell, cmd};

use super::FAULTS;
use super::case::Case;
use crate::root;
use base::sys::sandbox::{KERNEL, PROCESSORS};
use verifier::compare::Side;
use verifier::explain::Canaries;
use verifier::explain::canaries::{Canary, CanaryKind};
use verifier::rounds::places::{self, Own, Place};
use verifier::rounds::vary::{self, Chosen, Here};

/// Whether a package is built with its fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    Sound,
    Faulty,
}

/// With what it is built.
#[derive(Debug, Clone)]
pub(super) struct Toolchain<'t> {
    /// The recipe whose toolchain is used.
    pub(super) recipe: &'t str,
    /// Where toolchains are kept, if not where the builder keeps them anyway.
    pub(super) cache: Option<PathBuf>,
}

/// What was built.
#[derive(Debug)]
pub(super) struct Built {
    directory: PathBuf,
    /// Values by which the places can be told.
    pub(super) canaries: Canaries,
}

impl Built {
    /// The directory with what was built of a case.
    pub(super) fn place(&self, case: &str, flavour: Flavour, side: Side) -> PathBuf {
        let flavour = match flavour {
            Flavour::Sound => "sound",
            Flavour::Faulty => "faulty",
        };
        self.directory.join(letter(side)).join("out").join(case).join(flavour)
    }
}

fn letter(side: Side) -> &'static str {
    match side {
        Side::A => "a",
        Side::B => "b",
    }
}

/// Where a package is built; the builder itself always takes the first.
const BUILT_AT: [&str; 2] = ["/build/src", "/build/another-place-of-round-1"];

/// Builds all cases twice, below `directory`.
pub(super) fn build(
    builder: &Path,
    toolchain: &Toolchain<'_>,
    cases: &[Case],
    directory: &Path,
) -> anyhow::Result<Built> {
    let chosen = chosen()?;
    let mut places = [0, 1].map(|index| places::place(index, &chosen));
    for side in Side::BOTH {
        let out = directory.join(letter(side)).join("out");
        fs::create_dir_all(&out)?;
        places[side as usize].started = fs::metadata(&out)?.mtime();
    }
    let sides = Side::BOTH.into_par_iter().map(|side| {
        let place = &places[side as usize];
        let out = directory.join(letter(side));
        build_side(builder, toolchain, cases, place, BUILT_AT[side as usize], &out)
    });
    sides.collect::<anyhow::Result<Vec<()>>>()?;
    // The first place is the ordinary one, whose values every sandbox has.
    let varied = places[1].surroundings.pretended.kernel.clone().unwrap_or_default();
    let kernels = [KERNEL.map(str::to_owned), varied].map(|kernel| kernel.join(", "));
    let [a, b] = &places;
    let cpus = [PROCESSORS, b.cpus.unwrap_or_default()].map(|it| it.to_string());
    let own = [0, 1].map(|side| Own { kernel: &kernels[side], cpus: &cpus[side] });
    let mut canaries = places::canaries(&chosen, [a, b], own);
    let own =
        |kind, a: &str, b: &str| Canary { kind, a: Some(a.to_owned()), b: Some(b.to_owned()) };
    canaries.push(own(CanaryKind::BuildPath, BUILT_AT[0], BUILT_AT[1]));
    Ok(Built { directory: directory.to_owned(), canaries: Canaries(canaries) })
}

/// What is varied. What the builder pins bites here: the packages show what would happen without
/// that.
fn chosen() -> Result<Chosen, Problem> {
    let words = ["+umask", "+hash-seed"].map(str::to_owned);
    let here = Here { setarch: true, bytecode: BytecodePolicy::None };
    vary::choose(&words, here)
}

/// Whether everything that a case needs is varied.
pub(super) fn bites(case: &Case) -> anyhow::Result<bool> {
    let chosen = chosen()?;
    let names: Vec<&str> = chosen.keys().map(|it| it.name()).collect();
    Ok(case.bites.iter().all(|name| names.contains(&name.as_str())))
}

fn build_side(
    builder: &Path,
    toolchain: &Toolchain<'_>,
    cases: &[Case],
    place: &Place,
    built_at: &str,
    directory: &Path,
) -> anyhow::Result<()> {
    let shell = Shell::new()?;
    let (root, out) = (root(), directory.join("out"));
    let mut surroundings = place.surroundings.clone();
    surroundings.pretended.since = place.started;
    let file = directory.join("surroundings.json");
    shell.write_file(&file, serde_json::to_string(&surroundings)?)?;
    let mut words = vec!["exec"];
    if !place.aslr {
        words.extend(["setarch", "-R"]);
    }
    words.push(r#""$PYTHON" -B /faults/build.py "$@""#);
    let binds = [(root.join(FAULTS), "/faults"), (out, "/out")];
    let binds = binds.map(|(path, inside)| format!("{}:{inside}", path.display()));
    let names = cases.iter().map(|case| case.name.as_str());
    let Toolchain { recipe, cache } = toolchain;
    let cache = cache.iter().flat_map(|cache| ["--cache-dir".as_ref(), cache.as_os_str()]);
    cmd!(shell, "{builder} --quiet --root {root} --surroundings {file} shell {recipe}")
        .args(cache)
        .args(binds.iter().flat_map(|bind| ["--bind", bind]))
        .args(["--", "sh", "-c", &words.join(" "), "sh", built_at, "/out"])
        .args(names)
        .quiet()
        .run()
        .context("cannot build the packages with faults")
}
