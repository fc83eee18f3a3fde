//! Process 1 of the sandbox. It must not be the program itself: the kernel drops signals to a
//! namespace's first process that it has no handler for, so `abort()` or `kill $$` would do nothing
//! there, and nobody would reap orphans.
//!
//! The order matters: it sets up mounts and names, which needs privileges; then it drops every
//! privilege; only then does it touch the root.

use std::fmt::Display;
use std::io::{self, PipeReader, Write as _};
use std::num::NonZeroU64;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::Mode;
use rustix::mount::{UnmountFlags, mount_bind_recursive, unmount};
use rustix::process::{
    DumpableBehavior, Gid, Resource, Rlimit, Signal, Uid, WaitOptions, pivot_root,
    set_dumpable_behavior, set_parent_process_death_signal, setrlimit, setsid, umask, wait,
};
use rustix::pty::OpenptFlags;
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::super::channel::{Report, send};
use super::super::plan::Plan;
use super::{At as _, Result, code_of, filter, loopback, proc, stream, tree};

/// Nanoseconds by which a timer may be late, unless a program says otherwise.
const TIMER_SLACK: u64 = 50_000;

/// What the shell says, and `env`, of a program that does not exist, or is none.
const NOT_FOUND: i32 = 127;
const NOT_EXECUTABLE: i32 = 126;

/// Runs the program to its end, and returns its exit code. `alive` ends when the process that waits
/// for this one does; `answers` takes the listener for what it answers.
pub(super) fn run(
    plan: &Plan,
    socket: &UnixStream,
    files: Vec<OwnedFd>,
    alive: &PipeReader,
    answers: UnixStream,
) -> Result<i32> {
    enter_root(plan)?;
    rustix::system::sethostname(plan.host_name.as_bytes()).needed_at("setting the host name")?;
    if plan.own_network {
        loopback::up().at("bringing the loopback interface up")?;
    }
    limit(plan)?;
    become_user(plan)?;
    setsid().at("beginning a session")?;
    connect(plan, socket, &files)?;
    drop(files);
    // Without keys in the kernel there is no keyring to leave.
    let _ = kernel::join_new_session_keyring();
    give_up_rights()?;
    stay_with(alive)?;
    umask(Mode::from_raw_mode(plan.umask));
    std::env::set_current_dir(&plan.directory)
        .at(format!("entering the directory `{}`", plan.directory))?;
    kernel::close_others_on_exec().at("closing files")?;
    kernel::default_signals().at("resetting signals")?;
    filter::apply()?;
    let listener = kernel::listen(&filter::asked()).at("listening for system calls")?;
    send(&answers, &(), &[listener.as_fd()]).at("handing system calls over")?;
    drop((listener, answers));
    Ok(start_and_reap(plan))
}

/// Makes `/proc`, and leaves the host's root for the sandbox's.
fn enter_root(plan: &Plan) -> Result<()> {
    let place = tree::place()?;
    proc::make(&place.join("proc"), plan)?;
    // A mount that came with the namespace cannot be made the root, a bind of it can.
    mount_bind_recursive(place, place).needed_at("binding the root")?;
    std::env::set_current_dir(place).needed_at("entering the root")?;
    pivot_root(".", ".").needed_at("pivot_root")?;
    unmount(".", UnmountFlags::DETACH).needed_at("leaving the host's root")?;
    std::env::set_current_dir("/").needed_at("entering the root")
}

fn become_user(plan: &Plan) -> Result<()> {
    let [user, group] = plan.identity.inside;
    let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
    if plan.identity.subordinate {
        rustix::thread::set_thread_groups(&[]).at("leaving the groups")?;
    }
    // The rights in this namespace are needed once more, to give them up.
    rustix::thread::set_keep_capabilities(true).at("keeping rights")?;
    rustix::thread::set_thread_res_gid(group, group, group).at("setgid")?;
    rustix::thread::set_thread_res_uid(user, user, user).at("setuid")
}

