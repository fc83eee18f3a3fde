//! Where one distribution is built: its tree, its build environment and its log, at the same paths
//! in the sandbox for every distribution and on every machine. DWARF, `.rodata` and `.pyc` hold
//! those paths, so nothing of the host's may be in them (uv issue 13096).

use std::path::{Path, PathBuf};
use std::time::Instant;

use fs_err as fs;

use super::store::{Found, Store};
use super::{BuiltWheel, inputs};
use crate::build::sources::{self, Sources};
use crate::fetch::request::Shelf;
use crate::lock::build_lock::{BuildLock, LockedBuild};
use crate::lock::pyproject::Pyproject;
use crate::lock::resolve::{Distribution, Resolution};
use crate::toolchain::Toolchain;
use crate::toolchain::uv::Uv;
use base::packaging::PackageName;
use base::recipe::Recipe;
use base::store::Wish;
use base::sys::process::last_lines_of;
use base::sys::sandbox::{Invocation, OutputTo, Sandbox};
use base::sys::{Host, disk};
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
    pub(super) fn distribution(&self, name: &PackageName) -> &Distribution {
        self.resolution.get(name).expect("the graph is made of the resolution")
    }

    /// `lxml 6.0.2`, for progress.
    pub(super) fn label(&self, name: &PackageName) -> String {
        let version = self.distribution(name).version.as_ref();
        version.map_or_else(|| name.to_string(), |version| format!("{name} {version}"))
    }

    /// How long the build will take, in no unit: larger source archives take longer to compile.
    pub(super) fn estimate(&self, name: &PackageName) -> u64 {
        self.sources.size(self.distribution(name))
    }

    /// Takes the wheel of a distribution out of the store, or builds and stores it. `needs` is what
    /// it waited for.
    pub(super) fn obtain(
        &self,
        name: &PackageName,
        needs: &[(PackageName, BuiltWheel)],
        host: Host<'_>,
    ) -> Result<BuiltWheel, Problem> {
        let started = Instant::now();
        let dir = self.work.join("builds").join(name.as_ref());
        let content = |name: &PackageName| {
            let wheel = needs.iter().find(|(need, _)| need == name);
            let (_, wheel) = wheel.expect("a build waits for what it needs");
            format!("sha256:{}", wheel.sha256)
        };
        let inputs = self.inputs(name, content)?;
        let what = format!("wheel `{}`", self.label(name));
        let wish = Wish { key: &inputs::key(&inputs), what: &what, reuse: self.reuse };
        let into = self.work.join("built").join(name.as_ref());
        let build = || self.build(self.distribution(name), needs, &dir, &into);
        let Found { path, sha256, stored } =
            self.store.obtain(&wish, &inputs, &into, host.progress, build)?;
        Ok(BuiltWheel { path, sha256, inputs, stored, took: started.elapsed() })
    }

    /// Builds in the directory `dir` of this run; the wheel is put into `built`.
    fn build(
        &self,
        distribution: &Distribution,
        needs: &[(PackageName, BuiltWheel)],
        dir: &Path,
        built: &Path,
    ) -> Result<PathBuf, Problem> {
        let name = &distribution.name;
        let build = self.build_lock.of(distribution)?;
        // Only `inside` is the backend's: what the host reads or writes afterwards (log, scene)
        // lies beside it, where no link can be planted.
        let inside = dir.join("inside");
        self.shelve(build, needs, &dir.join("wheelhouse"))?;
        let project = self.prepare(distribution, build, &inside)?;

        let scene = Scene {
            sandbox: self.sandbox(name, dir),
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
        build: &LockedBuild,
        needs: &[(PackageName, BuiltWheel)],
        shelf: &Path,
    ) -> Result<(), Problem> {
        let downloaded = self.sources.wheelhouse.join(Shelf::Build.directory());
        let mut wheels: Vec<PathBuf> = needs.iter().map(|(_, wheel)| wheel.path.clone()).collect();
        for requirement in &build.requirements {
            if !build.from_source.contains(&requirement.name) {
                let wheel = self.build_lock.wheel(requirement, &self.resolution.target)?;
                wheels.push(downloaded.join(&wheel.filename));
            }
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

    fn prepare(
        &self,
        distribution: &Distribution,
        build: &LockedBuild,
        dir: &Path,
    ) -> Result<String, Problem> {
        let unprepared = |error: std::io::Error| {
            Problem::new(format!("cannot prepare the build of `{}`", distribution.name))
                .cause(error)
        };
        for made in ["tools", "dist", "wheelhouse", "cache"] {
            fs::create_dir_all(dir.join(made)).map_err(unprepared)?;
        }
        fs::write(dir.join("tools/uv"), "").map_err(unprepared)?;
        let project = self.sources.lay_out(distribution, &dir.join("src"))?;
        self.check_fresh(distribution, build, &dir.join("src").join(&project))?;
        let requirements: Vec<String> =
            build.requirements.iter().map(|requirement| format!("{requirement}\n")).collect();
        fs::write(dir.join("requirements.txt"), requirements.concat()).map_err(unprepared)?;
        fs::write(dir.join("distutils.cfg"), distutils_cfg(self.compilers)).map_err(unprepared)?;
        Ok(project)
    }

    /// A build lock that was made before the tree changed its `[build-system]` would give the build
    /// other requirements than it asks for.
    fn check_fresh(
        &self,
        distribution: &Distribution,
        build: &LockedBuild,
        tree: &Path,
    ) -> Result<(), Problem> {
        let own = sources::pyproject(distribution, tree)?;
        let markers = self.resolution.target.markers();
        let settings = self.recipe.build_settings(&distribution.name);
        let asked = settings.asked(own.build_requires());
        let asked = asked.into_iter().filter(|it| it.evaluate_markers(markers, &[]));
        let missing: Vec<String> =
            asked.map(|it| it.to_string()).filter(|it| !build.requires.contains(it)).collect();
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

    fn failed(&self, name: &PackageName, dir: &Path, scene: &Scene, code: i32) -> Problem {
        let log = dir.join("log");
        let end = last_lines_of(&log, 25);
        let shown = if end.is_empty() { "it is empty" } else { &end };
        let problem = Problem::new(format!("the build of `{}` failed", self.label(name)))
            .fact("exit code", code)
            .fact("log ends", shown)
            .fact("whole log", log.display());
        let scene = serde_json::to_vec_pretty(scene).expect("a scene has only plain values");
        let problem = match fs::write(dir.join(SCENE_FILE), scene) {
            Ok(()) => problem.hint(format!(
                "`cargo xtask enter {}` opens a shell in the failed sandbox",
                dir.display()
            )),
            Err(error) => problem.cause(error),
        };
        disk::failed_program(problem, dir, &end)
    }
}
