//! What was found instead of what was wanted: checks that failed, another interpreter.

use std::path::Path;

use crate::finish::Sealed;
use crate::install::venv::Installer;
use crate::toolchain::Toolchain;
use base::recipe::{Provider, Recipe};
use base::vocabulary::{Problem, Target};

/// Leaves the sandbox of checks that failed to whoever wants to look around in it.
pub(super) fn with_scene(
    problem: Problem,
    sealed: &Sealed,
    recipe: &Recipe,
    installer: &Installer<'_>,
    dir: &Path,
) -> Problem {
    let scene = sealed.scene(&recipe.checks, installer);
    match scene.write(dir) {
        Ok(()) => problem.fact(
            "look around",
            format!("`lockstep enter {}` opens a shell with the output", dir.display()),
        ),
        // The problem itself is what must be read.
        Err(_) => problem,
    }
}

/// A target of `X.Y.Z` is of exactly that interpreter: markers of the lock can ask for it.
pub(super) fn check_patch_version(
    target: &Target,
    toolchain: &Toolchain,
    recipe: &Recipe,
) -> Result<(), Problem> {
    let (wanted, found) = (target.python(), toolchain.python_version.trim());
    if wanted.release().len() < 3 || wanted.to_string() == found {
        return Ok(());
    }
    let (major, minor) = target.python_minor();
    let of = match toolchain.provider {
        Provider::Debian => format!("Debian `{}`", recipe.debian.suite),
        Provider::Host => "this machine".to_owned(),
        Provider::Nix => "the given root".to_owned(),
    };
    Err(Problem::usage(format!("{of} has Python {found}, not {wanted}"))
        .fact("target.python", wanted)
        .hint(format!(
            "`target.python = \"{major}.{minor}\"` takes the patch version that is there; \
             `toolchain.debian.suite` and `--toolchain` choose another interpreter"
        )))
}
