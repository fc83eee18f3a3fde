//! A full disk says so, whatever ran into it first.

use std::path::Path;

use base::sys::cache::WORK;
use base::vocabulary::Problem;

/// With less room than this, a program's complaint that there is none is believed.
const LITTLE_ROOM: u64 = 256 << 20;

/// What failed because the disk is full says so, whichever program ran into it first. The kernel
/// words a lack of namespaces in the same way, so the disk is asked too.
pub(super) fn told_of_full_disk(problem: Problem, cache: &Path) -> Problem {
    let text = base::vocabulary::problem::render(&anyhow::Error::new(problem.clone()));
    let room = rustix::fs::statvfs(cache.join(WORK));
    let free = room.map_or(u64::MAX, |stat| stat.f_bavail.saturating_mul(stat.f_frsize));
    if !text.contains("No space left on device") || free > LITTLE_ROOM {
        return problem;
    }
    problem
        .fact("because", "the disk is full")
        .fact("where", cache.display())
        .fact("free", format!("{free} bytes"))
        .hint("make room there, or set `LOCKSTEP_CACHE_DIR` to a larger disk")
}
