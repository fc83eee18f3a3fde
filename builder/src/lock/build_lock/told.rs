//! The settings of one distribution's build besides its own tree: from the project's uv
//! configuration, and from the recipe. The backend gets the same settings when it is asked for its
//! requirements.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::lock::pyproject::Pyproject;
use base::packaging::PackageName;
use base::recipe::{ConfigSettings, NativeCpu, Recipe};
use base::vocabulary::Sha256;
use base::vocabulary::fingerprint::Fingerprint;

/// The settings of project and recipe for the build of one distribution.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Told {
    /// Variables: the project's `extra-build-variables`, and over them the recipe's `build.env`.
    pub variables: BTreeMap<String, String>,
    /// Config settings: uv's, and over them the recipe's `build.config-settings`.
    pub config_settings: ConfigSettings,
    /// How `-march=native` is handled. No answer depends on it.
    #[serde(skip)]
    pub native_cpu: NativeCpu,
}

impl Told {
    /// The settings of a distribution.
    pub fn of(name: &PackageName, recipe: &Recipe, project: &Pyproject) -> Self {
        let (uv, recipe) = (&project.uv, recipe.build_settings(name));
        let mut variables = uv.extra_build_variables.get(name).cloned().unwrap_or_default();
        variables.extend(recipe.env.clone());
        let own = uv.config_settings_package.get(name).cloned().unwrap_or_default();
        let config_settings =
            own.followed_by(&uv.config_settings).overridden_by(&recipe.config_settings);
        Self { variables, config_settings, native_cpu: recipe.native_cpu }
    }

    /// The fingerprint under which the answer of a backend is locked; `None` if there are no
    /// settings.
    pub fn lock_key(&self) -> Option<Sha256> {
        if self.variables.is_empty() && self.config_settings.is_empty() {
            return None;
        }
        let text = serde_json::to_string(self).expect("these are plain values");
        Some(Fingerprint::new("told to a backend 1").with("told", text).finish())
    }
}
