//! The files of a `.dist-info` directory: `METADATA`, `RECORD`, `entry_points.txt`. They are the
//! same in a wheel and in a venv, so both readers share them. No I/O here but in `installed`.

mod entry_points;
mod installed;
mod metadata;
mod record;

pub use entry_points::{EntryPoints, Script};
pub use installed::{DistInfo, InstalledRecords};
pub use metadata::Metadata;
pub use record::{Record, RecordLine};
