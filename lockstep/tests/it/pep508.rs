//! Markers (PEP 508) and versions (PEP 440) where other readers of locks differ from them: whether
//! an edge with a marker counts, and what a lock's names and versions may be.

use std::collections::BTreeSet;

use base::recipe::Selection;
use base::vocabulary::{Problem, Target};
use builder::lock::Lock;
use builder::lock::pyproject::Pyproject;
use builder::lock::resolve::{Resolution, resolve};

/// Resolves a lock whose root `app` needs `a` if `marker` holds.
fn resolved(
    name: &str,
    version: &str,
    marker: &str,
    target: (&str, &str),
) -> Result<Resolution, Problem> {
    let text = |text: &str| toml::Value::String(text.to_owned());
    let lock = format!(
        "version = 1\nrequires-python = '>=3.8'\n\
         [[package]]\nname = 'app'\nsource = {{ virtual = '.' }}\n\
         dependencies = [{{ name = {name}, marker = {marker} }}]\n\
         [[package]]\nname = {name}\nversion = {version}\nsource = {{ editable = 'a' }}\n",
        name = text(name),
        version = text(version),
        marker = text(marker),
    );
    let target = Target::new(target.0, target.1).unwrap();
    resolve(&Lock::parse(&lock)?, &Pyproject::default(), &target, &Selection::default())
}

const HERE: (&str, &str) = ("3.14.2", "x86_64-manylinux_2_39");

#[rustfmt::skip]
pub(crate) const MARKERS: [(&str, (&str, &str), bool); 42] = [
    // An older version of an interpreter has three numbers.
    ("python_full_version == '3.14'", HERE, false),
    ("python_full_version == '3.14'", ("3.14", "linux"), true),
    ("python_full_version == '3.14.*'", HERE, true),
    ("python_full_version > '3.14'", HERE, true),
    ("python_full_version <= '3.14'", HERE, false),
    ("python_full_version >= '3.14.2'", HERE, true),
    ("python_full_version < '3.9'", HERE, false),
    ("python_version == '3.14'", HERE, true),
    ("python_version > '3.9'", HERE, true),
    ("python_version in '3.13 3.14'", HERE, true),
    ("python_version not in '3.13 3.14'", HERE, false),
    ("'3' in python_version", HERE, true),
    ("python_version ~= '3.10'", HERE, true),
    ("python_version ~= '3.10'", ("3.9", "linux"), false),
    ("'3.8' <= python_version", HERE, true),
    ("'3.15' <= python_version", HERE, false),
    ("implementation_version >= '3.14'", HERE, true),
    // `in` looks for a part of a text, and upper case is not lower case.
    ("'lin' in sys_platform", HERE, true),
    ("'LIN' in sys_platform", HERE, false),
    ("'win' not in sys_platform", HERE, true),
    ("'x86' in platform_machine", HERE, true),
    ("platform_machine in 'x86_64 arm64'", HERE, true),
    ("platform_machine in 'arm64'", HERE, false),
    ("sys_platform == 'Linux'", HERE, false),
    ("platform_system == 'Linux'", HERE, true),
    ("platform_python_implementation == 'CPython'", HERE, true),
    ("implementation_name != 'cpython'", HERE, false),
    ("os_name == 'posix'", HERE, true),
    ("os_name == 'nt'", ("3.14", "windows"), true),
    ("sys_platform == 'darwin' and platform_machine == 'arm64'", ("3.14", "macos"), true),
    ("platform_machine == 'aarch64'", ("3.14", "aarch64-manylinux_2_39"), true),
    ("sys_platform == 'linux'", ("3.14", "x86_64-unknown-linux-musl"), true),
    // No lock may depend on the kernel of the machine that builds.
    ("platform_version == ''", HERE, true),
    ("platform_release == ''", HERE, true),
    ("platform_release >= '6'", HERE, false),
    // `and` binds more tightly than `or`.
    ("os_name == 'posix' or os_name == 'nt' and sys_platform == 'win32'", HERE, true),
    ("(os_name == 'posix' or os_name == 'nt') and sys_platform == 'win32'", HERE, false),
    ("os_name == 'a' or os_name == 'b' or os_name == 'posix'", HERE, true),
    // Nobody has selected an extra.
    ("extra == 'x'", HERE, false),
    ("extra != 'x'", HERE, true),
    ("extra == 'extra-3-app-x'", HERE, false),
    ("python_version >= '3.8' and extra != 'extra-3-app-x'", HERE, true),
];

