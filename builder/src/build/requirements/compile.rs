//! Lets uv resolve build requirements as its own builds would: on the indexes that are configured
//! and that the project names, with the sources that apply, wheels and source distributions alike.
//!
//! uv runs on the host, so nothing foreign may run in it. A source distribution whose dependencies
//! only its backend knows is first taken to have none; if it is chosen, its wheel is built in the
//! sandbox, and uv is asked again with what the wheel says.

use std::collections::BTreeMap;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use fs_err as fs;
use uv_normalize::PackageName;
use uv_pep440::Version;

use super::Maker;
use super::lowered::Lowered;
use super::pins::{self, Pin, Pins, Resolved, Trees};
use super::requires::Requires;
use super::run::{Chain, Run};
use super::tools::BuiltMetadata;
use crate::fetch::index::{Index, Indexes};
use crate::lock::build_lock::{FilePlace, Requirement, ToolSource};
use crate::lock::resolve::{Artifact, Distribution, Resolution};
use base::sys::Host;
use base::sys::process::{Process, last_lines};
use base::vocabulary::{Problem, Target};

/// What is resolved, for whom.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) distribution: &'a Distribution,
    pub(super) resolution: &'a Resolution,
    pub(super) target: &'a Target,
    pub(super) requires: &'a Requires,
    pub(super) lowered: &'a Lowered,
    /// A directory for uv, which no backend sees: uv looks for configuration where it runs.
    pub(super) uv_dir: &'a Path,
    pub(super) chain: &'a Chain,
}

/// What uv is told of a distribution's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    metadata: BuiltMetadata,
    /// Whether that is what its wheel says; else nothing is known yet.
    proven: bool,
}

/// By name, and by version if it comes from an index.
type Metadata = BTreeMap<(PackageName, Option<Version>), Told>;

/// More rounds than any resolution needs: each finds out of one more distribution what it needs.
const ROUNDS_MAX: usize = 200;

/// How one call of uv ended.
enum Ended {
    Resolved(String),
    Failed(String),
}

