//! One integration binary: a file per stage, and what they share.

mod archive;
mod backend;
mod bad_input;
mod build;
mod cli;
mod collisions;
mod crash;
mod fetch;
mod gc;
mod git;
mod layout;
mod manifest;
mod patch;
mod promises;
mod resolve;
mod sandbox;
mod serve;
mod server;
mod toolchain;
mod wheel_archive;
mod wheel_store;
mod wheels_fixture;
