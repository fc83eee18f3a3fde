//! Snapshots: the approved texts of a recipe's output, in `snapshots/<recipe>/`. They are insta
//! snapshots; insta reads and compares them, here and in `snapshots/tests.rs`. This check approves
//! nothing, whatever `INSTA_UPDATE` says. It writes new texts as pending files for
//! `cargo insta review` and `accept`; in CI it writes none.

#[cfg(test)]
mod tests;
pub mod texts;

use std::io;
use std::path::Path;

use anyhow::Context as _;
use base::recipe_file::RecipeFile;
use base::sys::env::Environment;
use base::vocabulary::Outcome;
use fs_err as fs;
use insta::{Comparator as _, DefaultComparator, Snapshot};

use crate::check::Check;

/// Compares the texts beside an output with the approved ones of the recipe. The recipe is given as
/// it was typed: by its name, or by the path of its file.
pub(crate) fn check(
    root: &Path,
    recipe: &str,
    published: &Path,
    environment: &Environment,
) -> anyhow::Result<Check> {
    let recipe = RecipeFile::find(root, recipe)?;
    let approved = recipe.snapshots();
    let missing = |error: io::Error| error.kind() == io::ErrorKind::NotFound;
    if fs::symlink_metadata(&approved).is_err_and(missing) {
        let what = format!("nothing is approved yet: there is no `{}`", approved.display());
        let hint =
            format!("hint: `lockstep review {}` shows what there is, and approves it", recipe.name);
        let detail = vec![what, hint];
        return Ok(Check { name: "snapshots", outcome: Outcome::Good, detail });
    }
    check_in(&approved, published, Pending::of(environment))
}

/// How a text that is not approved is handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pending {
    Left,
    NotLeft,
}

impl Pending {
    /// As insta decides it, but that nothing is approved here.
    fn of(environment: &Environment) -> Self {
        let ci = match environment.get("CI") {
            None => environment.get("TF_BUILD").is_some(),
            Some(value) => !matches!(value, "0" | "false"),
        };
        match environment.get("INSTA_UPDATE") {
            Some("no") => Self::NotLeft,
            Some("new") => Self::Left,
            _ if ci => Self::NotLeft,
            _ => Self::Left,
        }
    }
}

fn check_in(approved: &Path, published: &Path, pending: Pending) -> anyhow::Result<Check> {
    let texts = texts::read(published).with_context(|| {
        format!("cannot read what is to be approved beside `{}`", published.display())
    })?;
    let mut unseen = texts::approved(approved).context("cannot list the approved snapshots")?;
    let mut detail = Vec::new();
    let mut left = false;
    for (name, text) in &texts {
        let file = texts::file_name(name);
        unseen.retain(|other| *other != file);
        let path = approved.join(&file);
        let compared = compare(&path, text, pending);
        match compared.with_context(|| format!("cannot compare the snapshot `{file}`"))? {
            Compared::Equal => {}
            Compared::Differs(old) => {
                detail.extend(texts::changed(name, old.as_deref(), text));
                left |= pending == Pending::Left;
            }
        }
    }
    let is_gone = !unseen.is_empty();
    detail.extend(unseen.iter().map(|file| texts::gone(file)));
    if detail.is_empty() {
        let detail = vec![format!("{} snapshots, each as approved", texts.len())];
        return Ok(Check { name: "snapshots", outcome: Outcome::Good, detail });
    }
    detail.push(hint(left, is_gone).to_owned());
    Ok(Check { name: "snapshots", outcome: Outcome::SnapshotMismatch, detail })
}

fn hint(left: bool, is_gone: bool) -> &'static str {
    match (left, is_gone) {
        (true, _) => {
            "hint: `lockstep review` shows each difference, and accepts or rejects it; so does \
             `cargo insta review`"
        }
        (false, true) => "hint: `git rm` what is not there any more",
        (false, false) => {
            "hint: run it again without `CI` and `INSTA_UPDATE`, then `lockstep review`"
        }
    }
}

enum Compared {
    Equal,
    /// With what is approved, if anything is.
    Differs(Option<String>),
}

/// Lets insta compare a text with an approved file. On a mismatch it keeps a pending file, if
/// allowed; on a match it removes an old one.
fn compare(approved: &Path, text: &str, pending: Pending) -> anyhow::Result<Compared> {
    let work = tempfile::tempdir()?;
    let new = work.path().join(approved.file_name().context("a snapshot has a name")?);
    fs::write(&new, as_snapshot(text))?;
    let read = |path: &Path| Snapshot::from_file(path).map_err(|it| anyhow::anyhow!("{it}"));
    let waiting = approved.with_extension("snap.new");
    let old = match fs::symlink_metadata(approved) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        _ => Some(read(approved)?),
    };
    if let Some(old) = &old
        && DefaultComparator.matches(old, &read(&new)?)
    {
        if pending == Pending::Left && waiting.is_file() {
            fs::remove_file(&waiting)?;
        }
        return Ok(Compared::Equal);
    }
    if pending == Pending::Left {
        fs::create_dir_all(approved.parent().context("a snapshot is in a directory")?)?;
        fs::copy(&new, &waiting)?;
    }
    Ok(Compared::Differs(old.and_then(|old| Some(old.as_text()?.to_string()))))
}

/// As insta writes it from `snapshots/tests.rs`.
pub(crate) fn as_snapshot(text: &str) -> String {
    format!("---\nsource: lockstep/../snapshots/tests.rs\n---\n{}\n", text.trim_end())
}
