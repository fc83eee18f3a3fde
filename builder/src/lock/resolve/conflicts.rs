//! Sets of extras and groups of which at most one may be selected (`tool.uv.conflicts`), and the
//! names of their members in markers.

use std::collections::BTreeSet;
use std::str::FromStr;

use super::graph::Part;
use crate::lock::{ConflictItem, ConflictKind, Lock};
use base::packaging::{ExtraName, PackageName};

/// Every member of every conflict set.
pub(super) struct Members(pub(super) BTreeSet<ConflictItem>);

impl Members {
    pub(super) fn new(lock: &Lock) -> Self {
        Self(lock.conflicts.iter().flatten().cloned().collect())
    }

    /// An extra as markers name it, if it is a member.
    pub(super) fn extra(&self, package: &PackageName, extra: &ExtraName) -> Option<ExtraName> {
        if self.0.is_empty() {
            return None;
        }
        let item = item(package, Part::Extra(extra));
        if self.0.contains(&item) { encoded(&item) } else { None }
    }
}

/// A part of a package as a member of a conflict set.
pub(super) fn item(package: &PackageName, part: Part<'_>) -> ConflictItem {
    let kind = match part {
        Part::Itself => ConflictKind::Project,
        Part::Extra(extra) => ConflictKind::Extra(extra.clone()),
        Part::Group(group) => ConflictKind::Group(group.clone()),
    };
    ConflictItem { package: package.clone(), kind }
}

/// uv's encoding of a member of a conflict set inside a marker's `extra == '…'`: the length makes
/// `a-b` + `c` different from `a` + `b-c`.
pub(super) fn encoded(item: &ConflictItem) -> Option<ExtraName> {
    let package = item.package.to_string();
    let text = match &item.kind {
        ConflictKind::Extra(extra) => format!("extra-{}-{package}-{extra}", package.len()),
        ConflictKind::Group(group) => format!("group-{}-{package}-{group}", package.len()),
        ConflictKind::Project => format!("project-{}-{package}", package.len()),
    };
    ExtraName::from_str(&text).ok()
}
