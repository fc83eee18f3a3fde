//! The toolchain: the root file system, the interpreter and the uv that phase 2 works with. A
//! provider yields it; the first of the recipe's providers that can serve wins. What it consists of
//! is a fingerprint, so that two rounds can be seen to have used the same.

mod debian;
mod given;
mod host;
mod launcher;
pub mod uv;

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use base::recipe::{DebianSettings, Provider, RunLimits};
use base::store::Check;
use base::sys::Host;
use base::sys::sandbox::{RootFs, Sandbox, Surroundings};
use base::vocabulary::{Problem, Sha256};

pub use debian::{Mirror, NETWORK_FILES, SignedBy, mirror};
pub use given::Given;
pub use launcher::make_interpreter;

/// A toolchain that is ready for use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toolchain {
    /// What provided it.
    pub provider: Provider,
    /// The root file system.
    pub root: RootFs,
    /// What an interpreter outside of the root needs: an interpreter that uv manages, or one of
    /// Nix's store.
    pub binds: Vec<Bind>,
    /// The interpreter's path inside, such as `/usr/bin/python3.14`.
    pub python: String,
    /// The interpreter that the output is installed for, if that is another path: builds see what
    /// they see everywhere, and an output in Nix's store needs an interpreter of the store.
    #[serde(default)]
    pub installed_for: Option<String>,
    /// Its full version, such as `3.14.2`.
    pub python_version: String,
    /// The key of all that it consists of.
    pub fingerprint: Sha256,
    /// The packages in it, sorted by name; none for [`Provider::Host`].
    pub packages: Vec<SystemPackage>,
    /// What programs see around it: the ordinary surroundings, unless this run is a round.
    #[serde(skip)]
    pub surroundings: Surroundings,
    /// What programs may take of the machine.
    #[serde(skip)]
    pub limits: RunLimits,
}

impl Toolchain {
    /// The same toolchain in other surroundings.
    ///
    /// # Errors
    /// The surroundings pretend something, and the toolchain cannot compile what pretends it.
    pub fn within(self, surroundings: &Surroundings) -> Result<Self, Problem> {
        surroundings.prepare(&self.sandbox())?;
        Ok(Self { surroundings: surroundings.clone(), ..self })
    }

    /// The interpreter of the outputs' venvs.
    pub fn interpreter(&self) -> &str {
        self.installed_for.as_deref().unwrap_or(&self.python)
    }

    /// The same toolchain with other limits for what runs in it.
    #[must_use]
    pub fn limited(self, limits: RunLimits) -> Self {
        Self { limits, ..self }
    }

    /// A sandbox with this root and the interpreter in it.
    pub fn sandbox(&self) -> Sandbox {
        let sandbox = Sandbox::within(self.root.clone(), &self.surroundings);
        let sandbox = sandbox.limited(self.limits.build);
        self.binds
            .iter()
            .fold(sandbox, |sandbox, bind| sandbox.bind_ro(&bind.host, &bind.inside))
    }
}

/// A path of the host that is seen inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// Where it is.
    pub host: PathBuf,
    /// Where it is seen.
    pub inside: String,
}

impl Bind {
    /// A path that is seen where it is.
    pub fn same(path: PathBuf) -> Self {
        Self { inside: path.to_string_lossy().into_owned(), host: path }
    }
}

/// One package of a toolchain, as its provider's signed index describes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SystemPackage {
    /// Its name.
    pub name: String,
    /// Its version, with epoch.
    pub version: String,
    /// `amd64`, `all`, …
    pub architecture: String,
    /// The digest of its archive.
    pub sha256: Sha256,
}

impl fmt::Display for SystemPackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.name, self.version, self.architecture)
    }
}

/// What a toolchain is asked for.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// A toolchain that is there; no provider is asked then.
    pub given: Option<&'a Given>,
    /// Providers in order of preference.
    pub providers: &'a [Provider],
    /// The Debian provider's settings.
    pub debian: &'a DebianSettings,
    /// What single builds need beside them, in the provider's words.
    pub system_packages: BTreeSet<String>,
    /// The interpreter's version, such as `(3, 14)`.
    pub python: (u8, u8),
    /// The machine in the kernel's words, such as `x86_64`.
    pub machine: &'a str,
    /// Ask the mirror again, although it is known which packages an earlier run got.
    pub refresh: bool,
    /// How much of a root is read to verify it.
    pub check: Check,
}

impl Wanted<'_> {
    fn python_name(&self) -> String {
        format!("python{}.{}", self.python.0, self.python.1)
    }
}

/// The first provider that can serve serves. If none can, the error says for each why not.
pub fn provide(wanted: &Wanted<'_>, host: &Host<'_>) -> Result<Toolchain, Problem> {
    let what = format!(
        "no toolchain with Python {}.{} for `{}`",
        wanted.python.0, wanted.python.1, wanted.machine
    );
    let here = rustix::system::uname().machine().to_string_lossy().into_owned();
    if here != wanted.machine {
        return Err(Problem::new(what)
            .fact("this machine", here)
            .hint("fetching works for any target; build on a machine of the target's kind"));
    }
    if let Some(given) = wanted.given {
        return given::provide(given, wanted);
    }
    let mut failed = Problem::new(what);
    for provider in wanted.providers {
        let result = match provider {
            Provider::Debian => debian::provide(wanted, host),
            Provider::Host => host::provide(wanted, host),
            Provider::Nix => Err(Problem::usage("Nix builds with what `--toolchain-root` names")),
        };
        match result {
            Ok(toolchain) => return Ok(toolchain),
            // The only provider's own error says more than a list of one.
            Err(problem) if wanted.providers.len() == 1 => return Err(problem),
            Err(problem) => failed = because(failed, *provider, problem),
        }
    }
    Err(failed)
}

fn because(failed: Problem, provider: Provider, problem: Problem) -> Problem {
    let label = match provider {
        Provider::Debian => "debian",
        Provider::Host => "host",
        Provider::Nix => "nix",
    };
    let mut lines = vec![problem.to_string()];
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(&problem);
    while let Some(error) = cause {
        lines.push(format!("caused by: {error}"));
        cause = error.source();
    }
    lines.extend(problem.hint.map(|hint| format!("hint: {hint}")));
    failed
        .fact(
            label,
            lines.join(
                "
",
            ),
        )
        .hint("mend one of them; `lockstep doctor` looks at everything that a build needs")
}

#[cfg(test)]
mod tests;
