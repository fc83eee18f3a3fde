//! No path leads out, whatever it is and whatever lies there.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use fs_err as fs;
use rustix::fs::mknodat;

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
        beneath.link(path, "x").expect_err(path);
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
    beneath.link("new/link", "deep").unwrap();
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
