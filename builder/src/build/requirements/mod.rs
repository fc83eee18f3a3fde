//! Writes the build lock: asks each source tree for its build requirements, lets uv resolve them up
//! to a date (`pins`), asks the backend what else it wants (`ask`), and pins every wheel for every
//! target of the recipe.

mod ask;
mod pins;
mod requires;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fs_err as fs;
use rayon::prelude::*;
use uv_normalize::PackageName;

use crate::build::sources::{self, Sources};
use crate::fetch::application::{Application, LocatedRecipe};
use crate::fetch::plan;
use crate::fetch::request::{Request, Shelf};
use crate::fetch::{self, Settings};
use crate::lock::build_lock::{
    BuildLock, Demands, LockedBuild, LockedFile, Requirement, SourcePin,
};
use crate::lock::pyproject::Pyproject;
use crate::lock::resolve::{Distribution, Resolution, RuntimeRequest};
use crate::lock::resolvers::Resolvers;
use crate::toolchain::Toolchain;
use crate::toolchain::uv::Uv;
use base::sys::Host;
use base::vocabulary::{Problem, Sha256, Target};

/// Everything that making a build lock needs.
#[derive(Debug)]
pub struct Maker<'a> {
    /// The recipe.
    pub located: &'a LocatedRecipe,
    /// The application.
    pub application: &'a Application,
    /// Interpreter and compilers, for the backends' hooks.
    pub toolchain: &'a Toolchain,
    /// The uv that resolves.
    pub uv: &'a Uv,
    /// How phase 1 fetches.
    pub settings: &'a Settings,
    /// What decides what is installed, and so what is built.
    pub resolvers: &'a Resolvers,
    /// A directory of this run.
    pub work: &'a Path,
}

/// A build lock in the making.
#[derive(Default)]
struct Draft {
    lock: BuildLock,
    /// What each build requires. It is asked once, on the first target, whose wheels can run here:
    /// PEP 517 has no notion of another target than the interpreter that asks.
    requires: BTreeMap<PackageName, BTreeSet<String>>,
    memo: pins::Memo,
}

/// Whose build requirements are asked for.
#[derive(Clone, Copy)]
struct Question<'a> {
    distribution: &'a Distribution,
    resolution: &'a Resolution,
    sources: Sources<'a>,
}

/// What a build needs.
struct Answer {
    backend: String,
    overrides: Option<Sha256>,
    extra_requires: BTreeSet<String>,
    requires: BTreeSet<String>,
    resolved: BTreeMap<Requirement, LockedFile>,
}

impl Maker<'_> {
    /// Locks the build requirements of everything that any target of the recipe builds from source.
    /// `exclude_newer` bounds the versions; by default nothing newer than the newest file of
    /// `uv.lock` is seen, so the same lock gives the same build lock on any day.
    pub fn make(&self, exclude_newer: Option<&str>, host: Host<'_>) -> Result<BuildLock, Problem> {
        let recipe = &self.located.recipe;
        let bound = exclude_newer.or(recipe.build_lock_exclude_newer.as_deref()).or(self
            .application
            .lock
            .newest_upload
            .as_deref());
        let mut draft = Draft::default();
        draft.lock.exclude_newer = bound.map(str::to_owned);
        draft.lock.constraints = self.demands().constraints();
        for target in &recipe.targets {
            self.lock_target(&mut draft, target, host)?;
        }
        Ok(draft.lock)
    }

    fn demands(&self) -> Demands<'_> {
        Demands {
            recipe: &self.located.recipe,
            project: &self.application.project,
            lock: &self.application.lock,
        }
    }

    fn lock_target(
        &self,
        draft: &mut Draft,
        target: &Target,
        host: Host<'_>,
    ) -> Result<(), Problem> {
        let application = self.application;
        let resolution = self.resolvers.resolution(&RuntimeRequest {
            lock: &application.lock,
            pyproject: &application.project,
            target,
            selection: &self.located.recipe.selection,
        })?;
        application.check_overrides(&self.located.recipe, &resolution)?;
        let places = plan::Places { tree: &application.tree, recipe: &self.located.dir };
        let request = plan::runtime(&resolution, places)?;
        let sources = Request {
            files: request.files.into_iter().filter(|it| it.shelf == Shelf::Sdists).collect(),
            ..request
        };
        let wheelhouse = fetch::fetch(&sources, &host, self.settings)?;
        let sources = Sources {
            wheelhouse: &wheelhouse.path,
            tree: &application.tree,
            recipe: &self.located.recipe,
            lock: &application.lock,
        };
        let built: Vec<&Distribution> = resolution.built().collect();
        host.progress.stage("build requirements", Some(built.len() as u64));
        let (draft_so_far, known) = (&*draft, &draft.requires);
        let answers: Vec<Result<Answer, Problem>> = asking()?.install(|| {
            let ask = |distribution: &&Distribution| {
                let name = &distribution.name;
                let question = Question { distribution, resolution: &resolution, sources };
                host.progress.begin(name.as_ref());
                let answer = self.answer(question, known.get(name), draft_so_far, host);
                host.progress.end(name.as_ref());
                answer
            };
            built.par_iter().map(ask).collect()
        });
        for (distribution, answer) in built.into_iter().zip(answers) {
            draft.record(distribution, answer?, &resolution)?;
        }
        Ok(())
    }

    /// What the build of one distribution needs. `known` is what it requires, if that was asked for
    /// another target already.
    fn answer(
        &self,
        question: Question<'_>,
        known: Option<&BTreeSet<String>>,
        draft: &Draft,
        host: Host<'_>,
    ) -> Result<Answer, Problem> {
        let Question { distribution, resolution, sources } = question;
        let name = &distribution.name;
        let of = |kind: &str| {
            self.work.join(kind).join(resolution.target.to_string()).join(name.as_ref())
        };
        // uv runs on the host and looks for configuration and environments where it runs, so that
        // must not be where a backend can put some.
        let (dir, uv_dir) = (of("lock"), of("uv"));
        fs::create_dir_all(&dir).and_then(|()| fs::create_dir_all(&uv_dir)).map_err(|error| {
            Problem::new(format!("cannot prepare to ask `{name}`")).cause(error)
        })?;
        let project = sources.lay_out(distribution, &dir.join("src"))?;
        let own = sources::pyproject(distribution, &dir.join("src").join(&project))?;
        let bound = draft.lock.exclude_newer.as_deref();
        let asked = pins::Asked { distribution, resolution, bound, dir: &dir, uv_dir: &uv_dir };
        let memo = &draft.memo;
        let (requires, resolved) = match known {
            Some(known) => (known.clone(), self.resolve(memo, &asked, known, host)?),
            None => self.ask_all(memo, &own, &project, &asked, host)?,
        };
        let overrides = self.located.recipe.build_settings(name).lock_key();
        let extra_requires = self.demands().extra_requires(distribution, resolution)?;
        let extra_requires = extra_requires.iter().map(ToString::to_string).collect();
        let backend = own.backend().to_owned();
        Ok(Answer { backend, overrides, extra_requires, requires, resolved })
    }

    /// First what the backend itself needs, with which it can be asked what else it wants.
    fn ask_all(
        &self,
        memo: &pins::Memo,
        own: &Pyproject,
        project: &str,
        asked: &pins::Asked<'_>,
        host: Host<'_>,
    ) -> Result<(BTreeSet<String>, BTreeMap<Requirement, LockedFile>), Problem> {
        let distribution = asked.distribution;
        let mut requires =
            requires::static_requires(distribution, own, self.demands(), asked.resolution)?;
        let mut resolved = self.resolve(memo, asked, &requires, host)?;
        let answer = self.ask(distribution, own, project, &resolved, asked.dir, host);
        let answer = answer.map_err(|it| it.fact("distribution", &distribution.name))?;
        let more = requires::of_backend(distribution, &answer)?;
        if !more.is_subset(&requires) {
            requires.extend(more);
            resolved = self.resolve(memo, asked, &requires, host)?;
        }
        Ok((requires, resolved))
    }
}

