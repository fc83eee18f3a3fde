//! Checks that the locked version of the backend made a wheel (`Generator` of `WHEEL`).

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{self, Read as _};
use std::path::Path;

use fs_err as fs;

use crate::lock::build_lock::Requirement;
use base::packaging::{PackageName, Version};
use base::vocabulary::Problem;

/// No wheel's `WHEEL` is longer than this.
const BYTES_MAX: u64 = 1 << 20;

/// Names that backends give themselves, where these are not the names of their distributions.
const OTHER_NAMES: [(&str, &str); 4] = [
    ("bdist-wheel", "wheel"),
    ("flit", "flit-core"),
    ("meson", "meson-python"),
    ("uv", "uv-build"),
];

/// Compares the backend that made a wheel with the requirements of its build. A backend that does
/// not name itself, or is not among them, belongs to the source tree itself.
///
/// # Errors
/// It is one of them, in another version.
pub(super) fn check(
    whose: &PackageName,
    wheel: &Path,
    requirements: &BTreeSet<Requirement>,
) -> Result<(), Problem> {
    // A wheel that cannot be read is refused with its reason where it is installed.
    let Some((name, version)) = read(wheel).ok().as_deref().and_then(parsed) else {
        return Ok(());
    };
    match requirements.iter().find(|it| it.name == name) {
        Some(locked) if locked.version != version => Err(Problem::new(format!(
            "the wheel of `{whose}` was made by another backend than the locked one"
        ))
        .fact("locked", locked)
        .fact("made by", Requirement { name, version })
        .hint(format!(
            "the source tree brings that backend along; give its version as \
             `override.{whose}.build.extra-requires`, and run `lockstep build-lock` again"
        ))),
        _ => Ok(()),
    }
}

/// The text of `WHEEL`.
fn read(wheel: &Path) -> io::Result<String> {
    let mut archive = zip::ZipArchive::new(fs::File::open(wheel)?)?;
    let is_wheel = |name: &String| {
        let directory = name.strip_suffix("/WHEEL");
        directory.is_some_and(|it| it.ends_with(".dist-info") && !it.contains('/'))
    };
    let name = archive.file_names().flatten().map(Cow::into_owned).find(is_wheel);
    let name = name.ok_or_else(|| io::Error::other("there is no `WHEEL`"))?;
    let mut text = String::new();
    archive.by_name(&name)?.take(BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// The distribution that made a wheel: `setuptools (80.9.0)`, `hatchling 1.27.0`.
fn parsed(text: &str) -> Option<(PackageName, Version)> {
    let generator = text.lines().find_map(|line| line.strip_prefix("Generator:"))?;
    let mut words = generator.split_whitespace();
    let name: PackageName = words.next()?.parse().ok()?;
    let version = words.next()?.trim_start_matches('(').trim_end_matches(')').parse().ok()?;
    let other = OTHER_NAMES.iter().find(|it| it.0 == name.as_ref());
    let name = other.map_or(name, |it| it.1.parse().expect("it is a name"));
    Some((name, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backends_are_known_by_what_they_call_themselves() {
        for (text, expected) in [
            ("Generator: setuptools (80.9.0)", Some("setuptools==80.9.0")),
            ("Wheel-Version: 1.0\nGenerator: hatchling 1.27.0\n", Some("hatchling==1.27.0")),
            ("Generator: bdist_wheel (0.43.0)", Some("wheel==0.43.0")),
            ("Generator: uv 0.9.5", Some("uv-build==0.9.5")),
            ("Generator: flit 3.12.0", Some("flit-core==3.12.0")),
            ("Generator: my own", None),
            ("Generator: small", None),
            ("Root-Is-Purelib: true", None),
        ] {
            let found = parsed(text).map(|(name, version)| Requirement { name, version });
            assert_eq!(found.map(|it| it.to_string()).as_deref(), expected, "{text}");
        }
    }
}
