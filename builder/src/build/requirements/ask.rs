//! Asks a build backend what it needs beside `[build-system] requires` (PEP 517,
//! `get_requires_for_build_wheel`). That runs its code, so it happens in the sandbox, without
//! network, in an environment of what it has said it needs so far.

use std::collections::BTreeMap;
use std::path::Path;

use super::Maker;
use crate::build::environment::{Bench, BuildEnvironment, Told};
use crate::fetch;
use crate::fetch::request::{FileOrigin, FileRequest, Request, Shelf};
use crate::lock::build_lock::{LockedFile, Requirement};
use crate::lock::pyproject::Pyproject;
use crate::lock::resolve::Distribution;
use base::sys::Host;
use base::sys::files::read_foreign;
use base::sys::process::last_lines_of;
use base::vocabulary::Problem;

impl Maker<'_> {
    /// Asks the backend, in the sandbox and without network.
    pub(super) fn ask(
        &self,
        distribution: &Distribution,
        own: &Pyproject,
        project: &str,
        resolved: &BTreeMap<Requirement, LockedFile>,
        dir: &Path,
        host: Host<'_>,
    ) -> Result<Vec<String>, Problem> {
        let request = Request {
            files: resolved
                .iter()
                .map(|(requirement, file)| build_file(requirement, file))
                .collect(),
            ..Request::default()
        };
        let wheelhouse = fetch::fetch(&request, &host, self.settings)?;
        let requirements = resolved.keys().cloned().collect();
        // The log lies beside what the backend sees, so that it cannot have put a link there.
        let bench = Bench {
            inside: dir.to_owned(),
            wheelhouse: wheelhouse.path.join(Shelf::Build.directory()),
            log: dir.with_extension("log"),
        };
        let told = Told::of(&distribution.name, &self.located.recipe, &self.application.project);
        let environment = BuildEnvironment::new(told, self.toolchain, self.uv);
        environment.install(&bench, &requirements)?;
        let finished = environment.ask(&bench, project, own)?;
        let answer = dir.join("answer.json");
        let answer = read_foreign(&answer, ANSWER_BYTES_MAX).unwrap_or_default();
        match serde_json::from_slice(&answer) {
            Ok(answer) if finished.success() => Ok(answer),
            _ => Err(Problem::new("a build backend could not say what it needs")
                .fact("backend", own.backend())
                .fact("exit code", finished.code)
                .fact("log ends", last_lines_of(&bench.log, 20))
                .hint(format!(
                    "a missing system package goes into `override.{}.build.system-packages`",
                    distribution.name
                ))),
        }
    }
}

fn build_file(requirement: &Requirement, file: &LockedFile) -> FileRequest {
    FileRequest {
        project: requirement.name.clone(),
        shelf: Shelf::Build,
        filename: file.filename.clone(),
        sha256: file.sha256,
        size: file.size,
        origin: FileOrigin::Registry { locked: None },
    }
}

/// No backend's answer is longer than this.
const ANSWER_BYTES_MAX: u64 = 1 << 20;
