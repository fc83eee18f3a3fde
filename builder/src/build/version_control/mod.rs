//! Gives builds the answers that they would otherwise get from git. uv builds git sources and local
//! projects beside their `.git`, and some backends ask git for the version or for the files to
//! install. Here source trees have no `.git`, because nothing pins a repository's history. So a
//! build gets its version from the lock or the recipe, and setuptools gets the list of tracked
//! files. If a tool cannot be given the answer, the build fails; it never makes a different wheel.

mod export_ignore; // what `git archive` leaves out
mod tools; // who asks git, and how each is told

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use base::packaging::{PackageName, Version};
use base::sys::beneath::{Beneath, Found};
use base::sys::files::sorted_entries;
use base::vocabulary::fingerprint::Fingerprint;
use base::vocabulary::{Problem, Sha256};

use crate::lock::build_lock::Requirement;
use crate::lock::resolve::{Artifact, Distribution};

use tools::{By, TOOLS};
pub use tools::{asking, check};

/// The module that lists tracked files, and what makes it a distribution with an entry point.
const FINDER: &str = include_str!("file_finder.py");
const FINDER_MODULE: &str = "lockstep_tracked_files.py";
const FINDER_INFO: &str = "lockstep_tracked_files-1.dist-info";
const METADATA: &str = "Metadata-Version: 2.1\nName: lockstep-tracked-files\nVersion: 1\n";
const ENTRY_POINTS: &str =
    "[setuptools.file_finders]\nlockstep = lockstep_tracked_files:find_files\n";

/// The list, relative to what the sandbox has as `/build`.
const LIST: &str = "tools/tracked";

/// The files that count as tracked by git in the source of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrackedFiles {
    /// All that are laid out.
    Everything,
    /// These, relative to the source.
    Only(BTreeSet<PathBuf>),
}

/// The answers that one build gets instead of git's.
#[derive(Debug, Clone, Default)]
pub struct VersionControl {
    /// For tools that read their version from one.
    variables: BTreeMap<&'static str, String>,
    /// For tools that read the `PKG-INFO` of an sdist.
    pkg_info: Option<(PackageName, Version)>,
    /// For setuptools, where a distribution of the environment would list what git tracks.
    finder: Option<Finder>,
}

/// How tracked files are listed.
#[derive(Debug, Clone)]
struct Finder {
    tracked: TrackedFiles,
    kind: Kind,
}

/// The files that a git-based file finder would list.
#[derive(Debug, Clone, Copy)]
struct Kind {
    /// Without what has the attribute `export-ignore`.
    export_ignore: bool,
    /// With the files of submodules.
    submodules: bool,
}

impl Kind {
    /// The finder among the requirements of a build. setuptools-scm asked `git archive` before
    /// vcs-versioning 2.3, which has no submodules; setuptools-git asks `git ls-files`.
    fn among(requirements: &BTreeSet<Requirement>) -> Option<Self> {
        let version = |name: &str| {
            requirements.iter().find(|it| it.name.as_ref() == name).map(|it| &it.version)
        };
        if version("setuptools-scm").is_some() {
            let submodules =
                version("vcs-versioning").is_some_and(|it| *it >= Version::new([2, 3]));
            return Some(Self { export_ignore: true, submodules });
        }
        version("setuptools-git").map(|_| Self { export_ignore: false, submodules: false })
    }
}

/// Whether a package of a build environment would list the files that git tracks.
pub fn lists_files(requirements: &BTreeSet<Requirement>) -> bool {
    Kind::among(requirements).is_some()
}

/// The names of all variables that can pass a version to a build.
pub fn variables() -> impl Iterator<Item = &'static str> {
    TOOLS.iter().filter_map(|tool| match tool.by {
        By::Variable(name) => Some(name),
        By::PkgInfo | By::Nothing => None,
    })
}

/// The path of a file of the project at `project` of a source, which is `.` or a path.
fn of_project(project: &str, name: &str) -> PathBuf {
    if project == "." { PathBuf::from(name) } else { Path::new(project).join(name) }
}

/// Whether uv builds it where a `.git` is.
pub(super) fn has_history(artifact: &Artifact) -> bool {
    matches!(artifact, Artifact::Git(_) | Artifact::Tree { .. } | Artifact::Local(_))
}

/// The version for the build of a distribution: the recipe's, or the one in the lock, which uv got
/// from git.
pub(super) fn version_told<'a>(
    distribution: &'a Distribution,
    recipe: Option<&'a Version>,
) -> Option<&'a Version> {
    recipe.or(distribution.version.as_ref()).filter(|_| has_history(&distribution.artifact))
}

