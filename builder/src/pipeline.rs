//! The whole build as one sequence: resolve, fetch, build wheels, install, lay out, patch, check,
//! publish. Each stage returns the type that the next one takes.

mod beforehand; // what is known before the toolchain is made
mod options;
mod toolchain_lock;
mod build_lock;
mod found; // what was found instead of what was wanted
mod ledger;
mod report;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::build::sources::Sources;
use crate::build::{self, BuiltWheel, SCENE_FILE, Workshop};
use crate::fetch;
use crate::fetch::application::LocatedRecipe;
use crate::fetch::ledger::OutputPin;
use crate::fetch::phase1::{self, Fetched};
use crate::install::output::Output;
use crate::install::venv::{Installer, MEMORY_BYTES};
use crate::install::wheel_paths;
use crate::lock::build_graph::{BuildGraph, BuildName};
use crate::lock::toolchain_lock::LockedToolchain;
use crate::publish::{self, Assembled};
use crate::toolchain::uv::{Uv, provide_uv};
use crate::toolchain::{self, Toolchain};
use base::recipe::{Provider, Recipe};
use base::sys::Host;
use base::sys::cache::WORK;
use base::sys::files::WorkDir;
use base::sys::process::processors;
use base::vocabulary::digest::Sri;
use base::vocabulary::fingerprint::Fingerprint;
use base::vocabulary::{Problem, Target};

pub use build_lock::make_build_lock;
pub use ledger::make_ledger;
pub use options::{Options, Reuse};
pub use report::Report;
use report::{Clock, report};
pub use toolchain_lock::{Renewal, fetch_toolchain, make_toolchain_lock};

/// The directory of the checks in that of a run.
const CHECKS: &str = "checks";

/// Builds a recipe for its first target.
pub fn build(
    located: &LocatedRecipe,
    options: &Options,
    host: Host<'_>,
) -> Result<Report, Problem> {
    build_with_toolchain(located, options, host).map(|(report, _)| report)
}

/// As [`build`]; the toolchain is for running something in the output.
pub fn build_with_toolchain(
    located: &LocatedRecipe,
    options: &Options,
    host: Host<'_>,
) -> Result<(Report, Toolchain), Problem> {
    let recipe = &located.recipe;
    let target = &recipe.targets[0];
    if !target.is_linux() {
        return Err(Problem::usage(format!("phase 2 cannot build for {target}"))
            .hint("it builds for Linux; `lockstep fetch` serves every target"));
    }
    let mut clock = Clock::start();
    in_work_directory(recipe, host, |work| {
        build_in(located, target, options, work, &mut clock, host)
    })
}

/// Runs a build in a directory of its own. If it fails after a build was started, the directory is
/// kept, because the message names it.
fn in_work_directory<T>(
    recipe: &Recipe,
    host: Host<'_>,
    run: impl FnOnce(&Path) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let mut work = WorkDir::create(&host.cache.join(WORK), &recipe.name)
        .map_err(|error| Problem::new("cannot make a directory to work in").cause(error))?;
    let result = run(work.path());
    let checked = work.path().join(CHECKS).join(SCENE_FILE);
    if result.is_err() && (work.path().join("builds").is_dir() || checked.is_file()) {
        // Where there is no room for the note, the build's own error is what must be read.
        let _ = work.keep();
    }
    result
}

/// What has to be there before anything is built.
#[derive(Debug)]
pub(crate) struct Prepared {
    uv: Uv,
    pub(crate) fetched: Fetched,
    pub(crate) graph: BuildGraph,
    toolchain: Toolchain,
    /// What is locked of it.
    locked: Option<LockedToolchain>,
}

impl Prepared {
    /// The workshop that builds from source, in the directory `work` of this run.
    pub(crate) fn workshop<'a>(
        &'a self,
        recipe: &'a Recipe,
        store: &'a build::Store,
        options: &Options,
        work: &'a Path,
    ) -> Workshop<'a> {
        let Fetched { application, resolution, build_lock, wheelhouse, .. } = &self.fetched;
        let jobs = options.jobs.unwrap_or_else(processors);
        Workshop {
            recipe,
            resolution,
            build_lock,
            project: &application.project,
            sources: Sources {
                wheelhouse: &wheelhouse.path,
                tree: &application.tree,
                tree_hash: application.tree_hash,
                tracked: &application.tracked,
                lock: &application.lock,
                recipe,
            },
            toolchain: &self.toolchain,
            uv: &self.uv,
            jobs,
            store,
            reuse: options.reuse != Reuse::Nothing,
            work,
        }
    }
}

