//! `bench differ`: random workspaces, locked by the real uv, and selections of each: what uv would
//! install and what we resolve must be the same, for all targets. `uv export` is asked once for a
//! selection and says what is installed under which marker, with digests; `uv sync --dry-run` is
//! asked for one target, and decides that too: markers, and whether a wheel fits.

mod index;
mod known;
mod uv;
mod workspace;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use base::recipe::{LockPlace, Selection};
use base::vocabulary::{Problem, Sha256, Target};
use builder::fetch::application::Locked;
use builder::lock::resolve::{Artifact, Distribution, Resolution, resolve};
use fs_err as fs;
use rayon::prelude::*;
use serde::Serialize;

use crate::flags::Bench;
use crate::random::Random;
use uv::{Export, Python, Uv};

/// In the words of `uv --python-platform`; the Python is that of this machine.
const PLATFORMS: [&str; 4] = [
    "x86_64-manylinux_2_39",
    "aarch64-manylinux_2_39",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
];

/// For which only `uv export` can be asked.
const OTHER_PYTHON: (&str, &str) = ("3.14", "x86_64-manylinux_2_39");

/// Selections of each workspace.
const SELECTIONS: usize = 3;

/// As many workspaces share an index.
const OF_AN_INDEX: u64 = 25;

/// What came of it.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Found {
    /// Workspaces that uv could lock.
    pub(crate) locks: usize,
    /// Workspaces that have no solution.
    unlockable: usize,
    /// Selections.
    pub(crate) selections: usize,
    /// Selections on a target that both install, and alike.
    pub(crate) alike: usize,
    /// Those that both refuse.
    refused: usize,
    /// Those that differ by an error of uv's, by its name.
    known: BTreeMap<&'static str, usize>,
    /// The others, each with the directory of its workspace.
    pub(crate) different: Vec<String>,
}

impl Found {
    fn and(mut self, other: Self) -> Self {
        self.locks += other.locks;
        self.unlockable += other.unlockable;
        self.selections += other.selections;
        self.alike += other.alike;
        self.refused += other.refused;
        for (name, count) in other.known {
            *self.known.entry(name).or_default() += count;
        }
        self.different.extend(other.different);
        self
    }

    fn count(&mut self, difference: Option<String>, ours: Option<&Resolution>) {
        match difference.as_deref().map(|it| known::of(it, ours)) {
            None => self.alike += 1,
            Some(Some(known)) => *self.known.entry(known.name).or_default() += 1,
            Some(None) => self.different.extend(difference),
        }
    }

    /// For a person.
    pub(crate) fn table(&self) -> String {
        let mut lines = vec![
            format!("locks       {} ({} more have no solution)", self.locks, self.unlockable),
            format!("selections  {}", self.selections),
            format!("alike       {} on a target, {} refused by both", self.alike, self.refused),
        ];
        for known in &known::KNOWN {
            let count = self.known.get(known.name).copied().unwrap_or_default();
            lines.push(format!("uv's error  {count} {}: {}", known.name, known.because));
        }
        lines.push(format!("different   {}", self.different.len()));
        lines.extend(self.different.iter().map(|it| format!("  {it}")));
        lines.join("\n")
    }
}

/// Compares as many workspaces as wanted, at or below `scratch`. What differs stays there.
pub(crate) fn run(bench: &Bench, program: PathBuf, scratch: &Path) -> anyhow::Result<Found> {
    if scratch.exists() {
        base::sys::files::remove_tree(scratch)?;
    }
    fs::create_dir_all(scratch)?;
    let uv = Uv { program, cache: scratch.join("uv-cache"), python: Python::find()? };
    let indexes = bench.locks.div_ceil(OF_AN_INDEX);
    let found = (0..indexes).into_par_iter().map(|number| {
        let dir = scratch.join(number.to_string());
        let mut random = Random(bench.seed.wrapping_add(number << 32));
        let simple = index::write(&mut random, &dir)?;
        let mut found = Found::default();
        let last = OF_AN_INDEX.min(bench.locks - number * OF_AN_INDEX);
        for workspace in 0..last {
            found =
                found.and(compare(&uv, &mut random, &dir.join(workspace.to_string()), &simple)?);
        }
        if found.different.is_empty() {
            base::sys::files::remove_tree(&dir)?;
        }
        Ok(found)
    });
    found.try_reduce(Found::default, |one, other| Ok(one.and(other)))
}

