//! Hashes against constants that Nix made, against Nix itself, and against `golden/nar/nar.py`.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use fs_err as fs;
use proptest::prelude::*;

use super::wire::{self, Regular, Skeleton, WireError};
use super::{dump, hash_path, hash_without};
use crate::sys::env::Environment;
use crate::sys::process::Process;
use crate::vocabulary::{Problem, Sha256};

/// A tree to plant on the disk.
#[derive(Debug, Clone)]
enum Tree {
    File(Vec<u8>, u32),
    Link(Vec<u8>),
    Dir(BTreeMap<Vec<u8>, Tree>),
}

fn file(content: &str) -> Tree {
    Tree::File(content.into(), 0o644)
}

fn mode(mode: u32, content: &str) -> Tree {
    Tree::File(content.into(), mode)
}

fn link(target: &str) -> Tree {
    Tree::Link(target.into())
}

fn dir<'a>(entries: impl IntoIterator<Item = (&'a [u8], Tree)>) -> Tree {
    let entries = entries.into_iter();
    Tree::Dir(entries.map(|(name, tree)| (name.to_vec(), tree)).collect())
}

impl Tree {
    fn plant(&self, path: &Path) {
        match self {
            Self::File(content, mode) => {
                fs::write(path, content).unwrap();
                fs::set_permissions(path, std::fs::Permissions::from_mode(*mode)).unwrap();
            }
            Self::Link(target) => {
                fs::os::unix::fs::symlink(OsStr::from_bytes(target), path).unwrap();
            }
            Self::Dir(entries) => {
                fs::create_dir(path).unwrap();
                // Backwards, so that an order taken from the disk has a chance to be wrong.
                for (name, tree) in entries.iter().rev() {
                    tree.plant(&path.join(OsStr::from_bytes(name)));
                }
            }
        }
    }
}

fn sri(text: &str) -> Sha256 {
    Sha256::from_sri(text).unwrap()
}

/// Each constant is what `nix hash path x` (Nix 2.8.0) printed after the commands above it.
fn vectors() -> Vec<(Tree, &'static str)> {
    vec![
        // mkdir x
        (dir([]), "sha256-pQpattmS9VmO3ZIQUFn66az8GSmB4IvYhTTCFn6SUmo="),
        // : > x
        (file(""), "sha256-d6xi4mKdjkX2JFicDIv5niSzpyI0m/Hnm8GGAIU04kY="),
        // echo hello > x
        (file("hello\n"), "sha256-HDfQGvQL4ugGkd48w99EN3ppmvuxfGjwgJZLL9Bx/BM="),
        // echo hello > x; chmod 755 x
        (mode(0o755, "hello\n"), "sha256-ZUNgOdP5PKGajb8cYLFXOe1Y9T8UuNNyrMGzUVMwEPo="),
        // echo hello > x; chmod 654 x     (only the owner's bit counts)
        (mode(0o654, "hello\n"), "sha256-HDfQGvQL4ugGkd48w99EN3ppmvuxfGjwgJZLL9Bx/BM="),
        // ln -s ../target x
        (link("../target"), "sha256-5Vlyqb2t34UpnNSccgDHJXtQiuV6PoFVh7gRxjuayDQ="),
        // mkdir -p x/A x/ab
        // for n in a a.b a-b aB $'\xff\xfe' 'a b' $'a\nb' é; do printf %s "$n" > "x/$n"; done
        (odd_names(), "sha256-VlaZ3icki1eirvtzNCGh97DziAek7HXU5boPnryMKG0="),
        // mkdir -p x/a/b/c x/b; printf x > x/a/b/c/x; ln -s b/c/x x/a/x; printf 12345678 > x/a.b
        // echo '#!/bin/sh' > x/run; chmod 755 x/run
        (nested(), "sha256-i7AiYySWUJyso1L6pgzyecjqbNiGfd8KBgU78kZKviQ="),
    ]
}

/// Names whose order by bytes is not that of words, locales or path components.
fn odd_names() -> Tree {
    let mut entries = BTreeMap::from([(b"A".to_vec(), dir([])), (b"ab".to_vec(), dir([]))]);
    for name in ["a", "a.b", "a-b", "aB", "a b", "a\nb", "é"] {
        entries.insert(name.into(), file(name));
    }
    entries.insert(b"\xff\xfe".into(), Tree::File(b"\xff\xfe".into(), 0o644));
    Tree::Dir(entries)
}

fn nested() -> Tree {
    let deepest = dir([(b"x".as_slice(), file("x"))]);
    let inner = dir([(b"b".as_slice(), dir([(b"c".as_slice(), deepest)])), (b"x", link("b/c/x"))]);
    dir([
        (b"a".as_slice(), inner),
        (b"a.b", file("12345678")),
        (b"b", dir([])),
        (b"run", mode(0o755, "#!/bin/sh\n")),
    ])
}

