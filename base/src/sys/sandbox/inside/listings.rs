//! Sorts directory listings by name for every program, whatever order the file system has: by hash,
//! by insertion, newest first. A program sees the kernel's entries with new positions: the position
//! of an entry is its index in the sorted list.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::fs::{FileType, RawDir, SeekFrom, fstat, seek, stat};
use rustix::io::Errno;

use super::super::pinned::KEPT;
use super::super::plan::Plan;

/// Bytes of all lists that are kept for programs that have not read them to the end: what foreign
/// code makes must not take all memory. A directory that needs more by itself is listed in the
/// kernel's own order.
const BYTES_MAX: usize = 64 << 20;
/// Bytes of an entry beside its name, with what the allocator needs, rounded up.
const ENTRY_BYTES: usize = 80;
/// The number of lists that are kept.
const LISTS_MAX: usize = 256;
/// Bytes of one answer; a program that offers more room asks again.
const ANSWER_MAX: usize = 1 << 20;

/// An open directory: the thread that lists it, and the number of the file.
type Key = (i32, i32);
/// Device and inode.
type Identity = (u64, u64);

struct Entry {
    name: Vec<u8>,
    inode: u64,
    kind: u8,
}

struct List {
    directory: Identity,
    entries: Vec<Entry>,
    /// In memory.
    bytes: usize,
    /// When it was last used, as a count of calls.
    used: u64,
}

/// What must be undone if nobody took it: a program that was interrupted asks again.
struct Step {
    directory: OwnedFd,
    position: u64,
}

pub(super) struct Listings {
    backwards: bool,
    /// `/proc`, of which the names are those that are pinned: kernels have different files there.
    proc: Option<Identity>,
    known: Vec<Vec<u8>>,
    lists: BTreeMap<Key, List>,
    /// Directories that the kernel lists: their positions are its own.
    of_kernel: BTreeSet<Key>,
    calls: u64,
    last: Option<Step>,
}

impl Listings {
    pub(super) fn new(plan: &Plan) -> Self {
        let known = plan.constants().chain(KEPT).map(|it| it.as_bytes().to_vec()).collect();
        let proc = stat("/proc").ok().map(|it| (it.st_dev, it.st_ino));
        let backwards = plan.reversed_directories;
        let (lists, of_kernel) = (BTreeMap::new(), BTreeSet::new());
        Self { backwards, proc, known, lists, of_kernel, calls: 0, last: None }
    }

    /// The next entries of a directory, as the kernel writes them (`getdents64(2)`), in at most
    /// `size` bytes; none at the end. `None` if the kernel should answer.
    pub(super) fn next(
        &mut self,
        directory: &OwnedFd,
        asked: Key,
        size: usize,
    ) -> Result<Option<Vec<u8>>, Errno> {
        self.last = None;
        self.calls += 1;
        let size = size.min(ANSWER_MAX);
        let status = fstat(directory)?;
        if !FileType::from_raw_mode(status.st_mode).is_dir() {
            return Ok(None);
        }
        let identity = (status.st_dev, status.st_ino);
        let position = seek(directory, SeekFrom::Current(0))?;
        if position != 0 && self.of_kernel.contains(&asked) {
            return Ok(None);
        }
        let key = self.kept(asked, identity);
        let kept = self.lists.contains_key(&key);
        let key = if position == 0 { asked } else { key };
        if position == 0 || !kept {
            seek(directory, SeekFrom::Start(0))?;
            let Some((entries, bytes)) = self.read(directory, identity)? else {
                seek(directory, SeekFrom::Start(position))?;
                if self.of_kernel.len() >= LISTS_MAX {
                    self.of_kernel.clear();
                }
                self.of_kernel.insert(asked);
                return Ok(None);
            };
            self.of_kernel.remove(&asked);
            self.keep(key, List { directory: identity, entries, bytes, used: 0 });
        }
        let list = self.lists.get_mut(&key).expect("it was kept, or is now");
        list.used = self.calls;
        let from = usize::try_from(position).unwrap_or(usize::MAX).min(list.entries.len());
        let mut bytes = Vec::new();
        let mut next = from;
        for entry in &list.entries[from..] {
            let record = entry.record(next + 1);
            if bytes.len() + record.len() > size {
                break;
            }
            bytes.extend(record);
            next += 1;
        }
        let ended = next == list.entries.len();
        if bytes.is_empty() && !ended {
            seek(directory, SeekFrom::Start(position))?;
            return Err(Errno::INVAL); // as the kernel says of too little room
        }
        if bytes.is_empty() {
            self.lists.remove(&key);
        }
        seek(directory, SeekFrom::Start(next as u64))?;
        let directory = directory.try_clone().map_err(|_| Errno::MFILE)?;
        self.last = Some(Step { directory, position });
        Ok(Some(bytes))
    }

    /// Under which key a directory is being listed: a file may go on in another thread, or a child.
    fn kept(&self, key: Key, identity: Identity) -> Key {
        let is = |list: &List| list.directory == identity;
        if self.lists.get(&key).is_some_and(is) {
            return key;
        }
        let other = self.lists.iter().find(|((_, number), list)| *number == key.1 && is(list));
        other.map_or(key, |(other, _)| *other)
    }

    /// Keeps a list, and forgets those that were not used for longest, as many as there must be.
    fn keep(&mut self, key: Key, list: List) {
        self.lists.remove(&key);
        let bytes = |lists: &BTreeMap<Key, List>| lists.values().map(|it| it.bytes).sum::<usize>();
        while self.lists.len() >= LISTS_MAX || bytes(&self.lists) + list.bytes > BYTES_MAX {
            let oldest = self.lists.iter().min_by_key(|(_, list)| list.used);
            let Some(oldest) = oldest.map(|(key, _)| *key) else {
                break;
            };
            self.lists.remove(&oldest);
        }
        self.lists.insert(key, list);
    }

