//! Parses the file names of wheels (PEP 427) and source distributions (PEP 625).

use std::str::FromStr;

use pep440_rs::Version;

use super::{PackageName, TagRank, Tags};

/// A file name that is not a wheel's, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not the file name of a wheel: {because}")]
pub struct InvalidFilename {
    name: String,
    because: String,
}

/// The parts of a wheel's file name: `name-version(-build)?-python-abi-platform.whl`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelFilename {
    /// The distribution.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    build: Option<BuildTag>,
    /// Each may be several tags, of which one must fit (PEP 425, "Compressed Tag Sets").
    python: Vec<String>,
    abi: Vec<String>,
    platform: Vec<String>,
}

/// A build tag: a number, then any text. The higher one is the newer build of one version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BuildTag(u64, Option<String>);

impl WheelFilename {
    /// The build tag, if there is one.
    pub fn build_tag(&self) -> Option<&BuildTag> {
        self.build.as_ref()
    }

    /// How well the wheel fits; `None` if it does not.
    pub fn rank(&self, tags: &Tags) -> Option<TagRank> {
        let pairs =
            self.python.iter().flat_map(|python| self.abi.iter().map(move |abi| (python, abi)));
        let triples = pairs.flat_map(|(python, abi)| {
            self.platform.iter().filter_map(move |platform| tags.rank(python, abi, platform))
        });
        triples.max()
    }
}

impl FromStr for WheelFilename {
    type Err = InvalidFilename;

    fn from_str(text: &str) -> Result<Self, InvalidFilename> {
        parse(text).map_err(|because| InvalidFilename { name: text.to_owned(), because })
    }
}

fn parse(text: &str) -> Result<WheelFilename, String> {
    let stem = text.strip_suffix(".whl").ok_or("it must end in `.whl`")?;
    let parts: Vec<&str> = stem.split('-').collect();
    let (name, version, build, tags) = match parts[..] {
        [name, version, python, abi, platform] => (name, version, None, [python, abi, platform]),
        [name, version, build, python, abi, platform] => {
            (name, version, Some(build), [python, abi, platform])
        }
        _ => return Err(format!("it must have 5 or 6 parts, and has {}", parts.len())),
    };
    let [python, abi, platform] = tags.map(tag_set);
    Ok(WheelFilename {
        name: name.parse().map_err(|error| format!("{error}"))?,
        version: version.parse().map_err(|error| format!("{error}"))?,
        build: build.map(build_tag).transpose()?,
        python: python?,
        abi: abi?,
        platform: platform?,
    })
}

fn tag_set(text: &str) -> Result<Vec<String>, String> {
    let fits = |tag: &str| {
        !tag.is_empty() && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    // uv takes one full stop more at the end.
    let tags = text.strip_suffix('.').unwrap_or(text).split('.').map(|tag| {
        if fits(tag) { Ok(tag.to_owned()) } else { Err(format!("`{text}` is not a tag")) }
    });
    tags.collect()
}

fn build_tag(text: &str) -> Result<BuildTag, String> {
    let wrong =
        || format!("the build tag `{text}` must be a number, then letters, digits, `_` and `.`");
    let end = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    if !rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')) {
        return Err(wrong());
    }
    let number = number.parse().map_err(|_| wrong())?;
    Ok(BuildTag(number, (!rest.is_empty()).then(|| rest.to_owned())))
}

const SDIST_ENDS: [&str; 12] = [
    ".tar.gz",
    ".tar.bz2",
    ".tar.xz",
    ".tar.lz",
    ".tar.lzma",
    ".tar.zst",
    ".zip",
    ".tar",
    ".tgz",
    ".tbz",
    ".txz",
    ".tlz",
];

/// The name and version in the file name of a wheel or source distribution, if it is one. In the
/// latter the last `-` is before the version, as in all normalised names.
pub fn distribution_of(filename: &str) -> Option<(PackageName, Version)> {
    if let Ok(wheel) = filename.parse::<WheelFilename>() {
        return Some((wheel.name, wheel.version));
    }
    let stem = SDIST_ENDS.iter().find_map(|end| filename.strip_suffix(end))?;
    let (name, version) = stem.rsplit_once('-')?;
    Some((name.parse().ok()?, version.parse().ok()?))
}
