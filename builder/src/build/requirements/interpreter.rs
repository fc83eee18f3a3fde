//! The interpreter for uv while it resolves on the host: a script that describes the toolchain's
//! Python and runs no code. So uv neither searches the machine for a Python nor downloads one, and
//! cannot run a backend outside the sandbox to get metadata.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::Maker;
use base::sys::files::read_foreign;
use base::sys::process::last_lines_of;
use base::sys::sandbox::{Invocation, OutputTo};
use base::vocabulary::Problem;

/// uv asks an interpreter by running it; this one notes the answer of the toolchain's.
const DESCRIBE: &str = r#"set -eu
printf '#!/bin/sh\nset -eu\nanswer=$("%s" "$@")\n' "$1" > /build/python
printf 'printf "%%s" "$answer" > /build/answer.json\nprintf "%%s\\n" "$answer"\n' >> /build/python
chmod 755 /build/python
exec /build/tools/uv --quiet --offline --no-config --cache-dir /build/cache \
  python find --no-python-downloads /build/python
"#;

/// No description is longer.
const DESCRIPTION_BYTES_MAX: u64 = 1 << 20;

/// The stand-in, in a directory of its own.
#[derive(Debug, Clone)]
pub(super) struct Interpreter {
    dir: PathBuf,
}

impl Interpreter {
    /// Lets uv describe the toolchain's interpreter, in the sandbox, and writes the stand-in below
    /// `work`.
    pub(super) fn describe(maker: &Maker<'_>, work: &Path) -> Result<Self, Problem> {
        let (dir, inside) = (work.join("interpreter"), work.join("interpreter/inside"));
        let failed = || Problem::new("cannot describe the toolchain's interpreter");
        fs::create_dir_all(inside.join("tools"))
            .and_then(|()| fs::write(inside.join("tools/uv"), ""))
            .map_err(|error| failed().cause(error))?;
        let sandbox = maker
            .toolchain
            .sandbox()
            .bind_rw(&inside, "/build")
            .bind_ro(&maker.uv.path, "/build/tools/uv");
        let python = &maker.toolchain.python;
        let invocation = Invocation {
            program: "/bin/sh".to_owned(),
            arguments: ["-c", DESCRIBE, "describe", python].map(str::to_owned).to_vec(),
            directory: "/build".to_owned(),
        };
        let log = dir.join("log");
        let finished = sandbox.run(&invocation, OutputTo::Log(&log))?;
        let answer = read_foreign(&inside.join("answer.json"), DESCRIPTION_BYTES_MAX);
        let answer = answer.ok().filter(|_| finished.success());
        let described = answer.and_then(|answer| serde_json::from_slice(&answer).ok());
        let described: serde_json::Value = described.ok_or_else(|| {
            failed().fact("python", python).fact("log ends", last_lines_of(&log, 20))
        })?;
        let interpreter = Self { dir };
        interpreter.write(described).map_err(|error| failed().cause(error))?;
        Ok(interpreter)
    }

    /// Every path of the description points to the stand-in: the toolchain's paths could be
    /// programs of this machine.
    fn write(&self, mut described: serde_json::Value) -> std::io::Result<()> {
        self.redirect("", &mut described);
        let quoted = described.to_string().replace('\'', r"'\''");
        // Builtins only: there may be no PATH.
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in\n*get_interpreter_info*) printf '%s\\n' '{quoted}' ;;\n\
             *) printf '%s\\n' \"$PWD\" >> '{}'; exit 97 ;;\nesac\n",
            self.refused_file().display().to_string().replace('\'', r"'\''")
        );
        fs::write(self.python(), script)?;
        fs::set_permissions(self.python(), std::fs::Permissions::from_mode(0o755))
    }

    fn redirect(&self, key: &str, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) if text.starts_with('/') => {
                let program = key.ends_with("executable");
                let to = if program { self.python() } else { self.dir.clone() };
                *text = to.display().to_string();
            }
            serde_json::Value::Array(values) => {
                for value in values {
                    self.redirect(key, value);
                }
            }
            serde_json::Value::Object(map) => {
                for (key, value) in map {
                    self.redirect(key, value);
                }
            }
            _ => {}
        }
    }

    /// The stand-in.
    pub(super) fn python(&self) -> PathBuf {
        self.dir.join("python")
    }

    /// The file in which it records that it was asked to run code.
    fn refused_file(&self) -> PathBuf {
        self.dir.join("refused")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// It must run nothing and name no program, whatever it is called with.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "the stand-in is what is tested")]
    fn it_describes_and_runs_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let interpreter = Interpreter { dir: dir.path().to_owned() };
        let described = serde_json::json!({
            "sys_executable": "/usr/bin/python3", "stdlib": "/usr/lib", "name": "it's",
            "paths": ["/usr/lib"], "deep": { "base_executable": "/usr/bin/python3" },
        });
        interpreter.write(described).unwrap();
        let run = |argument: &str| {
            Command::new(interpreter.python()).env_clear().arg("-c").arg(argument).output().unwrap()
        };
        let answer = run("from python.get_interpreter_info import main");
        let answer: serde_json::Value = serde_json::from_slice(&answer.stdout).unwrap();
        assert!(!answer.to_string().contains("/usr"), "{answer}");
        assert_eq!(answer["name"], "it's");
        let marker = dir.path().join("marker");
        let refused = run(&format!("open({:?}, 'w')", marker.display().to_string()));
        assert_eq!(refused.status.code(), Some(97));
        assert!(!marker.exists());
    }
}
