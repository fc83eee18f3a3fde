//! What differs between two listings.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use super::{Entry, Listing};

/// A path that is not the same in two listings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Difference {
    /// Relative to the output.
    pub path: String,
    /// Name and version of the distribution that has it; `None` if none has.
    pub distribution: Option<String>,
    /// What differs.
    #[serde(flatten)]
    pub how: How,
}

/// How a path differs: first what was built here, then what the other listing has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "how", rename_all = "kebab-case")]
pub enum How {
    /// It is only here.
    OnlyHere,
    /// It is only there.
    OnlyThere,
    /// A file here, and a directory or link there, or the other way round.
    Kind,
    /// Its content.
    Content {
        /// Its size in bytes here.
        here: u64,
        /// And there.
        there: u64,
    },
    /// Its mode.
    Mode {
        /// Here, in octal.
        here: String,
        /// And there.
        there: String,
    },
}

pub(super) fn differences(here: &Listing, there: &Listing) -> Vec<Difference> {
    let paths: BTreeSet<&String> = here.entries.keys().chain(there.entries.keys()).collect();
    let difference = |path: &String| {
        let (one, other) = (here.entries.get(path), there.entries.get(path));
        let how = how(one, other)?;
        let owner = one.and_then(|entry| here.owner(entry));
        let owner = owner.or_else(|| other.and_then(|entry| there.owner(entry)));
        Some(Difference { path: path.clone(), distribution: owner.map(str::to_owned), how })
    };
    paths.into_iter().filter_map(difference).collect()
}

fn how(here: Option<&Entry>, there: Option<&Entry>) -> Option<How> {
    let (here, there) = match (here, there) {
        (Some(here), Some(there)) => (here, there),
        (Some(_), None) => return Some(How::OnlyHere),
        (None, _) => return Some(How::OnlyThere),
    };
    if here.kind != there.kind {
        return Some(How::Kind);
    }
    if here.sha256 != there.sha256 {
        return Some(How::Content { here: here.size, there: there.size });
    }
    let octal = |entry: &Entry| format!("{:o}", entry.mode);
    (here.mode != there.mode).then(|| How::Mode { here: octal(here), there: octal(there) })
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnlyHere => f.write_str("only here"),
            Self::OnlyThere => f.write_str("only there"),
            Self::Kind => f.write_str("file, link and directory differ"),
            Self::Content { here, there } if here == there => {
                write!(f, "content differs ({here} bytes)")
            }
            Self::Content { here, there } => {
                write!(f, "content differs ({here} bytes here, {there} there)")
            }
            Self::Mode { here, there } => write!(f, "mode is {here} here, {there} there"),
        }
    }
}
