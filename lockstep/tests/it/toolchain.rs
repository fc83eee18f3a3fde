//! A real Debian root, made with this machine's apt from its mirror; uv, fetched with its pip; and
//! the machine's own root. All in the cache that the tests share.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use base::recipe::{DebianSettings, Provider};
use base::store::Check;
use base::sys::Host;
use base::sys::env::Environment;
use base::sys::files::sorted_entries;
use base::sys::sandbox::{Invocation, OutputTo, RootFs};
use base::vocabulary::progress::Silent;
use base::vocabulary::{Problem, Progress};
use builder::toolchain::{Toolchain, Wanted, provide};

use crate::cli::{Small, end, shared_cache};

/// Prints when what begins and ends, for `--nocapture`.
struct Timed(Instant);

impl Progress for Timed {
    fn stage(&self, name: &str, _steps: Option<u64>) {
        println!("{:8.3?} {name}", self.0.elapsed());
    }
    fn begin(&self, _step: &str) {}
    fn bytes(&self, _count: u64) {}
    fn end(&self, step: &str) {
        println!("{:8.3?} {step}", self.0.elapsed());
    }
    fn warn(&self, message: &str) {
        println!("{message}");
    }
    fn note(&self, message: &str) {
        println!("{message}");
    }
}

fn settings(suite: &str, extra: &[&str]) -> DebianSettings {
    DebianSettings {
        suite: suite.to_owned(),
        packages: extra.iter().map(|&name| name.to_owned()).collect(),
        mirrors: Vec::new(),
    }
}

pub(crate) fn provided(environment: &Environment, extra: &[&str]) -> Result<Toolchain, Problem> {
    serve(environment, &settings("forky", extra))
}

fn serve(environment: &Environment, debian: &DebianSettings) -> Result<Toolchain, Problem> {
    let cache = shared_cache();
    let host = Host { environment, cache: &cache, progress: &Timed(Instant::now()) };
    let wanted = Wanted {
        providers: &[Provider::Debian],
        debian,
        system_packages: BTreeSet::new(),
        python: (3, 14),
        machine: "x86_64",
        locked: None,
        refresh: false,
        check: Check::Stamps,
    };
    provide(&wanted, &host)
}

const EXTENSION: &str = r#"
set -e
cd /tmp
cat > probe.c <<'END'
#include <Python.h>
static PyObject *versions(PyObject *self, PyObject *args) {
    return Py_BuildValue("s", PY_VERSION);
}
static PyMethodDef methods[] = {{"versions", versions, METH_NOARGS, ""}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "probe", NULL, -1, methods};
PyMODINIT_FUNC PyInit_probe(void) { return PyModule_Create(&module); }
END
cc -Wall -shared -fPIC -o probe.so probe.c $(pkg-config --cflags python-3.14)
python3 -c 'import probe; print((probe.versions(),))'
echo 'int main() { return 0; }' > x.cc; c++ x.cc -o x; ./x
python3 -c 'import ssl, sqlite3, ctypes, bz2, lzma, zlib, getpass, sys
print(ssl.__cached__, getpass.getuser())'
awk 'BEGIN { print "awk" }'; make --version | head -1; file /usr/bin/dash; ldconfig -p | wc -l
"#;

#[test]
fn the_root_compiles_c_and_is_known_afterwards() {
    let environment = Environment::capture();
    let toolchain = provided(&environment, &[]).unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let invocation = Invocation {
            program: program.to_owned(),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            directory: "/tmp".to_owned(),
        };
        let done = toolchain.sandbox().run(&invocation, OutputTo::Capture).unwrap();
        let printed = [done.stdout, done.stderr].concat();
        let printed = String::from_utf8_lossy(&printed).into_owned();
        assert_eq!(done.code, 0, "{printed}");
        printed
    };
    let printed = run("sh", &["-c", EXTENSION]);
    println!("{printed}");
    assert!(printed.contains("ssl.cpython-314.pyc build"), "{printed}");
    assert!(printed.contains(&format!("('{}',)", toolchain.python_version)), "{printed}");
    // A second call asks nobody: neither apt nor a mirror is there.
    let offline = Environment::of([("PATH", "/nowhere")]);
    let start = Instant::now();
    assert_eq!(provided(&offline, &[]).unwrap(), toolchain);
    println!("second call: {:?}", start.elapsed());
    let RootFs::Dir(root) = &toolchain.root else {
        panic!("{toolchain:?}");
    };
    assert!(root.ends_with(format!("{}/root", toolchain.fingerprint)));
}