#[test]
fn hashes_equal_those_that_nix_made() {
    let base = tempfile::tempdir().unwrap();
    for (index, (tree, expected)) in vectors().into_iter().enumerate() {
        let path = base.path().join(index.to_string());
        tree.plant(&path);
        assert_eq!(hash_path(&path).unwrap(), sri(expected), "{tree:?}");
    }
}

#[test]
fn what_is_skipped_is_as_if_it_were_not_there() {
    let base = tempfile::tempdir().unwrap();
    let [whole, part] = ["whole", "part"].map(|name| base.path().join(name));
    for root in [&whole, &part] {
        fs::create_dir_all(root.join("a/empty")).unwrap();
        fs::write(root.join("a/file"), "x").unwrap();
    }
    fs::create_dir_all(whole.join("a/left-out/deep")).unwrap();
    fs::write(whole.join("a/left-out/deep/file"), "y").unwrap();
    fs::write(whole.join("z"), "z").unwrap();
    let left_out = [whole.join("a/left-out"), whole.join("z")];
    let hash = hash_without(&whole, &|path| left_out.iter().any(|it| it == path)).unwrap();
    assert_eq!(hash, hash_path(&part).unwrap());
    assert_ne!(hash, hash_path(&whole).unwrap());
}

#[test]
fn a_file_over_4_gib_is_hashed() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("x");
    fs::File::create(&path).unwrap().set_len((4 << 30) + 3).unwrap();
    // truncate -s 4294967299 x; nix hash path x
    let expected = sri("sha256-HvLN0rF/yBaoNZ7JI+SHnomItPNhiiZxMyCB+wO3h8k=");
    assert_eq!(hash_path(&path).unwrap(), expected);
}

#[test]
fn a_dump_is_what_is_hashed() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("x");
    fs::write(&path, "abc").unwrap();
    let mut nar = Vec::new();
    dump(&path, &mut nar).unwrap();
    // printf abc > x; nix nar dump-path x | od -An -c
    let expected = b"\x0d\0\0\0\0\0\0\0nix-archive-1\0\0\0\x01\0\0\0\0\0\0\0(\0\0\0\0\0\0\0\
        \x04\0\0\0\0\0\0\0type\0\0\0\0\x07\0\0\0\0\0\0\0regular\0\x08\0\0\0\0\0\0\0contents\
        \x03\0\0\0\0\0\0\0abc\0\0\0\0\0\x01\0\0\0\0\0\0\0)\0\0\0\0\0\0\0";
    assert_eq!(nar.as_slice(), expected.as_slice());
    assert_eq!(Sha256::of(nar), hash_path(&path).unwrap());
}

/// More files, directories and bytes than are ever under way at once, in one tree.
fn large() -> Tree {
    let name = |index: usize| format!("{index:05}").into_bytes();
    let many = (0..3000).map(|index| (name(index), file("some text")));
    let empty = (0..3000).map(|index| (name(index), dir([])));
    let deep = (0..300).fold(file("bottom"), |tree, _| dir([(b"d".as_slice(), tree)]));
    let sizes = [0, 1, 7, 8, 9, 131_071, 131_072, 131_073, 196_608, 196_609, 5_000_001];
    let around_chunks = sizes.map(|size| (name(size), Tree::File(vec![b'x'; size], 0o644)));
    dir([
        (b"deep".as_slice(), deep),
        (b"empty", Tree::Dir(empty.collect())),
        (b"many", Tree::Dir(many.collect())),
        (b"sized", Tree::Dir(around_chunks.into())),
    ])
}

/// What every independent implementation at hand says of `paths`; one process each.
fn others(paths: &[PathBuf]) -> BTreeMap<&'static str, Vec<Sha256>> {
    let environment = Environment::capture();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let script = repository.join("golden/nar/nar.py").into_os_string();
    let programs: [(&str, Vec<OsString>); 2] =
        [("nix-hash", vec!["--type".into(), "sha256".into()]), ("python3", vec![script])];
    let mut said = BTreeMap::new();
    for (name, arguments) in programs {
        let Some(program) = environment.find_program(name) else {
            let required = environment.get("CI") == Some("true");
            assert!(!required, "`{name}` is not on PATH; `.ci/run` installs it");
            continue;
        };
        let process = Process::new(program).envs(&environment.for_network());
        let printed = process.args(&arguments).args(paths).stdout().unwrap();
        let digests = printed.lines().map(|line| line.parse().unwrap());
        said.insert(name, digests.collect());
    }
    said
}

