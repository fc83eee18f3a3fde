//! The name of one build.

use std::fmt;
use std::str::FromStr;

use base::packaging::PackageName;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::lock::build_lock::Requirement;

/// The name of one build: of a distribution that is installed, or of a build requirement that is
/// built for other builds only. The same distribution can be both, in two versions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum BuildName {
    /// What the resolution builds.
    Installed(PackageName),
    /// What only the build lock knows.
    Tool(Requirement),
}

impl BuildName {
    /// The distribution that is built.
    pub fn distribution(&self) -> &PackageName {
        match self {
            Self::Installed(name) => name,
            Self::Tool(requirement) => &requirement.name,
        }
    }
}

impl From<PackageName> for BuildName {
    fn from(name: PackageName) -> Self {
        Self::Installed(name)
    }
}

/// `lxml`, or `lxml==6.0.2` of a build requirement: also a name of files.
impl fmt::Display for BuildName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installed(name) => name.fmt(f),
            Self::Tool(requirement) => requirement.fmt(f),
        }
    }
}

impl FromStr for BuildName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = |name: &str| name.parse::<PackageName>().map_err(|error| error.to_string());
        let Some((found, version)) = text.split_once("==") else {
            return name(text).map(Self::Installed);
        };
        let version = version.parse().map_err(|_| format!("`{version}` is not a version"))?;
        Ok(Self::Tool(Requirement { name: name(found)?, version }))
    }
}

impl Serialize for BuildName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BuildName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_survives_being_written() {
        for text in ["lxml", "lxml==6.0.2"] {
            let name: BuildName = text.parse().unwrap();
            assert_eq!(name.to_string(), text);
            assert_eq!(name.distribution().as_ref(), "lxml");
        }
        assert!("a b".parse::<BuildName>().is_err());
    }
}
