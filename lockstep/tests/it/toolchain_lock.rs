//! The toolchain lock at the command line: made, checked, stale, upgraded, and its files, which are
//! had from wherever they still are. The mirror is one on loopback, read by real apt.

use std::path::Path;

use base::vocabulary::Sha256;
use builder::toolchain::uv::UV_VERSION;

use crate::cli::{Ended, PLAIN, Small, end, shared_cache};
use crate::debian_mirror::{DebianMirror, Stub, archive, pool_path};

const LOCK: &str = "recipes/small.toolchain-lock.toml";

/// Every package that a root is made of, and an Essential one that nobody asks for.
const FIRST: [Stub<'_>; 24] = [
    ("base-files", "1", true),
    ("bash", "1:5.3-4+b1", true),
    ("coreutils", "1", true),
    ("dash", "1", true),
    ("diffutils", "1", false),
    ("file", "1", false),
    ("findutils", "1", false),
    ("g++", "1", false),
    ("gcc", "1", false),
    ("grep", "1", false),
    ("gzip", "1", false),
    ("iproute2", "1", false),
    ("libc-bin", "1", false),
    ("make", "1", false),
    ("mawk", "1", false),
    ("patch", "1", false),
    ("perl-base", "5.42~rc1", true),
    ("pkgconf", "1", false),
    ("python3.14", "3.14.8", false),
    ("python3.14-dev", "3.14.8", false),
    ("sed", "1", false),
    ("tar", "1", false),
    ("util-linux", "1", false),
    ("xz-utils", "1", false),
];

/// The same a day later.
fn second() -> Vec<Stub<'static>> {
    let newer = |stub: &Stub<'static>| match stub.0 {
        "bash" => ("bash", "1:5.3-5", true),
        "gcc" => ("gcc", "2", false),
        _ => *stub,
    };
    FIRST.iter().map(newer).collect()
}

/// A workspace without a toolchain lock, whose cache has nothing but uv.
fn small() -> Small {
    let small = Small::new(PLAIN);
    fs_err::remove_file(small.path(LOCK)).unwrap();
    empty_cache(&small);
    small
}

/// Takes everything out of the cache but uv and its wheel.
fn empty_cache(small: &Small) {
    for name in ["files", "toolchains", "wheelhouses"] {
        let path = small.cache.join(name);
        if path.is_symlink() {
            fs_err::remove_file(&path).unwrap();
        } else if path.is_dir() {
            fs_err::remove_dir_all(&path).unwrap();
        }
        fs_err::create_dir(&path).unwrap();
    }
    // It was fetched when the shared cache was made.
    let shared = shared_cache().join("files");
    for entry in base::sys::files::sorted_entries(&shared).unwrap() {
        let dir = entry.path();
        let holds_uv = base::sys::files::sorted_entries(&dir)
            .unwrap_or_default()
            .iter()
            .any(|it| it.file_name().to_string_lossy().starts_with(&format!("uv-{UV_VERSION}")));
        if holds_uv {
            let own = small.cache.join("files").join(entry.file_name());
            std::os::unix::fs::symlink(&dir, own).unwrap();
        }
    }
}

#[track_caller]
fn typed(small: &Small, mirror: &DebianMirror, arguments: &[&str]) -> Ended {
    let (name, sources) = mirror.variable();
    end(small.builder(arguments).env(name, sources))
}

/// The hash that `fetch --toolchain` prints.
#[track_caller]
fn fetched(small: &Small, mirror: &DebianMirror) -> String {
    let fetched = typed(small, mirror, &["--json", "fetch", "small", "--toolchain"]).json();
    let [toolchain] = &fetched["toolchains"].as_array().unwrap()[..] else { panic!("{fetched}") };
    assert_eq!(toolchain["files"], FIRST.len() + 1);
    toolchain["nar-hash"].as_str().unwrap().to_owned()
}

#[test]
fn a_lock_is_made_once_and_says_what_is_stale_in_the_words_of_the_recipe() {
    let small = small();
    let mirror = DebianMirror::new(small.dir.path());
    mirror.publish(&FIRST);
    let none = typed(&small, &mirror, &["build", "small", "--locked"]);
    none.bad(6, &["recipe `small` has no toolchain lock", "`lockstep toolchain-lock small"]);
    // What an older version of this program left in its cache is locked like the rest.
    let old = small.cache.join("toolchains/apt/forky-amd64/cache/archives");
    fs_err::create_dir_all(&old).unwrap();
    fs_err::write(old.join("gcc_1_amd64.deb"), archive(&FIRST[8])).unwrap();
    let made = typed(&small, &mirror, &["toolchain-lock", "small"]).good();
    assert!(made.contains("new, 24 packages") && made.contains("wrote "), "{made}");
    let lock = fs_err::read_to_string(small.path(LOCK)).unwrap();
    assert!(lock.contains("name = \"perl-base\", version = \"5.42~rc1\""), "{lock}");
    assert!(lock.contains("/bash_5.3-4+b1_amd64.deb") && !lock.contains("://"), "{lock}");
    assert!(lock.contains(&format!("uv-{UV_VERSION}")), "{lock}");
    // The mirror moves on, and what fits stays.
    mirror.publish(&second());
    typed(&small, &mirror, &["toolchain-lock", "small", "--check"]).good();
    let same = typed(&small, &mirror, &["toolchain-lock", "small"]).good();
    assert!(same.starts_with("unchanged: "), "{same}");
    let newer = typed(&small, &mirror, &["toolchain-lock", "small", "--upgrade", "--check"]);
    newer.bad(6, &["bash: 1:5.3-4+b1 → 1:5.3-5", "gcc: 1 → 2"]);
    assert_eq!(fs_err::read_to_string(small.path(LOCK)).unwrap(), lock);
    // What the recipe asks for now is not what was locked.
    small.append("recipes/small.toml", "[toolchain.debian]\npackages = [\"grep-tools\"]\n");
    let stale = typed(&small, &mirror, &["build", "small"]);
    let told = "package `grep-tools`: wanted, not locked";
    stale.bad(1, &["the toolchain lock does not fit the recipe", told, "`lockstep toolchain-lock"]);
    let unknown = typed(&small, &mirror, &["toolchain-lock", "small"]);
    unknown.bad(2, &["Debian `forky` has no package `grep-tools`", "did you mean `grep` for"]);
    let with_tools: Vec<Stub<'_>> =
        second().into_iter().chain([("grep-tools", "7", false)]).collect();
    mirror.publish(&with_tools);
    let moved = typed(&small, &mirror, &["toolchain-lock", "small"]).good();
    for line in ["bash: 1:5.3-4+b1 → 1:5.3-5", "gcc: 1 → 2", "grep-tools: new, 7"] {
        assert!(moved.contains(line), "{moved}");
    }
    // An edited lock is held against its grammar, and written again.
    small.replace(LOCK, "pool/main/g/gcc/", "../../");
    typed(&small, &mirror, &["fetch", "small", "--toolchain"]).bad(1, &["is no `path`"]);
    typed(&small, &mirror, &["toolchain-lock", "small"]).good();
    assert!(!fs_err::read_to_string(small.path(LOCK)).unwrap().contains("../"));
}

