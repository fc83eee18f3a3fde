//! Packages into one tree. Each is unpacked into a directory of its own, several at a time, and
//! then they are merged in the order of their names: so it never depends on which was faster what
//! two of them have, and no link of one leads another out of the root.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Component, Path, PathBuf};

use fs_err as fs;
use rayon::prelude::*;

use crate::lock::toolchain_lock::SystemPackage;
use base::sys::files::{digest_of, sorted_entries};
use base::sys::process::Process;
use base::sys::{Host, disk};
use base::vocabulary::Problem;

/// A package that is unpacked.
#[derive(Debug)]
pub(super) struct Unpacked<'a> {
    pub(super) package: &'a SystemPackage,
    /// Its files, and what is left of them after the merge.
    pub(super) tree: PathBuf,
    /// The paths that it has, as it has them, from `/`.
    pub(super) paths: Vec<String>,
}

/// The directory of a package's tree with its maintainer scripts and its description
/// (`dpkg-deb --raw-extract`).
pub(super) const CONTROL: &str = "DEBIAN";

/// Where a file goes that two packages have: the path in the root, and who has it, by position. The
/// first one's is in the root, the others' are still in their trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Collision {
    pub(super) path: PathBuf,
    /// The path in the tree of each.
    pub(super) owners: Vec<(usize, PathBuf)>,
}

/// Unpacks the archives below `into`.
pub(super) fn unpack<'a>(
    archives: &[(&'a SystemPackage, &PathBuf)],
    into: &Path,
    unpacker: &Path,
    host: &Host<'_>,
) -> Result<Vec<Unpacked<'a>>, Problem> {
    let one = |(package, archive): &(&'a SystemPackage, &PathBuf)| {
        let tree = into.join(&package.name);
        let step = package.to_string();
        host.progress.begin(&step);
        let result = Process::new(unpacker)
            .env("PATH", "/usr/bin:/bin")
            .arg("--raw-extract")
            .args([archive.as_path(), &tree])
            .stdout();
        host.progress.end(&step);
        result.map_err(|problem| {
            let printed = problem.to_string();
            disk::failed_program(problem, into, &printed)
        })?;
        Ok(Unpacked { package, tree, paths: Vec::new() })
    };
    archives.par_iter().map(one).collect()
}

/// The directories that a merged `/usr` has as links in the root.
pub(super) const MERGED: [&str; 4] = ["bin", "lib", "lib64", "sbin"];

/// Makes the links from `/bin` to `/usr/bin` and so on, which come first: some packages still have
/// files in `/lib`.
pub(super) fn merged_usr(root: &Path) -> std::io::Result<()> {
    for name in MERGED {
        fs::create_dir_all(root.join("usr").join(name))?;
        symlink(format!("usr/{name}"), root.join(name))?;
    }
    Ok(())
}

/// Moves the files of all packages into the root. Returns what two of them have, and every path
/// that is as a package has it.
pub(super) fn merge(
    root: &Path,
    packages: &mut [Unpacked<'_>],
) -> std::io::Result<(Vec<Collision>, BTreeSet<PathBuf>)> {
    let mut merging = Merging { root, owners: BTreeMap::new(), collisions: BTreeMap::new() };
    for (index, package) in packages.iter_mut().enumerate() {
        merging.directory(index, package, Path::new(""))?;
    }
    let Merging { collisions, owners, .. } = merging;
    Ok((collisions.into_values().collect(), owners.into_keys().collect()))
}

struct Merging<'a> {
    root: &'a Path,
    /// Which package has a path of the root, and where in its tree it was.
    owners: BTreeMap<PathBuf, (usize, PathBuf)>,
    collisions: BTreeMap<PathBuf, Collision>,
}

