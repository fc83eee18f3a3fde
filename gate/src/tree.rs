//! The files of one side: those of a commit, or a few files of the disk. Only files that the gate
//! understands are read; of the others it knows whether they changed.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::Rc;

use base::sys::files::read_text;
use base::vocabulary::limits::{LOCK_BYTES, Limit, PYPROJECT_BYTES};
use base::vocabulary::{Problem, Sha256};
use builder::lock::Lock;

use crate::git::{Blob, Repository};

/// The files of one side.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// What each path has, by what tells contents apart.
    ids: BTreeMap<String, String>,
    contents: BTreeMap<String, Vec<u8>>,
    /// Paths that are something else than a regular file.
    strange: BTreeSet<String>,
    /// Locks that were parsed, by path: that takes longer than all else.
    locks: RefCell<BTreeMap<String, Rc<Lock>>>,
}

/// Whether the gate reads a file.
fn is_read(path: &str) -> bool {
    let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
    let of_recipe = ["recipes", "golden"].contains(&dir.rsplit('/').next().unwrap_or_default());
    ["uv.lock", "pyproject.toml", "uv.toml", "lockstep.toml"].contains(&name)
        || name.ends_with(".py.lock")
        || of_recipe && name.ends_with(".toml")
}

impl Tree {
    /// The trees of commits.
    ///
    /// # Errors
    /// git cannot read them.
    pub(crate) fn of_commits(
        repository: &Repository,
        commits: &[&str],
    ) -> Result<Vec<Self>, Problem> {
        let lists = commits.iter().map(|commit| repository.list(commit));
        let lists = lists.collect::<Result<Vec<_>, Problem>>()?;
        let blobs = lists.iter().flatten().filter(|(path, it)| it.is_file && is_read(path));
        let blobs = blobs.map(|(_, blob)| (blob.object.as_str(), blob.size)).collect();
        let contents = repository.contents(&blobs)?;
        let tree = |list: &BTreeMap<String, Blob>| {
            let mut tree = Self::default();
            for (path, blob) in list {
                tree.ids.insert(path.clone(), blob.object.clone());
                if !blob.is_file {
                    tree.strange.insert(path.clone());
                } else if let Some(content) = contents.get(&blob.object).filter(|_| is_read(path)) {
                    tree.contents.insert(path.clone(), content.clone());
                }
            }
            tree
        };
        Ok(lists.iter().map(tree).collect())
    }

    /// A lock of the disk as `uv.lock`, and the `pyproject.toml` and `uv.toml` beside it. Those of
    /// local projects are read where the lock says that they are, if they are below.
    ///
    /// # Errors
    /// The lock cannot be read.
    pub(crate) fn of_lock(lock: &Path) -> Result<Self, Problem> {
        let mut tree = Self::default();
        let text = read_text(lock, &LOCK_BYTES)
            .map_err(|error| Problem::usage("cannot read a lock").cause(error))?;
        tree.add("uv.lock", text.into_bytes());
        if lock.file_name() == Some("uv.lock".as_ref()) {
            let dir = lock.parent().unwrap_or(Path::new(""));
            for name in ["pyproject.toml", "uv.toml", "lockstep.toml"] {
                if let Ok(text) = read_text(&dir.join(name), &PYPROJECT_BYTES) {
                    tree.add(name, text.into_bytes());
                }
            }
        }
        Ok(tree)
    }

    /// A tree of these files.
    #[cfg(test)]
    pub(crate) fn of_texts<'t>(files: impl IntoIterator<Item = (&'t str, &'t str)>) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            tree.add(path, text.as_bytes().to_vec());
        }
        tree
    }

    fn add(&mut self, path: &str, content: Vec<u8>) {
        self.ids.insert(path.to_owned(), Sha256::of(&content).to_string());
        self.contents.insert(path.to_owned(), content);
    }

    /// The text of a file; `None` if there is none.
    ///
    /// # Errors
    /// It is no text, too large, or no regular file.
    pub(crate) fn read(&self, path: &str, limit: &'static Limit) -> Result<Option<&str>, Problem> {
        let problem = || Problem::new(format!("cannot read `{path}`"));
        if self.strange.contains(path) {
            return Err(problem().fact("because", "it is a symlink or a submodule"));
        }
        if !self.ids.contains_key(path) {
            return Ok(None);
        }
        let content = self.contents.get(path).map(Vec::as_slice).ok_or_else(|| {
            problem().fact("because", "it is larger than any lock may be, or was not listed")
        })?;
        limit.check(content.len()).map_err(|error| problem().fact("because", error))?;
        let text = std::str::from_utf8(content);
        Ok(Some(text.map_err(|error| problem().fact("because", error))?))
    }

    /// The lock at a path; `None` if there is none.
    ///
    /// # Errors
    /// It cannot be read or understood.
    pub(crate) fn lock(&self, path: &str) -> Result<Option<Rc<Lock>>, Problem> {
        if let Some(lock) = self.locks.borrow().get(path) {
            return Ok(Some(Rc::clone(lock)));
        }
        let Some(text) = self.read(path, &LOCK_BYTES)? else { return Ok(None) };
        let lock = Rc::new(Lock::parse(text)?);
        self.locks.borrow_mut().insert(path.to_owned(), Rc::clone(&lock));
        Ok(Some(lock))
    }

    /// The content of a file that was read.
    pub(crate) fn bytes(&self, path: &str) -> Option<&Vec<u8>> {
        self.contents.get(path)
    }

    /// All paths, sorted.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.ids.keys().map(String::as_str)
    }

    /// Whether there is a file of that path.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.ids.contains_key(path)
    }

    /// The paths whose content differs, or that only one side has; sorted.
    pub(crate) fn changed<'a>(&'a self, head: &'a Self) -> Vec<&'a str> {
        let paths: BTreeSet<&str> = self.paths().chain(head.paths()).collect();
        paths.into_iter().filter(|path| self.ids.get(*path) != head.ids.get(*path)).collect()
    }
}

/// `path` relative to `dir`, without `..` where that is possible; `None` if it leads out.
pub(crate) fn joined(dir: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    if path.starts_with('/') {
        return None;
    }
    for part in dir.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
