//! Walks two trees side by side.

use std::cmp::Ordering;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use builder::sys::files::sorted_entries;
use builder::vocabulary::Problem;
use fs_err as fs;
use rayon::Scope;

use super::content::{self, unreadable};
use super::{Change, Counted, Difference, Kind, Side, locate, shown};

/// So many files are one piece of work: a directory may hold thousands.
const FILES_AT_ONCE: usize = 64;

/// Compares what is below the roots, and the roots themselves.
pub(super) fn walk(roots: &[PathBuf; 2]) -> Result<Found, Problem> {
    let walk = Walk { roots, found: Mutex::default() };
    rayon::scope(|scope| {
        let both = [Kind::of(&roots[0]), Kind::of(&roots[1])];
        match both {
            [Ok(a), Ok(b)] => {
                walk.pair(scope, PathBuf::new(), [a, b], &mut Vec::new());
            }
            [Err(problem), _] | [_, Err(problem)] => walk.fail(Path::new(""), problem),
        }
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

impl Walk<'_> {
    /// Both sides have `path`. Files are put off into `files`, to be read many at once.
    fn pair<'s>(
        &'s self,
        scope: &Scope<'s>,
        path: PathBuf,
        kinds: [Kind; 2],
        files: &mut Vec<PathBuf>,
    ) {
        match kinds {
            [Kind::Directory, Kind::Directory] => {
                if path.extension().is_some_and(|extension| extension == "dist-info") {
                    self.found().dist_infos.push(path.clone());
                }
                scope.spawn(move |scope| self.tried(&path, || self.directory(scope, &path)));
            }
            [Kind::File, Kind::File] if path.as_os_str().is_empty() => self.files(vec![path]),
            [Kind::File, Kind::File] => files.push(path),
            [Kind::Link, Kind::Link] => self.tried(&path, || self.links(&path)),
            [Kind::Special, _] | [_, Kind::Special] => {
                let problem = Problem::new(format!(
                    "cannot compare `{}`: it is a device, fifo or socket",
                    shown(&path)
                ));
                self.fail(&path, problem.hint("remove it; no build's result holds such a thing"));
            }
            [a, b] => self.add(
                Counted { entries: 1, ..Counted::default() },
                &path,
                [Change::Kind { a, b }],
            ),
        }
    }

    fn directory<'s>(&'s self, scope: &Scope<'s>, path: &Path) -> Result<(), Problem> {
        let [a, b] = self.places(path);
        self.modes(path, [&a, &b])?;
        let mut sides = [entries(&a)?.into_iter().peekable(), entries(&b)?.into_iter().peekable()];
        let mut files = Vec::new();
        loop {
            let [a, b] = &mut sides;
            let order = match (a.peek(), b.peek()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((a, _)), Some((b, _))) => a.as_bytes().cmp(b.as_bytes()),
            };
            let next_a = if order == Ordering::Greater { None } else { a.next() };
            let next_b = if order == Ordering::Less { None } else { b.next() };
            match (next_a, next_b) {
                (Some((name, a)), Some((_, b))) => {
                    self.pair(scope, path.join(name), [a, b], &mut files);
                }
                (Some((name, kind)), None) => self.only(&path.join(name), Side::A, kind),
                (None, Some((name, kind))) => self.only(&path.join(name), Side::B, kind),
                (None, None) => break,
            }
            if files.len() == FILES_AT_ONCE {
                let files = std::mem::take(&mut files);
                scope.spawn(move |_| self.files(files));
            }
        }
        self.files(files);
        Ok(())
    }

    fn modes(&self, path: &Path, places: [&Path; 2]) -> Result<(), Problem> {
        let mut modes = [0; 2];
        for (mode, place) in modes.iter_mut().zip(places) {
            let metadata = fs::symlink_metadata(place).map_err(|error| unreadable(place, error))?;
            *mode = metadata.mode() & 0o7777;
        }
        let counted = Counted { entries: 1, ..Counted::default() };
        self.add(counted, path, mode(modes, false));
        Ok(())
    }

    fn links(&self, path: &Path) -> Result<(), Problem> {
        let mut targets = Vec::new();
        for place in self.places(path) {
            targets.push(fs::read_link(&place).map_err(|error| unreadable(&place, error))?);
        }
        let differs = targets[0].as_os_str() != targets[1].as_os_str();
        let change = Change::Target { a: shown(&targets[0]), b: shown(&targets[1]) };
        let counted = Counted { entries: 1, ..Counted::default() };
        self.add(counted, path, differs.then_some(change));
        Ok(())
    }

    fn files(&self, paths: Vec<PathBuf>) {
        let mut counted = Counted::default();
        for path in paths {
            let [a, b] = self.places(&path);
            match content::compare([&a, &b]) {
                Ok(pair) => {
                    counted.entries += 1;
                    counted.files += 1;
                    counted.bytes += pair.sizes[0];
                    let [a, b] = pair.sizes;
                    let content = pair.first.map(|first| Change::Content { a, b, first });
                    let changes: Vec<_> =
                        mode(pair.modes, true).into_iter().chain(content).collect();
                    if !changes.is_empty() {
                        self.add(Counted::default(), &path, changes);
                    }
                }
                Err(problem) => self.fail(&path, problem),
            }
        }
        self.add(counted, Path::new(""), None);
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
        Ok(metadata.file_type().into())
    }
}

impl From<std::fs::FileType> for Kind {
    fn from(kind: std::fs::FileType) -> Self {
        match kind {
            kind if kind.is_dir() => Self::Directory,
            kind if kind.is_file() => Self::File,
            kind if kind.is_symlink() => Self::Link,
            _ => Self::Special,
        }
    }
}

fn entries(directory: &Path) -> Result<Vec<(OsString, Kind)>, Problem> {
    let entries = sorted_entries(directory).map_err(|error| unreadable(directory, error))?;
    let typed = entries.into_iter().map(|entry| {
        let kind = entry.file_type().map_err(|error| unreadable(&entry.path(), error))?;
        Ok((entry.file_name(), kind.into()))
    });
    typed.collect()
}

fn mode([a, b]: [u32; 2], is_file: bool) -> Option<Change> {
    (a != b).then_some(Change::Mode { a, b, in_nar: is_file && (a ^ b) & 0o100 != 0 })
}
