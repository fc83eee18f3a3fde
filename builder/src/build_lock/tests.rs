//! A build lock is written, read and refused.

use super::*;

fn sample() -> BuildLock {
    let requirement = |name: &str, version: &str| Requirement {
        name: name.parse().unwrap(),
        version: version.parse().unwrap(),
    };
    let file = |filename: &str| LockedFile {
        filename: filename.to_owned(),
        sha256: Sha256::of(filename),
        size: Some(3),
    };
    let build = |source, requirements: &[Requirement], from_source: &[&str]| LockedBuild {
        source,
        overrides: Some(Sha256::of("o")),
        backend: "setuptools.build_meta".to_owned(),
        requires: ["setuptools>=40".to_owned()].into(),
        requirements: requirements.iter().cloned().collect(),
        from_source: from_source.iter().map(|name| name.parse().unwrap()).collect(),
    };
    let setuptools = requirement("setuptools", "80.9.0");
    let lxml = requirement("lxml", "6.0.2");
    BuildLock {
        exclude_newer: Some("2026-02-20T00:00:00Z".to_owned()),
        builds: [
            (
                lxml.name.clone(),
                build(SourcePin::Sha256(Sha256::of("l")), std::slice::from_ref(&setuptools), &[]),
            ),
            (
                "xmlsec".parse().unwrap(),
                build(SourcePin::Commit("c".repeat(40)), &[setuptools.clone(), lxml], &["lxml"]),
            ),
        ]
        .into(),
        wheels: [(
            setuptools,
            vec![
                file("setuptools-80.9.0-py3-none-any.whl"),
                file("setuptools-80.9.0-cp314-cp314-manylinux_2_17_x86_64.whl"),
                file("setuptools-80.9.0-cp314-cp314-manylinux_2_17_aarch64.whl"),
            ],
        )]
        .into(),
    }
}

#[test]
fn a_build_lock_survives_being_written() {
    let lock = sample();
    let text = lock.to_toml();
    assert_eq!(BuildLock::parse("x", &text).unwrap(), lock);
    assert_eq!(BuildLock::parse("x", &text).unwrap().to_toml(), text);
}

#[test]
fn each_target_gets_its_wheel() {
    let lock = sample();
    let requirement = lock.wheels.keys().next().unwrap();
    for (platform, expected) in [
        ("x86_64-manylinux_2_39", "setuptools-80.9.0-cp314-cp314-manylinux_2_17_x86_64.whl"),
        ("aarch64-manylinux_2_39", "setuptools-80.9.0-cp314-cp314-manylinux_2_17_aarch64.whl"),
        ("macos", "setuptools-80.9.0-py3-none-any.whl"),
    ] {
        let target = crate::vocabulary::Target::new("3.14", platform).unwrap();
        assert_eq!(lock.wheel(requirement, &target).unwrap().filename, expected);
    }
}

#[test]
fn damaged_build_locks_are_refused() {
    let text = sample().to_toml();
    for (from, to) in [
        ("version = 1", "version = 9"),
        ("sha256:", "md5:"),
        ("==80.9.0", ""),
        ("backend", "back-end"),
        ("[[wheel]]", "[[whel]]"),
    ] {
        assert!(BuildLock::parse("x", &text.replacen(from, to, 1)).is_err(), "{from} → {to}");
    }
}
