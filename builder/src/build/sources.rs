//! The source tree of one distribution, laid out from the wheelhouse at the place where it is
//! built.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::build::source_patch;
use crate::fetch::plan::git_directory;
use crate::fetch::request::Shelf;
use crate::fetch::snapshot::{copy, copy_without, is_left_out, project_directory};
use crate::lock::pyproject::Pyproject;
use crate::lock::resolve::{Artifact, Distribution};
use crate::lock::{self, Lock};
use base::nar;
use base::recipe::Recipe;
use base::sys::archive::{self, Limits};
use base::sys::files::{read_foreign, sorted_entries};
use base::vocabulary::Problem;
use base::vocabulary::digest::Sri;

/// Where the sources of a resolution are.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// What phase 1 brought.
    pub wheelhouse: &'a Path,
    /// The application's tree, which is a [`Snapshot`].
    pub tree: &'a Path,
    /// Whose patches are applied.
    pub recipe: &'a Recipe,
    /// The application's lock, which knows the local projects.
    pub lock: &'a Lock,
}

impl Sources<'_> {
    /// Lays out the tree of a distribution that is built, patched, in `into`, which must not exist.
    /// Returns the directory of the project in it, relative to `into`: `.` or a subdirectory.
    pub fn lay_out(&self, distribution: &Distribution, into: &Path) -> Result<String, Problem> {
        let project = self.unpatched(distribution, into)?;
        for patch in &self.recipe.build_settings(&distribution.name).patches {
            source_patch::apply(patch, into)
                .map_err(|problem| problem.fact("distribution", &distribution.name))?;
        }
        Ok(project)
    }

    fn unpatched(&self, distribution: &Distribution, into: &Path) -> Result<String, Problem> {
        let name = &distribution.name;
        match &distribution.artifact {
            Artifact::Sdist(file) | Artifact::Wheel(file) => {
                self.unpack(&file.filename, into)?;
                Ok(".".to_owned())
            }
            Artifact::Url { filename, subdirectory, .. } => {
                self.unpack(filename, into)?;
                checked_subdirectory(distribution, into, subdirectory.as_deref())
            }
            Artifact::Path { path, .. } => {
                self.unpack(path.rsplit('/').next().unwrap_or_default(), into)?;
                Ok(".".to_owned())
            }
            Artifact::Git(git) => {
                let tree = self.wheelhouse.join(Shelf::Git.directory());
                copy(&tree.join(git_directory(distribution)), into)?;
                checked_subdirectory(distribution, into, git.subdirectory.as_deref())
            }
            Artifact::Tree { .. } => {
                let trees = self.wheelhouse.join(Shelf::Trees.directory());
                copy(&trees.join(name.as_ref()), into)?;
                Ok(".".to_owned())
            }
            Artifact::Local(path) => {
                let tree = self.local(distribution, path)?;
                copy_without(&self.of_others(&tree), &tree, into)?;
                Ok(".".to_owned())
            }
            Artifact::Virtual(_) => unreachable!("a virtual project is not built"),
        }
    }

    /// The tree of the local project at `path`.
    fn local(&self, distribution: &Distribution, path: &str) -> Result<PathBuf, Problem> {
        let tree = project_directory(self.tree, path)?;
        if !tree.join("pyproject.toml").is_file() && !tree.join("setup.py").is_file() {
            let name = &distribution.name;
            return Err(Problem::new(format!("the source tree has no project `{name}`"))
                .fact("looked in", path)
                .hint("a git submodule that was not checked out is a frequent cause"));
        }
        Ok(tree)
    }

    /// What lies in the directory of a local project and is no part of it: the lock, and what is
    /// locked itself. Each is an input of its own, so that a change of one, or a bump of whatever
    /// is locked, does not build the project around it anew.
    fn of_others(&self, own: &Path) -> Vec<PathBuf> {
        let locked = self.lock.packages.iter().filter_map(|it| match &it.source {
            // An index that is no directory names no path in the tree.
            lock::Source::Path(path) | lock::Source::Registry(path) => Some(path.as_str()),
            source => source.local_path(),
        });
        // Where it is named, and where links lead from there.
        let places = |other| {
            let followed = project_directory(self.tree, other).ok();
            followed.into_iter().chain([self.tree.join(other)])
        };
        let others = locked.chain(["uv.lock"]).flat_map(places);
        others.filter(|other| other != own && other.starts_with(own)).collect()
    }

    /// What identifies the tree of a distribution that is built, for a key. Of a local project it
    /// is the NAR hash of what its build would see.
    pub fn identity(&self, distribution: &Distribution) -> Result<Sri, Problem> {
        match &distribution.artifact {
            Artifact::Sdist(file) | Artifact::Wheel(file) => Ok(Sri(file.sha256)),
            Artifact::Url { sha256, .. } | Artifact::Path { sha256, .. } => Ok(Sri(*sha256)),
            Artifact::Git(_) => {
                let tree = self.wheelhouse.join(Shelf::Git.directory());
                Ok(Sri(nar::hash_path(&tree.join(git_directory(distribution)))?))
            }
            Artifact::Tree { nar_hash, .. } => Ok(Sri(*nar_hash)),
            Artifact::Local(path) => {
                let tree = self.local(distribution, path)?;
                let left_out = self.of_others(&tree);
                Ok(Sri(nar::hash_without(&tree, &|path| is_left_out(&left_out, path))?))
            }
            Artifact::Virtual(_) => unreachable!("a virtual project is not built"),
        }
    }

    fn unpack(&self, filename: &str, into: &Path) -> Result<(), Problem> {
        let archive = self.wheelhouse.join(Shelf::Sdists.directory()).join(filename);
        let unpacked = into.with_extension("unpacked");
        let top = archive::unpack(&archive, &unpacked, Limits::default())?;
        let moved = fs::rename(&top, into).and_then(|()| fs::remove_dir(&unpacked));
        moved.map_err(|error| Problem::new(format!("cannot lay out `{filename}`")).cause(error))
    }

    /// How many bytes the source of a distribution has: an estimate of how long its build takes.
    pub fn size(&self, distribution: &Distribution) -> u64 {
        let sdists = self.wheelhouse.join(Shelf::Sdists.directory());
        let path: PathBuf = match &distribution.artifact {
            Artifact::Sdist(file) => sdists.join(&file.filename),
            Artifact::Url { filename, .. } => sdists.join(filename),
            _ => return 0,
        };
        fs::metadata(path).map_or(0, |metadata| metadata.len())
    }
}