    /// The last answer was given.
    pub(super) fn delivered(&mut self) {
        self.last = None;
    }

    /// Makes the last answer one that was never given.
    pub(super) fn take_back(&mut self) {
        if let Some(Step { directory, position }) = self.last.take() {
            let _ = seek(directory, SeekFrom::Start(position));
        }
    }

    /// All entries in the order in which programs see them, and their bytes in memory; `None` if
    /// there are too many.
    fn read(
        &self,
        directory: &OwnedFd,
        identity: Identity,
    ) -> Result<Option<(Vec<Entry>, usize)>, Errno> {
        let mut room = vec![MaybeUninit::uninit(); 1 << 16];
        let mut raw = RawDir::new(directory, &mut room);
        let (mut entries, mut bytes) = (Vec::new(), 0);
        while let Some(entry) = raw.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes().to_vec();
            if self.proc == Some(identity) && !self.is_known(&name) {
                continue;
            }
            bytes += name.len() + ENTRY_BYTES;
            entries.push(Entry { name, inode: entry.ino(), kind: kind(entry.file_type()) });
            if bytes > BYTES_MAX {
                return Ok(None);
            }
        }
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        if self.backwards {
            entries.reverse();
        }
        Ok(Some((entries, bytes)))
    }

    fn is_known(&self, name: &[u8]) -> bool {
        let own = name.first().is_some_and(|first| first.is_ascii_digit() || *first == b'.');
        own || self.known.iter().any(|known| known == name)
    }
}

impl Entry {
    /// `struct linux_dirent64`: inode, position of the next one, length, kind, name with its NUL,
    /// filled up to a multiple of 8 bytes.
    fn record(&self, next: usize) -> Vec<u8> {
        let length = (8 + 8 + 2 + 1 + self.name.len() + 1).next_multiple_of(8);
        let position = next as u64;
        let mut record = Vec::with_capacity(length);
        record.extend(self.inode.to_ne_bytes());
        record.extend(position.to_ne_bytes());
        record.extend(u16::try_from(length).expect("names are short").to_ne_bytes());
        record.push(self.kind);
        record.extend(&self.name);
        record.resize(length, 0);
        record
    }
}

/// `DT_…` (`readdir(3)`).
fn kind(of: FileType) -> u8 {
    match of {
        FileType::Fifo => libc::DT_FIFO,
        FileType::CharacterDevice => libc::DT_CHR,
        FileType::Directory => libc::DT_DIR,
        FileType::BlockDevice => libc::DT_BLK,
        FileType::RegularFile => libc::DT_REG,
        FileType::Symlink => libc::DT_LNK,
        FileType::Socket => libc::DT_SOCK,
        FileType::Unknown => libc::DT_UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none() -> Listings {
        let (lists, of_kernel) = (BTreeMap::new(), BTreeSet::new());
        let (proc, known) = (None, Vec::new());
        Listings { backwards: false, proc, known, lists, of_kernel, calls: 0, last: None }
    }

    /// A list of as many bytes, last used at a time.
    fn list(bytes: usize, used: u64) -> List {
        List { directory: (0, 0), entries: Vec::new(), bytes, used }
    }

    #[test]
    fn lists_that_were_not_used_for_longest_make_room() {
        let mut listings = none();
        for (thread, used) in [(1, 9), (2, 3), (3, 5)] {
            listings.keep((thread, 4), list(BYTES_MAX / 3, used));
        }
        listings.keep((4, 4), list(BYTES_MAX / 3, 10));
        let kept = |listings: &Listings| listings.lists.keys().map(|it| it.0).collect::<Vec<_>>();
        assert_eq!(kept(&listings), [1, 3, 4]);
        for thread in 10..10 + 2 * i32::try_from(LISTS_MAX).unwrap() {
            listings.keep((thread, 4), list(1, 20));
        }
        assert_eq!(listings.lists.len(), LISTS_MAX);
        // One that needs all of it drives out the others.
        listings.keep((1, 4), list(BYTES_MAX, 30));
        assert_eq!(kept(&listings), [1]);
    }

    #[test]
    fn an_answer_that_was_given_is_not_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b", "a", "c"] {
            fs_err::write(dir.path().join(name), "").unwrap();
        }
        let open = || OwnedFd::from(fs_err::File::open(dir.path()).unwrap().into_parts().0);
        let (directory, mut listings) = (open(), none());
        let end = seek(&directory, SeekFrom::Current(0)).unwrap();
        assert_eq!(end, 0);
        let first = listings.next(&directory, (1, 4), 1 << 16).unwrap().unwrap();
        assert!(!first.is_empty());
        listings.delivered();
        // What another program was not given has nothing to do with this one.
        listings.take_back();
        assert_eq!(listings.next(&directory, (1, 4), 1 << 16).unwrap().unwrap(), b"");
        // What was not delivered is given again.
        let directory = open();
        let first = listings.next(&directory, (1, 4), 1 << 16).unwrap().unwrap();
        listings.take_back();
        assert_eq!(listings.next(&directory, (1, 4), 1 << 16).unwrap().unwrap(), first);
    }

    #[test]
    fn a_record_is_aligned_and_ends_with_nul() {
        for (name, length) in [("a", 24), ("abc", 24), ("abcd", 24), ("abcde", 32)] {
            let entry = Entry { name: name.into(), inode: 7, kind: libc::DT_REG };
            let record = entry.record(3);
            assert_eq!(record.len(), length, "{name}");
            assert_eq!(usize::from(record[16]), length);
            assert_eq!((record[0], record[8], record[18]), (7, 3, libc::DT_REG));
            assert_eq!(record[19 + name.len()], 0);
        }
    }
}
