//! A case of the corpus: `golden/faults/<name>/case.toml`, and the package beside it.

use std::path::Path;

use anyhow::Context as _;
use base::sys::files::sorted_entries;
use fs_err as fs;
use serde::{Deserialize, Serialize};

/// One source of nondeterminism.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    /// The name of its directory.
    #[serde(skip_deserializing)]
    pub(super) name: String,
    /// The kind of source, by its number in our list of them; 0 is none of these.
    pub(super) row: u32,
    /// What goes wrong, in one line.
    pub(super) what: String,
    /// Ids of the causes that must be named, and no others.
    pub(super) causes: Vec<String>,
    /// The variations without which nothing differs; none if it is random by itself.
    pub(super) bites: Vec<String>,
    /// What another tool must show of it, so that a person can tell the cause.
    pub(super) evidence: String,
}

/// All cases, sorted by row and name.
pub(super) fn read_all(directory: &Path) -> anyhow::Result<Vec<Case>> {
    let mut cases = Vec::new();
    for entry in sorted_entries(directory)? {
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let path = entry.path().join("case.toml");
        let text = fs::read_to_string(&path)?;
        let case: Case =
            toml::from_str(&text).with_context(|| format!("cannot read `{}`", path.display()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        cases.push(Case { name, ..case });
    }
    cases.sort_by(|a, b| (a.row, &a.name).cmp(&(b.row, &b.name)));
    Ok(cases)
}
