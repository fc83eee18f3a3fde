//! Files that no linker makes, and that must not lead astray.

use fs_err as fs;

use super::*;

/// Ids of the causes of two files, or `unexplained`.
fn causes(files: &[Vec<u8>; 2]) -> Vec<&'static str> {
    match explain(files, &Canaries::default()) {
        Ok(proved) => proved.iter().map(|proved| proved.cause.id()).collect(),
        Err(_) => vec!["unexplained"],
    }
}

/// A pair whose build path differs, as many bytes on both sides.
fn golden() -> [Vec<u8>; 2] {
    let case = crate::tests_root().join("golden/explain/elf-path");
    ["a", "b"].map(|side| fs::read(case.join(side).join("check.so")).unwrap())
}

/// Both sides with some bytes at a place.
fn with(files: &[Vec<u8>; 2], at: usize, bytes: &[u8]) -> [Vec<u8>; 2] {
    files.clone().map(|mut file| {
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    })
}

/// One side with another byte behind the unwind tables, where no section is.
fn with_hidden_byte([a, mut b]: [Vec<u8>; 2]) -> [Vec<u8>; 2] {
    b[0x800] = b'x';
    [a, b]
}

/// Both sides, each followed by so many section headers of zeros.
fn with_sections(files: &[Vec<u8>; 2], count: u64) -> [Vec<u8>; 2] {
    files.clone().map(|mut file| {
        let table = file.len().next_multiple_of(8);
        file.resize(table, 0);
        // The number stands in the size of the first one, as it does not fit into the header.
        let mut first = [0; 64];
        first[32..40].copy_from_slice(&count.to_le_bytes());
        file.extend(first);
        file.resize(table + usize::try_from(count).unwrap() * 64, 0);
        // The second one is the table of names, with none.
        file[table + 64 + 4] = 3;
        file[40..48].copy_from_slice(&(table as u64).to_le_bytes());
        file[60..64].copy_from_slice(&[0, 0, 1, 0]);
        file
    })
}

#[test]
fn a_file_must_be_as_its_class_wants_it() {
    const HEADER_SIZE: usize = 0x34;
    const PATH: &str = "build-path-in-read-only-data";
    let golden = golden();
    for (name, files, expected) in [
        ("as it was made", golden.clone(), PATH),
        ("a byte between sections", with_hidden_byte(golden.clone()), "unexplained"),
        ("a header of another size", with(&golden, HEADER_SIZE, &[0xff; 2]), "unexplained"),
        (
            "a byte that the header seems to cover",
            with_hidden_byte(with(&golden, HEADER_SIZE, &[0xff; 2])),
            "unexplained",
        ),
    ] {
        assert_eq!(causes(&files), [expected], "{name}");
    }
}

#[test]
fn more_sections_than_any_linker_makes_are_not_looked_into() {
    for (count, is_read) in [(100, true), (8192, true), (8193, false), (700_000, false)] {
        let [file, _] = with_sections(&golden(), count);
        assert_eq!(Elf::parse(&file).is_some(), is_read, "{count}");
    }
}

/// A library with debug information, and the same one that was built in another directory, whose
/// name is as long; both with another byte at the start of `.debug_info`, if there is one.
fn with_debug(version: Option<u8>) -> [Vec<u8>; 2] {
    let case = crate::tests_root().join("golden/explain/elf-debug");
    let mut library = fs::read(case.join("a/check.so")).unwrap();
    let elf = Elf::parse(&library).unwrap();
    let information = elf.sections.iter().find(|it| it.name == b".debug_info").unwrap();
    let version_at = memchr::memmem::find(&library, &information.data).unwrap() + 4;
    if let Some(version) = version {
        library[version_at] = version;
    }
    let mut other = library.clone();
    for at in memchr::memmem::find_iter(&library, b"/src/one") {
        other[at..at + 8].copy_from_slice(b"/src/two");
    }
    [library, other]
}

#[test]
fn what_cannot_be_decoded_is_compared_as_it_is() {
    const UNKNOWN: Option<u8> = Some(9);
    let with_other_language = |[a, mut b]: [Vec<u8>; 2]| {
        let language = memchr::memmem::find(&b, b"GNU C23").unwrap() + 4;
        b[language + 1] = b'1';
        [a, b]
    };
    for (name, files, expected) in [
        ("decoded", with_debug(None), "build-path-in-dwarf"),
        ("of a version that nobody knows", with_debug(UNKNOWN), "build-path-in-dwarf"),
        ("and a word", with_other_language(with_debug(UNKNOWN)), "unexplained"),
    ] {
        assert_eq!(causes(&files), [expected], "{name}");
    }
}

/// A table of DWARF 5 with some numbers of four bytes, behind its length, version and padding.
fn table(numbers: &[u32]) -> Vec<u8> {
    let length = u32::try_from(4 + 4 * numbers.len()).unwrap();
    let all = [length, 5].into_iter().chain(numbers.iter().copied());
    all.flat_map(u32::to_le_bytes).collect()
}

#[test]
fn strings_stand_for_their_offsets() {
    for (name, before, behind) in [
        (&b".debug_str_offsets"[..], &[][..], &[][..]),
        // One name, and where its entry is.
        (b".debug_names", &[0, 0, 0, 0, 1, 0, 0], &[7]),
    ] {
        let sides = [(&b"/one\0name\0"[..], 5), (b"/another\0name\0", 9)].map(|(texts, at)| {
            let table = table(&[before, &[at], behind].concat());
            let sections = [(&b".debug_str"[..], texts), (name, &table)];
            let decoded = dwarf::decode(&sections).unwrap();
            (decoded.structure, decoded.strings.concat())
        });
        let [(a, texts_a), (b, texts_b)] = sides;
        assert_eq!(a, b);
        assert_eq!([texts_a, texts_b], [&b"name/one"[..], b"name/another"]);
    }
}
