//! The launcher, which starts the foreign program. This program starts itself again, as a process
//! with one thread and an empty environment (`serve`). The launcher reads the plan from its
//! standard input and makes the sandbox by system calls alone. It runs no shell and no program of
//! the root, and it reads no file of the root: a toolchain, an output or a recipe's environment
//! cannot influence it.
//!
//! There are three processes. The *outer* one keeps the caller's privileges; it writes the id maps
//! and, as root, makes the mounts. The *middle* one owns the new namespaces, and ends them when the
//! caller asks for it or is gone. The *first* one is process 1 inside: it drops every privilege,
//! starts the program, and reaps the program's orphans.

mod answers;
mod calls;
mod filter;
mod first;
mod listings;
mod loopback;
mod memory;
mod proc;
mod tree;

use std::fmt::Display;
use std::io::{self, PipeReader, PipeWriter, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use kernel::Forked;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::Mode;
use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::process::{
    Pid, PidfdFlags, Rlimit, Signal, WaitOptions, WaitStatus, getppid, getrlimit, kill_process,
    pidfd_open, set_parent_process_death_signal, setrlimit, umask, waitpid,
};
use rustix::thread::UnshareFlags;

use super::channel::{Report, receive, send};
use super::limits::Reached;
use super::pinned::LIMITS;
use super::plan::{Identity, Plan};
use answers::Answers;

/// The argument by which this program is the launcher.
pub(super) const WORD: &str = "--sandbox-launcher";

static SERVES: OnceLock<()> = OnceLock::new();

/// Is the launcher, if this process was started as one, and never returns then. A program that uses
/// the sandbox calls this first in `main`, before it starts any thread.
pub fn serve() {
    if std::env::args_os().nth(1).is_some_and(|word| word == WORD) {
        std::process::exit(launch());
    }
    let _ = SERVES.set(());
}

/// Whether this program can be started once more as the launcher.
pub(super) fn serves() -> bool {
    SERVES.get().is_some()
}

/// What went wrong, and at what.
#[derive(Debug)]
struct Failure {
    step: String,
    error: String,
    forbidden: bool,
}

type Result<T> = std::result::Result<T, Failure>;

/// Names the step that failed.
trait At<T> {
    fn at(self, step: impl Display) -> Result<T>;
    /// The same for a step that needs only what every sandbox needs.
    fn needed_at(self, step: impl Display) -> Result<T>;
}

impl<T, E: Display> At<T> for std::result::Result<T, E> {
    fn at(self, step: impl Display) -> Result<T> {
        self.map_err(|error| Failure {
            step: step.to_string(),
            error: error.to_string(),
            forbidden: false,
        })
    }

    fn needed_at(self, step: impl Display) -> Result<T> {
        self.at(step).map_err(|failure| Failure { forbidden: true, ..failure })
    }
}

fn launch() -> i32 {
    // Before anything else: who started this may be gone already.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let socket = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3).map(UnixStream::from);
    let Ok(socket) = socket else {
        return 2;
    };
    let Ok(Some((plan, files))) = receive::<Plan>(&socket) else {
        eprintln!("error: `{WORD}` is not for people; the sandbox starts itself with it");
        return 2;
    };
    if Pid::as_raw(getppid()) != plan.parent {
        return 1;
    }
    umask(Mode::from_raw_mode(0o022));
    match outer(&plan, &socket, files) {
        Ok(()) => 0,
        Err(failure) => report(&socket, failure),
    }
}

/// Tells the caller why the program was not started. Does nothing if the caller is gone.
fn report(socket: &UnixStream, failure: Failure) -> i32 {
    let Failure { step, error, forbidden } = failure;
    let _ = send(socket, &Report::Failed { step, error, forbidden }, &[]);
    1
}

/// Has the rights of the caller.
fn outer(plan: &Plan, socket: &UnixStream, files: Vec<OwnedFd>) -> Result<()> {
    inherit_nothing()?;
    if plan.identity.subordinate {
        let owners = owners_namespace(plan.identity)?;
        kernel::unshare(UnshareFlags::NEWNS).needed_at("unshare(mount namespace)")?;
        keep_mounts_here()?;
        tree::build(plan, Some(&owners))?;
    }
    let (mut middle, go) = match fork().needed_at("fork")? {
        Fork::Parent { child, ready, go } => ((child, ready), go),
        Fork::Child { ready, go } => {
            let code = match self::middle(plan, socket, files, ready, go) {
                Ok(()) => 0,
                Err(failure) => report(socket, failure),
            };
            std::process::exit(code)
        }
    };
    drop(files);
    // The middle process says why, if it does not come so far.
    if middle.1.read_exact(&mut [0]).is_ok() {
        write_maps(middle.0, [plan.identity.inside, plan.identity.outside])
            .needed_at("writing the maps of users and groups")?;
        let _ = (&go).write_all(&[0]);
    }
    drop(go);
    wait_for(middle.0).map(drop).at("waiting")
}

/// Takes back what a caller gives to the programs that it starts. This has the caller's rights, so
/// only root can raise what was lowered.
fn inherit_nothing() -> Result<()> {
    let _ = rustix::process::setpriority_process(None, 0);
    kernel::default_scheduling();
    for (resource, name, current, maximum) in LIMITS {
        let limit = Rlimit { current, maximum };
        if setrlimit(resource, limit).is_ok() {
            continue;
        }
        let shown = |limit: Option<u64>| limit.map_or("no limit".to_owned(), |it| it.to_string());
        let own = getrlimit(resource).maximum;
        let hard = shown(own);
        return Err(format!(
            "the hard limit of this shell is {hard}, and a sandbox has {}",
            shown(maximum)
        ))
        .at(format!("setting the limit of {name}"));
    }
    Ok(())
}

/// The two sides of a fork, with a pipe in each direction.
enum Fork {
    Parent { child: Pid, ready: PipeReader, go: PipeWriter },
    Child { ready: PipeWriter, go: PipeReader },
}

/// Forks, and lets the child die with its parent.
fn fork() -> io::Result<Fork> {
    let (ready_read, ready_write) = io::pipe()?;
    let (go_read, go_write) = io::pipe()?;
    match kernel::fork()? {
        Forked::Parent(child) => Ok(Fork::Parent { child, ready: ready_read, go: go_write }),
        Forked::Child => {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            Ok(Fork::Child { ready: ready_write, go: go_read })
        }
    }
}

/// A user namespace that shows files of root as files of the program's user. A namespace lives as
/// long as a process in it, or an open file of it.
fn owners_namespace(identity: Identity) -> Result<OwnedFd> {
    match fork().needed_at("fork")? {
        Fork::Child { mut ready, mut go } => {
            let made = kernel::unshare(UnshareFlags::NEWUSER).is_ok();
            if made && ready.write_all(&[0]).is_ok() {
                let _ = go.read(&mut [0]);
            }
            std::process::exit(0)
        }
        Fork::Parent { child, mut ready, go } => {
            let mut made = || -> io::Result<OwnedFd> {
                ready.read_exact(&mut [0]).map_err(|_| io::Error::other("unshare(user)"))?;
                write_maps(child, [[0, 0], identity.outside])?;
                Ok(fs_err::File::open(format!("/proc/{}/ns/user", child.as_raw_nonzero()))?
                    .into_parts()
                    .0
                    .into())
            };
            let made = made();
            drop(go);
            wait_for(child).at("waiting")?;
            made.needed_at("a user namespace")
        }
    }
}

/// Maps one user and one group (`user_namespaces(7)`).
fn write_maps(process: Pid, [inside, outside]: [[u32; 2]; 2]) -> io::Result<()> {
    let of = |name: &str| format!("/proc/{}/{name}", process.as_raw_nonzero());
    if !rustix::process::geteuid().is_root() {
        // Who is not root may map a group only where nobody can leave groups.
        fs_err::write(of("setgroups"), "deny")?;
    }
    fs_err::write(of("uid_map"), format!("{} {} 1\n", inside[0], outside[0]))?;
    fs_err::write(of("gid_map"), format!("{} {} 1\n", inside[1], outside[1]))
}

fn keep_mounts_here() -> Result<()> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).needed_at("making mounts private")
}

