//! Reads a wheel without unpacking it: its distribution, its metadata, and the path in a venv of
//! each member. It installs nothing; uv does. A wheel is hostile input: members that would be
//! written outside the venv, or that can be read in two ways, are rejected. Source: “Binary
//! distribution format” of the Python packaging specifications.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use fs_err as fs;
use zip::ZipArchive;

use self::places::{Schemes, installed_files};
use base::dist_info::{EntryPoints, Metadata, Record, RecordLine, Script};
use base::packaging::{PackageName, Version, WheelFilename};
use base::vocabulary::limits::{
    ENTRY_POINTS_BYTES, Limit, METADATA_BYTES, METADATA_REQUIRES, RECORD_BYTES, WHEEL_FILE_BYTES,
    WHEEL_MEMBER_BYTES, WHEEL_MEMBERS, WHEEL_UNPACKED_BYTES,
};
use base::vocabulary::paths::normalised;
use base::vocabulary::{Markers, Problem, RequirementError, Sha256, shortened};

mod places;
mod record;
mod without;

pub use places::below_lib;

/// A wheel that has been read.
#[derive(Debug, Clone)]
pub struct WheelArchive {
    /// The file.
    pub path: PathBuf,
    /// The distribution, from the file name; the `.dist-info` and `METADATA` say the same.
    pub name: PackageName,
    /// Its version, likewise.
    pub version: Version,
    /// The name of the `.dist-info` directory.
    pub dist_info: String,
    /// `Root-Is-Purelib` of `WHEEL`; both kinds go to one directory in a venv.
    pub root_is_purelib: bool,
    /// `METADATA`.
    pub metadata: Metadata,
    /// `entry_points.txt`.
    pub entry_points: EntryPoints,
    /// The sizes of all members together, as the archive states them, in bytes.
    pub unpacked_bytes: u64,
    /// `RECORD`, as the builder of the wheel wrote it.
    pub record: Record,
    /// What is installed, by path relative to the venv's root.
    pub files: BTreeMap<String, WheelFile>,
}

/// A file that installing a wheel makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelFile {
    /// Where its bytes come from.
    pub content: Content,
    /// Whether it may be run.
    pub executable: bool,
}

/// Where the bytes of an installed file come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A member of the archive, as it is.
    Member(String),
    /// A member whose first line, `#!python`, the installer replaces.
    ScriptMember(String),
    /// A launcher that the installer writes for an entry point.
    Launcher(Script),
}

type Zip = ZipArchive<std::io::BufReader<fs::File>>;

