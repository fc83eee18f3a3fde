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
    let case = crate::root().join("golden/explain/elf-path");
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
