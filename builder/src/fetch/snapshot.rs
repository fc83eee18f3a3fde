//! The application's own source tree as a build sees it: a copy in the cache, pinned by its NAR
//! hash.

use std::path::{Path, PathBuf};

use base::nar;
use base::sys::Host;
use base::sys::files::{copy_tree, sorted_entries};
use base::sys::tree::follow;
use base::vocabulary::{Problem, Sha256};
use fs_err as fs;

use super::trees::Trees;

/// Directories that are never part of a source tree, at any depth: version control data, and
/// leftovers of developer tools.
pub(crate) const NOT_SOURCE: [&str; 10] = [
    ".git",
    ".hg",
    ".jj",
    ".svn",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".tox",
    ".venv",
    "__pycache__",
];

/// The application's tree as builds see it: without [`NOT_SOURCE`], all modes 0644 or 0755, and
/// unaffected by later changes of the original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// Where it is, in the cache.
    pub tree: PathBuf,
    /// Its NAR hash.
    pub nar_hash: Sha256,
}

/// Makes a snapshot of `tree`, if the cache has none of what is in it now. `documents` are those of
/// the recipe: they are about the source and no part of it, or each `bless` would change what is
/// built. Neither are the cache, where it lies in the tree, and links to what was built before.
pub(crate) fn snapshot(
    tree: &Path,
    documents: &[PathBuf],
    host: Host<'_>,
) -> Result<Snapshot, Problem> {
    let shown = tree.display().to_string();
    // A cache within the tree would be copied into itself without end.
    let apart: Vec<PathBuf> = documents.iter().cloned().chain([host.cache.to_owned()]).collect();
    let documents = within(tree, &apart);
    let skipped = |path: &Path| {
        let is_output = |it: PathBuf| it.starts_with(host.cache);
        is_left_out(&documents, path) || fs::read_link(path).is_ok_and(is_output)
    };
    let nar_hash = nar::hash_without(tree, &skipped)?;
    let copied = |work: &Path| {
        let into = work.join("tree");
        copied(tree, &into, &skipped).map(|()| into)
    };
    let changed = |_| {
        Problem::new(format!("the source tree `{shown}` changed while it was copied"))
            .hint("run it again once nothing writes there any more")
    };
    let tree = Trees::new(host.cache).obtain(&shown, nar_hash, &host, copied, changed)?;
    Ok(Snapshot { tree, nar_hash })
}

/// Copies a tree without [`NOT_SOURCE`]; modes become 0644 and 0755.
pub(crate) fn copy(tree: &Path, into: &Path) -> Result<(), Problem> {
    copy_without(&[], tree, into)
}

/// As [`copy`], without some paths below `tree`.
pub(crate) fn copy_without(left_out: &[PathBuf], tree: &Path, into: &Path) -> Result<(), Problem> {
    copied(tree, into, &|path| is_left_out(left_out, path))
}

fn copied(tree: &Path, into: &Path, skipped: &dyn Fn(&Path) -> bool) -> Result<(), Problem> {
    copy_tree(tree, into, skipped).map_err(|error| {
        Problem::new(format!("cannot copy the source tree `{}`", tree.display())).cause(error)
    })
}

/// Of some paths, those that lie below `tree`, as a walk of it comes by them.
fn within(tree: &Path, paths: &[PathBuf]) -> Vec<PathBuf> {
    let Ok(real) = fs::canonicalize(tree) else { return Vec::new() };
    let place = |path: &PathBuf| {
        let parent = fs::canonicalize(path.parent()?).ok()?;
        let below = parent.join(path.file_name()?);
        Some(tree.join(below.strip_prefix(&real).ok()?))
    };
    let mut found: Vec<PathBuf> = paths.iter().filter_map(place).collect();
    // A directory that holds nothing else comes and goes with them.
    let parents: Vec<PathBuf> =
        found.iter().filter_map(|it| Some(it.parent()?.to_owned())).collect();
    for parent in parents.into_iter().filter(|it| it != tree) {
        let entries = sorted_entries(&parent).unwrap_or_default();
        if entries.iter().all(|it| found.contains(&it.path())) && !found.contains(&parent) {
            found.push(parent);
        }
    }
    found
}

/// Whether a path is no part of a source: it is named, one of [`NOT_SOURCE`], or the socket or pipe
/// of a program that runs there.
pub(crate) fn is_left_out(left_out: &[PathBuf], path: &Path) -> bool {
    let can_be_source = |it: std::fs::Metadata| it.is_dir() || it.is_file() || it.is_symlink();
    path.file_name().is_some_and(|name| NOT_SOURCE.iter().any(|it| name == *it))
        || left_out.iter().any(|it| it == path)
        || std::fs::symlink_metadata(path).is_ok_and(|it| !can_be_source(it))
}

/// The directory of the local project at `path` of a source tree, which need not exist. Links on
/// the way are followed: of a link only the text would be hashed, whatever it leads to.
///
/// Errors: one of them leads out of the tree, to what is not pinned.
pub(crate) fn project_directory(tree: &Path, path: &str) -> Result<PathBuf, Problem> {
    let link = |step: &Path| fs::read_link(tree.join(step)).ok();
    let inside = follow(Path::new(""), Path::new(path), link).ok_or_else(|| {
        Problem::usage("a local project lies outside of the source tree")
            .fact("path", path)
            .fact("because", "a symbolic link on the way leads out of the tree")
            .hint("move it into the source tree; what lies elsewhere cannot be pinned")
    })?;
    Ok(tree.join(inside))
}
