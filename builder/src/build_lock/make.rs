//! Writes the build lock: asks each source tree for its build requirements, lets uv resolve them up
//! to a date, asks the backend what else it wants (in the sandbox, for that runs its code), and pins
//! every wheel for every target of the recipe.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fs_err as fs;
use serde::Deserialize;
use uv_normalize::PackageName;
use uv_pep440::Version;

use super::requires::{checked, static_requires};
use super::{BuildLock, LockedBuild, LockedFile, Requirement, SourcePin};
use crate::fetch::request::{FileOrigin, FileRequest, Request, Shelf};
use crate::fetch::{self, Settings};
use crate::inputs::{Application, LocatedRecipe};
use crate::plan;
use crate::pyproject::Pyproject;
use crate::resolve::{Distribution, Resolution, best_wheel, resolve};
use crate::sources::Sources;
use crate::sys::Host;
use crate::sys::process::{Process, last_lines};
use crate::sys::sandbox::{Invocation, OutputTo};
use crate::toolchain::Toolchain;
use crate::toolchain::uv::Uv;
use crate::vocabulary::{Problem, Sha256, Target};

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
    /// A directory of this run.
    pub work: &'a Path,
}

/// What the backend wants beside `[build-system] requires` (PEP 517).
const HOOK: &str = include_str!("hook.py");

const SCRIPT: &str = r#"set -eu
uv venv --quiet --no-project --python "$PYTHON" /build/env
if [ -s /build/requirements.txt ]; then
  uv pip install --quiet --python /build/env/bin/python --no-deps --no-index \
    --find-links /build/wheels -r /build/requirements.txt
fi
cd "/build/src/$1"
exec /build/env/bin/python /build/hook.py /build/hook.json /build/answer.json
"#;

