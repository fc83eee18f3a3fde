//! Store paths, worked out without Nix: where content lands whose hash is known before it is there.
//! The rules are those of Nix's manual, "Complete Store Path Calculation" (protocol `store-path`):
//! a text of type, hash, store and name is hashed, folded to 20 bytes and written in Nix's base 32.

use crate::vocabulary::{Problem, Sha256};

/// The store that Nix has unless it was compiled for another one.
pub const STORE: &str = "/nix/store";

/// Nix's digits: those of base 32 without `e`, `o`, `u` and `t`, so that hashes spell no words.
const DIGITS: &[u8; 32] = b"0123456789abcdfghijklmnpqrsvwxyz";

/// How long a store path's digest is, in bytes.
const DIGEST_BYTES: usize = 20;

/// The longest name of a store path, in bytes.
const NAME_BYTES: usize = 211;

/// What lies at a store path whose content is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content<'a> {
    /// One file without references, by the sha256 of its bytes: `outputHashMode = "flat"`.
    Flat(Sha256),
    /// A tree by its NAR hash: `outputHashMode = "recursive"`, `nix-store --add`, `builtins.path`.
    Recursive(Sha256),
    /// What `builtins.toFile` makes, by the sha256 of its bytes, and the store paths in it.
    Text(Sha256, &'a [String]),
}

/// Writes bytes in Nix's base 32: from the last digit to the first, five bits each.
pub fn base32(bytes: &[u8]) -> String {
    let digits = (bytes.len() * 8).div_ceil(5);
    let byte = |index: usize| bytes.get(index).copied().map_or(0, u16::from);
    let digit = |index: usize| {
        let (start, shift) = (index * 5 / 8, index * 5 % 8);
        let pair = byte(start) | byte(start + 1) << 8;
        char::from(DIGITS[usize::from(pair >> shift & 31)])
    };
    (0..digits).rev().map(digit).collect()
}

/// Reads a sha256 in Nix's base 32; `None` if it is none, or not written as [`base32`] does.
pub fn from_base32(text: &str) -> Option<Sha256> {
    let mut bytes = [0_u8; 32];
    for (index, digit) in text.bytes().rev().enumerate() {
        let value = u16::try_from(DIGITS.iter().position(|it| *it == digit)?).ok()?;
        let (start, shift) = (index * 5 / 8, index * 5 % 8);
        let [low, high] = (value << shift).to_le_bytes();
        *bytes.get_mut(start)? |= low;
        match bytes.get_mut(start + 1) {
            Some(next) => *next |= high,
            None if high == 0 => {}
            None => return None,
        }
    }
    (base32(&bytes) == text).then(|| bytes.into())
}

/// Returns the store path at which Nix puts `content` under `name`, in the store at `store`.
///
/// # Errors
/// Nix allows no such name: it is empty, longer than 211 bytes, begins with a dot, or has other
/// characters than letters, digits and `+-._?=`.
pub fn store_path(store: &str, content: Content<'_>, name: &str) -> Result<String, Problem> {
    check_name(name)?;
    let (kind, digest) = match content {
        Content::Recursive(nar_hash) => ("source".to_owned(), nar_hash),
        Content::Flat(sha256) => {
            ("output:out".to_owned(), Sha256::of(format!("fixed:out:sha256:{sha256}:")))
        }
        Content::Text(sha256, references) => {
            let mut references: Vec<&str> = references.iter().map(String::as_str).collect();
            references.sort_unstable();
            references.dedup();
            let references = references.into_iter().map(|path| format!(":{path}"));
            (std::iter::once("text".to_owned()).chain(references).collect(), sha256)
        }
    };
    let described = Sha256::of(format!("{kind}:sha256:{digest}:{store}:{name}"));
    let mut folded = [0; DIGEST_BYTES];
    for (index, byte) in described.as_bytes().iter().enumerate() {
        folded[index % DIGEST_BYTES] ^= byte;
    }
    Ok(format!("{store}/{}-{name}", base32(&folded)))
}

