//! Kills a program that runs for too long, with all its children: a child that continues would hold
//! the pipes of its parent, and the reader would wait for it.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::sys::files::sorted_entries;

/// Watches one child.
pub(super) struct Watch {
    child: Option<Pid>,
    ended: Sender<()>,
    thread: JoinHandle<bool>,
}

impl Watch {
    /// Begins to watch the child with that id, which nobody has waited for.
    pub(super) fn start(child: u32, limit: Duration) -> Self {
        let child = child.try_into().ok().and_then(Pid::from_raw);
        let (ended, end) = channel();
        let thread = std::thread::spawn(move || {
            let expired = end.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
            if expired {
                child.into_iter().for_each(kill_tree);
            }
            expired
        });
        Self { child, ended, thread }
    }

    /// Waits until the child has ended, and says whether it had to be ended. The child is still
    /// there to be waited for, so its id is not another program's yet.
    pub(super) fn end(self) -> bool {
        if let Some(child) = self.child {
            let _ = waitid(WaitId::Pid(child), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        }
        let _ = self.ended.send(());
        self.thread.join().expect("watching does not panic")
    }
}

/// Kills a process and its descendants, the process first: it could start more of them.
fn kill_tree(process: Pid) {
    let parents = parents();
    let mut doomed = vec![process.as_raw_nonzero().get()];
    let mut next = 0;
    while let Some(parent) = doomed.get(next).copied() {
        let children = parents.iter().filter(|(_, its)| *its == parent);
        doomed.extend(children.map(|(child, _)| child));
        next += 1;
    }
    for process in doomed.into_iter().filter_map(Pid::from_raw) {
        let _ = kill_process(process, Signal::KILL);
    }
}

/// Every process with its parent (`proc_pid_stat(5)`).
fn parents() -> Vec<(i32, i32)> {
    let processes = sorted_entries("/proc".as_ref()).unwrap_or_default();
    let parent = |entry: fs_err::DirEntry| {
        let process = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs_err::read_to_string(entry.path().join("stat")).ok()?;
        // The name before it is in parentheses, and can have some itself.
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        Some((process, parent))
    };
    processes.into_iter().filter_map(parent).collect()
}
