//! Finds the distribution of a file in the `RECORD`s of both trees.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use base::dist_info::{Record, RecordLine};
use base::vocabulary::Problem;
use fs_err as fs;

use super::finding::Owner;
use crate::compare::{Comparison, Side};

/// The distributions of both trees, and which of them own the files that differ.
#[derive(Debug, Default)]
pub(super) struct Owners {
    /// By path of the `.dist-info` directory.
    distributions: BTreeMap<PathBuf, Owner>,
    /// For each path that differs: its `.dist-info` directory, and its line on each side.
    lines: BTreeMap<PathBuf, BTreeMap<PathBuf, [Option<RecordLine>; 2]>>,
    /// How many bytes each distribution has in A, by its name.
    pub(super) sizes: BTreeMap<String, u64>,
    /// How distributions came to be, by normalised name.
    kinds: BTreeMap<String, String>,
}

/// A `.dist-info` directory, and its line of one path on each side.
pub(super) type Lines<'o> = (&'o Path, &'o [Option<RecordLine>; 2]);

impl Owners {
    /// Reads all `RECORD`s. One that cannot be understood owns nothing: it may be what differs.
    pub(super) fn read(
        comparison: &Comparison,
        kinds: &BTreeMap<String, String>,
    ) -> Result<Self, Problem> {
        let differing: BTreeSet<&Path> =
            comparison.differences.iter().map(|difference| difference.path.as_path()).collect();
        let mut owners = Self { kinds: kinds.clone(), ..Self::default() };
        for directory in &comparison.dist_infos {
            let Some(owner) = Owner::of(directory) else { continue };
            if is_vendored(directory, &comparison.dist_infos) {
                continue;
            }
            for side in Side::BOTH {
                let path = directory.join("RECORD");
                // One text tells of both sides.
                let same = !differing.contains(path.as_path());
                if side == Side::B && same {
                    continue;
                }
                let Some(bytes) = bytes_of(&comparison.locate(side, &path))? else { continue };
                if side == Side::A {
                    let total = owners.sizes.entry(owner.name.clone()).or_default();
                    *total = total.saturating_add(size(&bytes));
                }
                // What owns nothing that differs is not looked into.
                if comparison.equal() {
                    continue;
                }
                let Ok(record) = Record::parse(directory.display(), &bytes) else { continue };
                let sides = if same { &Side::BOTH[..] } else { &[side][..] };
                for line in record.lines() {
                    owners.line(directory, sides, line, &differing);
                }
            }
            owners.distributions.insert(directory.clone(), owner);
        }
        Ok(owners)
    }

    fn line(
        &mut self,
        directory: &Path,
        sides: &[Side],
        line: &RecordLine,
        differing: &BTreeSet<&Path>,
    ) {
        if let Some(path) = recorded(directory, &line.path)
            && differing.contains(path.as_path())
        {
            let lines = self.lines.entry(path).or_default();
            let lines = lines.entry(directory.to_owned()).or_default();
            for side in sides {
                lines[*side as usize] = Some(line.clone());
            }
        }
    }

    /// Whose file it is; more than one if distributions collide.
    pub(super) fn of(&self, path: &Path) -> Vec<Owner> {
        let owners: Vec<Owner> = match self.lines.get(path) {
            Some(lines) => {
                lines.keys().filter_map(|it| self.distributions.get(it)).cloned().collect()
            }
            None => Owner::of_archive(path).into_iter().collect(),
        };
        let attributed = owners.into_iter().map(|owner| Owner {
            built_from: self.kinds.get(&normalised(&owner.name)).cloned(),
            ..owner
        });
        attributed.collect()
    }

    /// The distributions of which files or archives differ, by normalised name.
    pub(super) fn differing(&self, paths: &BTreeSet<&Path>) -> BTreeSet<String> {
        let owners = paths.iter().flat_map(|path| self.of(path));
        owners.map(|owner| normalised(&owner.name)).collect()
    }

    /// The `.dist-info` directories whose `RECORD`s have a path, each with its line on each side.
    pub(super) fn lines(&self, path: &Path) -> impl Iterator<Item = Lines<'_>> {
        let lines = self.lines.get(path).into_iter().flatten();
        lines.map(|(directory, lines)| (directory.as_path(), lines))
    }
}

impl Owner {
    /// Its name as manifests have it.
    pub fn normalised(&self) -> String {
        normalised(&self.name)
    }

    /// Of a `.dist-info` directory: `<name>-<version>.dist-info`.
    pub(super) fn of(directory: &Path) -> Option<Self> {
        let stem = directory.file_name()?.to_str()?.strip_suffix(".dist-info")?;
        let (name, version) = stem.split_once('-')?;
        Some(Self { name: name.to_owned(), version: version.to_owned(), built_from: None })
    }

    /// Of a wheel's or sdist's file name: PEP 427, PEP 625.
    fn of_archive(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let (name, version) = if let Some(stem) = name.strip_suffix(".whl") {
            let (name, rest) = stem.split_once('-')?;
            (name, rest.split('-').next()?)
        } else {
            name.strip_suffix(".tar.gz").or(name.strip_suffix(".zip"))?.rsplit_once('-')?
        };
        Some(Self { name: name.to_owned(), version: version.to_owned(), built_from: None })
    }
}

/// The name as PEP 503 compares it.
pub fn normalised(name: &str) -> String {
    name.split(['-', '_', '.'])
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("-")
        .to_lowercase()
}

/// Whether a `.dist-info` directory is inside a package of another distribution: a distribution
/// that vendors others, as setuptools does, has them in a package of its own.
fn is_vendored(directory: &Path, all: &[PathBuf]) -> bool {
    let Some(place) = directory.parent() else { return false };
    let mut places = all.iter().filter_map(|other| other.parent());
    places.any(|other| other != place && place.starts_with(other))
}

fn bytes_of(record: &Path) -> Result<Option<Vec<u8>>, Problem> {
    match fs::read(record) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Problem::new("cannot tell whose the files are").cause(error)),
    }
}

/// The sum of the sizes in a `RECORD`. A size follows the last comma, whatever the path before it;
/// lines without a size count as 0.
fn size(record: &[u8]) -> u64 {
    let lines = record.split(|byte| *byte == b'\n');
    let sizes = lines.map(|line| {
        let size = line.trim_ascii_end().rsplit(|byte| *byte == b',').next()?;
        std::str::from_utf8(size).ok()?.parse::<u64>().ok()
    });
    sizes.flatten().fold(0, u64::saturating_add)
}

/// The path that a line of the `RECORD` in `directory` means: it is relative to the directory above
/// that, and may lead out of it, but not out of the tree.
pub(super) fn recorded(directory: &Path, line: &str) -> Option<PathBuf> {
    let mut path = directory.parent()?.to_owned();
    for component in Path::new(line).components() {
        match component {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::ParentDir => path = path.parent()?.to_owned(),
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}
