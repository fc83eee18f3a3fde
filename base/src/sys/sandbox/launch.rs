//! One run, seen from outside: it sends the plan to the launcher and receives the result.

use std::fs::File;
use std::io::{self, IsTerminal as _, PipeReader, Read, Write as _};
use std::net::Shutdown;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fs_err as fs;

use super::available::explain;
use super::channel::{Report, receive, send};
use super::inside::{WORD, serves};
use super::limits::{Reached, STOPPED};
use super::plan::{Identity, Plan};
use super::terminal::Relay;
use super::{Finished, Invocation, Limits, Network, OutputTo, Sandbox, mounts, owner};
use crate::vocabulary::Problem;

pub(super) fn run(
    sandbox: &Sandbox,
    invocation: &Invocation,
    output: OutputTo<'_>,
) -> Result<Finished, Problem> {
    let problem = |because: &dyn std::fmt::Display| {
        Problem::new(format!("cannot run `{}` in the sandbox", invocation.program))
            .fact("because", because)
    };
    let plan = plan(sandbox, invocation, output)?;
    let identity = plan.identity;
    let lend = |owner: [u32; 2]| -> io::Result<()> {
        let mut lent = mounts::lent(&plan.entries).filter(|_| identity.subordinate);
        lent.try_for_each(|path| owner::give(path, owner))
    };
    lend(identity.outside).map_err(|error| problem(&error))?;
    let ended = launched(&plan, output);
    // They are taken back whatever happened: nobody else may own what is kept.
    lend([0, 0]).map_err(|error| problem(&error))?;
    match ended.map_err(|error| problem(&error))? {
        Ended::Finished(finished) => Ok(finished),
        Ended::Forbidden(because) => Err(explain(&problem(&because))),
        // What else can fail here is about this one sandbox, not about the machine.
        Ended::NotStarted(because) => Err(problem(&because)
            .hint("`lockstep doctor` tries a sandbox and names the setting that forbids it")),
    }
}

fn plan(sandbox: &Sandbox, invocation: &Invocation, output: OutputTo<'_>) -> Result<Plan, Problem> {
    let seen = &sandbox.surroundings;
    let subordinate = owner::subordinate();
    let own = [rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw()];
    let environment = sandbox.environment.iter().map(|(key, value)| {
        let tail = seen.path_tail.as_ref().filter(|_| key == "PATH");
        let tail = tail.map(|tail| format!(":{tail}")).unwrap_or_default();
        (key.clone(), format!("{value}{tail}"))
    });
    let interactive = matches!(output, OutputTo::Inherit);
    let terminal =
        [io::stdin().is_terminal(), io::stdout().is_terminal(), io::stderr().is_terminal()];
    Ok(Plan {
        parent: rustix::process::Pid::as_raw(Some(rustix::process::getpid())),
        identity: Identity {
            inside: [seen.user_id, seen.group_id],
            outside: subordinate.unwrap_or(own),
            subordinate: subordinate.is_some(),
        },
        host_name: seen.host_name.clone(),
        processors: seen.machine().processors,
        kernel: seen.machine().kernel.map(str::to_owned),
        reversed_directories: seen.pretended.reversed_directories,
        own_network: sandbox.network == Network::None,
        entries: mounts::entries(sandbox)?,
        environment: environment.collect(),
        umask: u32::from_str_radix(&seen.umask, 8).map_err(|error| {
            Problem::usage(format!("`{}` is no umask", seen.umask)).cause(error)
        })?,
        program: invocation.program.clone(),
        arguments: invocation.arguments.clone(),
        directory: invocation.directory.clone(),
        terminal: terminal.map(|it| it && interactive),
        limits: sandbox.limits,
    })
}

/// How a run ended.
enum Ended {
    Finished(Finished),
    NotStarted(String),
    Forbidden(String),
}

fn launched(plan: &Plan, output: OutputTo<'_>) -> io::Result<Ended> {
    let streams = Streams::open(plan, output)?;
    let (socket, theirs) = UnixStream::pair()?;
    let mut launcher = launcher(theirs)?;
    let run = streams.sent(plan, &socket).and_then(|read| read.read_all(plan, &socket));
    // Without the socket the launcher ends, and everything inside with it.
    drop(socket);
    launcher.wait()?;
    run
}

