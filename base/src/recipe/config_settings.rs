//! Config settings: the options that a build frontend passes to a backend (PEP 517): one string or
//! a list of strings per key. Recipes and uv's settings write them as a TOML table.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Config settings by key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConfigSettings(BTreeMap<String, ConfigValue>);

/// The value of a key. A list of one text is not the text: a backend sees the difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a string or a list of strings")]
pub enum ConfigValue {
    /// One text.
    Text(String),
    /// Several.
    List(Vec<String>),
}

impl ConfigValue {
    fn into_list(self) -> Vec<String> {
        match self {
            Self::Text(text) => vec![text],
            Self::List(texts) => texts,
        }
    }
}

impl ConfigSettings {
    /// No settings.
    pub const NONE: Self = Self(BTreeMap::new());

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the settings that all distributions have to those that one has. A key that both have
    /// gets the list of both values, as uv makes it: `config-settings-package` before
    /// `config-settings`.
    #[must_use]
    pub fn followed_by(mut self, general: &Self) -> Self {
        for (key, value) in &general.0 {
            let both = match self.0.remove(key) {
                None => value.clone(),
                Some(own) => {
                    let mut texts = own.into_list();
                    texts.extend(value.clone().into_list());
                    ConfigValue::List(texts)
                }
            };
            self.0.insert(key.clone(), both);
        }
        self
    }

    /// Replaces the values of the keys that `over` has.
    #[must_use]
    pub fn overridden_by(mut self, over: &Self) -> Self {
        self.0.extend(over.0.clone());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> ConfigSettings {
        toml::from_str(text).unwrap()
    }

    /// The values are what a backend got from `uv sync` (uv 0.13.9) with the first two tables as
    /// `config-settings-package` and `config-settings`.
    #[test]
    fn settings_of_a_package_come_before_those_of_all() {
        let own = settings("a = '2'\nb = ['w']\nd = ['h']\ne = 'q'");
        let general = settings("a = '1'\nb = ['x', 'y']\nc = 'z'\nd = 'g'");
        let both = own.followed_by(&general);
        let expected = "a = ['2', '1']\nb = ['w', 'x', 'y']\nc = 'z'\nd = ['h', 'g']\ne = 'q'";
        assert_eq!(both, settings(expected));
        let over = settings("a = 'recipe'");
        assert_eq!(
            both.overridden_by(&over),
            settings(&expected.replace("['2', '1']", "'recipe'"))
        );
    }

    #[test]
    fn a_value_is_a_text_or_texts() {
        for text in ["a = true", "a = 1", "a = [1]", "a = { b = 'c' }"] {
            let error = toml::from_str::<ConfigSettings>(text).unwrap_err().to_string();
            assert!(error.contains("a string or a list of strings"), "{text}: {error}");
        }
    }
}
