//! The reviewed table of system packages and their contents: `system.toml`, by provider. A provider
//! that is not in it has no entries, which is not an error.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use super::Missing;
use base::recipe::Provider;

const TABLE: &str = include_str!("system.toml");

/// What is known of a provider's packages.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct System {
    /// What the build of a distribution from source needs, by its normalised name.
    distributions: BTreeMap<String, Vec<String>>,
    /// Packages by header, as it is included.
    headers: BTreeMap<String, String>,
    /// By name of a library.
    libraries: BTreeMap<String, String>,
    /// By name of a `.pc` file.
    pkg_config: BTreeMap<String, String>,
    /// By name of what `CMake` looks for.
    cmake: BTreeMap<String, String>,
    /// By name of a program.
    programs: BTreeMap<String, String>,
    /// By file name of a shared library: what runs needs.
    shared_objects: BTreeMap<String, String>,
}

impl System {
    /// What is known of a provider.
    pub fn of(provider: Provider) -> Option<&'static Self> {
        static TABLES: OnceLock<BTreeMap<Provider, System>> = OnceLock::new();
        let read = || toml::from_str(TABLE).expect("a test reads the table");
        TABLES.get_or_init(read).get(&provider)
    }

    /// The package that has what is missing.
    pub fn package(&self, missing: &Missing) -> Option<&str> {
        let table = match missing {
            Missing::Header(_) => &self.headers,
            Missing::Library(_) => &self.libraries,
            Missing::PkgConfig(_) => &self.pkg_config,
            Missing::CMake(_) => &self.cmake,
            Missing::Program(_) => &self.programs,
            Missing::SharedObject(_) => &self.shared_objects,
            Missing::Module(_) | Missing::Network(_) | Missing::Version => return None,
        };
        table.get(missing.name()).map(String::as_str)
    }

    /// What the build of a distribution needs, by its normalised name.
    pub fn packages_of(&self, distribution: &str) -> &[String] {
        self.distributions.get(distribution).map_or(&[], Vec::as_slice)
    }

    /// The distributions of which it knows what their builds need.
    pub fn distributions(&self) -> impl Iterator<Item = &String> {
        self.distributions.keys()
    }

    /// Every package that the table names.
    pub fn packages(&self) -> impl Iterator<Item = &str> {
        let tables = [
            &self.headers,
            &self.libraries,
            &self.pkg_config,
            &self.cmake,
            &self.programs,
            &self.shared_objects,
        ];
        let single = tables.into_iter().flat_map(BTreeMap::values);
        self.distributions.values().flatten().chain(single).map(String::as_str)
    }
}
