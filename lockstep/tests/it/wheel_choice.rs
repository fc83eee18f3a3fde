//! Which of the offered wheels is taken, and which names are those of wheels. The cases are those
//! of uv2nix's `test_pypa.nix` and the defects that were found there, as one line each.

use base::vocabulary::Target;
use builder::lock::resolve::best_wheel;

const X86: &str = "x86_64-manylinux_2_39";
const OLD_GLIBC: &str = "x86_64-manylinux_2_28";
const ARM: &str = "aarch64-manylinux_2_39";
const MUSL: &str = "x86_64-unknown-linux-musl";

/// What the rule is, Python, platform, the tags after `a-1.0-` that are offered, the one taken.
pub(crate) type Case =
    (&'static str, &'static str, &'static str, &'static [&'static str], &'static str);

#[rustfmt::skip]
pub(crate) const CASES: [Case; 46] = [
    ("glibc order: the newest that fits", "3.14", X86, &["cp39-abi3-manylinux_2_17_x86_64", "cp39-abi3-manylinux_2_34_x86_64", "cp39-abi3-manylinux_2_28_x86_64"], "cp39-abi3-manylinux_2_34_x86_64"),
    ("glibc order: not one that is too new", "3.14", OLD_GLIBC, &["cp39-abi3-manylinux_2_17_x86_64", "cp39-abi3-manylinux_2_34_x86_64"], "cp39-abi3-manylinux_2_17_x86_64"),
    ("glibc: 2.40 does not fit 2.39", "3.14", X86, &["py3-none-manylinux_2_40_x86_64"], ""),
    ("glibc: minor versions are numbers", "3.14", X86, &["py3-none-manylinux_2_9_x86_64", "py3-none-manylinux_2_17_x86_64"], "py3-none-manylinux_2_17_x86_64"),
    ("glibc: of a compressed set the best counts", "3.14", X86, &["py3-none-manylinux_2_28_x86_64", "py3-none-manylinux_2_17_x86_64.manylinux_2_34_x86_64"], "py3-none-manylinux_2_17_x86_64.manylinux_2_34_x86_64"),
    ("legacy alias manylinux1", "3.14", X86, &["cp314-cp314-manylinux1_x86_64"], "cp314-cp314-manylinux1_x86_64"),
    ("legacy alias manylinux2010", "3.14", X86, &["cp314-cp314-manylinux2010_x86_64"], "cp314-cp314-manylinux2010_x86_64"),
    ("legacy alias manylinux2014 on arm", "3.14", ARM, &["cp314-cp314-manylinux2014_aarch64"], "cp314-cp314-manylinux2014_aarch64"),
    ("legacy aliases in order", "3.14", X86, &["cp314-cp314-manylinux1_x86_64", "cp314-cp314-manylinux2014_x86_64", "cp314-cp314-manylinux2010_x86_64"], "cp314-cp314-manylinux2014_x86_64"),
    ("linux_x86_64 is of an unknown machine", "3.14", X86, &["cp314-cp314-linux_x86_64", "cp314-cp314-manylinux1_x86_64"], "cp314-cp314-manylinux1_x86_64"),
    ("build tag order: numbers, not texts", "3.14", X86, &["2-py3-none-any", "10-py3-none-any", "9-py3-none-any"], "10-py3-none-any"),
    ("build tag order: none is the lowest", "3.14", X86, &["1-py3-none-any", "py3-none-any"], "1-py3-none-any"),
    ("build tag order: then the letters", "3.14", X86, &["1b-py3-none-any", "1a-py3-none-any"], "1b-py3-none-any"),
    ("build tag order: after the tag", "3.14", X86, &["7-py3-none-any", "cp314-cp314-manylinux_2_17_x86_64"], "cp314-cp314-manylinux_2_17_x86_64"),
    ("a platform is better than any", "3.14", X86, &["py3-none-any", "py3-none-manylinux_2_17_x86_64"], "py3-none-manylinux_2_17_x86_64"),
    ("ABI: of the interpreter, then abi3, then none", "3.14", X86, &["cp314-none-manylinux_2_17_x86_64", "cp314-abi3-manylinux_2_17_x86_64", "cp314-cp314-manylinux_2_17_x86_64"], "cp314-cp314-manylinux_2_17_x86_64"),
    ("ABI: abi3 of an older Python", "3.14", X86, &["cp38-abi3-manylinux_2_17_x86_64", "cp311-abi3-manylinux_2_17_x86_64"], "cp311-abi3-manylinux_2_17_x86_64"),
    ("ABI: abi3 of a newer Python does not fit", "3.12", X86, &["cp313-abi3-manylinux_2_17_x86_64"], ""),
    ("ABI: a free-threaded wheel does not fit", "3.14", X86, &["cp314-cp314t-manylinux_2_17_x86_64"], ""),
    ("ABI: one of another Python does not fit", "3.14", X86, &["cp313-cp313-manylinux_2_17_x86_64"], ""),
    ("ABI: cp39-none of another Python does not fit", "3.14", X86, &["cp39-none-manylinux_2_17_x86_64"], ""),
    ("language: py39 fits", "3.14", X86, &["py39-none-any"], "py39-none-any"),
    ("language: py315 does not", "3.14", X86, &["py315-none-any"], ""),
    ("language: py2 does not", "3.14", X86, &["py2-none-any"], ""),
    ("language: py2.py3 does", "3.14", X86, &["py2.py3-none-any"], "py2.py3-none-any"),
    ("language: the own Python before any", "3.14", X86, &["py3-none-any", "py314-none-any"], "py314-none-any"),
    ("language: any Python before an older one", "3.14", X86, &["py312-none-any", "py3-none-any"], "py3-none-any"),
    ("PyPy is another implementation", "3.14", X86, &["pp311-pypy311_pp73-manylinux_2_17_x86_64", "py3-none-any"], "py3-none-any"),
    ("musl with ppc64le wheels", "3.14", MUSL, &["cp314-cp314-musllinux_1_2_ppc64le", "cp314-cp314-musllinux_1_2_s390x", "cp314-cp314-musllinux_1_2_armv7l", "cp314-cp314-musllinux_1_2_x86_64"], "cp314-cp314-musllinux_1_2_x86_64"),
    ("musl with ppc64le wheels only", "3.14", MUSL, &["cp314-cp314-musllinux_1_2_ppc64le"], ""),
    ("musl rejects manylinux", "3.14", MUSL, &["cp314-cp314-manylinux_2_17_x86_64"], ""),
    ("musl: an older one fits", "3.14", MUSL, &["cp314-cp314-musllinux_1_1_x86_64", "py3-none-any"], "cp314-cp314-musllinux_1_1_x86_64"),
    ("musl: a newer one does not", "3.14", MUSL, &["cp314-cp314-musllinux_1_3_x86_64", "py3-none-any"], "py3-none-any"),
    ("glibc rejects musllinux", "3.14", X86, &["cp314-cp314-musllinux_1_2_x86_64"], ""),
    ("another machine", "3.14", ARM, &["cp314-cp314-manylinux_2_17_x86_64", "cp314-cp314-manylinux_2_17_aarch64"], "cp314-cp314-manylinux_2_17_aarch64"),
    ("macOS: the own machine before universal2", "3.12", "macos", &["cp312-cp312-macosx_11_0_universal2", "cp312-cp312-macosx_11_0_arm64"], "cp312-cp312-macosx_11_0_arm64"),
    ("macOS: universal2 fits", "3.12", "macos", &["cp312-cp312-macosx_11_0_x86_64", "cp312-cp312-macosx_10_15_universal2"], "cp312-cp312-macosx_10_15_universal2"),
    ("macOS: a newer system does not fit", "3.12", "macos", &["cp312-cp312-macosx_26_0_arm64"], ""),
    ("Windows", "3.14", "windows", &["cp314-cp314-win32", "cp314-cp314-win_arm64", "cp314-cp314-win_amd64"], "cp314-cp314-win_amd64"),
    ("tags that nobody knows fit nothing and disturb nothing", "3.14", X86, &["cp314-cp314-manylinux_x86_64", "cp314-cp314-ios_13_0_arm64_iphoneos", "cp314-cp314-android_24_arm64_v8a", "cp314-cp314-emscripten_4_0_9_wasm32", "py3-none-any"], "py3-none-any"),
    ("names that are none disturb nothing", "3.14", X86, &["", "-", "py3-none", "py3-none-any-x-y-z", "py3-none-any"], "py3-none-any"),
    ("an empty build tag is no build tag", "3.14", X86, &["-py3-none-any"], ""),
    ("an empty tag is no tag", "3.14", X86, &["py3-none-", "py3--any", "-none-any"], ""),
    ("a build tag begins with a digit", "3.14", X86, &["x1-py3-none-any"], ""),
    ("of equals the first", "3.14", X86, &["py2.py3-none-any", "py3-none-any"], "py2.py3-none-any"),
    ("nothing is offered", "3.14", X86, &[], ""),
];

#[test]
fn the_wheel_of_each_case_is_taken() {
    let mut wrong = Vec::new();
    for (rule, python, platform, offered, expected) in CASES {
        let target = Target::new(python, platform).unwrap();
        let names: Vec<String> = offered.iter().map(|tags| format!("a-1.0-{tags}.whl")).collect();
        let files = names.iter().map(String::as_str).zip(offered);
        let found = best_wheel(files, &target).copied().unwrap_or_default();
        if found != expected {
            wrong.push(format!("{rule}: `{found}`"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The wheels of pyzmq 26, shortened: 5 Pythons, 2 machines, 3 systems.
fn pyzmq() -> Vec<String> {
    let mut names = vec!["pyzmq-26.0.0-pp39-pypy39_pp73-manylinux_2_28_x86_64.whl".to_owned()];
    for python in ["cp37-cp37m", "cp38-cp38", "cp39-cp39", "cp311-cp311", "cp312-abi3"] {
        for platform in [
            "macosx_10_9_x86_64",
            "macosx_10_15_universal2",
            "manylinux_2_12_i686.manylinux2010_i686",
            "manylinux_2_17_x86_64.manylinux2014_x86_64",
            "manylinux_2_28_x86_64",
            "manylinux_2_28_aarch64",
            "musllinux_1_1_aarch64",
            "musllinux_1_1_x86_64",
            "win_amd64",
        ] {
            names.push(format!("pyzmq-26.0.0-{python}-{platform}.whl"));
        }
    }
    names
}

#[test]
fn one_of_many_wheels_is_taken_in_whatever_order_they_stand() {
    let names = pyzmq();
    for (python, platform, expected) in [
        ("3.8", X86, Some("cp38-cp38-manylinux_2_28_x86_64")),
        (
            "3.8",
            "x86_64-manylinux2014",
            Some("cp38-cp38-manylinux_2_17_x86_64.manylinux2014_x86_64"),
        ),
        ("3.11", "macos", Some("cp311-cp311-macosx_10_15_universal2")),
        ("3.11", "x86_64-apple-darwin", Some("cp311-cp311-macosx_10_15_universal2")),
        ("3.14", MUSL, Some("cp312-abi3-musllinux_1_1_x86_64")),
        ("3.14", "aarch64-pc-windows-msvc", None),
        ("3.10", ARM, None),
    ] {
        let target = Target::new(python, platform).unwrap();
        let expected = expected.map(|tags| format!("pyzmq-26.0.0-{tags}.whl"));
        let forth = best_wheel(names.iter().map(|name| (name.as_str(), name)), &target);
        let back = best_wheel(names.iter().rev().map(|name| (name.as_str(), name)), &target);
        assert_eq!(forth, expected.as_ref(), "{python} {platform}");
        assert_eq!(back, expected.as_ref(), "{python} {platform}, backwards");
    }
}
