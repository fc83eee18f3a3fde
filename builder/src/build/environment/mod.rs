//! The build environment: what a backend sees while it builds a wheel, and while it is asked for
//! its requirements. Both use the same environment, so that an answer is valid for the build: the
//! same root, paths, variables and config settings. [`Described`] is the whole environment as part
//! of a key.
//!
//! [`added`] lists everything that we add to what uv's own build gives a backend, each with the
//! reason why it cannot change the meaning of a wheel. Nothing else is added.

pub mod added; // what uv's own build does not give a backend
mod debug_information; // what extensions are compiled without
pub mod native; // what becomes of `-march=native`
mod installed; // what the environment must consist of

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::Serialize;

use crate::build::version_control::VersionControl;
use crate::lock::build_lock::{Requirement, Told};
use crate::lock::pyproject::Pyproject;
use crate::toolchain::Toolchain;
use crate::toolchain::uv::Uv;
use base::recipe::ConfigSettings;
use base::sys::disk;
use base::sys::process::last_lines_of;
use base::sys::sandbox::{Description, Finished, Invocation, OutputTo, Sandbox};
use base::vocabulary::{Problem, Sha256};

/// Paths inside the sandbox.
const BUILD: &str = "/build";
const UV: &str = "/build/tools/uv";
const WHEELHOUSE: &str = "/build/wheelhouse";
const ENVIRONMENT: &str = "/build/env";

/// Installs exactly the requirements. The interpreter is an argument and no variable: makefiles
/// read `PYTHON`.
const INSTALL: &str = r#"set -eu
uv="/build/tools/uv --quiet --offline --no-config --no-progress --cache-dir /build/cache"
$uv venv --no-project --no-python-downloads --python "$1" /build/env
if [ -s /build/requirements.txt ]; then
  UV_NO_INSTALLER_METADATA=1 $uv pip install --python /build/env/bin/python --no-deps --no-index \
    --find-links /build/wheelhouse -r /build/requirements.txt
fi
"#;

/// Builds the project in the working directory. Compilers that share a processor
/// take its caches from each other at every turn (6 % of lxml's time with turns of 3 ms), so each
/// turn lasts 100 ms, where `chrt` (util-linux) and the kernel (Linux 6.12) can do that. A project
/// may set `PATH` for its backend, so nothing is looked for on it.
const BUILD_WHEEL: &str = r#"set -eu
turns="/usr/bin/chrt --other --sched-runtime 100000000 0"
$turns /bin/true 2>/dev/null || turns=
exec $turns /build/tools/uv build --wheel --no-build-isolation --no-sources --force-pep517 \
  --offline --no-progress --no-python-downloads --cache-dir /build/cache \
  --config-file /build/uv.toml --python /build/env/bin/python --out-dir /build/dist .
"#;

/// Asks, with the variables that `uv build` sets for the hook that builds.
const ASK: &str =
    "exec /build/env/bin/python /build/tools/hook.py /build/hook.json /build/answer.json";

const HOOK: &str = include_str!("hook.py");

/// What one distribution is built with, or asked with.
#[derive(Debug, Clone)]
pub struct BuildEnvironment<'a> {
    toolchain: &'a Toolchain,
    uv: &'a Uv,
    told: Told,
    version_control: VersionControl,
    /// Files that are seen instead of the root's own, by path inside.
    configuration: BTreeMap<String, String>,
    /// Files that the root does not have, by path inside.
    native: BTreeMap<String, String>,
}

/// All of a build environment but what is installed in it: what a key must know.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Described<'a> {
    sandbox: Description<'a>,
    scripts: Sha256,
    config_settings: &'a ConfigSettings,
    configuration: Sha256,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_control: Option<Sha256>,
}

/// The directories of the host for one build or one question. The backend can write only to
/// `inside`: files that the host reads or writes later (log, scene) are beside it, where the
/// backend cannot create a link.
#[derive(Debug, Clone)]
pub struct Bench {
    /// What is seen instead of files of the root.
    pub configuration: PathBuf,
    /// The backend's, `/build`.
    pub inside: PathBuf,
    /// The wheels that are installed, and no others: what is there for another build must not be
    /// seen.
    pub wheelhouse: PathBuf,
    /// What was printed.
    pub log: PathBuf,
}

