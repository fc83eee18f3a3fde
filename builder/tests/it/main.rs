//! One integration binary: a file per stage, and what they share.

mod archive;
mod backend;
mod bad_input;
mod build;
mod build_lock;
mod bytecode;
mod cli;
mod collisions;
mod crash;
mod export;
mod fetch;
mod git;
mod layout;
mod locks;
mod manifest;
mod merge;
mod patch;
mod pep508;
mod resolve;
mod sandbox;
mod serve;
mod server;
mod toolchain;
mod wheel_archive;
mod wheel_choice;
mod wheels_fixture;
