//! The store of built wheels: a wheel, what it was built of, and its digest, under the key of what
//! it was built of. It is verified each time it is read, so that neither a killed run nor a failing
//! disk is ever trusted; what is damaged is built anew.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::lock::build_graph::BuildName;
use base::sys::Host;
use base::sys::cache::{LAST_BUILDS, WHEELS};
use base::sys::files::{
    FileLock, WorkDir, digest_of, is_absent, read_if_there, touch, write_atomically,
};
use base::sys::keyed::{Keyed, SEAL};
use base::vocabulary::{Inputs, Problem, Sha256, Target};

/// Built wheels by key.
#[derive(Debug, Clone)]
pub struct Store {
    entries: Keyed,
    staging: PathBuf,
    last: PathBuf,
}

/// A wheel that was found, copied out of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The copy.
    pub path: PathBuf,
    /// Its digest.
    pub sha256: Sha256,
}

#[derive(Debug, Serialize, Deserialize)]
struct Seal {
    filename: String,
    sha256: Sha256,
}

impl Store {
    /// The store in the tool's cache.
    pub fn new(cache: &Path) -> Self {
        let dir = cache.join(WHEELS);
        Self { staging: dir.join(".work"), entries: Keyed::new(dir), last: cache.join(LAST_BUILDS) }
    }

    /// Waits until no other run builds the same.
    pub(super) fn lock(
        &self,
        key: &Sha256,
        what: &str,
        host: Host<'_>,
    ) -> Result<FileLock, Problem> {
        let waiting =
            || host.progress.note(&format!("another run builds `{what}`; waiting for it"));
        self.entries.lock(key, waiting)
    }

    /// The digest that the wheel of a key is said to have. It is not verified.
    pub fn recorded(&self, key: &Sha256) -> Option<Sha256> {
        self.seal(key).ok()?.map(|seal| seal.sha256)
    }

    /// `None` if there is none, or what is there is none.
    fn seal(&self, key: &Sha256) -> io::Result<Option<Seal>> {
        let text = read_if_there(&self.entries.entry(key).join(SEAL))?;
        let seal: Option<Seal> = text.and_then(|text| serde_json::from_slice(&text).ok());
        Ok(seal.filter(|seal| crate::lock::resolve::is_wheel(&seal.filename)))
    }

    /// Copies the wheel of a key into the directory `into`, and verifies the copy. An entry that is
    /// damaged is removed; one that the machine cannot read or copy is none of these.
    pub(super) fn find(
        &self,
        key: &Sha256,
        into: &Path,
        host: Host<'_>,
    ) -> Result<Option<Found>, Problem> {
        let entry = self.entries.entry(key);
        let failed = |error: io::Error| {
            Problem::new("cannot take a wheel out of the cache")
                .fact("at", entry.display())
                .cause(error)
                .hint("if it cannot be read, `--no-cache` builds it anew")
        };
        if !entry.try_exists().map_err(failed)? {
            return Ok(None);
        }
        if let Some(seal) = self.seal(key).map_err(failed)? {
            fs::create_dir_all(into).map_err(failed)?;
            let name = Path::new(&seal.filename).file_name().unwrap_or_default();
            let path = into.join(name);
            let copied = fs::copy(entry.join(name), &path).and_then(|_| digest_of(&path));
            match copied {
                Ok((sha256, _)) if sha256 == seal.sha256 => {
                    touch(&entry);
                    return Ok(Some(Found { path, sha256 }));
                }
                Ok(_) => fs::remove_file(&path).map_err(failed)?,
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        let shown = entry.display();
        host.progress.warn(&format!("the stored wheel `{shown}` is damaged; it is built anew"));
        self.entries.discard(key)?;
        Ok(None)
    }

    /// Stores a wheel.
    pub(super) fn keep(&self, key: &Sha256, inputs: &Inputs, wheel: &Found) -> Result<(), Problem> {
        let name = wheel.path.file_name().expect("a wheel has a file name");
        let seal = Seal { filename: name.to_string_lossy().into_owned(), sha256: wheel.sha256 };
        let json = |value: serde_json::Result<Vec<u8>>| value.expect("these are plain values");
        let publish = || -> io::Result<PathBuf> {
            let work = WorkDir::create(&self.staging, "wheel")?;
            let staged = work.path().join("entry");
            fs::create_dir(&staged)?;
            // A copy: the backend may have made other links to the file that it left.
            fs::copy(&wheel.path, staged.join(name))?;
            fs::File::open(staged.join(name))?.sync_all()?;
            write_atomically(
                &staged.join("inputs.json"),
                &json(serde_json::to_vec_pretty(inputs)),
            )?;
            write_atomically(&staged.join(SEAL), &json(serde_json::to_vec(&seal)))?;
            self.entries.publish(key, &staged)
        };
        publish().map(drop).map_err(|error| Problem::new("cannot store a wheel").cause(error))
    }

    /// Notes what the last build of a recipe for a target was made of.
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

    /// What [`Store::remember`] noted last; nothing if that cannot be read.
    pub fn last(&self, recipe: &str, target: &Target) -> BTreeMap<BuildName, Inputs> {
        let text = fs::read(self.last_file(recipe, target)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    fn last_file(&self, recipe: &str, target: &Target) -> PathBuf {
        self.last.join(format!("{recipe}-{target}.json"))
    }
}
