//! What a recipe says of its toolchain: `[toolchain]`.

use std::collections::BTreeSet;

use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ToolchainWire {
    providers: Option<Vec<Provider>>,
    #[serde(default)]
    debian: DebianWire,
}

/// A kind of toolchain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// A root of unpacked Debian packages.
    Debian,
    /// The machine's own root, with an interpreter that uv finds.
    Host,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct DebianWire {
    suite: Option<String>,
    #[serde(default)]
    packages: Vec<String>,
    #[serde(default)]
    mirrors: Vec<url::Url>,
}

/// What the Debian provider installs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebianSettings {
    /// The suite, such as `forky`.
    pub suite: String,
    /// Packages beside the base set and those of single builds.
    pub packages: BTreeSet<String>,
    /// Where archives of locked packages are looked for that the machine's own mirror no longer
    /// has.
    pub mirrors: Vec<url::Url>,
}

impl ToolchainWire {
    /// The providers in order of preference, and what Debian's installs.
    pub(super) fn checked(self) -> (Vec<Provider>, DebianSettings) {
        let DebianWire { suite, packages, mirrors } = self.debian;
        let providers = self.providers.unwrap_or_else(|| vec![Provider::Debian, Provider::Host]);
        let suite = suite.unwrap_or_else(|| "forky".to_owned());
        (providers, DebianSettings { suite, packages: packages.into_iter().collect(), mirrors })
    }
}
