//! A directory as a capability: it is opened once, and everything below it is reached from that
//! descriptor. Paths below it may come from a recipe, from the `RECORD` of a wheel, or from a build
//! backend, and what lies there may be their work, too: no path leads outside, through whatever
//! `..` or symbolic link, and nothing is read that is no regular file.
//!
//! The kernel guards the way (`openat2(2)`, `RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS`). Where it
//! cannot (before Linux 5.6, or behind a filter that does not know the call), each directory on the
//! way is opened from the one above it, which comes to the same as no path has `..`.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use super::files::is_absent;

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
        let opened = rustix::fs::openat(rustix::fs::CWD, path, flags, Mode::empty());
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
        let directory = self.resolve(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        Ok(Self { directory, path: self.path.join(path) })
    }

    /// What is at a path, of which no link is followed; `None` if there is nothing, or if what
    /// should be a directory on the way is none.
    pub fn find(&self, path: impl AsRef<Path>) -> io::Result<Option<Found>> {
        match self.stat(path.as_ref()) {
            Ok(stat) => Ok(Some(Found::of(&stat))),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens a regular file.
    pub fn file(&self, path: impl AsRef<Path>) -> io::Result<File> {
        let path = path.as_ref();
        // A pipe must not be waited for.
        let file = File::from(self.resolve(path, OFlags::RDONLY | OFlags::NONBLOCK)?);
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
        let (parent, name) = self.parent(path.as_ref())?;
        let text = rustix::fs::readlinkat(&parent, name, Vec::new());
        let text = text.map_err(|error| refused(&self.path.join(path.as_ref()), error))?;
        Ok(PathBuf::from(OsStr::from_bytes(text.to_bytes())))
    }

    /// The names in a directory with what they are, sorted.
    pub fn list(&self, path: impl AsRef<Path>) -> io::Result<Vec<(OsString, Found)>> {
        let path = path.as_ref();
        let directory = self.resolve(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let named = |error| refused(&self.path.join(path), error);
        let mut found = Vec::new();
        for entry in Dir::read_from(&directory).map_err(named)? {
            let entry = entry.map_err(named)?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            let stat = rustix::fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW);
            let stat = stat.map_err(named)?;
            found.push((OsStr::from_bytes(name.to_bytes()).to_owned(), Found::of(&stat)));
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(found)
    }

    /// Makes a directory and those above it, as far as they are not there.
    pub fn make_directories(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        for ancestor in
            Self::plain(&self.path, path)?.ancestors().collect::<Vec<_>>().into_iter().rev()
        {
            if ancestor.as_os_str().is_empty() {
                continue;
            }
            let (parent, name) = self.parent(ancestor)?;
            match rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(refused(&self.path.join(ancestor), error)),
            }
        }
        self.resolve(path, OFlags::PATH | OFlags::DIRECTORY).map(drop)
    }

    /// Writes a file in the place of whatever file or link is there: another process sees the old
    /// content or the new, never a part. Its directory must be there.
    pub fn write(&self, path: impl AsRef<Path>, content: &[u8], mode: u32) -> io::Result<()> {
        let path = path.as_ref();
        let named = |error| refused(&self.path.join(path), error);
        let (parent, name) = self.parent(path)?;
        let (temporary, file) = temporary(&parent).map_err(named)?;
        let mut file = File::from(file);
        let written = file.write_all(content).and_then(|()| {
            rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
            file.sync_all()
        });
        let written = written
            .and_then(|()| rustix::fs::renameat(&parent, &temporary, &parent, name).map_err(named));
        if written.is_err() {
            // The first error is the one to read.
            let _ = rustix::fs::unlinkat(&parent, &temporary, AtFlags::empty());
        }
        written
    }

    /// Makes a symbolic link with this text where nothing is yet. Its directory must be there.
    pub fn link(&self, path: impl AsRef<Path>, text: &Path) -> io::Result<()> {
        let (parent, name) = self.parent(path.as_ref())?;
        rustix::fs::symlinkat(text, &parent, name)
            .map_err(|error| refused(&self.path.join(path.as_ref()), error))
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
        let (parent, name) = self.parent(path.as_ref())?;
        rustix::fs::renameat(&parent, name, rustix::fs::CWD, to)
            .map_err(|error| refused(&self.path.join(path.as_ref()), error))
    }

    fn unlink(&self, path: &Path, flags: AtFlags) -> io::Result<()> {
        let (parent, name) = self.parent(path)?;
        rustix::fs::unlinkat(&parent, name, flags)
            .map_err(|error| refused(&self.path.join(path), error))
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        let found = if path.as_os_str().is_empty() {
            rustix::fs::fstat(&self.directory)
        } else {
            let (parent, name) = self.parent(path)?;
            rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)
        };
        found.map_err(|error| refused(&self.path.join(path), error))
    }

    /// The directory of a path, and the name in it.
    fn parent<'p>(&self, path: &'p Path) -> io::Result<(OwnedFd, &'p OsStr)> {
        let path = Self::plain(&self.path, path)?;
        let Some(name) = path.file_name() else {
            return Err(self.error(path, io::ErrorKind::InvalidInput, "names nothing below it"));
        };
        let parent = path.parent().unwrap_or(Path::new(""));
        Ok((self.resolve(parent, OFlags::PATH | OFlags::DIRECTORY)?, name))
    }

    fn resolve(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let path = Self::plain(&self.path, path)?;
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let from = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let guards =
            ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let opened = rustix::fs::openat2(&self.directory, from, flags, Mode::empty(), guards);
        let opened = match opened {
            Err(Errno::NOSYS) => self.step_by_step(path, flags),
            opened => opened,
        };
        opened.map_err(|error| refused(&self.path.join(path), error))
    }

    /// As `openat2` would.
    fn step_by_step(&self, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let on_the_way = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut at = rustix::fs::openat(&self.directory, c".", on_the_way, Mode::empty())?;
        let mut components = path.components().peekable();
        while let Some(component) = components.next() {
            let flags = if components.peek().is_some() { on_the_way } else { flags };
            at = rustix::fs::openat(at.as_fd(), component.as_os_str(), flags, Mode::empty())?;
        }
        if path.as_os_str().is_empty() {
            at = rustix::fs::openat(at.as_fd(), c".", flags, Mode::empty())?;
        }
        Ok(at)
    }

    /// A path of plain names; the empty one is the directory itself.
    fn plain<'p>(shown: &Path, path: &'p Path) -> io::Result<&'p Path> {
        let is_plain = path.components().all(|it| matches!(it, Component::Normal(_)));
        if is_plain {
            return Ok(path);
        }
        let text = format!("`{}` is no path below `{}`", path.display(), shown.display());
        Err(io::Error::new(io::ErrorKind::InvalidInput, text))
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
        error => io::Error::new(kind, format!("cannot open `{shown}`: {error}")),
    }
}

