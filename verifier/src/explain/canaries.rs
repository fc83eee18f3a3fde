//! Values that are unique to one side: what they are found in depends on them.

use std::ops::RangeInclusive;
use std::path::Path;

use base::vocabulary::Problem;
use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::{Cause, Place};

/// So long before and after its start a round's clock may have been read: it starts before it is
/// recorded, and may go on for a day.
const ROUND: RangeInclusive<i64> = -60 * 60..=24 * 60 * 60;

/// What was varied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CanaryKind {
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
    /// When the round started by its own clock, in seconds since 1970.
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
pub struct Canary {
    /// What it is a value of.
    pub kind: CanaryKind,
    /// Its value in A.
    #[serde(default)]
    pub a: Option<String>,
    /// Its value in B.
    #[serde(default)]
    pub b: Option<String>,
}

/// All that was varied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Canaries(pub Vec<Canary>);

impl Canaries {
    /// Reads a file with a list such as `[{"kind": "home", "a": "/home/x", "b": "/home/y"}]`.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let problem = || Problem::usage(format!("cannot read canaries from `{}`", path.display()));
        let text = fs::read_to_string(path).map_err(|error| problem().cause(error))?;
        serde_json::from_str(&text).map_err(|error| {
            let example = r#"[{"kind": "home", "a": "/home/x", "b": "/home/y"}]"#;
            problem().cause(error).hint(format!("it is a list such as `{example}`"))
        })
    }

    /// Returns the values of a kind, each for both sides; a side without a value has an empty one.
    pub(super) fn of(&self, kind: CanaryKind) -> impl Iterator<Item = [&str; 2]> {
        let canaries = self.0.iter().filter(move |canary| canary.kind == kind);
        canaries.map(|it| [&it.a, &it.b].map(|value| value.as_deref().unwrap_or_default()))
    }

    /// Returns which seconds since 1970 the clock of each round can have shown, if both are known.
    pub(super) fn clocks(&self) -> Option<[RangeInclusive<i64>; 2]> {
        let [a, b] = self.of(CanaryKind::Clock).next()?;
        let of_round = |start: &str| {
            let start: i64 = start.parse().ok()?;
            Some(start + ROUND.start()..=start + ROUND.end())
        };
        Some([of_round(a)?, of_round(b)?])
    }

    /// Whether programs may have had another hash seed on each side: it is not known, or was
    /// varied.
    pub(super) fn seeds_may_differ(&self) -> bool {
        let mut seeds = self.0.iter().filter(|canary| canary.kind == CanaryKind::HashSeed);
        let known = seeds.clone().next().is_some();
        !known || seeds.any(|seed| seed.a != seed.b)
    }
}

impl CanaryKind {
    /// The cause of a difference in which a value of this kind is found.
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
