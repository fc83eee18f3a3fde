//! What tools print, and what is made of it.

use super::*;
use base::recipe::Provider;

fn found(log: &str) -> Option<Missing> {
    decisive(log.lines())?.missing
}

/// Lines, and what they say is missing.
type Cases = Vec<(&'static str, Option<Missing>)>;

fn check(cases: Cases) {
    for (line, expected) in cases {
        assert_eq!(found(line), expected, "{line}");
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the table holds what was found, or nothing")]
fn name(make: fn(String) -> Missing, name: &str) -> Option<Missing> {
    Some(make(name.to_owned()))
}

/// What compilers and shells print; the same words in another meaning mean nothing.
#[test]
fn headers_libraries_and_programs_are_named() {
    check(vec![
        (
            "./psycopg/psycopg.h:36:10: fatal error: libpq-fe.h: No such file or directory",
            name(Missing::Header, "libpq-fe.h"),
        ),
        (
            "a.c:1:10: fatal error: 'sasl/sasl.h' file not found",
            name(Missing::Header, "sasl/sasl.h"),
        ),
        (
            "/usr/bin/ld: cannot find -lldap_r: No such file or directory",
            name(Missing::Library, "ldap_r"),
        ),
        ("/usr/bin/ld: cannot find -lz", name(Missing::Library, "z")),
        (
            "FileNotFoundError: [Errno 2] No such file or directory: 'pg_config'",
            name(Missing::Program, "pg_config"),
        ),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'README.md'", None),
        ("FileNotFoundError: [Errno 2] No such file or directory: '/build/src/VERSION'", None),
        ("error: command 'swig' failed: No such file or directory", name(Missing::Program, "swig")),
        ("error: command '/usr/bin/gcc' failed with exit code 1", None),
        ("/bin/sh: 1: pg_config: not found", name(Missing::Program, "pg_config")),
        (
            "./autogen.sh: line 3: autoreconf: command not found",
            name(Missing::Program, "autoreconf"),
        ),
    ]);
}

/// What CPython, pkg-config, meson, `CMake` and those without a network print.
#[test]
fn modules_packages_and_networks_are_named() {
    check(vec![
        ("ModuleNotFoundError: No module named 'numpy.core'", name(Missing::Module, "numpy")),
        (
            "Package 'libffi', required by 'virtual:world', not found",
            name(Missing::PkgConfig, "libffi"),
        ),
        ("No package 'xmlsec1' found", name(Missing::PkgConfig, "xmlsec1")),
        (
            "../meson.build:31:11: ERROR: Dependency \"cairo\" not found, tried pkgconfig",
            name(Missing::PkgConfig, "cairo"),
        ),
        (
            "meson.build:2:0: ERROR: Unknown compiler(s): [['gfortran'], ['flang']]",
            name(Missing::Program, "gfortran"),
        ),
        (
            "  Could not find a package configuration file provided by \"fmt\" with any of",
            name(Missing::CMake, "fmt"),
        ),
        (
            "  Could NOT find OpenSSL, try to set the path to OpenSSL",
            name(Missing::CMake, "OpenSSL"),
        ),
        (
            "ImportError: libpq.so.5: cannot open shared object file: No such file or directory",
            name(Missing::SharedObject, "libpq.so.5"),
        ),
        (
            "As a reminder, you're using offline mode (--offline) which",
            Some(Missing::Network("cargo")),
        ),
        (
            "fatal: unable to access 'https://x/': Could not resolve host: x",
            Some(Missing::Network("git or curl")),
        ),
        ("npm error code ENOTCACHED", Some(Missing::Network("npm"))),
        (
            "LookupError: setuptools-scm was unable to detect version for /build/src.",
            Some(Missing::Version),
        ),
        ("everything is well", None),
        ("fatal error: $(rm -rf): No such file or directory", None),
        ("/usr/bin/ld: cannot find -l../../x", None),
    ]);
}

/// A remark does not hide the reason, and what follows from it does not either.
#[test]
fn the_first_reason_decides() {
    let log = "Could NOT find Doxygen\nPackage foo was not found in the pkg-config search path.\n\
               a.c:1: fatal error: ffi.h: No such file or directory\n\
               ModuleNotFoundError: No module named 'later'\nerror: command 'gcc' failed";
    assert_eq!(found(log), Some(Missing::Header("ffi.h".to_owned())));
    let log = "warning: x\nsrc/a.c:3:1: error: expected ';'\nerror: could not compile";
    let decided = decisive(log.lines()).unwrap();
    assert_eq!(
        decided,
        Decisive { line: "src/a.c:3:1: error: expected ';'".to_owned(), missing: None }
    );
    assert_eq!(decisive("all is well\nnothing failed".lines()), None);
    // Long lines are cut, between characters.
    let long = format!("error: {}", "ä".repeat(1 << 20));
    assert!(decisive([long.as_str()]).unwrap().line.len() <= LINE_BYTES);
}

#[test]
fn the_table_is_right() {
    let debian = System::of(Provider::Debian).unwrap();
    assert!(System::of(Provider::Host).is_none());
    let header = Missing::Header("libpq-fe.h".to_owned());
    assert_eq!(debian.package(&header), Some("libpq-dev"));
    assert_eq!(debian.packages_of("psycopg2"), ["libpq-dev"]);
    assert_eq!(debian.package(&Missing::Module("libpq-fe.h".to_owned())), None);
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
    for package in debian.packages() {
        assert!(package.chars().all(is_plain), "{package}");
    }
    for names in debian.distributions() {
        let name: base::packaging::PackageName = names.parse().unwrap();
        assert_eq!(name.as_ref(), names.as_str(), "a name must be normalised");
    }
}

#[test]
fn the_advice_has_the_key_with_its_value() {
    let header = Missing::Header("libpq-fe.h".to_owned());
    let told = advice(&header, "psycopg2", Some("libpq-dev"));
    assert!(told.contains("override.psycopg2.build.system-packages = [\"libpq-dev\"]"), "{told}");
    assert!(advice(&header, "a", None).contains("the header `libpq-fe.h`"));
    let module = advice(&Missing::Module("numpy".to_owned()), "a", None);
    assert!(module.contains("override.a.build.extra-requires = [\"numpy\"]"), "{module}");
    assert!(advice(&Missing::Network("cargo"), "a", None).contains("cargo vendor"));
}
