//! The key of a stored wheel: everything that its build can depend on, and nothing else. Runtime
//! dependencies and the number of parallel builds are not in it, because they do not change the
//! wheel.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::view::Sight;
use super::workshop::Workshop;
use crate::lock::build_graph::BuildName;
use crate::toolchain::Toolchain;
use base::packaging::PackageName;
use base::recipe::{BuildSettings, ConfigSettings};
use base::vocabulary::digest::Sri;
use base::vocabulary::{Inputs, Problem, Sha256};

/// Raised when a build sees something else although no input below changes, for example when
/// sources are laid out differently. The digest of this program would rebuild everything after each
/// change of it.
const BUILDER: &str = "wheel 2";

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct BuildInputs<'a> {
    builder: &'static str,
    distribution: &'a PackageName,
    version: Option<String>,
    source: Sri,
    subdirectory: Option<&'a str>,
    /// What the build asks for decides whether it may use `requirements` at all.
    requires: &'a BTreeSet<String>,
    backend: &'a str,
    requirements: BTreeMap<&'a PackageName, String>,
    settings: BuildSettings,
    environment: serde_json::Value,
    target: String,
    toolchain: ToolchainInputs<'a>,
    uv: Sha256,
}

/// The fingerprint says it all; the rest says what changed when that does.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ToolchainInputs<'a> {
    fingerprint: Sha256,
    python: &'a str,
    packages: BTreeMap<&'a str, &'a str>,
}

impl<'a> ToolchainInputs<'a> {
    fn of(toolchain: &'a Toolchain) -> Self {
        let packages = toolchain.packages.iter();
        Self {
            fingerprint: toolchain.fingerprint,
            python: &toolchain.python_version,
            packages: packages.map(|it| (it.name.as_str(), it.version.as_str())).collect(),
        }
    }
}

/// The key under which a wheel of these inputs is stored.
pub fn key(inputs: &Inputs) -> Sha256 {
    inputs.key(BUILDER)
}

impl Workshop<'_> {
    /// What the build of a distribution depends on, given a part of the source tree or all of it.
    /// `built` returns the digest of a build requirement that is built from source, so that
    /// rebuilding it to the same bytes changes nothing.
    pub fn inputs(
        &self,
        build: &BuildName,
        sight: Sight,
        built: impl Fn(&BuildName) -> String,
    ) -> Result<Inputs, Problem> {
        let distribution = &*self.distribution(build);
        let name = &distribution.name;
        let needs = self.needs(build)?;
        let settings = self.recipe.build_settings(name).clone();
        Ok(Inputs::of(&BuildInputs {
            builder: BUILDER,
            distribution: name,
            version: distribution.version.as_ref().map(ToString::to_string),
            source: self.sources.identity(distribution, sight)?,
            subdirectory: distribution.artifact.subdirectory(),
            requires: &needs.requires,
            backend: &self.locked(build)?.backend,
            requirements: self.requirements(build, built)?,
            // What it tells the build is in the environment, as the build sees it.
            settings: BuildSettings {
                env: BTreeMap::new(),
                config_settings: ConfigSettings::NONE,
                ..settings
            },
            environment: self.environment(build, sight)?.described(),
            target: self.resolution.target.to_string(),
            toolchain: ToolchainInputs::of(self.toolchain),
            uv: self.uv.sha256,
        }))
    }

    fn requirements(
        &self,
        build: &BuildName,
        built: impl Fn(&BuildName) -> String,
    ) -> Result<BTreeMap<&PackageName, String>, Problem> {
        let needs = self.needs(build)?;
        let of = |requirement: &'_ crate::lock::build_lock::Requirement| {
            let name = &requirement.name;
            let content = if needs.from_source.contains(name) {
                built(&self.build_lock.build_of(requirement, self.resolution, build)?)
            } else {
                let wheel = self.build_lock.wheel(requirement, &self.resolution.target)?;
                format!("sha256:{}", wheel.sha256)
            };
            Ok(format!("{} {content}", requirement.version))
        };
        needs.requirements.iter().map(|it| Ok((&it.name, of(it)?))).collect()
    }
}
