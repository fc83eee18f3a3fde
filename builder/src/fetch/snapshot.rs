//! The application's own source tree as a build sees it: a copy in the cache, pinned by its NAR
//! hash.

use std::path::{Path, PathBuf};

use base::nar;
use base::sys::Host;
use base::sys::files::copy_tree;
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

/// Makes a snapshot of `tree`, if the cache has none of what is in it now.
pub(crate) fn snapshot(tree: &Path, host: Host<'_>) -> Result<Snapshot, Problem> {
    let shown = tree.display().to_string();
    let nar_hash = nar::hash_without(tree, &|path| is_left_out(&[], path))?;
    let copied = |work: &Path| {
        let into = work.join("tree");
        copy(tree, &into).map(|()| into)
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
    copy_tree(tree, into, &|path| is_left_out(left_out, path)).map_err(|error| {
        Problem::new(format!("cannot copy the source tree `{}`", tree.display())).cause(error)
    })
}

/// Whether a path is excluded from a source: it is named, one of [`NOT_SOURCE`], or a socket or
/// pipe.
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
