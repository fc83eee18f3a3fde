//! Watches which files and directories are opened while a program runs (`inotify(7)`). It sees
//! every process that opens a file or reads a directory. It does not see a `stat`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};

/// Directories that are watched, from when it was made.
#[derive(Debug)]
pub struct Watch {
    queue: OwnedFd,
    directories: BTreeMap<i32, PathBuf>,
}

impl Watch {
    /// Watches each of `directories`: that it is read, and that what lies directly in it is opened.
    ///
    /// # Errors
    /// The kernel lets a user watch only so many directories
    /// (`fs.inotify.max_user_watches`, `max_user_instances`).
    pub fn on<'a>(directories: impl IntoIterator<Item = &'a Path>) -> io::Result<Self> {
        let queue = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let flags = WatchFlags::OPEN | WatchFlags::ONLYDIR | WatchFlags::DONT_FOLLOW;
        let watched = directories.into_iter().map(|directory| {
            Ok((inotify::add_watch(&queue, directory, flags)?, directory.to_owned()))
        });
        let directories = watched.collect::<io::Result<_>>()?;
        Ok(Self { queue, directories })
    }

    /// What was opened since the last call, in this order. The kernel leaves out an event that
    /// equals the one before it.
    ///
    /// # Errors
    /// More was opened than the kernel keeps (`fs.inotify.max_queued_events`).
    pub fn opened(&self) -> io::Result<Vec<PathBuf>> {
        let mut buffer = [const { MaybeUninit::<u8>::uninit() }; 16 * 1024];
        let mut events = Reader::new(&self.queue, &mut buffer);
        let mut opened = Vec::new();
        loop {
            let event = match events.next() {
                Ok(event) => event,
                Err(rustix::io::Errno::AGAIN) => return Ok(opened),
                Err(error) => return Err(error.into()),
            };
            if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                return Err(io::Error::other("more was opened than the kernel keeps account of"));
            }
            if let Some(directory) = self.directories.get(&event.wd())
                && event.events().contains(ReadFlags::OPEN)
            {
                let name = event.file_name().map(|it| OsStr::from_bytes(it.to_bytes()));
                opened.push(name.map_or_else(|| directory.clone(), |name| directory.join(name)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use fs_err as fs;

    use super::*;

    #[test]
    fn opening_is_seen_and_looking_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["a", "b", "c"] {
            fs::write(at(name), name).unwrap();
        }
        fs::create_dir(at("below")).unwrap();
        fs::write(at("below/unwatched"), "").unwrap();
        let watch = Watch::on([dir.path()]).unwrap();
        assert!(at("c").is_file());
        assert!(watch.opened().unwrap().is_empty());
        fs::read(at("b")).unwrap();
        fs::read(at("a")).unwrap();
        fs::read(at("below/unwatched")).unwrap();
        assert_eq!(watch.opened().unwrap(), [at("b"), at("a")]);
        assert!(watch.opened().unwrap().is_empty());
        crate::sys::files::sorted_entries(&at("below")).unwrap();
        crate::sys::files::sorted_entries(dir.path()).unwrap();
        assert_eq!(watch.opened().unwrap(), [at("below"), dir.path().to_owned()]);
    }

    #[test]
    fn too_much_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| dir.path().join(name));
        fs::write(&a, "").unwrap();
        fs::write(&b, "").unwrap();
        let most = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
        let watch = Watch::on([dir.path()]).unwrap();
        for _ in 0..=most.trim().parse::<usize>().unwrap() / 2 {
            fs::read(&a).unwrap();
            fs::read(&b).unwrap();
        }
        assert!(watch.opened().is_err());
    }
}
