//! One run: a container of `hakoniwa` with everything set, and a shell as its first process.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use fs_err as fs;
use hakoniwa::{Container, ExitStatus, Namespace, Stdio};

use super::available::explain;
use super::{Finished, Invocation, Network, OutputTo, Sandbox, Surroundings, mounts};
use crate::sys::process::last_lines;
use crate::vocabulary::Problem;

/// The first process of the pid namespace. It must not be the program itself: the kernel drops
/// signals to a namespace's first process that it has no handler for, so `abort()` or `kill $$`
/// would do nothing there, and nobody would reap orphans. The umask would else be the caller's, and
/// the order of the environment that of a random hash map. `exit` keeps the shell from replacing
/// itself with the program. Its first four arguments are umask, user, group and how to begin a
/// session: one of its own has no terminal, so the program can neither read what a person types nor
/// type for them (`TIOCSTI`, `ioctl_tty(2)`).
const INIT: &str = r#"umask "$1"; session=$4; shift 4; $session /usr/bin/env -i "$@"; exit $?"#;

/// The same for a network namespace of its own, whose loopback interface is down at first: a test
/// that starts a server on 127.0.0.1 must work. Only root inside can bring it up, so the shell is
/// root and the program is put into one more user namespace, where it is the ordinary user again
/// and has no rights over the shell's.
pub(super) const INIT_WITH_LOOPBACK: &str = r#"umask "$1"; user=$2 group=$3 session=$4; shift 4
ip link set lo up
unshare --user --map-user="$user" --map-group="$group" -- $session /usr/bin/env -i "$@"; exit $?"#;

/// What hakoniwa exits with, and begins a message with, when it fails after the fork.
const NOT_STARTED: (i32, &str) = (125, "hakoniwa: ");

pub(super) fn run(
    sandbox: &Sandbox,
    invocation: &Invocation,
    output: OutputTo<'_>,
) -> Result<Finished, Problem> {
    let problem = |because: &dyn std::fmt::Display| {
        Problem::new(format!("cannot run `{}` in the sandbox", invocation.program))
            .fact("because", because)
    };
    if invocation.program.contains('=') {
        return Err(problem(&"`env` would take a name with `=` for a variable"));
    }
    let mut container = Container::empty();
    let loopback = sandbox.network == Network::None && mounts::has_loopback_tools(&sandbox.root);
    isolate(&mut container, sandbox.network, &sandbox.surroundings, loopback);
    mounts::mount_all(&mut container, sandbox)?;
    let mut command = container.command("/bin/sh");
    let init = if loopback { INIT_WITH_LOOPBACK } else { INIT };
    let Surroundings { umask, user_id, group_id, path_tail, .. } = &sandbox.surroundings;
    command.args(["-c", init, "sh", umask, &user_id.to_string(), &group_id.to_string()]);
    let interactive = matches!(output, OutputTo::Inherit);
    let of_its_own = !interactive && mounts::has(&sandbox.root, "setsid");
    command.arg(if of_its_own { "setsid" } else { "" });
    for (key, value) in &sandbox.environment {
        let tail = path_tail.as_ref().filter(|_| key == "PATH");
        let tail = tail.map(|tail| format!(":{tail}")).unwrap_or_default();
        command.arg(&format!("{key}={value}{tail}"));
    }
    command
        .arg(&invocation.program)
        .args(&invocation.arguments)
        .env("PATH", &sandbox.environment["PATH"])
        .current_dir(&invocation.directory);
    let log_start = connect(&mut command, output).map_err(|error| problem(&error))?;
    let finished = wait(&mut command).map_err(|error| problem(&error))?;
    match started(&finished, output, log_start).map_err(|error| problem(&error))? {
        Ok(()) => Ok(Finished {
            code: finished.status.code,
            stdout: finished.stdout,
            stderr: finished.stderr,
        }),
        // What else can fail here is about this one sandbox, not about the machine.
        Err(because) if because.contains("unshare(") => Err(explain(&problem(&because))),
        Err(because) => Err(problem(&because)
            .hint("`cargo xtask doctor` tries a sandbox and names the setting that forbids it")),
    }
}

