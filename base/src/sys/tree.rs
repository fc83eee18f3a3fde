//! Writes a tree from members with foreign names: archives and git trees. It never writes outside
//! the tree, and the result does not depend on the machine: modes are 0644 or 0755, times are
//! constant.
//!
//! Links are made last, after all directories and files. So no link exists while files are written,
//! and no write can go through one. The targets of all links are computed from the members alone,
//! before the first link is made.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use fs_err as fs;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps};

use super::files;

/// The time of everything that is unpacked, built and installed: 1980-01-01, the earliest that zip
/// archives can hold, so that whoever packs an output gets one archive. The sandbox's
/// `SOURCE_DATE_EPOCH` is this too.
pub const SOURCE_DATE_EPOCH: i64 = 315_532_800;

/// How large a tree may become. Generous: they only stop what was made to fill a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// All files together.
    pub bytes: u64,
    /// Files, directories and links together.
    pub members: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 8 << 30, members: 500_000 }
    }
}

/// A member that must not become part of a tree, or could not.
#[derive(Debug, thiserror::Error)]
pub enum MemberError {
    /// Empty, absolute, or with `..` or NUL in it.
    #[error("`{0}` is not a name inside the tree")]
    Name(String),
    /// Two members of one name that are not of one kind.
    #[error("`{0}` is there twice, as {1} and as {2}")]
    Clash(String, Kind, Kind),
    /// A symbolic link out of the tree.
    #[error("the link `{link}` leads out of the tree, to `{target}`")]
    Escape {
        /// The link's name.
        link: String,
        /// What it points to.
        target: String,
    },
    /// A hard link to something that is not an earlier file of the tree.
    #[error("the hard link `{link}` is to `{target}`, which is not an earlier file of the tree")]
    HardLink {
        /// The link's name.
        link: String,
        /// What it points to.
        target: String,
    },
    /// A device, a pipe, or something unknown.
    #[error("`{0}` is {1}, which no source tree needs")]
    Special(String, &'static str),
    /// Something else at the top than one directory.
    #[error("there is no single directory at the top, but {0}")]
    NoTop(String),
    /// More than [`Limits::bytes`].
    #[error("the files of the tree have more than {0} bytes")]
    TooLarge(u64),
    /// More than [`Limits::members`].
    #[error("the tree has more than {0} members")]
    TooMany(usize),
    /// Reading the member or writing it failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link.
    Link,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Directory => "a directory",
            Self::File => "a file",
            Self::Link => "a link",
        })
    }
}

/// A tree that is being grown in an empty directory.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    limits: Limits,
    bytes: u64,
    members: BTreeMap<PathBuf, Kind>,
    links: BTreeMap<PathBuf, PathBuf>,
}

impl Tree {
    /// Starts in `root`, which is made if it is not there, and must be empty: a link in it could
    /// lead elsewhere.
    pub fn new(root: &Path, limits: Limits) -> Result<Self, MemberError> {
        fs::create_dir_all(root)?;
        if !files::sorted_entries(root)?.is_empty() {
            let message = format!("`{}` is not empty", root.display());
            return Err(io::Error::new(io::ErrorKind::DirectoryNotEmpty, message).into());
        }
        fs::set_permissions(root, std::fs::Permissions::from_mode(0o755))?;
        Ok(Self {
            root: root.to_owned(),
            limits,
            bytes: 0,
            members: BTreeMap::new(),
            links: BTreeMap::new(),
        })
    }

    /// Adds a directory; one that is there already stays as it is.
    pub fn directory(&mut self, name: &[u8]) -> Result<(), MemberError> {
        let path = plain_path(name)?;
        self.make_directories(&path)
    }