impl WheelArchive {
    /// Reads the wheel at `path`; `site_packages` is the venv's directory of modules relative to
    /// its root. Names that do not agree, members that leave the venv, links, duplicates and
    /// unknown `.data` schemes are errors.
    pub fn open(path: &Path, site_packages: &str) -> Result<Self, Problem> {
        let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let problem = |because: &dyn fmt::Display| unreadable(&file_name, because);
        let named = WheelFilename::from_str(&file_name).map_err(|error| problem(&error))?;
        let mut zip = open_zip(path, &file_name)?;
        let Members { executable: members, bytes: unpacked_bytes } =
            members(&mut zip).map_err(|because| problem(&because))?;
        // A small archive can unpack to what fills every disk.
        WHEEL_UNPACKED_BYTES.check(unpacked_bytes).map_err(|error| {
            problem(&error)
                .fact("expected", format!("at most {} bytes", WHEEL_UNPACKED_BYTES.max))
                .fact("received", format!("{unpacked_bytes} bytes"))
        })?;
        let dist_info = dist_info_directory(&named, members.keys()).map_err(|b| problem(&b))?;
        let mut text = |name: &str, limit| -> Result<Option<Vec<u8>>, Problem> {
            let member = format!("{dist_info}/{name}");
            if !members.contains_key(&member) {
                return Ok(None);
            }
            read_member(&mut zip, &member, limit).map(Some).map_err(|because| problem(&because))
        };
        let mut required = |name: &str, limit| {
            text(name, limit)?.ok_or_else(|| problem(&format!("it has no `{dist_info}/{name}`")))
        };
        let metadata = Metadata::parse(&required("METADATA", &METADATA_BYTES)?);
        METADATA_REQUIRES.check(metadata.requires.len()).map_err(|error| problem(&error))?;
        // uv reads them when it installs and checks; of old wheels, not all are valid.
        let mut markers = Markers::default();
        for text in &metadata.requires {
            if let Err(error @ RequirementError::Exceeded(_)) = markers.requirement(text) {
                return Err(problem(&error).fact("`Requires-Dist`", shortened(text)));
            }
        }
        let record = Record::parse(&file_name, &required("RECORD", &RECORD_BYTES)?)?;
        let wheel = required("WHEEL", &WHEEL_FILE_BYTES)?;
        let entry_points = match text("entry_points.txt", &ENTRY_POINTS_BYTES)? {
            Some(bytes) => EntryPoints::parse(&file_name, &bytes)?,
            None => EntryPoints::default(),
        };
        let same_name = PackageName::from_str(&metadata.name).is_ok_and(|name| name == named.name);
        let same_version = Version::from_str(&metadata.version).is_ok_and(|v| v == named.version);
        if !same_name || !same_version {
            return Err(problem(&"its `METADATA` is of another distribution")
                .fact("expected", format!("{} {}", named.name, named.version))
                .fact("received", format!("{} {}", metadata.name, metadata.version)));
        }
        let schemes = Schemes::of(&named, &dist_info, site_packages);
        let files = installed_files(&mut zip, &members, &schemes, &entry_points)
            .map_err(|because| problem(&because))?;
        Ok(Self {
            path: path.to_owned(),
            name: named.name,
            version: named.version,
            root_is_purelib: String::from_utf8_lossy(&wheel)
                .lines()
                .any(|line| line.trim().eq_ignore_ascii_case("root-is-purelib: true")),
            dist_info,
            metadata,
            entry_points,
            unpacked_bytes,
            record,
            files,
        })
    }

    /// The bytes of a member. Its checksum must hold, and its digest be the one in `RECORD` if that
    /// has one.
    pub fn member(&self, name: &str) -> Result<Vec<u8>, Problem> {
        let mut zip = open_zip(&self.path, &self.file_name())?;
        self.verified_member(&mut zip, name)
    }

    /// Gives `read` every member that is a file, by name in order, verified as [`Self::member`]
    /// does.
    pub fn each_member(&self, read: &mut dyn FnMut(&str, &[u8])) -> Result<(), Problem> {
        let mut zip = open_zip(&self.path, &self.file_name())?;
        let mut names: Vec<&str> = self.members().collect();
        names.sort_unstable();
        for name in names {
            read(name, &self.verified_member(&mut zip, name)?);
        }
        Ok(())
    }

    /// The bytes that `file` has after installation; of scripts, those below the first lines, which
    /// depend on the venv.
    pub fn body(&self, file: &WheelFile) -> Result<Vec<u8>, Problem> {
        match &file.content {
            Content::Member(name) => self.member(name),
            Content::ScriptMember(name) => {
                let bytes = self.member(name)?;
                let first = bytes.iter().position(|byte| *byte == b'\n');
                Ok(first.map_or(Vec::new(), |end| bytes[end + 1..].to_vec()))
            }
            Content::Launcher(script) => Ok(launcher(script).into_bytes()),
        }
    }

    fn verified_member(&self, zip: &mut Zip, name: &str) -> Result<Vec<u8>, Problem> {
        let bytes = read_member(zip, name, &WHEEL_MEMBER_BYTES)
            .map_err(|error| unreadable(&self.file_name(), &error))?;
        let declared = self.record.line(name).and_then(RecordLine::sha256);
        let received = Sha256::of(&bytes);
        match declared {
            Some(declared) if declared != received => {
                Err(unreadable(&self.file_name(), &format!("`{name}` is not what `RECORD` says"))
                    .fact("expected", format!("sha256:{declared}"))
                    .fact("received", format!("sha256:{received} ({} bytes)", bytes.len())))
            }
            _ => Ok(bytes),
        }
    }

    /// The names of the members that are files.
    fn members(&self) -> impl Iterator<Item = &str> {
        self.files.values().filter_map(|file| match &file.content {
            Content::Member(name) | Content::ScriptMember(name) => Some(name.as_str()),
            Content::Launcher(_) => None,
        })
    }