impl Maker<'_> {
    /// Locks the build requirements of everything that any target of the recipe builds from source.
    /// `exclude_newer` bounds the versions; by default nothing newer than the newest file of
    /// `uv.lock` is seen, so the same lock gives the same build lock on any day.
    pub fn make(&self, exclude_newer: Option<&str>, host: Host<'_>) -> Result<BuildLock, Problem> {
        let recipe = &self.located.recipe;
        let bound = exclude_newer
            .or(recipe.build_lock_exclude_newer.as_deref())
            .or(self.application.lock.newest_upload.as_deref());
        let mut lock = BuildLock {
            exclude_newer: bound.map(str::to_owned),
            ..BuildLock::default()
        };
        for target in &recipe.targets {
            self.lock_target(&mut lock, target, host)?;
        }
        Ok(lock)
    }

    fn lock_target(
        &self,
        lock: &mut BuildLock,
        target: &Target,
        host: Host<'_>,
    ) -> Result<(), Problem> {
        let recipe = &self.located.recipe;
        let (application, selection) = (self.application, &recipe.selection);
        let resolution = resolve(&application.lock, &application.project, target, selection)?;
        let request = plan::runtime(&resolution, &application.tree)?;
        let sources = Request {
            files: request
                .files
                .into_iter()
                .filter(|it| it.shelf == Shelf::Sdists)
                .collect(),
            trees: request.trees,
        };
        let wheelhouse = fetch::fetch(&sources, &host, self.settings)?;
        let sources = Sources {
            wheelhouse: &wheelhouse.path,
            tree: &application.tree,
        };
        let built: Vec<&Distribution> = resolution
            .distributions
            .iter()
            .filter(|it| it.artifact.is_built())
            .collect();
        host.progress
            .stage("build requirements", Some(built.len() as u64));
        for distribution in built {
            host.progress.begin(distribution.name.as_ref());
            self.lock_build(lock, distribution, &resolution, &sources, host)?;
            host.progress.end(distribution.name.as_ref());
        }
        Ok(())
    }

    fn lock_build(
        &self,
        lock: &mut BuildLock,
        distribution: &Distribution,
        resolution: &Resolution,
        sources: &Sources<'_>,
        host: Host<'_>,
    ) -> Result<(), Problem> {
        let name = &distribution.name;
        let dir = self
            .work
            .join("lock")
            .join(resolution.target.to_string())
            .join(name.as_ref());
        let unprepared = |error: std::io::Error| {
            Problem::new(format!("cannot prepare to ask `{name}`")).cause(error)
        };
        fs::create_dir_all(&dir).map_err(unprepared)?;
        let project = sources.lay_out(distribution, &dir.join("src"))?;
        let pyproject = dir.join("src").join(&project).join("pyproject.toml");
        let own = match fs::read_to_string(&pyproject) {
            Ok(text) => Pyproject::parse(&format!("`{name}`"), &text)?,
            Err(_) => Pyproject::default(),
        };
        let (recipe, project_table) = (&self.located.recipe, &self.application.project);
        let mut requires = static_requires(distribution, &own, project_table, recipe, resolution)?;

        // First what the backend itself needs, with which it can be asked what else it wants.
        let mut resolved = self.resolve(lock, distribution, resolution, &requires, &dir, host)?;
        let hook = self
            .ask(&own, &project, &resolved, &dir, host)
            .map_err(|problem| problem.fact("distribution", name))?;
        let mut more = BTreeSet::new();
        for text in hook {
            let requirement: uv_pep508::Requirement = text.parse().map_err(|error| {
                Problem::new(format!("the backend of `{name}` asks for `{text}`")).cause(error)
            })?;
            more.insert(checked(distribution, &requirement)?);
        }
        if !more.is_subset(&requires) {
            requires.extend(more);
            resolved = self.resolve(lock, distribution, resolution, &requires, &dir, host)?;
        }

        let from_source = self.from_source(&resolved, resolution);
        for (requirement, file) in resolved
            .iter()
            .filter(|it| !from_source.contains(&it.0.name))
        {
            let files = lock.wheels.entry(requirement.clone()).or_default();
            if !files.contains(file) {
                files.push(file.clone());
                files.sort();
            }
        }
        let requirements: BTreeSet<Requirement> = resolved.into_keys().collect();
        let source = SourcePin::of(&distribution.artifact).expect("it is built");
        let backend = own.backend().to_owned();
        let build = LockedBuild {
            source,
            backend,
            requires,
            requirements,
            from_source,
        };
        self.record(lock, distribution, resolution, build)
    }

    /// One entry serves all targets, so they must agree.
    fn record(
        &self,
        lock: &mut BuildLock,
        distribution: &Distribution,
        resolution: &Resolution,
        build: LockedBuild,
    ) -> Result<(), Problem> {
        let name = &distribution.name;
        match lock.builds.insert(name.clone(), build.clone()) {
            Some(other) if other != build => {
                let shown = |build: &LockedBuild| {
                    let names = build.requirements.iter().map(ToString::to_string);
                    names.collect::<Vec<_>>().join(", ")
                };
                Err(Problem::new(format!(
                    "the targets need different build requirements of `{name}`"
                ))
                .fact("before", shown(&other))
                .fact(resolution.target.to_string(), shown(&build))
                .hint(format!(
                    "pin them with `build.{name}.requires`, or give the targets recipes of \
                         their own"
                )))
            }
            _ => Ok(()),
        }
    }

    /// Of build requirements, those that the project wants built from source: they must link
    /// against the same libraries as at run time.
    fn from_source(
        &self,
        resolved: &BTreeMap<Requirement, LockedFile>,
        resolution: &Resolution,
    ) -> BTreeSet<PackageName> {
        let is_built = |name: &PackageName| {
            resolution
                .get(name)
                .is_some_and(|found| found.artifact.is_built())
        };
        resolved
            .keys()
            .map(|it| &it.name)
            .filter(|name| is_built(name))
            .cloned()
            .collect()
    }

    /// Lets uv resolve requirements for a target. Only wheels are considered, so that no foreign
    /// code runs outside of the sandbox to tell its metadata.
    fn resolve(
        &self,
        lock: &BuildLock,
        distribution: &Distribution,
        resolution: &Resolution,
        requires: &BTreeSet<String>,
        dir: &Path,
        host: Host<'_>,
    ) -> Result<BTreeMap<Requirement, LockedFile>, Problem> {
        if requires.is_empty() {
            return Ok(BTreeMap::new());
        }
        let name = &distribution.name;
        let constraints = self.constraints(resolution);
        let written = fs::write(dir.join("requires.in"), lines(requires))
            .and_then(|()| fs::write(dir.join("constraints.txt"), lines(&constraints)));
        written.map_err(|error| Problem::new("cannot write requirements").cause(error))?;
        let target = &resolution.target;
        let mut process = Process::new(&self.uv.path)
            .args(["pip", "compile", "--quiet", "--no-header", "--no-annotate"])
            .args(["--only-binary", ":all:", "--color", "never"])
            .args(["--python-version", &target.python().to_string()])
            .args(["--python-platform", target.platform()])
            .args([
                "--output-file",
                "pylock.toml",
                "--constraints",
                "constraints.txt",
            ]);
        if let Some(bound) = &lock.exclude_newer {
            process = process.args(["--exclude-newer", bound]);
        }
        let environment = host.environment.for_network();
        let _ = fs::remove_file(dir.join("pylock.toml"));
        let output = process
            .arg("requires.in")
            .envs(&environment)
            .current_dir(dir)
            .output()?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(Problem::new(format!("cannot resolve the build requirements of `{name}`"))
                .fact("required", lines(requires).trim_end())
                .fact("up to", lock.exclude_newer.as_deref().unwrap_or("any date"))
                .fact("uv says", last_lines(&text, 12))
                .hint(format!(
                    "`build-lock.exclude-newer` allows newer versions; `build.{name}.requires` adds \
                     a requirement; one that has no wheel cannot be locked"
                )));
        }
        let text = fs::read_to_string(dir.join("pylock.toml"))
            .map_err(|error| Problem::new("`uv pip compile` wrote no lock").cause(error))?;
        pins(name, &text, target)
    }

    /// What bounds build requirements: the project's constraints, and for what is built from source
    /// the version of the run time.
    fn constraints(&self, resolution: &Resolution) -> BTreeSet<String> {
        let lock = self.application.lock.build_constraints.iter();
        let project = self.application.project.uv.build_constraints.iter();
        let built = resolution.distributions.iter().filter(|it| {
            it.artifact.is_built() && !matches!(it.artifact, crate::resolve::Artifact::Local(_))
        });
        let same = built.filter_map(|it| Some(format!("{}=={}", it.name, it.version.as_ref()?)));
        lock.chain(project)
            .map(ToString::to_string)
            .chain(same)
            .collect()
    }

    /// Asks the backend, in the sandbox and without network.
    fn ask(
        &self,
        own: &Pyproject,
        project: &str,
        resolved: &BTreeMap<Requirement, LockedFile>,
        dir: &Path,
        host: Host<'_>,
    ) -> Result<Vec<String>, Problem> {
        let request = Request {
            files: resolved
                .iter()
                .map(|(requirement, file)| build_file(requirement, file))
                .collect(),
            trees: Vec::new(),
        };
        let wheelhouse = fetch::fetch(&request, &host, self.settings)?;
        let requirements: BTreeSet<String> = resolved.keys().map(ToString::to_string).collect();
        let question = serde_json::json!({
            "backend": own.backend(),
            "backend-path": own.build_system.as_ref().map(|it| &it.backend_path),
        });
        let prepared = fs::write(dir.join("requirements.txt"), lines(&requirements))
            .and_then(|()| fs::write(dir.join("hook.py"), HOOK))
            .and_then(|()| fs::write(dir.join("hook.json"), question.to_string()))
            .and_then(|()| fs::create_dir_all(dir.join("tools")))
            .and_then(|()| fs::create_dir_all(dir.join("wheels")))
            .and_then(|()| fs::write(dir.join("tools/uv"), ""));
        prepared.map_err(|error| Problem::new("cannot prepare the question").cause(error))?;
        let mut sandbox = self
            .toolchain
            .sandbox()
            .bind_rw(dir, "/build")
            .bind_ro(&self.uv.path, "/build/tools/uv")
            .env(
                "PATH",
                "/build/env/bin:/build/tools:/usr/bin:/bin:/usr/sbin:/sbin",
            )
            .env("PYTHON", &self.toolchain.python)
            .env("UV_CACHE_DIR", "/build/cache")
            .env("UV_NO_CONFIG", "1")
            .env("UV_OFFLINE", "1")
            .env("UV_PYTHON_DOWNLOADS", "never")
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let wheels = wheelhouse.path.join(Shelf::Build.directory());
        if wheels.is_dir() {
            sandbox = sandbox.bind_ro(&wheels, "/build/wheels");
        }
        let invocation = Invocation {
            program: "/bin/sh".to_owned(),
            arguments: ["-c", SCRIPT, "ask", project].map(str::to_owned).to_vec(),
            directory: "/build".to_owned(),
        };
        let log = dir.join("log");
        let finished = sandbox.run(&invocation, OutputTo::Log(&log))?;
        let answer = fs::read(dir.join("answer.json")).unwrap_or_default();
        match serde_json::from_slice(&answer) {
            Ok(answer) if finished.success() => Ok(answer),
            _ => {
                let text = fs::read(&log).unwrap_or_default();
                let end = last_lines(&String::from_utf8_lossy(&text), 20);
                Err(Problem::new("a build backend could not say what it needs")
                    .fact("backend", own.backend())
                    .fact("exit code", finished.code)
                    .fact("log ends", end)
                    .hint("a missing system package goes into `build.<name>.system-packages`"))
            }
        }
    }
}

