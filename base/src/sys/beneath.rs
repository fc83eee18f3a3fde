//! A directory as a capability: it is opened once, and everything below it is reached from that
//! descriptor. Paths below it may come from a recipe, from the `RECORD` of a wheel, or from a build
//! backend, which may also have created the files there. No path leads outside through `..` or a
//! symlink, and only regular files are read.
//!
//! The kernel enforces this (`openat2(2)`, `RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS`). Where it
//! cannot (before Linux 5.6, or behind a filter that does not know the call), each directory of a
//! path is opened from the one above it. This is equivalent, because no path has `..`.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, openat};
use rustix::io::Errno;

/// A directory, and the right to what is below it.
#[derive(Debug)]
pub struct Beneath {
    directory: OwnedFd,
    /// For messages.
    path: PathBuf,
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A directory.
    Directory,
    /// A regular file, with its mode and its size in bytes.
    File {
        /// The permission bits.
        mode: u32,
        /// In bytes.
        size: u64,
    },
    /// A symbolic link, wherever it leads.
    Link,
    /// A pipe, a socket or a device.
    Special,
}

impl Beneath {
    /// Opens a directory; a symbolic link in its place is an error, one above it is not.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = openat(CWD, path, flags, Mode::empty());
        let directory = opened.map_err(|error| refused(path, error))?;
        Ok(Self { directory, path: path.to_owned() })
    }

    /// The directory's path on the host, for messages and for programs that are started.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A directory below this one, as one of its own.
    pub fn below(&self, path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let directory = self.named(path, |path| self.directory(path))?;
        Ok(Self { directory, path: self.path.join(path) })
    }

    /// What is at a path, of which no link is followed; `None` if there is nothing, or if what
    /// should be a directory on the way is none, be it a link to one.
    pub fn find(&self, path: impl AsRef<Path>) -> io::Result<Option<Found>> {
        self.named(path.as_ref(), |path| match self.stat(path) {
            Ok(stat) => Ok(Some(Found::of(&stat))),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
            Err(error) => Err(error),
        })
    }

    /// Opens a regular file.
    pub fn file(&self, path: impl AsRef<Path>) -> io::Result<File> {
        let path = path.as_ref();
        // A pipe must not be waited for.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let file = File::from(self.named(path, |path| self.resolve(path, flags))?);
        if file.metadata()?.is_file() {
            return Ok(file);
        }
        Err(self.error(path, io::ErrorKind::InvalidInput, "is not a regular file"))
    }

    /// The content of a regular file of at most `max` bytes.
    pub fn read(&self, path: impl AsRef<Path>, max: u64) -> io::Result<Vec<u8>> {
        let path = path.as_ref();
        let mut bytes = Vec::new();
        self.file(path)?.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > max {
            let text = format!("has more than {max} bytes");
            return Err(self.error(path, io::ErrorKind::FileTooLarge, &text));
        }
        Ok(bytes)
    }

    /// The text of a symbolic link.
    pub fn read_link(&self, path: impl AsRef<Path>) -> io::Result<PathBuf> {
        self.named(path.as_ref(), |path| {
            let (parent, name) = self.parent(path)?;
            let text = rustix::fs::readlinkat(&parent, name, Vec::new())?;
            Ok(PathBuf::from(OsStr::from_bytes(text.to_bytes())))
        })
    }

    /// The names in a directory with what they are, sorted.
    pub fn list(&self, path: impl AsRef<Path>) -> io::Result<Vec<(OsString, Found)>> {
        self.named(path.as_ref(), |path| {
            let directory = self.directory(path)?;
            let mut found = Vec::new();
            for entry in Dir::read_from(&directory)? {
                let entry = entry?;
                let name = entry.file_name();
                if name == c"." || name == c".." {
                    continue;
                }
                let stat = rustix::fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
                found.push((OsStr::from_bytes(name.to_bytes()).to_owned(), Found::of(&stat)));
            }
            found.sort_by(|a, b| a.0.cmp(&b.0));
            Ok(found)
        })
    }

    /// Makes a directory and all missing directories above it.
    pub fn make_directories(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.named(path.as_ref(), |path| {
            let mut at = PathBuf::new();
            for component in path.components() {
                at.push(component);
                let (parent, name) = self.parent(&at)?;
                match rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o755)) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(error) => return Err(error),
                }
            }
            self.directory(path).map(drop)
        })
    }

    /// Writes a file in the place of whatever file or link is there: another process sees the old
    /// content or the new, never a part. The directories above it are made.
    pub fn write(&self, path: impl AsRef<Path>, content: &[u8], mode: u32) -> io::Result<()> {
        let path = path.as_ref();
        self.make_directories(path.parent().unwrap_or(Path::new("")))?;
        let (parent, name) = self.named(path, |path| {
            let (parent, name) = self.parent(path)?;
            Ok((parent, name.to_owned()))
        })?;
        let (temporary, file) = self.named(path, |_| temporary(&parent))?;
        let mut file = File::from(file);
        let written = file.write_all(content).and_then(|()| {
            rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
            file.sync_all()?;
            self.named(path, |_| rustix::fs::renameat(&parent, &temporary, &parent, &name))
        });
        if written.is_err() {
            // The first error is the one to read.
            let _ = rustix::fs::unlinkat(&parent, &temporary, AtFlags::empty());
        }
        written
    }

    /// Makes a symbolic link with this text where nothing is yet. The directories above it are
    /// made.
    pub fn link(&self, path: impl AsRef<Path>, text: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        self.make_directories(path.parent().unwrap_or(Path::new("")))?;
        self.named(path, |path| {
            let (parent, name) = self.parent(path)?;
            rustix::fs::symlinkat(text.as_ref(), &parent, name)
        })
    }

    /// Removes a file or link.
    pub fn remove_file(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.unlink(path.as_ref(), AtFlags::empty())
    }

    /// Removes an empty directory.
    pub fn remove_directory(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.unlink(path.as_ref(), AtFlags::REMOVEDIR)
    }

    /// Moves a file out, to a path of the host on the same file system.
    pub fn take_out(&self, path: impl AsRef<Path>, to: &Path) -> io::Result<()> {
        self.named(path.as_ref(), |path| {
            let (parent, name) = self.parent(path)?;
            rustix::fs::renameat(&parent, name, CWD, to)
        })
    }

    fn unlink(&self, path: &Path, flags: AtFlags) -> io::Result<()> {
        self.named(path, |path| {
            let (parent, name) = self.parent(path)?;
            rustix::fs::unlinkat(&parent, name, flags)
        })
    }

    /// Does something at a path of plain names (the empty one is the directory itself); an error
    /// names the path.
    fn named<'p, T>(
        &self,
        path: &'p Path,
        act: impl FnOnce(&'p Path) -> rustix::io::Result<T>,
    ) -> io::Result<T> {
        if !path.components().all(|it| matches!(it, Component::Normal(_))) {
            let (path, shown) = (path.display(), self.path.display());
            let text = format!("`{path}` is no path below `{shown}`");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        act(path).map_err(|error| refused(&self.path.join(path), error))
    }

    fn stat(&self, path: &Path) -> rustix::io::Result<Stat> {
        if path.as_os_str().is_empty() {
            return rustix::fs::fstat(&self.directory);
        }
        let (parent, name) = self.parent(path)?;
        rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// The directory of a path, and the name in it.
    fn parent<'p>(&self, path: &'p Path) -> rustix::io::Result<(OwnedFd, &'p OsStr)> {
        let name = path.file_name().ok_or(Errno::INVAL)?;
        let parent = path.parent().unwrap_or(Path::new(""));
        Ok((self.resolve(parent, OFlags::PATH | OFlags::DIRECTORY)?, name))
    }

    fn directory(&self, path: &Path) -> rustix::io::Result<OwnedFd> {
        self.resolve(path, OFlags::RDONLY | OFlags::DIRECTORY)
    }

    fn resolve(&self, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let from = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let guards =
            ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match rustix::fs::openat2(&self.directory, from, flags, Mode::empty(), guards) {
            Err(Errno::NOSYS) => self.step_by_step(path, flags),
            opened => opened,
        }
    }

    /// As `openat2` would.
    fn step_by_step(&self, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let on_the_way = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut components = path.components().peekable();
        let flags_of = |is_last: bool| if is_last { flags } else { on_the_way };
        let mut at =
            openat(&self.directory, c".", flags_of(components.peek().is_none()), Mode::empty())?;
        while let Some(component) = components.next() {
            let flags = flags_of(components.peek().is_none());
            at = openat(at.as_fd(), component.as_os_str(), flags, Mode::empty())?;
        }
        Ok(at)
    }

    fn error(&self, path: &Path, kind: io::ErrorKind, text: &str) -> io::Error {
        io::Error::new(kind, format!("`{}` {text}", self.path.join(path).display()))
    }
}

