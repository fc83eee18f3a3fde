//! Programs of the host, run with an environment that is built up from nothing. Foreign code
//! (build backends, interpreters) does not run here but in the sandbox.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::{ChildStdout, Command, Output, Stdio};

use crate::vocabulary::Problem;
use crate::vocabulary::redacted::redact_text;

/// A command of the host with a cleared environment.
#[derive(Debug)]
pub struct Process {
    command: Command,
    shown: String,
}

impl Process {
    /// Runs `program` in `/`; nothing of the environment is passed on.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn new(program: impl AsRef<Path>) -> Self {
        let program = program.as_ref();
        let mut command = Command::new(program);
        command.env_clear().env("LC_ALL", "C.UTF-8").current_dir("/").stdin(Stdio::null());
        Self { command, shown: program.display().to_string() }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Self {
        self.shown.push(' ');
        self.shown.push_str(&redact_text(&argument.as_ref().to_string_lossy()));
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(self, arguments: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    /// Adds environment variables.
    #[must_use]
    pub fn envs(mut self, variables: &BTreeMap<String, String>) -> Self {
        self.command.envs(variables);
        self
    }

    /// Adds one environment variable.
    #[must_use]
    pub fn env(mut self, key: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn current_dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Runs it to its end; whatever its exit status is, the output is returned.
    pub fn output(mut self) -> Result<Output, Problem> {
        self.command.output().map_err(|error| self.not_started(&error))
    }

    /// Runs it to its end; each line of its standard error is passed on as soon as it is printed.
    pub fn output_told(mut self, mut told: impl FnMut(&str)) -> Result<Output, Problem> {
        use std::io::BufRead as _;
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().map_err(|error| self.not_started(&error))?;
        let stderr = child.stderr.take().expect("standard error is piped");
        let mut printed = Vec::new();
        let ended = std::thread::scope(|scope| {
            // Both streams are read at once: a pipe that nobody reads stops its writer.
            let ended = scope.spawn(|| child.wait_with_output());
            for line in io::BufReader::new(stderr).split(b'\n') {
                let mut line = line?;
                told(&String::from_utf8_lossy(&line));
                line.push(b'\n');
                printed.extend(line);
            }
            ended.join().expect("waiting does not panic")
        });
        let ended = ended.map_err(|error| self.not_started(&error))?;
        Ok(Output { stderr: printed, ..ended })
    }

    /// Runs it to its end with `input` on its standard input.
    pub fn output_with_input(mut self, input: &[u8]) -> Result<Output, Problem> {
        use std::io::Write as _;
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().map_err(|error| self.not_started(&error))?;
        let mut stdin = child.stdin.take().expect("standard input is piped");
        std::thread::scope(|scope| {
            // A program may print before it has read all: writing must not wait for that.
            scope.spawn(move || stdin.write_all(input));
            child.wait_with_output()
        })
        .map_err(|error| self.not_started(&error))
    }

    /// Runs it with `input` on its standard input, and gives `read` its standard output while it
    /// prints. Once `read` has enough, the next write of the program fails, which ends it. In the
    /// output that is returned there is no standard output.
    pub fn streamed<T>(
        mut self,
        input: &[u8],
        read: impl FnOnce(&mut io::BufReader<ChildStdout>) -> T,
    ) -> Result<(T, Output), Problem> {
        use std::io::Write as _;
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().map_err(|error| self.not_started(&error))?;
        let mut stdin = child.stdin.take().expect("standard input is piped");
        let stdout = child.stdout.take().expect("standard output is piped");
        let (result, ended) = std::thread::scope(|scope| {
            // A program may print before it has read all, and wait until that is read.
            scope.spawn(move || stdin.write_all(input));
            let ended = scope.spawn(move || child.wait_with_output());
            let mut stdout = io::BufReader::with_capacity(128 * 1024, stdout);
            let result = read(&mut stdout);
            drop(stdout);
            (result, ended.join().expect("waiting does not panic"))
        });
        Ok((result, ended.map_err(|error| self.not_started(&error))?))
    }

    /// Runs it to its end and returns its standard output; any other exit status than 0 is an
    /// error that shows the end of what it printed.
    pub fn stdout(self) -> Result<String, Problem> {
        let shown = self.shown.clone();
        succeeded(&shown, self.output()?)
    }

    /// As [`Process::stdout`], with `input` on its standard input.
    pub fn stdout_with_input(self, input: &[u8]) -> Result<String, Problem> {
        let shown = self.shown.clone();
        succeeded(&shown, self.output_with_input(input)?)
    }

    fn not_started(&self, error: &io::Error) -> Problem {
        Problem::new(format!("cannot run `{}`", self.shown)).fact("because", error)
    }
}

fn succeeded(shown: &str, output: Output) -> Result<String, Problem> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let printed = [output.stdout, output.stderr].concat();
    Err(Problem::new(format!("`{shown}` failed"))
        .fact("status", output.status)
        .fact("printed", last_lines(&String::from_utf8_lossy(&printed), 20)))
}

/// No message shows more bytes of what a program printed: foreign code decides how long a line is.
const END_BYTES: usize = 64 << 10;

/// The last `count` lines of what a program printed: where programs say what went wrong.
pub fn last_lines(text: &str, count: usize) -> String {
    let text = text.trim_end();
    let end = &text[text.ceil_char_boundary(text.len().saturating_sub(END_BYTES))..];
    let lines: Vec<&str> = end.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// The last `count` lines of a log of any length; nothing if it cannot be read, for what failed is
/// told without it too. `path` must lie where no foreign code can put a link.
pub fn last_lines_of(path: &Path, count: usize) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut log = fs_err::File::open(path)?;
        let start = log.metadata()?.len().saturating_sub(END_BYTES as u64);
        log.seek(SeekFrom::Start(start))?;
        let mut end = Vec::new();
        log.take(END_BYTES as u64).read_to_end(&mut end)?;
        Ok(end)
    };
    last_lines(&String::from_utf8_lossy(&read().unwrap_or_default()), count)
}

/// How many processors this process may use. It decides how many builds run at once, never what
/// they give.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write as _;

    use super::*;

    #[test]
    fn of_a_log_of_any_length_the_end_is_shown() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let large = File::create(&log).unwrap();
        // A hole: it has no blocks on the disk, and nobody has the memory for it.
        large.set_len(1 << 40).unwrap();
        let mut end = fs_err::OpenOptions::new().append(true).open(&log).unwrap();
        end.write_all("\nfirst\nsecond ü\nlast\n\n".as_bytes()).unwrap();
        assert_eq!(last_lines_of(&log, 2), "second ü\nlast");
        assert_eq!(last_lines_of(&dir.path().join("none"), 2), "");
        let line = "ü".repeat(END_BYTES);
        assert_eq!(last_lines(&line, 2), "ü".repeat(END_BYTES / 2));
    }
}