/// Has namespaces of its own, and in them all rights.
fn middle(
    plan: &Plan,
    socket: &UnixStream,
    files: Vec<OwnedFd>,
    mut ready: PipeWriter,
    mut go: PipeReader,
) -> Result<()> {
    let mut namespaces = UnshareFlags::NEWUSER
        | UnshareFlags::NEWNS
        | UnshareFlags::NEWPID
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWCGROUP;
    if plan.own_network {
        namespaces |= UnshareFlags::NEWNET;
    }
    kernel::unshare(namespaces).needed_at("unshare(user, mount, pid, … namespaces)")?;
    // New rights can take back what ends this process with its parent.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let mapped = ready.write_all(&[0]).and_then(|()| go.read_exact(&mut [0]));
    if mapped.is_err() {
        std::process::exit(1); // the outer process is gone, or says itself what failed
    }
    if !plan.identity.subordinate {
        keep_mounts_here()?;
        tree::build(plan, None)?;
    }
    // Process 1 leaves the host's root for the sandbox's, and this process with it.
    let host = Answers::host().at("opening `/proc`")?;
    let (answers, listener) = UnixStream::pair().at("socketpair")?;
    match fork().needed_at("fork")? {
        Fork::Child { ready: _, mut go } => {
            drop((host, answers));
            // Not before this process dies with its parent.
            if go.read_exact(&mut [0]).is_err() {
                std::process::exit(1);
            }
            let code = match first::run(plan, socket, files, &go, listener) {
                Ok(code) => code,
                Err(failure) => report(socket, failure),
            };
            std::process::exit(code)
        }
        Fork::Parent { child, ready: _, mut go } => {
            drop((files, listener));
            let _ = go.write_all(&[0]);
            // It ends without one where process 1 does not come so far.
            let received = receive::<()>(&answers).at("waiting for the listener")?;
            drop(answers); // a program can see how many sockets there are
            let listener = received.and_then(|((), files)| files.into_iter().next());
            let answers = listener.map(|it| Answers::new(it, host, plan));
            supervise(plan, child, socket, answers)
        }
    }
}

