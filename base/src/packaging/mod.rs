//! Python's packaging specifications as values: names (PEP 503), versions (PEP 440), requirements
//! and markers (PEP 508), file names of wheels (PEP 427) and sdists (PEP 625), and wheel tags
//! (PEP 425, 600, 656). Where a specification leaves room, the rule is uv's, because the locks are
//! uv's. No I/O, and nothing here knows of locks or builds.
//!
//! uv's own crates would be the obvious choice. But `uv-pep508` alone brings 144 other crates, for
//! which the first command of a fresh clone waits, and its markers are decision diagrams, which a
//! hostile marker grows without bound. Here a marker is only asked about one environment, and for
//! that its syntax tree is enough. `lockstep/tests/it/uv_agrees.rs` asks the real uv the same.

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
