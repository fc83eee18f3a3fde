//! The toolchain lock, `recipes/<name>.toolchain-lock.toml`: for every target, the exact packages
//! of the root that builds see, and the uv that runs in it. Debian's archive has one version of
//! each package and changes every day, so a build without this lock gets another compiler next
//! week.
//!
//! It names no server: a package is a path in the archive's pool, with its sha256 and size. Only
//! `toolchain-lock` writes it, and `build` if it is missing.

mod changes;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use base::recipe::Provider;
use base::vocabulary::{Problem, Sha256, Target};

pub use wire::is_pool_path;

/// A parsed toolchain lock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolchainLock {
    /// By target, such as `cp314-x86_64-manylinux_2_39`.
    pub targets: BTreeMap<String, LockedToolchain>,
}

/// What one target's builds see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedToolchain {
    /// What makes a root of the packages; only Debian's can be locked.
    pub provider: Provider,
    /// The suite in which the packages were found, such as `forky`.
    pub suite: String,
    /// Its architecture in Debian's words, such as `amd64`.
    pub architecture: String,
    /// The packages that were asked for. The others are Essential, or needed by one of these.
    pub wanted: BTreeSet<String>,
    /// The uv that resolves and installs.
    pub uv: LockedUv,
    /// Every package of the root, sorted.
    pub packages: Vec<LockedPackage>,
}

/// The wheel that uv comes in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedUv {
    /// Its version.
    pub version: String,
    /// The wheel's plain name.
    pub file: String,
    /// The wheel's digest.
    pub sha256: Sha256,
    /// The wheel's size in bytes.
    pub size: u64,
}

/// One package of a root, as its provider's signed index describes it.
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

/// A package and where its archive is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LockedPackage {
    /// The package.
    #[serde(flatten)]
    pub package: SystemPackage,
    /// The size of its archive in bytes.
    pub size: u64,
    /// The archive's path, relative to the mirror: `pool/main/b/bash/bash_5.3-4_amd64.deb`.
    pub path: String,
}

/// What a target asks of its toolchain. What was locked for something else is stale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolchainDemands {
    /// The suite.
    pub suite: String,
    /// The architecture in Debian's words.
    pub architecture: String,
    /// The packages.
    pub wanted: BTreeSet<String>,
    /// The uv that this builder works with.
    pub uv: LockedUv,
}

impl fmt::Display for SystemPackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.name, self.version, self.architecture)
    }
}

impl LockedPackage {
    /// The plain name of the archive, as the pool has it.
    pub fn filename(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

impl LockedToolchain {
    /// The digest of all that is locked for the target: what a ledger pins. Other targets do not
    /// change it.
    pub fn digest(&self) -> Sha256 {
        Sha256::of(wire::render_target("", self))
    }

    /// Why it does not fit what the target asks for; empty if it does.
    pub fn staleness(&self, demands: &ToolchainDemands) -> Vec<String> {
        let mut stale = Vec::new();
        let mut differs = |what: &str, locked: &str, asked: &str| {
            if locked != asked {
                stale.push(format!("{what}: locked `{locked}`, wanted `{asked}`"));
            }
        };
        differs("suite", &self.suite, &demands.suite);
        differs("architecture", &self.architecture, &demands.architecture);
        differs("uv", &self.uv.version, &demands.uv.version);
        if self.uv.version == demands.uv.version && self.uv != demands.uv {
            stale.push(format!("uv: another file of {} is locked", self.uv.version));
        }
        let missing = demands.wanted.difference(&self.wanted);
        stale.extend(missing.map(|name| format!("package `{name}`: wanted, not locked")));
        let spare = self.wanted.difference(&demands.wanted);
        stale.extend(spare.map(|name| format!("package `{name}`: locked, no longer wanted")));
        stale
    }
}

impl ToolchainLock {
    /// Parses the text of a toolchain lock; `path` names it in messages.
    ///
    /// # Errors
    /// It is no toolchain lock, or a word of it is not what it must be.
    pub fn parse(path: &str, text: &str) -> Result<Self, Problem> {
        wire::parse(path, text)
    }

    /// The text of the lock; equal values give equal texts.
    pub fn to_toml(&self) -> String {
        wire::render(self)
    }

    /// What is locked for a target, if it was locked for what the target asks for.
    ///
    /// # Errors
    /// The target is not locked, or was locked for something else.
    pub fn of(
        &self,
        target: &Target,
        demands: &ToolchainDemands,
    ) -> Result<&LockedToolchain, Problem> {
        let locked = self.targets.get(&target.to_string());
        let stale = match locked {
            None => vec![format!("not locked for {target}")],
            Some(locked) => locked.staleness(demands),
        };
        match locked {
            Some(locked) if stale.is_empty() => Ok(locked),
            _ => Err(Problem::new("the toolchain lock does not fit the recipe")
                .fact("stale", stale.join("\n"))
                .hint("`lockstep toolchain-lock` locks it again")),
        }
    }

    /// What another lock has instead, one line for each thing that a person would call a change.
    pub fn changes(&self, new: &Self) -> Vec<String> {
        changes::changes(self, new)
    }
}

#[cfg(test)]
mod tests;
