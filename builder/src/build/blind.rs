//! Detects and reports builds that read more of the source tree than they were given (see `view`).

use std::collections::BTreeSet;
use std::path::PathBuf;

use base::packaging::PackageName;
use base::sys::watch::Watch;

use super::environment::Bench;
use super::view::Withheld;

/// What a build opens of what is withheld from it.
pub(super) struct Seen {
    watch: Watch,
    withheld: Withheld,
    /// The file that an interpreter of the environment reads first.
    interpreter: PathBuf,
    /// What the sandbox has as `/build`.
    inside: PathBuf,
}

impl Seen {
    /// Begins to look at a build that is about to start, its environment being installed.
    ///
    /// # Errors
    /// The kernel watches no more directories for this user.
    pub(super) fn begin(withheld: Withheld, bench: &Bench) -> std::io::Result<Self> {
        let (inside, environment) = (bench.inside.clone(), bench.environment());
        let watch = withheld.watch(&[&inside, &environment])?;
        Ok(Self { watch, withheld, interpreter: environment.join("pyvenv.cfg"), inside })
    }

    /// What was opened, if anything was. uv looks for a workspace around the project, and reads its
    /// members; until an interpreter of the environment starts, nothing else runs, so that is not
    /// counted. Nor is it when the sandbox takes back what it lent: it goes through all directories
    /// from the top, after the last file was opened. Of more than could be counted, anything may
    /// have been opened.
    pub(super) fn opened(&self) -> Option<BTreeSet<PathBuf>> {
        let Ok(mut events) = self.watch.opened() else {
            return Some(BTreeSet::new());
        };
        if let Some(start) = events.iter().position(|it| *it == self.interpreter) {
            events.drain(..start);
        }
        let is_file = |path: &PathBuf| !std::fs::symlink_metadata(path).is_ok_and(|it| it.is_dir());
        let last_file = events.iter().rposition(is_file).unwrap_or(0);
        if let Some(length) =
            events.get(last_file..).unwrap_or_default().iter().position(|it| *it == self.inside)
        {
            events.truncate(last_file + length);
        }
        Some(self.withheld.among(&events)).filter(|opened| !opened.is_empty())
    }
}

/// What is said of a build, called `label`, that opened what it was not given.
pub(super) fn told(label: &str, name: &PackageName, opened: &BTreeSet<PathBuf>) -> String {
    let shown = |path: &PathBuf| match path.display().to_string() {
        path if path.is_empty() => ".".to_owned(),
        path => path,
    };
    let first: Vec<String> = opened.iter().take(3).map(shown).collect();
    let more = match opened.len().saturating_sub(first.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let what = match opened.len() {
        0 => "could read what is not its own, and this machine cannot tell".to_owned(),
        _ => format!("reads what is not its own: {}{more}", first.join(", ")),
    };
    format!(
        "the build of `{label}` {what}; it gets the whole source tree, and is built again whenever \
         that changes. `override.{name}.build.include` in the recipe can name what it reads instead"
    )
}
