//! Walks two trees side by side. Each directory is opened once, and its entries are looked up from
//! there. The number of open directories does not grow with the trees.

use std::cmp::Ordering;
use std::ffi::{CStr, CString, OsStr};
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use base::vocabulary::Problem;
use fs_err as fs;
use rayon::Scope;
use rustix::fs::{CWD, readlinkat};

use super::content::{self, Compared, Failed, Why};
use super::directory::{Directory, Entries};
use super::{Change, Counted, Difference, Kind, Side, locate, shown};

/// So many files are one piece of work: a directory may hold thousands.
const FILES_AT_ONCE: usize = 64;

/// Compares what is below the roots, and the roots themselves.
pub(super) fn walk(roots: &[PathBuf; 2]) -> Result<Found, Problem> {
    let walk = Walk { roots, found: Mutex::default() };
    rayon::scope(|scope| {
        let root = Path::new("");
        walk.tried(root, || {
            let kinds = [Kind::of(&roots[0])?, Kind::of(&roots[1])?];
            match kinds {
                [Kind::Directory, Kind::Directory] => walk.directory(scope, root)?,
                [Kind::File, Kind::File] => walk.root_file()?,
                kinds => walk.other(root, kinds),
            }
            Ok(())
        });
    });
    let mut found = walk.found.into_inner().unwrap_or_else(PoisonError::into_inner);
    // The first by path, not the first in time.
    found.problems.sort_by(|a, b| a.0.cmp(&b.0));
    if !found.problems.is_empty() {
        return Err(found.problems.swap_remove(0).1);
    }
    found.differences.sort();
    found.dist_infos.sort();
    Ok(found)
}

/// What a walk has found, in no order until it ends.
#[derive(Default)]
pub(super) struct Found {
    pub(super) counted: Counted,
    pub(super) differences: Vec<Difference>,
    pub(super) dist_infos: Vec<PathBuf>,
    problems: Vec<(PathBuf, Problem)>,
}

struct Walk<'r> {
    roots: &'r [PathBuf; 2],
    found: Mutex<Found>,
}

/// A directory that both sides have.
struct Both {
    path: PathBuf,
    directories: [Directory; 2],
    /// Those of A.
    entries: Entries,
}

impl Both {
    fn place(&self, index: usize) -> PathBuf {
        self.path.join(name_of(self.entries.name(index)))
    }
}