/// Packages that need what their maintainer scripts do: `pg_config` is a script of Perl, whose
/// interpreter is Essential; BLAS is an alternative; zutils diverts gzip's programs; the others
/// have triggers.
const SCRIPTED: [&str; 5] =
    ["ca-certificates", "libblas-dev", "libpq-dev", "shared-mime-info", "zutils"];

const COMPLETE: &str = r"
set -e
pg_config --version
pkg-config --libs blas
readlink /etc/alternatives/libblas.so.3-*
update-alternatives --query awk | grep ^Value
zcat --version | head -1
zcat.gzip --version | head -1
dpkg-query --show --showformat '${Package} ${Status}\n' perl-base
dpkg --search /usr/bin/gcc
grep -c 'BEGIN CERTIFICATE' /etc/ssl/certs/ca-certificates.crt
test -s /usr/share/mime/mime.cache
test -s /etc/ld.so.cache
readlink /etc/localtime
";

/// Every path below a directory with what a build can tell of it: mode and time.
fn seen(dir: &Path, into: &mut Vec<(PathBuf, u32, i64)>) {
    use std::os::unix::fs::MetadataExt as _;
    for entry in sorted_entries(dir).unwrap() {
        let metadata = entry.metadata().unwrap();
        into.push((entry.path(), metadata.mode(), metadata.mtime()));
        if metadata.is_dir() {
            seen(&entry.path(), into);
        }
    }
}

fn root_of(toolchain: &Toolchain) -> &Path {
    let RootFs::Dir(root) = &toolchain.root else { panic!("{toolchain:?}") };
    root
}

#[test]
fn the_root_is_a_complete_debian_and_is_made_the_same_twice() {
    let environment = Environment::capture();
    let toolchain = provided(&environment, &SCRIPTED).unwrap();
    let invocation = Invocation {
        program: "sh".to_owned(),
        arguments: vec!["-c".to_owned(), COMPLETE.to_owned()],
        directory: "/tmp".to_owned(),
    };
    let done = toolchain.sandbox().run(&invocation, OutputTo::Capture).unwrap();
    let printed = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
    assert_eq!(done.code, 0, "{printed}");
    for part in [
        "PostgreSQL ",
        "-lblas",
        "/blas/libblas.so.3",
        "Value: /usr/bin/mawk",
        "zcat (zutils)",
        "zcat (gzip)",
        "perl-base install ok installed",
        "gcc: /usr/bin/gcc",
        "/usr/share/zoneinfo/Etc/UTC",
    ] {
        assert!(printed.contains(part), "no `{part}` in\n{printed}");
    }
    // The same packages give the same root, with the same times.
    let other = crate::cli::scratch();
    let cache = other.path().join("cache");
    fs_err::create_dir_all(cache.join("toolchains/index")).unwrap();
    let files = fs_err::canonicalize(shared_cache().join("files")).unwrap();
    std::os::unix::fs::symlink(files, cache.join("files")).unwrap();
    for entry in sorted_entries(&shared_cache().join("toolchains/index")).unwrap() {
        if entry.file_name().to_string_lossy().starts_with("resolved-") {
            let to = cache.join("toolchains/index").join(entry.file_name());
            fs_err::copy(entry.path(), to).unwrap();
        }
    }
    let host = Host { environment: &environment, cache: &cache, progress: &Silent };
    let debian = settings("forky", &SCRIPTED);
    let wanted = Wanted {
        providers: &[Provider::Debian],
        debian: &debian,
        system_packages: BTreeSet::new(),
        python: (3, 14),
        machine: "x86_64",
        locked: None,
        refresh: false,
        check: Check::Stamps,
    };
    let again = provide(&wanted, &host).unwrap();
    let hash = |toolchain: &Toolchain| base::nar::hash_path(root_of(toolchain)).unwrap();
    assert_eq!(hash(&again), hash(&toolchain));
    let times = |toolchain: &Toolchain| {
        let mut found = Vec::new();
        seen(root_of(toolchain), &mut found);
        let relative = |(path, mode, time): (PathBuf, u32, i64)| {
            (path.strip_prefix(root_of(toolchain)).unwrap().to_owned(), mode, time)
        };
        found.into_iter().map(relative).collect::<Vec<_>>()
    };
    let differing: Vec<_> =
        times(&again).into_iter().zip(times(&toolchain)).filter(|(a, b)| a != b).collect();
    assert!(differing.is_empty(), "{:?}", &differing[..differing.len().min(9)]);
}

#[test]
fn an_unknown_package_is_named_with_the_nearest() {
    let problem = provided(&Environment::capture(), &["libxmlsec1-devel"]).unwrap_err();
    assert!(problem.what.contains("`libxmlsec1-devel`"), "{problem:?}");
    assert!(problem.hint.unwrap().contains("`libxmlsec1-dev`"));
}