impl Bench {
    /// The directories of one build, below `dir`.
    pub fn below(dir: &Path) -> Self {
        Self {
            configuration: dir.join("configuration"),
            inside: dir.join("inside"),
            wheelhouse: dir.join("wheelhouse"),
            log: dir.join("log"),
        }
    }

    /// What the requirements are installed in.
    pub fn environment(&self) -> PathBuf {
        self.inside.join("env")
    }

    /// Where the source is laid out.
    pub fn source(&self) -> PathBuf {
        self.inside.join("src")
    }
}

impl<'a> BuildEnvironment<'a> {
    /// The environment of a distribution's build.
    ///
    /// # Errors
    /// The toolchain's interpreter cannot be read.
    pub fn new(
        told: Told,
        version_control: VersionControl,
        toolchain: &'a Toolchain,
        uv: &'a Uv,
    ) -> Result<Self, Problem> {
        let configuration = debug_information::without(toolchain).map_err(|error| {
            Problem::new("cannot read the interpreter's build configuration").cause(error)
        })?;
        let native = native::specifications(&toolchain.root, told.native_cpu)
            .map_err(|error| Problem::new("cannot find the compiler's directory").cause(error))?;
        Ok(Self { toolchain, uv, told, version_control, configuration, native })
    }

    /// What a key must know of it.
    pub fn described(&self) -> serde_json::Value {
        let sandbox = self.sandbox(&Bench::below(Path::new("")));
        let seen = self.configuration.values().chain(self.native.values());
        let described = Described {
            sandbox: sandbox.description(),
            scripts: Sha256::of([INSTALL, BUILD_WHEEL, ASK, HOOK].concat()),
            config_settings: &self.told.config_settings,
            configuration: Sha256::of(seen.cloned().collect::<String>()),
            version_control: self.version_control.described(),
        };
        serde_json::to_value(described).expect("these are plain values")
    }

    /// Lays out the directories, and installs the requirements. Nothing of the project runs.
    ///
    /// # Errors
    /// A wheel cannot be installed; what is installed is not what is required.
    pub fn install(
        &self,
        bench: &Bench,
        requirements: &BTreeSet<Requirement>,
    ) -> Result<(), Problem> {
        self.lay_out(bench, requirements).map_err(|error| {
            let problem = Problem::new("cannot lay out a build environment");
            disk::failed(problem, &bench.inside, None, error)
        })?;
        let install = script(INSTALL, "install", &[&self.toolchain.python], BUILD);
        let finished = self.bare(bench).run(&install, OutputTo::Log(&bench.log))?;
        if !finished.success() {
            let end = last_lines_of(&bench.log, 20);
            let problem = Problem::new("cannot install the build requirements")
                .fact("exit code", finished.code)
                .fact("log ends", &end);
            return Err(disk::failed_program(problem, &bench.inside, &end));
        }
        installed::check(&bench.inside, requirements)
    }

    fn lay_out(&self, bench: &Bench, requirements: &BTreeSet<Requirement>) -> std::io::Result<()> {
        let inside = |name: &str| bench.inside.join(name);
        for made in ["tools", "dist", "wheelhouse", "cache"] {
            fs::create_dir_all(inside(made))?;
        }
        fs::create_dir_all(&bench.wheelhouse)?;
        fs::create_dir_all(&bench.configuration)?;
        for (number, text) in self.configuration.values().enumerate() {
            fs::write(bench.configuration.join(number.to_string()), text)?;
        }
        fs::write(inside("tools/uv"), "")?;
        fs::write(inside("tools/hook.py"), HOOK)?;
        let lines: Vec<String> = requirements.iter().map(|it| format!("{it}\n")).collect();
        fs::write(inside("requirements.txt"), lines.concat())?;
        fs::write(inside("uv.toml"), self.uv_configuration())
    }

    /// The config settings that uv passes to the backend.
    fn uv_configuration(&self) -> String {
        let settings = BTreeMap::from([("config-settings", &self.told.config_settings)]);
        toml::to_string(&settings).expect("these are texts and lists of texts")
    }

