//! Every setting of uv, and how this tool treats it. A `uv.toml` beside `pyproject.toml` replaces
//! `[tool.uv]` as uv's configuration; the settings that uv counts as part of the project are still
//! read from `[tool.uv]`. A test compares the table with the list of a real uv.
//!
//! From a user's or a machine's own `uv.toml`, only the index is read, for packages where neither
//! project nor lock names one (`fetch::index`): an output must not depend on the machine that
//! builds it. A `uv.toml` above the source tree is not part of the source and is not read.

use crate::lock::pyproject::{Pyproject, UvTable};
use base::packaging::{Version, VersionSpecifiers};
use base::recipe::nearest;
use base::vocabulary::Problem;

use Here::{Honoured, Meaningless, Refused, Warned};
use Whose::{Project, Shared, Tool};

/// The uv whose settings these are, and which builds.
pub const UV_VERSION: &str = "0.13.9";

/// A setting of uv.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its key in `uv.toml`, and below `[tool.uv]`.
    pub key: &'static str,
    /// Where uv reads it.
    pub whose: Whose,
    /// How this tool treats it.
    pub here: Here,
}

/// Where uv reads a setting when it syncs a project, as uv 0.13.9 was seen to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// `uv.toml`, else `[tool.uv]`.
    Tool,
    /// `[tool.uv]`, also beside a `uv.toml`, whose own value counts for `uv pip` alone.
    Shared,
    /// `[tool.uv]`; uv rejects it in a `uv.toml`.
    Project,
}

