//! Pairs of trees in `golden/explain/<case>/` with the causes that must be found, and pairs whose
//! claims must be refused. A new case is a folder; `expect.toml` says what is expected of it.

mod limits;

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base::sys::files::sorted_entries;
use fs_err as fs;
use serde::Deserialize;

use super::canaries::Canary;
use super::*;
use crate::compare::compare;

/// What must be found, by path: ids of causes, with `~` behind one that it only looks like, or
/// `unexplained`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    causes: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    canaries: Vec<Canary>,
}

fn explained(a: &Path, b: &Path, canaries: Vec<Canary>) -> Explanation {
    let comparison = compare(a, b).unwrap();
    let context = Context { canaries: Canaries(canaries), ..Context::default() };
    explain(&comparison, &context, |_| ()).unwrap()
}

/// The causes of each finding, members included.
fn causes(explanation: &Explanation) -> BTreeMap<String, Vec<String>> {
    let findings = explanation.findings.iter().flat_map(Finding::flattened);
    let causes = findings.map(|finding| {
        let causes = finding.causes.iter().map(|proved| match proved.standing {
            Standing::Proved => proved.cause.id().to_owned(),
            Standing::LooksLike => format!("{}~", proved.cause.id()),
        });
        let open = finding.unexplained.iter().map(|_| "unexplained".to_owned());
        let mut causes: Vec<String> = causes.chain(open).collect();
        causes.sort();
        (finding.path.clone(), causes)
    });
    causes.filter(|(_, causes)| !causes.is_empty()).collect()
}