fn check_against_others(trees: &[Tree]) {
    let base = tempfile::tempdir().unwrap();
    let paths: Vec<_> = (0..trees.len()).map(|index| base.path().join(index.to_string())).collect();
    for (tree, path) in trees.iter().zip(&paths) {
        tree.plant(path);
    }
    let ours: Vec<_> = paths.iter().map(|path| hash_path(path).unwrap()).collect();
    for (name, theirs) in others(&paths) {
        assert_eq!(ours, theirs, "{name}");
    }
}

#[test]
fn every_implementation_agrees_on_the_vectors_and_a_large_tree() {
    let mut trees: Vec<_> = vectors().into_iter().map(|(tree, _)| tree).collect();
    trees.push(large());
    check_against_others(&trees);
}

fn any_tree() -> impl Strategy<Value = Tree> {
    let modes = prop::sample::select(vec![0o644, 0o600, 0o755, 0o744, 0o411]);
    let target = prop::collection::vec(1..=255_u8, 1..20);
    let leaf = prop_oneof![
        (prop::collection::vec(any::<u8>(), 0..40), modes).prop_map(|(c, m)| Tree::File(c, m)),
        target.prop_map(Tree::Link),
    ];
    // Few different bytes, so that names often share a beginning.
    let byte = prop::sample::select(b"aaB.-~ \n\\\x01\x80\xff".to_vec());
    let name = prop::collection::vec(byte, 1..5)
        .prop_filter("`.` and `..` are taken", |name| !matches!(name.as_slice(), b"." | b".."));
    leaf.prop_recursive(4, 40, 8, move |tree| {
        prop::collection::btree_map(name.clone(), tree, 0..8).prop_map(Tree::Dir)
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 6,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_implementation_agrees_on_random_trees(trees in prop::collection::vec(any_tree(), 20)) {
        check_against_others(&trees);
    }
}

#[test]
fn what_has_no_place_in_a_nar_is_an_error() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("x");
    large().plant(&path);
    let _socket = std::os::unix::net::UnixListener::bind(path.join("many/01500.socket")).unwrap();
    let problem = hash_path(&path).unwrap_err();
    assert!(problem.what.ends_with("many/01500.socket`: it is a socket"), "{problem}");
    for (path, expected) in [
        (Path::new("/dev/null"), "it is a device"),
        // The kernel calls it empty, and then there is something to read: as if it had grown.
        (Path::new("/proc/self/status"), "it changes while it is read"),
    ] {
        let problem = hash_path(path).unwrap_err();
        assert!(problem.what.ends_with(expected), "{problem}");
    }
    assert!(hash_path(&base.path().join("absent")).is_err());
}

#[test]
fn an_error_of_the_writer_ends_a_dump() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let base = tempfile::tempdir().unwrap();
    large().plant(&base.path().join("x"));
    let problem: Problem = dump(base.path(), &mut Full).unwrap_err();
    assert!(problem.what.starts_with("cannot write the NAR of"), "{problem}");
}

#[test]
fn the_grammar_is_enforced() {
    let mut out = Vec::new();
    let mut nar = Skeleton::begin(&mut out);
    assert_eq!(nar.entry(&mut out, b"a"), Err(WireError::Nesting));
    assert_eq!(nar.end_directory(&mut out), Err(WireError::Nesting));
    assert_eq!(nar.end_entry(&mut out), Err(WireError::Nesting));
    nar.directory(&mut out);
    for name in [b"".as_slice(), b".", b"..", b"a/b", b"/", b"a\0"] {
        let error = nar.entry(&mut out, name).unwrap_err();
        assert!(matches!(error, WireError::Name(_)), "{name:?}: {error}");
    }
    nar.entry(&mut out, b"a.b").unwrap();
    for name in [b"a.b".as_slice(), b"a-b", b"A", b"a"] {
        let error = nar.entry(&mut out, name).unwrap_err();
        assert!(matches!(error, WireError::Order { .. }), "{name:?}: {error}");
    }
    nar.entry(&mut out, b"aB").unwrap();
    assert_eq!(nar.end(), Err(WireError::Nesting));
    for target in [b"".as_slice(), b"a\0b"] {
        assert!(matches!(wire::symlink(&mut out, target), Err(WireError::Target(_))));
    }
}

#[test]
fn a_file_is_as_long_as_was_announced() {
    for (pieces, expected) in
        [([3, 2], None), ([5, 0], None), ([3, 1], Some(4)), ([0, 0], Some(0)), ([5, 1], Some(6))]
    {
        let mut out = Vec::new();
        let mut node = Regular::begin(&mut out, false, 5);
        let mut received = pieces.into_iter().map(|piece| node.received(piece));
        let result = received.try_for_each(|result| result).and_then(|()| node.end(&mut out));
        let error = expected.map(|received| WireError::Length { announced: 5, received });
        assert_eq!(result.err(), error, "{pieces:?}");
    }
}
