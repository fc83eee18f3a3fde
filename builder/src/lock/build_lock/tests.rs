//! A build lock is written, read and refused.

use super::*;
use base::vocabulary::Target;

fn sample() -> BuildLock {
    let requirement = |name: &str, version: &str| Requirement {
        name: name.parse().unwrap(),
        version: version.parse().unwrap(),
    };
    let file = |filename: &str| LockedFile {
        filename: filename.to_owned(),
        sha256: Sha256::of(filename),
        size: Some(3),
        place: FilePlace::Index,
    };
    let build = |source, requirements: &[Requirement], from_source: &[&str]| LockedBuild {
        source,
        overrides: Some(Sha256::of("o")),
        told: Some(Sha256::of("told")),
        backend: "setuptools.build_meta".to_owned(),
        sources: BTreeMap::new(),
        needs: ByTarget::Same(Needs {
            extra_requires: ["lxml==6.0.2".to_owned()].into(),
            requires: ["setuptools>=40".to_owned()].into(),
            requirements: requirements.iter().cloned().collect(),
            from_source: from_source.iter().map(|name| name.parse().unwrap()).collect(),
        }),
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
        tools: BTreeMap::new(),
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

/// Tools of every kind, an entry that differs by target, and files that are on no index.
#[test]
fn a_build_lock_of_the_second_version_survives_being_written() {
    let mut lock = sample();
    assert!(lock.to_toml().contains("\nversion = 1\n"));
    let requirement = |text: &str| {
        let (name, version) = text.split_once("==").unwrap();
        Requirement { name: name.parse().unwrap(), version: version.parse().unwrap() }
    };
    let file = |filename: &str, place| LockedFile {
        filename: filename.to_owned(),
        sha256: Sha256::of(filename),
        size: None,
        place,
    };
    let url = || FilePlace::Url("https://files.example/b-2.tar.gz".parse().unwrap());
    let path = || FilePlace::Path("vendor/c-3.tar.gz".to_owned());
    let archive = |filename: &str, place| ToolSource::Archive {
        file: file(filename, place),
        subdirectory: None,
    };
    let git = GitSource {
        url: "https://git.example/d".to_owned(),
        commit: "d".repeat(40),
        reference: Some("v4".to_owned()),
        subdirectory: Some("sub".to_owned()),
        lfs: false,
    };
    for (name, source) in [
        ("a==1", archive("a-1.tar.gz", FilePlace::Index)),
        ("b==2", archive("b-2.tar.gz", url())),
        ("c==3", archive("c-3.tar.gz", path())),
        ("d==4", ToolSource::Git(git)),
        ("e==5", ToolSource::Local("e".to_owned())),
    ] {
        let build =
            LockedBuild { source: source.pin(), ..lock.builds.values().next().unwrap().clone() };
        lock.tools.insert(requirement(name), Tool { source, build });
    }
    let wheel = requirement("f==6");
    lock.wheels.insert(wheel, vec![file("f-6-py3-none-any.whl", url())]);
    let xmlsec = lock.builds.last_entry().unwrap().into_mut();
    xmlsec.sources = [("lxml".parse().unwrap(), "{\"workspace\":true}".to_owned())].into();
    let mut needs = ByTarget::default();
    for (python, platform, requires) in
        [("3.14", "linux", "a"), ("3.10", "linux", "tomli"), ("3.14", "macos", "a")]
    {
        let target = Target::new(python, platform).unwrap();
        let requires = [requires.to_owned()].into();
        needs.insert(&target, Needs { requires, ..Needs::default() });
    }
    xmlsec.needs = needs;
    let text = lock.to_toml();
    assert!(text.contains("\nversion = 2\n"), "{text}");
    assert_eq!(BuildLock::parse("x", &text).unwrap(), lock, "{text}");
    for (from, to) in [("path = \"vendor", "path = \"../vendor"), ("local:e", "local:/etc")] {
        assert!(text.contains(from), "{text}");
        assert!(BuildLock::parse("x", &text.replacen(from, to, 1)).is_err(), "{from} → {to}");
    }
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
        told: None,
        backend: "hatchling.build".to_owned(),
        sources: BTreeMap::new(),
        needs: ByTarget::Same(Needs {
            extra_requires: extra.iter().map(|text| (*text).to_owned()).collect(),
            ..Needs::default()
        }),
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