#[test]
fn a_mirror_that_cannot_be_reached_and_a_suite_without_the_python_are_told() {
    let path = Environment::capture().get("PATH").unwrap().to_owned();
    let dead = "http://127.0.0.1:9";
    let offline = Environment::of([("PATH", path.as_str()), ("http_proxy", dead)]);
    let offline_settings = settings("sid", &[]);
    let problem = serve(&offline, &offline_settings).unwrap_err();
    assert!(problem.what.contains("`sid`") && problem.hint.is_some(), "{problem}");
    assert!(problem.to_string().contains("127.0.0.1"), "{problem}");
    let problem = serve(&Environment::capture(), &settings("bookworm", &[])).unwrap_err();
    assert!(problem.what.contains("`python3.14"), "{problem}");
    assert!(problem.hint.unwrap().contains("suite"));
}

#[test]
fn the_host_serves_with_an_interpreter_that_it_has() {
    let environment = Environment::capture();
    let cache = shared_cache();
    let host = Host { environment: &environment, cache: &cache, progress: &Silent };
    let debian = settings("forky", &[]);
    let wanted = Wanted {
        providers: &[Provider::Host],
        debian: &debian,
        system_packages: BTreeSet::new(),
        python: (3, 11),
        machine: "x86_64",
        locked: None,
        refresh: false,
        check: Check::Stamps,
    };
    let toolchain = provide(&wanted, &host).unwrap();
    assert!(toolchain.python_version.starts_with("3.11."), "{toolchain:?}");
    assert_eq!(provide(&wanted, &host).unwrap(), toolchain);
}

/// A backend whose wheel holds a file of the toolchain.
const OF_THE_ROOT: &str = "def act():\n    \
    return {'small.txt': open('/usr/include/python3.14/patchlevel.h').read()}\n";

/// Gives a workspace toolchains of its own; only the packages are the shared ones.
fn own_toolchains(small: &Small) -> PathBuf {
    let dir = small.cache.join("toolchains");
    fs_err::remove_file(&dir).unwrap();
    fs_err::create_dir(&dir).unwrap();
    dir
}

/// Writes other bytes of the same size into a file, and hides that as well as its owner can.
fn edit(file: &Path) {
    let before = fs_err::metadata(file).unwrap();
    let text = fs_err::read_to_string(file).unwrap();
    let edited =
        text.replacen("#define PY_MINOR_VERSION        1", "#define PY_MINOR_VERSION        9", 1);
    assert!(text != edited && text.len() == edited.len(), "{text}");
    fs_err::write(file, edited).unwrap();
    let file = fs_err::OpenOptions::new().write(true).open(file).unwrap().into_parts().0;
    file.set_modified(before.modified().unwrap()).unwrap();
}

/// What is in a cached root reaches every build: whoever changed it would else be in all of them,
/// unnoticed.
#[test]
fn a_root_that_was_changed_is_found_and_made_again() {
    let small = Small::new(OF_THE_ROOT);
    let toolchains = own_toolchains(&small);
    let first = small.build().json();
    let [entry] = &small.entries("toolchains")[..] else { panic!("{toolchains:?}") };
    let header = entry.join("root/usr/include/python3.14/patchlevel.h");
    edit(&header);
    let mut build = small.builder(&["--json", "build", "small", "--no-cache"]);
    let ended = end(&mut build);
    let told =
        ["the stored toolchain is damaged", "`usr/include/python3.14/patchlevel.h` was changed"];
    ended.bad(0, &told);
    assert_eq!(ended.json()["output-hash"], first["output-hash"]);
    // It is told once, and neither of another interpreter that the index claims.
    let again = end(&mut build);
    assert!(!again.stderr.contains("damaged"), "{again:?}");
    for index in sorted_entries(&toolchains.join("index")).unwrap() {
        let text = fs_err::read_to_string(index.path()).unwrap();
        fs_err::write(index.path(), text.replace("3.14.", "3.13.")).unwrap();
    }
    let report = end(&mut build).json();
    let provenance =
        Path::new(report["output"].as_str().unwrap()).with_file_name("provenance.json");
    let provenance = fs_err::read_to_string(provenance).unwrap();
    assert!(!provenance.contains("\"3.13."), "{provenance}");
    assert_eq!(report["output-hash"], first["output-hash"]);
    // Without a reason to, nothing but the stamps is read.
    fs_err::remove_file(entry.join("listing")).unwrap();
    assert!(!end(&mut build).stderr.contains("damaged"));
    end(build.arg("--verify")).bad(0, &["its listing is missing or damaged"]);
    assert!(!end(&mut build).stderr.contains("damaged"));
}
