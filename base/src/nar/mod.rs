//! NAR, Nix's archive format, and the hash over it that identifies a tree: names, contents,
//! executable bits and link targets, nothing else. The hash is what `nix hash path` prints.
//!
//! `wire` is the grammar, `hash` brings a tree of the disk into it. Nothing here reads a NAR.
//! `store_path` says where in Nix's store something lies whose hash is known.
//!
//! Why not the crate `nix-nar` (0.6): it walks, reads and encodes on one thread (1.25 s for a venv
//! of 48,000 entries, of which Nix needs 1.07 s and this module 0.86 s, on two cores); it rejects
//! names that are not UTF-8, which Nix accepts; and it accepts a file that turns into a symlink.

mod wire;
mod hash;
mod walk;
mod read;
mod store_path;

pub use hash::{dump, hash_path, hash_without};
pub use store_path::{Content, STORE, base32, from_base32, store_path};

#[cfg(test)]
mod tests;
