//! A listing of an output: every path with its mode, size and sha256, the distribution that it
//! belongs to, and one digest of all. It is small, so another machine can compare what it built
//! with it, file by file, without having the files.

mod differences;
mod text;

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use base::dist_info::Record;
use base::sys::files::{digest_of, sorted_entries};
use base::vocabulary::digest::Sri;
use base::vocabulary::fingerprint::Fingerprint;
use base::vocabulary::{Problem, Sha256, shown_name};
use fs_err as fs;
use rayon::prelude::*;
use serde::Serialize;

pub use differences::{Difference, How};

/// What an output has, and what it is an output of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// What it is of.
    pub subject: Subject,
    /// Names and versions of distributions, as their `.dist-info` has them.
    distributions: Vec<String>,
    /// By path relative to the output, shown as [`shown_name`] shows it.
    entries: BTreeMap<String, Entry>,
}

/// Which output a listing is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Subject {
    /// The recipe's name.
    pub recipe: String,
    /// The target, such as `cp314-x86_64-manylinux_2_39`.
    pub target: String,
    /// The path at which the output is installed.
    pub prefix: String,
    /// NAR hash of the output.
    pub nar_hash: Sri,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    kind: Kind,
    /// The owner's bits and those of others, without the type.
    mode: u32,
    /// In bytes; 0 of a directory.
    size: u64,
    /// Of a file's bytes, or a link's text.
    sha256: Option<Sha256>,
    /// The position of its distribution.
    owner: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Directory,
    File,
    Link,
}

impl Kind {
    const fn letter(self) -> char {
        match self {
            Self::Directory => 'd',
            Self::File => 'f',
            Self::Link => 'l',
        }
    }
}

impl Listing {
    /// Lists the output at `tree`. All processors read.
    ///
    /// # Errors
    /// Something of it cannot be read, or is neither file, link nor directory.
    pub fn of(tree: &Path, subject: Subject) -> Result<Self, Problem> {
        let read = || -> std::io::Result<Self> {
            let mut paths = Vec::new();
            walk(tree, Path::new(""), &mut paths)?;
            let owners = Owners::read(tree, &paths)?;
            let one = |path: &PathBuf| entry(tree, path, &owners);
            let entries = paths.par_iter().map(one).collect::<std::io::Result<_>>()?;
            Ok(Self { subject, distributions: owners.names, entries })
        };
        read()
            .map_err(|error| Problem::new(format!("cannot list `{}`", tree.display())).cause(error))
    }

    /// How many paths it has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The digest of all, as a hash tree: of a directory, that of the names in it with the digests
    /// of what they name. Two outputs with one root are the same, and so are two directories.
    pub fn root(&self) -> Sha256 {
        let mut below: BTreeMap<&str, Vec<(&str, Sha256)>> = BTreeMap::new();
        // The deepest come first: a path sorts before what is below it.
        for (path, entry) in self.entries.iter().rev() {
            let digest = match entry.kind {
                Kind::Directory => {
                    directory(entry, &below.remove(path.as_str()).unwrap_or_default())
                }
                _ => leaf(entry),
            };
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
            below.entry(parent).or_default().push((name, digest));
        }
        let top = below.remove("").unwrap_or_default();
        directory(
            &Entry { kind: Kind::Directory, mode: 0, size: 0, sha256: None, owner: None },
            &top,
        )
    }

    /// The listing as a file: lines of text, compressed.
    pub fn to_bytes(&self) -> Vec<u8> {
        text::compressed(self)
    }

    /// Reads a listing; `name` names it in messages.
    ///
    /// # Errors
    /// It is no listing, or was changed: its root is not that of its lines.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, Problem> {
        text::parse(name, bytes)
    }

    /// What differs between this and another listing, sorted by path.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        differences::differences(self, other)
    }

    fn owner(&self, entry: &Entry) -> Option<&str> {
        entry.owner.and_then(|owner| self.distributions.get(owner)).map(String::as_str)
    }
}

fn leaf(entry: &Entry) -> Sha256 {
    Fingerprint::new("leaf 1")
        .with("kind", entry.kind.letter().to_string())
        .with("mode", entry.mode.to_le_bytes())
        .with("sha256", entry.sha256.map(|it| *it.as_bytes()).unwrap_or_default())
        .finish()
}

