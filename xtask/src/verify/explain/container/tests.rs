//! Archives with one byte changed.

use builder::sys::files::sorted_entries;
use fs_err as fs;

use super::*;

/// The golden archives of a format.
fn golden(format: Format) -> Vec<Vec<u8>> {
    let cases = crate::root().join("golden/explain");
    let mut archives = Vec::new();
    for case in sorted_entries(&cases).unwrap() {
        if !case.file_type().unwrap().is_dir() {
            continue;
        }
        for file in sorted_entries(&case.path().join("a")).unwrap() {
            let bytes = fs::read(file.path()).unwrap_or_default();
            if Format::of(&Blob::Memory(bytes.clone().into())) == Some(format) {
                archives.push(bytes);
            }
        }
    }
    archives
}

/// What of an archive counts.
fn document(format: Format, bytes: &[u8]) -> Option<Document> {
    let container = format.read(&Blob::Memory(bytes.into()))?;
    Some((container.entries, container.rest))
}

#[test]
fn no_byte_of_a_zip_or_gzip_is_passed_over() {
    for format in [Format::Zip, Format::Gzip] {
        let archives = golden(format);
        assert!(archives.len() > 1, "{format:?}");
        for archive in archives {
            let Some(whole) = document(format, &archive) else { continue };
            for at in 0..=archive.len() {
                let mut changed = archive.clone();
                match changed.get_mut(at) {
                    Some(byte) => *byte ^= 0x21,
                    None => changed.push(b'x'),
                }
                let changed = document(format, &changed);
                assert_ne!(changed.as_ref(), Some(&whole), "{format:?}: byte {at}");
            }
        }
    }
}
