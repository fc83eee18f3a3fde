//! The resource limits of a recipe's builds and checks.

use std::num::NonZeroU32;

use super::wire::LimitsWire;
use crate::sys::sandbox::Limits;

/// The limits of the two kinds of run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunLimits {
    /// The limits of builds from source, installations, and everything else that is not a check.
    pub build: Limits,
    /// The limits of each check.
    pub check: Limits,
}

/// How long a check may run unless the recipe says otherwise.
const CHECK_MINUTES: u64 = 60;

impl Default for RunLimits {
    fn default() -> Self {
        LimitsWire::default().into()
    }
}

impl From<LimitsWire> for RunLimits {
    fn from(wire: LimitsWire) -> Self {
        let number = |it: Option<NonZeroU32>| it.map(|it| u64::from(it.get()));
        let ordinary = Limits::default();
        let build = Limits {
            seconds: number(wire.build_minutes).map_or(ordinary.seconds, |it| it * 60),
            memory_bytes: number(wire.memory_megabytes).map(|it| it << 20),
            processes: number(wire.processes).unwrap_or(ordinary.processes),
            log_bytes: number(wire.log_megabytes).map_or(ordinary.log_bytes, |it| it << 20),
            ..ordinary
        };
        let seconds = number(wire.check_minutes).unwrap_or(CHECK_MINUTES) * 60;
        Self { build, check: Limits { seconds, ..build } }
    }
}
