//! Asks a build backend what it needs beside `[build-system] requires` (PEP 517,
//! `get_requires_for_build_wheel`). That runs its code, so it happens in the sandbox, without
//! network, in an environment of what it has said it needs so far.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fs_err as fs;

use super::{Maker, lines};
use crate::fetch;
use crate::fetch::request::{FileOrigin, FileRequest, Request, Shelf};
use crate::lock::build_lock::{LockedFile, Requirement};
use crate::lock::pyproject::Pyproject;
use base::sys::Host;
use base::sys::files::read_foreign;
use base::sys::process::last_lines_of;
use base::sys::sandbox::{Invocation, OutputTo};
use base::vocabulary::Problem;

const HOOK: &str = include_str!("hook.py");

const SCRIPT: &str = r#"set -eu
uv venv --quiet --no-project --python "$PYTHON" /build/env
if [ -s /build/requirements.txt ]; then
  uv pip install --quiet --python /build/env/bin/python --no-deps --no-index \
    --find-links /build/wheels -r /build/requirements.txt
fi
cd "/build/src/$1"
exec /build/env/bin/python /build/hook.py /build/hook.json /build/answer.json
"#;

impl Maker<'_> {
    /// Asks the backend, in the sandbox and without network.
    pub(super) fn ask(
        &self,
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
        let requirements: BTreeSet<String> = resolved.keys().map(ToString::to_string).collect();
        let question = serde_json::json!({
            "backend": own.backend(),
            "backend-path": own.build_system.as_ref().map(|it| &it.backend_path),
        });
        let prepared = fs::write(dir.join("requirements.txt"), lines(&requirements))
            .and_then(|()| fs::write(dir.join("hook.py"), HOOK))
            .and_then(|()| fs::write(dir.join("hook.json"), question.to_string()))
            .and_then(|()| fs::create_dir_all(dir.join("tools")))
            .and_then(|()| fs::create_dir_all(dir.join("wheels")))
            .and_then(|()| fs::write(dir.join("tools/uv"), ""));
        prepared.map_err(|error| Problem::new("cannot prepare the question").cause(error))?;
        let mut sandbox = self
            .toolchain
            .sandbox()
            .bind_rw(dir, "/build")
            .bind_ro(&self.uv.path, "/build/tools/uv")
            .env("PATH", "/build/env/bin:/build/tools:/usr/bin:/bin:/usr/sbin:/sbin")
            .env("PYTHON", &self.toolchain.python)
            .env("UV_CACHE_DIR", "/build/cache")
            .env("UV_NO_CONFIG", "1")
            .env("UV_OFFLINE", "1")
            .env("UV_PYTHON_DOWNLOADS", "never")
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let wheels = wheelhouse.path.join(Shelf::Build.directory());
        if wheels.is_dir() {
            sandbox = sandbox.bind_ro(&wheels, "/build/wheels");
        }
        let invocation = Invocation {
            program: "/bin/sh".to_owned(),
            arguments: ["-c", SCRIPT, "ask", project].map(str::to_owned).to_vec(),
            directory: "/build".to_owned(),
        };
        // Beside what the backend sees, so that it cannot have put a link there.
        let log = dir.with_extension("log");
        let finished = sandbox.run(&invocation, OutputTo::Log(&log))?;
        let answer = dir.join("answer.json");
        let answer = read_foreign(&answer, ANSWER_BYTES_MAX).unwrap_or_default();
        match serde_json::from_slice(&answer) {
            Ok(answer) if finished.success() => Ok(answer),
            _ => Err(Problem::new("a build backend could not say what it needs")
                .fact("backend", own.backend())
                .fact("exit code", finished.code)
                .fact("log ends", last_lines_of(&log, 20))
                .hint(
                    "a missing system package goes into `override.<name>.build.system-packages`",
                )),
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