    fn file_name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// What uv 0.13 writes for an entry point below the first lines; `collisions` compares it with what
/// uv has really written before it relies on it.
fn launcher(script: &Script) -> String {
    let Script { module, function, .. } = script;
    let import = function.split('.').next().unwrap_or(function);
    format!(
        "# -*- coding: utf-8 -*-\nimport sys\nfrom {module} import {import}\nif __name__ == \
         \"__main__\":\n    if sys.argv[0].endswith(\"-script.pyw\"):\n        sys.argv[0] = \
         sys.argv[0][:-11]\n    elif sys.argv[0].endswith(\".exe\"):\n        sys.argv[0] = \
         sys.argv[0][:-4]\n    sys.exit({function}())\n"
    )
}

fn unreadable(file_name: &str, because: &dyn fmt::Display) -> Problem {
    Problem::new(format!("cannot read the wheel `{file_name}`")).fact("because", because)
}

fn open_zip(path: &Path, file_name: &str) -> Result<Zip, Problem> {
    let problem = |error: &dyn fmt::Display| unreadable(file_name, error);
    let file = fs::File::open(path).map_err(|error| problem(&error))?;
    let zip = ZipArchive::new(std::io::BufReader::new(file)).map_err(|error| problem(&error))?;
    if zip.has_duplicate_names() {
        // Which of the two counts depends on the reader.
        return Err(problem(&"it has two members of one name"));
    }
    WHEEL_MEMBERS.check(zip.len()).map_err(|error| problem(&error))?;
    Ok(zip)
}

/// The regular members.
#[derive(Default)]
struct Members {
    /// Name, and whether it is executable.
    executable: BTreeMap<String, bool>,
    /// The sizes of all together, as the archive states them.
    bytes: u64,
}

fn members(zip: &mut Zip) -> Result<Members, String> {
    let mut members = Members::default();
    for index in 0..zip.len() {
        let member = zip.by_index_raw(index).map_err(|error| error.to_string())?;
        let name = member.name().map_err(|error| error.to_string())?.into_owned();
        let plain = name.strip_suffix('/').unwrap_or(&name);
        if plain.is_empty() || plain.contains('\\') || normalised(plain).as_deref() != Some(plain) {
            return Err(format!(
                "its member `{}` is not a plain relative path",
                name.escape_debug()
            ));
        }
        let kind = member.unix_mode().unwrap_or(0) & 0o170_000;
        if member.is_symlink() || !matches!(kind, 0 | 0o100_000 | 0o040_000) {
            return Err(format!("its member `{name}` is neither a file nor a directory"));
        }
        if !name.ends_with('/') {
            members.bytes = members.bytes.saturating_add(member.size());
            members.executable.insert(name, member.unix_mode().unwrap_or(0) & 0o111 != 0);
        }
    }
    Ok(members)
}

fn read_member(zip: &mut Zip, name: &str, limit: &'static Limit) -> Result<Vec<u8>, String> {
    let problem = |error: &dyn fmt::Display| format!("its member `{name}` cannot be read: {error}");
    let member = zip.by_name(name).map_err(|error| problem(&error))?;
    limit.read(member).map_err(|error| problem(&error))
}

fn dist_info_directory<'a>(
    named: &WheelFilename,
    members: impl Iterator<Item = &'a String>,
) -> Result<String, String> {
    let mut directories: Vec<&str> = members
        .filter_map(|member| member.split_once('/'))
        .map(|(top, _)| top)
        .filter(|top| top.ends_with(".dist-info"))
        .collect();
    directories.dedup();
    let [directory] = directories[..] else {
        return Err(format!(
            "it has {} `.dist-info` directories instead of one",
            directories.len()
        ));
    };
    let (name, version) = directory
        .strip_suffix(".dist-info")
        .and_then(|stem| stem.rsplit_once('-'))
        .unwrap_or_default();
    let same_name = PackageName::from_str(name).is_ok_and(|name| name == named.name);
    let same_version = Version::from_str(version).is_ok_and(|version| version == named.version);
    if same_name && same_version {
        Ok(directory.to_owned())
    } else {
        Err(format!("its `{directory}` is of another distribution than its name"))
    }
}
