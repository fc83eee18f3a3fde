//! A toolchain that somebody else made: a root directory, and what an interpreter outside of it
//! needs, as paths of Nix's store. Nothing is looked for and nothing is fetched.

use std::path::{Path, PathBuf};

use super::debian::succeed;
use super::{Bind, Toolchain, Wanted};
use base::nar;
use base::recipe::{Provider, RunLimits};
use base::sys::sandbox::{RootFs, Surroundings};
use base::vocabulary::fingerprint::Fingerprint;
use base::vocabulary::{Problem, Sha256};

/// Paths of the machine that make a toolchain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// What builds see as `/`. It must have `/usr/bin/pythonX.Y`, a compiler and a shell.
    pub root: PathBuf,
    /// The interpreter that the output is installed for; without one, that of the root.
    pub interpreter: Option<PathBuf>,
    /// What that interpreter needs.
    pub binds: Vec<Bind>,
}

/// Takes a given toolchain, and asks both interpreters for their version: an output for another
/// one than it was built with would not start.
pub(super) fn provide(given: &Given, wanted: &Wanted<'_>) -> Result<Toolchain, Problem> {
    let python = format!("/usr/bin/{}", wanted.python_name());
    if !given.root.join(&python[1..]).exists() {
        return Err(Problem::usage("this toolchain has no interpreter of the target")
            .fact("expected", &python)
            .fact("in", given.root.display())
            .hint("name a root of unpacked packages that has it, with `--toolchain-root DIR`"));
    }
    let shown = |path: &PathBuf| path.to_string_lossy().into_owned();
    let mut toolchain = Toolchain {
        provider: Provider::Nix,
        root: RootFs::Dir(given.root.clone()),
        binds: given.binds.clone(),
        installed_for: given.interpreter.as_ref().map(shown),
        python_version: String::new(),
        fingerprint: fingerprint(given)?,
        packages: Vec::new(),
        surroundings: Surroundings::default(),
        limits: RunLimits::default(),
        python,
    };
    let version = |toolchain: &Toolchain, python: &str| {
        let script = "import platform; print(platform.python_version())";
        let printed = succeed(&toolchain.sandbox(), python, &["-I", "-c", script])?;
        Ok::<_, Problem>(printed.trim().to_owned())
    };
    toolchain.python_version = version(&toolchain, &toolchain.python)?;
    if let Some(other) = &toolchain.installed_for {
        let found = version(&toolchain, other)?;
        if found != toolchain.python_version {
            return Err(Problem::usage("the interpreter is not that of the toolchain's root")
                .fact("in the root", &toolchain.python_version)
                .fact(other.clone(), found)
                .hint("take both from the same packages"));
        }
    }
    Ok(toolchain)
}

/// What is in the root and the binds, whose paths an output can hold.
fn fingerprint(given: &Given) -> Result<Sha256, Problem> {
    let start = Fingerprint::new("given root 1").with("root", nar_hash(&given.root)?.as_bytes());
    let start = match &given.interpreter {
        Some(path) => start.with("interpreter", path.to_string_lossy().as_bytes()),
        None => start,
    };
    // The root itself can be among them, as what the interpreter refers to.
    let others = given.binds.iter().filter(|bind| bind.host != given.root);
    let mut print = start;
    for bind in others {
        print = print.with("at", &bind.inside).with("is", nar_hash(&bind.host)?.as_bytes());
    }
    Ok(print.finish())
}

fn nar_hash(path: &Path) -> Result<Sha256, Problem> {
    nar::hash_path(path).map_err(|cause| {
        Problem::usage("cannot use a toolchain's path").fact("path", path.display()).cause(cause)
    })
}
