//! Collisions: found before the installation, decided by rule, and the same tree whoever wrote
//! last.

use std::collections::BTreeMap;
use std::path::Path;

use base::recipe::{CollisionRule, CollisionRules};
use builder::install::collisions::{Collisions, Decision, find};
use builder::install::output::Output;
use builder::install::wheel_archive::WheelArchive;
use fs_err as fs;

use crate::wheels_fixture::{HEADER, SITE_PACKAGES, Wheel, install, output, true_record_lines};

const MAKEFILE: &str = "lib/python3.14/site-packages/docs/Makefile";

fn racing(dir: &Path) -> Vec<WheelArchive> {
    vec![
        Wheel::new("pyrad", "2.5.4")
            .file("docs/Makefile", "pyrad")
            .file("docs/conf.py", "same")
            .file("docs/CONF.py", "only the case differs")
            .scripts("run = pyrad:main\nown = pyrad:K.f")
            .open(dir),
        Wheel::new("django_tenants", "3.10.0")
            .file_with_mode("docs/Makefile", "tenants", 0o100_755)
            .file("docs/conf.py", "same")
            .scripts("run = tenants:main")
            .open(dir),
    ]
}

fn rules(default: CollisionRule, paths: &[(&str, CollisionRule)]) -> CollisionRules {
    let paths = paths.iter().map(|(path, rule)| ((*path).to_owned(), *rule));
    CollisionRules { default, paths: paths.collect(), ..CollisionRules::default() }
}

fn decisions(found: &Collisions) -> BTreeMap<&str, &Decision> {
    found.decided.iter().map(|one| (one.path.as_str(), &one.decision)).collect()
}

#[test]
fn the_longest_key_decides() {
    use CollisionRule::{Drop, Fail, FirstByName};
    let dir = tempfile::tempdir().unwrap();
    let (output, wheels) = (output(dir.path()), racing(dir.path()));
    let winner = Decision::Winner("django-tenants".parse().unwrap());
    for (paths, makefile, run) in [
        (vec![("docs", FirstByName), ("bin/run", Drop)], &winner, &Decision::Dropped),
        (
            vec![("docs/", Drop), ("docs/Makefile", FirstByName), ("bin", Drop)],
            &winner,
            &Decision::Dropped,
        ),
        (vec![(MAKEFILE, Drop), ("bin/run", FirstByName)], &Decision::Dropped, &winner),
    ] {
        let found = find(&output, &wheels, &rules(Fail, &paths)).unwrap();
        let expected = BTreeMap::from([
            ("bin/run", run),
            (MAKEFILE, makefile),
            ("lib/python3.14/site-packages/docs/conf.py", &Decision::Identical),
        ]);
        assert_eq!(decisions(&found), expected, "{paths:?}");
    }
    // A key is a directory, not the beginning of a name.
    assert!(find(&output, &wheels, &rules(Fail, &[("doc", Drop), ("bin", Drop)])).is_err());
}

#[derive(serde::Deserialize)]
struct Pasted {
    collisions: CollisionRules,
}

#[test]
fn an_undecided_collision_shows_what_to_paste() {
    let dir = tempfile::tempdir().unwrap();
    let (output, wheels) = (output(dir.path()), racing(dir.path()));
    let problem = find(&output, &wheels, &CollisionRules::default()).unwrap_err();
    assert_eq!(
        problem.to_string(),
        "distributions install different files at 2 paths\n  bin/run        `django-tenants`, \
         `pyrad`\n  docs/Makefile  `django-tenants`, `pyrad`"
    );
    let hint = problem.hint.unwrap();
    let pasted = hint.split_once("\n\n").unwrap().1;
    assert_eq!(
        pasted,
        "[collisions.paths]\n\"bin/run\" = \"first-by-name\"\n\"docs/Makefile\" = \"first-by-name\""
    );
    let pasted: Pasted = toml::from_str(pasted).unwrap();
    assert!(find(&output, &wheels, &pasted.collisions).is_ok());
}

/// The tree after installing in both orders; it must be the same.
fn applied(dir: &Path, rule: CollisionRule) -> Output {
    let wheels = racing(dir);
    let mut trees = Vec::new();
    for order in [[0, 1], [1, 0]] {
        let output = output(&dir.join(format!("{order:?}")));
        install(&output, order.map(|index| &wheels[index]));
        let found = find(&output, &wheels, &rules(rule, &[])).unwrap();
        found.apply(&output, &wheels).unwrap();
        trees.push((listing(&output.root), output));
    }
    assert_eq!(trees[0].0, trees[1].0);
    trees.pop().unwrap().1
}