impl VersionControl {
    /// The answers for the build of a distribution with `requirements` in its environment.
    /// `variables` come from project and recipe and take precedence; `tracked` is called if a
    /// package would list files.
    ///
    /// # Errors
    /// Those of `tracked`.
    pub fn of(
        distribution: &Distribution,
        recipe: Option<&Version>,
        requirements: &BTreeSet<Requirement>,
        variables: &BTreeMap<String, String>,
        tracked: impl FnOnce() -> Result<Option<TrackedFiles>, Problem>,
    ) -> Result<Self, Problem> {
        let mut told = Self::default();
        if !has_history(&distribution.artifact) {
            return Ok(told);
        }
        let present = |name: &str| requirements.iter().any(|it| it.name.as_ref() == name);
        let version = version_told(distribution, recipe);
        for tool in TOOLS.iter().filter(|tool| present(tool.name)) {
            let Some(version) = version else { continue };
            match tool.by {
                By::Variable(name) if !tools::is_told(name, variables) => {
                    told.variables.insert(name, version.to_string());
                }
                By::PkgInfo => {
                    told.pkg_info = Some((distribution.name.clone(), version.clone()));
                }
                By::Variable(_) | By::Nothing => {}
            }
        }
        if let Some(kind) = Kind::among(requirements) {
            told.finder = tracked()?.map(|tracked| Finder { tracked, kind });
        }
        Ok(told)
    }

    /// Variables of the build.
    pub fn variables(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.variables.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// The part of a key besides the variables and the source; `None` if there is none.
    pub fn described(&self) -> Option<Sha256> {
        if self.finder.is_none() && self.pkg_info.is_none() {
            return None;
        }
        let mut key = Fingerprint::new("version control 1");
        if let Some((_, version)) = &self.pkg_info {
            key = key.with("PKG-INFO", version.to_string());
        }
        if let Some(Finder { tracked, kind }) = &self.finder {
            key = key.with("finder", FINDER).with("kind", format!("{kind:?}"));
            if let TrackedFiles::Only(files) = tracked {
                for file in files {
                    key = key.with("file", file.as_os_str().as_bytes());
                }
            }
        }
        Some(key.finish())
    }

    /// Puts files into `inside`, which the sandbox has as `/build`, once the environment is
    /// installed; `project` is the directory of the project in the source.
    ///
    /// # Errors
    /// The source cannot be read; a file cannot be written.
    pub fn put(&self, inside: &Path, project: &str) -> io::Result<()> {
        let within = Beneath::open(inside)?;
        let pkg_info = Path::new("src").join(of_project(project, "PKG-INFO"));
        if let Some((name, version)) = &self.pkg_info
            && within.find(&pkg_info)?.is_none()
        {
            let text = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n");
            within.write(&pkg_info, text.as_bytes(), 0o644)?;
        }
        let Some(finder) = &self.finder else { return Ok(()) };
        let mut list = Vec::new();
        for file in finder.list(&inside.join("src"))? {
            list.extend_from_slice(file.as_os_str().as_bytes());
            list.push(0);
        }
        within.write(LIST, &list, 0o644)?;
        for (python, found) in within.list("env/lib")? {
            if !matches!(found, Found::Directory) {
                continue;
            }
            let site_packages = Path::new("env/lib").join(python).join("site-packages");
            within.write(site_packages.join(FINDER_MODULE), FINDER.as_bytes(), 0o644)?;
            let info = site_packages.join(FINDER_INFO);
            within.make_directories(&info)?;
            within.write(info.join("METADATA"), METADATA.as_bytes(), 0o644)?;
            within.write(info.join("entry_points.txt"), ENTRY_POINTS.as_bytes(), 0o644)?;
        }
        Ok(())
    }
}

impl Finder {
    /// The files of a source that git would list, sorted. No code may have run in it yet.
    fn list(&self, source: &Path) -> io::Result<BTreeSet<PathBuf>> {
        let mut files = match &self.tracked {
            TrackedFiles::Only(files) => files.clone(),
            TrackedFiles::Everything => {
                let mut files = BTreeSet::new();
                collect(source, Path::new(""), &mut files)?;
                files
            }
        };
        let within = Beneath::open(source)?;
        if !self.kind.submodules {
            let submodules = export_ignore::submodules(&within)?;
            files.retain(|file| !submodules.iter().any(|it| file.starts_with(it)));
        }
        if self.kind.export_ignore {
            let rules = export_ignore::Rules::read(&within, &files)?;
            files.retain(|file| !rules.ignores(file));
        }
        Ok(files)
    }
}

fn collect(source: &Path, below: &Path, files: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    for entry in sorted_entries(&source.join(below))? {
        let path = below.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            collect(source, &path, files)?;
        } else {
            files.insert(path);
        }
    }
    Ok(())
}
