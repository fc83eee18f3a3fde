//! The store of built wheels: each entry has a wheel, its build inputs and the digests of both,
//! under the key of the inputs.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::lock::build_graph::BuildName;
use base::store::{self, Verified, Wish};
use base::sys::cache::{LAST_BUILDS, WHEELS};
use base::sys::disk;
use base::sys::files::{digest_of, is_absent, write_atomically};
use base::vocabulary::{Inputs, Problem, Progress, Sha256, Target};

/// Built wheels by key.
#[derive(Debug, Clone)]
pub struct Store {
    entries: store::Store,
    last: PathBuf,
}

/// A wheel that was built, or found and copied out of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// The file, which is this run's own.
    pub(super) path: PathBuf,
    /// Its digest.
    pub(super) sha256: Sha256,
    /// Whether it was in the store.
    pub(super) stored: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Seal {
    filename: String,
    sha256: Sha256,
    /// Of the file [`INPUTS`].
    inputs: Sha256,
}

/// The inputs of a wheel's build.
const INPUTS: &str = "inputs.json";

impl Store {
    /// The store in the tool's cache.
    pub fn new(cache: &Path) -> Self {
        Self { entries: store::Store::new(cache, WHEELS), last: cache.join(LAST_BUILDS) }
    }

    /// The digest that the wheel of a key is said to have. It is not verified.
    pub fn recorded(&self, key: &Sha256) -> Option<Sha256> {
        let seal: Option<Seal> = store::unseal(&self.entries.entry(key)).ok()?;
        seal.map(|seal| seal.sha256)
    }

    /// Gives the wheel of a wish: a verified copy in the directory `into` of what is stored, else
    /// what `build` builds of `inputs`, which is stored.
    pub(super) fn obtain(
        &self,
        wish: &Wish<'_>,
        inputs: &Inputs,
        into: &Path,
        progress: &dyn Progress,
        build: impl FnOnce() -> Result<PathBuf, Problem>,
    ) -> Result<Found, Problem> {
        let verify = |entry: &Path| {
            copied(entry, into).map_err(|error| {
                let problem = Problem::new("cannot take a wheel out of the cache")
                    .fact("at", entry.display())
                    .hint("if it cannot be read, `--no-cache` builds it again");
                disk::failed(problem, into, None, error)
            })
        };
        let make = |staged: &Path| {
            let path = build()?;
            keep(&path, inputs, staged).map_err(|error| {
                disk::failed(Problem::new("cannot store a wheel"), staged, None, error)
            })
        };
        self.entries.obtain(wish, progress, verify, make)
    }

    /// Records the inputs of the last build of a recipe for a target.
    pub fn remember(
        &self,
        recipe: &str,
        target: &Target,
        builds: &BTreeMap<&BuildName, &Inputs>,
    ) -> Result<(), Problem> {
        let text = serde_json::to_vec(builds).expect("inputs are plain values");
        write_atomically(&self.last_file(recipe, target), &text)
            .map_err(|error| Problem::new("cannot note what was built").cause(error))
    }

    /// The inputs that [`Store::remember`] recorded last; empty if they cannot be read.
    pub fn last(&self, recipe: &str, target: &Target) -> BTreeMap<BuildName, Inputs> {
        let text = fs::read(self.last_file(recipe, target)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    fn last_file(&self, recipe: &str, target: &Target) -> PathBuf {
        self.last.join(format!("{recipe}-{target}.json"))
    }
}

/// Copies the wheel of an entry into a directory, and verifies the copy.
fn copied(entry: &Path, into: &Path) -> io::Result<Verified<Found>> {
    let damaged = |what: &str| Ok(Verified::Damaged(what.to_owned()));
    let Some(seal) = store::unseal::<Seal>(entry)? else {
        return damaged("its seal is missing or damaged");
    };
    let digest_if_there = |path: &Path| match digest_of(path) {
        Err(error) if is_absent(&error) => Ok(None),
        digest => digest.map(|(sha256, _)| Some(sha256)),
    };
    if digest_if_there(&entry.join(INPUTS))? != Some(seal.inputs) {
        return damaged("the list of its inputs is missing or was changed");
    }
    let name = Path::new(&seal.filename).file_name().unwrap_or_default();
    let path = into.join(name);
    fs::create_dir_all(into)?;
    match fs::copy(entry.join(name), &path) {
        Err(error) if is_absent(&error) => return damaged("the wheel is missing"),
        copied => copied?,
    };
    if digest_if_there(&path)? != Some(seal.sha256) {
        fs::remove_file(&path)?;
        return damaged("the wheel was changed");
    }
    Ok(Verified::Whole(Found { path, sha256: seal.sha256, stored: true }))
}

/// Makes the entry of a wheel that was built.
fn keep(wheel: &Path, inputs: &Inputs, staged: &Path) -> io::Result<Found> {
    let name = wheel.file_name().expect("a wheel has a file name");
    fs::create_dir(staged)?;
    // A copy: the backend may have made other links to the file that it left.
    let copy = staged.join(name);
    fs::copy(wheel, &copy)?;
    fs::File::open(&copy)?.sync_all()?;
    let inputs = serde_json::to_vec_pretty(inputs)?;
    write_atomically(&staged.join(INPUTS), &inputs)?;
    // Of the copy: that is what is found the next time.
    let (sha256, _) = digest_of(&copy)?;
    let filename = name.to_string_lossy().into_owned();
    store::seal(staged, &Seal { filename, sha256, inputs: Sha256::of(&inputs) })?;
    Ok(Found { path: wheel.to_owned(), sha256, stored: false })
}
