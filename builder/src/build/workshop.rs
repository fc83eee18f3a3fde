//! Where one distribution is built: its tree, its build environment and its log, at the same paths
//! in the sandbox for every distribution and on every machine. DWARF, `.rodata` and `.pyc` hold
//! those paths, so nothing of the host's may be in them (uv issue 13096).

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use fs_err as fs;
use uv_normalize::PackageName;

use super::store::{Found, Store};
use super::{BuiltWheel, inputs};
use crate::build::sources::{self, Sources};
use crate::fetch::request::Shelf;
use crate::lock::build_graph::BuildName;
use crate::lock::build_lock::{BuildLock, LockedBuild, Needs};
use crate::lock::pyproject::Pyproject;
use crate::lock::resolve::{Distribution, Resolution};
use crate::toolchain::Toolchain;
use crate::toolchain::uv::Uv;
use base::recipe::Recipe;
use base::sys::Host;
use base::sys::files::digest_of;
use base::sys::process::last_lines_of;
use base::sys::sandbox::{Invocation, OutputTo, Sandbox};
use base::vocabulary::Problem;

/// Everything that builds have in common.
#[derive(Debug, Clone, Copy)]
pub struct Workshop<'a> {
    /// What is built and how.
    pub recipe: &'a Recipe,
    /// What is built.
    pub resolution: &'a Resolution,
    /// What builds need.
    pub build_lock: &'a BuildLock,
    /// The application's `pyproject.toml`, for `extra-build-variables`.
    pub project: &'a Pyproject,
    /// Where the trees come from.
    pub sources: Sources<'a>,
    /// Interpreter and compilers.
    pub toolchain: &'a Toolchain,
    /// The uv that runs inside.
    pub uv: &'a Uv,
    /// How many builds run at once.
    pub jobs: usize,
    /// How many compilers each of them is told to start at once.
    pub compilers: usize,
    /// Where built wheels are kept.
    pub store: &'a Store,
    /// Whether a wheel that is stored is used.
    pub reuse: bool,
    /// A directory of this run.
    pub work: &'a Path,
}

/// Paths inside the sandbox.
const BUILD: &str = "/build";
const UV: &str = "/build/tools/uv";
const WHEELHOUSE: &str = "/build/wheelhouse";

/// Of what a build leaves, files of as many bytes are removed as soon as it has ended.
const LARGE: u64 = 256 << 10;

/// What compilers are told beside what the interpreter's own build was told.
const COMPILER_FLAGS: &str = "-O2 -g0";

/// Builds, given the directory of the project below `/build/src`, and requirements if there are
/// any. Compilers that share a processor take its caches from each other at every turn (6 % of
/// lxml's time with turns of 3 ms), so each turn lasts 100 ms, where `chrt` (util-linux) and the
/// kernel (Linux 6.12) can do that.
pub(super) const SCRIPT: &str = r#"set -eu
uv venv --quiet --no-project --python "$PYTHON" /build/env
if [ -s /build/requirements.txt ]; then
  uv pip install --quiet --python /build/env/bin/python --no-deps --no-index \
    --find-links /build/wheelhouse -r /build/requirements.txt
fi
turns="chrt --other --sched-runtime 100000000 0"
$turns true 2>/dev/null || turns=
exec $turns uv build --wheel --no-build-isolation --python /build/env/bin/python \
  --out-dir /build/dist "/build/src/$1"
"#;

/// setuptools compiles the extensions of one distribution one after the other unless told
/// otherwise; the wheel is the same to the byte.
pub(super) fn distutils_cfg(compilers: usize) -> String {
    format!("[build_ext]\nparallel = {compilers}\n")
}

/// A sandbox and what ran in it, kept beside a failed build so that a person can go back in.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct Scene {
    /// The sandbox.
    pub sandbox: Sandbox,
    /// What failed in it.
    pub invocation: Invocation,
}

/// The name of the file that holds a [`Scene`].
pub const SCENE_FILE: &str = "scene.json";