/// One workspace.
fn compare(uv: &Uv, random: &mut Random, dir: &Path, simple: &Path) -> anyhow::Result<Found> {
    fs::create_dir_all(dir)?;
    let workspace = workspace::write(random, dir, simple)?;
    let mut found = Found::default();
    let selections = [(); SELECTIONS].map(|()| workspace.selection(random));
    let platform = random.below(PLATFORMS.len());
    if let Err(said) = uv.lock(dir)? {
        // A workspace that uv cannot even read would compare nothing.
        anyhow::ensure!(
            said.contains("No solution found"),
            "uv refuses `{}`: {said}",
            dir.display()
        );
        base::sys::files::remove_tree(dir)?;
        return Ok(Found { unlockable: 1, ..found });
    }
    found.locks = 1;
    let locked = Locked::read(dir, &LockPlace::Directory(".".to_owned()))?;
    for (index, (selection, flags)) in selections.iter().enumerate() {
        found.selections += 1;
        let export = uv.export(dir, flags)?;
        let ours = |python: &str, platform: &str| -> anyhow::Result<_> {
            let target = Target::new(python, platform)?;
            let resolution = resolved(&locked, &target, selection);
            Ok((target, resolution))
        };
        let shown = |target: &Target, difference: String| {
            format!("{}: {} on {target}: {difference}", dir.display(), flags.join(" "))
        };
        let asked = (platform + index) % PLATFORMS.len();
        for (number, platform) in PLATFORMS.iter().enumerate() {
            let (target, ours) = ours(&uv.python.version, platform)?;
            let by_export = against_export(ours.as_ref(), export.as_ref(), &target);
            // What `export` cannot decide, `sync` does.
            if number != asked && matches!(by_export, Compared::Alike) {
                found.alike += 1;
                continue;
            }
            let sync = uv.sync(dir, platform, flags)?;
            match (against_sync(ours.as_ref(), &sync), by_export) {
                (Compared::Different(text), _) => {
                    found.count(Some(shown(&target, text)), ours.as_ref().ok())
                }
                (Compared::Alike, Compared::Different(text)) => {
                    found.count(Some(shown(&target, text)), ours.as_ref().ok())
                }
                (Compared::Alike, _) => found.count(None, None),
                (Compared::Refused, _) => found.refused += 1,
            }
        }
        let (target, ours) = ours(OTHER_PYTHON.0, OTHER_PYTHON.1)?;
        match against_export(ours.as_ref(), export.as_ref(), &target) {
            Compared::Alike => found.alike += 1,
            Compared::Refused => found.refused += 1,
            Compared::Different(text) => {
                found.count(Some(shown(&target, text)), ours.as_ref().ok())
            }
        }
    }
    if found.different.is_empty() {
        base::sys::files::remove_tree(dir)?;
    }
    Ok(found)
}

fn resolved(
    locked: &Locked,
    target: &Target,
    selection: &Selection,
) -> Result<Resolution, Problem> {
    resolve(&locked.lock, &locked.project, target, selection)
}

/// What a comparison says.
#[derive(Debug)]
enum Compared {
    Alike,
    /// By us at least; by uv as far as it was asked.
    Refused,
    Different(String),
}

fn against_export(
    ours: Result<&Resolution, &Problem>,
    export: Result<&Export, &String>,
    target: &Target,
) -> Compared {
    let (resolution, export) = match (ours, export) {
        (Ok(resolution), Ok(export)) => (resolution, export.on(target.markers())),
        (Ok(_), Err(said)) => return Compared::Different(format!("uv export refuses: {said}")),
        (Err(_), _) => return Compared::Refused,
    };
    let installed: Vec<_> = resolution.distributions.iter().filter_map(as_exported).collect();
    let ours: BTreeSet<&str> = installed.iter().map(|(what, _)| what.as_str()).collect();
    let theirs: BTreeSet<&str> = export.keys().copied().collect();
    if ours != theirs {
        return Compared::Different(sets("export", &ours, &theirs));
    }
    let other = installed.iter().find(|(what, digest)| {
        let accepted = export.get(what.as_str()).copied();
        digest.is_some_and(|it| !accepted.is_some_and(|all| all.contains(&format!("sha256:{it}"))))
    });
    match other {
        Some((what, _)) => Compared::Different(format!("our file of `{what}` is none of uv's")),
        None => Compared::Alike,
    }
}

fn against_sync(
    ours: Result<&Resolution, &Problem>,
    sync: &Result<BTreeSet<String>, String>,
) -> Compared {
    let (resolution, sync) = match (ours, sync) {
        (Ok(resolution), Ok(sync)) => (resolution, sync),
        (Err(_), Err(_)) => return Compared::Refused,
        (Ok(_), Err(said)) => return Compared::Different(format!("uv sync refuses: {said}")),
        (Err(problem), Ok(_)) => return Compared::Different(format!("we refuse: {problem}")),
    };
    let names = resolution.distributions.iter().filter_map(|it| match &it.artifact {
        Artifact::Virtual(_) => None,
        // uv says from where, not which version.
        Artifact::Local(_) => Some(it.name.to_string()),
        _ => Some(format!("{}=={}", it.name, it.version.as_ref()?)),
    });
    let names: Vec<String> = names.collect();
    let ours: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let theirs: BTreeSet<&str> = sync.iter().map(String::as_str).collect();
    if ours == theirs { Compared::Alike } else { Compared::Different(sets("sync", &ours, &theirs)) }
}

fn sets(asked: &str, ours: &BTreeSet<&str>, theirs: &BTreeSet<&str>) -> String {
    format!("only we {:?}, only uv {asked} {:?}", ours - theirs, theirs - ours)
}

/// A line of `uv export`, and the file's digest.
fn as_exported(distribution: &Distribution) -> Option<(String, Option<Sha256>)> {
    let name = &distribution.name;
    Some(match &distribution.artifact {
        Artifact::Wheel(file) | Artifact::Sdist(file) => {
            (format!("{name}=={}", distribution.version.as_ref()?), Some(file.sha256))
        }
        Artifact::Path { path, sha256 } => (path.clone(), Some(*sha256)),
        Artifact::Local(path) => (path.clone(), None),
        Artifact::Virtual(_) => return None,
        Artifact::Git(_) | Artifact::Url { .. } | Artifact::Tree { .. } => {
            unreachable!("no workspace has such a source")
        }
    })
}

/// Fails if anything differs.
pub(crate) fn check(found: &Found) -> anyhow::Result<()> {
    let first = found.different.first().map(String::as_str).unwrap_or_default();
    anyhow::ensure!(
        found.different.is_empty(),
        "{} selections are not what uv installs, the first: {first}",
        found.different.len()
    );
    anyhow::ensure!(found.locks > 0, "nothing was compared");
    Ok(())
}
