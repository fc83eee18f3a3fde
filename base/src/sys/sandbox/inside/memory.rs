//! Measures how much memory all processes inside use. Without a control group, which an ordinary
//! user usually cannot create, polling is the only way. The middle process polls; it shares the
//! sandbox's mounts, so it sees its root and its `/proc`.

use std::path::Path;

use fs_err as fs;

use crate::sys::files::sorted_entries;

/// File systems in memory that the program may write to, wherever else others are mounted.
const IN_MEMORY: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];

/// Whether it is more than `limit` bytes. The first question is cheap and counts what processes
/// share once for each of them; the exact one is asked only if that is too much.
pub(super) fn exceeds(limit: u64) -> bool {
    let files: u64 = IN_MEMORY.iter().map(|path| used(path)).sum();
    let all = |file: &str, field: &str| -> u64 { processes(file, field).sum() };
    files.saturating_add(all("status", "RssAnon:")) > limit
        && files.saturating_add(all("smaps_rollup", "Pss_Anon:")) > limit
}

/// The bytes that a file system holds; 0 if the path is not a file system of its own.
fn used(path: &str) -> u64 {
    let Ok(it) = rustix::fs::statvfs(path) else { return 0 };
    it.f_blocks.saturating_sub(it.f_bfree).saturating_mul(it.f_frsize)
}

/// A field of a file of every process, in bytes. A process that has ended meanwhile has none.
fn processes(file: &str, field: &str) -> impl Iterator<Item = u64> {
    let entries = sorted_entries(Path::new("/proc")).unwrap_or_default();
    let processes = entries.into_iter().filter(|it| {
        it.file_name().to_string_lossy().starts_with(|first: char| first.is_numeric())
    });
    processes
        .filter_map(move |it| kilobytes(&fs::read_to_string(it.path().join(file)).ok()?, field))
}

/// `RssAnon:      1234 kB`
fn kilobytes(text: &str, field: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_read_in_bytes() {
        let text = "Name:\tsh\nRssAnon:\t    12 kB\nRssFile:\t 7 kB\n";
        assert_eq!(kilobytes(text, "RssAnon:"), Some(12 << 10));
        assert_eq!(kilobytes(text, "RssShmem:"), None);
        assert_eq!(kilobytes("RssAnon:", "RssAnon:"), None);
    }
}