fn listing(dir: &Path) -> Vec<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut lines = Vec::new();
    for entry in base::sys::files::sorted_entries(dir).unwrap() {
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            let below = listing(&entry.path());
            lines.push(format!("{name}/"));
            lines.extend(below.into_iter().map(|line| format!("{name}/{line}")));
        } else {
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            let content = fs::read_to_string(entry.path()).unwrap();
            lines.push(format!("{name} {mode:o} {content}"));
        }
    }
    lines
}

#[test]
fn the_first_by_name_wins_whoever_wrote_last() {
    let dir = tempfile::tempdir().unwrap();
    let output = applied(dir.path(), CollisionRule::FirstByName);
    assert_eq!(fs::read_to_string(output.root.join(MAKEFILE)).unwrap(), "tenants");
    let script = fs::read_to_string(output.root.join("bin/run")).unwrap();
    assert!(script.starts_with(HEADER) && script.contains("\nfrom tenants import main\n"));
    assert_eq!(
        true_record_lines(&output),
        [
            "django_tenants-3.10.0: ../../../bin/run",
            "django_tenants-3.10.0: docs/Makefile",
            "django_tenants-3.10.0: docs/conf.py",
            "pyrad-2.5.4: ../../../bin/own",
            "pyrad-2.5.4: docs/CONF.py",
            "pyrad-2.5.4: docs/conf.py",
        ]
    );
}

#[test]
fn what_is_dropped_is_in_no_record() {
    let dir = tempfile::tempdir().unwrap();
    let output = applied(dir.path(), CollisionRule::Drop);
    assert!(!output.root.join(MAKEFILE).exists() && !output.root.join("bin/run").exists());
    assert_eq!(
        true_record_lines(&output),
        [
            "django_tenants-3.10.0: docs/conf.py",
            "pyrad-2.5.4: ../../../bin/own",
            "pyrad-2.5.4: docs/CONF.py",
            "pyrad-2.5.4: docs/conf.py",
        ]
    );
}

#[test]
fn a_directory_against_a_file_cannot_be_decided() {
    let dir = tempfile::tempdir().unwrap();
    let wheels = [
        Wheel::new("alpha", "1").file("docs", "").open(dir.path()),
        Wheel::new("beta", "1").file("docs-x", "").file("docs/a/b", "").open(dir.path()),
    ];
    let drop = rules(CollisionRule::Drop, &[]);
    let problem = find(&output(dir.path()), &wheels, &drop).unwrap_err().to_string();
    assert!(problem.contains(&format!("{SITE_PACKAGES}/docs\n")), "{problem}");
}

/// In every venv `lib64` is a link to `lib`.
#[test]
fn a_path_through_lib64_is_that_in_lib() {
    let dir = tempfile::tempdir().unwrap();
    let through = format!("alpha-1.data/data/lib64/{}/b/__init__.py", &SITE_PACKAGES[4..]);
    let wheels = [
        Wheel::new("alpha", "1").file(&through, "1").open(dir.path()),
        Wheel::new("beta", "1").file("b/__init__.py", "2").open(dir.path()),
    ];
    let problem = find(&output(dir.path()), &wheels, &CollisionRules::default()).unwrap_err();
    assert!(problem.to_string().contains("b/__init__.py  `alpha`, `beta`"), "{problem}");
    let twice = Wheel::new("gamma", "1").file("b.py", "");
    let through = format!("gamma-1.data/data/lib64/{}/b.py", &SITE_PACKAGES[4..]);
    let path = twice.file(&through, "").write(dir.path());
    let problem = WheelArchive::open(&path, SITE_PACKAGES).unwrap_err();
    assert!(problem.to_string().contains("installed as"), "{problem}");
}

#[test]
fn scripts_that_are_the_same_are_no_decision() {
    let dir = tempfile::tempdir().unwrap();
    let wheels = [
        Wheel::new("alpha", "1").scripts("run = both:main").open(dir.path()),
        Wheel::new("beta", "1").scripts("run = both:main").open(dir.path()),
    ];
    let found = find(&output(dir.path()), &wheels, &CollisionRules::default()).unwrap();
    assert_eq!(decisions(&found), BTreeMap::from([("bin/run", &Decision::Identical)]));
}

#[test]
fn a_record_that_lies_about_a_colliding_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let wheels = [
        Wheel::new("alpha", "1").file("a", "1").open(dir.path()),
        Wheel::new("beta", "1").file("a", "2").with_false_digest_of("a").open(dir.path()),
    ];
    let problem = find(&output(dir.path()), &wheels, &CollisionRules::default()).unwrap_err();
    assert!(problem.to_string().contains("`RECORD`"), "{problem}");
}
