//! Shrinks the cache: it removes the least recently used entries until the rest is small enough. It
//! holds the lock of the whole cache exclusively, and every run holds it shared, so it removes
//! nothing that a run uses. It keeps finished outputs that a user's symlink points to; `gcroots/`
//! records these links, as in Nix.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::Serialize;

use base::store::{Held, Store};
use base::sys::cache::{
    self, FILES, GIT, OUTPUTS, ROOTS, ROUNDS, SOURCES, TOOLCHAINS, UV, WHEELHOUSES, WHEELS, WORK,
};
use base::sys::files::sorted_entries;
use base::vocabulary::{Problem, Sha256};

/// Directories of the cache, each with the entries that are removed on their own: as a store sees
/// them, whether or not it is one.
const SECTIONS: [&str; 11] = [
    RUNS[0],
    RUNS[1],
    FILES,
    GIT,
    OUTPUTS,
    SOURCES,
    TOOLCHAINS,
    "toolchains/apt",
    UV,
    WHEELHOUSES,
    WHEELS,
];
/// Where runs and rounds work; what is left there is of failed ones.
const RUNS: [&str; 2] = [WORK, ROUNDS];

/// Directories in a section that hold no product, but a part of the section itself.
const PARTS: [&str; 2] = ["toolchains/apt", "toolchains/index"];

/// Where uv is made; what is left there is of killed runs.
const UV_WORK: &str = "uv/work";

/// Something that is removed as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Relative to the cache, such as `wheels/4e10…`.
    pub path: PathBuf,
    /// Bytes of the disk that its removal frees.
    pub bytes: u64,
}

/// What was removed, and what not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Collected {
    /// Bytes of the disk that the cache had.
    pub before: u64,
    /// What it has now.
    pub after: u64,
    /// In the order in which they were removed.
    pub removed: Vec<Entry>,
    /// Links that keep an output alive.
    pub kept_for: Vec<PathBuf>,
}

/// Records a link to an output: it stays as long as the link is there and points to it.
pub fn add_root(cache: &Path, link: &Path) -> io::Result<()> {
    let link = std::path::absolute(link)?;
    let roots = cache.join(ROOTS);
    fs::create_dir_all(&roots)?;
    let root = roots.join(Sha256::of(link.as_os_str().as_bytes()).to_string());
    match symlink(&link, root) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        done => done,
    }
}

/// Removes cache entries until at most `max_bytes` remain; with `dry_run`, only reports them.
/// Leftovers of killed and failed runs go first, then the least recently used entries. `waiting` is
/// called once if another run uses the cache.
pub fn collect(
    cache: &Path,
    max_bytes: u64,
    dry_run: bool,
    waiting: impl FnOnce(),
) -> Result<Collected, Problem> {
    let _lock = cache::hold_alone(cache, waiting)?;
    let failed =
        |error| Problem::new("cannot bound the cache").fact("cache", cache.display()).cause(error);
    let roots = live_roots(cache, dry_run).map_err(failed)?;
    let mut candidates = candidates(cache).map_err(failed)?;
    // What runs left that are dead comes before what anybody could use.
    let rank = |it: &Held| (!it.dead, it.used);
    candidates.sort_by(|Candidate { held: a, .. }, Candidate { held: b, .. }| {
        (rank(a), &a.paths).cmp(&(rank(b), &b.paths))
    });
    let mut disk = Disk::default();
    for candidate in &mut candidates {
        for path in &candidate.held.paths {
            disk.add(path, &mut candidate.files).map_err(failed)?;
        }
    }
    let before = disk.bytes;
    let mut removed = Vec::new();
    for candidate in &candidates {
        if disk.bytes <= max_bytes {
            break;
        }
        if roots.values().any(|output| candidate.held.paths.contains(output)) {
            continue;
        }
        let bytes = disk.free(&candidate.files);
        if !dry_run {
            candidate.held.remove().map_err(failed)?;
        }
        let path = candidate.held.path().strip_prefix(cache).unwrap_or(candidate.held.path());
        removed.push(Entry { path: path.to_owned(), bytes });
    }
    Ok(Collected { before, after: disk.bytes, removed, kept_for: roots.into_keys().collect() })
}

