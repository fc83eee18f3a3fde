//! The parts of a `pyproject.toml` that this tool reads: `[build-system]` (PEP 518, 517) and the
//! parts of `[tool.uv]` that decide what is built from source and how. Text in, values out.

mod origins;

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use serde::Deserialize;

use crate::lock::DefaultGroups;
use base::packaging::{PackageName, Requirement};
use base::recipe::ConfigSettings;
use base::vocabulary::limits::PYPROJECT_BYTES;
use base::vocabulary::{Markers, Problem, shortened};

pub use origins::{BuildSources, Declared, IndexEntry, Origins};

/// A parsed `pyproject.toml`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pyproject {
    /// `[project] name`.
    pub name: Option<PackageName>,
    /// `[build-system]`, if there is one.
    pub build_system: Option<BuildSystem>,
    /// `[tool.uv]`.
    pub uv: UvTable,
}

/// `[build-system]`.
#[derive(Debug, Clone, PartialEq)]
pub struct BuildSystem {
    /// What the backend needs before any of its hooks can run.
    pub requires: Vec<Requirement>,
    /// The backend's object; absent means the legacy backend of setuptools.
    pub backend: Option<String>,
    /// Directories of the tree that hold an in-tree backend.
    pub backend_path: Vec<String>,
}

/// The parts of `[tool.uv]` that matter to a build.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UvTable {
    /// `no-build-isolation`: all builds see what is installed.
    pub no_build_isolation: bool,
    /// `no-build-isolation-package`.
    pub no_build_isolation_package: BTreeSet<PackageName>,
    /// `no-binary`: nothing may come as a wheel.
    pub no_binary: bool,
    /// `no-binary-package`.
    pub no_binary_package: BTreeSet<PackageName>,
    /// `no-build`: nothing may be built from source.
    pub no_build: bool,
    /// `no-build-package`.
    pub no_build_package: BTreeSet<PackageName>,
    /// `default-groups`; `None` is uv's own default, `dev`.
    pub default_groups: Option<DefaultGroups>,
    /// `extra-build-dependencies`: more build requirements by distribution.
    pub extra_build_dependencies: BTreeMap<PackageName, Vec<ExtraBuildDependency>>,
    /// `extra-build-variables`: environment of builds by distribution.
    pub extra_build_variables: BTreeMap<PackageName, BTreeMap<String, String>>,
    /// `config-settings`: for all backends.
    pub config_settings: ConfigSettings,
    /// `config-settings-package`: by distribution.
    pub config_settings_package: BTreeMap<PackageName, ConfigSettings>,
    /// `build-constraint-dependencies`.
    pub build_constraints: Vec<Requirement>,
    /// Where packages come from.
    pub origins: Origins,
}

/// An entry of `extra-build-dependencies`.
#[derive(Debug, Clone, PartialEq)]
pub struct ExtraBuildDependency {
    /// What is added.
    pub requirement: Requirement,
    /// Whether the version must be that of the run time's resolution.
    pub match_runtime: bool,
}

/// The build requirements of a tree without `[build-system]`: PEP 517 says that setuptools' legacy
/// backend builds it. `wheel` is for setuptools older than 70.1, which uv asks for no longer.
pub const FALLBACK_REQUIRES: &str = "setuptools>=40.8.0";

impl UvTable {
    /// The settings of a `uv.toml`.
    pub(super) fn of_uv_toml(settings: toml::Table) -> Result<Self, Problem> {
        let wire = UvWire::deserialize(settings).map_err(|error| {
            Problem::usage("cannot read the project's `uv.toml`")
                .fact("because", error.to_string().trim_end())
        })?;
        uv_table("`uv.toml`", wire, &mut Markers::default())
    }

    /// These settings, with those that are read from `[tool.uv]` of `project` even beside a
    /// `uv.toml`.
    #[must_use]
    pub(super) fn beside(self, project: Self) -> Self {
        let Self { default_groups, build_constraints, .. } = project;
        Self { default_groups, build_constraints, ..self }
    }

    /// Whether uv builds a distribution in the environment of the project.
    pub fn is_not_isolated(&self, name: &PackageName) -> bool {
        self.no_build_isolation || self.no_build_isolation_package.contains(name)
    }
}

