//! The files of a `.dist-info` directory: `METADATA`, `RECORD`, `entry_points.txt`. They are the
//! same in a wheel and in a venv, so all readers share them. No I/O here.

mod entry_points;
mod metadata;
mod record;

pub use entry_points::{EntryPoints, Script};
pub use metadata::Metadata;
pub use record::{Record, RecordLine, Verdict};
