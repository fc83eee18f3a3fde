//! Archives that were made to do harm, and odd ones that must work.

use std::io::{Cursor, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base::sys::archive::{Limits, unpack};
use base::sys::files::sorted_entries;
use tar::EntryType;

/// One member: kind, name, link target or content, mode.
type Member<'a> = (EntryType, &'a str, &'a str, u32);

const FILE: EntryType = EntryType::Regular;
const DIR: EntryType = EntryType::Directory;
const LINK: EntryType = EntryType::Symlink;
const HARD: EntryType = EntryType::Link;

/// The crate's builder refuses hostile names, so headers are filled in by hand.
fn tar_gz(members: &[Member<'_>]) -> Vec<u8> {
    let zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(zipped);
    for (kind, name, text, mode) in members {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(*mode);
        header.set_mtime(1);
        let content = if *kind == FILE { text.as_bytes() } else { b"" };
        header.set_size(content.len() as u64);
        let old = header.as_old_mut();
        old.name[..name.len()].copy_from_slice(name.as_bytes());
        if *kind != FILE {
            old.linkname[..text.len()].copy_from_slice(text.as_bytes());
        }
        header.set_cksum();
        tar.append(&header, content).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// The same as a zip; kinds are in the upper bits of the mode. The crate cleans nothing here.
fn zip(members: &[Member<'_>]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (kind, name, text, mode) in members {
        let options = zip::write::SimpleFileOptions::default().unix_permissions(*mode);
        if *kind == DIR {
            zip.add_directory(*name, options).unwrap();
        } else if *kind == LINK {
            zip.add_symlink(*name, *text, options).unwrap();
        } else {
            zip.start_file(*name, options).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
    }
    zip.finish().unwrap().into_inner()
}

/// Gives the directory at the top.
fn unpacked(archive: &[u8], base: &Path, limits: Limits) -> Result<PathBuf, String> {
    let path = base.join("archive");
    fs_err::write(&path, archive).unwrap();
    unpack(&path, &base.join("in/tree"), limits)
        .map_err(|problem| base::vocabulary::problem::render(&anyhow::Error::new(problem)))
}

fn assert_refused(name: &str, archive: &[u8], limits: Limits, expected: &str) {
    let base = tempfile::tempdir().unwrap();
    let text = unpacked(archive, base.path(), limits).expect_err(name);
    assert!(text.contains(expected), "{name}: no `{expected}` in\n{text}");
    let outside = sorted_entries(&base.path().join("in"));
    let outside = outside.map_or(0, |entries| entries.len());
    assert!(outside <= 1, "{name}: something was written beside the tree");
}

#[test]
fn hostile_archives_are_refused() {
    let table: &[(&str, &[Member<'_>], &str)] = &[
        ("up", &[(FILE, "../evil", "x", 0o644)], "not a name inside"),
        ("up inside", &[(FILE, "a/../../evil", "x", 0o644)], "not a name inside"),
        ("absolute", &[(FILE, "/evil", "x", 0o644)], "not a name inside"),
        ("link up", &[(LINK, "t/a", "../../evil", 0o777)], "leads out"),
        ("link beside the top", &[(LINK, "t/data", "../x", 0o777)], "leads out"),
        (
            "link around the top",
            &[(FILE, "t/x", "", 0o644), (LINK, "t/a", "../t/x", 0o777)],
            "leads out",
        ),
        ("link above the top", &[(LINK, "t/d/a", "../..", 0o777)], "leads out"),
        ("link to root", &[(LINK, "t/a", "/etc/passwd", 0o777)], "leads out"),
        ("link deep", &[(LINK, "t/d/e/a", "../../../evil", 0o777)], "leads out"),
        (
            "link through a link",
            &[
                (DIR, "t/d/e", "", 0o755),
                (LINK, "t/l", "d/e", 0o777),
                (LINK, "t/d/e/up", "../..", 0o777),
                (LINK, "t/m", "l/up/../x", 0o777),
            ],
            "leads out",
        ),
        ("circle", &[(LINK, "t/a", "b", 0o777), (LINK, "t/b", "a", 0o777)], "leads out"),
        (
            "through an earlier link",
            &[(LINK, "a", ".", 0o777), (FILE, "a/evil", "x", 0o644)],
            "twice",
        ),
        ("two at the top", &[(DIR, "a", "", 0o755), (FILE, "b/x", "", 0o644)], "but `a`, `b`"),
        ("a file at the top", &[(FILE, "a", "x", 0o644)], "no single directory at the top"),
        ("a link at the top", &[(LINK, "a", ".", 0o777)], "no single directory at the top"),
        ("nothing", &[], "no single directory at the top"),
        ("file becomes directory", &[(FILE, "a", "x", 0o644), (FILE, "a/b", "x", 0o644)], "twice"),
    ];
    for (name, members, expected) in table {
        assert_refused(name, &tar_gz(members), Limits::default(), expected);
        assert_refused(&format!("zip: {name}"), &zip(members), Limits::default(), expected);
    }
    let tars: &[(&str, &[Member<'_>], &str)] = &[
        ("file becomes link", &[(FILE, "a", "x", 0o644), (LINK, "a", "b", 0o777)], "twice"),
        ("hard link out", &[(HARD, "a", "/etc/passwd", 0o644)], "hard link"),
        ("hard link up", &[(HARD, "a", "../x", 0o644)], "hard link"),
        (
            "hard link through a link",
            &[(LINK, "l", ".", 0o777), (HARD, "a", "l/a", 0o644)],
            "hard link",
        ),
        ("hard link to a link", &[(LINK, "l", "x", 0o777), (HARD, "a", "l", 0o644)], "hard link"),
        ("device", &[(EntryType::Char, "a", "", 0o644)], "a device"),
        ("disk", &[(EntryType::Block, "a", "", 0o644)], "a device"),
        ("pipe", &[(EntryType::Fifo, "a", "", 0o644)], "a pipe"),
        ("unknown", &[(EntryType::new(b'Z'), "a", "", 0o644)], "unknown kind"),
    ];
    for (name, members, expected) in tars {
        assert_refused(name, &tar_gz(members), Limits::default(), expected);
    }
}

#[test]
fn bombs_and_damage_are_refused() {
    let small = Limits { bytes: 1000, members: 3 };
    let long = "x".repeat(1001);
    let large: &[Member<'_>] = &[(FILE, "a", &long, 0o644)];
    let many: Vec<Member<'_>> = ["a", "b", "c", "d"].map(|name| (FILE, name, "", 0o644)).into();
    for make in [tar_gz, zip] {
        assert_refused("large", &make(large), small, "more than 1000 bytes");
        assert_refused("many", &make(&many), small, "more than 3 members");
    }
    let whole = tar_gz(large);
    assert_refused("cut", &whole[..whole.len() / 2], Limits::default(), "cannot unpack");
    assert_refused("bzip2", b"BZh91AY", Limits::default(), "format  bzip2");
    assert_refused("xz", b"\xfd7zXZ\0", Limits::default(), "format  xz");
    assert_refused("text", b"hello", Limits::default(), "format  unknown");
    assert_refused("empty", b"", Limits::default(), "format  unknown");
    // Names and headers could be gigabytes long.
    for (name, kind) in [
        ("long name", EntryType::GNULongName),
        ("long link", EntryType::GNULongLink),
        ("pax", EntryType::XHeader),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        let long = vec![b'a'; 2 << 20];
        header.set_size(long.len() as u64);
        header.set_cksum();
        let zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(zipped);
        tar.append(&header, long.as_slice()).unwrap();
        let bomb = tar.into_inner().unwrap().finish().unwrap();
        assert_refused(name, &bomb, Limits::default(), "more than is allowed");
    }
}

#[test]
fn what_is_unpacked_does_not_depend_on_the_packer() {
    let members: &[Member<'_>] = &[
        (DIR, "top/", "", 0o700),
        (FILE, "top/./run", "old", 0o600),
        (FILE, "top/run", "new", 0o6711),
        (FILE, "top/deep/er/data", "x", 0o666),
        (LINK, "top/deep/link", "../run", 0o777),
        (LINK, "top/gone", "nowhere/at/all", 0o777),
        (HARD, "top/copy", "top/run", 0o644),
    ];
    let base = tempfile::tempdir().unwrap();
    let top = unpacked(&tar_gz(members), base.path(), Limits::default()).unwrap();
    assert_eq!(top, base.path().join("in/tree/top"));
    for (path, mode) in
        [("", 0o755), ("run", 0o755), ("copy", 0o755), ("deep", 0o755), ("deep/er/data", 0o644)]
    {
        let metadata = fs_err::metadata(top.join(path)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o7777, mode, "{path}");
    }
    for path in ["", "run", "deep", "deep/er/data", "deep/link", "gone"] {
        let metadata = fs_err::symlink_metadata(top.join(path)).unwrap();
        assert_eq!(metadata.mtime(), 315_532_800, "{path}");
    }
    assert_eq!(fs_err::read_to_string(top.join("deep/link")).unwrap(), "new");
    let inodes = ["run", "copy"].map(|path| fs_err::metadata(top.join(path)).unwrap().ino());
    assert_ne!(inodes[0], inodes[1]);
}

#[test]
fn long_names_work_in_both_dialects() {
    let long = format!("{}/{}.py", "d".repeat(120), "n".repeat(200));
    let base = tempfile::tempdir().unwrap();
    let mut gnu = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    header.set_mode(0o644);
    gnu.append_data(&mut header, &long, &b"x"[..]).unwrap();
    let mut pax = tar::Builder::new(Vec::new());
    pax.append_pax_extensions([("path", long.as_bytes())]).unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_size(1);
    header.set_mode(0o644);
    header.set_path("short").unwrap();
    header.set_cksum();
    pax.append(&header, &b"x"[..]).unwrap();
    for (dialect, archive) in [("gnu", gnu), ("pax", pax)] {
        let base = base.path().join(dialect);
        fs_err::create_dir(&base).unwrap();
        unpacked(&archive.into_inner().unwrap(), &base, Limits::default()).unwrap();
        let text = fs_err::read_to_string(base.join("in/tree").join(&long));
        assert_eq!(text.unwrap(), "x", "{dialect}");
    }
}
