//! A small output, changed in each way.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

const SITE: &str = "lib/python3.14/site-packages";

fn output() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(&format!("{SITE}/a/__init__.py"), "x = 1\n");
    write(&format!("{SITE}/a/__pycache__/__init__.cpython-314.pyc"), "bytecode");
    write(&format!("{SITE}/b.py"), "");
    write("bin/a", "#!/bin/sh\n");
    write("bin/with\nline\\end", "");
    symlink("a", dir.path().join("bin/link")).unwrap();
    let record = "a/__init__.py,,\n../../../bin/a,,\na-1.0.dist-info/RECORD,,\n";
    write(&format!("{SITE}/a-1.0.dist-info/RECORD"), record);
    write(&format!("{SITE}/b-2.0.dist-info/RECORD"), "b.py,,\n");
    write(&format!("{SITE}/a/_vendor/b-1.dist-info/RECORD"), "../__init__.py,,\n");
    dir
}

fn listed(dir: &Path) -> Listing {
    let subject = Subject {
        recipe: "small".to_owned(),
        target: "cp314-x86_64".to_owned(),
        prefix: "/opt/small".to_owned(),
        nar_hash: Sri(Sha256::of("nar")),
    };
    Listing::of(dir, subject).unwrap()
}

#[test]
fn a_listing_is_read_as_it_was_written_and_not_if_it_was_changed() {
    let dir = output();
    let listing = listed(dir.path());
    let bytes = listing.to_bytes();
    assert_eq!(Listing::parse("x", &bytes).unwrap(), listing);
    assert_eq!(listing.to_bytes(), bytes);
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut text)
        .unwrap();
    let zipped = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    assert!(Listing::parse("x", &zipped(&text)).is_ok());
    let last = text.trim_end().rsplit_once('\n').unwrap().0;
    for edited in [
        text.replacen(" 644 ", " 755 ", 1),
        text.replacen("bin/a\n", "bin/c\n", 1),
        text.replacen("listing 1", "listing 2", 1),
        text.replacen("f 644", "x 644", 1),
        last.to_owned(),
    ] {
        assert!(edited != text);
        let problem = Listing::parse("x", &zipped(&edited)).unwrap_err();
        assert!(problem.to_string().contains("`x` is no listing"), "{problem}");
    }
    for bytes in [&bytes[..bytes.len() / 2], b"", b"plain"] {
        assert!(Listing::parse("x", bytes).is_err());
    }
}

#[test]
fn each_difference_is_named_with_its_distribution() {
    let before = output();
    let there = listed(before.path());
    let dir = output();
    let path = |path: &str| dir.path().join(path);
    fs::write(path(&format!("{SITE}/a/__pycache__/__init__.cpython-314.pyc")), "other").unwrap();
    fs::set_permissions(path("bin/a"), std::fs::Permissions::from_mode(0o755)).unwrap();
    fs::remove_file(path(&format!("{SITE}/b.py"))).unwrap();
    fs::remove_file(path("bin/link")).unwrap();
    fs::write(path("bin/link"), "a").unwrap();
    fs::write(path("new"), "").unwrap();
    let here = listed(dir.path());
    let told: Vec<String> = here
        .differences(&there)
        .iter()
        .map(|it| format!("{} {:?} {}", it.path, it.distribution.as_deref(), it.how))
        .collect();
    let expected = [
        "bin/a Some(\"a 1.0\") mode is 755 here, 644 there".to_owned(),
        "bin/link None file, link and directory differ".to_owned(),
        format!(
            "{SITE}/a/__pycache__/__init__.cpython-314.pyc Some(\"a 1.0\") content differs \
             (5 bytes here, 8 there)"
        ),
        format!("{SITE}/b.py Some(\"b 2.0\") only there"),
        "new None only here".to_owned(),
    ];
    assert_eq!(told, expected);
    assert_ne!(here.root(), there.root());
    assert_eq!(listed(before.path()).root(), there.root());
    assert!(there.differences(&there).is_empty());
}
