//! What a backend has made, taken out of where it could do what it wanted.

use std::path::{Path, PathBuf};

use fs_err as fs;

use super::Workshop;
use crate::lock::resolve::Distribution;
use crate::wheel_archive::WheelArchive;
use base::recipe::RecordPolicy;
use base::vocabulary::Problem;
use base::vocabulary::limits::{Exceeded, WHEEL_BYTES};

impl Workshop<'_> {
    /// The one wheel that the backend made, which must be of the distribution that was locked.
    pub(super) fn collect(
        &self,
        distribution: &Distribution,
        dir: &Path,
        built: &Path,
        log: &Path,
    ) -> Result<PathBuf, Problem> {
        let wrong = |found: &[String]| {
            Problem::new(format!("the build of `{}` did not make its wheel", distribution.name))
                .fact("expected", expected(distribution))
                .fact(
                    "made",
                    if found.is_empty() { "nothing".to_owned() } else { found.join("\n") },
                )
                .fact("log", log.display())
        };
        let unread = |error: std::io::Error| wrong(&[]).cause(error);
        // The backend could have put links there, to files of the host or to what never ends.
        let is = |path: &Path, wanted: fn(&std::fs::Metadata) -> bool| {
            std::fs::symlink_metadata(path).is_ok_and(|metadata| wanted(&metadata))
        };
        let dist = dir.join("dist");
        if !is(&dist, std::fs::Metadata::is_dir) {
            return Err(wrong(&[]).hint("the backend removed the directory for its wheel"));
        }
        let entries = base::sys::files::sorted_entries(&dist).map_err(unread)?;
        let names: Vec<String> = entries
            .iter()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| crate::lock::resolve::is_wheel(name))
            .collect();
        let [filename] = &names[..] else {
            return Err(wrong(&names));
        };
        if !is(&dist.join(filename), std::fs::Metadata::is_file) {
            return Err(wrong(&names).hint("the backend put something else than a file there"));
        }
        if !is(&dist.join(filename), |metadata| metadata.len() <= WHEEL_BYTES.max) {
            return Err(wrong(&names).hint(Exceeded(&WHEEL_BYTES).to_string()));
        }
        let parsed: uv_distribution_filename::WheelFilename =
            filename.parse().map_err(|error| wrong(&names).cause(error))?;
        let version = distribution.version.as_ref();
        if parsed.name != distribution.name || version.is_some_and(|it| *it != parsed.version) {
            return Err(
                wrong(&names).hint("the metadata that the backend made is not what was locked")
            );
        }
        if !parsed.is_compatible(self.resolution.target.tags()) {
            return Err(wrong(&names).hint(format!(
                "the wheel does not fit {}; the toolchain is newer than the target, or of another \
                 machine",
                self.resolution.target
            )));
        }
        fs::create_dir_all(built).map_err(unread)?;
        let target = built.join(filename);
        fs::rename(dist.join(filename), &target).map_err(unread)?;
        self.verify(distribution, &target).map_err(|problem| problem.fact("log", log.display()))?;
        Ok(target)
    }

    /// A wheel that cannot be installed is not kept: it would fail every later build, and nobody
    /// would try to build it again.
    fn verify(&self, distribution: &Distribution, path: &Path) -> Result<(), Problem> {
        let name = &distribution.name;
        let archive = WheelArchive::open(path, &self.recipe.site_packages());
        let policy = self.recipe.overrides.get(name).map(|it| it.record);
        let verified = archive.and_then(|archive| match policy {
            Some(RecordPolicy::Rewrite) => Ok(()),
            _ => archive.verify().map(drop),
        });
        verified.map_err(|problem| Problem {
            what: format!("the build of `{name}` made a broken wheel: {}", problem.what),
            hint: problem.hint.or_else(|| {
                Some("build it again: some backends fail now and then without saying so".to_owned())
            }),
            ..problem
        })
    }
}

fn expected(distribution: &Distribution) -> String {
    let version = distribution.version.as_ref().map(|version| format!(" {version}"));
    format!("{}{}", distribution.name, version.unwrap_or_default())
}
