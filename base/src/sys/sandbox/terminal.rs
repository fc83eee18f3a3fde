//! Gives an interactive program a terminal of its own, and relays input and output. The program
//! never gets the user's own terminal, in which it could type commands, remap keys, or read what
//! the user types after it has ended.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read, write};
use rustix::termios::{
    OptionalActions, Termios, Winsize, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize,
};

use super::channel::{Report, receive};

/// How often the size of the user's terminal is polled: a change is announced only by a signal,
/// which a library should not handle.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// The person's side.
pub(super) struct Relay {
    /// Whether keys are passed on.
    typed: bool,
    /// Whether standard output is what is printed to; else standard error is.
    to_stdout: bool,
    /// What the terminal was like before.
    before: Option<Termios>,
}

impl Relay {
    /// Takes the person's terminal; which streams are one is given.
    pub(super) fn new([stdin, stdout, _]: [bool; 3]) -> io::Result<Self> {
        let mut relay = Self { typed: stdin, to_stdout: stdout, before: None };
        if stdin {
            let before = tcgetattr(io::stdin())?;
            let mut raw = before.clone();
            raw.make_raw();
            // Set first: dropping it sets back what it says.
            relay.before = Some(before);
            tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
        }
        Ok(relay)
    }

    /// Passes on until the launcher has said everything, which is returned.
    pub(super) fn run(mut self, socket: &UnixStream) -> io::Result<Vec<Report>> {
        let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
        let printed = if self.to_stdout { stdout.as_fd() } else { stderr.as_fd() };
        let mut reports = Vec::new();
        let mut terminal: Option<OwnedFd> = None;
        let mut size = None;
        loop {
            if let Some(terminal) = &terminal {
                resize(terminal, printed, &mut size);
            }
            let ready = self.wait(socket, terminal.as_ref(), stdin.as_fd())?;
            if let Some(master) = terminal.as_ref().filter(|_| ready.printed)
                && !pass(master.as_fd(), printed)?
            {
                terminal = None; // nobody inside has it any more
            }
            if let Some(master) = terminal.as_ref().filter(|_| ready.typed) {
                self.typed = pass(stdin.as_fd(), master.as_fd())?;
            }
            if ready.said {
                match receive(socket)? {
                    Some((Report::Terminal, files)) => terminal = files.into_iter().next(),
                    Some((report, _)) => reports.push(report),
                    None => {
                        // What was printed last may still be on its way.
                        while let Some(master) = &terminal
                            && pass(master.as_fd(), printed)?
                        {}
                        return Ok(reports);
                    }
                }
            }
        }
    }

    fn wait(
        &self,
        socket: &UnixStream,
        terminal: Option<&OwnedFd>,
        stdin: BorrowedFd<'_>,
    ) -> io::Result<Ready> {
        let mut all = vec![PollFd::new(socket, PollFlags::IN)];
        all.extend(terminal.map(|it| PollFd::new(it, PollFlags::IN)));
        if terminal.is_some() && self.typed {
            all.push(PollFd::from_borrowed_fd(stdin, PollFlags::IN));
        }
        match poll(&mut all, Some(&LOOK)) {
            Err(Errno::INTR) => {}
            other => {
                other?;
            }
        }
        let ready = |number: usize| all.get(number).is_some_and(|it| !it.revents().is_empty());
        Ok(Ready { said: ready(0), printed: ready(1), typed: ready(2) })
    }
}

/// Gives the program's terminal the size of the person's.
fn resize(terminal: &OwnedFd, person: BorrowedFd<'_>, size: &mut Option<Winsize>) {
    let now = tcgetwinsize(person).ok();
    let same = |a: &Winsize, b: &Winsize| (a.ws_row, a.ws_col) == (b.ws_row, b.ws_col);
    if let Some(now) = now.filter(|now| !size.as_ref().is_some_and(|it| same(it, now))) {
        // A program with another idea of the size is no reason to stop.
        let _ = tcsetwinsize(terminal, now);
        *size = Some(now);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, before);
        }
    }
}

/// What can be read without waiting.
struct Ready {
    said: bool,
    printed: bool,
    typed: bool,
}

/// Passes on what is there; false at the end.
fn pass(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> io::Result<bool> {
    let mut bytes = [0; 4096];
    let count = match read(from, &mut bytes) {
        // A terminal that nobody has open any more answers so.
        Ok(0) | Err(Errno::IO) => return Ok(false),
        Err(Errno::INTR | Errno::AGAIN) => return Ok(true),
        count => count?,
    };
    let mut left = &bytes[..count];
    while !left.is_empty() {
        match write(to, left) {
            Ok(written) => left = &left[written..],
            Err(Errno::INTR) => {}
            Err(Errno::IO) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(true)
}
