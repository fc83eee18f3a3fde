//! The few system calls that the sandbox needs and for which rustix has no safe wrapper. This is
//! the only crate of the workspace with `unsafe` in it: each function states why every call of it
//! is sound, so that no caller has a condition to keep. It holds no policy; what is done with these
//! calls is in `base::sys::sandbox`.
#![expect(unsafe_code, reason = "this crate exists to hold it")]

mod asked; // system calls that another process answers

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};

use rustix::thread::UnshareFlags;

pub use asked::{Answer, Call, answer, is_waiting, listen, receive, take_turns};

/// The two sides of a [`fork`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forked {
    /// This process, with the id of its new child.
    Parent(rustix::process::Pid),
    /// The child.
    Child,
}

/// Makes a copy of this process (`fork(2)`).
///
/// # Errors
/// The process has more than one thread, or the kernel refuses.
pub fn fork() -> io::Result<Forked> {
    // The child of a process with threads has only one of them, and every lock that another thread
    // held stays locked for ever. With one thread there is nobody to hold a lock, and nobody who
    // could start a second thread between the two calls.
    #[expect(clippy::disallowed_methods, reason = "the entries are counted, in whatever order")]
    let threads = std::fs::read_dir("/proc/self/task")?.count();
    if threads != 1 {
        return Err(io::Error::other(format!("a process with {threads} threads cannot fork")));
    }
    // SAFETY: `fork` is unsound only where other threads exist; there are none.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        child => Ok(rustix::process::Pid::from_raw(child).map_or(Forked::Child, Forked::Parent)),
    }
}

/// Gives this thread namespaces of its own (`unshare(2)`).
///
/// # Errors
/// The kernel refuses, or `flags` has `FILES`.
pub fn unshare(flags: UnshareFlags) -> io::Result<()> {
    if flags.contains(UnshareFlags::FILES) {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    // SAFETY: the call is unsound only with `FILES`, which takes open files from other threads.
    Ok(unsafe { rustix::thread::unshare_unsafe(flags) }?)
}

/// `struct mount_attr` of `mount_setattr(2)`.
#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    namespace: u64,
}

/// Shows the owners of files below a detached mount, and of all mounts below it, as the user
/// namespace maps them (`mount_setattr(2)` with `MOUNT_ATTR_IDMAP`).
///
/// # Errors
/// `EINVAL` if a file system among them cannot do that, `ENOSYS` before Linux 5.12.
pub fn map_owners(mount: BorrowedFd<'_>, namespace: BorrowedFd<'_>) -> io::Result<()> {
    let attributes = MountAttributes {
        set: libc::MOUNT_ATTR_IDMAP,
        clear: 0,
        propagation: 0,
        namespace: u64::try_from(namespace.as_raw_fd()).expect("an open file has a number"),
    };
    // SAFETY: the path is a constant that ends with NUL; the kernel reads as many bytes of
    // `attributes` as its size says, and only for the time of the call.
    let failed = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | libc::AT_RECURSIVE,
            &raw const attributes,
            size_of::<MountAttributes>(),
        )
    };
    if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Leaves the session keyring of the caller for a new, empty one (`keyctl(2)` with
/// `KEYCTL_JOIN_SESSION_KEYRING`).
///
/// # Errors
/// `ENOSYS` if the kernel has no keys.
pub fn join_new_session_keyring() -> io::Result<()> {
    // SAFETY: a null name asks for a keyring without one; the kernel reads no memory of ours.
    let failed = unsafe {
        libc::syscall(
            libc::SYS_keyctl,
            libc::KEYCTL_JOIN_SESSION_KEYRING,
            std::ptr::null::<libc::c_char>(),
        )
    };
    if failed == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Closes all open files but the three standard streams when this process starts another program
/// (`close_range(2)` with `CLOSE_RANGE_CLOEXEC`), whoever opened them.
///
/// # Errors
/// `EINVAL` before Linux 5.11.
pub fn close_others_on_exec() -> io::Result<()> {
    // SAFETY: the flag only marks files; none is closed now, so nobody's descriptor goes stale.
    let failed =
        unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Gives every signal its default action, and blocks none: both are inherited from whoever started
/// this program (`nohup` ignores `SIGHUP`, some shells ignore more).
///
/// # Errors
/// The kernel refuses.
pub fn default_signals() -> io::Result<()> {
    // `struct sigaction` of the kernel with `SIG_DFL`, no flags and an empty mask is all zero; no
    // architecture's is longer (`asm/signal.h`).
    let ordinary = [0_u64; 4];
    let mask = 0_u64;
    let size = size_of_val(&mask);
    let none = std::ptr::null_mut::<u64>();
    for signal in 1..=64_i32 {
        // SAFETY: the kernel reads `ordinary` for the time of the call. The default action runs no
        // code of ours. The two signals that have no other action are refused.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, ordinary.as_ptr(), none, size) };
    }
    // SAFETY: the kernel reads `mask` for the time of the call.
    let failed = unsafe {
        libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &raw const mask, none, size)
    };
    if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Takes back what `chrt`, `ionice`, `numactl` and `setarch` give to the programs that they start:
/// scheduling policy, priority of input and output, memory policy, and all of the personality but
/// whether addresses are random. What the kernel refuses stays.
pub fn default_scheduling() {
    let parameters = libc::sched_param { sched_priority: 0 };
    let (process, own) = (1_i32, 0_i32); // `IOPRIO_WHO_PROCESS`, this one
    // SAFETY: the kernel reads `parameters` for the time of the call; no other call has a pointer
    // that is not null, and none changes memory.
    unsafe {
        libc::sched_setscheduler(0, libc::SCHED_OTHER, &raw const parameters);
        libc::syscall(libc::SYS_ioprio_set, process, own, 0_i32);
        libc::syscall(libc::SYS_set_mempolicy, libc::MPOL_DEFAULT, std::ptr::null::<u64>(), 0_u64);
        let kept = libc::personality(0xffff_ffff) & libc::ADDR_NO_RANDOMIZE;
        libc::personality(kept.try_into().unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tests run in threads of their own.
    #[test]
    fn a_process_with_threads_does_not_fork() {
        let error = fork().unwrap_err();
        assert!(error.to_string().contains("threads"), "{error}");
    }

    #[test]
    fn open_files_are_not_shared_between_threads_with_other_tables() {
        assert!(unshare(UnshareFlags::FILES).is_err());
    }
}
