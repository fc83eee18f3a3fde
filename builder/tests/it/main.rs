//! Integration tests: one module per stage.

mod collisions;
mod layout;
mod manifest;
mod patch;
mod wheel_archive;
mod wheels_fixture;
