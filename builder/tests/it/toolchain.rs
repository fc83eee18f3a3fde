//! A real Debian root, made with this machine's apt from its mirror.
//!
//! These tests need apt and a mirror, so they are ignored by default; run them with
//! `cargo test -p builder --test it toolchain:: -- --ignored`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use builder::recipe::{DebianSettings, Provider};
use builder::sys::Host;
use builder::sys::env::Environment;
use builder::sys::sandbox::{Invocation, OutputTo, RootFs};
use builder::toolchain::uv::provide_uv;
use builder::toolchain::{SystemPackage, Toolchain, Wanted, provide};
use builder::vocabulary::Problem;
use builder::vocabulary::progress::Silent;

/// Two directories, so that both a shared cache (one download for several tests) and a new one exist.
fn cache() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("toolchain-cache")
}

fn provided(
    environment: &Environment,
    extra: &[&str],
    pinned: Option<&[SystemPackage]>,
) -> Result<Toolchain, Problem> {
    let cache = cache();
    let host = Host {
        environment,
        cache: &cache,
        progress: &Silent,
    };
    let debian = DebianSettings {
        suite: "forky".to_owned(),
        packages: extra.iter().map(|&name| name.to_owned()).collect(),
    };
    let wanted = Wanted {
        providers: &[Provider::Debian],
        debian: &debian,
        system_packages: BTreeSet::new(),
        python: (3, 14),
        machine: "x86_64",
        refresh: false,
        pinned,
    };
    provide(&wanted, &host)
}

/// What authentik's builds from source need.
const AUTHENTIK: [&str; 9] = [
    "krb5-multidev",
    "libkrb5-dev",
    "libltdl-dev",
    "libpq-dev",
    "libxml2-dev",
    "libxmlsec1-dev",
    "libxmlsec1-openssl",
    "libxslt1-dev",
    "zlib1g-dev",
];

const EXTENSION: &str = r#"
set -e
cd /tmp
cat > probe.c <<'END'
#include <Python.h>
#include <libxml/parser.h>
#include <libxslt/xslt.h>
#include <xmlsec/xmlsec.h>
#include <libpq-fe.h>
#include <gssapi/gssapi.h>
static PyObject *versions(PyObject *self, PyObject *args) {
    return Py_BuildValue("si", LIBXML_DOTTED_VERSION, PQlibVersion());
}
static PyMethodDef methods[] = {{"versions", versions, METH_NOARGS, ""}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "probe", NULL, -1, methods};
PyMODINIT_FUNC PyInit_probe(void) { return PyModule_Create(&module); }
END
cc -Wall -shared -fPIC -o probe.so probe.c $(pkg-config --cflags python-3.14) \
    $(pkg-config --cflags --libs libxml-2.0 libxslt xmlsec1 libpq krb5-gssapi)
python3 -c 'import probe; print(probe.versions())'
echo 'int main() { return 0; }' > x.cc; c++ x.cc -o x; ./x
python3 -c 'import ssl, sqlite3, ctypes, bz2, lzma, zlib, getpass, sys; print(ssl.__cached__, getpass.getuser())'
awk 'BEGIN { print "awk" }'; make --version | head -1; file /usr/bin/dash; ldconfig -p | wc -l
"#;

#[test]
#[ignore = "needs apt and a mirror of Debian"]
fn authentiks_build_requirements_make_a_root_that_compiles() {
    let environment = Environment::capture();
    let toolchain = provided(&environment, &AUTHENTIK, None).unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let invocation = Invocation {
            program: program.to_owned(),
            arguments: arguments
                .iter()
                .map(|&argument| argument.to_owned())
                .collect(),
            directory: "/tmp".to_owned(),
        };
        let done = toolchain
            .sandbox()
            .run(&invocation, OutputTo::Capture)
            .unwrap();
        let printed = [done.stdout, done.stderr].concat();
        let printed = String::from_utf8_lossy(&printed).into_owned();
        assert_eq!(done.code, 0, "{printed}");
        printed
    };
    let printed = run("sh", &["-c", EXTENSION]);
    println!("{printed}");
    assert!(printed.contains("ssl.cpython-314.pyc build"), "{printed}");
    // A second call asks nobody: neither apt nor a mirror is there.
    let offline = Environment::of([("PATH", "/nowhere")]);
    let start = std::time::Instant::now();
    assert_eq!(provided(&offline, &AUTHENTIK, None).unwrap(), toolchain);
    println!("second call: {:?}", start.elapsed());
    // The same packages as pins hold; another version does not.
    let mut pins = toolchain.packages.clone();
    assert_eq!(
        provided(&environment, &AUTHENTIK, Some(&pins)).unwrap(),
        toolchain
    );
    "0.1-1".clone_into(&mut pins[0].version);
    let problem = provided(&environment, &AUTHENTIK, Some(&pins)).unwrap_err();
    assert!(problem.to_string().contains("0.1-1"), "{problem}");
    let RootFs::Dir(root) = &toolchain.root else {
        panic!("{toolchain:?}");
    };
    assert!(root.ends_with(toolchain.fingerprint.to_string()));
}

#[test]
#[ignore = "needs apt and a mirror of Debian"]
fn an_unknown_package_is_named_with_the_nearest() {
    let problem = provided(&Environment::capture(), &["libxmlsec1-devel"], None).unwrap_err();
    assert!(problem.what.contains("`libxmlsec1-devel`"), "{problem:?}");
    assert!(problem.hint.unwrap().contains("`libxmlsec1-dev`"));
}

#[test]
#[ignore = "needs pip and a package index"]
fn uv_is_fetched_once() {
    let environment = Environment::capture();
    let cache = cache();
    let host = |environment| Host {
        environment,
        cache: &cache,
        progress: &Silent,
    };
    let uv = provide_uv(&host(&environment)).unwrap();
    let offline = Environment::of([("PATH", "/nowhere")]);
    if uv.path.starts_with(&cache) {
        assert_eq!(provide_uv(&host(&offline)).unwrap(), uv);
    }
}
