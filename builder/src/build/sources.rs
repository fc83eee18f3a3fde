//! Lays out the source tree of one distribution from the wheelhouse, at its build path.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::view::{Sight, View, Withheld};
use crate::build::source_patch;
use crate::build::version_control::TrackedFiles;
use crate::fetch::plan::git_directory;
use crate::fetch::request::Shelf;
use crate::fetch::snapshot::{copy, project_directory};
use crate::fetch::tracked::Tracked;
use crate::fetch::wheelhouse;
use crate::lock::pyproject::Pyproject;
use crate::lock::resolve::{Artifact, Distribution};
use crate::lock::{self, Lock};
use base::nar;
use base::packaging::PackageName;
use base::recipe::Recipe;
use base::sys::archive::{self, Limits};
use base::sys::files::{read_foreign, sorted_entries};
use base::vocabulary::digest::Sri;
use base::vocabulary::fingerprint::Fingerprint;
use base::vocabulary::limits::PYPROJECT_BYTES;
use base::vocabulary::{Problem, Sha256};

/// Where the sources of a resolution are.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// What phase 1 brought.
    pub wheelhouse: &'a Path,
    /// The application's tree, which is a [`Snapshot`](crate::fetch::snapshot::Snapshot).
    pub tree: &'a Path,
    /// Its NAR hash.
    pub tree_hash: Sha256,
    /// Which of its files git tracks.
    pub tracked: &'a Tracked,
    /// Whose patches are applied.
    pub recipe: &'a Recipe,
    /// The application's lock, which knows the local projects.
    pub lock: &'a Lock,
}

/// A source where it is built.
#[derive(Debug)]
pub struct LaidOut {
    /// The directory of the project in it: `.` or a path.
    pub project: String,
    /// The paths that are present by name only.
    pub withheld: Option<Withheld>,
}

