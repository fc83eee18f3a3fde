//! Reviews pending snapshots: `snapshots/<recipe>/*.snap.new`, written by `verify-repro` and the
//! tests. It shows each as a diff against the approved one, and accepts or rejects it.
//! `cargo insta review` uses the same files.

use std::io;
use std::path::{Path, PathBuf};

use base::recipe_file::RecipeFile;
use base::sys::files::{sorted_entries, write_atomically};
use base::vocabulary::Problem;
use fs_err as fs;
use insta::Snapshot;
use similar::TextDiff;

use crate::checks::snapshots::{as_snapshot, texts};

/// A snapshot that is not approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The approved file; it need not exist.
    pub approved: PathBuf,
    /// The pending file, if one was left.
    waiting: Option<PathBuf>,
    old: Option<String>,
    new: String,
}

/// Returns what waits in the snapshots of a recipe, sorted.
///
/// # Errors
/// A file cannot be read, or is no snapshot.
pub fn pending(recipe: &RecipeFile) -> Result<Vec<Pending>, Problem> {
    let directory = recipe.snapshots();
    let entries = match sorted_entries(&directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Problem::new("cannot list the snapshots").cause(error)),
        Ok(entries) => entries,
    };
    let waiting = entries.iter().filter_map(|entry| {
        let name = entry.file_name().to_str()?.strip_suffix(".new")?.to_owned();
        name.ends_with(".snap").then(|| (directory.join(name), entry.path()))
    });
    waiting
        .map(|(approved, waiting)| {
            let new = text(&waiting)?.unwrap_or_default();
            Ok(Pending { old: text(&approved)?, approved, waiting: Some(waiting), new })
        })
        .collect()
}

/// Returns the texts of a published output as snapshots that wait: for a recipe of which nothing is
/// approved yet.
///
/// # Errors
/// The output has no texts.
pub fn first(recipe: &RecipeFile, published: &Path) -> Result<Vec<Pending>, Problem> {
    let texts = texts::read(published)
        .map_err(|error| Problem::new("cannot read what is to be approved").cause(error))?;
    let directory = recipe.snapshots();
    let pending = |(name, new): (String, String)| {
        let approved = directory.join(texts::file_name(&name));
        Pending { approved, waiting: None, old: None, new }
    };
    Ok(texts.into_iter().map(pending).collect())
}

impl Pending {
    /// Returns the difference to what is approved, as a unified diff.
    pub fn difference(&self) -> String {
        let old = self.old.as_deref().unwrap_or_default();
        let shown = self.approved.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let before = if self.old.is_some() { shown.as_str() } else { "/dev/null" };
        let difference = TextDiff::from_lines(old.trim_end(), self.new.trim_end());
        difference.unified_diff().context_radius(3).header(before, &shown).to_string()
    }

    /// Makes it the approved one.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn accept(&self) -> Result<(), Problem> {
        let problem = || Problem::new(format!("cannot approve `{}`", self.approved.display()));
        let write = || {
            fs::create_dir_all(self.approved.parent().unwrap_or(Path::new("")))?;
            write_atomically(&self.approved, as_snapshot(&self.new).as_bytes())
        };
        write().map_err(|error| problem().cause(error))?;
        self.reject()
    }

    /// Removes the pending file.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn reject(&self) -> Result<(), Problem> {
        let Some(waiting) = &self.waiting else {
            return Ok(());
        };
        fs::remove_file(waiting)
            .map_err(|error| Problem::new("cannot remove a pending snapshot").cause(error))
    }
}

/// The text of a snapshot; `None` if there is no such file.
fn text(path: &Path) -> Result<Option<String>, Problem> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        _ => {}
    }
    let problem = || Problem::new(format!("`{}` is no snapshot", path.display()));
    let snapshot = Snapshot::from_file(path).map_err(|error| problem().cause(error.to_string()))?;
    let text = snapshot.as_text().ok_or_else(problem)?;
    Ok(Some(text.to_string()))
}