    /// Adds a file with all that `content` gives. A later file of the same name replaces it, as
    /// `tar --append` relies on.
    pub fn file(
        &mut self,
        name: &[u8],
        executable: bool,
        content: &mut dyn Read,
    ) -> Result<(), MemberError> {
        let path = self.place(name, Kind::File)?;
        let full = self.root.join(path);
        let mode = if executable { 0o755 } else { 0o644 };
        let mut file = std::fs::File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(&full)?;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            self.bytes += read as u64;
            if self.bytes > self.limits.bytes {
                return Err(MemberError::TooLarge(self.limits.bytes));
            }
            file.write_all(&buffer[..read])?;
        }
        // The umask has had its say when the file was made.
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
        rustix::fs::futimens(&file, &constant_times()).map_err(io::Error::from)?;
        Ok(())
    }

    /// Adds a symbolic link, to be made by [`Tree::finish`].
    pub fn link(&mut self, name: &[u8], target: &[u8]) -> Result<(), MemberError> {
        let path = self.place(name, Kind::Link)?;
        if target.is_empty() || target.contains(&0) {
            return Err(MemberError::Name(shown(target)));
        }
        self.links.insert(path, path_of(target));
        Ok(())
    }

    /// Adds a hard link as a copy: the tree's files do not share their content, so that changing
    /// one never changes another.
    pub fn hard_link(&mut self, name: &[u8], target: &[u8]) -> Result<(), MemberError> {
        let error = || MemberError::HardLink { link: shown(name), target: shown(target) };
        let from = plain_path(target).map_err(|_| error())?;
        if self.members.get(&from) != Some(&Kind::File) || plain_path(name)? == from {
            return Err(error());
        }
        let mut file = std::fs::File::open(self.root.join(from))?;
        let executable = file.metadata()?.permissions().mode() & 0o100 != 0;
        self.file(name, executable, &mut file)
    }

    /// Makes the links, if none leads out of the tree, and sets the times of directories.
    pub fn finish(self) -> Result<(), MemberError> {
        self.finish_below(Path::new(""))
    }

    /// As [`Tree::finish`], for a tree of which only the single directory at its top is used: no
    /// link may lead out of that one. Returns the directory.
    pub fn finish_top(self) -> Result<PathBuf, MemberError> {
        let at_top = self.members.iter().filter(|(path, _)| path.components().count() == 1);
        let at_top: Vec<(&PathBuf, &Kind)> = at_top.collect();
        let [(top, Kind::Directory)] = at_top[..] else {
            let names = at_top.iter().take(5).map(|(path, _)| format!("`{}`", path.display()));
            let names = names.collect::<Vec<_>>().join(", ");
            return Err(MemberError::NoTop(if names.is_empty() {
                "nothing".into()
            } else {
                names
            }));
        };
        let top = top.clone();
        let directory = self.root.join(&top);
        self.finish_below(&top).map(|()| directory)
    }

    /// All links are below `top`, and none may lead out of it.
    fn finish_below(self, top: &Path) -> Result<(), MemberError> {
        let below = |link: &Path| link.strip_prefix(top).unwrap_or(link).to_owned();
        let links = self.links.iter().map(|(link, target)| (below(link), target.clone()));
        let links: BTreeMap<PathBuf, PathBuf> = links.collect();
        for (link, target) in &self.links {
            if !stays_inside(&links, &below(link), target) {
                return Err(MemberError::Escape {
                    link: link.display().to_string(),
                    target: target.display().to_string(),
                });
            }
        }
        for (link, target) in &self.links {
            fs::os::unix::fs::symlink(target, self.root.join(link))?;
        }
        let timed = self.members.iter().filter(|(_, kind)| **kind != Kind::File);
        // Children come after their parents in the map, and making one changes its parent's time.
        for (path, _) in timed.rev() {
            set_times(&self.root.join(path))?;
        }
        set_times(&self.root)
    }

    fn place(&mut self, name: &[u8], kind: Kind) -> Result<PathBuf, MemberError> {
        let path = plain_path(name)?;
        if path.as_os_str().is_empty() {
            return Err(MemberError::Name(shown(name)));
        }
        self.make_directories(path.parent().unwrap_or(Path::new("")))?;
        self.claim(&path, kind)?;
        Ok(path)
    }

    fn make_directories(&mut self, path: &Path) -> Result<(), MemberError> {
        let mut ancestor = PathBuf::new();
        for component in path.components() {
            ancestor.push(component);
            if self.claim(&ancestor, Kind::Directory)? {
                let full = self.root.join(&ancestor);
                fs::create_dir(&full)?;
                fs::set_permissions(&full, std::fs::Permissions::from_mode(0o755))?;
            }
        }
        Ok(())
    }

    /// Notes a member; says whether it is new.
    fn claim(&mut self, path: &Path, kind: Kind) -> Result<bool, MemberError> {
        match self.members.get(path) {
            Some(known) if *known == kind => Ok(false),
            Some(known) => {
                let path = path.display().to_string();
                Err(MemberError::Clash(path, *known, kind))
            }
            None if self.members.len() >= self.limits.members => {
                Err(MemberError::TooMany(self.limits.members))
            }
            None => {
                self.members.insert(path.to_owned(), kind);
                Ok(true)
            }
        }
    }
}

