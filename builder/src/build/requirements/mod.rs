//! Writes the build lock: asks each source tree for its build requirements (`requires`), lets uv
//! resolve them up to a date with the indexes and sources that apply (`compile`), asks the backend
//! for further requirements (`ask`), and pins all of them for every target of the recipe. A
//! requirement without a wheel is a `tool`: a build with build requirements of its own.

mod ask;
mod asked;
mod bounds;
mod built;
mod compile;
mod entries;
mod interpreter;
mod lowered;
mod pins;
mod requires;
mod run;
mod tools;
mod uv;

use std::collections::BTreeSet;
use std::path::Path;

use fs_err as fs;
use rayon::prelude::*;

use crate::build::failure::without_log;
use crate::build::sources::{self, Sources};
use crate::build::version_control;
use crate::build::view::Sight;
use crate::fetch::application::{Application, LocatedRecipe};
use crate::fetch::plan;
use crate::fetch::request::{Request, Shelf};
use crate::fetch::{self, Settings};
use crate::lock::build_graph::BuildName;
use crate::lock::build_lock::{BuildLock, ByTarget, Demands, LockedBuild, Needs, SourcePin};
use crate::lock::pyproject::Pyproject;
use crate::lock::resolve::{Distribution, Resolution, RuntimeRequest};
use crate::lock::resolvers::Resolvers;
use crate::toolchain::Toolchain;
use crate::toolchain::uv::Uv;
use base::packaging::PackageName;
use base::sys::Host;
use base::vocabulary::{Problem, Target};

use asked::Asked;
use entries::record;
use lowered::Lowered;
use requires::Requires;
use run::{Bound, Chain, Run};

/// Everything that making a build lock needs.
#[derive(Debug)]
pub(crate) struct Maker<'a> {
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

/// Whose build requirements are asked for.
#[derive(Clone, Copy)]
struct Question<'a> {
    distribution: &'a Distribution,
    resolution: &'a Resolution,
    sources: Sources<'a>,
}

