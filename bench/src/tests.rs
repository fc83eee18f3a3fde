//! The harness itself, on commands whose cost is known; no figure of a machine is asserted.

use base::sys::Host;
use base::sys::env::Environment;
use base::vocabulary::progress::Silent;
use builder::toolchain::uv::provide_uv;
use clap::Parser as _;
use xshell::Shell;

use super::commands::without_wheels;
use super::measure::Side;
use super::{Comparison, bumps, compare, differ, median, scale, sdists, table};

#[test]
fn medians_are_in_the_middle() {
    for (values, expected) in [(vec![3.0], 3.0), (vec![9.0, 1.0, 2.0], 2.0), (vec![4.0, 2.0], 3.0)]
    {
        assert!((median(values.clone()) - expected).abs() < 1e-9, "{values:?}");
    }
}

#[test]
fn peaks_of_children_are_seen() {
    let shell = Shell::new().unwrap();
    let inner = "x = bytearray(b'x') * (64 * 1024 * 1024)";
    let outer = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])";
    let side = Side::new("python3").args(["-c", outer, inner]);
    let sample = side.measure(&shell).unwrap();
    assert!((64.0..120.0).contains(&sample.peak_mib), "{sample:?}");
    assert!((1.0..64.0).contains(&sample.own_peak_mib), "{sample:?}");
    assert!(sample.seconds > 0.0 && sample.cpu_seconds > 0.0, "{sample:?}");
}

#[test]
fn a_side_that_fails_or_disagrees_is_an_error() {
    let shell = Shell::new().unwrap();
    let pair = |ours: &str, theirs: &str| Comparison {
        name: "test",
        ours: Side::new("sh").args(["-c", ours]),
        theirs: Side::new("sh").args(["-c", theirs]),
        same_output: true,
    };
    let row = compare(&shell, &pair("echo 1", "echo 1"), 2).unwrap();
    assert_eq!((row.ours.samples.len(), row.theirs.samples.len()), (2, 2));
    assert!(table(&[row]).contains("test"));
    assert!(compare(&shell, &pair("echo 1", "echo 2"), 1).is_err());
    assert!(compare(&shell, &pair("echo 1", "exit 3"), 1).is_err());
    let failed = compare(&shell, &pair("echo 1", "echo oh >&2; exit 3"), 1).unwrap_err();
    let told = format!("{failed:#}");
    assert!(
        told.contains("`sh -c echo oh >&2; exit 3`") && told.contains("ended with 3"),
        "{told}"
    );
    assert!(!told.contains("import"), "the script that measures is not shown: {told}");
    assert!(Side::new("false").ends_with(1).measure(&shell).is_ok());
    assert!(Side::new("true").ends_with(1).measure(&shell).is_err());
}

#[test]
fn caches_are_emptied_before_each_run() {
    let shell = Shell::new().unwrap();
    let base = tempfile::tempdir().unwrap();
    let cache = base.path().join("cache");
    let side = Side::new("mkdir").arg(&cache).emptied(cache);
    side.measure(&shell).unwrap();
    side.measure(&shell).unwrap();
}

#[test]
fn what_has_no_wheel_is_left_out_for_uv() {
    let lock =
        "version = 1\n[[package]]\nname = 'a'\nwheels = [{ url = 'x' }]\n[[package]]\nname = 'b'\n";
    assert_eq!(without_wheels(lock).unwrap(), ["b"]);
}

#[test]
fn generated_locks_have_the_size_that_is_said_and_are_always_the_same() {
    let text = scale::lock(30);
    assert_eq!(text, scale::lock(30));
    let lock: toml::Table = toml::from_str(&text).unwrap();
    let packages = lock["package"].as_array().unwrap();
    let edges = packages.iter().map(|it| it["dependencies"].as_array().unwrap().len());
    assert_eq!((packages.len(), edges.sum::<usize>()), (30, 300));
}

