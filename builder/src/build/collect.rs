//! Collects a backend's wheel from the directory that the backend controlled.

use std::path::{Path, PathBuf};

use fs_err as fs;

use super::Workshop;
use crate::lock::resolve::{Artifact, Distribution};
use crate::wheel_archive::WheelArchive;
use base::recipe::RecordPolicy;
use base::sys::beneath::{Beneath, Found};
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
        let inside = Beneath::open(dir).map_err(unread)?;
        let Ok(dist) = inside.below("dist") else {
            return Err(wrong(&[]).hint("the backend removed the directory for its wheel"));
        };
        let entries = dist.list("").map_err(unread)?.into_iter();
        let wheels: Vec<(String, Found)> = entries
            .map(|(name, found)| (name.to_string_lossy().into_owned(), found))
            .filter(|(name, _)| crate::lock::resolve::is_wheel(name))
            .collect();
        let names: Vec<String> = wheels.iter().map(|(name, _)| name.clone()).collect();
        let [(filename, found)] = &wheels[..] else {
            return Err(wrong(&names));
        };
        let Found::File { size, .. } = *found else {
            return Err(wrong(&names).hint("the backend put something else than a file there"));
        };
        if size > WHEEL_BYTES.max {
            return Err(wrong(&names).hint(Exceeded(&WHEEL_BYTES).to_string()));
        }
        let parsed: base::packaging::WheelFilename =
            filename.parse().map_err(|error| wrong(&names).cause(error))?;
        let told = self.recipe.build_settings(&distribution.name).version.as_ref();
        let version = distribution.version.as_ref().or(told);
        if parsed.name != distribution.name || version.is_some_and(|it| *it != parsed.version) {
            return Err(wrong(&names).hint(match distribution.artifact {
                Artifact::Local(_) if parsed.name == distribution.name => {
                    "the lock is older than the project: `uv lock` updates its version"
                }
                _ => "the metadata that the backend made is not what was locked",
            }));
        }
        if parsed.rank(self.resolution.target.tags()).is_none() {
            return Err(wrong(&names).hint(format!(
                "the wheel does not fit {}; the toolchain is newer than the target, or of another \
                 machine",
                self.resolution.target
            )));
        }
        fs::create_dir_all(built).map_err(unread)?;
        let target = built.join(filename);
        dist.take_out(filename, &target).map_err(unread)?;
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
