//! The real uv decides which markers hold and which wheel is taken, and so do we: the tables of
//! `pep508` and `wheel_choice`, asked of `uv pip compile`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use base::packaging::Marker;
use base::vocabulary::Target;
use fs_err as fs;

use crate::cli::{command, scratch};
use crate::export::uv;
use crate::wheels_fixture::Wheel;
use crate::{pep508, wheel_choice};

/// What beside the names uv resolves for a target: its standard output, and what it logs.
fn compiled(requirements: &str, wheels: &Path, (python, platform): (&str, &str)) -> [String; 2] {
    let mut asked = command(uv());
    asked
        .args(["pip", "compile", "-", "--no-deps", "--no-index", "--offline", "--no-config"])
        .args(["--no-header", "--no-annotate", "--no-cache", "--verbose", "--find-links"])
        .arg(wheels)
        .args(["--python-version", python, "--python-platform", platform])
        .env("RUST_LOG", "uv_resolver=debug")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = asked.spawn().unwrap();
    child.stdin.take().unwrap().write_all(requirements.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap())
}

/// Markers at the edges of the rules, beside those of PEP 508's table.
const MORE: [&str; 26] = [
    "python_version != '3.14.1.*'",
    "python_version == '3.14.0.*'",
    "python_version > '3.14.1'",
    "python_version < '3.14.1'",
    "python_version ~= '3.14.0'",
    "python_version ~= '3.14.1'",
    "python_version in '3.14.1 3.14'",
    "python_version not in '3.14.1'",
    "python_version in ''",
    "python_full_version >= '3.14.0rc1'",
    "python_full_version in '3.14 3.13.1'",
    "python_full_version == '1!3.14'",
    "'3.*' == python_version or os_name == 'nt'",
    "os_name > 'a'",
    "os_name >= 'posix'",
    "'x' < platform_release",
    "os_name ~= 'posix' and sys_platform == 'win32'",
    "os_name == sys_platform or sys_platform == 'win32'",
    "'a' == 'b'",
    "extra == '_' or extra != ''",
    "extra > 'x' and sys_platform == 'win32'",
    "'x' in extras",
    "'x' not in dependency_groups",
    "os.name == 'posix' and python_implementation == 'CPython'",
    "((os_name == 'posix') and (sys_platform == 'linux' or sys_platform == 'darwin'))",
    "platform_machine in 'x86_64 arm64'",
];

#[test]
fn markers_hold_where_uv_has_them_hold() {
    let dir = scratch();
    let table = pep508::MARKERS.iter().map(|(marker, ..)| *marker).chain(MORE);
    let markers: Vec<&str> = table.collect();
    let names: Vec<String> = (0..markers.len()).map(|number| format!("m{number}")).collect();
    let mut requirements = String::new();
    for (name, marker) in names.iter().zip(&markers) {
        Wheel::new(name.clone().leak(), "1").write(dir.path());
        requirements.push_str(&format!("{name}==1 ; {marker}\n"));
    }
    let mut wrong = BTreeSet::new();
    for at in [("3.14.2", "x86_64-manylinux_2_39"), ("3.9", "windows"), ("3.13", "macos")] {
        let [printed, log] = compiled(&requirements, dir.path(), at);
        let by_uv: BTreeSet<&str> =
            printed.lines().filter_map(|line| line.split("==").next()).collect();
        assert!(!by_uv.is_empty(), "{log}");
        let target = Target::new(at.0, at.1).unwrap();
        for (name, text) in names.iter().zip(&markers) {
            let marker: Marker = text.parse().unwrap();
            let holds = marker.evaluate(target.markers(), &[]);
            // What the tree prints is another text of the same meaning.
            let printed = marker.text().unwrap_or_else(|| "os_name != ''".to_owned());
            let again: Marker = printed.parse().unwrap();
            let by_text = again.evaluate(target.markers(), &[]);
            if (holds, by_text) != (by_uv.contains(name.as_str()), holds) {
                wrong.insert(format!("{text} at {at:?}: {holds}, as `{printed}` {by_text}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_wheel_is_taken_that_uv_takes() {
    let dir = scratch();
    let mut targets: BTreeMap<(&str, &str), BTreeMap<String, &str>> = BTreeMap::new();
    for (number, (_, python, platform, offered, expected)) in wheel_choice::CASES.iter().enumerate()
    {
        let name = format!("w{number}");
        let wheel = Wheel::new(name.clone().leak(), "1.0").write(dir.path());
        for tags in *offered {
            fs::copy(&wheel, dir.path().join(format!("{name}-1.0-{tags}.whl"))).unwrap();
        }
        if !offered.contains(&"py3-none-any") {
            fs::remove_file(&wheel).unwrap();
        }
        // Of equals uv takes the first of its index, and a directory has no order.
        if !expected.is_empty() && *expected != "py2.py3-none-any" {
            targets.entry((python, platform)).or_default().insert(name, expected);
        }
    }
    for (at, cases) in targets {
        let requirements: Vec<String> = cases.keys().cloned().collect();
        let [_, log] = compiled(&requirements.join("\n"), dir.path(), at);
        for (name, expected) in cases {
            let taken = format!("({name}-1.0-{expected}.whl)");
            assert!(log.contains(&taken), "{at:?}: uv does not take {taken}:\n{log}");
        }
    }
}
