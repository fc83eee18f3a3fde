//! Obtains the wheel of one distribution: from the store, or by a build. Its tree, its build
//! environment and its log are at the same paths in the sandbox for every distribution and on every
//! machine. DWARF, `.rodata` and `.pyc` contain these paths, so no host path may occur in them (uv
//! issue 13096).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use fs_err as fs;

use super::blind::{self, Seen};
use super::store::Found;
use super::view::Sight;
use super::workshop::Workshop;
use super::{BuiltWheel, failure, generator, inputs, version_control};
use crate::build::environment::Bench;
use crate::build::sources::{self, LaidOut};
use crate::fetch::request::Shelf;
use crate::lock::build_graph::BuildName;
use crate::lock::build_lock::{Demands, Needs, Told};
use crate::lock::resolve::Distribution;
use base::packaging::{PackageName, Requirement};
use base::store::Wish;
use base::sys::files::remove_tree;
use base::sys::process::last_lines_of;
use base::sys::sandbox::{Invocation, Sandbox};
use base::sys::{Host, disk};
use base::vocabulary::{Inputs, Problem};

/// Leftover files of a build of at least this many bytes are removed as soon as it has ended.
const LARGE: u64 = 256 << 10;

/// A sandbox and what ran in it, kept beside a failed build so that a person can go back in.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct Scene {
    /// The sandbox.
    pub sandbox: Sandbox,
    /// What failed in it.
    pub invocation: Invocation,
}

impl Scene {
    /// Writes it into a directory, for `enter`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, dir: &Path) -> std::io::Result<()> {
        let text = serde_json::to_vec_pretty(self).expect("a scene has only plain values");
        fs::write(dir.join(SCENE_FILE), text)
    }
}

/// The name of the file that holds a [`Scene`].
pub const SCENE_FILE: &str = "scene.json";

/// What a build came to.
enum Made {
    /// Its wheel.
    Wheel(PathBuf),
    /// It opened what it was not given, so whatever it made is not what uv's build makes.
    Blind(BTreeSet<PathBuf>),
}

fn cannot_prepare(distribution: &Distribution) -> Problem {
    Problem::new(format!("cannot prepare the build of `{}`", distribution.name))
}