/// The links that point to an output, each with the output's entry. Records of links that do not
/// are forgotten.
fn live_roots(cache: &Path, dry_run: bool) -> io::Result<BTreeMap<PathBuf, PathBuf>> {
    let mut live = BTreeMap::new();
    for root in entries(&cache.join(ROOTS))? {
        if !root.file_type()?.is_symlink() {
            continue;
        }
        let link = fs::read_link(root.path())?;
        match linked_output(&link, &cache.join(OUTPUTS)) {
            Some(output) => {
                live.insert(link, output);
            }
            None if dry_run => {}
            None => fs::remove_file(root.path())?,
        }
    }
    Ok(live)
}

/// The entry in `outputs` to whose tree a link points, by whatever name the cache had when the link
/// was made.
fn linked_output(link: &Path, outputs: &Path) -> Option<PathBuf> {
    let tree = link.parent()?.join(std::fs::read_link(link).ok()?);
    let entry = tree.parent()?;
    let store = entry.parent()?.canonicalize().ok()?;
    (store == outputs.canonicalize().ok()?).then_some(outputs.join(entry.file_name()?))
}

/// What can be removed as a whole.
struct Candidate {
    held: Held,
    files: BTreeMap<Inode, u64>,
}

fn candidates(cache: &Path) -> io::Result<Vec<Candidate>> {
    let mut found = Vec::new();
    for section in SECTIONS {
        for held in Store::new(cache, section).held()? {
            let is = |path: &str| cache.join(path) == held.path();
            if PARTS.iter().any(|part| is(part)) {
                continue;
            }
            let dead = held.dead || RUNS.contains(&section) || is(UV_WORK);
            found.push(Candidate { held: Held { dead, ..held }, files: BTreeMap::new() });
        }
    }
    Ok(found)
}

/// The entries of a directory; none if it is not there.
fn entries(dir: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match sorted_entries(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        found => found,
    }
}

type Inode = (u64, u64);

/// The disk space that the cache uses. A file that has several names is counted once, and is freed
/// with its last one.
#[derive(Default)]
struct Disk {
    bytes: u64,
    /// How many names of each file there are, and how many bytes it has.
    files: BTreeMap<Inode, (u64, u64)>,
}

impl Disk {
    fn add(&mut self, path: &Path, names: &mut BTreeMap<Inode, u64>) -> io::Result<()> {
        let mut ahead = vec![path.to_owned()];
        while let Some(path) = ahead.pop() {
            let metadata = match fs::symlink_metadata(&path) {
                // A build left directories that are nested more deeply than paths reach. They can
                // be removed uncounted.
                Err(error) if error.kind() == io::ErrorKind::InvalidFilename => continue,
                // What a run that ended a moment ago still removes is none of ours to count.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                metadata => metadata?,
            };
            let inode = (metadata.dev(), metadata.ino());
            let bytes = metadata.blocks() * 512;
            let file = self.files.entry(inode).or_insert((0, bytes));
            if file.0 == 0 {
                self.bytes += bytes;
            }
            file.0 += 1;
            *names.entry(inode).or_default() += 1;
            if metadata.is_dir() {
                ahead.extend(sorted_entries(&path)?.iter().map(fs::DirEntry::path));
            }
        }
        Ok(())
    }

    fn free(&mut self, names: &BTreeMap<Inode, u64>) -> u64 {
        let before = self.bytes;
        for (inode, count) in names {
            let file = self.files.get_mut(inode).expect("it was added");
            file.0 -= count;
            if file.0 == 0 {
                self.bytes -= file.1;
            }
        }
        before - self.bytes
    }
}
