//! The wheelhouse: one directory with all files and trees of a request, with exactly the names and
//! modes of the request. It is published in one step, under the key of the request, and its NAR
//! hash is verified at each use.
//!
//! Files are copied from the store, not linked. A hard link shares its inode, so a write or a mode
//! change in the wheelhouse would change the store. The kernel makes copies cheap
//! (`copy_file_range` shares blocks if the file system can). On ext4, which cannot, `cp` took 75 ms
//! for one file of 112 MB, the size of all of authentik's files.

mod adopt;
mod tasks;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};

use tasks::{Run, Task};

use super::http::Client;
use super::request::{FileRequest, LocalTreeRequest, Request, Shelf, TreeRequest};
use super::{Fetcher, Settings};
use base::nar;
use base::packaging::PackageName;
use base::store::{self, Store, Verified, Wish};
use base::sys::cache::WHEELHOUSES;
use base::sys::{Host, disk};
use base::vocabulary::fingerprint::Fingerprint;
use base::vocabulary::{Problem, Sha256};

/// What phase 1 has brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wheelhouse {
    /// The directory with `wheels/`, `sdists/`, `build/`, `git/` and `trees/`; empty ones are left
    /// out.
    pub path: PathBuf,
    /// Its identity: the sha256 of its NAR, Nix's `outputHash` with `outputHashMode = "recursive"`.
    pub nar_hash: Sha256,
    /// Every file, sorted by path.
    pub files: Vec<LedgerFile>,
    /// Every tree, sorted by path.
    pub trees: Vec<LedgerTree>,
}

/// A file of a wheelhouse.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LedgerFile {
    /// Relative to the wheelhouse, such as `wheels/a-1-py3-none-any.whl`.
    pub path: String,
    /// Its digest.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub size: u64,
}

/// A tree of a wheelhouse.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LedgerTree {
    /// Relative to the wheelhouse, such as `git/a` or `trees/a`.
    pub path: String,
    /// The NAR hash of the tree.
    pub nar_hash: Sha256,
}

/// The record beside a published wheelhouse.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    nar_hash: Sha256,
    files: Vec<LedgerFile>,
    trees: Vec<LedgerTree>,
}

/// Brings everything that is requested, or verifies and uses the stored wheelhouse of the same
/// request.
///
/// Errors: a name that is no plain file name; two contents for one path; whatever keeps a file or
/// tree from being had as it is pinned; a full disk. If several fail, the first few are named.
pub fn fetch(
    request: &Request,
    host: &Host<'_>,
    settings: &Settings,
) -> Result<Wheelhouse, Problem> {
    let plan = Plan::of(request)?;
    if let Some(given) = &settings.wheelhouse {
        return adopt::adopt(&plan, given);
    }
    let store = Store::new(host.cache, WHEELHOUSES);
    let key = plan.key();
    let wish = Wish { key: &key, what: "wheelhouse", reuse: true };
    let make = |staged: &Path| {
        let tree = staged.join(TREE);
        let (files, trees) = plan.fill(&tree, host, settings)?;
        let record = Record { nar_hash: nar::hash_path(&tree)?, files, trees };
        store::seal(staged, &record).map_err(|error| unwritten(staged, error))?;
        Ok(record)
    };
    let record = store.obtain(&wish, host.progress, |entry| plan.verified(entry), make)?;
    let Record { nar_hash, files, trees } = record;
    Ok(Wheelhouse { path: store.entry(&key).join(TREE), nar_hash, files, trees })
}

/// The wheelhouse itself in its entry; beside it is the seal, a [`Record`].
const TREE: &str = "tree";

fn unwritten(at: &Path, error: std::io::Error) -> Problem {
    disk::failed(Problem::new("cannot write the wheelhouse"), at, None, error)
}

/// A request whose names have been checked: by path, without doubles.
struct Plan<'a> {
    files: BTreeMap<String, &'a FileRequest>,
    trees: BTreeMap<String, &'a TreeRequest>,
    local_trees: BTreeMap<String, &'a LocalTreeRequest>,
}

impl<'a> Plan<'a> {
    fn of(request: &'a Request) -> Result<Self, Problem> {
        let local =
            |it: &'a LocalTreeRequest| (format!("{}/{}", Shelf::Trees.directory(), it.project), it);
        let mut plan = Self {
            files: BTreeMap::new(),
            trees: BTreeMap::new(),
            local_trees: request.local_trees.iter().map(local).collect(),
        };
        let clash = |path: &str, first: String, second: String| {
            Problem::usage(format!("two different things are to be `{path}`"))
                .fact("first", first)
                .fact("second", second)
        };
        let ambiguous = ambiguous(&request.files);
        for file in &request.files {
            check_name(&file.filename)?;
            let shelf = file.shelf.directory();
            let path = if file.shelf == Shelf::Sdists && ambiguous.contains(&file.filename) {
                format!("{shelf}/{}/{}", file.project, file.filename)
            } else {
                format!("{shelf}/{}", file.filename)
            };
            if let Some(other) = plan.files.get(&path)
                && other.sha256 != file.sha256
            {
                let shown =
                    |file: &FileRequest| format!("sha256:{} ({})", file.sha256, file.project);
                return Err(clash(&path, shown(other), shown(file)));
            }
            plan.files.entry(path).or_insert(file);
        }
        for tree in &request.trees {
            check_name(&tree.directory)?;
            let path = format!("{}/{}", Shelf::Git.directory(), tree.directory);
            if let Some(other) = plan.trees.get(&path)
                && (&other.rev, other.submodules) != (&tree.rev, tree.submodules)
            {
                let shown = |tree: &TreeRequest| format!("commit {} ({})", tree.rev, tree.project);
                return Err(clash(&path, shown(other), shown(tree)));
            }
            if let Some(file) = plan.files.get(&path) {
                return Err(clash(&path, format!("sha256:{}", file.sha256), tree.rev.clone()));
            }
            plan.trees.entry(path).or_insert(tree);
        }
        Ok(plan)
    }

