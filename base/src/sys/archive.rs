//! Unpacks archives of unknown origin: gzipped tars and zips, the formats of sdists and source
//! archives (PEP 625; formerly also zips). [`super::tree`] has the rules on members; this file has
//! only the two formats. It detects the format by the first bytes, never by the name.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::tree::{MemberError, Tree};
use crate::vocabulary::Problem;

pub use super::tree::Limits;

/// Unpacks `archive` into the empty (or absent) directory `into`, and returns the single directory
/// at its top, which is the source tree. Set-uid bits and owners are dropped, modes become 0644 or
/// 0755, times [`super::tree::SOURCE_DATE_EPOCH`].
///
/// Errors: a format other than gzipped or plain tar, or zip; a damaged archive; something else at
/// the top than one directory; a member that is outside of that, leads out of it, is a device or a
/// pipe, or stands there twice as two different kinds of thing; more than `limits`. What was
/// unpacked until then stays in `into`, which is therefore to be a directory of the run's own.
pub fn unpack(archive: &Path, into: &Path, limits: Limits) -> Result<PathBuf, Problem> {
    let problem = || Problem::new(format!("cannot unpack `{}`", archive.display()));
    let format = Format::of(archive).map_err(|error| problem().cause(error))?;
    let unpacked = match format {
        Format::Gzip => open(archive).and_then(|file| {
            let plain = flate2::bufread::MultiGzDecoder::new(file);
            untar(plain, into, limits)
        }),
        Format::Tar => open(archive).and_then(|file| untar(file, into, limits)),
        Format::Zip => open(archive).and_then(|file| unzip(file, into, limits)),
        Format::Unsupported(name) => {
            return Err(problem().fact("format", name).hint(
                "only `.tar.gz`, `.tar` and `.zip` are read; PEP 625 allows sdists no other \
                 than `.tar.gz`",
            ));
        }
    };
    unpacked.map_err(|error| match error {
        MemberError::Io(error) => problem().cause(error),
        error @ MemberError::NoTop(_) => problem().cause(error),
        error => problem()
            .cause(error)
            .hint("the archive is broken or was made to do harm; nothing of it was used"),
    })
}

enum Format {
    Gzip,
    Tar,
    Zip,
    Unsupported(&'static str),
}

impl Format {
    fn of(archive: &Path) -> io::Result<Self> {
        let mut head = Vec::new();
        fs_err::File::open(archive)?.take(512).read_to_end(&mut head)?;
        Ok(match head.as_slice() {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [b'P', b'K', 3 | 5, 4 | 6, ..] => Self::Zip,
            [b'B', b'Z', b'h', ..] => Self::Unsupported("bzip2"),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Unsupported("xz"),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Unsupported("zstandard"),
            head if head.len() > 262 && &head[257..262] == b"ustar" => Self::Tar,
            _ => Self::Unsupported("unknown"),
        })
    }
}

fn open(archive: &Path) -> Result<BufReader<File>, MemberError> {
    Ok(BufReader::with_capacity(128 * 1024, File::open(archive)?))
}

/// The largest data before a member of a tar, or between two: its name, its link's target, extended
/// headers. They are held in memory, and compressed they are small however long they are.
const HEADERS_MAX: u64 = 1 << 20;

fn untar(plain: impl Read, into: &Path, limits: Limits) -> Result<PathBuf, MemberError> {
    let mut tree = Tree::new(into, limits)?;
    let left = Cell::new(limits.bytes.saturating_add(limits.members as u64 * 2048));
    let headers = Cell::new(HEADERS_MAX);
    let capped = Capped { inner: plain, left: [&left, &headers] };
    let mut archive = tar::Archive::new(capped);
    let mut entries = archive.entries()?;
    loop {
        headers.set(HEADERS_MAX);
        let Some(entry) = entries.next() else {
            return tree.finish_top();
        };
        let mut entry = entry?;
        headers.set(u64::MAX);
        let name = entry.path_bytes().into_owned();
        let target = entry.link_name_bytes().unwrap_or_default().into_owned();
        let executable = entry.header().mode()? & 0o100 != 0;
        let special = |what| MemberError::Special(String::from_utf8_lossy(&name).into(), what);
        match entry.header().entry_type() {
            tar::EntryType::Directory => tree.directory(&name)?,
            // Before POSIX a directory was a file whose name ends with a slash.
            tar::EntryType::Regular if name.ends_with(b"/") => tree.directory(&name)?,
            tar::EntryType::Regular | tar::EntryType::Continuous | tar::EntryType::GNUSparse => {
                tree.file(&name, executable, &mut entry)?;
            }
            tar::EntryType::Symlink => tree.link(&name, &target)?,
            tar::EntryType::Link => tree.hard_link(&name, &target)?,
            // `git archive` keeps the commit's id there.
            tar::EntryType::XGlobalHeader => {}
            tar::EntryType::Char | tar::EntryType::Block => return Err(special("a device")),
            tar::EntryType::Fifo => return Err(special("a pipe")),
            _ => return Err(special("of an unknown kind")),
        }
    }
}

fn unzip(file: BufReader<File>, into: &Path, limits: Limits) -> Result<PathBuf, MemberError> {
    const KIND: u32 = 0o170_000;
    let mut tree = Tree::new(into, limits)?;
    let mut archive = zip::ZipArchive::new(file).map_err(io::Error::from)?;
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).map_err(io::Error::from)?;
        let name = member.name().map_err(io::Error::from)?.as_bytes().to_vec();
        let mode = member.unix_mode().unwrap_or(0);
        let special = |what| MemberError::Special(String::from_utf8_lossy(&name).into(), what);
        match mode & KIND {
            0o120_000 => {
                let mut target = Vec::new();
                (&mut member).take(4097).read_to_end(&mut target)?;
                tree.link(&name, &target)?;
            }
            0o020_000 | 0o060_000 => return Err(special("a device")),
            0o010_000 => return Err(special("a pipe")),
            0o140_000 => return Err(special("a socket")),
            _ if name.ends_with(b"/") => tree.directory(&name)?,
            _ => tree.file(&name, mode & 0o100 != 0, &mut member)?,
        }
    }
    tree.finish_top()
}

/// Fails, instead of ending, where more comes than may come.
struct Capped<'a, R> {
    inner: R,
    left: [&'a Cell<u64>; 2],
}

impl<R: Read> Read for Capped<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        for left in self.left {
            let rest = left.get().checked_sub(read as u64);
            left.set(
                rest.ok_or_else(|| {
                    io::Error::other("the archive unpacks to more than is allowed")
                })?,
            );
        }
        Ok(read)
    }
}
