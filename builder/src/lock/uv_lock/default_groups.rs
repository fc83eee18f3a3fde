//! The dependency groups that are installed by default, from `pyproject.toml` and, since revision
//! 5, from `uv.lock`.

use std::collections::BTreeSet;

use serde::Deserialize;

use base::packaging::GroupName;

/// `tool.uv.default-groups`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Wire")]
pub enum DefaultGroups {
    /// `"all"`.
    All,
    /// A list.
    Some(BTreeSet<GroupName>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Wire {
    Word(String),
    List(BTreeSet<GroupName>),
}

impl TryFrom<Wire> for DefaultGroups {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
        match wire {
            Wire::Word(word) if word == "all" => Ok(Self::All),
            Wire::Word(word) => {
                Err(format!("`tool.uv.default-groups` is `{word}`; it is a list or `all`"))
            }
            Wire::List(names) => Ok(Self::Some(names)),
        }
    }
}