impl Pyproject {
    /// Parses the text of a `pyproject.toml`; `whose` names it in messages.
    pub fn parse(whose: &str, text: &str) -> Result<Self, Problem> {
        let unread = |because: &dyn std::fmt::Display| {
            Problem::usage(format!("cannot read the `pyproject.toml` of {whose}"))
                .fact("because", because.to_string().trim_end())
        };
        PYPROJECT_BYTES.check(text.len()).map_err(|error| unread(&error))?;
        let wire: Wire = toml::from_str(text).map_err(|error| unread(&error))?;
        let mut markers = Markers::default();
        Ok(Self {
            name: wire
                .project
                .and_then(|project| project.name)
                .map(|name| parsed(whose, "project.name", &name))
                .transpose()?,
            build_system: wire
                .build_system
                .map(|wire| build_system(whose, wire, &mut markers))
                .transpose()?,
            uv: uv_table(whose, wire.tool.uv, &mut markers)?,
        })
    }

    /// What the backend needs before any of its hooks can run, with PEP 517's fallback.
    pub fn build_requires(&self) -> Vec<Requirement> {
        match &self.build_system {
            Some(system) => system.requires.clone(),
            None => vec![FALLBACK_REQUIRES.parse().expect("it is a requirement")],
        }
    }

    /// The backend's object, with PEP 517's fallback.
    pub fn backend(&self) -> &str {
        let backend = self.build_system.as_ref().and_then(|system| system.backend.as_deref());
        backend.unwrap_or("setuptools.build_meta:__legacy__")
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Wire {
    project: Option<ProjectWire>,
    build_system: Option<BuildSystemWire>,
    #[serde(default)]
    tool: ToolWire,
}

#[derive(Debug, Deserialize)]
struct ProjectWire {
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct BuildSystemWire {
    #[serde(default)]
    requires: Vec<String>,
    build_backend: Option<String>,
    #[serde(default)]
    backend_path: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
struct ToolWire {
    #[serde(default)]
    uv: UvWire,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct UvWire {
    #[serde(default)]
    no_build_isolation: bool,
    #[serde(default)]
    no_build_isolation_package: Vec<String>,
    no_binary: Option<bool>,
    #[serde(default)]
    no_binary_package: Vec<String>,
    no_build: Option<bool>,
    #[serde(default)]
    no_build_package: Vec<String>,
    default_groups: Option<DefaultGroups>,
    #[serde(default)]
    extra_build_dependencies: BTreeMap<String, Vec<ExtraWire>>,
    #[serde(default)]
    extra_build_variables: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(default)]
    config_settings: ConfigSettings,
    #[serde(default)]
    config_settings_package: BTreeMap<String, ConfigSettings>,
    #[serde(default)]
    build_constraint_dependencies: Vec<String>,
    #[serde(flatten)]
    origins: Origins,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum ExtraWire {
    Text(String),
    Table {
        requirement: String,
        #[serde(default, rename = "match-runtime")]
        match_runtime: bool,
    },
}

fn build_system(
    whose: &str,
    wire: BuildSystemWire,
    markers: &mut Markers,
) -> Result<BuildSystem, Problem> {
    Ok(BuildSystem {
        requires: requirements(whose, "build-system.requires", &wire.requires, markers)?,
        backend: wire.build_backend,
        backend_path: wire.backend_path,
    })
}

fn uv_table(whose: &str, wire: UvWire, markers: &mut Markers) -> Result<UvTable, Problem> {
    let key = "tool.uv.extra-build-dependencies";
    let build_constraints = requirements(
        whose,
        "tool.uv.build-constraint-dependencies",
        &wire.build_constraint_dependencies,
        markers,
    )?;
    let mut extra = |wire: ExtraWire| {
        let (text, match_runtime) = match wire {
            ExtraWire::Text(text) => (text, false),
            ExtraWire::Table { requirement, match_runtime } => (requirement, match_runtime),
        };
        let requirement =
            markers.requirement(&text).map_err(|error| invalid(whose, key, &text, error))?;
        Ok(ExtraBuildDependency { requirement, match_runtime })
    };
    Ok(UvTable {
        no_build_isolation: wire.no_build_isolation,
        no_build_isolation_package: all(
            whose,
            "tool.uv.no-build-isolation-package",
            &wire.no_build_isolation_package,
        )?,
        no_binary: wire.no_binary == Some(true),
        no_binary_package: listed(
            wire.no_binary,
            all(whose, "tool.uv.no-binary-package", &wire.no_binary_package)?,
        ),
        no_build: wire.no_build == Some(true),
        no_build_package: listed(
            wire.no_build,
            all(whose, "tool.uv.no-build-package", &wire.no_build_package)?,
        ),
        default_groups: wire.default_groups,
        extra_build_dependencies: wire
            .extra_build_dependencies
            .into_iter()
            .map(|(name, extras)| {
                let extras = extras.into_iter().map(&mut extra).collect::<Result<_, Problem>>()?;
                Ok((parsed(whose, key, &name)?, extras))
            })
            .collect::<Result<_, Problem>>()?,
        extra_build_variables: wire
            .extra_build_variables
            .into_iter()
            .map(|(name, env)| Ok((parsed(whose, "tool.uv.extra-build-variables", &name)?, env)))
            .collect::<Result<_, Problem>>()?,
        config_settings: wire.config_settings,
        config_settings_package: wire
            .config_settings_package
            .into_iter()
            .map(|(name, own)| Ok((parsed(whose, "tool.uv.config-settings-package", &name)?, own)))
            .collect::<Result<_, Problem>>()?,
        origins: wire.origins,
        build_constraints,
    })
}

/// Beside an explicit `no-binary = false`, uv takes `no-binary-package` for nothing, and so with
/// `no-build`.
fn listed(all: Option<bool>, names: BTreeSet<PackageName>) -> BTreeSet<PackageName> {
    if all == Some(false) { BTreeSet::new() } else { names }
}

fn parsed<T: FromStr>(whose: &str, key: &str, text: &str) -> Result<T, Problem>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error| invalid(whose, key, text, error))
}

fn requirements(
    whose: &str,
    key: &str,
    texts: &[String],
    markers: &mut Markers,
) -> Result<Vec<Requirement>, Problem> {
    let mut read =
        |text: &String| markers.requirement(text).map_err(|error| invalid(whose, key, text, error));
    texts.iter().map(&mut read).collect()
}

fn invalid(whose: &str, key: &str, text: &str, because: impl std::fmt::Display) -> Problem {
    Problem::usage(format!("`{}` in `{key}` of {whose} is not valid", shortened(text)))
        .fact("because", because)
}

fn all<T: FromStr, C: FromIterator<T>>(
    whose: &str,
    key: &str,
    texts: &[String],
) -> Result<C, Problem>
where
    T::Err: std::fmt::Display,
{
    texts.iter().map(|text| parsed(whose, key, text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_without_build_system_falls_back_to_setuptools() {
        let pyproject = Pyproject::parse("`a`", "[project]\nname = 'A.b'").unwrap();
        assert_eq!(pyproject.name.as_ref().unwrap().to_string(), "a-b");
        assert_eq!(pyproject.backend(), "setuptools.build_meta:__legacy__");
        assert_eq!(pyproject.build_requires()[0].name.to_string(), "setuptools");
    }

    #[test]
    fn uvs_table_is_read() {
        let text = "
            [build-system]
            requires = ['hatchling>=1', 'x; sys_platform == \"win32\"']
            build-backend = 'hatchling.build'
            [tool.uv]
            no-binary-package = ['LXML']
            default-groups = 'all'
            build-constraint-dependencies = ['setuptools<81']
            [tool.uv.extra-build-dependencies]
            a = ['b>1', { requirement = 'c', match-runtime = true }]
            [tool.uv.extra-build-variables]
            a = { X = '1' }
            [tool.other]
            anything = { goes = [1, 2] }
        ";
        let pyproject = Pyproject::parse("`a`", text).unwrap();
        assert_eq!(pyproject.build_requires().len(), 2);
        assert_eq!(pyproject.uv.default_groups, Some(DefaultGroups::All));
        assert!(pyproject.uv.no_binary_package.iter().any(|name| name.as_ref() == "lxml"));
        let extras = &pyproject.uv.extra_build_dependencies.values().next().unwrap();
        assert_eq!(
            extras.iter().map(|extra| extra.match_runtime).collect::<Vec<_>>(),
            [false, true]
        );
        assert_eq!(pyproject.uv.extra_build_variables.values().next().unwrap()["X"], "1");
    }

    #[test]
    fn mistakes_name_the_key() {
        for (text, expected) in [
            ("[build-system]\nrequires = ['a b']", "`build-system.requires`"),
            ("[tool.uv]\ndefault-groups = 'some'", "`tool.uv.default-groups`"),
            ("[tool.uv]\nno-binary-package = ['!']", "`tool.uv.no-binary-package`"),
            ("[project", "cannot read"),
        ] {
            let problem = Pyproject::parse("`a`", text).unwrap_err().to_string();
            assert!(problem.contains(expected), "{text}: {problem}");
        }
    }
}
