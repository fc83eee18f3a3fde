//! Who reads foreign input. A target gets any bytes, and may refuse them; it must not panic, hang,
//! or take much memory.

use std::io::Write as _;
use std::path::Path;

use base::recipe::{Recipe, Selection};
use base::sys::archive::{self, Limits};
use base::vocabulary::{Markers, Target as Platform};
use builder::fetch::git::{Commit, read_list};
use builder::fetch::http::Page;
use builder::fetch::index::links;
use builder::lock::Lock;
use builder::lock::pyproject::Pyproject;
use builder::lock::resolve::resolve;
use builder::wheel_archive::WheelArchive;
use tempfile::TempDir;
use verifier::compare::compare;
use verifier::explain::{Context, explain};

/// A reader, and what is mutated for it.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) corpus: Corpus,
    pub(crate) read: fn(&[u8]),
}

/// Where a corpus comes from.
pub(crate) enum Corpus {
    /// These texts.
    Texts(&'static [&'static str]),
    /// Files of the repository.
    Files {
        /// Directories, relative to the root.
        below: &'static [&'static str],
        /// The end of their names.
        ends: &'static str,
    },
    /// Golden pairs whose name begins so.
    Pairs(&'static str),
    /// What a function makes.
    Made(fn() -> Vec<Vec<u8>>),
}

/// All of them.
pub(crate) const TARGETS: &[Target] = &[
    Target {
        name: "lock",
        corpus: Corpus::Files { below: &["lockstep/tests/locks", "examples"], ends: "uv.lock" },
        read: lock,
    },
    Target { name: "marker", corpus: Corpus::Texts(MARKERS), read: marker },
    Target {
        name: "pyproject",
        corpus: Corpus::Files { below: &["lockstep/tests", "examples"], ends: "pyproject.toml" },
        read: pyproject,
    },
    Target {
        name: "recipe",
        corpus: Corpus::Files { below: &["recipes", "lockstep/tests/fixtures"], ends: ".toml" },
        read: recipe,
    },
    Target { name: "page", corpus: Corpus::Texts(PAGES), read: page },
    Target { name: "git", corpus: Corpus::Texts(LISTS), read: git },
    Target { name: "wheel", corpus: Corpus::Made(wheels), read: wheel },
    Target {
        name: "unpack",
        corpus: Corpus::Files { below: &["golden/explain"], ends: "" },
        read: unpack,
    },
    Target { name: "elf", corpus: Corpus::Pairs("elf"), read: |bytes| pair("x.so", bytes) },
    Target { name: "dwarf", corpus: Corpus::Pairs("elf-debug"), read: |bytes| pair("x.so", bytes) },
    Target { name: "pyc", corpus: Corpus::Pairs("pyc"), read: |bytes| pair("x.pyc", bytes) },
    Target { name: "zip", corpus: Corpus::Pairs("zip"), read: |bytes| pair("x.whl", bytes) },
    Target { name: "tar", corpus: Corpus::Pairs("tar"), read: |bytes| pair("x.tar", bytes) },
    Target { name: "nar", corpus: Corpus::Pairs("nar"), read: |bytes| pair("x.nar", bytes) },
    Target { name: "ar", corpus: Corpus::Pairs("ar"), read: |bytes| pair("x.a", bytes) },
];

fn lock(bytes: &[u8]) {
    let Ok(lock) = Lock::parse(&String::from_utf8_lossy(bytes)) else { return };
    let target = Platform::new("3.14", "linux").expect("it is a target");
    let _ = resolve(&lock, &Pyproject::default(), &target, &Selection::default());
}

const MARKERS: &[&str] = &[
    "six",
    "a[b,c] (>=1,<2) ; os_name == 'x' and python_version >= \"3.8\"",
    "x @ https://h.example/x-1.tar.gz ; sys_platform != 'win32' or 'linux' in sys_platform",
    "x ; (python_full_version >= '3.10' and platform_machine not in 'arm armv7l') or extra == 'a'",
    "x~=1.0 ; implementation_name == 'cpython' and (extra == 'extra-3-app-a' or os_name != 'nt')",
];

fn marker(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let target = Platform::new("3.14", "linux").expect("it is a target");
    let mut markers = Markers::default();
    if let Ok(requirement) = markers.requirement(&text) {
        requirement.evaluate_markers(target.markers(), &[]);
        let shown = requirement.to_string();
        assert!(markers.requirement(&shown).is_ok(), "{shown}");
    }
    if let Some((_, marker)) = text.split_once(';') {
        let _ = markers.marker(marker).map(|marker| marker.text());
    }
}

fn pyproject(bytes: &[u8]) {
    let _ = Pyproject::parse("it", &String::from_utf8_lossy(bytes));
}

