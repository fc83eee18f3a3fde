//! Bounding the cache: what goes first, what stays, and what it costs to lose it.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, UNIX_EPOCH};

use base::sys::files::sorted_entries;
use builder::gc;
use rustix::fs::{Mode, OFlags};
use serde_json::Value;

use crate::cli::{self, PLAIN, Running, Small, end, scratch, until};

const KIB: usize = 1024;

/// A cache with one file in each of `entries`, used in this order.
fn cache(entries: &[(&str, usize)]) -> tempfile::TempDir {
    let dir = scratch();
    for (used, (entry, kib)) in entries.iter().enumerate() {
        let path = dir.path().join(entry);
        fs_err::create_dir_all(&path).unwrap();
        fs_err::write(path.join("content"), vec![b'x'; kib * KIB]).unwrap();
        let used = UNIX_EPOCH + Duration::from_secs(used as u64);
        fs_err::File::open(&path).unwrap().into_parts().0.set_modified(used).unwrap();
    }
    dir
}

fn removed(cache: &Path, max_kib: u64, dry_run: bool) -> Vec<String> {
    let max = max_kib * KIB as u64;
    // A program that another test starts at this moment holds the lock until it runs: the lock is
    // inherited with the file.
    let collected = gc::collect(cache, max, dry_run, || ()).unwrap();
    let freed: u64 = collected.removed.iter().map(|it| it.bytes).sum();
    assert_eq!(collected.before - collected.after, freed);
    collected.removed.iter().map(|it| it.path.display().to_string()).collect()
}

#[test]
fn the_dead_go_first_and_then_the_least_recently_used() {
    let entries = [
        ("wheels/old", 100),
        ("files/older-than-it-looks", 100),
        ("toolchains/root", 100),
        ("toolchains/apt/suite", 100),
        ("wheelhouses/.work", 100),
        ("outputs/new", 100),
        ("work/build-failed", 100),
    ];
    let dead = ["wheelhouses/.work", "work/build-failed"];
    let used = ["wheels/old", "files/older-than-it-looks", "toolchains/root"];
    let cases: [(u64, Vec<&str>); 4] = [
        (10_000, vec![]),
        (650, dead[..1].to_vec()),
        (550, dead.to_vec()),
        (300, [&dead[..], &used[..]].concat()),
    ];
    for (max, expected) in cases {
        let cache = cache(&entries);
        for beside in ["wheels/old.lock", "toolchains/.lock", "toolchains/index.json"] {
            fs_err::write(cache.path().join(beside), "").unwrap();
        }
        assert_eq!(removed(cache.path(), max, true), expected, "{max}, dry");
        assert!(entries.iter().all(|(entry, _)| cache.path().join(entry).exists()));
        assert_eq!(removed(cache.path(), max, false), expected, "{max}");
        for (entry, _) in entries {
            let exists = cache.path().join(entry).exists();
            assert_eq!(exists, !expected.contains(&entry), "{max}: {entry}");
        }
        let lock = cache.path().join("wheels/old.lock");
        assert_eq!(lock.exists(), !expected.contains(&"wheels/old"));
        assert!(cache.path().join("toolchains/.lock").exists());
        assert_eq!(removed(cache.path(), max, false), [""; 0], "{max}, again");
    }
}

#[test]
fn a_file_with_two_names_is_counted_once() {
    let cache = cache(&[("wheels/a", 1), ("wheels/b", 1)]);
    let [a, b] = ["wheels/a/content", "wheels/b/content"].map(|it| cache.path().join(it));
    fs_err::write(&a, vec![b'x'; 500 * KIB]).unwrap();
    fs_err::remove_file(&b).unwrap();
    fs_err::hard_link(&a, &b).unwrap();
    assert_eq!(removed(cache.path(), 600, false), [""; 0]);
    // The first name frees nothing to speak of, so the second goes too.
    assert_eq!(removed(cache.path(), 400, false), ["wheels/a", "wheels/b"]);
}

#[test]
fn what_lies_elsewhere_is_left() {
    let elsewhere = cache(&[("wheels/a", 100)]);
    let cache = cache(&[("outputs/a", 100)]);
    let link = cache.path().join("wheels");
    symlink(elsewhere.path().join("wheels"), link).unwrap();
    assert_eq!(removed(cache.path(), 0, false), ["outputs/a"]);
    assert!(elsewhere.path().join("wheels/a/content").exists());
}

/// A link keeps its output by whatever name the cache has; what is no link keeps nothing and stops
/// nothing.
#[test]
fn a_cache_has_several_names() {
    let cache = cache(&[("outputs/kept/tree", 100), ("outputs/other/tree", 100)]);
    let names = scratch();
    let [by_link, result] = ["by-link", "result"].map(|it| names.path().join(it));
    symlink(cache.path(), &by_link).unwrap();
    for (made_by, collected_by) in [(cache.path(), &*by_link), (&by_link, cache.path())] {
        symlink(made_by.join("outputs/kept/tree"), &result).unwrap();
        gc::add_root(made_by, &result).unwrap();
        fs_err::write(cache.path().join("gcroots/note"), "").unwrap();
        let expected = if made_by == by_link { vec![] } else { vec!["outputs/other"] };
        assert_eq!(removed(collected_by, 0, false), expected);
        assert!(result.join("content").exists());
        fs_err::remove_file(&result).unwrap();
    }
    assert_eq!(removed(cache.path(), 0, false), ["outputs/kept"]);
}