impl Sources<'_> {
    /// Lays out the tree of a distribution that is built, patched, in `into`, which must not exist.
    /// Only the tree of a local project has more than one [`Sight`].
    pub fn lay_out(
        &self,
        distribution: &Distribution,
        sight: Sight,
        into: &Path,
    ) -> Result<LaidOut, Problem> {
        let laid_out = match &distribution.artifact {
            Artifact::Local(path) => self.lay_out_local(distribution, path, sight, into)?,
            _ => LaidOut { project: self.unpatched(distribution, into)?, withheld: None },
        };
        // The tree of a local project is larger than what upstream would call its source.
        let patched = match &distribution.artifact {
            Artifact::Local(_) => into.join(&laid_out.project),
            _ => into.to_owned(),
        };
        for patch in &self.recipe.build_settings(&distribution.name).patches {
            source_patch::apply(patch, &patched)
                .map_err(|problem| problem.fact("distribution", &distribution.name))?;
        }
        Ok(laid_out)
    }

    fn lay_out_local(
        &self,
        distribution: &Distribution,
        path: &str,
        sight: Sight,
        into: &Path,
    ) -> Result<LaidOut, Problem> {
        let own = self.local(distribution, path)?;
        let project = own.strip_prefix(self.tree).unwrap_or(&own).to_string_lossy().into_owned();
        let project = if project.is_empty() { ".".to_owned() } else { project };
        if sight == Sight::Whole {
            copy(self.tree, into)?;
            return Ok(LaidOut { project, withheld: None });
        }
        let withheld = self.view(distribution, path)?.lay_out(into).map_err(|error| {
            Problem::new(format!("cannot lay out the source of `{}`", distribution.name))
                .cause(error)
        })?;
        Ok(LaidOut { project, withheld: Some(withheld) })
    }

    /// What the build of the local project at `path` is given without the whole tree.
    fn view(&self, distribution: &Distribution, path: &str) -> Result<View<'_>, Problem> {
        let tree = self.local(distribution, path)?;
        let inside = |path: &Path| path.strip_prefix(self.tree).unwrap_or(path).to_owned();
        let others = self.of_others(&tree).iter().map(|path| inside(path)).collect();
        let local = self.lock.packages.iter().filter_map(|it| {
            let directory = project_directory(self.tree, it.source.local_path()?).ok()?;
            Some((inside(&directory), &it.name))
        });
        let included = &self.recipe.build_settings(&distribution.name).include;
        View::new(self.tree, &inside(&tree), &others, local.collect(), included)
            .map_err(|problem| problem.fact("distribution", &distribution.name))
    }

    /// The files of the source of a distribution that count as tracked by git; `None` if uv builds
    /// it without a `.git`, too.
    ///
    /// # Errors
    /// Git cannot be asked.
    pub fn tracked_files(
        &self,
        distribution: &Distribution,
        sight: Sight,
    ) -> Result<Option<TrackedFiles>, Problem> {
        match &distribution.artifact {
            Artifact::Git(_) | Artifact::Tree { .. } => Ok(Some(TrackedFiles::Everything)),
            Artifact::Local(path) => match self.tracked {
                Tracked::Everything => Ok(Some(TrackedFiles::Everything)),
                Tracked::Only(files) if sight == Sight::Whole => {
                    Ok(Some(TrackedFiles::Only(files.clone())))
                }
                Tracked::Only(files) => {
                    let view = self.view(distribution, path)?;
                    let given = files.iter().filter(|file| view.gives(file));
                    Ok(Some(TrackedFiles::Only(given.cloned().collect())))
                }
                Tracked::Unknown(problem) => Err(problem.clone()),
            },
            _ => Ok(None),
        }
    }

    /// Links of a local project that lead out of the source tree, with what they point to: a build
    /// cannot follow them.
    pub fn leading_out(
        &self,
        distribution: &Distribution,
    ) -> Result<BTreeMap<PathBuf, PathBuf>, Problem> {
        match &distribution.artifact {
            Artifact::Local(path) => Ok(self.view(distribution, path)?.leading_out),
            _ => Ok(BTreeMap::new()),
        }
    }

    fn unpatched(&self, distribution: &Distribution, into: &Path) -> Result<String, Problem> {
        let name = &distribution.name;
        match &distribution.artifact {
            Artifact::Sdist(file) | Artifact::Wheel(file) => {
                self.unpack(name, &file.filename, into)?;
                Ok(".".to_owned())
            }
            Artifact::Url { filename, subdirectory, .. } => {
                self.unpack(name, filename, into)?;
                checked_subdirectory(distribution, into, subdirectory.as_deref())
            }
            Artifact::Path { path, .. } => {
                self.unpack(name, path.rsplit('/').next().unwrap_or_default(), into)?;
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
            Artifact::Local(_) | Artifact::Virtual(_) => unreachable!("it is no tree of phase 1"),
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

    /// The paths in the directory of a local project that are not part of it: the lock, and other
    /// locked projects. Each is an input of its own, so a change of one, or of a locked version,
    /// does not rebuild the project around it.
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
        let own_lock = Path::new(&self.lock.directory).join("uv.lock");
        let own_lock = own_lock.to_string_lossy();
        let others = locked.chain([own_lock.as_ref()]).flat_map(places);
        others.filter(|other| other != own && other.starts_with(own)).collect()
    }

    /// The identity of a distribution's source tree, for a key.
    pub fn identity(&self, distribution: &Distribution, sight: Sight) -> Result<Sri, Problem> {
        match &distribution.artifact {
            Artifact::Sdist(file) | Artifact::Wheel(file) => Ok(Sri(file.sha256)),
            Artifact::Url { sha256, .. } | Artifact::Path { sha256, .. } => Ok(Sri(*sha256)),
            Artifact::Git(_) => {
                let tree = self.wheelhouse.join(Shelf::Git.directory());
                Ok(Sri(nar::hash_path(&tree.join(git_directory(distribution)))?))
            }
            Artifact::Tree { nar_hash, .. } => Ok(Sri(*nar_hash)),
            Artifact::Local(path) if sight == Sight::Whole => {
                let key = Fingerprint::new("whole source tree 1").with("project", path);
                Ok(Sri(key.with("nar hash", self.tree_hash.as_bytes()).finish()))
            }
            Artifact::Local(path) => Ok(Sri(self.view(distribution, path)?.identity()?)),
            Artifact::Virtual(_) => unreachable!("a virtual project is not built"),
        }
    }

    fn unpack(&self, name: &PackageName, filename: &str, into: &Path) -> Result<(), Problem> {
        let archive = wheelhouse::sdist(self.wheelhouse, name, filename);
        let unpacked = into.with_extension("unpacked");
        let top = archive::unpack(&archive, &unpacked, Limits::default())?;
        let moved = fs::rename(&top, into).and_then(|()| fs::remove_dir(&unpacked));
        moved.map_err(|error| Problem::new(format!("cannot lay out `{filename}`")).cause(error))
    }

    /// How many bytes the source of a distribution has: an estimate of how long its build takes.
    pub fn size(&self, distribution: &Distribution) -> u64 {
        let filename = match &distribution.artifact {
            Artifact::Sdist(file) => &file.filename,
            Artifact::Url { filename, .. } => filename,
            _ => return 0,
        };
        let name = &distribution.name;
        let path = wheelhouse::sdist(self.wheelhouse, name, filename);
        fs::metadata(path).map_or(0, |metadata| metadata.len())
    }
}

/// The `pyproject.toml` of a project that was laid out in `tree`, and in whose build nothing has
/// run yet. One that has none is built as PEP 517 says.
pub(crate) fn pyproject(distribution: &Distribution, tree: &Path) -> Result<Pyproject, Problem> {
    // A link is followed: an archive's or a repository's cannot lead outside of the tree.
    let read = || -> std::io::Result<String> {
        let path = tree.join("pyproject.toml").canonicalize()?;
        String::from_utf8(read_foreign(&path, PYPROJECT_BYTES.max)?).map_err(std::io::Error::other)
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