#[test]
fn locked_packages_are_had_from_wherever_they_still_are() {
    let small = small();
    let mirror = DebianMirror::new(small.dir.path());
    mirror.publish(&FIRST);
    mirror.serve("debian", &FIRST);
    typed(&small, &mirror, &["toolchain-lock", "small"]).good();
    let hash = fetched(&small, &mirror);
    // Newer packages beside the old ones change nothing.
    mirror.publish(&second());
    mirror.serve("debian", &second());
    empty_cache(&small);
    assert_eq!(fetched(&small, &mirror), hash);
    // What is gone from the mirror is in the cache.
    let gone: Vec<Stub<'_>> =
        FIRST.iter().filter(|it| ["bash", "gcc"].contains(&it.0)).copied().collect();
    mirror.remove(&gone);
    let asked =
        || mirror.server.seen(&format!("/debian/{}", pool_path(&("gcc", "1", false)))).len();
    let before = asked();
    assert_eq!((fetched(&small, &mirror), asked()), (hash.clone(), before));
    let copy = small.path("copy");
    let json = typed(&small, &mirror, &["--json", "fetch", "small", "--toolchain"]).json();
    let path = json["toolchains"][0]["path"].as_str().unwrap();
    base::sys::files::copy_tree(Path::new(path), &copy, &|_| false).unwrap();
    // Nobody has it: all that is gone, and the ways out.
    empty_cache(&small);
    let told = [
        "2 locked packages of the toolchain are no longer to be had",
        "bash 1:5.3-4+b1 amd64",
        "gcc 1 amd64",
        "404",
        "1. name an archive of old packages: `toolchain.debian.mirrors`",
        "2. lock what the mirror has now",
        "3. copy the directory that",
    ];
    typed(&small, &mirror, &["fetch", "small", "--toolchain"]).bad(1, &told);
    // An archive with other bytes at that path is none.
    let archive = mirror.server.url("/archive");
    let [first] = &gone[..1] else { panic!() };
    let path = format!("/archive/{}", pool_path(first)).replace('+', "%2b");
    mirror.server.set(&path, crate::server::Reply::File(b"other".to_vec()));
    small.append("recipes/small.toml", &format!("[toolchain.debian]\nmirrors = [\"{archive}\"]\n"));
    let other = ["2 locked packages", "it has 5 bytes instead of"];
    typed(&small, &mirror, &["fetch", "small", "--toolchain"]).bad(1, &other);
    mirror.serve("archive", &gone);
    assert_eq!(fetched(&small, &mirror), hash);
    // A copy of the whole directory serves as well, on a machine that has no mirror at all.
    small.replace("recipes/small.toml", &archive, "http://127.0.0.1:9/archive");
    empty_cache(&small);
    let mut fetch = small.builder(&["--json", "fetch", "small", "--toolchain"]);
    fetch.env("LOCKSTEP_APT", small.path("app"));
    let file = format!("file://{}", copy.display());
    let json = end(fetch.env("LOCKSTEP_DEBIAN_MIRRORS", &file)).json();
    assert_eq!(json["toolchains"][0]["nar-hash"].as_str(), Some(hash.as_str()));
    let nothing = Sha256::of("").to_sri();
    assert_ne!(hash, nothing);
}

/// A mirror that cannot be reached is no mirror that lacks something.
#[test]
fn a_mirror_that_cannot_be_reached_is_told_as_that() {
    let small = small();
    let mirror = DebianMirror::new(small.dir.path());
    mirror.publish(&FIRST);
    typed(&small, &mirror, &["toolchain-lock", "small"]).good();
    let list = small.path("apt/sources.list");
    let line = "deb [trusted=yes] http://127.0.0.1:9/debian forky main\n";
    fs_err::write(list, line).unwrap();
    let ended = typed(&small, &mirror, &["fetch", "small", "--toolchain"]);
    ended.bad(1, &["cannot fetch the package", "cannot connect", "is there a network?"]);
    assert!(!ended.stderr.contains("no longer to be had"), "{}", ended.stderr);
}