impl Walk<'_> {
    fn directory<'s>(&'s self, scope: &Scope<'s>, path: &Path) -> Result<(), Problem> {
        if path.extension().is_some_and(|extension| extension == "dist-info") {
            self.found().dist_infos.push(path.to_owned());
        }
        let [a, b] = self.places(path);
        let open = |place: &Path| -> Result<(Directory, Entries), Problem> {
            let directory = Directory::open(place).map_err(|error| unreadable(place, error))?;
            let entries = directory.entries().map_err(|error| unreadable(place, error))?;
            Ok((directory, entries))
        };
        let ((a, entries), (b, entries_b)) = (open(&a)?, open(&b)?);
        let counted = Counted { entries: 1, ..Counted::default() };
        self.add(counted, path, mode([a.mode, b.mode], false));
        let both = Both { path: path.to_owned(), directories: [a, b], entries };
        let (directories, files) = self.merge(&both, &entries_b)?;
        for index in directories {
            let path = both.place(index);
            scope.spawn(move |scope| self.tried(&path, || self.directory(scope, &path)));
        }
        let mut batches = files.chunks(FILES_AT_ONCE);
        let Some(first) = batches.next() else { return Ok(()) };
        let both = Arc::new(both);
        for batch in batches {
            let (both, batch) = (Arc::clone(&both), batch.to_vec());
            scope.spawn(move |_| self.files(&both, &batch));
        }
        self.files(&both, first);
        Ok(())
    }

    /// Compares names and kinds, and all that is neither a directory nor a file on both sides.
    /// These it leaves: indexes of both directories' and both files' entries.
    fn merge(&self, both: &Both, of_b: &Entries) -> Result<(Vec<usize>, Vec<usize>), Problem> {
        let of_a = &both.entries;
        let (mut directories, mut files) = (Vec::new(), Vec::new());
        let (mut a, mut b) = (0, 0);
        loop {
            let order = match (a < of_a.len(), b < of_b.len()) {
                (false, false) => return Ok((directories, files)),
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                (true, true) => of_a.name(a).cmp(of_b.name(b)),
            };
            match order {
                Ordering::Less => self.only(&both.place(a), Side::A, of_a.kind(a)),
                Ordering::Greater => {
                    let path = both.path.join(name_of(of_b.name(b)));
                    self.only(&path, Side::B, of_b.kind(b));
                }
                Ordering::Equal => match [of_a.kind(a), of_b.kind(b)] {
                    [Kind::Directory, Kind::Directory] => directories.push(a),
                    [Kind::File, Kind::File] => files.push(a),
                    [Kind::Link, Kind::Link] => self.links(both, a)?,
                    kinds => self.other(&both.place(a), kinds),
                },
            }
            a += usize::from(order != Ordering::Greater);
            b += usize::from(order != Ordering::Less);
        }
    }

    /// Two kinds of thing, or one that is not compared.
    fn other(&self, path: &Path, kinds: [Kind; 2]) {
        let counted = Counted { entries: 1, ..Counted::default() };
        match kinds {
            [Kind::Special, _] | [_, Kind::Special] => {
                let problem = Problem::new(format!(
                    "cannot compare `{}`: it is a device, fifo or socket",
                    shown(path)
                ));
                self.fail(path, problem.hint("remove it; no build's result holds such a thing"));
            }
            [a, b] => self.add(counted, path, [Change::Kind { a, b }]),
        }
    }

    fn links(&self, both: &Both, index: usize) -> Result<(), Problem> {
        let mut targets = Vec::new();
        for directory in &both.directories {
            let target = readlinkat(directory.descriptor(), both.entries.name(index), Vec::new());
            let target = target.map_err(|error| unreadable(&both.place(index), error))?;
            targets.push(PathBuf::from(std::ffi::OsString::from_vec(target.into_bytes())));
        }
        let differs = targets[0].as_os_str() != targets[1].as_os_str();
        let change =
            differs.then(|| Change::Target { a: shown(&targets[0]), b: shown(&targets[1]) });
        let counted = Counted { entries: 1, ..Counted::default() };
        if differs {
            self.add(counted, &both.place(index), change);
        } else {
            self.add(counted, &both.path, None);
        }
        Ok(())
    }

    fn files(&self, both: &Both, indexes: &[usize]) {
        let mut counted = Counted::default();
        let directories = [0, 1].map(|side| both.directories[side].descriptor());
        for index in indexes {
            let name = both.entries.name(*index);
            match content::compare(directories, [name, name]) {
                Ok(pair) => self.file(&pair, &mut counted, || both.place(*index)),
                Err(failed) => {
                    let path = both.place(*index);
                    self.fail(&path, self.failed(failed, &path));
                }
            }
        }
        self.add(counted, &both.path, None);
    }

    /// The roots themselves are files.
    fn root_file(&self) -> Result<(), Problem> {
        let path = Path::new("");
        let name = |side: usize| {
            CString::new(self.roots[side].as_os_str().as_bytes())
                .map_err(|error| unreadable(&self.roots[side], std::io::Error::other(error)))
        };
        let names = [name(0)?, name(1)?];
        let here = CWD.as_fd();
        let pair = content::compare([here, here], [&names[0], &names[1]])
            .map_err(|failed| self.failed(failed, path))?;
        let mut counted = Counted::default();
        self.file(&pair, &mut counted, PathBuf::new);
        self.add(counted, path, None);
        Ok(())
    }

    fn file(&self, pair: &Compared, counted: &mut Counted, path: impl FnOnce() -> PathBuf) {
        counted.entries += 1;
        counted.files += 1;
        counted.bytes += pair.sizes[0];
        let [a, b] = pair.sizes;
        let content = pair.first.map(|first| Change::Content { a, b, first });
        let mode = mode(pair.modes, true);
        if content.is_some() || mode.is_some() {
            self.add(Counted::default(), &path(), mode.into_iter().chain(content));
        }
    }

    fn failed(&self, failed: Failed, path: &Path) -> Problem {
        let place = locate(&self.roots[failed.side as usize], path);
        match failed.why {
            Why::System(error) => unreadable(&place, error),
            Why::Changes => {
                let what = format!("cannot compare `{}`: it changes", place.display());
                Problem::new(format!("{what} while it is read"))
                    .hint("run again when nothing writes to the tree any more")
            }
        }
    }

    fn only(&self, path: &Path, side: Side, kind: Kind) {
        let counted = Counted { entries: 1, files: u64::from(kind == Kind::File), bytes: 0 };
        self.add(counted, path, [Change::Only { side, kind }]);
    }

    fn places(&self, path: &Path) -> [PathBuf; 2] {
        [locate(&self.roots[0], path), locate(&self.roots[1], path)]
    }

    fn add(&self, counted: Counted, path: &Path, changes: impl IntoIterator<Item = Change>) {
        let mut found = self.found();
        found.counted.entries += counted.entries;
        found.counted.files += counted.files;
        found.counted.bytes += counted.bytes;
        let changes = changes.into_iter();
        found
            .differences
            .extend(changes.map(|change| Difference { path: path.to_owned(), change }));
    }

    fn found(&self) -> std::sync::MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tried(&self, path: &Path, work: impl FnOnce() -> Result<(), Problem>) {
        if let Err(problem) = work() {
            self.fail(path, problem);
        }
    }

    fn fail(&self, path: &Path, problem: Problem) {
        let mut found = self.found();
        found.problems.push((path.to_owned(), problem));
    }
}

impl Kind {
    fn of(path: &Path) -> Result<Self, Problem> {
        let metadata = fs::symlink_metadata(path).map_err(|error| unreadable(path, error))?;
        Ok(rustix::fs::FileType::from_raw_mode(metadata.mode()).into())
    }
}

/// A path that cannot be read.
fn unreadable(path: &Path, error: impl Into<std::io::Error>) -> Problem {
    Problem::new(format!("cannot compare `{}`", path.display())).cause(error.into())
}

fn name_of(name: &CStr) -> &Path {
    Path::new(OsStr::from_bytes(name.to_bytes()))
}

fn mode([a, b]: [u32; 2], is_file: bool) -> Option<Change> {
    (a != b).then_some(Change::Mode { a, b, in_nar: is_file && (a ^ b) & 0o100 != 0 })
}
