//! The part of the source tree that the build of a local project sees. uv builds a project in
//! place, so a build can read the whole tree. If its wheel depended on the whole tree, every change
//! anywhere would rebuild every project.
//!
//! A build is **given** its project's directory, the targets of links in it, the files that the
//! recipe includes (`override.NAME.build.include`), and the ignore files of the directories above,
//! which backends read. The rest is **withheld**: its names are present, as empty files. If a build
//! opens such a file, or reads such a directory, that is detected ([`Withheld`]). Its wheel is then
//! discarded and built again with the whole tree, on which it depends from then on. So a wheel
//! never lacks anything that uv's wheel would have.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use base::nar;
use base::packaging::PackageName;
use base::sys::files::{copy_file, sorted_entries};
use base::sys::tree::follow;
use base::sys::watch::Watch;
use base::vocabulary::fingerprint::Fingerprint;
use base::vocabulary::{Problem, Sha256};
use fs_err as fs;

use crate::fetch::snapshot::is_left_out;

/// How much of the source tree a build is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Its own part.
    Own,
    /// All of it, as uv's build.
    Whole,
}

/// Files that backends look for from the project's directory upwards.
const IGNORE_FILES: [&str; 2] = [".gitignore", ".hgignore"];

/// What a build is given of a tree.
#[derive(Debug, Clone)]
pub(super) struct View<'a> {
    tree: &'a Path,
    own: PathBuf,
    /// The local projects by their directories.
    projects: BTreeMap<PathBuf, &'a PackageName>,
    /// Whether a path, and everything below it, is given; the longest path decides. Relative.
    marks: BTreeMap<PathBuf, bool>,
    /// Links that lead out of the tree, with what they point to.
    pub(super) leading_out: BTreeMap<PathBuf, PathBuf>,
}

impl<'a> View<'a> {
    /// The view of the project in the directory `own` of `tree`, with `included` and without
    /// `others`, which are in it but belong to other projects. `projects` are all local projects.
    /// All paths are relative to `tree`.
    ///
    /// # Errors
    /// What is included is not there; a directory cannot be read.
    pub(super) fn new(
        tree: &'a Path,
        own: &Path,
        others: &BTreeSet<PathBuf>,
        projects: BTreeMap<PathBuf, &'a PackageName>,
        included: &[String],
    ) -> Result<Self, Problem> {
        let mut view = Self {
            tree,
            own: own.to_owned(),
            projects,
            marks: [(own.to_owned(), true)].into(),
            leading_out: BTreeMap::new(),
        };
        view.marks.extend(others.iter().map(|it| (it.clone(), false)));
        for above in own.ancestors().skip(1) {
            for file in IGNORE_FILES.map(|name| above.join(name)) {
                if tree.join(&file).is_file() {
                    view.give(file);
                }
            }
        }
        for path in included {
            let path = Path::new(path.trim_end_matches('/'));
            let path = if path == Path::new(".") { Path::new("") } else { path };
            if tree.join(path).symlink_metadata().is_err() {
                return Err(not_there(tree, path));
            }
            view.marks.retain(|mark, given| *given || !mark.starts_with(path));
            view.give(path.to_owned());
        }
        view.follow_links().map_err(|error| {
            Problem::new(format!("cannot read the source tree `{}`", tree.display())).cause(error)
        })?;
        Ok(view)
    }

    /// Whether a path of the tree is given.
    pub(super) fn gives(&self, path: &Path) -> bool {
        path.ancestors().find_map(|it| self.marks.get(it)).copied().unwrap_or(false)
    }

    fn give(&mut self, path: PathBuf) {
        if !self.gives(&path) {
            self.marks.insert(path, true);
        }
    }

    /// Gives what links lead to, and what links in that lead to.
    fn follow_links(&mut self) -> io::Result<()> {
        let mut open: Vec<PathBuf> = self.given().cloned().collect();
        while let Some(path) = open.pop() {
            let mut links = Vec::new();
            self.collect_links(&path, &mut links)?;
            for link in links {
                for target in self.targets(&link)? {
                    // A link to a directory around the project shows the way, and asks for nothing.
                    if !self.gives(&target) && !self.own.starts_with(&target) {
                        self.marks.insert(target.clone(), true);
                        open.push(target);
                    }
                }
            }
        }
        Ok(())
    }

    fn collect_links(&self, path: &Path, links: &mut Vec<PathBuf>) -> io::Result<()> {
        let on_disk = self.tree.join(path);
        let kind = fs::symlink_metadata(&on_disk)?.file_type();
        if is_left_out(&[], &on_disk) || !self.gives(path) {
            return Ok(());
        }
        if kind.is_symlink() {
            links.push(path.to_owned());
        } else if kind.is_dir() {
            for entry in sorted_entries(&on_disk)? {
                self.collect_links(&path.join(entry.file_name()), links)?;
            }
        }
        Ok(())
    }

