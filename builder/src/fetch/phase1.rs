//! Phase 1 for one target of a recipe: read, resolve, plan, fetch. The result holds everything that
//! phase 2 may use.

use std::path::Path;

use crate::fetch::application::{Application, LocatedRecipe};
use crate::fetch::ledger::{Entry, Golden, Judgement, Pin, TargetLedger};
use crate::fetch::plan;
use crate::fetch::{self, Wheelhouse};
use crate::lock::build_lock::{BuildLock, Demands};
use crate::lock::resolve::{Artifact, Distribution, Resolution, RuntimeRequest};
use crate::lock::resolvers::Resolvers;
use base::recipe::{LockPlace, Recipe};
use base::sys::Host;
use base::vocabulary::digest::Sri;
use base::vocabulary::{Outcome, Problem, Sha256, Target};

/// What was resolved, and the wheelhouse that holds it.
#[derive(Debug)]
pub struct Fetched {
    /// The application.
    pub application: Application,
    /// What is installed.
    pub resolution: Resolution,
    /// What builds need.
    pub build_lock: BuildLock,
    /// sha256 of the build lock's text.
    pub build_lock_hash: Sha256,
    /// All of it.
    pub wheelhouse: Wheelhouse,
}

/// What phase 1 is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The recipe.
    pub located: &'a LocatedRecipe,
    /// One of its targets.
    pub target: &'a Target,
    /// A tree instead of the recipe's.
    pub source: Option<&'a Path>,
    /// What decides what is installed.
    pub resolvers: &'a Resolvers,
}

/// Runs phase 1.
pub fn fetch(
    wanted: &Wanted<'_>,
    settings: &fetch::Settings,
    host: Host<'_>,
) -> Result<Fetched, Problem> {
    let Wanted { located, target, source, resolvers } = *wanted;
    let application = Application::load(located, source, settings, host)?;
    application.warn_unknown(host);
    let recipe = &located.recipe;
    let resolution = resolvers.resolution(&RuntimeRequest {
        lock: &application.lock,
        pyproject: &application.project,
        target,
        selection: &recipe.selection,
    })?;
    check_own_files(recipe, &resolution)?;
    let (build_lock, build_lock_hash) = located.read_build_lock()?;
    let tools = build_lock.tools.keys().map(|it| &it.name).collect();
    application.check_overrides(recipe, &resolution, &tools)?;
    let places = plan::Places { tree: &application.tree, recipe: &located.dir };
    let demands = Demands { recipe, project: &application.project, lock: &application.lock };
    let request = plan::everything(&resolution, &build_lock, demands, places)?;
    let settings = &settings.clone().with_indexes_of(&application, recipe)?;
    let wheelhouse = fetch::fetch(&request, &host, settings).map_err(|problem| {
        let golden = located.read_ledger().ok();
        let golden = golden.as_ref().and_then(|it| it.target.get(&target.to_string()));
        let same_locks = golden.is_some_and(|golden| {
            (golden.lock, golden.build_lock) == (application.lock_hash, build_lock_hash)
        });
        drifted(problem, same_locks)
    })?;
    Ok(Fetched { application, resolution, build_lock, build_lock_hash, wheelhouse })
}

/// Fails if an output would have no file of its own project, unless the recipe declares this or
/// names other contents of the output.
pub(crate) fn check_own_files(recipe: &Recipe, resolution: &Resolution) -> Result<(), Problem> {
    let is_own = |it: &Distribution| matches!(it.artifact, Artifact::Local(_));
    let said = recipe.selection.dependencies_only
        || !recipe.checks.imports.is_empty()
        || !recipe.checks.run.is_empty();
    if said || !recipe.copies.is_empty() || resolution.distributions.iter().any(is_own) {
        return Ok(());
    }
    let problem = |whose: String, because: &str| {
        Problem::usage(format!("the output would have no file of {whose}"))
            .fact("because", because)
            .hint(
                "`[[copy]]` brings files of the source tree; `project.dependencies-only = true` \
                 says that none are wanted",
            )
    };
    match (&recipe.lock, &resolution.roots[..]) {
        (LockPlace::Script(script), _) => {
            Err(problem(format!("the script `{script}`"), "only what it requires is installed"))
        }
        // Only groups of a workspace root were asked for.
        (_, []) => Ok(()),
        (_, roots) => {
            let roots: Vec<String> = roots.iter().map(|name| format!("`{name}`")).collect();
            Err(problem(
                roots.join(", "),
                "it is not a package: no `[build-system]`, or `tool.uv.package = false`",
            ))
        }
    }
}

/// A file that changed since the ledger was written is drift, like a changed hash, and is reported
/// in the same words.
fn drifted(problem: Problem, same_locks: bool) -> Problem {
    if !same_locks || problem.outcome != Outcome::GoldenMismatch {
        return problem;
    }
    Problem::new("the lock is unchanged and a file of it drifted")
        .outcome(Outcome::GoldenMismatch)
        .cause(problem)
}

impl Fetched {
    /// The ledger entry of what phase 1 brought.
    pub fn ledger_entry(&self) -> TargetLedger {
        let files = self.wheelhouse.files.iter().map(|file| Entry {
            path: file.path.clone(),
            pin: Pin::File { sha256: file.sha256, size: file.size },
        });
        let trees = self.wheelhouse.trees.iter().map(|tree| Entry {
            path: tree.path.clone(),
            pin: Pin::Tree { nar_hash: Sri(tree.nar_hash) },
        });
        let mut entries: Vec<Entry> = files.chain(trees).collect();
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        TargetLedger {
            lock: self.application.lock_hash,
            build_lock: self.build_lock_hash,
            nar_hash: Sri(self.wheelhouse.nar_hash),
            entries,
            toolchain: None,
            output: None,
        }
    }

    /// Compares what phase 1 brought with the ledger.
    ///
    /// # Errors
    /// The ledger cannot be read; or golden hashes are enforced, and the wheelhouse is not the
    /// golden one: exit code 4.
    pub fn judge(&self, located: &LocatedRecipe, golden: Golden) -> Result<Judgement, Problem> {
        let target = &self.resolution.target;
        let ledger = located.read_ledger()?;
        let found = self.ledger_entry();
        let pinned = ledger.target.get(&target.to_string()).map(|entry| entry.nar_hash);
        let verdict = ledger.judge(target, &found);
        verdict.told(&located.recipe.name, (pinned, found.nar_hash), golden)
    }
}
