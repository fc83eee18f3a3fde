//! One integration binary: a file per stage.

mod collisions;
mod layout;
mod manifest;
mod patch;
mod sandbox;
mod toolchain;
mod wheel_archive;
mod wheels_fixture;
