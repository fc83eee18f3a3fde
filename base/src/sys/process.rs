//! Runs programs of the host with an environment that starts empty. Foreign code (build backends,
//! interpreters) runs in the sandbox instead.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::{ChildStderr, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use self::watch::Watch;
use crate::vocabulary::Problem;
use crate::vocabulary::limits::PROGRAM_OUTPUT_BYTES;
use crate::vocabulary::redacted::redact_text;

mod watch;

/// A command of the host with a cleared environment.
#[derive(Debug)]
pub struct Process {
    command: Command,
    shown: String,
    limit: Duration,
}

/// The longest time that a host program may run: phase 1 waits for servers, and they can be slow.
const TIME_MAX: Duration = Duration::from_hours(1);

/// The number of bytes of standard error that are kept.
const STDERR_BYTES_MAX: usize = 1 << 20;

impl Process {
    /// Runs `program` in `/`; no variable of the environment is passed on.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn new(program: impl AsRef<Path>) -> Self {
        let program = program.as_ref();
        let mut command = Command::new(program);
        command.env_clear().env("LC_ALL", "C.UTF-8").current_dir("/").stdin(Stdio::null());
        Self { command, shown: program.display().to_string(), limit: TIME_MAX }
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

    /// Ends it, and whatever it has started, when it has run for so long; ordinarily an hour.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it to its end; whatever its exit status is, the output is returned.
    pub fn output(self) -> Result<Output, Problem> {
        self.output_with_input(&[])
    }

    /// Runs it to its end; each line of its standard error is passed on as soon as it is printed.
    pub fn output_told(self, told: impl FnMut(&str) + Send) -> Result<Output, Problem> {
        let shown = self.shown.clone();
        let (stdout, output) = self.run(&[], read_whole, told)?;
        Ok(Output { stdout: stdout.map_err(|error| unread(&shown, &error))?, ..output })
    }

    /// Runs it to its end with `input` on its standard input.
    pub fn output_with_input(self, input: &[u8]) -> Result<Output, Problem> {
        let shown = self.shown.clone();
        let (stdout, output) = self.run(input, read_whole, |_| ())?;
        Ok(Output { stdout: stdout.map_err(|error| unread(&shown, &error))?, ..output })
    }

    /// Runs it with `input` on its standard input, and gives `read` its standard output while it
    /// prints. Once `read` has enough, the next write of the program fails, which ends it. In the
    /// output that is returned there is no standard output, and only the end of a long standard
    /// error.
    pub fn streamed<T>(
        self,
        input: &[u8],
        read: impl FnOnce(&mut io::BufReader<ChildStdout>) -> T,
    ) -> Result<(T, Output), Problem> {
        self.run(input, read, |_| ())
    }

    fn run<T>(
        mut self,
        input: &[u8],
        read: impl FnOnce(&mut io::BufReader<ChildStdout>) -> T,
        told: impl FnMut(&str) + Send,
    ) -> Result<(T, Output), Problem> {
        use std::io::Write as _;
        if !input.is_empty() {
            self.command.stdin(Stdio::piped());
        }
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().map_err(|error| self.not_started(&error))?;
        let watch = Watch::start(child.id(), self.limit);
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().expect("standard output is piped");
        let stderr = child.stderr.take().expect("standard error is piped");
        let (result, stderr) = std::thread::scope(|scope| {
            // A program may print before it has read all, and wait until that is read.
            scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
            // Both streams are read at once: a pipe that nobody reads stops its writer.
            let stderr = scope.spawn(move || read_lines(stderr, told));
            let mut stdout = io::BufReader::with_capacity(128 * 1024, stdout);
            let result = read(&mut stdout);
            drop(stdout);
            (result, stderr.join().expect("reading does not panic"))
        });
        let expired = watch.end();
        let status = child.wait().map_err(|error| self.not_started(&error))?;
        if expired {
            let printed = last_lines(&String::from_utf8_lossy(&stderr), 20);
            return Err(Problem::new(format!("`{}` did not end", self.shown))
                .fact("waited", format!("{} seconds", self.limit.as_secs_f64()))
                .fact("printed", if printed.is_empty() { "nothing" } else { &printed }));
        }
        Ok((result, Output { status, stdout: Vec::new(), stderr }))
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

fn unread(shown: &str, error: &io::Error) -> Problem {
    Problem::new(format!("cannot read what `{shown}` prints")).fact("because", error)
}

fn read_whole(stdout: &mut io::BufReader<ChildStdout>) -> io::Result<Vec<u8>> {
    PROGRAM_OUTPUT_BYTES.read(stdout)
}

/// Passes on each line, and gives the end of them all. A line without an end is passed on in parts.
fn read_lines(stderr: ChildStderr, mut told: impl FnMut(&str)) -> Vec<u8> {
    use std::io::BufRead as _;
    let mut stderr = io::BufReader::new(stderr);
    let mut printed = Vec::new();
    loop {
        let start = printed.len();
        let part = stderr.by_ref().take(END_BYTES as u64).read_until(b'\n', &mut printed);
        if !part.is_ok_and(|read| read > 0) {
            return printed;
        }
        let line = &printed[start..];
        told(&String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(line)));
        if printed.len() > 2 * STDERR_BYTES_MAX {
            printed.drain(..printed.len() - STDERR_BYTES_MAX);
        }
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

/// The last `count` lines of a log of any length; empty if it cannot be read, because the failure
/// is reported without it as well. `path` must be where foreign code cannot create a link.
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

    fn shell(script: &str) -> Process {
        Process::new("/bin/sh").env("PATH", "/usr/bin:/bin").args(["-c", script])
    }

    #[test]
    fn what_does_not_end_is_ended_with_all_that_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RWXU,
            0,
        )
        .unwrap();
        // The innermost holds the pipes of the outermost, and none of them ends by itself.
        let script =
            format!("echo why >&2; sh -c 'sh -c \"cat {0}\" & cat {0}' & cat {0}", pipe.display());
        let problem = shell(&script).time_limit(Duration::from_millis(300)).output().unwrap_err();
        let text = problem.to_string();
        assert!(text.contains("did not end") && text.contains("why"), "{text}");
        let stopped = shell("exit 3").time_limit(Duration::from_mins(1)).output().unwrap();
        assert_eq!(stopped.status.code(), Some(3));
    }

    #[test]
    fn what_a_program_prints_is_bounded() {
        let problem = shell("yes | head -c 70000000").output().unwrap_err().to_string();
        assert!(problem.contains("`program-output-bytes`"), "{problem}");
        let output = shell("yes errors | head -c 9000000 >&2; echo last >&2; echo out").output();
        let output = output.unwrap();
        assert!(output.stderr.len() <= 2 * STDERR_BYTES_MAX + END_BYTES);
        assert!(output.stderr.ends_with(b"last\n") && output.stdout == b"out\n");
        let mut lines = Vec::new();
        shell("printf 'a\\nb' >&2").output_told(|line| lines.push(line.to_owned())).unwrap();
        assert_eq!(lines, ["a", "b"]);
    }

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