/// A member's name as a path: `./` and doubled slashes are dropped; `..`, a leading `/` and NUL are
/// errors. The empty path is the tree itself.
fn plain_path(name: &[u8]) -> Result<PathBuf, MemberError> {
    if name.is_empty() || name.starts_with(b"/") || name.contains(&0) {
        return Err(MemberError::Name(shown(name)));
    }
    let mut path = PathBuf::new();
    for part in name.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => return Err(MemberError::Name(shown(name))),
            part => path.push(OsStr::from_bytes(part)),
        }
    }
    Ok(path)
}

/// More links than this on the way are a circle; Linux gives up after as many.
const HOPS_MAX: usize = 40;

/// Whether following `target` from the location of `link` stays in the tree, including through
/// other links. The target need not exist.
fn stays_inside(links: &BTreeMap<PathBuf, PathBuf>, link: &Path, target: &Path) -> bool {
    let from = link.parent().unwrap_or(Path::new(""));
    follow(from, target, |step| links.get(step).cloned()).is_some()
}

/// Resolves `path` from the directory `from` of a tree; `link` returns the target of a link of the
/// tree. All paths are relative to the tree. `None` if the path leaves the tree, even if it comes
/// back, or loops.
pub fn follow(
    from: &Path,
    path: &Path,
    link: impl Fn(&Path) -> Option<PathBuf>,
) -> Option<PathBuf> {
    use std::path::Component;
    let mut at = from.to_owned();
    let mut ahead: Vec<PathBuf> = vec![path.to_owned()];
    let mut hops = 0;
    while let Some(next) = ahead.pop() {
        let mut components = next.components();
        let Some(component) = components.next() else {
            continue;
        };
        ahead.push(components.as_path().to_owned());
        match component {
            Component::Prefix(_) | Component::RootDir => return None,
            Component::CurDir => {}
            Component::ParentDir => {
                if !at.pop() {
                    return None;
                }
            }
            Component::Normal(name) => {
                let step = at.join(name);
                match link(&step) {
                    Some(further) => {
                        hops += 1;
                        if hops > HOPS_MAX {
                            return None;
                        }
                        ahead.push(further);
                    }
                    None => at = step,
                }
            }
        }
    }
    Some(at)
}

fn set_times(path: &Path) -> Result<(), MemberError> {
    rustix::fs::utimensat(CWD, path, &constant_times(), AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|error| MemberError::Io(error.into()))
}

fn constant_times() -> Timestamps {
    let time = Timespec { tv_sec: SOURCE_DATE_EPOCH, tv_nsec: 0 };
    Timestamps { last_access: time, last_modification: time }
}

fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).escape_debug().to_string()
}