fn check_name(name: &str) -> Result<(), Problem> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._?=".contains(&byte);
    let good = !name.is_empty()
        && name.len() <= NAME_BYTES
        && !name.starts_with('.')
        && name.bytes().all(allowed);
    if good {
        return Ok(());
    }
    let shown = name.escape_debug();
    Err(Problem::usage(format!("`{shown}` is not a name of a store path"))
        .fact("allowed", "letters, digits and `+-._?=`, not first a dot, at most 211 bytes")
        .hint("choose another name"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use fs_err as fs;

    use super::*;
    use crate::nar::hash_path;
    use crate::sys::env::Environment;
    use crate::sys::process::Process;

    /// What Nix's programs print for a store of the test's own; `None` where Nix is not installed.
    fn nix(home: &Path, program: &str, arguments: &[&str]) -> Option<String> {
        let environment = Environment::capture();
        let Some(program) = environment.find_program(program) else {
            let required = environment.get("CI") == Some("true");
            assert!(!required, "`{program}` is not on PATH; `.ci/run` installs nix-bin");
            return None;
        };
        let text = home.to_str().unwrap();
        let process = Process::new(program)
            .envs(&environment.for_network())
            .env("HOME", text)
            .env("NIX_REMOTE", text)
            .env("NIX_CONFIG", "build-users-group =\nsubstituters =");
        Some(process.args(arguments).stdout().unwrap().trim().to_owned())
    }

    /// `nix-hash --type sha256 --to-base32` of the digest of nothing, and of one.
    #[test]
    fn base32_is_nixs() {
        let digest = Sha256::of("");
        let text = "0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73";
        assert_eq!(base32(digest.as_bytes()), text);
        assert_eq!(from_base32(text), Some(digest));
        assert_eq!(base32(&[]), "");
        assert_eq!(base32(&[1]), "01");
        for wrong in ["", "01", &text[1..], &text.replace('0', "e"), &format!("z{}", &text[1..])] {
            assert_eq!(from_base32(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn names_that_nix_refuses_are_refused() {
        let content = Content::Flat(Sha256::of(""));
        for name in ["", ".hidden", "a b", "a/b", "ä", "a\n", &"a".repeat(212)] {
            assert!(store_path(STORE, content, name).is_err(), "{name}");
        }
        assert!(store_path(STORE, content, &"a".repeat(211)).is_ok());
    }

    #[test]
    fn paths_are_those_that_nix_gives() {
        let home = tempfile::tempdir().unwrap();
        let tree = home.path().join("a-tree+1.0");
        fs::create_dir(&tree).unwrap();
        fs::write(tree.join("x"), "text").unwrap();
        let file = home.path().join("file_2.txt");
        fs::write(&file, "content\n").unwrap();
        let [tree_shown, file_shown] = [&tree, &file].map(|path| path.to_str().unwrap());
        let (flat, nar) = (Sha256::of("content\n"), hash_path(&tree).unwrap());
        let cases = [
            (Content::Recursive(nar), "a-tree+1.0", vec!["--add", tree_shown]),
            (
                Content::Recursive(hash_path(&file).unwrap()),
                "file_2.txt",
                vec!["--add", file_shown],
            ),
            (Content::Flat(flat), "file_2.txt", vec!["--add-fixed", "sha256", file_shown]),
            (
                Content::Recursive(nar),
                "a-tree+1.0",
                vec!["--add-fixed", "--recursive", "sha256", tree_shown],
            ),
        ];
        for (content, name, arguments) in cases {
            let ours = store_path(STORE, content, name).unwrap();
            let Some(theirs) = nix(home.path(), "nix-store", &arguments) else { return };
            assert_eq!(ours, theirs, "{content:?}");
        }
        // `toFile` refers to what is in the text.
        let inner = store_path(STORE, Content::Text(Sha256::of("one"), &[]), "inner").unwrap();
        let text = format!("see {inner}");
        let outer = Content::Text(Sha256::of(&text), std::slice::from_ref(&inner));
        let outer = store_path(STORE, outer, "outer").unwrap();
        let expression = "let inner = builtins.toFile \"inner\" \"one\"; \
             in builtins.toFile \"outer\" \"see ${inner}\"";
        let arguments = ["--eval", "--read-write-mode", "--expr", expression];
        let theirs = nix(home.path(), "nix-instantiate", &arguments).unwrap();
        assert_eq!(format!("{outer:?}"), theirs);
    }
}
