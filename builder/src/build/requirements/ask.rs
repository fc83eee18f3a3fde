//! Asks a build backend for its requirements besides `[build-system] requires` (PEP 517,
//! `get_requires_for_build_wheel`). This runs the backend's code, so it happens in the sandbox,
//! without network, in an environment with the requirements known so far.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Maker;
use crate::build::environment::{Bench, BuildEnvironment};
use crate::build::failure::explained;
use crate::build::version_control::VersionControl;
use crate::lock::build_lock::Requirement;
use crate::lock::pyproject::Pyproject;
use crate::lock::resolve::Distribution;
use base::sys::beneath::Beneath;
use base::sys::disk;
use base::sys::process::last_lines_of;
use base::vocabulary::Problem;
use base::vocabulary::limits::ANSWER_BYTES;

impl Maker<'_> {
    /// Asks the backend, in the sandbox and without network, in the directory `dir`, with the
    /// wheels of its requirements.
    pub(super) fn ask(
        &self,
        distribution: &Distribution,
        own: &Pyproject,
        project: &str,
        requirements: &BTreeSet<Requirement>,
        (dir, wheelhouse): (&Path, PathBuf),
    ) -> Result<Vec<String>, Problem> {
        // The log lies beside what the backend sees, so that it cannot have put a link there.
        let bench = Bench {
            configuration: dir.with_extension("configuration"),
            inside: dir.to_owned(),
            wheelhouse,
            log: dir.with_extension("log"),
        };
        let told = self.demands().told(&distribution.name);
        let version = self.located.recipe.build_settings(&distribution.name).version.as_ref();
        // What the wheel will consist of is not asked.
        let version_control =
            VersionControl::of(distribution, version, requirements, &told.variables, || Ok(None))?;
        let environment = BuildEnvironment::new(told, version_control, self.toolchain, self.uv)?;
        environment.install(&bench, requirements)?;
        environment.stand_in_for_git(&bench, project)?;
        let finished = environment.ask(&bench, project, own)?;
        let answer = Beneath::open(dir).and_then(|dir| dir.read("answer.json", ANSWER_BYTES.max));
        let answer = answer.unwrap_or_default();
        match serde_json::from_slice(&answer) {
            Ok(answer) if finished.success() => Ok(answer),
            _ => {
                let end = last_lines_of(&bench.log, 20);
                let problem = Problem::new("a build backend could not say what it needs")
                    .fact("backend", own.backend())
                    .fact("exit code", finished.code)
                    .fact("log ends", &end);
                let name = &distribution.name;
                let problem = problem.hint(format!(
                    "a missing system package goes into `override.{name}.build.system-packages`"
                ));
                let problem = explained(problem, name, &bench.log, self.toolchain.provider);
                Err(disk::failed_program(problem, dir, &end))
            }
        }
    }
}
