//! Phase 2, first stage: what is built from source becomes wheels. Builds run in the order of the
//! build graph, several at once, each in a sandbox of its own at the same fixed paths, without
//! network, with a build environment made of exactly the locked build requirements.

mod collect;
mod inputs;
mod schedule;
pub mod store; // built wheels, by what they were built of
pub mod workshop; // where one distribution is built

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::build_graph::{BuildGraph, BuildName};
use crate::sys::Host;
use crate::vocabulary::{Inputs, Problem, Sha256};

pub use inputs::key;
pub use store::Store;
pub use workshop::Workshop;

/// A wheel of what is built from source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltWheel {
    /// The file.
    pub path: PathBuf,
    /// Its digest.
    pub sha256: Sha256,
    /// What it was built of.
    pub inputs: Inputs,
    /// Whether it was in the store.
    pub stored: bool,
    /// How long its build took, or to find it.
    pub took: Duration,
}

/// Builds everything in the graph that is not in the store. The first failure stops further
/// builds; those under way end.
pub fn build_all(
    workshop: &Workshop<'_>,
    graph: &BuildGraph,
    host: Host<'_>,
) -> Result<BTreeMap<BuildName, BuiltWheel>, Problem> {
    host.progress.stage("wheels", Some(graph.names().count() as u64));
    let order = schedule::by_urgency(graph, |name| workshop.estimate(name));
    schedule::run(graph, &order, workshop.jobs, |name, needs| {
        let step = workshop.label(name);
        host.progress.begin(&step);
        let wheel = workshop.obtain(name, needs, host);
        host.progress.end(&step);
        wheel
    })
}