impl Maker<'_> {
    /// Locks the build requirements of everything that any target of the recipe builds from source.
    /// `exclude_newer` bounds the versions; by default nothing newer than the newest file of
    /// `uv.lock` is seen, so the same lock gives the same build lock on any day.
    pub(crate) fn make(
        &self,
        exclude_newer: Option<&str>,
        host: Host<'_>,
    ) -> Result<BuildLock, Problem> {
        let recipe = &self.located.recipe;
        let bound = self.bound(exclude_newer);
        let resolutions = recipe.targets.iter().map(|target| self.resolution(target));
        let resolutions = resolutions.collect::<Result<Vec<_>, Problem>>()?;
        let run = Run::new(bound, &resolutions[0], self.work);
        let mut lock = BuildLock {
            exclude_newer: run.bound_date().map(str::to_owned),
            constraints: self.demands().constraints(),
            ..BuildLock::default()
        };
        for resolution in &resolutions {
            self.lock_target(&run, &mut lock, resolution, host)?;
        }
        run.finish(&mut lock, &resolutions)?;
        let tools: BTreeSet<&PackageName> = lock.tools.keys().map(|it| &it.name).collect();
        for resolution in &resolutions {
            self.application.check_overrides(recipe, resolution, &tools)?;
        }
        Ok(lock)
    }

    fn bound(&self, exclude_newer: Option<&str>) -> Option<Bound> {
        let recipe = self.located.recipe.build_lock_exclude_newer.as_deref();
        let lock = self.application.lock.newest_upload.as_deref();
        [
            (exclude_newer, "`--exclude-newer`"),
            (recipe, "`build-lock.exclude-newer` of the recipe"),
            (lock, "the newest file of `uv.lock`"),
        ]
        .into_iter()
        .find_map(|(date, origin)| Some(Bound { date: date?.to_owned(), origin }))
    }

    fn demands(&self) -> Demands<'_> {
        Demands {
            recipe: &self.located.recipe,
            project: &self.application.project,
            lock: &self.application.lock,
        }
    }

    fn resolution(&self, target: &Target) -> Result<Resolution, Problem> {
        self.resolvers.resolution(&RuntimeRequest {
            lock: &self.application.lock,
            pyproject: &self.application.project,
            target,
            selection: &self.located.recipe.selection,
        })
    }

    fn lock_target(
        &self,
        run: &Run<'_>,
        lock: &mut BuildLock,
        resolution: &Resolution,
        host: Host<'_>,
    ) -> Result<(), Problem> {
        let request = plan::runtime(resolution, self.places())?;
        let request = Request {
            files: request.files.into_iter().filter(|it| it.shelf == Shelf::Sdists).collect(),
            ..request
        };
        let wheelhouse = fetch::fetch(&request, &host, self.settings)?;
        let sources = self.sources(&wheelhouse.path);
        let built: Vec<&Distribution> = resolution.built().collect();
        host.progress.stage("build requirements", Some(built.len() as u64));
        let answers: Vec<Result<(LockedBuild, Needs), Problem>> = asking()?.install(|| {
            let ask = |distribution: &&Distribution| {
                let name = BuildName::Installed(distribution.name.clone());
                let question = Question { distribution, resolution, sources };
                host.progress.begin(distribution.name.as_ref());
                let answer = self.answer(run, &name, question, &Chain::default(), host);
                host.progress.end(distribution.name.as_ref());
                answer
            };
            built.par_iter().map(ask).collect()
        });
        let mut failures = Vec::new();
        for (distribution, answer) in built.into_iter().zip(answers) {
            let (build, needs) = match answer {
                Ok(answer) => answer,
                Err(problem) => {
                    failures.push((distribution.name.to_string(), problem));
                    continue;
                }
            };
            record(lock, distribution, &build, needs, &resolution.target)?;
        }
        let is_one = failures.len() == 1;
        let told = |(name, it)| (name, if is_one { it } else { without_log(it) });
        let what = |count| format!("the build requirements of {count} distributions are not known");
        match Problem::of_several(what, failures.into_iter().map(told).collect()) {
            Some(problem) => Err(problem),
            None => Ok(()),
        }
    }

    /// Finds the requirements of one distribution's build.
    fn answer(
        &self,
        run: &Run<'_>,
        name: &BuildName,
        question: Question<'_>,
        chain: &Chain,
        host: Host<'_>,
    ) -> Result<(LockedBuild, Needs), Problem> {
        let Question { distribution, resolution, sources } = question;
        self.demands().check_isolation(&distribution.name)?;
        let of = |kind: &str| {
            run.work.join(kind).join(resolution.target.to_string()).join(name.to_string())
        };
        let (dir, uv_dir) = (of("lock"), of("uv"));
        let unprepared = || Problem::new(format!("cannot prepare to ask `{name}`"));
        let made = fs::create_dir_all(&dir).and_then(|()| fs::create_dir_all(&uv_dir));
        made.map_err(|error| unprepared().cause(error))?;
        // A hook may read more than what the build is given; nothing is stored under its answer.
        let laid_out = sources.lay_out(distribution, Sight::Whole, &dir.join("src"))?;
        let project = laid_out.project;
        let version = self.located.recipe.build_settings(&distribution.name).version.as_ref();
        let variables = &self.demands().told(&distribution.name).variables;
        version_control::check(distribution, version, variables, (&dir.join("src"), &project))?;
        let own = sources::pyproject(distribution, &dir.join("src").join(&project))?;
        let mut requires = Requires::of(distribution, &own, self.demands(), resolution)?;
        let lowered = |requires: &Requires| {
            Lowered::of(distribution, &own, requires, self.demands(), self.application)
        };
        let answer = {
            // The question is asked on this machine, whatever the target is.
            let lowered = &lowered(&requires)?;
            let (target, requires, uv_dir) = (&run.here.target, &requires, &uv_dir);
            let asked =
                Asked { distribution, resolution, target, requires, lowered, uv_dir, chain };
            self.answer_of_backend(run, name, &asked, (&dir, &project), &own, host)?
        };
        requires.add_of_backend(distribution, &answer)?;
        let lowered = &lowered(&requires)?;
        let (target, requires, uv_dir) = (&resolution.target, &requires, &uv_dir);
        let asked = Asked { distribution, resolution, target, requires, lowered, uv_dir, chain };
        let pins = self.resolve(run, &asked, host)?;
        run.keep(&pins);
        let from_source = self.built_first(distribution, &pins)?;
        for (requirement, pin) in &pins {
            if let Some(source) = &pin.source
                && from_source.contains(&requirement.name)
                && !self.is_installed(resolution, requirement, source)
            {
                self.lock_tool(run, chain, requirement, source, resolution, host)?;
            }
        }
        let extra_requires = self.demands().extra_requires(distribution, resolution)?;
        let needs = Needs {
            extra_requires: extra_requires.iter().map(ToString::to_string).collect(),
            requires: requires.texts(),
            requirements: pins.into_keys().collect(),
            from_source,
        };
        let build = LockedBuild {
            source: SourcePin::of(&distribution.artifact).expect("it is built"),
            overrides: self.located.recipe.build_settings(&distribution.name).lock_key(),
            told: self.demands().told(&distribution.name).lock_key(),
            backend: own.backend().to_owned(),
            sources: lowered.recorded.clone(),
            needs: ByTarget::default(),
        };
        Ok((build, needs))
    }

    /// What a backend asks for. It is asked once in a run: PEP 517 has no notion of another target
    /// than the interpreter that asks.
    fn answer_of_backend(
        &self,
        run: &Run<'_>,
        name: &BuildName,
        asked: &Asked<'_>,
        (dir, project): (&Path, &str),
        own: &Pyproject,
        host: Host<'_>,
    ) -> Result<BTreeSet<String>, Problem> {
        let known = run.found().answers.get(name).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let distribution = asked.distribution;
        let pins = self.resolve(run, asked, host)?;
        let into = dir.with_extension("wheels");
        let wheels = self.wheels_to_ask(run, asked.chain, &pins, &into, host)?;
        let requirements = pins.into_keys().collect();
        let answer = self.ask(distribution, own, project, &requirements, (dir, wheels));
        let answer = answer.map_err(|it| it.fact("distribution", &distribution.name))?;
        let answer: BTreeSet<String> = answer.into_iter().collect();
        run.found().answers.insert(name.clone(), answer.clone());
        Ok(answer)
    }
}

/// Threads that mostly wait for an index; more of them than processors.
fn asking() -> Result<rayon::ThreadPool, Problem> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(8)
        .build()
        .map_err(|error| Problem::new("cannot start threads").cause(error))
}
