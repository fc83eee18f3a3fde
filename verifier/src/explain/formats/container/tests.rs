//! Archives with one byte changed, and such as would take any amount of memory.

use base::sys::files::sorted_entries;
use fs_err as fs;

use super::content::Content;
use super::entry::Document;
use super::*;
use crate::explain::Canaries;

/// The golden archives of a format.
fn golden(format: Format) -> Vec<Vec<u8>> {
    let cases = crate::tests_root().join("golden/explain");
    let mut archives = Vec::new();
    for case in sorted_entries(&cases).unwrap() {
        if !case.file_type().unwrap().is_dir() {
            continue;
        }
        for file in sorted_entries(&case.path().join("a")).unwrap() {
            let bytes = fs::read(file.path()).unwrap_or_default();
            if Format::of(&Blob::of(bytes.clone())) == Some(format) {
                archives.push(bytes);
            }
        }
    }
    archives
}

/// What of an archive counts.
fn document(format: Format, bytes: &[u8]) -> Option<Document> {
    let blob = Blob::of(bytes);
    let container =
        Format::of(&blob).filter(|it| *it == format)?.read(&blob, &Budget::default())?;
    Some((container.entries, container.rest))
}

/// Of a tar: the bytes with the checksum of the header that byte `at` was changed in.
fn with_checksum(whole: &[u8], mut changed: Vec<u8>, at: usize) -> Vec<u8> {
    let header = at / 512 * 512..at / 512 * 512 + 512;
    let checksum = |bytes: &[u8]| {
        let header = bytes.get(header.clone())?.try_into().ok()?;
        Some(format!("{:06o}\0 ", tar::checksum(header)).into_bytes())
    };
    let field = header.start + 148..header.start + 156;
    // Else it is no header, or its checksum is what was changed.
    if let Some(sum) = checksum(whole)
        && changed.get(field.clone()) == Some(sum.as_slice())
        && let Some(sum) = checksum(&changed)
    {
        changed[field].copy_from_slice(&sum);
    }
    changed
}

#[test]
fn no_byte_is_passed_over() {
    for format in [Format::Ar, Format::Gzip, Format::Nar, Format::Tar, Format::Zip] {
        let archives = golden(format);
        assert!(!archives.is_empty(), "{format:?}");
        for archive in archives {
            let Some(whole) = document(format, &archive) else { continue };
            for at in 0..=archive.len() {
                let mut changed = archive.clone();
                match changed.get_mut(at) {
                    Some(byte) => *byte ^= 0x21,
                    None => changed.push(b'x'),
                }
                let changed = match format {
                    Format::Tar => with_checksum(&archive, changed, at),
                    _ => changed,
                };
                let changed = document(format, &changed);
                assert_ne!(changed.as_ref(), Some(&whole), "{format:?}: byte {at}");
            }
        }
    }
}

/// A header of a tar, and content up to a whole block.
fn tar_member(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut header = [0; 512];
    header[..4].copy_from_slice(b"name");
    header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar\x0000");
    let checksum = format!("{:06o}\0 ", tar::checksum(&header));
    header[148..156].copy_from_slice(checksum.as_bytes());
    [&header[..], content, &vec![0; content.len().wrapping_neg() % 512]].concat()
}

/// A NAR of directories in directories.
fn deep_nar(depth: usize) -> Vec<u8> {
    let open: &[&[u8]] = &[b"(", b"type", b"directory"];
    let entry: &[&[u8]] = &[b"entry", b"(", b"name", b"name", b"node"];
    let mut tokens: Vec<&[u8]> = vec![b"nix-archive-1"];
    for level in 0..depth {
        tokens.extend(open);
        tokens.extend(if level + 1 < depth { entry } else { &[] });
    }
    tokens.extend(vec![&b")"[..]; 2 * depth - 1]);
    let strings = tokens.into_iter().flat_map(|token| {
        let padding = vec![0; token.len().wrapping_neg() % 8];
        [&(token.len() as u64).to_le_bytes()[..], token, &padding].concat()
    });
    strings.collect()
}

#[test]
fn what_takes_too_much_is_refused() {
    let end = [0; 1024];
    // A name and what refers to nothing, over and over.
    let names = |count: usize| {
        let member = tar_member(b'L', &vec![b'x'; 1 << 20]);
        [member.repeat(count), tar_member(b'0', b""), end.to_vec()].concat()
    };
    let members = |count: usize| [tar_member(b'0', b"").repeat(count), end.to_vec()].concat();
    let cases = [
        ("few headers before a member", Format::Tar, names(2), true),
        ("many headers before a member", Format::Tar, names(40), false),
        ("few members", Format::Tar, members(100), true),
        ("many members", Format::Tar, members(100_000), false),
        ("a deep directory", Format::Nar, deep_nar(500), true),
        ("a directory that is too deep", Format::Nar, deep_nar(2000), false),
    ];
    for (name, format, bytes, fits) in cases {
        assert_eq!(document(format, &bytes).is_some(), fits, "{name}");
    }
}

#[test]
fn what_was_kept_for_one_archive_is_free_for_the_next() {
    let budget = Budget::default();
    let most = (0..1000).take_while(|_| budget.keep(1 << 20).is_some()).count();
    assert!(budget.was_exceeded() && !budget.was_exceeded());
    let budget = Budget::default();
    for _ in 0..3 {
        let kept = budget.within(|| budget.keep((most as u64) << 20));
        assert_eq!(kept, Some(()));
    }
}

#[test]
fn a_member_that_cannot_be_unpacked_hides_no_other() {
    let side = |text: &str| {
        let mut container = Container::default();
        let text = Blob::of(text.as_bytes());
        let broken = Content::Deflated(Blob::of([1]), 5);
        for (name, content) in [("broken", broken), ("text", Content::Plain(text.clone()))] {
            let content_digest = content::digest(&text);
            let name = name.as_bytes().to_vec();
            let entry = Entry { name, content: content_digest, ..Entry::default() };
            container.add(entry, content, &Budget::default()).unwrap();
        }
        container
    };
    let file = File {
        path: "x.zip",
        name: "x.zip",
        depth: 0,
        canaries: &Canaries::default(),
        budget: &Budget::default(),
        known: Vec::new(),
        is_link: false,
        explain: crate::explain::by_format::explain,
    };
    let explained = of_both([side("2026-11-24"), side("2027-01-06")], Format::Zip, &file).unwrap();
    let [broken, text] = explained.members.as_slice() else { panic!("{explained:?}") };
    let reason = &broken.unexplained.as_ref().unwrap().reason;
    assert!(reason.starts_with("it cannot be unpacked"), "{reason}");
    assert!(text.explained(), "{text:?}");
}