impl Prepared {
    /// What an output of this is pinned by; `None` if not all that it was made of is locked.
    fn output_pin(&self, located: &LocatedRecipe, nar_hash: Sri) -> Option<OutputPin> {
        let locked = self.locked.as_ref().filter(|_| self.uv.is_pinned())?;
        let patches = located.recipe.overrides.values().flat_map(|it| &it.build.patches);
        let recipe = patches.fold(Fingerprint::new("recipe 1"), |print, patch| {
            print.with("source patch", patch.sha256().as_bytes())
        });
        Some(OutputPin {
            nar_hash,
            lock: self.fetched.application.lock_hash,
            build_lock: self.fetched.build_lock_hash,
            toolchain_lock: locked.digest(),
            recipe: recipe.with("text", &located.text).finish(),
            source: Sri(self.fetched.application.tree_hash),
            builder: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }
}

/// Toolchain and wheelhouse come from different servers, so they are fetched side by side.
pub(crate) fn prepare(
    located: &LocatedRecipe,
    target: &Target,
    options: &Options,
    host: Host<'_>,
) -> Result<Prepared, Problem> {
    let uv = provide_uv(&host)?;
    beforehand::check(located, target, options, &uv, host)?;
    toolchain_lock::ensure(located, options, host)?;
    build_lock::ensure(located, options, host)?;
    let locked = toolchain_lock::locked(located, target, options)?;
    let provide = || provide_locked(located, target, options, locked.as_ref(), host);
    let mut tried = None;
    if !uv.is_pinned() {
        let toolchain = provide()?;
        uv.try_in(&toolchain)?;
        tried = Some(toolchain);
    }
    let settings = fetch::Settings {
        index: located.recipe.index,
        wheelhouse: options.wheelhouse.clone(),
        uv: Some(uv.path.clone()),
        ..fetch::Settings::default()
    };
    let (fetched, toolchain) = std::thread::scope(|scope| {
        let toolchain = scope.spawn(|| match tried {
            Some(toolchain) => Ok(toolchain),
            None => provide(),
        });
        let source = options.source.as_deref();
        let wanted = phase1::Wanted { located, target, source, resolvers: &options.resolvers };
        let fetched = phase1::fetch(&wanted, &settings, host);
        (fetched, toolchain.join().expect("no provider panics"))
    });
    let (fetched, toolchain) = (fetched?, toolchain?);
    let graph = options.resolvers.build_graph(&fetched.resolution, &fetched.build_lock)?;
    Ok(Prepared { uv, fetched, graph, toolchain, locked })
}

fn build_in(
    located: &LocatedRecipe,
    target: &Target,
    options: &Options,
    work: &Path,
    clock: &mut Clock,
    host: Host<'_>,
) -> Result<(Report, Toolchain), Problem> {
    let prepared = prepare(located, target, options, host)?;
    let golden = prepared.fetched.judge(located, options.golden)?;
    clock.lap("fetch");
    let key = |unchecked| {
        let Prepared { fetched, graph, toolchain, uv, locked: _ } = &prepared;
        publish::key(located, fetched, graph, toolchain, uv, unchecked)
    };
    let store = publish::Store::new(host.cache);
    let unchecked = options.no_checks
        || (options.unchecked_serves && !store.has(&key(false)?) && store.has(&key(true)?));
    let key = key(unchecked)?;
    // A finished output has no wheels any more.
    let reuse = options.reuse == Reuse::Everything && options.wheels_out.is_none();
    let what = format!("output of `{}`", located.recipe.name);
    let assemble = || {
        let wheels = build::Store::new(host.cache);
        let workshop = prepared.workshop(&located.recipe, &wheels, options, work);
        let built = build_wheels(&prepared, &workshop, &prepared.graph, options, host)?;
        clock.lap("build wheels");
        assemble(located, &prepared, &workshop, &built, options, clock, host)
    };
    let product = store.obtain((&key, reuse), &what, host.progress, assemble)?;
    clock.lap("publish");
    let pin = prepared.output_pin(located, Sri(product.nar_hash));
    let (name, hashes) = (&located.recipe.name, (Sri(product.nar_hash), pin.as_ref()));
    let output_golden = located.read_ledger()?.judge_output(target, name, hashes, options.golden);
    let output_golden = output_golden.map_err(|it| it.fact("output", product.tree.display()))?;
    let golden = (&prepared, (golden, output_golden, pin));
    let report = report(located, options, golden, product, clock);
    Ok((report, prepared.toolchain))
}

/// Builds the wheel of one distribution, and those that its build needs, so that a person can
/// inspect it.
pub fn build_one(
    located: &LocatedRecipe,
    name: &BuildName,
    options: &Options,
    host: Host<'_>,
) -> Result<(), Problem> {
    let target = &located.recipe.targets[0];
    in_work_directory(&located.recipe, host, |work| {
        let prepared = prepare(located, target, options, host)?;
        let graph = prepared.graph.only(name)?;
        let store = build::Store::new(host.cache);
        let workshop = prepared.workshop(&located.recipe, &store, options, work);
        build_wheels(&prepared, &workshop, &graph, options, host).map(drop)
    })
}

/// Phase 2, first stage: what is built from source.
fn build_wheels(
    prepared: &Prepared,
    workshop: &Workshop<'_>,
    graph: &BuildGraph,
    options: &Options,
    host: Host<'_>,
) -> Result<BTreeMap<BuildName, BuiltWheel>, Problem> {
    let built = build::build_all(workshop, graph, host)?;
    if let Some(into) = &options.wheels_out {
        build::copy_wheels(&built, into)?;
    }
    if graph == &prepared.graph {
        let inputs = built.iter().map(|(name, wheel)| (name, &wheel.inputs)).collect();
        let target = &prepared.fetched.resolution.target;
        workshop.store.remember(&workshop.recipe.name, target, &inputs)?;
    }
    Ok(built)
}

/// Phase 2, offline: from wheels to a checked output that is ready to be published.
fn assemble(
    located: &LocatedRecipe,
    prepared: &Prepared,
    workshop: &Workshop<'_>,
    built: &BTreeMap<BuildName, BuiltWheel>,
    options: &Options,
    clock: &mut Clock,
    host: Host<'_>,
) -> Result<Assembled, Problem> {
    let (Workshop { recipe, uv, toolchain, work, .. }, fetched) = (*workshop, &prepared.fetched);

    host.progress.stage("install", None);
    let installer = Installer { toolchain, uv, work: &work.join("install"), memory: MEMORY_BYTES };
    let paths = wheel_paths(&fetched.resolution, &fetched.wheelhouse.path, built);
    let output = Output::create(work.join("output"), &recipe.prefix, recipe.site_packages())?;
    let installed = installer.install(&paths, output, recipe)?;
    installed.notes.iter().for_each(|note| host.progress.warn(note));
    clock.lap("install");

    host.progress.stage("finish", None);
    let sealed = installed
        .lay_out(recipe, &fetched.application.tree)?
        .patch(recipe, host.progress)?
        .compile(recipe.bytecode, &installer)?
        .seal(fetched)?;
    clock.lap("finish");

    let checked = if options.no_checks {
        None
    } else {
        host.progress.stage("check", None);
        let dir = work.join(CHECKS);
        let checked = sealed.check(&recipe.checks, &installer, &dir);
        let done =
            checked.map_err(|it| found::with_scene(it, &sealed, recipe, &installer, &dir))?;
        clock.lap("check");
        Some(done)
    };

    let took = |(name, wheel): (&BuildName, &BuiltWheel)| (name.to_string(), wheel.took);
    let mut longest: Vec<(String, Duration)> =
        built.iter().filter(|(_, wheel)| !wheel.stored).map(took).collect();
    longest.sort_by_key(|(_, took)| std::cmp::Reverse(*took));
    let used = (toolchain, uv);
    let provenance = publish::provenance(located, fetched, used, built, sealed.skipped(), checked);
    Ok(Assembled { sealed, provenance, longest })
}

/// The toolchain that a recipe wants: the locked one, if there is a lock.
pub fn provide_toolchain(
    located: &LocatedRecipe,
    target: &Target,
    options: &Options,
    host: Host<'_>,
) -> Result<Toolchain, Problem> {
    let locked = toolchain_lock::locked(located, target, options)?;
    provide_locked(located, target, options, locked.as_ref(), host)
}

fn provide_locked(
    located: &LocatedRecipe,
    target: &Target,
    options: &Options,
    locked: Option<&LockedToolchain>,
    host: Host<'_>,
) -> Result<Toolchain, Problem> {
    let recipe = &located.recipe;
    let providers = providers(recipe, options);
    let wanted = toolchain_lock::wanted(located, target, &providers, options);
    let wanted = toolchain::Wanted { locked, given: options.given.as_ref(), ..wanted };
    let toolchain = toolchain::provide(&wanted, &host)?;
    found::check_patch_version(target, &toolchain, recipe)?;
    Ok(toolchain.within(&options.surroundings)?.limited(recipe.limits))
}

/// The providers that may serve, in order.
fn providers(recipe: &Recipe, options: &Options) -> Vec<Provider> {
    match (&options.given, options.toolchain) {
        (Some(_), _) => vec![Provider::Nix],
        (None, Some(provider)) => vec![provider],
        (None, None) => recipe.providers.clone(),
    }
}
