//! `cargo xtask` at its command line: one file a command, and `workspace` with what they share.

mod compare; // two trees or files
mod workspace; // a recipe of a project of ours, outside of this repository
mod verify_repro; // two rounds, and every verdict seen failing
mod approved; // waivers and snapshots of such a recipe