#[test]
fn golden_pairs_have_the_causes_that_they_were_made_with() {
    let cases = crate::tests_root().join("golden/explain");
    let mut wrong = Vec::new();
    for case in sorted_entries(&cases).unwrap() {
        if !case.file_type().unwrap().is_dir() {
            continue;
        }
        let text = fs::read_to_string(case.path().join("expect.toml")).unwrap();
        let expected: Expected = toml::from_str(&text).unwrap();
        let [a, b] = ["a", "b"].map(|side| case.path().join(side));
        let explanation = explained(&a, &b, expected.canaries);
        let found = causes(&explanation);
        if found != expected.causes {
            let name = case.file_name();
            let expected = expected.causes;
            wrong.push(format!("{}: {found:?}, expected {expected:?}", name.display()));
        }
        assert_eq!(explained(&a, &a, Vec::new()).findings, [], "{}", a.display());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The causes of two texts at one path.
fn of_texts(name: &str, [a, b]: [&[u8]; 2], canaries: Vec<Canary>) -> Vec<String> {
    let base = tempfile::tempdir().unwrap();
    for (side, text) in [("a", a), ("b", b)] {
        fs::create_dir(base.path().join(side)).unwrap();
        fs::write(base.path().join(side).join(name), text).unwrap();
    }
    let explanation = explained(&base.path().join("a"), &base.path().join("b"), canaries);
    let found = causes(&explanation);
    found.into_values().flatten().collect()
}

#[test]
fn claims_that_do_not_account_for_everything_are_refused() {
    let cases: [(&str, [&[u8]; 2]); 6] = [
        ("a path and a word", [b"dir=/one/x\nspeed=fast\n", b"dir=/two/x\nspeed=slow\n"]),
        ("a date and a word", [b"made 2026-01-02 well\n", b"made 2026-01-03 badly\n"]),
        ("other lines, not other order", [b"a\nb\n", b"b\nc\n"]),
        ("a line more", [b"a\n", b"a\nb\n"]),
        ("a word", [b"yes\n", b"no\n"]),
        ("a number", [b"17\n", b"18\n"]),
    ];
    for (name, texts) in cases {
        assert_eq!(of_texts("x.txt", texts, Vec::new()), ["unexplained"], "{name}");
    }
}

#[test]
fn what_is_unexplained_says_which_claims_were_refused() {
    let base = tempfile::tempdir().unwrap();
    for (side, text) in [("a", "at /one/x, fast"), ("b", "at /two/x, slow")] {
        fs::write(base.path().join(side), text).unwrap();
    }
    let explanation = explained(&base.path().join("a"), &base.path().join("b"), Vec::new());
    let open = explanation.findings[0].unexplained.as_ref().unwrap();
    assert!(open.refused.contains(&Cause::BuildPath(Place::Text)), "{open:?}");
    assert_eq!(explanation.unexplained, 1);
}

#[test]
fn a_canary_names_what_was_varied() {
    for kind in ["host-name", "user", "home", "locale", "kernel", "environment", "cpu"] {
        let canary = serde_json::json!({"kind": kind, "a": "alpha-17", "b": "beta-2"});
        let canary: Canary = serde_json::from_value(canary).unwrap();
        let texts: [&[u8]; 2] = [b"x = \"alpha-17\";\n", b"x = \"beta-2\";\n"];
        assert_eq!(of_texts("x.c", texts, vec![canary.clone()]), [format!("{kind}~")], "{kind}");
        // The value of the other side proves nothing.
        let crossed: [&[u8]; 2] = [b"x = \"beta-2\";\n", b"x = \"alpha-17\";\n"];
        assert_eq!(of_texts("x.c", crossed, vec![canary]), ["unexplained"], "{kind}");
    }
}

#[test]
fn a_copy_that_a_distribution_ships_is_no_distribution() {
    let base = tempfile::tempdir().unwrap();
    for side in ["a", "b"] {
        let modules = base.path().join(side).join("lib/site-packages");
        for (directory, record) in [
            ("setuptools-80.dist-info", "setuptools/_vendor/wheel-1.dist-info/RECORD,,\nx.py,,7\n"),
            ("setuptools/_vendor/wheel-1.dist-info", "wheel.py,,5\n"),
            ("six-1.dist-info", "six.py,,3\n"),
        ] {
            fs::create_dir_all(modules.join(directory)).unwrap();
            fs::write(modules.join(directory).join("RECORD"), record).unwrap();
        }
    }
    let [a, b] = ["a", "b"].map(|side| base.path().join(side));
    let sizes = explained(&a, &b, Vec::new()).sizes;
    let expected = [("setuptools".to_owned(), 7), ("six".to_owned(), 3)];
    assert_eq!(sizes, BTreeMap::from(expected));
}

/// A library, and the same one with a build-id that was drawn.
fn with_drawn_id() -> [Vec<u8>; 2] {
    let golden = crate::tests_root().join("golden/explain/elf-build-id/a/check.so");
    let library = fs::read(golden).unwrap();
    let mut other = library.clone();
    let id = memchr::memmem::find(&library, b"\x03\0\0\0GNU\0").unwrap() + 8;
    other[id] ^= 1;
    [library, other]
}

fn gzip(bytes: &[u8], time: u32) -> Vec<u8> {
    let writer = flate2::GzBuilder::new().mtime(time);
    let mut writer = writer.write(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

#[test]
fn a_build_id_follows_only_from_its_own_file() {
    let [a, b] = with_drawn_id();
    let packed = [gzip(&a, 1), gzip(&b, 2)];
    for (name, files, mode, beside) in
        [("x.so", [a, b], 0o600, "modes"), ("x.so.gz", packed, 0o644, "timestamp-in-gzip")]
    {
        let base = tempfile::tempdir().unwrap();
        for ((side, file), mode) in ["a", "b"].into_iter().zip(files).zip([0o644, mode]) {
            let path = base.path().join(side).join(name);
            fs::create_dir(base.path().join(side)).unwrap();
            fs::write(&path, file).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        }
        let explanation = explained(&base.path().join("a"), &base.path().join("b"), Vec::new());
        assert_eq!(causes(&explanation)[name], ["build-id", beside]);
        let mut roots: Vec<&str> = explanation.roots.iter().map(|root| root.cause.id()).collect();
        roots.sort_unstable();
        assert_eq!(roots, ["build-id", beside]);
    }
}

/// Something done to one of two golden files.
struct Hidden {
    what: &'static str,
    /// Two files whose difference has a proved cause.
    case: &'static str,
    file: &'static str,
    /// Zeros that both files end with.
    zeros: usize,
    hide: fn(&mut Vec<u8>),
    /// Where the header is whose checksum then changes.
    header: Option<usize>,
}

impl Hidden {
    fn of(what: &'static str, [case, file]: [&'static str; 2], hide: fn(&mut Vec<u8>)) -> Self {
        Self { what, case, file, zeros: 0, hide, header: None }
    }

    fn in_pax(what: &'static str, hide: fn(&mut Vec<u8>), header: Option<usize>) -> Self {
        Self { header, ..Self::of(what, ["tar-pax-times", "x-1.tar"], hide) }
    }

    fn files(&self) -> [Vec<u8>; 2] {
        let folder = crate::tests_root().join("golden/explain").join(self.case);
        ["a", "b"].map(|side| {
            let file = fs::read(folder.join(side).join(self.file)).unwrap();
            [file, vec![0; self.zeros]].concat()
        })
    }

    fn hidden(&self, file: &[u8]) -> Vec<u8> {
        let mut file = file.to_vec();
        (self.hide)(&mut file);
        if let Some(header) = self.header {
            file[header + 148..header + 156].fill(b' ');
            let sum: u64 = file[header..header + 512].iter().map(|byte| u64::from(*byte)).sum();
            let checksum = format!("{sum:06o}\0 ");
            file[header + 148..header + 156].copy_from_slice(checksum.as_bytes());
        }
        file
    }
}

#[test]
fn what_no_reader_looks_at_is_unexplained() {
    let (of, in_pax) = (Hidden::of, Hidden::in_pax);
    let last = |file: &mut Vec<u8>| *file.last_mut().unwrap() = b'x';
    // A pax header, its records, the header of the member.
    let cases = [
        in_pax("behind the zero of a name", |file| file[1024 + 90] = b'x', Some(1024)),
        in_pax("behind the zero of a prefix", |file| file[1024 + 499] = b'x', Some(1024)),
        in_pax("behind the zero of an owner", |file| file[1024 + 290] = b'x', Some(1024)),
        in_pax("at the end of a header", |file| file[1024 + 511] = b'x', Some(1024)),
        in_pax("a pax header's name", |file| file[3] = b'x', Some(0)),
        in_pax("a pax header's mode", |file| file[105] = b'7', Some(0)),
        in_pax("a pax header's target", |file| file[160] = b'x', Some(0)),
        in_pax("the padding of a pax header", |file| file[1023] = b'x', None),
        in_pax("the end of a tar", last, None),
        Hidden { zeros: 3 << 20, ..in_pax("far behind the end of a tar", last, None) },
        of("behind a gzip", ["gzip-time", "x.gz"], |file| file.push(b'x')),
        of("far behind a gzip", ["gzip-level", "x.gz"], |file| file.extend([b'x'; 9000])),
        of("behind a zip", ["zip-times", "x-1-py3-none-any.whl"], |file| file.push(b'x')),
        of("a byte behind an ELF file", ["elf-build-id", "check.so"], |file| file.push(b'x')),
        of("zeros behind an ELF file", ["elf-build-id", "check.so"], |file| file.extend([0; 3])),
    ];
    for case in cases {
        let [a, b] = case.files();
        let found = of_texts(case.file, [&a, &b], Vec::new());
        assert!(!found.is_empty() && !found.contains(&"unexplained".to_owned()), "{found:?}");
        for (other, how) in [(&a, "alone"), (&b, "beside a cause")] {
            let found = of_texts(case.file, [&a, &case.hidden(other)], Vec::new());
            assert_eq!(found, ["unexplained"], "{}, {how}", case.what);
        }
    }
}