/// What cannot be removed as a whole, be it because `gc` is killed, leaves its place as a whole.
#[test]
fn no_half_of_an_entry_stays_in_its_place() {
    let cache = cache(&[("toolchains/root/usr", 100), ("toolchains/root/etc", 100)]);
    let program = cli::builder(cache.path(), cache.path());
    // A mount point cannot be removed.
    let script = "mount -t tmpfs none \"$1\" && shift && exec \"$@\"";
    let ended = end(cli::command("/usr/bin/unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"])
        .arg(cache.path().join("toolchains/root/usr"))
        .arg(program.get_program())
        .args(program.get_args())
        .args(["gc", "--max-size", "0"]));
    ended.bad(1, &["cannot bound the cache", "cannot remove"]);
    assert!(!cache.path().join("toolchains/root").exists());
    removed(cache.path(), 0, false);
    assert_eq!(sorted_entries(&cache.path().join("toolchains")).unwrap().len(), 0);
}

/// A build can leave more levels than paths reach.
#[test]
fn a_deep_tree_stops_nothing() {
    // In memory: some disks take minutes for so many directories.
    let cache = tempfile::tempdir_in("/dev/shm").unwrap();
    let left = cache.path().join("work/build-failed");
    fs_err::create_dir_all(&left).unwrap();
    fs_err::write(left.join("file"), "content").unwrap();
    let mut open = rustix::fs::open(&left, OFlags::DIRECTORY, Mode::empty()).unwrap();
    for _ in 0..5000 {
        rustix::fs::mkdirat(&open, "d", Mode::RWXU).unwrap();
        open = rustix::fs::openat(&open, "d", OFlags::DIRECTORY, Mode::empty()).unwrap();
    }
    assert_eq!(removed(cache.path(), 0, false), ["work/build-failed"]);
    assert!(!left.exists());
}

fn collect(small: &Small, arguments: &[&str]) -> Value {
    end(small.builder(&["--json", "gc"]).args(arguments)).json()
}

fn output(report: &Value) -> PathBuf {
    PathBuf::from(report["output"].as_str().unwrap())
}

#[test]
fn a_linked_output_stays_and_is_found_again() {
    let small = Small::new(PLAIN);
    let linked = small.build().json();
    small.replace("app/act.py", "42", "43");
    let unlinked = end(&mut small.builder(&["--json", "build", "small", "--no-out-link"])).json();
    assert!(output(&linked).exists() && output(&unlinked).exists());
    let dry = collect(&small, &["--max-size", "0", "--dry-run"]);
    assert!(output(&unlinked).exists());
    let done = collect(&small, &["--max-size", "0"]);
    assert_eq!(dry["removed"], done["removed"]);
    assert_eq!(done["kept-for"], serde_json::json!([small.path("result")]));
    assert!(output(&linked).exists() && !output(&unlinked).exists());
    // Its link now points to another output, so the first one has no root any more.
    let again = small.build().json();
    assert_eq!((&again["cached"], &again["compiled"]), (&false.into(), &1.into()));
    collect(&small, &["--max-size", "0"]);
    assert!(!output(&linked).exists() && output(&again).exists());
    fs_err::remove_file(small.path("result")).unwrap();
    let last = collect(&small, &["--max-size", "0"]);
    assert_eq!(last["kept-for"], serde_json::json!([]));
    assert!(!output(&again).exists());
    let text = end(&mut small.builder(&["gc", "--max-size", "1M"])).good();
    assert!(text.starts_with("freed 0 B; ") && text.contains("of 1.00 MiB in use"), "{text}");
    for (size, because) in
        [("5X", "`X` is none of"), ("G", "`` is no number"), ("99999999T", "disk")]
    {
        end(&mut small.builder(&["gc", "--max-size", size])).bad(2, &[because]);
    }
}

#[test]
fn nothing_is_removed_while_a_run_uses_the_cache() {
    let small = Small::new(
        "import os\ndef act():\n    os.mkfifo('/build/gate.new')\n    \
         os.rename('/build/gate.new', '/build/gate')\n    open('/build/gate').read()\n    \
         return {'small.py': ''}\n",
    );
    let mut build = Running::start(
        small.builder(&["build", "small", "--quiet"]).stderr(Stdio::null()).stdout(Stdio::null()),
    );
    let gate = small.building("gate");
    let log = small.path("gc.log");
    let mut gc = Running::start(
        small
            .builder(&["gc", "--max-size", "0"])
            .stdout(Stdio::null())
            .stderr(fs_err::File::create(&log).unwrap().into_parts().0),
    );
    until("gc to wait", || {
        let told = fs_err::read_to_string(&log).unwrap();
        told.contains("waiting for other runs that use the cache").then_some(())
    });
    fs_err::write(gate, "go").unwrap();
    assert_eq!(build.0.wait().unwrap().code(), Some(0));
    let code = gc.0.wait().unwrap().code();
    assert_eq!(code, Some(0), "{}", fs_err::read_to_string(&log).unwrap());
    assert!(small.path("result").join("pyvenv.cfg").exists());
}