fn isolate(container: &mut Container, network: Network, seen: &Surroundings, as_root: bool) {
    for namespace in
        [Namespace::User, Namespace::Mount, Namespace::Pid, Namespace::Ipc, Namespace::Uts]
    {
        container.unshare(namespace);
    }
    if network == Network::None {
        container.unshare(Namespace::Network);
    }
    let [user, group] = if as_root { [0, 0] } else { [seen.user_id, seen.group_id] };
    container.uidmap(user).gidmap(group).hostname(&seen.host_name);
}

/// Connects the three streams; returns how long the log was before.
fn connect(command: &mut hakoniwa::Command, output: OutputTo<'_>) -> io::Result<u64> {
    let null = || File::open("/dev/null").map(Stdio::from);
    match output {
        OutputTo::Log(path) => {
            let log = open_log(path)?;
            let length = log.metadata()?.len();
            command.stdin(null()?).stdout(Stdio::from(log.try_clone()?)).stderr(Stdio::from(log));
            Ok(length)
        }
        OutputTo::Capture => {
            command.stdin(null()?).stdout(Stdio::piped()).stderr(Stdio::piped());
            Ok(0)
        }
        OutputTo::Inherit => {
            command.stdin(Stdio::inherit()).stdout(Stdio::inherit()).stderr(Stdio::inherit());
            Ok(0)
        }
    }
}

fn open_log(path: &Path) -> io::Result<File> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let file = fs::OpenOptions::new().create(true).append(true).open(path)?;
    Ok(file.into_parts().0)
}

/// As many of the last bytes of a stream are returned. No answer that is asked for in this way is
/// as long, and foreign code must not decide how much memory it takes to hear it out.
const CAPTURED_BYTES: usize = 16 << 20;

fn wait(command: &mut hakoniwa::Command) -> io::Result<hakoniwa::Output> {
    let mut child = command.spawn().map_err(io::Error::other)?;
    let [stdout, stderr] = [child.stdout.take(), child.stderr.take()];
    let (stdout, stderr) = std::thread::scope(|scope| {
        // Both streams are read at once: a pipe that nobody reads stops its writer.
        let stderr = scope.spawn(|| end_of(stderr));
        (end_of(stdout), stderr.join().expect("reading does not panic"))
    });
    let status = child.wait().map_err(io::Error::other)?;
    Ok(hakoniwa::Output { status, stdout: stdout?, stderr: stderr? })
}

/// Reads a stream to its end, if it is one that is captured.
fn end_of(stream: Option<impl Read>) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let Some(mut stream) = stream else {
        return Ok(kept);
    };
    while stream.by_ref().take(CAPTURED_BYTES as u64).read_to_end(&mut kept)? > 0 {
        kept.drain(..kept.len().saturating_sub(CAPTURED_BYTES));
    }
    Ok(kept)
}

/// Tells a program that exits with 125 from a container that could not be made.
fn started(
    finished: &hakoniwa::Output,
    output: OutputTo<'_>,
    log_start: u64,
) -> io::Result<Result<(), String>> {
    let ExitStatus { code, reason, exit_code, .. } = &finished.status;
    let killed_by_signal = *code > 128;
    if exit_code.is_none() && !killed_by_signal {
        return Ok(Err(reason.clone()));
    }
    if *code != NOT_STARTED.0 {
        return Ok(Ok(()));
    }
    let printed = match output {
        OutputTo::Capture => finished.stderr.clone(),
        OutputTo::Log(path) => read_from(path, log_start)?,
        OutputTo::Inherit => Vec::new(),
    };
    let text = String::from_utf8_lossy(&printed);
    Ok(match text.strip_prefix(NOT_STARTED.1) {
        Some(because) => Err(last_lines(because, 3)),
        None => Ok(()),
    })
}

fn read_from(path: &Path, start: u64) -> io::Result<Vec<u8>> {
    use std::io::Seek as _;
    let mut file = fs::File::open(path)?;
    file.seek(io::SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(4096).read_to_end(&mut bytes)?;
    Ok(bytes)
}