/// Starts the launcher; it inherits only the socket and the standard error for panics.
#[expect(clippy::disallowed_methods, reason = "its environment is empty")]
fn launcher(socket: UnixStream) -> io::Result<Child> {
    let mut command = Command::new(program()?);
    command.arg0("lockstep").arg(WORD).env_clear().current_dir("/");
    command.stdin(Stdio::from(OwnedFd::from(socket))).stdout(Stdio::null());
    command.spawn()
}

/// The program that is the launcher: this one, if its `main` can be, else the `lockstep` that cargo
/// builds beside the tests, whose `main` is not ours.
fn program() -> io::Result<PathBuf> {
    if serves() {
        return Ok(PathBuf::from("/proc/self/exe"));
    }
    let own = std::env::current_exe()?;
    let beside = own.parent().and_then(Path::parent).map(|it| it.join("lockstep"));
    beside.filter(|path| path.is_file()).ok_or_else(|| {
        io::Error::other("this program does not call `sandbox::serve` first in its `main`")
    })
}

/// The three streams of a program, and what reads them here.
struct Streams {
    inside: [OwnedFd; 3],
    reading: Reading,
}

enum Reading {
    Log {
        pipe: PipeReader,
        file: File,
    },
    Captured {
        stdout: PipeReader,
        stderr: PipeReader,
    },
    /// What is no terminal.
    PassedOn {
        stdout: Option<PipeReader>,
        stderr: Option<PipeReader>,
    },
}

impl Streams {
    fn open(plan: &Plan, output: OutputTo<'_>) -> io::Result<Self> {
        let null = || File::options().read(true).write(true).open("/dev/null").map(OwnedFd::from);
        let piped = || io::pipe().and_then(|(read, write)| Ok((read, owned(write.into(), plan)?)));
        match output {
            OutputTo::Log(path) => {
                let file = open_log(path)?;
                let (pipe, writer) = piped()?;
                let inside = [null()?, writer.try_clone()?, writer];
                Ok(Self { inside, reading: Reading::Log { pipe, file } })
            }
            OutputTo::Capture => {
                let ((stdout, out), (stderr, err)) = (piped()?, piped()?);
                let inside = [null()?, out, err];
                Ok(Self { inside, reading: Reading::Captured { stdout, stderr } })
            }
            OutputTo::Inherit => {
                let stream = |terminal: bool| {
                    if terminal { Ok((None, null()?)) } else { piped().map(|(a, b)| (Some(a), b)) }
                };
                let ((stdout, out), (stderr, err)) =
                    (stream(plan.terminal[1])?, stream(plan.terminal[2])?);
                let stdin = if plan.terminal[0] {
                    null()?
                } else {
                    io::stdin().as_fd().try_clone_to_owned()?
                };
                Ok(Self {
                    inside: [stdin, out, err],
                    reading: Reading::PassedOn { stdout, stderr },
                })
            }
        }
    }

    /// Sends the plan with what the program has of them; only the program has that afterwards.
    fn sent(self, plan: &Plan, socket: &UnixStream) -> io::Result<Reading> {
        let [stdin, stdout, stderr] = &self.inside;
        // A launcher that failed has said why, or panicked; the socket shows which.
        match send(socket, plan, &[stdin.as_fd(), stdout.as_fd(), stderr.as_fd()]) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(self.reading),
        }
    }
}

