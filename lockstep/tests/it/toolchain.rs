//! A real Debian root, made with this machine's apt from its mirror; uv, fetched with its pip; and
//! the machine's own root. All in the cache that the tests share.

use std::collections::BTreeSet;
use std::time::Instant;

use base::recipe::{DebianSettings, Provider};
use base::sys::Host;
use base::sys::env::Environment;
use base::sys::sandbox::{Invocation, OutputTo, RootFs};
use base::vocabulary::progress::Silent;
use base::vocabulary::{Problem, Progress};
use builder::toolchain::uv::provide_uv;
use builder::toolchain::{SystemPackage, Toolchain, Wanted, provide};

use crate::cli::shared_cache;

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
    }
}

pub(crate) fn provided(
    environment: &Environment,
    extra: &[&str],
    pinned: Option<&[SystemPackage]>,
) -> Result<Toolchain, Problem> {
    serve(environment, &settings("forky", extra), pinned)
}

fn serve(
    environment: &Environment,
    debian: &DebianSettings,
    pinned: Option<&[SystemPackage]>,
) -> Result<Toolchain, Problem> {
    let cache = shared_cache();
    let host = Host { environment, cache: &cache, progress: &Timed(Instant::now()) };
    let wanted = Wanted {
        providers: &[Provider::Debian],
        debian,
        system_packages: BTreeSet::new(),
        python: (3, 14),
        machine: "x86_64",
        refresh: false,
        pinned,
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
    let toolchain = provided(&environment, &[], None).unwrap();
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
    assert_eq!(provided(&offline, &[], None).unwrap(), toolchain);
    println!("second call: {:?}", start.elapsed());
    // The same packages as pins hold; another version does not.
    let mut pins = toolchain.packages.clone();
    assert_eq!(provided(&environment, &[], Some(&pins)).unwrap(), toolchain);
    "0.1-1".clone_into(&mut pins[0].version);
    let problem = provided(&environment, &[], Some(&pins)).unwrap_err();
    assert!(problem.to_string().contains("0.1-1"), "{problem}");
    let RootFs::Dir(root) = &toolchain.root else {
        panic!("{toolchain:?}");
    };
    assert!(root.ends_with(toolchain.fingerprint.to_string()));
}

#[test]
fn an_unknown_package_is_named_with_the_nearest() {
    let problem = provided(&Environment::capture(), &["libxmlsec1-devel"], None).unwrap_err();
    assert!(problem.what.contains("`libxmlsec1-devel`"), "{problem:?}");
    assert!(problem.hint.unwrap().contains("`libxmlsec1-dev`"));
}

#[test]
fn a_mirror_that_cannot_be_reached_and_a_suite_without_the_python_are_told() {
    let path = Environment::capture().get("PATH").unwrap().to_owned();
    let dead = "http://127.0.0.1:9";
    let offline = Environment::of([("PATH", path.as_str()), ("http_proxy", dead)]);
    let offline_settings = settings("sid", &[]);
    let problem = serve(&offline, &offline_settings, None).unwrap_err();
    assert!(problem.what.contains("`sid`") && problem.hint.is_some(), "{problem}");
    assert!(problem.to_string().contains("127.0.0.1"), "{problem}");
    let problem = serve(&Environment::capture(), &settings("bookworm", &[]), None).unwrap_err();
    assert!(problem.what.contains("`python3.14"), "{problem}");
    assert!(problem.hint.unwrap().contains("suite"));
}

#[test]
fn uv_is_fetched_once() {
    let environment = Environment::capture();
    let cache = shared_cache();
    let host = |environment| Host { environment, cache: &cache, progress: &Silent };
    let uv = provide_uv(&host(&environment)).unwrap();
    let offline = Environment::of([("PATH", "/nowhere")]);
    if uv.path.starts_with(&cache) {
        assert_eq!(provide_uv(&host(&offline)).unwrap(), uv);
    }
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
        refresh: false,
        pinned: None,
    };
    let toolchain = provide(&wanted, &host).unwrap();
    assert!(toolchain.python_version.starts_with("3.11."), "{toolchain:?}");
    assert_eq!(provide(&wanted, &host).unwrap(), toolchain);
}
