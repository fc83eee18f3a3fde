//! Values that are unique to one side: what they are found in depends on them.

use std::path::Path;

use builder::vocabulary::Problem;
use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::{Cause, Place};

/// What was varied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CanaryKind {
    /// A directory of the build or of a cache.
    BuildPath,
    /// `HOME`.
    Home,
    /// `TMPDIR`.
    TemporaryDirectory,
    /// Host name or domain.
    HostName,
    /// Name or number of user or group.
    User,
    /// `LC_ALL` and the like.
    Locale,
    /// `TZ`.
    TimeZone,
    /// A date, time or number of seconds.
    Clock,
    /// The umask.
    Umask,
    /// The number of processors or jobs.
    Cpu,
    /// The kernel's name or version.
    Kernel,
    /// `PYTHONHASHSEED`.
    HashSeed,
    /// A variable, or a part of `PATH`.
    Environment,
}

/// One thing that was varied, and its value on each side; a side may have none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Canary {
    /// What it is a value of.
    pub(crate) kind: CanaryKind,
    /// Its value in A.
    #[serde(default)]
    pub(crate) a: Option<String>,
    /// Its value in B.
    #[serde(default)]
    pub(crate) b: Option<String>,
}

/// All that was varied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Canaries(pub(crate) Vec<Canary>);

impl Canaries {
    /// Reads a file with a list such as `[{"kind": "home", "a": "/home/x", "b": "/home/y"}]`.
    pub(crate) fn read(path: &Path) -> Result<Self, Problem> {
        let problem = || Problem::usage(format!("cannot read canaries from `{}`", path.display()));
        let text = fs::read_to_string(path).map_err(|error| problem().cause(error))?;
        serde_json::from_str(&text).map_err(|error| {
            let example = r#"[{"kind": "home", "a": "/home/x", "b": "/home/y"}]"#;
            problem().cause(error).hint(format!("it is a list such as `{example}`"))
        })
    }
}

impl CanaryKind {
    /// What a difference is due to in which a value of this kind is found.
    pub(super) fn cause(self, place: Place) -> Cause {
        match self {
            Self::BuildPath => Cause::BuildPath(place),
            Self::Home => Cause::Home,
            Self::TemporaryDirectory => Cause::TemporaryDirectory,
            Self::HostName => Cause::HostName,
            Self::User => Cause::User,
            Self::Locale => Cause::Locale,
            Self::TimeZone => Cause::TimeZone,
            Self::Clock => Cause::Timestamp(place),
            Self::Umask => Cause::Modes,
            Self::Cpu => Cause::Cpu,
            Self::Kernel => Cause::Kernel,
            Self::HashSeed => Cause::HashSeed,
            Self::Environment => Cause::Environment,
        }
    }
}