#[test]
fn edges_count_as_pep_508_says() {
    let mut wrong = BTreeSet::new();
    for (marker, target, expected) in MARKERS {
        let count = resolved("a", "1", marker, target).unwrap().distributions.len();
        if (count == 2) != expected {
            wrong.insert(format!("{marker} at {target:?}: {}", count == 2));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn names_are_normalised_and_versions_are_pep_440s() {
    for (name, version, expected) in [
        ("a", "1", "a 1"),
        ("Friendly-Bard", "1.0", "friendly-bard 1.0"),
        ("FRIENDLY.BARD", "v1.0", "friendly-bard 1.0"),
        ("friendly_bard", "1.0-1", "friendly-bard 1.0.post1"),
        ("friendly--bard", "1.0alpha1", "friendly-bard 1.0a1"),
        ("FrIeNdLy-._.-bArD", "1.0+CPU.1", "friendly-bard 1.0+cpu.1"),
        ("python", "2!1.0.dev3", "python 2!1.0.dev3"),
        ("pkgs", "2024.02.01", "pkgs 2024.2.1"),
    ] {
        let resolution = resolved(name, version, "python_version > '3'", HERE).unwrap();
        let found = resolution.distributions.iter().find(|it| it.name.as_ref() != "app").unwrap();
        assert_eq!(format!("{} {}", found.name, found.version.as_ref().unwrap()), expected);
    }
}

#[test]
fn empty_suffixes_and_other_damage_are_refused() {
    for (name, version, marker, expected) in [
        ("", "1", "os_name == ''", "``"),
        ("a-", "1", "os_name == ''", "`a-`"),
        ("a.", "1", "os_name == ''", "`a.`"),
        ("_a", "1", "os_name == ''", "`_a`"),
        ("a/b", "1", "os_name == ''", "`a/b`"),
        ("a", "", "os_name == ''", "``"),
        ("a", "1.0+", "os_name == ''", "`1.0+`"),
        ("a", "1.0-", "os_name == ''", "`1.0-`"),
        ("a", "1.0.", "os_name == ''", "`1.0.`"),
        ("a", "1.0+cpu-", "os_name == ''", "`1.0+cpu-`"),
        // Valid, but uv does not know it and cannot have locked it.
        ("a", "1", "python_full_version === '3.14.2'", "`===`"),
        ("a", "1", "os_name ==", "`os_name ==`"),
        ("a", "1", "os_name == '' and", "`os_name == '' and`"),
        ("a", "1", "(os_name == ''", "`(os_name == ''`"),
    ] {
        let problem = resolved(name, version, marker, HERE).unwrap_err().to_string();
        assert!(problem.contains(expected) && problem.contains("not valid"), "{problem}");
    }
}

#[test]
fn versions_are_ordered_as_pep_440_says() {
    let ascending = [
        "1.dev0",
        "1.0.dev456",
        "1.0a1",
        "1.0a2.dev456",
        "1.0a12.dev456",
        "1.0a12",
        "1.0b1.dev456",
        "1.0b2",
        "1.0b2.post345.dev456",
        "1.0b2.post345",
        "1.0rc1.dev456",
        "1.0rc1",
        "1.0",
        "1.0+abc.5",
        "1.0+abc.7",
        "1.0+5",
        "1.0.post456.dev34",
        "1.0.post456",
        "1.1.dev1",
        "1.10",
        "1!0.1",
    ];
    let versions = ascending.map(|text| text.parse::<base::packaging::Version>().unwrap());
    assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
    // A lock's `requires-python`, and whether 3.14.2 is of it.
    for (specifiers, expected) in [
        (">=3.14", true),
        ("==3.14", false),
        ("==3.14.*", true),
        ("~=3.13", true),
        ("~=3.14.3", false),
        (">3.14,<3.15", true),
        ("!=3.14.2", false),
        (">=3.8,!=3.9.*", true),
        ("<4.0", true),
        ("<=3.14", false),
        ("===3.14.2", true),
    ] {
        let text = format!(
            "version = 1\nrequires-python = '{specifiers}'\n\
             [[package]]\nname = 'app'\nsource = {{ virtual = '.' }}"
        );
        let target = Target::new(HERE.0, HERE.1).unwrap();
        let lock = Lock::parse(&text).unwrap();
        let found = resolve(&lock, &Pyproject::default(), &target, &Selection::default());
        assert_eq!(found.is_ok(), expected, "{specifiers}");
    }
}