impl Maker<'_> {
    /// Resolves requirements for a target, each set of them once in a run.
    pub(super) fn resolve(
        &self,
        run: &Run<'_>,
        asked: &Asked<'_>,
        host: Host<'_>,
    ) -> Result<Pins, Problem> {
        if asked.requires.is_empty() {
            return Ok(Pins::new());
        }
        let key = format!(
            "{}\n{:?}\n{}\n{:?}",
            asked.target,
            asked.requires.texts(),
            asked.lowered.sources,
            self.constraints(asked.resolution).keys()
        );
        run.memo(&key, asked.chain, || self.compile(run, asked, host))
    }

    fn compile(&self, run: &Run<'_>, asked: &Asked<'_>, host: Host<'_>) -> Result<Pins, Problem> {
        let mut told: Metadata = BTreeMap::new();
        for (name, metadata) in run.known_of_indexes() {
            let key = (name, Some(metadata.version.clone()));
            told.insert(key, Told { metadata, proven: true });
        }
        let indexes = Indexes::configured(host.environment, &self.settings.project)?;
        let mut own = asked.lowered.indexes.clone();
        own.iter_mut().for_each(|index| index.authenticate(host.environment));
        let all: Vec<Index> = indexes.list.iter().chain(&own).cloned().collect();
        self.look_for_dates(run, &all, asked.requires.names().iter(), host);
        for _ in 0..ROUNDS_MAX {
            let undated = run.undated(&all);
            self.write(run, asked, &indexes, &own, &told)?;
            // Links have no dates.
            let bound = run.bound_date().filter(|_| !self.settings.project.no_index);
            match self.call(run, asked, bound, host)? {
                Ended::Failed(text) => {
                    if let Some(key) = unknown(&text)
                        && !told.contains_key(&key)
                    {
                        let metadata = BuiltMetadata::unknown(key.1.clone());
                        told.insert(key, Told { metadata, proven: false });
                        continue;
                    }
                    self.look_behind(run, asked, &all, host)?;
                    if run.undated(&all) != undated {
                        continue;
                    }
                    return Err(self.unresolved(run, asked, &text));
                }
                Ended::Resolved(text) => {
                    let packages = self.packages(asked, &text)?;
                    let names = packages.iter().map(|it| &it.name);
                    self.look_for_dates(run, &all, names, host);
                    if run.undated(&all) != undated
                        || self.prove(run, asked, &packages, &mut told, host)?
                    {
                        continue;
                    }
                    return self.pins(asked, &text, packages, &told);
                }
            }
        }
        let whose = &asked.distribution.name;
        Err(Problem::new(format!("cannot resolve the build requirements of `{whose}`"))
            .fact("because", format!("uv was asked {ROUNDS_MAX} times")))
    }

    /// Looks for indexes that do not say when a file was uploaded.
    fn look_for_dates<'n>(
        &self,
        run: &Run<'_>,
        indexes: &[Index],
        names: impl Iterator<Item = &'n PackageName>,
        host: Host<'_>,
    ) {
        if run.bound.is_some() {
            let names: Vec<&PackageName> = names.collect();
            for index in indexes {
                run.look_for_dates(index, &names, self.settings, host);
            }
        }
    }

    /// After a failure: whether what is needed comes from an index without dates.
    fn look_behind(
        &self,
        run: &Run<'_>,
        asked: &Asked<'_>,
        indexes: &[Index],
        host: Host<'_>,
    ) -> Result<(), Problem> {
        let known = indexes.iter().all(|index| run.is_dated(index).is_some());
        if run.bound.is_some()
            && !known
            && let Ended::Resolved(text) = self.call(run, asked, None, host)?
        {
            let packages = self.packages(asked, &text)?;
            self.look_for_dates(run, indexes, packages.iter().map(|it| &it.name), host);
        }
        Ok(())
    }

    /// Builds what is chosen and whose dependencies are not known yet. Says whether uv must be
    /// asked again.
    fn prove(
        &self,
        run: &Run<'_>,
        asked: &Asked<'_>,
        packages: &[Resolved],
        told: &mut Metadata,
        host: Host<'_>,
    ) -> Result<bool, Problem> {
        let mut again = false;
        for package in packages {
            let key = key_of(package);
            let Some(known) = told.get(&key).filter(|it| !it.proven).cloned() else {
                continue;
            };
            let source = package.pin.source.as_ref().ok_or_else(|| {
                Problem::new(format!("uv wants to build `{}`, which has no source", package.name))
            })?;
            let version =
                package.version.clone().unwrap_or_else(|| BuiltMetadata::unknown(None).version);
            let requirement = Requirement { name: package.name.clone(), version };
            let metadata = self.built(run, asked.chain, &requirement, source, host)?.metadata;
            again |= metadata != known.metadata;
            told.insert(key, Told { metadata, proven: true });
        }
        Ok(again)
    }

    fn packages(&self, asked: &Asked<'_>, text: &str) -> Result<Vec<Resolved>, Problem> {
        let trees = Trees { beside: asked.uv_dir, application: &self.application.tree };
        pins::packages(text, asked.target, trees).map_err(|because| {
            let whose = &asked.distribution.name;
            Problem::new(format!("cannot use uv's resolution for the build of `{whose}`"))
                .fact("because", because)
        })
    }

    fn pins(
        &self,
        asked: &Asked<'_>,
        text: &str,
        packages: Vec<Resolved>,
        told: &Metadata,
    ) -> Result<Pins, Problem> {
        let urls = pins::urls(text);
        let mut pins = Pins::new();
        for Resolved { name, version, mut pin } in packages {
            let known = told.get(&(name.clone(), None)).filter(|it| it.proven);
            let version = known.map(|it| it.metadata.version.clone()).or(version);
            let version = version.or_else(|| self.static_version(&pin)).ok_or_else(|| {
                Problem::new(format!("the version of the build requirement `{name}` is not known"))
                    .hint("give it a static `project.version`")
            })?;
            if asked.lowered.unknown_index.contains(&name) {
                pin = at_urls(pin, &urls);
            }
            pins.insert(Requirement { name, version }, pin);
        }
        Ok(pins)
    }

    /// The version that a directory of the application's tree says of itself.
    fn static_version(&self, pin: &Pin) -> Option<Version> {
        let Some(ToolSource::Local(path)) = &pin.source else {
            return None;
        };
        let text = fs::read_to_string(self.application.tree.join(path).join("pyproject.toml"));
        let table: toml::Table = text.ok()?.parse().ok()?;
        table.get("project")?.get("version")?.as_str()?.parse().ok()
    }

    fn call(
        &self,
        run: &Run<'_>,
        asked: &Asked<'_>,
        bound: Option<&str>,
        host: Host<'_>,
    ) -> Result<Ended, Problem> {
        let (dir, target) = (asked.uv_dir, asked.target);
        let mut process = Process::new(&self.uv.path)
            .args(["pip", "compile", "--quiet", "--no-header", "--no-annotate"])
            .args(["--color", "never", "--no-build-isolation", "--config-file", "uv.toml"])
            .arg("--python")
            .arg(run.interpreter(self)?.python())
            .args(["--python-version", &target.python().to_string()])
            .args(["--python-platform", target.platform()])
            .args(["--output-file", "pylock.toml", "--constraints", "constraints.txt"]);
        if let Some(bound) = bound {
            process = process.args(["--exclude-newer", bound]);
        }
        let _ = fs::remove_file(dir.join("pylock.toml"));
        let process = process.arg("pyproject.toml").envs(&environment(host)).current_dir(dir);
        let output = process.output()?;
        if !output.status.success() {
            return Ok(Ended::Failed(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        let text = fs::read_to_string(dir.join("pylock.toml"));
        text.map(Ended::Resolved)
            .map_err(|error| Problem::new("`uv pip compile` wrote no lock").cause(error))
    }

    /// Writes what uv reads: a project that asks for the requirements, and its configuration.
    fn write(
        &self,
        run: &Run<'_>,
        asked: &Asked<'_>,
        indexes: &Indexes,
        own: &[Index],
        told: &Metadata,
    ) -> Result<(), Problem> {
        let table =
            |index: &Index| toml::Value::Table(index.for_uv(run.is_dated(index) != Some(false)));
        let tables = |list: &[Index]| toml::Value::Array(list.iter().map(table).collect());
        let dependencies: Vec<toml::Value> =
            asked.requires.texts().into_iter().map(Into::into).collect();
        let project = toml::toml! {
            [project]
            name = "lockstep-build-requirements"
            version = "0"
        };
        let mut project = project;
        let uv = BTreeMap::from([
            ("sources", toml::Value::Table(asked.lowered.sources.clone())),
            ("index", tables(own)),
        ]);
        project["project"]
            .as_table_mut()
            .expect("it is one")
            .insert("dependencies".to_owned(), toml::Value::Array(dependencies));
        project.insert(
            "tool".to_owned(),
            toml::Value::try_from(BTreeMap::from([("uv", uv)])).expect("these are tables"),
        );
        let mut configuration = self.configuration(told);
        if self.settings.project.no_index {
            let links = indexes.list.iter().filter(|index| index.flat);
            let links = links.map(|index| index.url.to_string().into()).collect();
            configuration.insert("find-links".to_owned(), toml::Value::Array(links));
        } else {
            configuration.insert("index".to_owned(), tables(&indexes.list));
        }
        let constraints: String =
            self.constraints(asked.resolution).keys().map(|text| format!("{text}\n")).collect();
        let write = |name: &str, text: String| private(&asked.uv_dir.join(name), &text);
        write("pyproject.toml", project.to_string())
            .and_then(|()| write("uv.toml", configuration.to_string()))
            .and_then(|()| write("constraints.txt", constraints))
            .map_err(|error| Problem::new("cannot write build requirements for uv").cause(error))
    }

    /// What decides how uv's own builds resolve, and nothing else of the project's configuration.
    fn configuration(&self, told: &Metadata) -> toml::Table {
        let uv = &self.application.project.uv;
        let names = |names: &std::collections::BTreeSet<PackageName>| {
            toml::Value::Array(names.iter().map(|name| name.to_string().into()).collect())
        };
        let metadata = told.iter().map(|((name, version), told)| {
            let mut table = told.metadata.to_toml();
            table.insert("name".to_owned(), name.to_string().into());
            let version = version.as_ref().unwrap_or(&told.metadata.version);
            table.insert("version".to_owned(), version.to_string().into());
            toml::Value::Table(table)
        });
        let mut table = toml::Table::new();
        let mut set = |key: &str, value: toml::Value| table.insert(key.to_owned(), value);
        set("preview-features", vec!["index-exclude-newer"].into());
        set("no-build", uv.no_build.into());
        set("no-build-package", names(&uv.no_build_package));
        set("no-index", self.settings.project.no_index.into());
        if let Some(strategy) = &self.settings.project.strategy {
            set("index-strategy", strategy.clone().into());
        }
        set("dependency-metadata", toml::Value::Array(metadata.collect()));
        table
    }

    /// What bounds build requirements, each with who says so: the project's constraints; and for
    /// what the recipe has built from another source than the lock's, the version of the run time.
    fn constraints(&self, resolution: &Resolution) -> BTreeMap<String, String> {
        let project = self.demands().constraints().into_iter().map(|text| {
            (text, "the project's `[tool.uv] build-constraint-dependencies`".to_owned())
        });
        let choices = &self.located.recipe.selection.choices;
        let chosen = resolution.built().filter(|it| {
            !matches!(it.artifact, Artifact::Local(_)) && choices.contains_key(&it.name)
        });
        let same = chosen.filter_map(|it| {
            let by =
                format!("`override.{}` of the recipe builds this version for run time", it.name);
            Some((format!("{}=={}", it.name, it.version.as_ref()?), by))
        });
        same.chain(project).collect()
    }

    fn unresolved(&self, run: &Run<'_>, asked: &Asked<'_>, text: &str) -> Problem {
        let name = &asked.distribution.name;
        let mut problem =
            Problem::new(format!("cannot resolve the build requirements of `{name}`"))
                .fact("required", asked.requires.told());
        let constraints = self.constraints(asked.resolution);
        if !constraints.is_empty() {
            let lines = constraints.iter().map(|(text, by)| format!("{text}  ({by})"));
            problem = problem.fact("bounded by", lines.collect::<Vec<_>>().join("\n"));
        }
        if let Some(bound) = &run.bound {
            problem = problem.fact("up to", format!("{}  ({})", bound.date, bound.origin));
        }
        let chosen = &self.located.recipe.selection.choices;
        let clash = chosen.keys().find(|name| text.contains(&format!("{name}==")));
        let hint = match (clash, &run.bound) {
            (Some(other), _) => format!(
                "`override.{other}` binds it to the version of run time; `override.{name}.build.\
                 requires` replaces what the build asks for"
            ),
            (None, Some(_)) if is_about_dates(text) => format!(
                "`build-lock.exclude-newer` in the recipe, or `build-lock --exclude-newer DATE`, \
                 allows newer files"
            ),
            _ => format!(
                "`override.{name}.build.requires` in the recipe replaces what the build asks for"
            ),
        };
        problem.fact("uv says", last_lines(text, 12)).hint(hint)
    }
}

/// Whether uv names the bound among its reasons.
fn is_about_dates(text: &str) -> bool {
    text.contains("exclude-newer") || text.contains("no versions of")
}

/// The distribution whose metadata uv could not find out without its backend.
fn unknown(text: &str) -> Option<(PackageName, Option<Version>)> {
    let (_, rest) = text.split_once("uild `")?;
    let (what, _) = rest.split_once('`')?;
    if let Some((name, version)) = what.split_once("==") {
        return Some((name.parse().ok()?, Some(version.parse().ok()?)));
    }
    let (name, _) = what.split_once(" @ ")?;
    Some((name.parse().ok()?, None))
}

fn key_of(package: &Resolved) -> (PackageName, Option<Version>) {
    let of_index = |source: &ToolSource| matches!(source, ToolSource::Archive { file, .. } if file.place == FilePlace::Index);
    let version = package.version.clone();
    let version = version.filter(|_| package.pin.source.as_ref().is_some_and(of_index));
    (package.name.clone(), version)
}

/// Files of an index that phase 1 does not know, pinned with where they are.
fn at_urls(mut pin: Pin, urls: &BTreeMap<String, url::Url>) -> Pin {
    let place =
        |filename: &str| urls.get(filename).cloned().map_or(FilePlace::Index, FilePlace::Url);
    if let Some(wheel) = &mut pin.wheel {
        wheel.place = place(&wheel.filename);
    }
    if let Some(ToolSource::Archive { file, .. }) = &mut pin.source {
        file.place = place(&file.filename);
    }
    pin
}

/// Writes what may hold the password of an index.
fn private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = fs::OpenOptions::new();
    options.options_mut().mode(0o600);
    options.write(true).create(true).truncate(true).open(path)?.write_all(text.as_bytes())
}

/// What uv sees of the environment: how to reach a network, and who asks. The indexes are in its
/// configuration. Any other setting of uv's would make the lock another one on another machine.
fn environment(host: Host<'_>) -> BTreeMap<String, String> {
    let mut variables = host.environment.for_network();
    let credentials = |key: &str| {
        key.starts_with("UV_INDEX_") && (key.ends_with("_USERNAME") || key.ends_with("_PASSWORD"))
    };
    variables.retain(|key, _| {
        !key.starts_with("UV_") || ABOUT_NETWORK.contains(&key.as_str()) || credentials(key)
    });
    variables.insert("UV_PYTHON_DOWNLOADS".to_owned(), "never".to_owned());
    variables
}

/// Settings of uv that decide how it reaches a server, never what it resolves.
const ABOUT_NETWORK: [&str; 12] = [
    "UV_CACHE_DIR",
    "UV_CONCURRENT_DOWNLOADS",
    "UV_HTTP_CONNECT_TIMEOUT",
    "UV_HTTP_RETRIES",
    "UV_HTTP_TIMEOUT",
    "UV_INSECURE_HOST",
    "UV_KEYRING_PROVIDER",
    "UV_NATIVE_TLS",
    "UV_NO_CACHE",
    "UV_OFFLINE",
    "UV_REQUEST_TIMEOUT",
    "UV_SYSTEM_CERTS",
];

#[cfg(test)]
mod tests {
    use super::unknown;

    #[test]
    fn what_uv_could_not_ask_is_read_from_its_message() {
        for (text, expected) in [
            ("error: Failed to build `a-b==1.0`\n cause: x", Some(("a-b", Some("1.0")))),
            ("error: Failed to download and build `a==2`", Some(("a", Some("2")))),
            ("error: Failed to build `a @ file:///x`", Some(("a", None))),
            ("error: No solution found", None),
        ] {
            let found = unknown(text);
            let found = found.map(|(name, version)| {
                (name.to_string(), version.map(|version| version.to_string()))
            });
            let expected = expected.map(|(name, version): (&str, Option<&str>)| {
                (name.to_owned(), version.map(str::to_owned))
            });
            assert_eq!(found, expected, "{text}");
        }
    }
}
