//! Pairs of trees that differ in one thing, and in nothing that counts.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use fs_err as fs;

use super::*;

/// Plants two equal trees, lets `change` spoil the second, and tells what differs.
fn differences(change: impl FnOnce(&Path)) -> Vec<String> {
    let base = tempfile::tempdir().unwrap();
    for side in ["a", "b"] {
        let root = base.path().join(side);
        fs::create_dir_all(root.join("lib/empty")).unwrap();
        fs::write(root.join("lib/large"), vec![7; 300_000]).unwrap();
        fs::write(root.join("lib/x.py"), "x = 1\n").unwrap();
        symlink("lib/x.py", root.join("link")).unwrap();
        for name in 0..200 {
            fs::write(root.join(format!("lib/empty/{name}")), "").unwrap();
        }
    }
    change(&base.path().join("b"));
    let found = compare(&base.path().join("a"), &base.path().join("b")).unwrap();
    let lines = found.differences.iter().map(|difference| {
        let change = serde_json::to_value(&difference.change).unwrap();
        let fields = change.as_object().unwrap().values();
        let fields: Vec<String> = fields.map(|v| v.to_string().replace('"', "")).collect();
        format!("{} {}", shown(&difference.path), fields.join(" "))
    });
    lines.collect()
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn equal_trees_have_no_difference() {
    assert_eq!(differences(|_| ()), [] as [String; 0]);
    // A copy has other times; they do not count.
    let touched = differences(|b| fs::write(b.join("lib/x.py"), "x = 1\n").unwrap());
    assert_eq!(touched, [] as [String; 0]);
}

#[test]
fn every_way_to_differ_is_told() {
    type Spoil = fn(&Path);
    let cases: [(&str, Spoil); 12] = [
        ("lib/x.py 6 6 4 content", |b| fs::write(b.join("lib/x.py"), "x = 2\n").unwrap()),
        ("lib/x.py 6 5 5 content", |b| fs::write(b.join("lib/x.py"), "x = 1").unwrap()),
        ("lib/x.py 6 0 0 content", |b| fs::write(b.join("lib/x.py"), "").unwrap()),
        ("lib/large 300000 300000 299999 content", |b| {
            let mut bytes = vec![7; 300_000];
            bytes[299_999] = 8;
            fs::write(b.join("lib/large"), bytes).unwrap();
        }),
        ("lib/x.py 420 493 true mode", |b| set_mode(&b.join("lib/x.py"), 0o755)),
        ("lib/x.py 420 436 false mode", |b| set_mode(&b.join("lib/x.py"), 0o664)),
        ("lib/empty 493 448 false mode", |b| set_mode(&b.join("lib/empty"), 0o700)),
        ("link lib/x.py lib target", |b| {
            fs::remove_file(b.join("link")).unwrap();
            symlink("lib", b.join("link")).unwrap();
        }),
        ("lib/x.py only file a", |b| fs::remove_file(b.join("lib/x.py")).unwrap()),
        ("new only directory b", |b| fs::create_dir(b.join("new")).unwrap()),
        ("lib/empty/77 only file a", |b| fs::remove_file(b.join("lib/empty/77")).unwrap()),
        ("link link kind directory", |b| {
            fs::remove_file(b.join("link")).unwrap();
            fs::create_dir(b.join("link")).unwrap();
        }),
    ];
    for (expected, spoil) in cases {
        let found = differences(spoil);
        let mut words: Vec<&str> = found[0].split(' ').collect();
        let mut expected: Vec<&str> = expected.split(' ').collect();
        // The order of JSON's fields is not what is tested.
        words[1..].sort_unstable();
        expected[1..].sort_unstable();
        assert_eq!((found.len(), words), (1, expected));
    }
}

#[test]
fn what_cannot_be_compared_is_no_equality() {
    let base = tempfile::tempdir().unwrap();
    fs::create_dir_all(base.path().join("a")).unwrap();
    let absent = compare(&base.path().join("a"), &base.path().join("b")).unwrap_err();
    assert_eq!(absent.outcome.code(), 2);
    fs::create_dir_all(base.path().join("b")).unwrap();
    for side in ["a", "b"] {
        let socket = base.path().join(side).join("socket");
        drop(std::os::unix::net::UnixListener::bind(socket).unwrap());
    }
    let special = compare(&base.path().join("a"), &base.path().join("b")).unwrap_err();
    assert!(special.what.contains("socket"), "{special}");
}