/// How this tool treats a setting; the text says where, or why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Here {
    /// It does here what it does in uv, or the build stops.
    Honoured(&'static str),
    /// The build stops where it asks for this.
    Refused(&'static str),
    /// It is not followed, and a warning says so.
    Warned(&'static str),
    /// It cannot change what is built.
    Meaningless(&'static str),
}

const LOCKED: Here = Honoured("`uv lock` has followed it, and the lock holds what came of it");
const NETWORK: Here = Meaningless("how the network is reached is the machine's to say");
const MACHINE: Here = Meaningless("it concerns the machine that uv runs on");
const INDEXES: Here = Honoured("build requirements are resolved with it");
const OTHER_COMMANDS: Here = Meaningless("it is for other commands of uv");
const DISTRIBUTIONS: Here = Honoured("it decides which distributions are built from source");
const TOLD: Here = Honoured("the build, and the question what it needs, are told it");

const fn row(key: &'static str, whose: Whose, here: Here) -> Setting {
    Setting { key, whose, here }
}

/// Every setting, in uv's order.
pub const SETTINGS: [Setting; 79] = [
    row("required-version", Tool, Warned("uv 0.13.9 builds, which it excludes")),
    row("system-certs", Tool, NETWORK),
    row("native-tls", Tool, NETWORK),
    row("offline", Tool, NETWORK),
    row("no-cache", Tool, MACHINE),
    row("cache-dir", Tool, MACHINE),
    row("preview", Tool, Meaningless("no preview changes how a locked project is built")),
    row("preview-features", Tool, Meaningless("no preview changes how a locked project is built")),
    row("python-preference", Tool, Meaningless("the recipe's toolchain has the interpreter")),
    row("python-downloads", Tool, Meaningless("the recipe's toolchain has the interpreter")),
    row("concurrent-downloads", Tool, MACHINE),
    row("concurrent-builds", Tool, MACHINE),
    row("concurrent-installs", Tool, MACHINE),
    row("index", Tool, INDEXES),
    row("index-url", Tool, INDEXES),
    row("extra-index-url", Tool, INDEXES),
    row("no-index", Tool, INDEXES),
    row("find-links", Tool, INDEXES),
    row("index-strategy", Tool, INDEXES),
    row("keyring-provider", Tool, NETWORK),
    row("http-proxy", Tool, NETWORK),
    row("https-proxy", Tool, NETWORK),
    row("no-proxy", Tool, NETWORK),
    row("allow-insecure-host", Tool, NETWORK),
    row("resolution", Tool, LOCKED),
    row("prerelease", Tool, LOCKED),
    row("prerelease-package", Tool, LOCKED),
    row("fork-strategy", Tool, LOCKED),
    row("dependency-metadata", Tool, LOCKED),
    row("config-settings", Tool, TOLD),
    row("config-settings-package", Tool, TOLD),
    row(
        "no-build-isolation",
        Tool,
        Honoured("a build with it needs `build.requires` in the recipe"),
    ),
    row("require-build-hashes", Tool, Honoured("every build requirement is locked by its sha256")),
    row(
        "no-build-isolation-package",
        Tool,
        Honoured("a build with it needs `build.requires` in the recipe"),
    ),
    row("extra-build-dependencies", Tool, Honoured("the build lock has them")),
    row("extra-build-variables", Tool, TOLD),
    row("exclude-newer", Tool, Honoured("no build requirement is newer than the lock's files")),
    row(
        "exclude-newer-package",
        Tool,
        Warned("of build requirements, all are bounded by the newest file of the lock"),
    ),
    row("link-mode", Tool, MACHINE),
    row("compile-bytecode", Tool, Meaningless("the recipe's `bytecode` says whether it is made")),
    row(
        "no-sources",
        Tool,
        Warned("build requirements still come from where `[tool.uv.sources]` has them"),
    ),
    row(
        "no-sources-package",
        Tool,
        Warned("build requirements still come from where `[tool.uv.sources]` has them"),
    ),
    row("upgrade", Tool, OTHER_COMMANDS),
    row("upgrade-package", Tool, OTHER_COMMANDS),
    row("reinstall", Tool, MACHINE),
    row("reinstall-package", Tool, MACHINE),
    row("no-build", Tool, DISTRIBUTIONS),
    row("no-build-package", Tool, DISTRIBUTIONS),
    row("no-binary", Tool, DISTRIBUTIONS),
    row("no-binary-package", Tool, DISTRIBUTIONS),
    row("torch-backend", Tool, OTHER_COMMANDS),
    row("python-install-mirror", Tool, NETWORK),
    row("pypy-install-mirror", Tool, NETWORK),
    row("graalpy-install-mirror", Tool, NETWORK),
    row("pyodide-install-mirror", Tool, NETWORK),
    row("python-downloads-json-url", Tool, NETWORK),
    row("publish-url", Tool, OTHER_COMMANDS),
    row("trusted-publishing", Tool, OTHER_COMMANDS),
    row("check-url", Tool, OTHER_COMMANDS),
    row("add-bounds", Tool, OTHER_COMMANDS),
    row("audit", Tool, OTHER_COMMANDS),
    row("pip", Tool, OTHER_COMMANDS),
    row("cache-keys", Tool, Meaningless("the whole tree is the key of a build")),
    row("override-dependencies", Shared, LOCKED),
    row("exclude-dependencies", Shared, LOCKED),
    row("constraint-dependencies", Shared, LOCKED),
    row("build-constraint-dependencies", Shared, Honoured("the build lock is bounded by them")),
    row("environments", Project, LOCKED),
    row("required-environments", Project, LOCKED),
    row("minimum-libc-version", Project, LOCKED),
    row("conflicts", Project, LOCKED),
    row("workspace", Project, LOCKED),
    row("sources", Project, LOCKED),
    row("managed", Project, Refused("uv manages no environment of a project that says so")),
    row("package", Project, LOCKED),
    row("default-groups", Project, Honoured("the recipe's `project.default-groups` installs them")),
    row("dependency-groups", Project, LOCKED),
    row("dev-dependencies", Project, LOCKED),
    row("build-backend", Project, Honoured("the backend `uv_build` reads it in the tree")),
];

/// Returns a project's `pyproject.toml` with the settings that apply, and warnings about the
/// others. `uv_toml` is the text of the `uv.toml` beside it.
///
/// # Errors
/// One of them cannot be read; `uv.toml` has what uv refuses there; a setting that is refused here.
pub fn read(pyproject: &str, uv_toml: Option<&str>) -> Result<(Pyproject, Vec<String>), Problem> {
    let mut project = Pyproject::parse("the project", pyproject)?;
    let own = tool_uv(pyproject);
    let mut told = unknown(&own);
    let Some(text) = uv_toml else {
        told.extend(followed("tool.uv.", &own)?);
        return Ok((project, told));
    };
    let table: toml::Table = toml::from_str(text).map_err(|error| unread(&error))?;
    refused_by_uv(&table)?;
    let is_read = |setting: &Setting| setting.whose != Tool;
    let (read, ignored): (toml::Table, toml::Table) =
        own.into_iter().partition(|(key, _)| find(key).is_none_or(is_read));
    if !ignored.is_empty() {
        let keys: Vec<String> = ignored.keys().map(|key| format!("`{key}`")).collect();
        told.push(format!(
            "`uv.toml` is uv's configuration, so {} of `[tool.uv]` do not count",
            keys.join(", ")
        ));
    }
    let is_tools = |key: &String| find(key).is_some_and(|setting| setting.whose == Tool);
    let settings: toml::Table = table.into_iter().filter(|(key, _)| is_tools(key)).collect();
    told.extend(followed("tool.uv.", &read)?);
    told.extend(followed("", &settings)?);
    project.uv = UvTable::of_uv_toml(settings)?.beside(project.uv);
    Ok((project, told))
}

fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

/// `[tool.uv]`; empty if there is none.
fn tool_uv(pyproject: &str) -> toml::Table {
    let table: toml::Table = toml::from_str(pyproject).unwrap_or_default();
    let uv = table.get("tool").and_then(|tool| tool.get("uv")).and_then(toml::Value::as_table);
    uv.cloned().unwrap_or_default()
}

/// Because of one key that it does not know, uv warns and ignores all settings of `[tool.uv]`.
fn unknown(own: &toml::Table) -> Vec<String> {
    let unknown = own.keys().filter(|key| find(key).is_none());
    let told = unknown.map(|key| {
        let near = nearest(key, SETTINGS.iter().map(|it| it.key));
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        format!(
            "`tool.uv.{key}` is no setting of uv {UV_VERSION}, which ignores all settings of \
             `[tool.uv]` because of it; here the others count{near}"
        )
    });
    told.collect()
}

/// The settings that uv itself rejects in a `uv.toml`.
fn refused_by_uv(table: &toml::Table) -> Result<(), Problem> {
    for key in table.keys() {
        match find(key) {
            Some(Setting { whose: Project, .. }) => {
                return Err(Problem::usage(format!("`{key}` cannot stand in `uv.toml`"))
                    .fact("because", "it is of a project, and uv refuses it there")
                    .hint(format!("move it to `[tool.uv]` of `pyproject.toml`: `tool.uv.{key}`")));
            }
            Some(_) => {}
            None => {
                let problem = Problem::usage(format!(
                    "`{key}` of `uv.toml` is no setting of uv {UV_VERSION}"
                ));
                let near = nearest(key, SETTINGS.iter().map(|it| it.key));
                return Err(match near {
                    Some(near) => problem.hint(format!("did you mean `{near}`?")),
                    None => problem.hint("uv refuses the file; remove the key"),
                });
            }
        }
    }
    Ok(())
}

/// Judges the settings that were read; messages show their keys with `prefix`.
fn followed(prefix: &str, table: &toml::Table) -> Result<Vec<String>, Problem> {
    let mut told = Vec::new();
    for (key, value) in table {
        match find(key).map(|setting| setting.here) {
            Some(Refused(because)) if key == "managed" && value.as_bool() == Some(false) => {
                return Err(Problem::usage(format!("`{prefix}{key}` is `false`"))
                    .fact("because", because)
                    .hint(format!("remove `{prefix}{key}`")));
            }
            Some(Warned(because)) if asks(key, value)? => {
                told.push(format!("`{prefix}{key}` is not followed: {because}"));
            }
            _ => {}
        }
    }
    Ok(told)
}

/// Whether a setting asks for something that is not so anyway.
fn asks(key: &str, value: &toml::Value) -> Result<bool, Problem> {
    if key == "required-version" {
        let text = value.as_str().unwrap_or_default();
        // Uv takes a version alone for exactly that one.
        let exact = text.parse::<Version>().map(|version| format!("=={version}"));
        let text = exact.unwrap_or_else(|_| text.to_owned());
        let specifiers: VersionSpecifiers = text.parse().map_err(|error| {
            Problem::usage(format!("`{text}` in `required-version` is not valid"))
                .fact("because", error)
        })?;
        let own: Version = UV_VERSION.parse().expect("it is a version");
        return Ok(!specifiers.contains(&own));
    }
    let nothing = match value {
        toml::Value::Boolean(on) => !on,
        toml::Value::Array(items) => items.is_empty(),
        toml::Value::Table(items) => items.is_empty(),
        _ => false,
    };
    Ok(!nothing)
}

fn unread(error: &toml::de::Error) -> Problem {
    Problem::usage("cannot read the project's `uv.toml`")
        .fact("because", error.to_string().trim_end())
}
