//! Named inputs: a key that can report which input changed. A value is split into its leaves, so
//! every field that is added later becomes an input automatically.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Sha256;
use super::fingerprint::Fingerprint;

/// Inputs by name, such as `requirements.setuptools`, in the order of their names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Inputs(BTreeMap<String, String>);

/// An input that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Its name.
    pub input: String,
    /// What it was; `None` if it was not there.
    pub old: Option<String>,
    /// What it is; `None` if it is not there any more.
    pub new: Option<String>,
}

impl Inputs {
    /// Returns every leaf of `value` under its path. Lists are leaves, because their order counts;
    /// empty values are not inputs.
    pub fn of(value: &impl Serialize) -> Self {
        let mut inputs = Self::default();
        inputs.add("", serde_json::to_value(value).expect("inputs are plain values"));
        inputs
    }

    fn add(&mut self, path: &str, value: Value) {
        let text = match value {
            Value::Null => return,
            Value::Object(fields) => {
                for (name, value) in fields {
                    let dot = if path.is_empty() { "" } else { "." };
                    self.add(&format!("{path}{dot}{name}"), value);
                }
                return;
            }
            Value::Array(items) if items.is_empty() => return,
            Value::String(text) => text,
            other => other.to_string(),
        };
        self.0.insert(path.to_owned(), text);
    }

    /// One input.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The key of these inputs; keys of different kinds never collide.
    pub fn key(&self, kind: &str) -> Sha256 {
        let start = Fingerprint::new(kind);
        self.0.iter().fold(start, |key, (name, value)| key.with(name, value)).finish()
    }

    /// What differs from `old`, by name.
    pub fn changes(&self, old: &Self) -> Vec<Change> {
        let mut names: Vec<&String> = self.0.keys().chain(old.0.keys()).collect();
        names.sort();
        names.dedup();
        let change = |name: &&String| Change {
            input: (*name).clone(),
            old: old.0.get(*name).cloned(),
            new: self.0.get(*name).cloned(),
        };
        names.iter().map(change).filter(|change| change.old != change.new).collect()
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        write!(f, "{}: {} → {}", self.input, shown(&self.old), shown(&self.new))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_leaf_that_changed_is_named() {
        let old = json!({ "source": "a", "env": { "X": "1", "Y": "2" }, "none": {}, "list": [] });
        let cases = [
            (json!({ "source": "a", "env": { "X": "1", "Y": "2" } }), vec![]),
            (json!({ "source": "b", "env": { "X": "1", "Y": "2" } }), vec!["source: a → b"]),
            (json!({ "source": "a", "env": { "X": "1" } }), vec!["env.Y: 2 → nothing"]),
            (
                json!({ "source": "a", "env": { "X": "3", "Y": "2" }, "new": ["p", "q"] }),
                vec!["env.X: 1 → 3", "new: nothing → [\"p\",\"q\"]"],
            ),
        ];
        let old = Inputs::of(&old);
        for (new, expected) in cases {
            let new = Inputs::of(&new);
            let changes: Vec<String> = new.changes(&old).iter().map(ToString::to_string).collect();
            assert_eq!(changes, expected);
            assert_eq!(new.key("test 1") == old.key("test 1"), expected.is_empty());
            assert_ne!(new.key("test 1"), new.key("test 2"));
        }
    }
}