    /// What a link leads to, with the links on the way there.
    fn targets(&mut self, link: &Path) -> io::Result<Vec<PathBuf>> {
        let on_the_way = RefCell::new(Vec::new());
        let read = |step: &Path| {
            let target = fs::read_link(self.tree.join(step)).ok()?;
            on_the_way.borrow_mut().push(step.to_owned());
            Some(target)
        };
        let Some(end) = follow(Path::new(""), link, read) else {
            let target = fs::read_link(self.tree.join(link))?;
            self.leading_out.insert(link.to_owned(), target);
            return Ok(Vec::new());
        };
        let mut targets = on_the_way.into_inner();
        targets.extend(self.tree.join(&end).symlink_metadata().is_ok().then_some(end));
        Ok(targets)
    }

    fn given(&self) -> impl Iterator<Item = &PathBuf> {
        self.marks.iter().filter_map(|(path, given)| given.then_some(path))
    }

    /// The inputs of a build with this view: everything that is given, and its location.
    pub(super) fn identity(&self) -> Result<Sha256, Problem> {
        let mut key = Fingerprint::new("view of a source tree 1");
        key = key.with("project", self.own.as_os_str().as_encoded_bytes());
        for path in self.given() {
            let skipped = |on_disk: &Path| {
                let inside = on_disk.strip_prefix(self.tree).unwrap_or(on_disk);
                is_left_out(&[], on_disk) || !self.gives(inside)
            };
            let nar_hash = nar::hash_without(&self.tree.join(path), &skipped)?;
            key = key.with("path", path.as_os_str().as_encoded_bytes());
            key = key.with("nar hash", nar_hash.as_bytes());
        }
        Ok(key.finish())
    }

    /// Lays the tree out in `into`, which must not exist: whole what is given, by name what is not.
    pub(super) fn lay_out(&self, into: &Path) -> io::Result<Withheld> {
        let mut watched = Vec::new();
        self.lay_out_directory(Path::new(""), into, &mut watched)?;
        Ok(Withheld { root: into.to_owned(), marks: self.marks.clone(), watched })
    }

    fn lay_out_directory(
        &self,
        path: &Path,
        into: &Path,
        watched: &mut Vec<PathBuf>,
    ) -> io::Result<()> {
        fs::create_dir(into)?;
        let mut withholds = !self.gives(path);
        for entry in sorted_entries(&self.tree.join(path))? {
            if is_left_out(&[], &entry.path()) {
                continue;
            }
            let (path, target) = (path.join(entry.file_name()), into.join(entry.file_name()));
            let (kind, given) = (entry.file_type()?, self.gives(&path));
            withholds |= !given;
            if kind.is_dir() {
                self.lay_out_directory(&path, &target, watched)?;
            } else if kind.is_symlink() {
                symlink(fs::read_link(entry.path())?, &target)?;
            } else if given {
                copy_file(&entry.path(), &target)?;
            } else {
                fs::write(&target, self.stand_in(&path))?;
            }
        }
        if withholds {
            watched.push(into.to_owned());
        }
        Ok(())
    }
}

impl View<'_> {
    /// The text of a withheld file. uv rejects a workspace whose members are not projects.
    fn stand_in(&self, path: &Path) -> String {
        let project = path.parent().and_then(|directory| self.projects.get(directory));
        match project.filter(|_| path.ends_with("pyproject.toml")) {
            Some(name) => format!("[project]\nname = \"{name}\"\nversion = \"0\"\n"),
            None => String::new(),
        }
    }
}

fn not_there(tree: &Path, path: &Path) -> Problem {
    let path = path.display().to_string();
    let near = base::sys::files::nearest_names(tree, &path);
    let problem = Problem::usage("`build.include` names what the source tree does not have")
        .fact("path", &path);
    match near.first() {
        Some(first) => problem.hint(format!("did you mean `{first}`?")),
        None => problem.hint("paths are relative to the top of the source tree"),
    }
}

/// What was laid out by name only.
#[derive(Debug)]
pub struct Withheld {
    root: PathBuf,
    marks: BTreeMap<PathBuf, bool>,
    watched: Vec<PathBuf>,
}

impl Withheld {
    /// Begins to watch it, and the directories `beside` it.
    ///
    /// # Errors
    /// The kernel watches no more directories for this user.
    pub fn watch(&self, beside: &[&Path]) -> io::Result<Watch> {
        Watch::on(self.watched.iter().map(PathBuf::as_path).chain(beside.iter().copied()))
    }

    /// The withheld paths among those that were opened; relative, sorted.
    pub fn among(&self, opened: &[PathBuf]) -> BTreeSet<PathBuf> {
        let inside = opened.iter().filter_map(|path| path.strip_prefix(&self.root).ok());
        let given = |path: &Path| path.ancestors().find_map(|it| self.marks.get(it)).copied();
        inside.filter(|path| !given(path).unwrap_or(false)).map(Path::to_owned).collect()
    }
}