/// Connects the three streams, to a terminal of its own where the plan says so.
fn connect(plan: &Plan, socket: &UnixStream, files: &[OwnedFd]) -> Result<()> {
    let mut terminal = None;
    if plan.terminal.contains(&true) {
        let made = || -> io::Result<OwnedFd> {
            let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
            let master = rustix::fs::open(
                "/dev/pts/ptmx",
                rustix::fs::OFlags::from_bits_retain(flags.bits()),
                Mode::empty(),
            )?;
            rustix::pty::unlockpt(&master)?;
            let program = rustix::pty::ioctl_tiocgptpeer(&master, flags)?;
            rustix::process::ioctl_tiocsctty(&program)?;
            send(socket, &Report::Terminal, &[master.as_fd()])?;
            Ok(program)
        };
        terminal = Some(made().at("making a terminal")?);
    }
    let of = |number: usize| match &terminal {
        Some(terminal) if plan.terminal[number] => Ok(terminal.as_fd()),
        _ => stream(files, number),
    };
    rustix::stdio::dup2_stdin(of(0)?).at("connecting standard input")?;
    rustix::stdio::dup2_stdout(of(1)?).at("connecting standard output")?;
    rustix::stdio::dup2_stderr(of(2)?).at("connecting standard error")
}

/// What a process may take of the machine.
fn limit(plan: &Plan) -> Result<()> {
    let both = |value| Rlimit { current: Some(value), maximum: Some(value) };
    let limits = &plan.limits;
    setrlimit(Resource::Nproc, both(limits.processes)).at("limiting processes")?;
    setrlimit(Resource::Fsize, both(limits.file_bytes)).at("limiting files")?;
    setrlimit(Resource::Core, both(0)).at("limiting core files")?;
    // If the machine has no memory left, the kernel ends something in here rather than outside.
    let _ = fs_err::write("/proc/self/oom_score_adj", "1000");
    // These two are inherited from the caller, and what they are is no right.
    let _ = fs_err::write("/proc/self/coredump_filter", "0x33");
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(TIMER_SLACK));
    let _ = rustix::thread::disable_transparent_huge_pages(false);
    Ok(())
}

/// Drops every capability for good: neither root of the namespace nor a program with set-user-id or
/// file capabilities can regain one.
fn give_up_rights() -> Result<()> {
    for number in 0..u64::BITS {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        if rustix::thread::remove_capability_from_bounding_set(capability).is_err() {
            break; // the kernel knows no more of them
        }
    }
    rustix::thread::clear_ambient_capability_set().at("clearing ambient rights")?;
    rustix::thread::set_no_new_privs(true).at("no_new_privs")?;
    let none = CapabilitySet::empty();
    let none = CapabilitySets { effective: none, permitted: none, inheritable: none };
    rustix::thread::set_capabilities(None, none).at("giving up rights")?;
    // Nor can the program look into this process, which has seen the host.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).at("hiding this process")
}

/// A change of user takes back what ends this process with its parent.
fn stay_with(parent: &PipeReader) -> Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL)).at("prctl")?;
    let mut waiting = [PollFd::new(parent, PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    if poll(&mut waiting, Some(&now)).at("poll")? > 0 {
        std::process::exit(1);
    }
    Ok(())
}

/// Starts the program and waits for it; what others leave is reaped meanwhile.
#[expect(clippy::disallowed_methods, reason = "here foreign code is started, in the sandbox")]
fn start_and_reap(plan: &Plan) -> i32 {
    let mut command = Command::new(&plan.program);
    command.args(&plan.arguments).env_clear().envs(plan.environment.iter().cloned());
    command.stdin(Stdio::inherit());
    let child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            complain(&format!("cannot run `{}`: {error}", plan.program));
            return match error.kind() {
                io::ErrorKind::NotFound => NOT_FOUND,
                _ => NOT_EXECUTABLE,
            };
        }
    };
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((ended, status)))
                if ended.as_raw_nonzero().get().unsigned_abs() == child.id() =>
            {
                return code_of(status);
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => {
                complain(&format!("cannot wait for `{}`: {error}", plan.program));
                return NOT_EXECUTABLE;
            }
        }
    }
}

/// To where the program would complain.
fn complain(what: &dyn Display) {
    let _ = writeln!(io::stderr(), "lockstep: {what}");
}