impl Workshop<'_> {
    /// Takes the wheel of a distribution out of the store, or builds and stores it. `needs` is what
    /// it waited for.
    pub(super) fn obtain(
        &self,
        name: &BuildName,
        needs: &[(BuildName, BuiltWheel)],
        host: Host<'_>,
    ) -> Result<BuiltWheel, Problem> {
        let started = Instant::now();
        let content = |name: &BuildName| {
            let wheel = needs.iter().find(|(need, _)| need == name);
            let (_, wheel) = wheel.expect("a build waits for what it needs");
            format!("sha256:{}", wheel.sha256)
        };
        let of = |sight| Ok((sight, self.inputs(name, sight, content)?));
        let sights = self.sights(name).iter();
        let mut offers = sights.map(|sight| of(*sight)).collect::<Result<Vec<_>, Problem>>()?;
        // A wheel of the whole tree is what uv builds, so one that is stored is as good as another.
        let recorded = |(_, inputs): &(Sight, Inputs)| {
            self.reuse && self.store.recorded(&inputs::key(inputs)).is_some()
        };
        if let Some(stored) = offers.iter().position(recorded) {
            offers.drain(..stored);
        } else {
            self.tell_of_links(name, host)?;
        }
        for (sight, inputs) in offers {
            let what = format!("wheel `{}`", self.label(name));
            let wish = Wish { key: &inputs::key(&inputs), what: &what, reuse: self.reuse };
            let into = self.work.join("built").join(name.to_string());
            let mut opened = None;
            let build = || match self.build(name, sight, needs, &into)? {
                Made::Wheel(path) => Ok(path),
                Made::Blind(paths) => {
                    opened = Some(paths);
                    Err(Problem::new("it was built with too little"))
                }
            };
            let obtained = self.store.obtain(&wish, &inputs, &into, host.progress, build);
            if let Some(opened) = opened {
                host.progress.warn(&blind::told(&self.label(name), name.distribution(), &opened));
                continue;
            }
            let Found { path, sha256, stored } = obtained?;
            return Ok(BuiltWheel { path, sha256, inputs, stored, took: started.elapsed() });
        }
        unreachable!("nothing of the whole tree is withheld")
    }

    /// Warns of links of a local project that its build cannot follow.
    fn tell_of_links(&self, name: &BuildName, host: Host<'_>) -> Result<(), Problem> {
        for (link, target) in self.sources.leading_out(&self.distribution(name))? {
            host.progress.warn(&format!(
                "the link `{}` of `{name}` leads out of the source tree, to `{}`: its build cannot \
                 read that, so the wheel lacks it",
                link.display(),
                target.display(),
            ));
        }
        Ok(())
    }

    /// Builds in a directory of this run; the wheel is put into `built`.
    fn build(
        &self,
        name: &BuildName,
        sight: Sight,
        needs: &[(BuildName, BuiltWheel)],
        built: &Path,
    ) -> Result<Made, Problem> {
        let distribution = &*self.distribution(name);
        let locked = self.needs(name)?;
        let dir = &self.work.join("builds").join(name.to_string());
        // What an attempt with less of the source tree left.
        remove_tree(dir).map_err(|error| cannot_prepare(distribution).cause(error))?;
        let bench = Bench::below(dir);
        let environment = self.environment(name, sight)?;
        self.shelve(locked, needs, &bench.wheelhouse)?;
        let LaidOut { project, withheld } = self.prepare(name, sight, &bench)?;
        let whose = |problem: Problem| problem.fact("distribution", self.label(name));
        environment.install(&bench, &locked.requirements).map_err(whose)?;
        environment.stand_in_for_git(&bench, &project).map_err(whose)?;
        let Ok(seen) = withheld.map(|it| Seen::begin(it, &bench)).transpose() else {
            // Nothing would be seen, so nothing may be withheld.
            return Ok(Made::Blind(BTreeSet::new()));
        };
        let finished = environment.build(&bench, &project)?;
        if let Some(opened) = seen.and_then(|seen| seen.opened()) {
            return Ok(Made::Blind(opened));
        }
        if !finished.success() {
            let (sandbox, invocation) = environment.scene(&bench, &project);
            return Err(self.failed(name, dir, &Scene { sandbox, invocation }, finished.code));
        }
        let path = self.collect(distribution, &bench.inside, built, &bench.log)?;
        generator::check(&distribution.name, &path, &locked.requirements)?;
        // Object files are many times the wheel; the disk need hold only those of the builds under
        // way. What is small goes with all of the run: where many files were just removed, some
        // file systems are slow to make the many of the installation.
        let _ = base::sys::files::remove_large(&bench.source(), LARGE);
        Ok(Made::Wheel(path))
    }

    /// Puts the wheels that are installed into the build environment into one directory, and no
    /// others: what is there for another build must not be seen.
    fn shelve(
        &self,
        locked: &Needs,
        needs: &[(BuildName, BuiltWheel)],
        shelf: &Path,
    ) -> Result<(), Problem> {
        let downloaded = self.sources.wheelhouse.join(Shelf::Build.directory());
        let mut wheels: Vec<PathBuf> = needs.iter().map(|(_, wheel)| wheel.path.clone()).collect();
        for requirement in locked.wheels() {
            let wheel = self.build_lock.wheel(requirement, &self.resolution.target)?;
            wheels.push(downloaded.join(&wheel.filename));
        }
        let copy = || -> std::io::Result<()> {
            fs::create_dir_all(shelf)?;
            for wheel in &wheels {
                fs::copy(wheel, shelf.join(wheel.file_name().unwrap_or_default()))?;
            }
            Ok(())
        };
        copy().map_err(|error| Problem::new("cannot lay out build requirements").cause(error))
    }

    /// Lays out the source. Returns the directory of the project in it.
    fn prepare(&self, name: &BuildName, sight: Sight, bench: &Bench) -> Result<LaidOut, Problem> {
        let distribution = &*self.distribution(name);
        fs::create_dir_all(&bench.inside)
            .map_err(|error| cannot_prepare(distribution).cause(error))?;
        let source = bench.source();
        let laid_out = self.sources.lay_out(distribution, sight, &source)?;
        self.check_fresh(name, &source.join(&laid_out.project))?;
        let version = self.recipe.build_settings(&distribution.name).version.as_ref();
        let told = Told::of(&distribution.name, self.recipe, self.project);
        version_control::check(
            distribution,
            version,
            &told.variables,
            (&source, &laid_out.project),
        )?;
        Ok(laid_out)
    }

    /// A build lock that was made before the tree changed its `[build-system]` would give the build
    /// other requirements than it asks for.
    fn check_fresh(&self, name: &BuildName, tree: &Path) -> Result<(), Problem> {
        let distribution = &*self.distribution(name);
        let (build, needs) = (self.locked(name)?, self.needs(name)?);
        let own = sources::pyproject(distribution, tree)?;
        let markers = self.resolution.target.markers();
        let settings = self.recipe.build_settings(&distribution.name);
        let asked = settings.asked(own.build_requires());
        let asked = asked.into_iter().filter(|it| it.evaluate_markers(markers, &[]));
        let missing: Vec<String> =
            asked.map(|it| it.to_string()).filter(|it| !needs.requires.contains(it)).collect();
        let demands =
            Demands { recipe: self.recipe, project: self.project, lock: self.sources.lock };
        let parsed = |texts: &BTreeSet<String>| -> BTreeSet<PackageName> {
            let parsed = texts.iter().filter_map(|it| it.parse::<Requirement>().ok());
            parsed.map(|it| it.name).collect()
        };
        let sources = demands.sources(distribution, &own);
        let sources = sources.recorded(&parsed(&needs.requires), &parsed(&needs.extra_requires));
        // Another target may ask for more.
        let other = sources.iter().find(|(name, source)| build.sources.get(*name) != Some(*source));
        let gone = build
            .sources
            .keys()
            .find(|name| parsed(&needs.requires).contains(*name) && !sources.contains_key(*name));
        let other = other.map(|(name, _)| name).or(gone);
        if missing.is_empty() && own.backend() == build.backend && other.is_none() {
            return Ok(());
        }
        if let Some(name) = other {
            return Err(Problem::new(format!(
                "the build lock does not fit `{}`",
                distribution.name
            ))
            .fact("other source", format!("`[tool.uv.sources]` of `{name}`"))
            .hint("`lockstep build-lock` rewrites it"));
        }
        Err(Problem::new(format!("the build lock does not fit `{}`", distribution.name))
            .fact("it requires", missing.join(", "))
            .fact("backend", format!("{} (locked: {})", own.backend(), build.backend))
            .hint("`lockstep build-lock` rewrites it"))
    }

    fn failed(&self, name: &BuildName, dir: &Path, scene: &Scene, code: i32) -> Problem {
        let log = dir.join("log");
        let end = last_lines_of(&log, 25);
        let shown = if end.is_empty() { "it is empty" } else { &end };
        let problem = Problem::new(format!("the build of `{}` failed", self.label(name)))
            .fact("exit code", code)
            .fact("log ends", shown)
            .fact("whole log", log.display());
        let name = &self.distribution(name).name;
        let problem = failure::explained(problem, name, &log, self.toolchain.provider);
        let problem = match scene.write(dir) {
            Ok(()) => {
                let enter = format!(
                    "`lockstep enter {}` opens a shell in the failed sandbox",
                    dir.display()
                );
                let hint = problem.hint.iter().cloned().chain([enter]);
                let hint = hint.collect::<Vec<_>>().join("; ");
                problem.hint(hint)
            }
            Err(error) => problem.cause(error),
        };
        disk::failed_program(problem, dir, &end)
    }
}
