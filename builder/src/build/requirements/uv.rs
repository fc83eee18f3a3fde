//! One call of `uv pip compile`: its input files, its environment and its output.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use base::packaging::PackageName;
use base::packaging::Version;
use fs_err as fs;

use super::Maker;
use super::asked::Asked;
use super::built::BuiltMetadata;
use super::run::Run;
use crate::fetch::index::{Index, Indexes};
use base::sys::Host;
use base::sys::process::Process;
use base::vocabulary::Problem;

/// The metadata of a distribution that is passed to uv.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) metadata: BuiltMetadata,
    /// Whether that is what its wheel says; else nothing is known yet.
    pub(super) proven: bool,
}

/// By name, and by version if it comes from an index.
pub(super) type Metadata = BTreeMap<(PackageName, Option<Version>), Told>;

/// How one call of uv ended.
pub(super) enum Ended {
    Resolved(String),
    Failed(String),
}

impl Maker<'_> {
    pub(super) fn call(
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
    pub(super) fn write(
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
        let constraints = self.constraints(asked.resolution);
        let constraints: String =
            constraints.keys().flat_map(|text| [text.as_str(), "\n"]).collect();
        let write = |name: &str, text: String| private(&asked.uv_dir.join(name), &text);
        write("pyproject.toml", project.to_string())
            .and_then(|()| write("uv.toml", configuration.to_string()))
            .and_then(|()| write("constraints.txt", constraints))
            .map_err(|error| Problem::new("cannot write build requirements for uv").cause(error))
    }

    /// What decides how uv's own builds resolve, and nothing else of the project's configuration.
    fn configuration(&self, told: &Metadata) -> toml::Table {
        let uv = &self.application.project.uv;
        let names = |names: &BTreeSet<PackageName>| {
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