    /// The sandbox without what project and recipe say.
    fn bare(&self, bench: &Bench) -> Sandbox {
        let sandbox = self
            .toolchain
            .sandbox()
            .bind_rw(&bench.inside, BUILD)
            .bind_ro(&self.uv.path, UV)
            .bind_ro(&bench.wheelhouse, WHEELHOUSE);
        let sandbox =
            self.native.iter().fold(sandbox, |sandbox, (place, text)| sandbox.file(place, text));
        let files = self.configuration.keys().enumerate();
        files.fold(sandbox, |sandbox, (number, place)| {
            sandbox.bind_ro(&bench.configuration.join(number.to_string()), place)
        })
    }

    /// The sandbox that `uv build` runs in.
    fn sandbox(&self, bench: &Bench) -> Sandbox {
        let added =
            added::variables().fold(self.bare(bench), |it, (key, value)| it.env(key, value));
        let added =
            self.version_control.variables().fold(added, |it, (key, value)| it.env(key, value));
        self.told.variables.iter().fold(added, |it, (key, value)| it.env(key, value))
    }

    /// The sandbox as a hook sees it: with what `uv build` sets for it, given the directory of the
    /// project.
    fn of_hook(&self, bench: &Bench, project: &str) -> Sandbox {
        let sandbox = self.sandbox(bench);
        let path = sandbox.variable("PATH").unwrap_or_default();
        let path = format!("{ENVIRONMENT}/bin:{path}");
        sandbox
            .env("PATH", &path)
            .env("PYTHONIOENCODING", "utf-8:backslashreplace")
            .env("UV", UV)
            .env("UV_INTERNAL__BUILD_DIR", &directory(project))
            .env("VIRTUAL_ENV", ENVIRONMENT)
    }

    /// Adds the replacements for git to the installed environment and the source; `project` is the
    /// directory of the project in the source.
    ///
    /// # Errors
    /// The source cannot be read; a file cannot be written.
    pub fn stand_in_for_git(&self, bench: &Bench, project: &str) -> Result<(), Problem> {
        self.version_control.put(&bench.inside, project).map_err(|error| {
            let problem = Problem::new("cannot list the files of a source for its build");
            disk::failed(problem, &bench.inside, None, error)
        })
    }

    /// Builds the wheel of the project at `project` of the laid out source into `dist`.
    pub fn build(&self, bench: &Bench, project: &str) -> Result<Finished, Problem> {
        let build = script(BUILD_WHEEL, "build", &[], &directory(project));
        self.sandbox(bench).run(&build, OutputTo::Log(&bench.log))
    }

    /// A sandbox and what a build runs in it, as the backend sees it.
    pub fn scene(&self, bench: &Bench, project: &str) -> (Sandbox, Invocation) {
        let build = script(BUILD_WHEEL, "build", &[], &directory(project));
        (self.of_hook(bench, project), build)
    }

    /// Asks the backend of the project at `project` for what else it needs to build a wheel: the
    /// answer is the content of `answer.json`, which the backend can replace by anything.
    pub fn ask(&self, bench: &Bench, project: &str, own: &Pyproject) -> Result<Finished, Problem> {
        let question = serde_json::json!({
            "backend": own.backend(),
            "backend-path": own.build_system.as_ref().map(|it| &it.backend_path),
            "config-settings": self.told.config_settings,
        });
        fs::write(bench.inside.join("hook.json"), question.to_string())
            .map_err(|error| Problem::new("cannot prepare a question to a backend").cause(error))?;
        let ask = script(ASK, "ask", &[], &directory(project));
        self.of_hook(bench, project).run(&ask, OutputTo::Log(&bench.log))
    }
}

/// The directory of a project, given its path below the source tree.
fn directory(project: &str) -> String {
    match project {
        "." => format!("{BUILD}/src"),
        below => format!("{BUILD}/src/{below}"),
    }
}

fn script(text: &str, name: &str, arguments: &[&str], directory: &str) -> Invocation {
    let words = ["-c", text, name].into_iter().chain(arguments.iter().copied());
    Invocation {
        program: "/bin/sh".to_owned(),
        arguments: words.map(str::to_owned).collect(),
        directory: directory.to_owned(),
    }
}
