//! Answers system calls about the machine with constants (`seccomp_unotify(2)`). Every program gets
//! the same answer, with or without libc, and whatever it does with its environment. Only rare
//! calls are answered this way, because each costs two context switches.
//!
//! The middle process answers; no program inside can reach it. A file of a program that it opens is
//! still that program's while the call waits, so it checks this after opening. This is no security
//! boundary: a program can learn about the machine in other ways, which the threat model lists.

use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use kernel::{Answer, Call};
use rustix::fs::{CWD, FileType, Mode, OFlags, open, openat};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, PidfdGetfdFlags, getpriority_process, pidfd_getfd, pidfd_open,
    setpriority_process,
};

use super::super::pinned::{MEMORY_KB, UPTIME};
use super::super::plan::{Kind, Plan};
use super::listings::Listings;

/// Answers for one sandbox.
pub(super) struct Answers<'p> {
    plan: &'p Plan,
    listener: OwnedFd,
    /// The host's `/proc`, in which threads have the numbers that this process knows.
    host: OwnedFd,
    /// The niceness that programs are not told, as no right takes it back.
    niceness: i32,
    /// The devices of the sandbox's own file systems in memory.
    in_memory: Vec<u64>,
    listings: Listings,
}

impl AsFd for Answers<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

type Asked<T> = Result<T, Errno>;

