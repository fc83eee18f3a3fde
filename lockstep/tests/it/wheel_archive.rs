//! Wheels, honest and hostile.

use builder::install::wheel_archive::WheelArchive;
use fs_err as fs;

use crate::wheels_fixture::{SITE_PACKAGES, Wheel};

#[test]
fn members_have_their_place_in_the_venv() {
    let dir = tempfile::tempdir().unwrap();
    let wheel = Wheel::new("alpha", "1.0")
        .file("alpha.py", "")
        .file("alpha-1.0.data/platlib/native.so", "")
        .file("alpha-1.0.data/scripts/s", "#!python -u\nprint()\n")
        .file("alpha-1.0.data/data/share/d", "")
        .file("alpha-1.0.data/headers/h.h", "")
        .scripts("run = alpha:f")
        .open(dir.path());
    let paths: Vec<&str> = wheel
        .files
        .iter()
        .filter(|(path, _)| !path.contains(".dist-info"))
        .map(|(path, _)| path.as_str())
        .collect();
    assert_eq!(
        paths,
        [
            "bin/run",
            "bin/s",
            "include/site/python3.14/alpha/h.h",
            "lib/python3.14/site-packages/alpha.py",
            "lib/python3.14/site-packages/native.so",
            "share/d",
        ]
    );
    assert!(wheel.root_is_purelib && wheel.files["bin/s"].executable);
    assert_eq!(wheel.body(&wheel.files["bin/s"]).unwrap(), b"print()\n");
    wheel.verify().unwrap();
}

#[test]
fn hostile_wheels_are_refused() {
    let alpha = || Wheel::new("alpha", "1.0");
    let cases: Vec<(Wheel, &str)> = vec![
        (alpha().file("../evil", ""), "plain relative path"),
        (alpha().file("/etc/evil", ""), "plain relative path"),
        (alpha().file("a/./b", ""), "plain relative path"),
        (alpha().file("a\\..\\b", ""), "plain relative path"),
        (alpha().file_with_mode("link", "/etc", 0o120_777), "neither a file nor a directory"),
        (alpha().file("a", "").file("a/b", ""), "as a file and as a directory"),
        (alpha().file("alpha-1.0.data/etc/x", ""), "unknown scheme"),
        (alpha().file("alpha-1.0.data/purelib/a", "").file("a", ""), "installed as"),
        (alpha().file("beta-1.0.dist-info/x", ""), "2 `.dist-info` directories"),
        (alpha().scripts("../x = a:b"), "entry_points.txt"),
        (alpha().metadata("Name: beta\nVersion: 1.0\n"), "of another distribution"),
        (alpha().metadata("Name: alpha\nVersion: 1.1\n"), "of another distribution"),
    ];
    for (wheel, expected) in cases {
        let dir = tempfile::tempdir().unwrap();
        let problem = WheelArchive::open(&wheel.write(dir.path()), SITE_PACKAGES).unwrap_err();
        assert!(problem.to_string().contains(expected), "{expected}: {problem}");
    }
}

#[test]
fn a_wheel_under_anothers_name_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = Wheel::new("alpha", "1.0").write(dir.path());
    for name in ["beta-1.0-py3-none-any.whl", "alpha-2.0-py3-none-any.whl", "alpha.whl"] {
        let renamed = dir.path().join(name);
        fs::copy(&path, &renamed).unwrap();
        assert!(WheelArchive::open(&renamed, SITE_PACKAGES).is_err(), "{name}");
    }
}

/// Changes bytes of a written wheel behind the back of its checksums.
fn tampered(from: &[u8], to: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
    assert_eq!(from.len(), to.len());
    let dir = tempfile::tempdir().unwrap();
    let wheel = Wheel::new("alpha", "1.0").file("first.py", "honest").file("other.py", "x");
    let path = wheel.write(dir.path());
    let mut bytes = fs::read(&path).unwrap();
    let mut start = 0;
    while let Some(found) = bytes[start..].windows(from.len()).position(|window| window == from) {
        bytes[start + found..start + found + to.len()].copy_from_slice(to);
        start += found + to.len();
    }
    fs::write(&path, bytes).unwrap();
    (dir, path)
}

#[test]
fn duplicate_members_are_refused() {
    let (_dir, path) = tampered(b"other.py", b"first.py");
    let problem = WheelArchive::open(&path, SITE_PACKAGES).unwrap_err();
    assert!(problem.to_string().contains("two members of one name"), "{problem}");
}

/// A small archive can say, and hold, that it unpacks to what fills any disk.
#[test]
fn a_wheel_that_unpacks_to_more_than_any_real_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..9).map(|number| format!("large{number}")).collect();
    let wheel = names.iter().fold(Wheel::new("alpha", "1.0"), |wheel, name| wheel.file(name, ""));
    let path = wheel.write(dir.path());
    let mut bytes = fs::read(&path).unwrap();
    // A header of the central directory (PKWARE's APPNOTE, 4.3.12): the size is at 24, the name at
    // 46.
    let is_large =
        |bytes: &[u8]| bytes.starts_with(b"PK\x01\x02") && bytes[46..].starts_with(b"large");
    let headers = (0..bytes.len() - 51).filter(|at| is_large(&bytes[*at..])).collect::<Vec<_>>();
    assert_eq!(headers.len(), names.len());
    for at in headers {
        bytes[at + 24..at + 28].copy_from_slice(&(u32::MAX - 1).to_le_bytes());
    }
    fs::write(&path, bytes).unwrap();
    let problem = WheelArchive::open(&path, SITE_PACKAGES).unwrap_err().to_string();
    let size = (9 * u64::from(u32::MAX - 1)).to_string();
    for part in ["alpha-1.0-py3-none-any.whl", "at most 34359738368 bytes", &size[..5]] {
        assert!(problem.contains(part), "{part}: {problem}");
    }
}

#[test]
fn a_wrong_checksum_is_refused() {
    let (_dir, path) = tampered(b"honest", b"forged");
    let wheel = WheelArchive::open(&path, SITE_PACKAGES).unwrap();
    let problem = wheel.member("first.py").unwrap_err();
    assert!(problem.to_string().to_lowercase().contains("checksum"), "{problem}");
    assert!(wheel.verify().is_err());
}

#[test]
fn a_record_that_lies_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let wheel =
        Wheel::new("alpha", "1.0").file("a.py", "a").with_false_digest_of("a.py").open(dir.path());
    let problem = wheel.verify().unwrap_err();
    assert!(problem.to_string().contains("it is not what `RECORD` says"), "{problem}");
}
