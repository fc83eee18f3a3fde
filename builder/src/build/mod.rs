//! Phase 2, first stage: builds wheels from source. Builds run in the order of the build graph,
//! several at once, each in a sandbox of its own at the same fixed paths, without network, with a
//! build environment made of exactly the locked build requirements.

mod source_patch; // unified diffs, applied to a source before its build
mod view; // what the build of a local project sees of the source tree
pub mod version_control; // what builds are told instead of asking git
pub(crate) mod sources; // trees, laid out where they are built
pub mod environment; // what a backend sees, built with or asked
pub(crate) mod requirements; // makes the build lock
mod blind; // builds that read more than they were given
mod collect;
mod failure; // what a failed build says
mod generator; // which backend made a wheel
mod store; // built wheels, by what they were built of
mod workshop; // what all builds have in common
mod inputs; // what a build depends on
mod obtain; // one wheel, out of the store or built
mod schedule;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::lock::build_graph::{BuildGraph, BuildName};
use base::sys::Host;
use base::vocabulary::{Inputs, Problem, Sha256};

pub use inputs::key;
pub use obtain::{SCENE_FILE, Scene};
pub use store::Store;
pub use workshop::Workshop;

/// A wheel of what is built from source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltWheel {
    /// The file.
    pub path: PathBuf,
    /// Its digest.
    pub sha256: Sha256,
    /// Its build inputs.
    pub inputs: Inputs,
    /// Whether it was in the store.
    pub stored: bool,
    /// How long its build took, or to find it.
    pub took: Duration,
}

/// Builds everything in the graph that is not in the store. After a failure it continues with every
/// build that does not need the failed one, so one run reports all failures.
pub fn build_all(
    workshop: &Workshop<'_>,
    graph: &BuildGraph,
    host: Host<'_>,
) -> Result<BTreeMap<BuildName, BuiltWheel>, Problem> {
    host.progress.stage("wheels", Some(graph.names().count() as u64));
    let order = schedule::by_urgency(graph, |name| workshop.estimate(name));
    let built = schedule::run(graph, &order, workshop.jobs, |name, needs| {
        let step = workshop.label(name);
        host.progress.begin(&step);
        let wheel = workshop.obtain(name, needs, host);
        host.progress.end(&step);
        wheel
    });
    built.map_err(|failed| {
        let is_one = failed.len() == 1;
        let told = |it| if is_one { it } else { failure::without_log(it) };
        let labelled = failed.into_iter().map(|(name, it)| (workshop.label(&name), told(it)));
        let what = |count| format!("{count} builds failed");
        Problem::of_several(what, labelled.collect()).expect("there is a failure")
    })
}

/// Copies wheels into a directory, which is made if need be.
pub fn copy_wheels(built: &BTreeMap<BuildName, BuiltWheel>, into: &Path) -> Result<(), Problem> {
    let copy = || -> std::io::Result<()> {
        fs_err::create_dir_all(into)?;
        for wheel in built.values() {
            let name = wheel.path.file_name().expect("a wheel has a file name");
            fs_err::copy(&wheel.path, into.join(name))?;
        }
        Ok(())
    };
    copy().map_err(|error| Problem::new("cannot copy the built wheels").cause(error))
}