/// More than any `pyproject.toml` has, and little enough to be parsed.
const PYPROJECT_BYTES_MAX: u64 = 16 << 20;

/// The `pyproject.toml` of a project that was laid out in `tree`, and in whose build nothing has
/// run yet. One that has none is built as PEP 517 says.
pub fn pyproject(distribution: &Distribution, tree: &Path) -> Result<Pyproject, Problem> {
    // A link is followed: an archive's or a repository's cannot lead outside of the tree.
    let read = || -> std::io::Result<String> {
        let path = tree.join("pyproject.toml").canonicalize()?;
        String::from_utf8(read_foreign(&path, PYPROJECT_BYTES_MAX)?).map_err(std::io::Error::other)
    };
    let whose = format!("`{}`", distribution.name);
    match read() {
        Ok(text) => Pyproject::parse(&whose, &text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Pyproject::default()),
        Err(error) => {
            Err(Problem::new(format!("cannot read the `pyproject.toml` of {whose}")).cause(error))
        }
    }
}

fn checked_subdirectory(
    distribution: &Distribution,
    tree: &Path,
    subdirectory: Option<&str>,
) -> Result<String, Problem> {
    let Some(subdirectory) = subdirectory else {
        return Ok(".".to_owned());
    };
    let inside = Path::new(subdirectory)
        .components()
        .all(|part| matches!(part, std::path::Component::Normal(_)));
    if inside && tree.join(subdirectory).is_dir() {
        return Ok(subdirectory.to_owned());
    }
    let entries = sorted_entries(tree).unwrap_or_default();
    let names: BTreeSet<String> =
        entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    Err(Problem::new(format!("the source of `{}` has no such directory", distribution.name))
        .fact("subdirectory", subdirectory)
        .fact("there is", names.into_iter().collect::<Vec<_>>().join(", "))
        .hint("the lock names it; check `tool.uv.sources` of the project"))
}
