//! Python's packaging specifications as values: names (PEP 503), versions (PEP 440), requirements
//! and markers (PEP 508), file names of wheels (PEP 427) and sdists (PEP 625), and wheel tags
//! (PEP 425, 600, 656). Where a specification leaves room, the rule is uv's, because the locks are
//! uv's. No I/O, and nothing here knows of locks or builds.
//!
//! uv's own crates would be the obvious choice. But `uv-pep508` alone brings 144 other crates,
//! which a fresh clone must compile before its first command. Its markers are decision diagrams,
//! and a hostile marker makes them grow without bound. Here a marker is evaluated for one
//! environment only, so its syntax tree is enough. `lockstep/tests/it/uv_agrees.rs` compares the
//! results with the real uv.

mod filename;
mod marker;
mod name;
mod requirement;
mod tags;

pub use pep440_rs::{Version, VersionSpecifiers};

pub use filename::{BuildTag, InvalidFilename, WheelFilename, distribution_of};
pub use marker::{InvalidMarker, Marker, MarkerEnvironment};
pub use name::{ExtraName, GroupName, InvalidName, PackageName};
pub use requirement::{InvalidRequirement, Requirement, VersionOrUrl};
pub use tags::{Arch, Platform, TagRank, Tags};
