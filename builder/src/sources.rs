//! Source trees: the application's own tree as a build sees it, and the tree of one distribution,
//! laid out from the wheelhouse at the place where it is built.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::fetch::request::Shelf;
use crate::fetch::trees::Trees;
use crate::lock::{self, Lock};
use crate::nar;
use crate::plan::git_directory;
use crate::pyproject::Pyproject;
use crate::recipe::Recipe;
use crate::resolve::{Artifact, Distribution};
use crate::source_patch;
use crate::sys::Host;
use crate::sys::archive::{self, Limits};
use crate::sys::files::{copy_tree, read_foreign, sorted_entries};
use crate::sys::tree::follow;
use crate::vocabulary::digest::Sri;
use crate::vocabulary::{Problem, Sha256};

/// Directories that are no part of a source tree wherever they lie in it: records of version
/// control, and what tools of a developer leave behind.
pub const NOT_SOURCE: [&str; 10] = [
    ".git",
    ".hg",
    ".jj",
    ".svn",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".tox",
    ".venv",
    "__pycache__",
];

/// The application's tree as builds see it: without [`NOT_SOURCE`], all modes 0644 or 0755, and not
/// changed by whoever goes on working in the original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Where it is, in the cache.
    pub tree: PathBuf,
    /// Its NAR hash.
    pub nar_hash: Sha256,
}

/// Makes a snapshot of `tree`, if the cache has none of what is in it now.
pub fn snapshot(tree: &Path, host: Host<'_>) -> Result<Snapshot, Problem> {
    let shown = tree.display().to_string();
    let nar_hash = nar::hash_without(tree, &|path| is_left_out(&[], path))?;
    let copied = |work: &Path| {
        let into = work.join("tree");
        copy(tree, &into).map(|()| into)
    };
    let changed = |_| {
        Problem::new(format!("the source tree `{shown}` changed while it was copied"))
            .hint("run it again once nothing writes there any more")
    };
    let tree = Trees::new(host.cache).obtain(&shown, nar_hash, &host, copied, changed)?;
    Ok(Snapshot { tree, nar_hash })
}

/// Copies a tree without [`NOT_SOURCE`]; modes become 0644 and 0755.
fn copy(tree: &Path, into: &Path) -> Result<(), Problem> {
    copy_without(&[], tree, into)
}

/// As [`copy`], without some paths below `tree`.
fn copy_without(left_out: &[PathBuf], tree: &Path, into: &Path) -> Result<(), Problem> {
    copy_tree(tree, into, &|path| is_left_out(left_out, path)).map_err(|error| {
        Problem::new(format!("cannot copy the source tree `{}`", tree.display())).cause(error)
    })
}

/// Whether a path is no part of a source: it is named, one of [`NOT_SOURCE`], or the socket or pipe
/// of a program that runs there.
fn is_left_out(left_out: &[PathBuf], path: &Path) -> bool {
    let can_be_source = |it: std::fs::Metadata| it.is_dir() || it.is_file() || it.is_symlink();
    path.file_name().is_some_and(|name| NOT_SOURCE.iter().any(|it| name == *it))
        || left_out.iter().any(|it| it == path)
        || std::fs::symlink_metadata(path).is_ok_and(|it| !can_be_source(it))
}

/// The directory of the local project at `path` of a source tree, which need not exist. Links on
/// the way are followed: of a link only the text would be hashed, whatever it leads to.
///
/// Errors: one of them leads out of the tree, to what is not pinned.
pub fn project_directory(tree: &Path, path: &str) -> Result<PathBuf, Problem> {
    let link = |step: &Path| fs::read_link(tree.join(step)).ok();
    let inside = follow(Path::new(""), Path::new(path), link).ok_or_else(|| {
        Problem::usage("a local project lies outside of the source tree")
            .fact("path", path)
            .fact("because", "a symbolic link on the way leads out of the tree")
            .hint("move it below the directory of `uv.lock`; what lies elsewhere cannot be pinned")
    })?;
    Ok(tree.join(inside))
}

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
