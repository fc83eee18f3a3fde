//! Reads files that foreign code may have left.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::vocabulary::limits::Limit;

/// Reads a file of which foreign code may have decided what it is: a link is not followed, a pipe
/// or device not read, and more than `max` bytes are an error. That no directory above it is a link
/// is the caller's business.
pub fn read_foreign(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let shown = path.display();
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let opened = File::options().read(true).custom_flags(flags).open(path);
    let file = opened.map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::LOOP) => io::Error::other(format!("`{shown}` is a symbolic link")),
        _ => io::Error::new(error.kind(), format!("cannot open `{shown}`: {error}")),
    })?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other(format!("`{shown}` is not a regular file")));
    }
    let mut bytes = Vec::new();
    file.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        return Err(io::Error::other(format!("`{shown}` has more than {max} bytes")));
    }
    Ok(bytes)
}

/// Reads a file that a person has named, or that is where foreign code could never write. Follows
/// links. Fails if it is not a regular file (a device, a pipe), or is larger than the limit.
pub fn read_named(path: &Path, limit: &'static Limit) -> io::Result<Vec<u8>> {
    let shown = path.display();
    let named = |error: io::Error| io::Error::new(error.kind(), format!("`{shown}`: {error}"));
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(flags).open(path).map_err(named)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other(format!("`{shown}` is not a regular file")));
    }
    limit.read(file).map_err(named)
}

/// As [`read_named`], of text.
pub fn read_text(path: &Path, limit: &'static Limit) -> io::Result<String> {
    let bytes = read_named(path, limit)?;
    String::from_utf8(bytes)
        .map_err(|error| io::Error::other(format!("`{}` is not UTF-8: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use rustix::fs::{CWD, FileType, Mode};

    use super::*;

    static FIVE: Limit = Limit { name: "five", max: 5, unit: "bytes", of: "a test" };

    #[test]
    fn only_a_file_of_bounded_size_is_read() {
        let base = tempfile::tempdir().unwrap();
        let at = |name: &str| base.path().join(name);
        fs_err::write(at("file"), "12345").unwrap();
        fs_err::create_dir(at("directory")).unwrap();
        symlink("file", at("link")).unwrap();
        symlink("/dev/zero", at("endless")).unwrap();
        rustix::fs::mknodat(CWD, at("pipe"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        assert_eq!(read_foreign(&at("file"), 5).unwrap(), b"12345");
        for (name, max, part) in [
            ("file", 4, "more than 4 bytes"),
            ("directory", 5, "not a regular file"),
            ("pipe", 5, "not a regular file"),
            ("link", 5, "is a symbolic link"),
            ("endless", 5, "is a symbolic link"),
            ("none", 5, "cannot open"),
        ] {
            let error = read_foreign(&at(name), max).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains(name), "{name}: {error}");
        }
        assert_eq!(read_foreign(&at("none"), 5).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(read_text(&at("link"), &FIVE).unwrap(), "12345");
        fs_err::write(at("long"), "123456").unwrap();
        fs_err::write(at("binary"), [0xff]).unwrap();
        for (name, part) in [
            ("directory", "not a regular file"),
            ("pipe", "not a regular file"),
            ("endless", "not a regular file"),
            ("long", "more than 5 bytes"),
            ("binary", "not UTF-8"),
            ("none", "none`"),
        ] {
            let error = read_text(&at(name), &FIVE).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains(name), "{name}: {error}");
        }
    }
}