impl<'p> Answers<'p> {
    /// Opens the host's `/proc`, while it is there.
    pub(super) fn host() -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(open("/proc", flags, Mode::empty())?)
    }

    /// Takes over a listener. This process is in the sandbox's root.
    pub(super) fn new(listener: OwnedFd, host: OwnedFd, plan: &'p Plan) -> Self {
        kernel::take_turns(listener.as_fd());
        let own = plan.entries.iter().filter(|it| matches!(it.kind, Kind::Tmpfs | Kind::Devices));
        let own = own.map(|it| it.inside.as_str()).chain(["/"]);
        let device = |path| rustix::fs::stat(path).ok().map(|it| it.st_dev);
        let in_memory = own.filter_map(device).collect();
        let niceness = getpriority_process(None).unwrap_or_default();
        let listings = Listings::new(plan);
        Self { plan, listener, host, niceness, in_memory, listings }
    }

    /// Answers the next call.
    pub(super) fn answer_one(&mut self) -> io::Result<()> {
        let Some(call) = kernel::receive(self.listener.as_fd())? else {
            return Ok(());
        };
        let answer = match self.of(&call) {
            Ok(answer) => answer,
            Err(error) => Answer::Error(error.raw_os_error()),
        };
        if kernel::answer(self.listener.as_fd(), &call, answer) {
            self.listings.delivered();
        } else {
            self.listings.take_back();
        }
        Ok(())
    }

    fn of(&mut self, call: &Call) -> Asked<Answer> {
        let [first, second, third, ..] = call.arguments;
        match call.number {
            libc::SYS_uname => self.give(call, first, &self.names(call), 0),
            libc::SYS_sysinfo => self.give(call, first, &memory_and_load(), 0),
            libc::SYS_sched_getaffinity => self.affinity(call, low(second), third),
            libc::SYS_statfs => match self.path(call, first)? {
                Some(path) => self.file_system(call, second, &path),
                None => Ok(Answer::Kernel),
            },
            libc::SYS_fstatfs => {
                let file = self.named(call, low(first))?;
                self.file_system(call, second, &file)
            }
            libc::SYS_getpriority => self.priority(call, [low(first), low(second)]),
            libc::SYS_setpriority => self.set_priority(call, [low(first), low(second), low(third)]),
            libc::SYS_getdents64 => {
                let named = self.named(call, low(first))?;
                let status = rustix::fs::fstat(&named)?;
                if !FileType::from_raw_mode(status.st_mode).is_dir() {
                    return Ok(Answer::Kernel);
                }
                let directory = self.file(call, low(first))?;
                let size = usize::try_from(third & 0xffff_ffff).map_err(|_| Errno::INVAL)?;
                let key = (call.thread.as_raw_nonzero().get(), low(first));
                match self.listings.next(&directory, key, size)? {
                    Some(bytes) => {
                        let length = i64::try_from(bytes.len()).map_err(|_| Errno::INVAL)?;
                        let given = self.give(call, second, &bytes, length);
                        given.inspect_err(|_| self.listings.take_back())
                    }
                    None => Ok(Answer::Kernel),
                }
            }
            _ => Ok(Answer::Kernel),
        }
    }

    /// A file of the thread's own directory in `/proc`.
    fn of_thread(&self, call: &Call, name: &str, flags: OFlags) -> Asked<OwnedFd> {
        let path = format!("{}/{name}", call.thread.as_raw_nonzero());
        let opened = openat(&self.host, path, flags | OFlags::CLOEXEC, Mode::empty())?;
        if kernel::is_waiting(self.listener.as_fd(), call) { Ok(opened) } else { Err(Errno::SRCH) }
    }

    fn memory(&self, call: &Call, flags: OFlags) -> Asked<File> {
        self.of_thread(call, "mem", flags).map(File::from)
    }

    /// Writes into the program's memory.
    fn give(&self, call: &Call, at: u64, bytes: &[u8], value: i64) -> Asked<Answer> {
        if !bytes.is_empty() {
            let memory = self.memory(call, OFlags::RDWR)?;
            memory.write_all_at(bytes, at).map_err(|_| Errno::FAULT)?;
        }
        Ok(Answer::Value(value))
    }

    /// What an open file of the program's names. Unlike the file itself, to let go of it never
    /// waits (a socket that lingers).
    fn named(&self, call: &Call, number: i32) -> Asked<OwnedFd> {
        match self.of_thread(call, &format!("fd/{number}"), OFlags::PATH) {
            Err(Errno::NOENT) => Err(Errno::BADF),
            other => other,
        }
    }

    /// An open file of the program's.
    fn file(&self, call: &Call, number: i32) -> Asked<OwnedFd> {
        // `PIDFD_THREAD` (Linux 6.9). Before, only the first thread of a process stood for it; its
        // files are no longer there once it has ended.
        let of_thread = PidfdFlags::from_bits_retain(libc::O_EXCL.cast_unsigned());
        let process = match pidfd_open(call.thread, of_thread) {
            Err(Errno::INVAL | Errno::NOENT) => {
                pidfd_open(self.leader(call).ok_or(Errno::SRCH)?, PidfdFlags::empty())?
            }
            other => other?,
        };
        if !kernel::is_waiting(self.listener.as_fd(), call) {
            return Err(Errno::SRCH);
        }
        pidfd_getfd(process, number, PidfdGetfdFlags::empty())
    }

    /// The first thread of a thread's process.
    fn leader(&self, call: &Call) -> Option<Pid> {
        let status = self.of_thread(call, "status", OFlags::RDONLY).ok()?;
        let status = io::read_to_string(File::from(status)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("Tgid:"))?;
        Pid::from_raw(line.trim().parse().ok()?)
    }

    /// The file that a path names. `None` if it is one of the program's own, which this process
    /// would look for among its own.
    fn path(&self, call: &Call, at: u64) -> Asked<Option<OwnedFd>> {
        const OWN: [&str; 4] = ["/proc/self", "/proc/thread-self", "/dev/fd", "/dev/std"];
        let memory = self.memory(call, OFlags::RDONLY)?;
        let mut text = vec![0; libc::PATH_MAX.unsigned_abs() as usize];
        // What follows the path may not be readable.
        let page = 4096 - usize::try_from(at % 4096).unwrap_or_default();
        let mut read = memory.read_at(&mut text[..page], at).map_err(|_| Errno::FAULT)?;
        if !text[..read].contains(&0) && read == page && page < text.len() {
            read += memory.read_at(&mut text[page..], at + page as u64).unwrap_or_default();
        }
        let text = CStr::from_bytes_until_nul(&text[..read]).map_err(|_| Errno::NAMETOOLONG)?;
        let path = Path::new(OsStr::from_bytes(text.to_bytes()));
        if text.is_empty() {
            return Err(Errno::NOENT);
        }
        if OWN.iter().any(|own| text.to_bytes().starts_with(own.as_bytes())) {
            return Ok(None);
        }
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        if path.is_absolute() {
            return Ok(Some(openat(CWD, path, flags, Mode::empty())?));
        }
        let directory = self.of_thread(call, "cwd", OFlags::PATH)?;
        Ok(Some(openat(directory, path, flags, Mode::empty())?))
    }

    /// `struct statfs`: a file system of one size, of whatever kind the host's is.
    fn file_system(&self, call: &Call, at: u64, file: &OwnedFd) -> Asked<Answer> {
        const DISK: i64 = libc::EXT4_SUPER_MAGIC;
        const OF_THE_KERNEL: [i64; 2] = [libc::PROC_SUPER_MAGIC, 0x1cd1]; // `devpts`
        let own = rustix::fs::fstatfs(file)?;
        let in_memory = self.in_memory.contains(&rustix::fs::fstat(file)?.st_dev);
        let kind = own.f_type;
        let flags = own.f_flags & 0xf; // read-only, nosuid, …
        let (kind, blocks) = match kind {
            kind if OF_THE_KERNEL.contains(&kind) => (kind, 0),
            _ if in_memory => (libc::TMPFS_MAGIC, 1 << 21),
            _ => (DISK, 1 << 26),
        };
        let (free, files) = (blocks / 2, blocks / 4);
        let fields = [kind, 4096, blocks, free, free, files, files / 2, 0, 255, 4096, flags | 0x20];
        let bytes = fields.into_iter().chain([0; 4]).flat_map(i64::to_ne_bytes);
        self.give(call, at, &bytes.collect::<Vec<_>>(), 0)
    }

    /// `struct new_utsname`: six texts of 65 bytes.
    fn names(&self, call: &Call) -> Vec<u8> {
        let machine = rustix::system::uname().machine().to_string_lossy().into_owned();
        let [release, version] = self.plan.machine().kernel;
        let machine = if self.is_32_bits(call) { narrow(&machine) } else { &machine };
        let texts = ["Linux", &self.plan.host_name, release, version, machine, "(none)"];
        texts
            .into_iter()
            .flat_map(|text| {
                let mut field = [0; 65];
                let length = text.len().min(64);
                field[..length].copy_from_slice(&text.as_bytes()[..length]);
                field
            })
            .collect()
    }

    /// Whether a program has said that it is one for 32 bits (`setarch`).
    fn is_32_bits(&self, call: &Call) -> bool {
        let read = self.of_thread(call, "personality", OFlags::RDONLY).ok();
        let text = read.and_then(|it| io::read_to_string(File::from(it)).ok()).unwrap_or_default();
        u32::from_str_radix(text.trim(), 16).is_ok_and(|it| it & 0xff == 0x8)
    }

    /// The set of processors that programs see, in the form of a kernel for 64 processors.
    fn affinity(&self, call: &Call, size: i32, at: u64) -> Asked<Answer> {
        let known = 8; // bytes
        if size < known || size % known != 0 {
            return Err(Errno::INVAL);
        }
        let set = u64::MAX >> (u64::BITS as usize - self.plan.processors.clamp(1, 64));
        self.give(call, at, &set.to_ne_bytes(), i64::from(known))
    }

    /// A program sees the niceness that it has set for itself.
    fn priority(&self, call: &Call, [which, who]: [i32; 2]) -> Asked<Answer> {
        if which != 0 || who != 0 {
            return Ok(Answer::Kernel);
        }
        let nice = getpriority_process(Some(call.thread))? - self.niceness;
        Ok(Answer::Value(i64::from(20 - nice)))
    }

    fn set_priority(&self, call: &Call, [which, who, nice]: [i32; 3]) -> Asked<Answer> {
        if which != 0 || who != 0 || self.niceness == 0 {
            return Ok(Answer::Kernel);
        }
        let before = getpriority_process(Some(call.thread))?;
        let wanted = nice.clamp(-20, 19).saturating_add(self.niceness).min(19);
        if wanted < before {
            return Err(Errno::ACCESS);
        }
        setpriority_process(Some(call.thread), wanted)?;
        Ok(Answer::Value(0))
    }
}

/// An argument that the kernel reads as a C `int`.
fn low(argument: u64) -> i32 {
    ((argument & 0xffff_ffff) as u32).cast_signed()
}

/// What a machine for 64 bits calls itself to programs for 32.
fn narrow(machine: &str) -> &str {
    match machine {
        "x86_64" => "i686",
        "aarch64" => "armv8l",
        other => other,
    }
}

/// `struct sysinfo` of an architecture with 64 bits.
fn memory_and_load() -> Vec<u8> {
    let [all, free, _] = MEMORY_KB.map(|kilobytes| kilobytes << 10);
    // Load, memory, swap; then the number of processes, high memory, and the unit.
    let uptime = UPTIME.unsigned_abs();
    let fields = [uptime, 0, 0, 0, all, free, 0, 0, 0, 0, 1, 0, 0, 1];
    fields.into_iter().flat_map(u64::to_ne_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structures_have_the_size_of_the_kernels() {
        assert_eq!(memory_and_load().len(), size_of::<libc::sysinfo>());
        assert_eq!((11 + 4) * 8, size_of::<libc::statfs>());
    }
}