fn recipe(bytes: &[u8]) {
    let _ = Recipe::parse("x", &String::from_utf8_lossy(bytes), &|_| Ok(b"diff".to_vec()));
}

const PAGES: &[&str] = &[
    "<!DOCTYPE html><html><head><base href='/x/'></head><body><h1>Links</h1>\
     <a href='../../f/a-1-py3-none-any.whl#sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934c\
     a495991b7852b855' data-requires-python=\"&gt;=3.8\">a-1-py3-none-any.whl</a><br/>\n\
     <!-- <a href=b.whl> --><A HREF=\"https://f.example/a%2B1.whl\">x</a></body></html>",
    "{\"meta\": {\"api-version\": \"1.1\"}, \"name\": \"a\", \"files\": [{\"filename\": \"a.whl\", \
     \"url\": \"../a.whl\", \"hashes\": {\"sha256\": \"e3b0c44298fc1c149afbf4c8996fb92427ae41e4\
     649b934ca495991b7852b855\"}, \"size\": 1, \"yanked\": false}]}",
];

fn page(bytes: &[u8]) {
    let json = bytes.first() == Some(&b'{');
    let media_type = if json { "application/vnd.pypi.simple.v1+json" } else { "text/html" };
    let url = "https://i.example/simple/a/".parse().expect("it is a URL");
    let _ = links(&Page { url, media_type: media_type.to_owned(), bytes: bytes.to_vec() });
}

const LISTS: &[&str] = &["100644 blob e69de29bb2d1d6434b8b29ae775ad8c2e48c5391       0\ta/b.py\0\
     120000 blob e69de29bb2d1d6434b8b29ae775ad8c2e48c5391      12\tlink\0\
     160000 commit e69de29bb2d1d6434b8b29ae775ad8c2e48c5391       -\tvendor/lib\0"];

fn git(bytes: &[u8]) {
    let url = "https://git.example/x".parse().expect("it is a URL");
    let commit = Commit { url: &url, rev: "", reference: None, submodules: false };
    let _ = read_list(&commit, bytes);
}

fn wheels() -> Vec<Vec<u8>> {
    let files = [
        ("x.py", "print()\n"),
        ("x-1.data/scripts/s", "#!python\n"),
        (
            "x-1.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: x\nVersion: 1\nRequires-Dist: a\n",
        ),
        ("x-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"),
        ("x-1.dist-info/entry_points.txt", "[console_scripts]\nrun = x:f\n"),
        (
            "x-1.dist-info/RECORD",
            "x.py,,8\nx-1.data/scripts/s,,\nx-1.dist-info/METADATA,,\nx-1.dist-info/WHEEL,,\n\
             x-1.dist-info/entry_points.txt,,\nx-1.dist-info/RECORD,,\n",
        ),
    ];
    let made = |method| {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, text) in files {
            let options = zip::write::SimpleFileOptions::default().compression_method(method);
            zip.start_file(name, options).expect("memory takes every write");
            zip.write_all(text.as_bytes()).expect("memory takes every write");
        }
        zip.finish().expect("memory takes every write").into_inner()
    };
    vec![made(zip::CompressionMethod::Stored), made(zip::CompressionMethod::Deflated)]
}

fn wheel(bytes: &[u8]) {
    let dir = scratch();
    let path = dir.path().join("x-1-py3-none-any.whl");
    fs_err::write(&path, bytes).expect("a scratch file can be written");
    let site_packages = "lib/python3.14/site-packages";
    if let Ok(wheel) = WheelArchive::open(&path, site_packages) {
        let _ = wheel.verify();
        let _ = wheel.with_true_record(site_packages, &dir.path().join("new"));
    }
}

fn unpack(bytes: &[u8]) {
    let dir = scratch();
    let path = dir.path().join("archive");
    fs_err::write(&path, bytes).expect("a scratch file can be written");
    let limits = Limits { members: 1_000, bytes: 16 << 20 };
    let _ = archive::unpack(&path, &dir.path().join("into"), limits);
}

/// Compares and explains two files. The first eight bytes say where the first one ends.
fn pair(name: &str, bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else { return };
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let (a, b) = rest.split_at(length.min(rest.len()));
    let dir = scratch();
    for (side, content) in [("a", a), ("b", b)] {
        fs_err::create_dir(dir.path().join(side)).expect("a scratch directory can be made");
        fs_err::write(dir.path().join(side).join(name), content)
            .expect("a scratch file can be written");
    }
    let sides = ["a", "b"].map(|side| dir.path().join(side));
    let comparison = compare(&sides[0], &sides[1]).expect("both can be read");
    explain(&comparison, &Context::default(), |_| ()).expect("both can be read");
}

/// In memory, where there is such a place.
fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    dir.expect("a scratch directory can be made")
}