fn build_file(requirement: &Requirement, file: &LockedFile) -> FileRequest {
    FileRequest {
        project: requirement.name.clone(),
        shelf: Shelf::Build,
        filename: file.filename.clone(),
        sha256: file.sha256,
        size: file.size,
        origin: FileOrigin::Registry { locked: None },
    }
}

fn lines(texts: &BTreeSet<String>) -> String {
    texts.iter().map(|text| format!("{text}\n")).collect()
}

/// The parts of PEP 751's `pylock.toml` that are needed here.
#[derive(Deserialize)]
struct Pylock {
    #[serde(default)]
    packages: Vec<PylockPackage>,
}

#[derive(Deserialize)]
struct PylockPackage {
    name: String,
    version: Option<String>,
    #[serde(default)]
    wheels: Vec<PylockWheel>,
}

#[derive(Deserialize)]
struct PylockWheel {
    name: Option<String>,
    url: Option<url::Url>,
    path: Option<String>,
    size: Option<u64>,
    hashes: BTreeMap<String, String>,
}

/// The best wheel of each package of a `pylock.toml`.
fn pins(
    whose: &PackageName,
    text: &str,
    target: &Target,
) -> Result<BTreeMap<Requirement, LockedFile>, Problem> {
    let unread = |because: String| {
        Problem::new(format!(
            "cannot use uv's resolution of the build requirements of `{whose}`"
        ))
        .fact("because", because)
    };
    let pylock: Pylock = toml::from_str(text).map_err(|error| unread(error.to_string()))?;
    let mut pins = BTreeMap::new();
    for package in pylock.packages {
        let name: PackageName = package
            .name
            .parse()
            .map_err(|_| unread(package.name.clone()))?;
        let version: Version = package
            .version
            .as_deref()
            .and_then(|version| version.parse().ok())
            .ok_or_else(|| unread(format!("`{name}` has no version")))?;
        let named: Vec<(String, &PylockWheel)> = package
            .wheels
            .iter()
            .filter_map(|wheel| Some((filename(wheel)?, wheel)))
            .collect();
        let best = best_wheel(named.iter().map(|it| (it.0.as_str(), it)), target);
        let (filename, wheel) =
            best.ok_or_else(|| unread(format!("`{name} {version}` has no wheel for {target}")))?;
        let sha256 = wheel
            .hashes
            .get("sha256")
            .and_then(|hex| Sha256::from_hex(hex).ok())
            .ok_or_else(|| unread(format!("the index gives no sha256 of `{filename}`")))?;
        let file = LockedFile {
            filename: filename.clone(),
            sha256,
            size: wheel.size,
        };
        pins.insert(Requirement { name, version }, file);
    }
    Ok(pins)
}

fn filename(wheel: &PylockWheel) -> Option<String> {
    let last = |path: &str| path.rsplit('/').next().map(str::to_owned);
    let decoded = |text: String| {
        percent_encoding::percent_decode_str(&text)
            .decode_utf8_lossy()
            .into_owned()
    };
    wheel.name.clone().or_else(|| {
        let url = wheel.url.as_ref().and_then(|url| last(url.path()));
        url.or_else(|| wheel.path.as_deref().and_then(last))
            .map(decoded)
    })
}
