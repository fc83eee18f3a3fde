//! Reports a full disk once, in the same words, whichever step fails because of it.

use std::error::Error;
use std::io;
use std::path::Path;

use crate::vocabulary::Problem;

/// With less room than this, in bytes, a complaint that there is none is believed.
const LITTLE_ROOM: u64 = 256 << 20;

/// How the C library words `ENOSPC` and `EDQUOT`; the log of a program has nothing else of them.
const COMPLAINTS: [&str; 2] = ["No space left on device", "Disk quota exceeded"];

/// Adds the error that made something fail in the directory `dir`. If the disk is full, the problem
/// says so, with the bytes that were `needed` and the bytes that are free.
pub fn failed(problem: Problem, dir: &Path, needed: Option<u64>, error: io::Error) -> Problem {
    let problem = if is_full(&error) { told(problem, dir, needed) } else { problem };
    problem.cause(error)
}

/// Tells of a full disk if a program failed for it: it `printed` so, and there is little room where
/// it ran.
pub fn failed_program(problem: Problem, dir: &Path, printed: &str) -> Problem {
    let complained = COMPLAINTS.iter().any(|complaint| printed.contains(complaint));
    if complained && free(dir) < LITTLE_ROOM { told(problem, dir, None) } else { problem }
}

/// Reports a full disk if that is a cause of the problem and is not reported yet. The kernel
/// returns the same error if namespaces run out, so this also checks the disk of `dir`.
pub fn failed_below(problem: Problem, dir: &Path) -> Problem {
    let (mut full, mut is_told) = (false, problem.full_disk);
    let mut next = problem.source();
    while let Some(cause) = next {
        full |= cause.downcast_ref().is_some_and(is_full);
        is_told |= cause.downcast_ref().is_some_and(|it: &Problem| it.full_disk);
        next = cause.source();
    }
    if full && !is_told && free(dir) < LITTLE_ROOM { told(problem, dir, None) } else { problem }
}

/// Whether an error is for lack of room.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn told(problem: Problem, dir: &Path, needed: Option<u64>) -> Problem {
    let problem = problem.fact("because", "the disk is full").fact("where", dir.display());
    let problem = match needed {
        Some(bytes) => problem.fact("needed", format!("{bytes} bytes")),
        None => problem,
    };
    let problem = problem
        .fact("free", format!("{} bytes", free(dir)))
        .hint("make room there, or set `LOCKSTEP_CACHE_DIR` to a larger disk");
    Problem { full_disk: true, ..problem }
}

/// The free space on the disk of the nearest existing directory, in bytes; the maximum if it is
/// unknown.
fn free(dir: &Path) -> u64 {
    let stat = dir.ancestors().find_map(|dir| rustix::fs::statvfs(dir).ok());
    stat.map_or(u64::MAX, |stat| stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> io::Error {
        // As `fs_err` gives it: with a text of its own around what the kernel says.
        io::Error::new(io::ErrorKind::StorageFull, "failed to write to file `x`")
    }

    #[test]
    fn an_error_is_told_by_its_kind() {
        let dir = Path::new("/proc");
        let told = failed(Problem::new("cannot write"), dir, Some(7), full());
        let text = told.to_string();
        assert!(text.contains("the disk is full") && text.contains("7 bytes"), "{text}");
        assert!(told.full_disk && told.hint.is_some());
        let other = io::Error::other("the text says: No space left on device");
        let other = failed(Problem::new("cannot write"), dir, None, other);
        assert!(!other.full_disk && other.facts.is_empty());
    }

    /// `/proc` has no room, and `/dev/shm` has, or tests could not run.
    #[test]
    fn it_is_told_once_and_only_where_there_is_no_room() {
        let [little, much] = ["/proc", "/dev/shm"].map(Path::new);
        let deep = || Problem::new("outer").cause(Problem::new("inner").cause(full()));
        let told = failed_below(deep(), little);
        assert!(told.full_disk);
        assert_eq!(failed_below(told.clone(), little).facts, told.facts);
        assert!(!failed_below(deep(), much).full_disk);
        let inner = failed(Problem::new("inner"), little, None, full());
        let outer = failed_below(Problem::new("outer").cause(inner), little);
        assert!(outer.facts.is_empty());
        let printed = "cc1: fatal error: write: No space left on device\n";
        assert!(failed_program(Problem::new("build"), little, printed).full_disk);
        assert!(!failed_program(Problem::new("build"), much, printed).full_disk);
        assert!(!failed_program(Problem::new("build"), little, "1 failed").full_disk);
    }
}
