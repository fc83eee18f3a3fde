//! Lists the files of the application's source tree that git tracks. The tree that builds see has
//! no `.git`, so this must be read from the original tree. Backends that install tracked files
//! (setuptools-scm) get this list.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use base::sys::Host;
use base::sys::process::{Process, last_lines};
use base::vocabulary::Problem;

/// The files of a source tree that count as tracked.
#[derive(Debug, Clone)]
pub enum Tracked {
    /// All files: the tree is not a git working tree, for example an unpacked archive.
    Everything,
    /// These, relative to the tree.
    Only(BTreeSet<PathBuf>),
    /// There is a `.git`, and git cannot be asked.
    Unknown(Problem),
}

impl Tracked {
    /// Asks git, if `tree` is in a working tree of git's that has files of it: the index, with
    /// submodules.
    pub fn of(tree: &Path, host: &Host<'_>) -> Self {
        if !tree.ancestors().any(|above| above.join(".git").symlink_metadata().is_ok()) {
            return Self::Everything;
        }
        match listed(tree, host) {
            Ok(files) if files.is_empty() => Self::Everything,
            Ok(files) => Self::Only(files),
            Err(problem) => Self::Unknown(problem),
        }
    }
}

fn listed(tree: &Path, host: &Host<'_>) -> Result<BTreeSet<PathBuf>, Problem> {
    let problem = || {
        Problem::new("cannot list the files of the source tree that git tracks")
            .fact("source tree", tree.display())
    };
    let git = host.environment.find_program("git").ok_or_else(|| {
        problem()
            .fact("because", "it has a `.git`, and there is no `git` on `PATH`")
            .hint("install git, or build from a copy of the tree without `.git`")
    })?;
    let output = Process::new(git)
        .envs(&host.environment.for_network())
        .env("GIT_OPTIONAL_LOCKS", "0")
        // The repository's own configuration may name a program.
        .args(["-c", "core.fsmonitor=false", "-C"])
        .arg(tree)
        .args(["ls-files", "-z", "--cached", "--recurse-submodules"])
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(problem()
            .fact("git said", last_lines(&said, 8))
            .hint("`git ls-files` must work there as you; try it by hand"));
    }
    let names = output.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| PathBuf::from(OsStr::from_bytes(name))).collect())
}