/// How often memory is looked at.
const LOOK: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Waits until all that runs inside has ended, and ends it when the caller closes the socket, or
/// when it has too much memory. Meanwhile it answers what programs ask.
fn supervise(
    plan: &Plan,
    child: Pid,
    socket: &UnixStream,
    mut answers: Option<Answers<'_>>,
) -> Result<()> {
    let ended = pidfd_open(child, PidfdFlags::empty()).at("pidfd_open")?;
    let memory = plan.limits.memory();
    let mut looked = Instant::now();
    loop {
        let mut waiting =
            vec![PollFd::new(&ended, PollFlags::IN), PollFd::new(socket, PollFlags::IN)];
        waiting.extend(answers.as_ref().map(|it| PollFd::new(it, PollFlags::IN)));
        match poll(&mut waiting, Some(&LOOK)) {
            Err(rustix::io::Errno::INTR) => continue,
            other => other.at("poll")?,
        };
        let [over, unwanted] = [0, 1].map(|number: usize| !waiting[number].revents().is_empty());
        let asked = waiting.get(2).map_or(PollFlags::empty(), PollFd::revents);
        if asked.contains(PollFlags::IN) {
            answers.as_mut().map_or(Ok(()), Answers::answer_one).at("answering a system call")?;
        } else if !asked.is_empty() {
            answers = None; // nobody is left who could ask
        }
        let due = looked.elapsed() >= Duration::from_secs(1);
        if due {
            looked = Instant::now();
        }
        let too_much = due && !over && !unwanted && memory::exceeds(memory);
        if too_much {
            let _ = send(socket, &Report::Stopped(Reached::Memory), &[]);
        }
        if too_much || unwanted {
            let _ = kill_process(child, Signal::KILL);
        }
        if over || too_much || unwanted {
            // Process 1 is not gone before everything else inside is.
            let code = wait_for(child).at("waiting")?;
            let _ = send(socket, &Report::Ended { code }, &[]);
            return Ok(());
        }
    }
}

fn wait_for(child: Pid) -> io::Result<i32> {
    loop {
        match waitpid(Some(child), WaitOptions::empty()) {
            Ok(Some((_, status))) => return Ok(code_of(status)),
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The exit code, or 128 and the number of the signal.
fn code_of(status: WaitStatus) -> i32 {
    status.exit_status().unwrap_or_else(|| 128 + status.terminating_signal().unwrap_or_default())
}

/// Whether a file is open for this process.
fn stream(files: &[OwnedFd], number: usize) -> Result<std::os::fd::BorrowedFd<'_>> {
    files.get(number).map(|file| file.as_fd()).ok_or("not sent").at("the three streams")
}