/// Of build requirements, those that the project wants built from source: they must link against
/// the same libraries as at run time. What requires itself has to start with a wheel.
fn from_source(
    distribution: &Distribution,
    resolved: &BTreeMap<Requirement, LockedFile>,
    resolution: &Resolution,
) -> BTreeSet<PackageName> {
    let is_built =
        |name: &PackageName| resolution.get(name).is_some_and(|found| found.artifact.is_built());
    let others = resolved.keys().map(|it| &it.name).filter(|name| **name != distribution.name);
    others.filter(|name| is_built(name)).cloned().collect()
}

impl Draft {
    /// Adds what a build needs. One entry serves all targets, so they must agree.
    fn record(
        &mut self,
        distribution: &Distribution,
        answer: Answer,
        resolution: &Resolution,
    ) -> Result<(), Problem> {
        let Answer { backend, overrides, extra_requires, requires, resolved } = answer;
        let from_source = from_source(distribution, &resolved, resolution);
        for (requirement, file) in resolved.iter().filter(|it| !from_source.contains(&it.0.name)) {
            let files = self.lock.wheels.entry(requirement.clone()).or_default();
            if !files.contains(file) {
                files.push(file.clone());
                files.sort();
            }
        }
        let (name, target) = (&distribution.name, &resolution.target);
        self.requires.insert(name.clone(), requires.clone());
        let source = SourcePin::of(&distribution.artifact).expect("it is built");
        let requirements = resolved.into_keys().collect();
        let build = LockedBuild {
            source,
            overrides,
            extra_requires,
            backend,
            requires,
            requirements,
            from_source,
        };
        let shown = |build: &LockedBuild| {
            build.requirements.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        match self.lock.builds.get(name) {
            Some(other) if *other != build => Err(Problem::new(format!(
                "the targets need different build requirements of `{name}`"
            ))
            .fact("before", shown(other))
            .fact(target.to_string(), shown(&build))
            .hint(format!(
                "pin them with `override.{name}.build.extra-requires`, or give the targets \
                 recipes of their own"
            ))),
            Some(_) => Ok(()),
            None => {
                self.lock.builds.insert(name.clone(), build);
                Ok(())
            }
        }
    }
}

/// Threads that mostly wait for an index; more of them than processors.
fn asking() -> Result<rayon::ThreadPool, Problem> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(8)
        .build()
        .map_err(|error| Problem::new("cannot start threads").cause(error))
}

fn lines(texts: &BTreeSet<String>) -> String {
    texts.iter().flat_map(|text| [text.as_str(), "\n"]).collect()
}
