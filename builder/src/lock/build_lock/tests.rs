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
        extra_requires: ["lxml==6.0.2".to_owned()].into(),
        backend: "setuptools.build_meta".to_owned(),
        requires: ["setuptools>=40".to_owned()].into(),
        requirements: requirements.iter().cloned().collect(),
        from_source: from_source.iter().map(|name| name.parse().unwrap()).collect(),
    };
    let setuptools = requirement("setuptools", "80.9.0");
    let lxml = requirement("lxml", "6.0.2");
    BuildLock {
        exclude_newer: Some("2026-02-20T00:00:00Z".to_owned()),
        constraints: ["setuptools<81".to_owned()].into(),
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
        let target = base::vocabulary::Target::new("3.14", platform).unwrap();
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

/// A lock in which `app` is built and needs `lxml` of that version.
fn locked(lxml: &str) -> crate::lock::Lock {
    let text = format!(
        "version = 1
        [[package]]
        name = 'app'
        version = '1'
        source = {{ directory = '.' }}
        dependencies = [{{ name = 'lxml' }}]
        [[package]]
        name = 'lxml'
        version = '{lxml}'
        source = {{ registry = 'https://index.example/simple' }}
        wheels = [{{ url = 'https://files.example/lxml-{lxml}-py3-none-any.whl',
                     hash = 'sha256:{}' }}]",
        Sha256::of("x")
    );
    crate::lock::Lock::parse(&text).unwrap()
}

/// What the project's `[tool.uv]` has, the version of lxml, the locked extra requirements and
/// constraints, and words of the error.
type Case = (&'static str, &'static str, &'static [&'static str], &'static [&'static str], Stale);
type Stale = Option<&'static str>;

#[test]
fn what_was_locked_for_other_demands_is_stale() {
    use crate::lock::pyproject::Pyproject;
    use base::recipe::{Recipe, Selection};
    let recipe = "source = { path = 'x' }\ntarget = { python = '3.14', platforms = ['linux'] }";
    let recipe = Recipe::parse("x", recipe, &|_| unreachable!("nothing lies beside it")).unwrap();
    let target = base::vocabulary::Target::new("3.14", "linux").unwrap();
    let build = |extra: &[&str]| LockedBuild {
        source: SourcePin::Local(".".to_owned()),
        overrides: None,
        extra_requires: extra.iter().map(|text| (*text).to_owned()).collect(),
        backend: "hatchling.build".to_owned(),
        requires: BTreeSet::new(),
        requirements: BTreeSet::new(),
        from_source: BTreeSet::new(),
    };
    let matching =
        "extra-build-dependencies.app = [{ requirement = 'lxml', match-runtime = true }]";
    let cases: [Case; 10] = [
        ("", "6.0.2", &[], &[], None),
        ("extra-build-dependencies.app = ['b>1']", "6.0.2", &["b>1"], &[], None),
        ("extra-build-dependencies.app = ['b>1']", "6.0.2", &[], &[], Some("`b>1`")),
        ("extra-build-dependencies.app = ['b>2']", "6.0.2", &["b>1"], &[], Some("`b>2`")),
        ("", "6.0.2", &["b>1"], &[], Some("the project has none")),
        ("extra-build-dependencies.other = ['b']", "6.0.2", &[], &[], None),
        (matching, "6.0.2", &["lxml==6.0.2"], &[], None),
        (matching, "6.0.3", &["lxml==6.0.2"], &[], Some("`lxml==6.0.3`")),
        ("build-constraint-dependencies = ['b<2']", "6.0.2", &[], &["b<2"], None),
        ("build-constraint-dependencies = ['b<3']", "6.0.2", &[], &["b<2"], Some("`b<3`")),
    ];
    for (table, lxml, extra, constraints, stale) in cases {
        let project = Pyproject::parse("the project", &format!("[tool.uv]\n{table}")).unwrap();
        let lock = locked(lxml);
        let selection = Selection::default();
        let resolution =
            crate::lock::resolve::resolve(&lock, &project, &target, &selection).unwrap();
        let build_lock = BuildLock {
            constraints: constraints.iter().map(|text| (*text).to_owned()).collect(),
            builds: [("app".parse().unwrap(), build(extra))].into(),
            ..BuildLock::default()
        };
        let demands = Demands { recipe: &recipe, project: &project, lock: &lock };
        let covered = build_lock.cover(&resolution, demands);
        match (covered, stale) {
            (Ok(()), None) => {}
            (Err(problem), Some(part)) => {
                assert!(problem.to_string().contains(part), "{table}: {problem}");
                assert!(problem.hint.unwrap().contains("build-lock"), "{table}");
            }
            (covered, _) => panic!("{table}, {extra:?}, {constraints:?}: {covered:?}"),
        }
    }
}