/// A copy of the sample, as `rebuilds` makes it.
fn sample(shell: &Shell) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let (root, copy) = (crate::root(), dir.path().join("copy"));
    bumps::copy(shell, root, &root.join("examples/sample"), &copy).unwrap();
    dir
}

#[test]
fn every_bump_changes_what_it_names() {
    let shell = Shell::new().unwrap();
    for bump in bumps::of("sample").unwrap() {
        let dir = sample(&shell);
        let copy = dir.path().join("copy");
        let lock_again = bump.apply(&shell, "sample", &copy).unwrap();
        let read = |path: &str| shell.read_file(copy.join(path)).unwrap();
        let (lock, recipe) = (read("source/uv.lock"), read("recipes/sample.toml"));
        let recipe: toml::Table = toml::from_str(&recipe).unwrap();
        match bump.name.as_str() {
            "a pure wheel (h11)" => {
                assert!(lock.contains("h11-0.14.0") && !lock.contains("h11-0.16.0"));
                assert_eq!(
                    without_wheels(&lock).unwrap().iter().filter(|it| *it == "h11").count(),
                    0
                );
            }
            "setuptools of docopt" => {
                let requires = &recipe["override"]["docopt"]["build"]["requires"];
                assert!(lock_again && requires[0].as_str() == Some("setuptools==80.9.0"));
            }
            "the interpreter (Debian sid)" => {
                assert_eq!(recipe["toolchain"]["debian"]["suite"].as_str(), Some("sid"));
            }
            name if name.contains("tree") => {
                let module = read("source/packages/sample-cache/sample_cache/__init__.py");
                assert!(module.ends_with("# Bumped.\n"));
            }
            name => assert_eq!(name, "nothing"),
        }
    }
    assert!(bumps::of("absent").is_err() && !bumps::of("authentik").unwrap().is_empty());
}

/// Toolchain, uv and downloads are those of the integration tests.
fn cache() -> std::path::PathBuf {
    crate::root().join("target/tmp/cache")
}

fn bench(words: &[&str]) -> crate::flags::Bench {
    crate::flags::Bench::parse_from([&["bench"], words].concat())
}

/// A small part of `bench differ`.
#[test]
fn selections_are_what_uv_installs() {
    let (environment, cache) = (Environment::capture(), cache());
    let host = Host { environment: &environment, cache: &cache, progress: &Silent };
    let uv = provide_uv(&host).unwrap().path;
    let dir = tempfile::tempdir().unwrap();
    let scratch = dir.path().join("scratch");
    let found = differ::run(&bench(&["differ", "--locks", "12"]), uv, &scratch).unwrap();
    differ::check(&found).unwrap();
    assert!((found.locks, found.selections) == (12, 36) && found.alike > 100, "{found:?}");
}

/// A small part of `bench sdists`.
#[test]
fn a_source_distribution_is_what_uv_builds() {
    let shell = Shell::new().unwrap();
    let cache = cache();
    let words = ["sdists", "--only", "markupsafe", "--cache", cache.to_str().unwrap()];
    let built = sdists::run(&bench(&words), &shell).unwrap();
    sdists::check(&built).unwrap();
    assert!(sdists::table(&built).starts_with("source distributions 1: 0 differ, 0 not built"));
}

#[test]
fn what_two_installations_differ_in_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = dir.path().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    };
    for (side, more) in [("ours", "data.txt"), ("theirs", "other.txt")] {
        write(&format!("{side}/a/__init__.py"), "");
        write(&format!("{side}/a/{more}"), "");
        write(&format!("{side}/a/which.py"), side);
        write(&format!("{side}/a-1.dist-info/RECORD"), side);
    }
    let found = sdists::installed::compare(&dir.path().join("ours"), &dir.path().join("theirs"));
    let found = found.unwrap();
    let shown: Vec<String> = found.differences.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "`a/data.txt` only we install",
            "`a/other.txt` only uv installs",
            "`a/which.py` has other bytes"
        ]
    );
}