impl Reading {
    fn read_all(self, plan: &Plan, socket: &UnixStream) -> io::Result<Ended> {
        let until = Some(Duration::from_secs(plan.limits.seconds));
        match self {
            Self::PassedOn { stdout, stderr } => std::thread::scope(|scope| {
                scope.spawn(|| stdout.map(|mut pipe| io::copy(&mut pipe, &mut io::stdout())));
                scope.spawn(|| stderr.map(|mut pipe| io::copy(&mut pipe, &mut io::stderr())));
                let reports = if plan.terminal.contains(&true) {
                    Relay::new(plan.terminal)?.run(socket)?
                } else {
                    reports(socket, None)?
                };
                let (ended, told) = ended(reports, &plan.limits);
                eprint!("{told}");
                Ok(ended)
            }),
            Self::Log { pipe, file } => std::thread::scope(|scope| {
                let copied = scope.spawn(|| copy(pipe, &file, plan.limits.log_bytes, socket));
                let mut reports = reports(socket, until)?;
                let fits = copied.join().expect("copying does not panic")?;
                reports.extend((!fits).then_some(Report::Stopped(Reached::Log)));
                let (ended, told) = ended(reports, &plan.limits);
                (&file).write_all(told.as_bytes())?;
                Ok(ended)
            }),
            Self::Captured { stdout, stderr } => std::thread::scope(|scope| {
                // Both are read at once: a pipe that nobody reads stops its writer.
                let stdout = scope.spawn(|| end_of(stdout));
                let stderr = scope.spawn(|| end_of(stderr));
                let reports = reports(socket, until)?;
                let [stdout, stderr] =
                    [stdout, stderr].map(|it| it.join().expect("reading does not panic"));
                let (ended, told) = ended(reports, &plan.limits);
                Ok(match ended {
                    Ended::Finished(finished) => {
                        let stderr = [stderr?, told.into_bytes()].concat();
                        Ended::Finished(Finished { stdout: stdout?, stderr, ..finished })
                    }
                    other => other,
                })
            }),
        }
    }
}

/// Copies what is printed into the log, which the program itself has no access to, until that is
/// full. Whether all of it did fit is returned.
fn copy(pipe: PipeReader, mut log: &File, limit: u64, socket: &UnixStream) -> io::Result<bool> {
    let mut pipe = pipe;
    io::copy(&mut pipe.by_ref().take(limit), &mut log)?;
    if pipe.read(&mut [0])? == 0 {
        return Ok(true);
    }
    // This ends everything inside; until then its writers must not wait.
    let _ = socket.shutdown(Shutdown::Write);
    io::copy(&mut pipe, &mut io::sink())?;
    Ok(false)
}

/// Gives a pipe to the program's user, who could otherwise not open it by the name of
/// `/dev/stderr`.
fn owned(pipe: OwnedFd, plan: &Plan) -> io::Result<OwnedFd> {
    if plan.identity.subordinate {
        let [user, group] = plan.identity.outside;
        std::os::unix::fs::fchown(&pipe, Some(user), Some(group))?;
    }
    Ok(pipe)
}

/// All that the launcher says. After `limit`, everything inside is ended.
fn reports(socket: &UnixStream, limit: Option<Duration>) -> io::Result<Vec<Report>> {
    let mut all = Vec::new();
    socket.set_read_timeout(limit)?;
    loop {
        match receive(socket) {
            Ok(Some((report, _))) => all.push(report),
            Ok(None) => return Ok(all),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                all.push(Report::Stopped(Reached::Time));
                socket.set_read_timeout(None)?;
                socket.shutdown(Shutdown::Write)?;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Distinguishes a program that ended from one that was not started, and returns the text to add to
/// its output.
fn ended(reports: Vec<Report>, limits: &Limits) -> (Ended, String) {
    let mut ended = Ended::NotStarted("the launcher ended without a word".to_owned());
    let mut reached = None;
    for report in reports {
        match report {
            Report::Failed { step, error, forbidden } => {
                let because = format!("{step}: {error}");
                let ended = if forbidden { Ended::Forbidden } else { Ended::NotStarted };
                return (ended(because), String::new());
            }
            Report::Ended { code } => {
                ended = Ended::Finished(Finished { code, stdout: Vec::new(), stderr: Vec::new() });
            }
            Report::Stopped(limit) => reached = reached.or(Some(limit)),
            Report::Terminal => {}
        }
    }
    match (ended, reached) {
        (Ended::Finished(finished), Some(reached)) => {
            (Ended::Finished(Finished { code: STOPPED, ..finished }), limits.told(reached))
        }
        (ended, _) => (ended, String::new()),
    }
}

fn open_log(path: &Path) -> io::Result<File> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let file = fs::OpenOptions::new().create(true).append(true).open(path)?;
    Ok(file.into_parts().0)
}

/// The number of last bytes of a stream that are returned. No expected answer is that long, and
/// foreign code must not decide how much memory this takes.
const CAPTURED_BYTES: usize = 16 << 20;

/// Reads a stream to its end.
fn end_of(mut stream: impl Read) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    while stream.by_ref().take(CAPTURED_BYTES as u64).read_to_end(&mut kept)? > 0 {
        kept.drain(..kept.len().saturating_sub(CAPTURED_BYTES));
    }
    Ok(kept)
}
