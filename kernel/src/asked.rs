//! System calls that another process answers (`seccomp_unotify(2)`): who makes one of them waits
//! until whoever holds the listener has said what it returns.

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

use rustix::process::Pid;

/// A system call that waits for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// What [`answer`] needs.
    pub id: u64,
    /// The thread that made it, as this process numbers it.
    pub thread: Pid,
    /// The number of the system call.
    pub number: i64,
    /// Its arguments.
    pub arguments: [u64; 6],
}

/// What a system call returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// A value.
    Value(i64),
    /// A number of an error.
    Error(i32),
    /// Whatever the kernel says.
    Kernel,
}

/// `SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV` of Linux 5.19: a call that was received is not repeated
/// because of a signal.
const WAIT_KILLABLE: libc::c_ulong = 1 << 5;
/// `SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP` of Linux 6.6: both processes take turns on one processor.
const SYNC_WAKE_UP: u64 = 1;

/// The kernel's structures, with room for what later kernels add.
#[repr(C)]
struct Room<T> {
    it: T,
    more: [u64; 16],
}

/// Applies a filter to this process and to all that it starts; calls for which it returns
/// `SECCOMP_RET_USER_NOTIF` are received by whoever has the listener.
///
/// # Errors
/// `EBUSY` if there is one already; the kernel refuses.
pub fn listen(program: &[libc::sock_filter]) -> io::Result<OwnedFd> {
    let length = u16::try_from(program.len()).map_err(io::Error::other)?;
    let program = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut() };
    let with = |flags: libc::c_ulong| {
        // SAFETY: the kernel reads the program, whose length is right, and checks it; it writes
        // nothing.
        unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                flags,
                &raw const program,
            )
        }
    };
    let flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    let made = match with(flags | WAIT_KILLABLE) {
        -1 => with(flags),
        made => made,
    };
    match i32::try_from(made) {
        // SAFETY: the kernel made this descriptor for us, and nobody else has it.
        Ok(listener) if listener >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(listener) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Makes whoever waits and whoever answers take turns on one processor, where the kernel can.
pub fn take_turns(listener: BorrowedFd<'_>) {
    // SAFETY: the argument is a number.
    unsafe {
        libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP);
    }
}

/// The next call; this waits for one. `None` if who made it is gone.
///
/// # Errors
/// The kernel refuses.
pub fn receive(listener: BorrowedFd<'_>) -> io::Result<Option<Call>> {
    // SAFETY: all fields are numbers, for which zero is a value.
    let mut room: Room<libc::seccomp_notif> = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes one `struct seccomp_notif`, for which there is more than room.
    let failed =
        unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut room) };
    if failed != 0 {
        let error = io::Error::last_os_error();
        let gone = matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINTR));
        return if gone { Ok(None) } else { Err(error) };
    }
    let libc::seccomp_notif { id, pid, data, .. } = room.it;
    // A thread that this process's namespace does not have has the number 0.
    let thread = i32::try_from(pid).ok().and_then(Pid::from_raw);
    Ok(thread.map(|thread| Call { id, thread, number: i64::from(data.nr), arguments: data.args }))
}

/// Whether a call still waits: whatever was opened before of its thread is really of it.
pub fn is_waiting(listener: BorrowedFd<'_>, call: &Call) -> bool {
    let id = call.id;
    // SAFETY: the kernel reads one number.
    let failed = unsafe {
        libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &raw const id)
    };
    failed == 0
}

/// Answers a call. Whether it still waited is returned.
pub fn answer(listener: BorrowedFd<'_>, call: &Call, answer: Answer) -> bool {
    // SAFETY: all fields are numbers, for which zero is a value.
    let mut room: Room<libc::seccomp_notif_resp> = unsafe { std::mem::zeroed() };
    room.it.id = call.id;
    match answer {
        Answer::Value(value) => room.it.val = value,
        Answer::Error(number) => room.it.error = -number,
        Answer::Kernel => {
            room.it.flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE.try_into().unwrap_or_default();
        }
    }
    // SAFETY: the kernel reads one `struct seccomp_notif_resp`.
    let failed =
        unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut room) };
    failed == 0
}