impl Merging<'_> {
    fn directory(
        &mut self,
        index: usize,
        package: &mut Unpacked<'_>,
        path: &Path,
    ) -> std::io::Result<()> {
        for entry in sorted_entries(&package.tree.join(path))? {
            if path == Path::new("") && entry.file_name() == CONTROL {
                continue;
            }
            let path = path.join(entry.file_name());
            package.paths.push(format!("/{}", path.display()));
            let to = inside(self.root, &path)?;
            let there = self.root.join(&to).symlink_metadata().ok();
            if entry.file_type()?.is_dir() {
                match there {
                    Some(there) if there.is_dir() => {}
                    Some(_) => return Err(in_the_way(&path)),
                    None => fs::create_dir(self.root.join(&to))?,
                }
                self.directory(index, package, &path)?;
            } else if there.is_none() {
                fs::rename(package.tree.join(&path), self.root.join(&to))?;
                self.owners.insert(to, (index, path));
            } else if !same(&package.tree.join(&path), &self.root.join(&to))? {
                let first = self.owners.get(&to).cloned().ok_or_else(|| in_the_way(&path))?;
                let new = || Collision { path: to.clone(), owners: vec![first] };
                let collision = self.collisions.entry(to.clone()).or_insert_with(new);
                collision.owners.push((index, path));
            }
        }
        Ok(())
    }
}

fn in_the_way(path: &Path) -> std::io::Error {
    std::io::Error::other(format!("something else is at `/{}` already", path.display()))
}

/// Where a path of a package is in the root: its directories can be links there. A link's target is
/// a path of the root, whether it is absolute or not, so that none leads out of it.
pub(super) fn inside(root: &Path, path: &Path) -> std::io::Result<PathBuf> {
    let mut links = 0;
    let mut found = PathBuf::new();
    let mut ahead: Vec<PathBuf> = components(path).rev().collect();
    while let Some(name) = ahead.pop() {
        if name.as_os_str() == ".." {
            found.pop();
            continue;
        }
        let next = found.join(&name);
        // The last component is the file itself, unless it is a directory's link.
        let metadata = root.join(&next).symlink_metadata();
        let is_link = metadata.is_ok_and(|it| it.is_symlink());
        if !is_link || ahead.is_empty() {
            found = next;
            continue;
        }
        links += 1;
        if links > 40 {
            return Err(std::io::Error::other(format!("`{}` is a circle", path.display())));
        }
        let target = fs::read_link(root.join(&next))?;
        if target.is_absolute() {
            found.clear();
        }
        ahead.extend(components(&target).rev());
    }
    Ok(found)
}

fn components(path: &Path) -> impl DoubleEndedIterator<Item = PathBuf> + '_ {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(PathBuf::from(name)),
        Component::ParentDir => Some(PathBuf::from("..")),
        _ => None,
    })
}

/// Whether two files are the same: kind, mode and content, or the text of a link.
fn same(a: &Path, b: &Path) -> std::io::Result<bool> {
    let [one, other] = [a.symlink_metadata()?, b.symlink_metadata()?];
    if one.is_symlink() && other.is_symlink() {
        return Ok(fs::read_link(a)? == fs::read_link(b)?);
    }
    let plain = one.is_file() && other.is_file();
    let alike = (one.mode(), one.len()) == (other.mode(), other.len());
    Ok(plain && alike && digest_of(a)?.0 == digest_of(b)?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_of_the_root_leads_to_a_path_of_the_root() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        fs::create_dir_all(root.join("usr/lib")).unwrap();
        fs::create_dir_all(root.join("run")).unwrap();
        fs::create_dir_all(root.join("var")).unwrap();
        for (link, target) in [
            ("lib", "usr/lib"),
            ("var/run", "/run"),
            ("up", "../../../etc"),
            ("a", "b"),
            ("b", "a"),
        ] {
            symlink(target, root.join(link)).unwrap();
        }
        for (path, expected) in [
            ("lib/x.so", "usr/lib/x.so"),
            ("var/run/x", "run/x"),
            ("up/passwd", "etc/passwd"),
            ("lib", "lib"),
            ("new/x", "new/x"),
        ] {
            assert_eq!(inside(root, Path::new(path)).unwrap(), Path::new(expected), "{path}");
        }
        assert!(inside(root, Path::new("a/x")).is_err());
    }
}
