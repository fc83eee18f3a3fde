//! Compares the packages in a build environment with the lock before a backend runs. A wheel can
//! install something else than the file name by which it was chosen says.

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
             `lockstep build-lock` again",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_installed_must_be_what_is_locked() {
        let dir = tempfile::tempdir().unwrap();
        let site_packages = dir.path().join("env/lib/python3.14/site-packages");
        let install = |info: &str, name: &str, version: &str| {
            let info = site_packages.join(info);
            fs_err::create_dir_all(&info).unwrap();
            let text = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nx");
            fs_err::write(info.join("METADATA"), text).unwrap();
        };
        fs_err::create_dir_all(&site_packages).unwrap();
        let locked = |texts: &[(&str, &str)]| -> BTreeSet<Requirement> {
            let parsed = |it: &(&str, &str)| Requirement {
                name: it.0.parse().unwrap(),
                version: it.1.parse().unwrap(),
            };
            texts.iter().map(parsed).collect()
        };
        check(dir.path(), &locked(&[])).unwrap();
        install("a_b-1.0.dist-info", "A.b", "1.0");
        check(dir.path(), &locked(&[("a-b", "1.0")])).unwrap();
        for (requirements, parts) in [
            (&[][..], ["locked nothing else", "installed a-b==1.0"]),
            (&[("a-b", "2.0")], ["locked a-b==2.0", "installed a-b==1.0"]),
            (&[("a-b", "1.0"), ("c", "1")], ["locked c==1", "installed nothing else"]),
        ] {
            let problem = check(dir.path(), &locked(requirements)).unwrap_err().to_string();
            let text = problem.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(parts.iter().all(|part| text.contains(part)), "{requirements:?}: {text}");
        }
    }
}
