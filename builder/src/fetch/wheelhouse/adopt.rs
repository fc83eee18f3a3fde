//! A wheelhouse that somebody else fetched, such as a Nix derivation before: it must hold exactly
//! what is requested.

use std::collections::BTreeSet;
use std::path::Path;

use super::{LedgerFile, LedgerTree, Plan, Wheelhouse};
use base::nar;
use base::sys::files::{digest_of, sorted_entries};
use base::vocabulary::{Outcome, Problem};

/// Verifies the wheelhouse at `path` against a request, by content, and uses it where it is.
///
/// # Errors
/// It cannot be read, lacks something, has something more, or has other content than is pinned.
pub(super) fn adopt(plan: &Plan<'_>, path: &Path) -> Result<Wheelhouse, Problem> {
    let wrong = |what: &str| {
        Problem::new("this wheelhouse is not that of the locks")
            .outcome(Outcome::GoldenMismatch)
            .fact("wheelhouse", path.display())
            .fact("because", what)
            .hint("fetch it again with the same lock, build lock and platform")
    };
    let unread = |error: std::io::Error| {
        Problem::new("cannot read a wheelhouse").fact("at", path.display()).cause(error)
    };
    let trees: BTreeSet<&String> = plan.trees.keys().chain(plan.local_trees.keys()).collect();
    let mut found = BTreeSet::new();
    list(path, "", &trees, &mut found).map_err(unread)?;
    let wanted: BTreeSet<String> = plan.files.keys().chain(trees).cloned().collect();
    if let Some(more) = found.difference(&wanted).next() {
        return Err(wrong(&format!("nothing asks for `{}`", more.escape_debug())));
    }
    if let Some(missing) = wanted.difference(&found).next() {
        return Err(wrong(&format!("`{missing}` is missing")));
    }
    let mut files = Vec::new();
    for (name, file) in &plan.files {
        let (sha256, size) = digest_of(&path.join(name)).map_err(unread)?;
        if sha256 != file.sha256 {
            return Err(wrong(&format!(
                "`{name}` has sha256:{sha256}, not sha256:{}",
                file.sha256
            )));
        }
        files.push(LedgerFile { path: name.clone(), sha256, size });
    }
    let pinned = plan.trees.iter().map(|(name, tree)| (name, tree.nar_hash));
    let local = plan.local_trees.iter().map(|(name, tree)| (name, Some(tree.nar_hash)));
    let mut brought = Vec::new();
    for (name, expected) in pinned.chain(local) {
        let nar_hash = nar::hash_path(&path.join(name))?;
        if let Some(expected) = expected.filter(|it| *it != nar_hash) {
            let (found, expected) = (nar_hash.to_sri(), expected.to_sri());
            return Err(wrong(&format!("`{name}` has the NAR hash {found}, not {expected}")));
        }
        brought.push(LedgerTree { path: name.clone(), nar_hash });
    }
    brought.sort();
    let nar_hash = nar::hash_path(path)?;
    Ok(Wheelhouse { path: path.to_owned(), nar_hash, files, trees: brought })
}

/// Collects everything below `root` that is no directory, and each of `trees` as one thing.
fn list(
    root: &Path,
    inside: &str,
    trees: &BTreeSet<&String>,
    found: &mut BTreeSet<String>,
) -> std::io::Result<()> {
    for entry in sorted_entries(&root.join(inside))? {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if inside.is_empty() { name } else { format!("{inside}/{name}") };
        if entry.file_type()?.is_dir() && !trees.contains(&path) {
            list(root, &path, trees, found)?;
        } else {
            found.insert(path);
        }
    }
    Ok(())
}
