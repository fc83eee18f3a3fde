//! What is installed in a build environment, compared with what is locked, before a backend runs. A
//! wheel's file name, by which it was chosen, and what it installs are two things.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use crate::lock::build_lock::Requirement;
use base::dist_info::Metadata;
use base::sys::files::{read_foreign, sorted_entries};
use base::vocabulary::Problem;

/// No wheel's `METADATA` is longer than this.
const METADATA_BYTES_MAX: u64 = 16 << 20;

/// Compares what was installed below `inside` with what is required.
pub(super) fn check(inside: &Path, requirements: &BTreeSet<Requirement>) -> Result<(), Problem> {
    let found = installed(&inside.join("env")).map_err(|error| {
        Problem::new("cannot read what a build environment consists of").cause(error)
    })?;
    let expected: BTreeSet<String> = requirements.iter().map(ToString::to_string).collect();
    if found == expected {
        return Ok(());
    }
    let listed = |one: &BTreeSet<String>, other: &BTreeSet<String>| {
        let texts: Vec<&str> = one.difference(other).map(String::as_str).collect();
        if texts.is_empty() { "nothing else".to_owned() } else { texts.join(", ") }
    };
    Err(Problem::new("a build environment is not what is locked")
        .fact("locked", listed(&expected, &found))
        .fact("installed", listed(&found, &expected))
        .hint(
            "a wheel's metadata contradicts its file name; exclude that version with \
             `build-constraint-dependencies` or `override.<name>.build.extra-requires`, and run \
             `cargo xtask build-lock` again",
        ))
}

/// Name and version of everything installed, as a [`Requirement`] is shown. What cannot be parsed
/// is shown as it is written.
fn installed(environment: &Path) -> io::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for python in sorted_entries(&environment.join("lib"))? {
        let site_packages = python.path().join("site-packages");
        for entry in sorted_entries(&site_packages)? {
            let name = entry.file_name();
            if name.to_string_lossy().ends_with(".dist-info") {
                let metadata = read_foreign(&entry.path().join("METADATA"), METADATA_BYTES_MAX)?;
                let Metadata { name, version, .. } = Metadata::parse(&metadata);
                let shown = match (name.parse(), version.parse()) {
                    (Ok(name), Ok(version)) => Requirement { name, version }.to_string(),
                    _ => format!("{name}=={version}"),
                };
                found.insert(shown);
            }
        }
    }
    Ok(found)
}