impl Workshop<'_> {
    pub(super) fn distribution(&self, name: &BuildName) -> Cow<'_, Distribution> {
        match name {
            BuildName::Installed(name) => {
                Cow::Borrowed(self.resolution.get(name).expect("the graph is made of it"))
            }
            BuildName::Tool(requirement) => {
                let tool = self.build_lock.tools.get(requirement).expect("the graph is made of it");
                Cow::Owned(tool.source.distribution(requirement))
            }
        }
    }

    /// The build lock's entry of a build.
    pub(super) fn locked(&self, name: &BuildName) -> Result<&LockedBuild, Problem> {
        match name {
            BuildName::Installed(_) => self.build_lock.of(&self.distribution(name)),
            BuildName::Tool(requirement) => Ok(&self.build_lock.tools[requirement].build),
        }
    }

    /// What a build needs for the target.
    pub(super) fn needs(&self, name: &BuildName) -> Result<&Needs, Problem> {
        self.locked(name)?.needs.of(&name.to_string(), &self.resolution.target)
    }

    /// `lxml 6.0.2`, for progress.
    pub(super) fn label(&self, name: &BuildName) -> String {
        let distribution = self.distribution(name);
        let name = &distribution.name;
        let version = distribution.version.as_ref();
        version.map_or_else(|| name.to_string(), |version| format!("{name} {version}"))
    }

    /// How long the build will take, in no unit: larger source archives take longer to compile.
    pub(super) fn estimate(&self, name: &BuildName) -> u64 {
        self.sources.size(&self.distribution(name))
    }

    /// Takes the wheel of a distribution out of the store, or builds and stores it. `needs` is what
    /// it waited for. While one run builds a wheel, another one that needs it waits and then finds
    /// it.
    pub(super) fn obtain(
        &self,
        name: &BuildName,
        needs: &[(BuildName, BuiltWheel)],
        host: Host<'_>,
    ) -> Result<BuiltWheel, Problem> {
        let started = Instant::now();
        let dir = self.work.join("builds").join(name.to_string());
        let content = |name: &BuildName| {
            let wheel = needs.iter().find(|(need, _)| need == name);
            let (_, wheel) = wheel.expect("a build waits for what it needs");
            format!("sha256:{}", wheel.sha256)
        };
        let inputs = self.inputs(name, content)?;
        let key = inputs::key(&inputs);
        let _building = self.store.lock(&key, &self.label(name), host)?;
        let into = self.work.join("built").join(name.to_string());
        let known = if self.reuse { self.store.find(&key, &into, host)? } else { None };
        let (wheel, stored) = if let Some(wheel) = known {
            (wheel, true)
        } else {
            let path = self.build(name, needs, &dir, &into)?;
            let digest = digest_of(&path);
            let unread = |error| Problem::new("cannot read a built wheel").cause(error);
            let (sha256, _) = digest.map_err(unread)?;
            let wheel = Found { path, sha256 };
            self.store.keep(&key, &inputs, &wheel)?;
            (wheel, false)
        };
        let Found { path, sha256 } = wheel;
        Ok(BuiltWheel { path, sha256, inputs, stored, took: started.elapsed() })
    }

    /// Builds in the directory `dir` of this run; the wheel is put into `built`.
    fn build(
        &self,
        name: &BuildName,
        needs: &[(BuildName, BuiltWheel)],
        dir: &Path,
        built: &Path,
    ) -> Result<PathBuf, Problem> {
        let distribution = &*self.distribution(name);
        // Only `inside` is the backend's: what the host reads or writes afterwards (log, scene)
        // lies beside it, where no link can be planted.
        let inside = dir.join("inside");
        self.shelve(self.needs(name)?, needs, &dir.join("wheelhouse"))?;
        let project = self.prepare(name, &inside)?;

        let scene = Scene {
            sandbox: self.sandbox(&distribution.name, dir),
            invocation: Invocation {
                program: "/bin/sh".to_owned(),
                arguments: ["-c", SCRIPT, "build", &project].map(str::to_owned).to_vec(),
                directory: format!("{BUILD}/src"),
            },
        };
        let log = dir.join("log");
        let finished = scene.sandbox.run(&scene.invocation, OutputTo::Log(&log))?;
        if !finished.success() {
            return Err(self.failed(name, dir, &scene, finished.code));
        }
        let path = self.collect(distribution, &inside, built, &log)?;
        // Object files are many times the wheel; the disk need hold only those of the builds under
        // way. What is small goes with all of the run: where many files were just removed, some
        // file systems are slow to make the many of the installation.
        let _ = base::sys::files::remove_large(&inside.join("src"), LARGE);
        Ok(path)
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

    fn prepare(&self, name: &BuildName, dir: &Path) -> Result<String, Problem> {
        let distribution = &*self.distribution(name);
        let unprepared = |error: std::io::Error| {
            Problem::new(format!("cannot prepare the build of `{}`", distribution.name))
                .cause(error)
        };
        for made in ["tools", "dist", "wheelhouse", "cache"] {
            fs::create_dir_all(dir.join(made)).map_err(unprepared)?;
        }
        fs::write(dir.join("tools/uv"), "").map_err(unprepared)?;
        let project = self.sources.lay_out(distribution, &dir.join("src"))?;
        self.check_fresh(name, &dir.join("src").join(&project))?;
        let needs = self.needs(name)?;
        let requirements: Vec<String> =
            needs.requirements.iter().map(|requirement| format!("{requirement}\n")).collect();
        fs::write(dir.join("requirements.txt"), requirements.concat()).map_err(unprepared)?;
        fs::write(dir.join("distutils.cfg"), distutils_cfg(self.compilers)).map_err(unprepared)?;
        Ok(project)
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
        if missing.is_empty() && own.backend() == build.backend {
            return Ok(());
        }
        Err(Problem::new(format!("the build lock does not fit `{}`", distribution.name))
            .fact("it requires", missing.join(", "))
            .fact("backend", format!("{} (locked: {})", own.backend(), build.backend))
            .hint("`cargo xtask build-lock` writes it anew"))
    }

    pub(super) fn sandbox(&self, name: &PackageName, dir: &Path) -> Sandbox {
        let sandbox = self
            .toolchain
            .sandbox()
            .bind_rw(&dir.join("inside"), BUILD)
            .bind_ro(&self.uv.path, UV)
            .bind_ro(&dir.join("wheelhouse"), WHEELHOUSE)
            .env("PATH", "/build/env/bin:/build/tools:/usr/bin:/bin:/usr/sbin:/sbin")
            .env("PYTHON", &self.toolchain.python)
            .env("VIRTUAL_ENV", "/build/env")
            .env("UV_CACHE_DIR", "/build/cache")
            .env("UV_NO_CONFIG", "1")
            .env("UV_NO_PROGRESS", "1")
            .env("UV_NO_INSTALLER_METADATA", "1")
            .env("UV_OFFLINE", "1")
            .env("UV_PYTHON_DOWNLOADS", "never")
            // Debug information takes a third of a compiler's time, and most of the bytes of what
            // it makes; nobody debugs an output. `-O2` stands there because a build that sees any
            // CFLAGS drops its own. A recipe's `override.<name>.build.env` wins over both.
            .env("CFLAGS", COMPILER_FLAGS)
            .env("CXXFLAGS", COMPILER_FLAGS)
            .env("DIST_EXTRA_CONFIG", "/build/distutils.cfg")
            .env("CMAKE_BUILD_PARALLEL_LEVEL", &self.compilers.to_string())
            // Otherwise each file that a backend imports leaves a `.pyc` in its build environment.
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let project = self.project.uv.extra_build_variables.get(name).into_iter().flatten();
        let recipe = &self.recipe.build_settings(name).env;
        project.chain(recipe).fold(sandbox, |sandbox, (key, value)| sandbox.env(key, value))
    }

    fn failed(&self, name: &BuildName, dir: &Path, scene: &Scene, code: i32) -> Problem {
        let log = dir.join("log");
        let end = last_lines_of(&log, 25);
        let problem = Problem::new(format!("the build of `{}` failed", self.label(name)))
            .fact("exit code", code)
            .fact("log ends", if end.is_empty() { "it is empty".to_owned() } else { end })
            .fact("whole log", log.display());
        let scene = serde_json::to_vec_pretty(scene).expect("a scene has only plain values");
        match fs::write(dir.join(SCENE_FILE), scene) {
            Ok(()) => problem.hint(format!(
                "`cargo xtask enter {}` opens a shell in the failed sandbox",
                dir.display()
            )),
            Err(error) => problem.cause(error),
        }
    }
}
