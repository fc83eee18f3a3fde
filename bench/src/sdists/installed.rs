//! Two directories that uv installed into, compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use base::sys::files::sorted_entries;
use fs_err as fs;
use object::read::elf::FileHeader as _;
use object::{Object as _, ObjectSection as _, SectionFlags};

/// What is installed of a source distribution by both.
#[derive(Debug)]
pub(crate) struct Compared {
    pub(crate) files: usize,
    pub(crate) differences: Vec<Difference>,
}

/// A path, and how it differs.
#[derive(Debug)]
pub(crate) struct Difference {
    pub(crate) path: String,
    how: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.path, self.how)
    }
}

/// What the installer writes, which knows whence and when.
const OF_INSTALLER: [&str; 6] =
    ["RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json"];

/// Compares two directories.
pub(crate) fn compare(ours: &Path, theirs: &Path) -> anyhow::Result<Compared> {
    let (ours, theirs) = (files(ours)?, files(theirs)?);
    let paths: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let mut compared = Compared { files: paths.len(), differences: Vec::new() };
    for path in paths {
        let how = match (ours.get(path), theirs.get(path)) {
            (Some(_), None) => Some("only we install".to_owned()),
            (None, _) => Some("only uv installs".to_owned()),
            (Some(ours), Some(theirs)) => differ(&fs::read(ours)?, &fs::read(theirs)?),
        };
        compared.differences.extend(how.map(|how| Difference { path: path.clone(), how }));
    }
    Ok(compared)
}

fn files(dir: &Path) -> std::io::Result<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::new();
    collect(dir, "", &mut found)?;
    found.retain(|path, _| {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        !(directory.ends_with(".dist-info") && OF_INSTALLER.contains(&name)) && path != ".lock"
    });
    Ok(found)
}

fn collect(dir: &Path, below: &str, found: &mut BTreeMap<String, PathBuf>) -> std::io::Result<()> {
    for entry in sorted_entries(dir)? {
        let path = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{path}/"), found)?;
        } else {
            found.insert(path, entry.path());
        }
    }
    Ok(())
}

fn differ(ours: &[u8], theirs: &[u8]) -> Option<String> {
    if ours == theirs {
        return None;
    }
    let (Some(ours), Some(theirs)) = (loaded(ours), loaded(theirs)) else {
        return Some("has other bytes".to_owned());
    };
    let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let other: Vec<&str> = names
        .into_iter()
        .filter(|name| ours.get(*name) != theirs.get(*name))
        .map(String::as_str)
        .collect();
    (!other.is_empty()).then(|| format!("has other sections {}", other.join(", ")))
}

/// The sections of an ELF file that a program loads, but for the digest of the whole file.
fn loaded(bytes: &[u8]) -> Option<BTreeMap<String, Vec<u8>>> {
    object::elf::FileHeader64::<object::Endianness>::parse(bytes).ok()?;
    let file = object::File::parse(bytes).ok()?;
    let mut found = BTreeMap::new();
    for section in file.sections() {
        let SectionFlags::Elf { sh_flags, .. } = section.flags() else { continue };
        let name = section.name().ok()?.to_owned();
        let is_loaded = (sh_flags & object::elf::SHF_ALLOC).0 != 0;
        if is_loaded && name != ".note.gnu.build-id" {
            found.insert(name, section.uncompressed_data().ok()?.into_owned());
        }
    }
    Some(found)
}
