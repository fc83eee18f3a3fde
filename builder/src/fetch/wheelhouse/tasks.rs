//! Makes a wheelhouse: many files and trees at a time, with one report of all failures.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use fs_err as fs;

use super::{LedgerFile, LedgerTree};
use crate::fetch::request::{FileRequest, LocalTreeRequest, TreeRequest};
use crate::fetch::{Fetcher, Settings, git};
use base::nar;
use base::sys::files::copy_tree;
use base::sys::{Host, disk};
use base::vocabulary::Problem;

/// One thing to bring, with its path in the wheelhouse.
#[derive(Clone, Copy)]
pub(super) enum Task<'a> {
    File(&'a str, &'a FileRequest),
    Tree(&'a str, &'a TreeRequest),
    LocalTree(&'a str, &'a LocalTreeRequest),
}

impl Task<'_> {
    fn name(&self) -> &str {
        match self {
            Self::File(_, file) => &file.filename,
            Self::Tree(_, tree) => &tree.directory,
            Self::LocalTree(_, tree) => tree.project.as_ref(),
        }
    }
}

/// After as many failures nothing new is begun: the network is down, or the lock is wrong.
const FAILURES_MAX: usize = 5;

/// What the workers share.
pub(super) struct Run<'a> {
    pub(super) fetcher: Fetcher<'a>,
    pub(super) staging: &'a Path,
    pub(super) host: &'a Host<'a>,
    pub(super) settings: &'a Settings,
}

/// Files and trees, in no order yet.
type Brought = (Vec<LedgerFile>, Vec<LedgerTree>);

impl Run<'_> {
    pub(super) fn all(&self, tasks: &[Task<'_>]) -> Result<Brought, Problem> {
        let next = AtomicUsize::new(0);
        let brought: Mutex<Brought> = Mutex::default();
        let failures: Mutex<BTreeMap<usize, Problem>> = Mutex::default();
        let worker = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(task) = tasks.get(index) else { break };
                if failures.lock().expect("no panic").len() >= FAILURES_MAX {
                    break;
                }
                self.host.progress.begin(task.name());
                let result = self.one(*task, &brought);
                self.host.progress.end(task.name());
                if let Err(problem) = result {
                    failures.lock().expect("no panic").insert(index, problem);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..self.settings.parallelism.clamp(1, tasks.len().max(1)) {
                scope.spawn(worker);
            }
        });
        let failures = failures.into_inner().expect("no panic");
        if failures.is_empty() {
            return Ok(brought.into_inner().expect("no panic"));
        }
        let failures = failures.into_iter();
        let failures = failures.map(|(index, problem)| (tasks[index].name().to_owned(), problem));
        let what = |count| format!("cannot fetch {count} of {} things", tasks.len());
        Err(Problem::of_several(what, failures.collect()).expect("there is a failure"))
    }

    fn one(&self, task: Task<'_>, brought: &Mutex<Brought>) -> Result<(), Problem> {
        match task {
            Task::File(path, file) => {
                let entry = self.file(path, file)?;
                brought.lock().expect("no panic").0.push(entry);
            }
            Task::Tree(path, tree) => {
                let entry = self.tree(path, tree)?;
                brought.lock().expect("no panic").1.push(entry);
            }
            Task::LocalTree(path, tree) => {
                let entry = self.local_tree(path, tree)?;
                brought.lock().expect("no panic").1.push(entry);
            }
        }
        Ok(())
    }

    fn file(&self, path: &str, file: &FileRequest) -> Result<LedgerFile, Problem> {
        let stored = self.fetcher.obtain(file, self.host)?;
        let to = self.staging.join(path);
        materialise(&stored.path, &to).map_err(|error| {
            let problem = Problem::new(format!("cannot write `{path}` of the wheelhouse"));
            disk::failed(problem, self.staging, Some(stored.size), error)
        })?;
        Ok(LedgerFile { path: path.to_owned(), sha256: file.sha256, size: stored.size })
    }

    fn tree(&self, path: &str, tree: &TreeRequest) -> Result<LedgerTree, Problem> {
        let commit = git::Commit {
            url: &tree.url,
            rev: &tree.rev,
            reference: tree.reference.as_deref(),
            submodules: tree.submodules,
        };
        let into = self.staging.join(path);
        let nar_hash = git::export(&commit, &into, self.host, &self.settings.patience)?;
        if let Some(expected) = tree.nar_hash.filter(|expected| *expected != nar_hash) {
            return Err(Problem::new(format!("the git tree of `{}` is another one", tree.project))
                .fact("commit", &tree.rev)
                .fact("expected", expected.to_sri())
                .fact("received", nar_hash.to_sri())
                .hint(
                    "a commit names its tree, so the expected hash is wrong, or is one with or \
                 without submodules",
                ));
        }
        Ok(LedgerTree { path: path.to_owned(), nar_hash })
    }

    fn local_tree(&self, path: &str, tree: &LocalTreeRequest) -> Result<LedgerTree, Problem> {
        let into = self.staging.join(path);
        let what = || Problem::new(format!("cannot take the source tree of `{}`", tree.project));
        copy_tree(&tree.path, &into, &|_| false)
            .map_err(|error| disk::failed(what(), self.staging, None, error))?;
        let nar_hash = nar::hash_path(&into)?;
        if nar_hash == tree.nar_hash {
            return Ok(LedgerTree { path: path.to_owned(), nar_hash });
        }
        Err(what()
            .fact("tree", tree.path.display())
            .fact("expected", tree.nar_hash.to_sri())
            .fact("received", nar_hash.to_sri())
            .hint("set `nar-hash` to the received hash once you know why it is another one"))
    }
}

fn materialise(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::copy(from, to)?;
    fs::set_permissions(to, std::fs::Permissions::from_mode(0o644))
}