impl Found {
    fn of(stat: &Stat) -> Self {
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => Self::Directory,
            FileType::RegularFile => {
                Self::File { mode: stat.st_mode & 0o7777, size: stat.st_size.cast_unsigned() }
            }
            FileType::Symlink => Self::Link,
            _ => Self::Special,
        }
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        matches!(self, Self::File { .. })
    }
}

/// Names the path. The kernel's `ELOOP` is for a link of which there must be none.
fn refused(path: &Path, error: Errno) -> io::Error {
    let shown = path.display();
    let kind = io::Error::from(error).kind();
    match error {
        Errno::LOOP => io::Error::other(format!("`{shown}` is a symbolic link, or behind one")),
        Errno::XDEV => io::Error::other(format!("`{shown}` leads out of its directory")),
        error => io::Error::new(kind, format!("`{shown}`: {error}")),
    }
}

/// A file with a name that nothing else has.
fn temporary(parent: &OwnedFd) -> rustix::io::Result<(OsString, OwnedFd)> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    for number in 0_u32.. {
        let name = OsString::from(format!(".tmp-{}-{number}", std::process::id()));
        match openat(parent, &name, flags, Mode::from_raw_mode(0o600)) {
            Err(Errno::EXIST) => {}
            opened => return Ok((name, opened?)),
        }
    }
    unreachable!("some number is free")
}

#[cfg(test)]
mod tests;
