//! NAR, Nix's archive format, and the hash over it that identifies a tree: names, contents,
//! executable bits and link targets, nothing else. The hash is what `nix hash path` prints.
//!
//! `wire` is the grammar; `hash` writes a tree on disk in it. Nothing here reads a NAR.
//!
//! Why not the crate `nix-nar` (0.6): it walks, reads and encodes on one thread (1.25 s for a venv
//! of 48,000 entries, of which Nix needs 1.07 s and this module 0.86 s, on two cores); it rejects
//! names that are not UTF-8, which Nix accepts; and it accepts a file that turns into a symlink.

mod wire;
mod hash;
mod walk;
mod read;

pub use hash::{dump, hash_path, hash_without};

#[cfg(test)]
mod tests;