fn directory(entry: &Entry, below: &[(&str, Sha256)]) -> Sha256 {
    let start = Fingerprint::new("directory 1").with("mode", entry.mode.to_le_bytes());
    let below = below.iter().rev();
    below
        .fold(start, |it, (name, digest)| it.with("name", name).with("is", digest.as_bytes()))
        .finish()
}

fn walk(tree: &Path, path: &Path, paths: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in sorted_entries(&tree.join(path))? {
        let path = path.join(entry.file_name());
        paths.push(path.clone());
        if entry.file_type()?.is_dir() {
            walk(tree, &path, paths)?;
        }
    }
    Ok(())
}

fn shown(path: &Path) -> String {
    shown_name(path.as_os_str().as_bytes())
}

fn entry(tree: &Path, path: &Path, owners: &Owners) -> std::io::Result<(String, Entry)> {
    let place = tree.join(path);
    let metadata = fs::symlink_metadata(&place)?;
    let (kind, sha256) = match metadata.file_type() {
        kind if kind.is_dir() => (Kind::Directory, None),
        kind if kind.is_file() => (Kind::File, Some(digest_of(&place)?.0)),
        kind if kind.is_symlink() => {
            (Kind::Link, Some(Sha256::of(fs::read_link(&place)?.as_os_str().as_bytes())))
        }
        _ => return Err(std::io::Error::other(format!("`{}` is no file", place.display()))),
    };
    let size = if kind == Kind::Directory { 0 } else { metadata.len() };
    // A link has no mode of its own (symlink(7)).
    let mode = if kind == Kind::Link { 0 } else { metadata.mode() & 0o7777 };
    let owner = owners.of.get(path).or_else(|| owners.of.get(&source_of(path)?)).copied();
    Ok((shown(path), Entry { kind, mode, size, sha256, owner }))
}

/// The module that bytecode is of (PEP 3147): `a/b.py` of `a/__pycache__/b.cpython-314.pyc`.
fn source_of(path: &Path) -> Option<PathBuf> {
    let cache = path.parent().filter(|it| it.ends_with("__pycache__"))?;
    let stem = path.file_name()?.to_str()?.split('.').next()?;
    Some(cache.parent()?.join(format!("{stem}.py")))
}

/// Which distribution has a path, as the `RECORD`s tell it.
struct Owners {
    names: Vec<String>,
    of: BTreeMap<PathBuf, usize>,
}

impl Owners {
    fn read(tree: &Path, paths: &[PathBuf]) -> std::io::Result<Self> {
        let is_record = |path: &&PathBuf| {
            path.file_name().is_some_and(|name| name == "RECORD")
                // `lib/python3.14/site-packages/a-1.dist-info/RECORD`: no vendored one.
                && path.components().count() == 5
                && path.parent().and_then(Path::extension).is_some_and(|it| it == "dist-info")
        };
        let records: Vec<&PathBuf> = paths.iter().filter(is_record).collect();
        let read = |path: &&PathBuf| -> std::io::Result<(String, Vec<PathBuf>)> {
            let directory = path.parent().unwrap_or(Path::new(""));
            let base = directory.parent().unwrap_or(Path::new(""));
            let stem = directory.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let bytes = fs::read(tree.join(path))?;
            // One that cannot be understood owns nothing.
            let record = Record::parse(&stem, &bytes).unwrap_or_default();
            let owned = record.lines().iter().map(|line| joined(base, &line.path)).collect();
            Ok((stem.replacen('-', " ", 1), owned))
        };
        let read = records.par_iter().map(read).collect::<std::io::Result<Vec<_>>>()?;
        let mut owners = Self { names: Vec::new(), of: BTreeMap::new() };
        for (name, owned) in read {
            let index = owners.names.len();
            owners.names.push(shown_name(name.as_bytes()));
            owners.of.extend(owned.into_iter().map(|path| (path, index)));
        }
        Ok(owners)
    }
}

/// A path of a `RECORD`, relative to the output: it can begin with `../../../`.
fn joined(base: &Path, path: &str) -> PathBuf {
    let mut found = base.to_owned();
    for component in Path::new(path).components() {
        match component {
            Component::ParentDir => drop(found.pop()),
            Component::Normal(name) => found.push(name),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests;