    /// A fingerprint of all that determines the content. Where it comes from does not.
    fn key(&self) -> Sha256 {
        let mut key = Fingerprint::new("wheelhouse 2");
        for (path, file) in &self.files {
            key = key.with("file", path).with("sha256", file.sha256.as_bytes());
        }
        for (path, tree) in &self.trees {
            let pinned = tree.nar_hash.map(|hash| hash.to_string()).unwrap_or_default();
            key = key
                .with("tree", path)
                .with("rev", &tree.rev)
                .with("submodules", [u8::from(tree.submodules)])
                .with("nar hash", pinned);
        }
        for (path, tree) in &self.local_trees {
            key = key.with("local tree", path).with("nar hash", tree.nar_hash.as_bytes());
        }
        key.finish()
    }

    /// What the seal of a stored wheelhouse says, if that is what is asked for and what is there.
    fn verified(&self, entry: &Path) -> Result<Verified<Record>, Problem> {
        let unread = |error: std::io::Error| {
            Problem::new("cannot read a wheelhouse of the cache")
                .fact("at", entry.display())
                .cause(error)
        };
        let record: Option<Record> = store::unseal(entry).map_err(unread)?;
        let record = record.filter(|record| {
            let wanted = self.files.iter().map(|(path, file)| (path, &file.sha256));
            let recorded = record.files.iter().map(|file| (&file.path, &file.sha256));
            wanted.eq(recorded)
        });
        let Some(record) = record else {
            return Ok(Verified::Damaged("its seal is missing or damaged".to_owned()));
        };
        let tree = entry.join(TREE);
        if !tree.try_exists().map_err(unread)? {
            return Ok(Verified::Damaged("its tree is missing".to_owned()));
        }
        let found = nar::hash_path(&tree)?;
        if found != record.nar_hash {
            return Ok(Verified::Damaged(format!("its NAR hash is {}", found.to_sri())));
        }
        Ok(Verified::Whole(record))
    }

    fn fill(
        &self,
        staging: &Path,
        host: &Host<'_>,
        settings: &Settings,
    ) -> Result<(Vec<LedgerFile>, Vec<LedgerTree>), Problem> {
        self.make_directories(staging).map_err(|error| unwritten(staging, error))?;
        let mut tasks: Vec<Task<'_>> =
            self.trees.iter().map(|(path, tree)| Task::Tree(path, tree)).collect();
        tasks.extend(self.local_trees.iter().map(|(path, tree)| Task::LocalTree(path, tree)));
        let mut files: Vec<_> = self.files.iter().collect();
        // The largest first, so that none is left for the end, when the others are idle.
        files.sort_by_key(|(_, file)| std::cmp::Reverse(file.size.unwrap_or(u64::MAX)));
        tasks.extend(files.into_iter().map(|(path, file)| Task::File(path, file)));

        host.progress.stage("fetch", Some(tasks.len() as u64));
        let client = Client::new(host.environment, settings.patience);
        let run = Run { fetcher: Fetcher::new(&client, host, settings), staging, host, settings };
        let mut done = run.all(&tasks)?;
        done.0.sort();
        done.1.sort();
        Ok(done)
    }

    fn make_directories(&self, staging: &Path) -> std::io::Result<()> {
        let directories =
            self.files.keys().flat_map(|path| path.match_indices('/').map(|(end, _)| &path[..end]));
        let mut shelves: Vec<&str> = directories.collect();
        if !self.trees.is_empty() {
            shelves.push(Shelf::Git.directory());
        }
        if !self.local_trees.is_empty() {
            shelves.push(Shelf::Trees.directory());
        }
        shelves.sort_unstable();
        shelves.dedup();
        let shelves = shelves.into_iter().map(|shelf| staging.join(shelf));
        fs::create_dir_all(staging.parent().unwrap_or(staging))?;
        for dir in std::iter::once(staging.to_owned()).chain(shelves) {
            fs::create_dir(&dir)?;
            fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o755))?;
        }
        Ok(())
    }
}

/// Names that several archives share, as archives of a forge's tags do: each such archive is in a
/// directory of its distribution. A wheel's name already contains its distribution.
fn ambiguous(files: &[FileRequest]) -> BTreeSet<&String> {
    let mut digests: BTreeMap<&String, BTreeSet<Sha256>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.shelf == Shelf::Sdists) {
        digests.entry(&file.filename).or_default().insert(file.sha256);
    }
    digests.retain(|_, digests| digests.len() > 1);
    digests.into_keys().collect()
}

/// The path of a distribution's source archive `filename` in a wheelhouse.
pub fn sdist(wheelhouse: &Path, project: &PackageName, filename: &str) -> PathBuf {
    let shelf = wheelhouse.join(Shelf::Sdists.directory());
    let of_its_own = shelf.join(project.as_ref()).join(filename);
    if of_its_own.is_file() { of_its_own } else { shelf.join(filename) }
}

/// A name from a lock becomes a path: it must be one plain, visible component.
fn check_name(name: &str) -> Result<(), Problem> {
    let plain = !name.is_empty()
        && !name.starts_with('.')
        && name.len() <= 255
        && !name.contains(['/', '\\'])
        && !name.chars().any(char::is_control);
    if plain {
        return Ok(());
    }
    let problem = Problem::usage(format!("`{}` is not a file name", name.escape_debug()));
    Err(problem.hint("the lock has been tampered with, or was not made by uv"))
}