/// A file with a name that nothing else has.
fn temporary(parent: &OwnedFd) -> rustix::io::Result<(OsString, OwnedFd)> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    for number in 0_u32.. {
        let name = OsString::from(format!(".tmp-{}-{number}", std::process::id()));
        match rustix::fs::openat(parent, &name, flags, Mode::from_raw_mode(0o600)) {
            Err(Errno::EXIST) => {}
            opened => return Ok((name, opened?)),
        }
    }
    unreachable!("some number is free")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use fs_err as fs;
    use rustix::fs::{CWD, mknodat};

    use super::*;

    /// A directory with everything that can be in the way, and beside it what must not be reached.
    fn base() -> (tempfile::TempDir, Beneath) {
        let base = tempfile::tempdir().unwrap();
        let tree = base.path().join("tree");
        fs::create_dir_all(tree.join("a/b")).unwrap();
        fs::create_dir_all(base.path().join("outside/b")).unwrap();
        for file in ["tree/a/b/file", "outside/file", "outside/b/file"] {
            fs::write(base.path().join(file), "12345").unwrap();
        }
        for (text, link) in [
            ("../outside", "out"),
            ("a", "in"),
            ("../outside/file", "to-file"),
            ("/dev/zero", "endless"),
            ("a/b/file", "to-inner"),
        ] {
            symlink(text, tree.join(link)).unwrap();
        }
        mknodat(CWD, tree.join("pipe"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        let beneath = Beneath::open(&tree).unwrap();
        (base, beneath)
    }

    const BAD: [(&str, &str); 10] = [
        ("../outside/file", "no path below"),
        ("a/../../outside/file", "no path below"),
        ("/etc/passwd", "no path below"),
        ("out/file", "symbolic link"),
        ("in/b/file", "symbolic link"),
        ("to-file", "symbolic link"),
        ("to-inner", "symbolic link"),
        ("endless", "symbolic link"),
        ("pipe", "not a regular file"),
        ("a/b", "not a regular file"),
    ];

    #[test]
    fn no_path_leads_out_and_only_files_are_read() {
        let (_base, beneath) = base();
        assert_eq!(beneath.read("a/b/file", 5).unwrap(), b"12345");
        let error = beneath.read("a/b/file", 4).unwrap_err().to_string();
        assert!(error.contains("more than 4 bytes"), "{error}");
        for (path, part) in BAD {
            let error = beneath.read(path, 5).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains(path), "{path}: {error}");
        }
        assert_eq!(beneath.read("none", 5).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn nothing_is_written_made_or_removed_outside() {
        let (base, beneath) = base();
        for path in ["../x", "out/x", "in/x", "/x", "out/b/x"] {
            beneath.write(path, b"x", 0o644).expect_err(path);
            beneath.link(path, Path::new("x")).expect_err(path);
            beneath.make_directories(path).expect_err(path);
        }
        for path in ["../outside/file", "out/file", "in/b/file"] {
            beneath.remove_file(path).expect_err(path);
            beneath.take_out(path, &base.path().join("taken")).expect_err(path);
        }
        beneath.remove_directory("out/b").unwrap_err();
        for path in ["out", "to-file"] {
            beneath.make_directories(format!("{path}/deep")).expect_err(path);
            beneath.below(path).expect_err(path);
            beneath.list(path).expect_err(path);
        }
        assert_eq!(fs::read(base.path().join("outside/file")).unwrap(), b"12345");
        assert!(!base.path().join("outside/x").exists() && !base.path().join("taken").exists());
        // A link itself is replaced, not what it leads to.
        beneath.write("to-file", b"new", 0o600).unwrap();
        assert_eq!(beneath.find("to-file").unwrap(), Some(Found::File { mode: 0o600, size: 3 }));
        assert_eq!(fs::read(base.path().join("outside/file")).unwrap(), b"12345");
    }

    #[test]
    fn what_is_below_is_listed_made_and_removed() {
        let (base, beneath) = base();
        beneath.make_directories("new/deep").unwrap();
        beneath.make_directories("new/deep").unwrap();
        beneath.write("new/deep/file", b"1", 0o755).unwrap();
        beneath.link("new/link", Path::new("deep")).unwrap();
        let found: Vec<_> = beneath.list("new").unwrap();
        assert_eq!(found, [("deep".into(), Found::Directory), ("link".into(), Found::Link)]);
        assert_eq!(beneath.read_link("new/link").unwrap(), Path::new("deep"));
        let deep = beneath.below("new/deep").unwrap();
        assert_eq!(deep.find("file").unwrap(), Some(Found::File { mode: 0o755, size: 1 }));
        assert_eq!(deep.find("none/deep").unwrap(), None);
        assert_eq!(deep.find("file/deep").unwrap(), None);
        assert_eq!(beneath.find("pipe").unwrap(), Some(Found::Special));
        assert_eq!(beneath.find("").unwrap(), Some(Found::Directory));
        deep.take_out("file", &base.path().join("taken")).unwrap();
        assert_eq!(fs::read(base.path().join("taken")).unwrap(), b"1");
        beneath.remove_file("new/link").unwrap();
        beneath.remove_directory("new/deep").unwrap();
        assert_eq!(beneath.list("new").unwrap(), []);
        let mode = fs::metadata(base.path().join("tree/new")).unwrap().permissions().mode();
        assert_eq!(mode & 0o700, 0o700);
    }

    #[test]
    fn the_way_without_openat2_is_as_good() {
        let (_base, beneath) = base();
        let read = |path: &str| {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK;
            beneath.step_by_step(Path::new(path), flags)
        };
        for path in ["a/b/file", "a/b", "", "pipe"] {
            read(path).expect(path);
        }
        for path in ["out/file", "in/b/file", "to-file", "endless", "to-inner"] {
            read(path).expect_err(path);
        }
    }
}
