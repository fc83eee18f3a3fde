//! Finds the wheels that a build would compile now, and the input that changed. It compares the
//! inputs of each build with those of the last build of the same recipe and target.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::build;
use crate::fetch::application::LocatedRecipe;
use crate::lock::build_graph::BuildName;
use crate::pipeline::{self, Options};
use base::sys::Host;
use base::sys::cache::WORK;
use base::sys::files::WorkDir;
use base::vocabulary::Problem;
use base::vocabulary::inputs::Change;

/// What a build would do for one distribution that is built from source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rebuild {
    /// Its name.
    pub name: BuildName,
    /// What would be done, and why.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// What would be done, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing is compiled: the wheel is in the store.
    Stored,
    /// It is compiled, because inputs are not those of the last build.
    Changed {
        /// Which ones.
        changes: Vec<Change>,
    },
    /// It is compiled: no build of the recipe and target is known.
    First,
    /// It is compiled, although nothing changed: the wheel is not in the store any more.
    Gone,
}

impl Verdict {
    /// Whether it is compiled.
    pub fn compiles(&self) -> bool {
        *self != Self::Stored
    }
}

/// The placeholder for the digest of a wheel that is not built yet.
const TO_BE_BUILT: &str = "to be built again";

/// Looks at everything that a recipe builds from source, sorted by name. It fetches what is locked,
/// as the sources are inputs, and builds nothing.
pub fn explain(
    located: &LocatedRecipe,
    options: &Options,
    host: Host<'_>,
) -> Result<Vec<Rebuild>, Problem> {
    let (recipe, target) = (&located.recipe, &located.recipe.targets[0]);
    let work = WorkDir::create(&host.cache.join(WORK), &recipe.name)
        .map_err(|error| Problem::new("cannot make a directory to work in").cause(error))?;
    let prepared = pipeline::prepare(located, target, options, host)?;
    let store = build::Store::new(host.cache);
    let workshop = prepared.workshop(recipe, &store, options, work.path());
    let graph = &prepared.graph;
    let last = store.last(&recipe.name, target);
    let mut contents: BTreeMap<BuildName, String> = BTreeMap::new();
    let mut rebuilds = Vec::new();
    while let Some(name) = graph.names().find(|name| {
        let ready = |need: &BuildName| contents.contains_key(need);
        !contents.contains_key(*name) && graph.waits_for(name).iter().all(ready)
    }) {
        let of = |sight| workshop.inputs(name, sight, |need: &BuildName| contents[need].clone());
        let sights = workshop.sights(name).iter();
        let inputs = sights.map(|sight| of(*sight)).collect::<Result<Vec<_>, Problem>>()?;
        let stored = inputs.iter().find_map(|inputs| store.recorded(&build::key(inputs)));
        // The last build got its own part of the source tree, or all of it.
        let changes = |last| inputs.iter().map(|it| it.changes(last)).min_by_key(Vec::len);
        let verdict = match (stored, last.get(name).and_then(changes)) {
            (Some(_), _) => Verdict::Stored,
            (None, None) => Verdict::First,
            (None, Some(changes)) if changes.is_empty() => Verdict::Gone,
            (None, Some(changes)) => Verdict::Changed { changes: telling(changes) },
        };
        let content = stored.map(|digest| format!("sha256:{digest}"));
        contents.insert(name.clone(), content.unwrap_or_else(|| TO_BE_BUILT.to_owned()));
        rebuilds.push(Rebuild { name: name.clone(), verdict });
    }
    rebuilds.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(rebuilds)
}

/// The changes without the toolchain's fingerprint, if its own changes are listed too.
fn telling(changes: Vec<Change>) -> Vec<Change> {
    const FINGERPRINT: &str = "toolchain.fingerprint";
    let told =
        |change: &Change| change.input.starts_with("toolchain.") && change.input != FINGERPRINT;
    let told = changes.iter().any(told);
    changes.into_iter().filter(|change| !told || change.input != FINGERPRINT).collect()
}
