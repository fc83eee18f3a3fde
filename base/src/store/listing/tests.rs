//! A listing finds every change, and no copy is one.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, statat, utimensat};

use super::*;
use crate::sys::files::copy_tree;

/// An entry with a listed tree.
fn entry() -> tempfile::TempDir {
    let entry = tempfile::tempdir().unwrap();
    let tree = entry.path().join("tree");
    fs::create_dir_all(tree.join("usr/include/empty")).unwrap();
    for (path, text) in [("usr/include/patchlevel.h", "1234"), ("usr/a\nb", ""), ("z", "zz")] {
        fs::write(tree.join(path), text).unwrap();
    }
    symlink("z", tree.join("usr/link")).unwrap();
    Listing::record(entry.path(), "tree").unwrap();
    entry
}

fn verify(entry: &Path, check: Check) -> Option<String> {
    match Listing::verify(entry, "tree", check).unwrap() {
        Verified::Whole(()) => None,
        Verified::Damaged(because) => Some(because),
    }
}

/// Gives a file the times that it had: whoever wants to hide an edit can do as much.
fn rewrite(path: &Path, text: &str) {
    let old = statat(CWD, path, AtFlags::empty()).unwrap();
    fs::write(path, text).unwrap();
    let time = |tv_sec, nsec: u64| Timespec { tv_sec, tv_nsec: nsec.cast_signed() };
    let times = Timestamps {
        last_access: time(old.st_atime, old.st_atime_nsec),
        last_modification: time(old.st_mtime, old.st_mtime_nsec),
    };
    utimensat(CWD, path, &times, AtFlags::empty()).unwrap();
}

type Change = (&'static str, fn(&Path));

#[test]
fn every_change_is_found_by_the_stamps_and_named() {
    let changes: [Change; 9] = [
        ("`usr/include/patchlevel.h` was changed", |tree| {
            rewrite(&tree.join("usr/include/patchlevel.h"), "1235");
        }),
        ("`usr/include/patchlevel.h` was changed", |tree| {
            let file = tree.join("usr/include/patchlevel.h");
            fs::write(tree.join("new"), "1235").unwrap();
            fs::rename(tree.join("new"), file).unwrap();
        }),
        ("`z` is missing", |tree| fs::remove_file(tree.join("z")).unwrap()),
        ("`usr/new` was added", |tree| fs::write(tree.join("usr/new"), "").unwrap()),
        ("`usr/include/empty` is missing", |tree| {
            fs::remove_dir(tree.join("usr/include/empty")).unwrap();
        }),
        ("`usr/link` was changed", |tree| {
            fs::remove_file(tree.join("usr/link")).unwrap();
            symlink("y", tree.join("usr/link")).unwrap();
        }),
        ("`z` was changed", |tree| {
            fs::set_permissions(tree.join("z"), std::fs::Permissions::from_mode(0o755)).unwrap();
        }),
        ("`usr/a\nb` was changed", |tree| fs::write(tree.join("usr/a\nb"), "x").unwrap()),
        ("it is missing", |tree| fs::rename(tree, tree.with_extension("x")).unwrap()),
    ];
    for (expected, change) in changes {
        let entry = entry();
        assert_eq!(verify(entry.path(), Check::Stamps), None, "{expected}");
        change(&entry.path().join("tree"));
        let because = verify(entry.path(), Check::Stamps).expect(expected);
        assert!(because.contains(expected), "{because}");
    }
}

#[test]
fn a_copy_is_as_good_and_has_stamps_of_its_own_then() {
    let entry = entry();
    let copy = tempfile::tempdir().unwrap();
    let copy = copy.path().join("entry");
    copy_tree(entry.path(), &copy, &|_| false).unwrap();
    let summary = || fs::read(copy.join(SUMMARY)).unwrap();
    let before = summary();
    assert_eq!(verify(&copy, Check::Stamps), None);
    let after = summary();
    assert_ne!(before, after);
    assert_eq!(verify(&copy, Check::Content), None);
    assert_eq!(summary(), after);
}

/// The disk can lie: the same stamps, and other bytes.
#[test]
fn content_is_read_when_it_is_asked_for() {
    let entry = entry();
    let known = Listing::parse(&fs::read(entry.path().join(LISTING)).unwrap()).unwrap();
    fs::write(entry.path().join("tree/z"), "zy").unwrap();
    let mut listing = known;
    let now = walk(&entry.path().join("tree")).unwrap();
    for (path, listed) in &mut listing.0 {
        listed.stamp = now[path].stamp;
    }
    listing.write(entry.path()).unwrap();
    assert_eq!(verify(entry.path(), Check::Stamps), None);
    assert_eq!(verify(entry.path(), Check::Content).unwrap(), "`z` was changed");
}

#[test]
fn a_damaged_listing_is_trusted_for_nothing() {
    for (file, part) in [(LISTING, "its listing"), (SUMMARY, "its seal")] {
        let entry = entry();
        let path = entry.path().join(file);
        let good = fs::read(&path).unwrap();
        for at in (0..good.len()).step_by(3) {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&path, bad).unwrap();
            let because = verify(entry.path(), Check::Content).expect(part);
            assert!(because.contains(part), "{at}: {because}");
        }
    }
}
