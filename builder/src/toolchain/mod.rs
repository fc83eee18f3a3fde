//! The toolchain: the root file system, the interpreter and the uv that phase 2 works with. A
//! provider yields it; the first of the recipe's providers that can serve wins. What it consists
//! of is a fingerprint, so that two rounds can be seen to have used the same.

mod debian;
mod given;
mod host;
mod launcher;
pub mod uv;

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::fetch::pool;
use crate::lock::toolchain_lock::{LockedToolchain, ToolchainDemands};
use debian::Refusal;

use base::recipe::{DebianSettings, Provider, RunLimits};
use base::store::Check;
use base::sys::Host;
use base::sys::sandbox::{RootFs, Sandbox, Surroundings};
use base::vocabulary::{Problem, Sha256};

pub use crate::lock::toolchain_lock::SystemPackage;
pub use debian::{Contents, Mirror, NETWORK_FILES, SignedBy, mirror, sources_directory};
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
        // dpkg's database, and what else packages keep there.
        let sandbox = match (&self.root, self.provider) {
            (RootFs::Dir(root), Provider::Debian | Provider::Nix)
                if root.join("var/lib").is_dir() =>
            {
                sandbox.bind_ro(&root.join("var/lib"), "/var/lib")
            }
            _ => sandbox,
        };
        self.binds.iter().fold(sandbox, |sandbox, bind| sandbox.bind_ro(&bind.host, &bind.inside))
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

/// What a toolchain is asked for.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// A toolchain that is there; no provider is asked then.
    pub given: Option<&'a Given>,
    /// Providers in order of preference.
    pub providers: &'a [Provider],
    /// The Debian provider's settings.
    pub debian: &'a DebianSettings,
    /// The additional packages of single builds, by the provider's names.
    pub system_packages: BTreeSet<String>,
    /// The interpreter's version, such as `(3, 14)`.
    pub python: (u8, u8),
    /// The machine in the kernel's words, such as `x86_64`.
    pub machine: &'a str,
    /// What is locked for the target; nothing else is used then.
    pub locked: Option<&'a LockedToolchain>,
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

/// The first provider that can serve serves. A provider cannot serve where the machine lacks what
/// it works with, which is told; that a package is misspelt or gone is an error, and no other
/// provider is tried. If none can serve, the error says for each why not.
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
    for (index, provider) in wanted.providers.iter().enumerate() {
        let unable = match provider {
            Provider::Debian => match debian::provide(wanted, host) {
                Ok(toolchain) => return Ok(toolchain),
                Err(Refusal::Failed(problem)) => return Err(problem),
                Err(Refusal::Unable(problem)) => problem,
            },
            Provider::Host => match host::provide(wanted, host) {
                Ok(toolchain) => return Ok(toolchain),
                Err(problem) => problem,
            },
            Provider::Nix => Problem::usage("Nix builds with what `--toolchain-root` names"),
        };
        // The only provider's own error says more than a list of one. What is locked is what is
        // built with.
        if wanted.providers.len() == 1 || wanted.locked.is_some() {
            return Err(unable);
        }
        if let Some(next) = wanted.providers.get(index + 1) {
            let (this, next, because) = (name(*provider), name(*next), &unable.what);
            host.progress.warn(&format!(
                "the `{this}` toolchain cannot serve on this machine, so `{next}` is tried\n  \
                 because  {because}"
            ));
        }
        failed = because_of(failed, *provider, &unable);
    }
    Err(failed)
}

/// Whether what a recipe asks for can be locked here: the first of its providers is Debian's, and
/// this machine can ask that.
pub fn is_lockable(wanted: &Wanted<'_>, host: &Host<'_>) -> bool {
    wanted.providers.first() == Some(&Provider::Debian) && debian::can_resolve(wanted, host).is_ok()
}

/// What a target asks of its toolchain.
///
/// # Errors
/// Debian has no packages for its machine, or no uv is known for it.
pub fn demands(wanted: &Wanted<'_>) -> Result<ToolchainDemands, Problem> {
    Ok(ToolchainDemands {
        suite: wanted.debian.suite.clone(),
        architecture: debian::architecture(wanted.machine)?.to_owned(),
        wanted: debian::package_set(wanted),
        uv: uv::locked(wanted.machine)?,
    })
}

/// Whether there are packages and a uv for the machine at all.
pub fn is_known(machine: &str) -> bool {
    debian::architecture(machine).is_ok() && uv::locked(machine).is_ok()
}

/// Locks what a target asks for, as its provider has it now or, without [`Wanted::refresh`], as an
/// earlier run of this cache found it. The target need not be of this machine.
///
/// # Errors
/// The index cannot be had, or a package is not in it.
pub fn lock(wanted: &Wanted<'_>, host: &Host<'_>) -> Result<LockedToolchain, Problem> {
    debian::can_resolve(wanted, host)?;
    let ToolchainDemands { suite, architecture, wanted: names, uv } = demands(wanted)?;
    let packages = debian::resolve(wanted, host)?;
    let provider = Provider::Debian;
    Ok(LockedToolchain { provider, suite, architecture, wanted: names, uv, packages })
}

/// Brings the packages of a locked toolchain into the cache; returns where each archive is.
///
/// # Errors
/// No mirror has them any more, or none can be reached.
pub fn bring(
    locked: &LockedToolchain,
    wanted: &Wanted<'_>,
    host: &Host<'_>,
) -> Result<Vec<PathBuf>, Problem> {
    host.progress.stage("fetch", Some(locked.packages.len() as u64));
    pool::bring(&locked.packages, &debian::mirrors(wanted, host)?, host)
}

/// What is in a provider's place in messages.
fn name(provider: Provider) -> &'static str {
    match provider {
        Provider::Debian => "debian",
        Provider::Host => "host",
        Provider::Nix => "nix",
    }
}

fn because_of(failed: Problem, provider: Provider, problem: &Problem) -> Problem {
    let mut lines = vec![problem.to_string()];
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(problem);
    while let Some(error) = cause {
        lines.push(format!("caused by: {error}"));
        cause = error.source();
    }
    lines.extend(problem.hint.as_ref().map(|hint| format!("hint: {hint}")));
    failed
        .fact(name(provider), lines.join("\n"))
        .hint("fix one of them; `lockstep doctor` looks at everything that a build needs")
}

#[cfg(test)]
mod tests;
