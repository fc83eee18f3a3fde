//! The target: Python version and platform, in the words of `uv --python-platform`. It determines
//! markers (PEP 508) and wheel tags (PEP 425, 600, 656). It is never read from the machine that
//! runs the tool, so `x86_64` can fetch a wheelhouse for aarch64.

use std::fmt;
use std::str::FromStr;

use crate::packaging::{Arch, MarkerEnvironment, Platform, Tags, Version};

/// A Python version and a platform.
#[derive(Debug, Clone)]
pub struct Target {
    python: Version,
    platform: PlatformName,
    markers: MarkerEnvironment,
    tags: Tags,
}

/// A platform as `uv --python-platform` names it, with its properties.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PlatformName {
    name: String,
    os: Platform,
    arch: Arch,
}

/// A target that cannot be built for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// uv has no such word, or it names an operating system that this tool has no rules for.
    #[error("`{0}` is not a platform that uv knows and this tool can serve")]
    Platform(String),
    /// Not of the form `3.14` or `3.14.2`.
    #[error("`{0}` is not a Python version of the form `3.14` or `3.14.2`")]
    Python(String),
}

impl TargetError {
    /// What to give instead.
    pub fn hint(&self) -> String {
        match self {
            Self::Platform(_) => format!("try one of {PLATFORM_EXAMPLES}"),
            Self::Python(_) => "give major and minor version, such as `3.14`".to_owned(),
        }
    }
}

/// Some of the accepted platforms, for messages.
pub(super) const PLATFORM_EXAMPLES: &str = "`linux`, `x86_64-unknown-linux-gnu`, \
     `x86_64-manylinux_2_39`, `aarch64-manylinux_2_39`, `x86_64-unknown-linux-musl`, \
     `aarch64-apple-darwin`, `windows`";

impl Target {
    /// A CPython of version `python` (`3.14` or `3.14.2`; markers see `3.14` as `3.14.0`, as uv
    /// does) on `platform`.
    pub fn new(python: &str, platform: &str) -> Result<Self, TargetError> {
        let version = Version::from_str(python)
            .ok()
            .filter(|version| matches!(version.release().len(), 2 | 3))
            .ok_or_else(|| TargetError::Python(python.to_owned()))?;
        let platform: PlatformName = platform.parse()?;
        let markers = platform.markers(&version);
        let tags = Tags::new(major_minor(&version), platform.os, platform.arch);
        Ok(Self { python: version, platform, markers, tags })
    }

    /// The Python version as the recipe gives it, such as `3.14`.
    pub fn python(&self) -> &Version {
        &self.python
    }

    /// The version as `(3, 14)`.
    pub fn python_minor(&self) -> (u8, u8) {
        major_minor(&self.python)
    }

    /// The platform's name as the recipe gives it, such as `x86_64-manylinux_2_39`.
    pub fn platform(&self) -> &str {
        &self.platform.name
    }

    /// The machine in the kernel's words, such as `x86_64`.
    pub fn machine(&self) -> &'static str {
        self.platform.machine()
    }

    /// Whether foreign code for this target can run under a Linux kernel of that machine.
    pub fn is_linux(&self) -> bool {
        matches!(self.platform.os, Platform::Manylinux { .. } | Platform::Musllinux { .. })
    }

    /// The values of PEP 508's environment markers.
    pub fn markers(&self) -> &MarkerEnvironment {
        &self.markers
    }

    /// The wheel tags that fit, best first (PEP 425).
    pub fn tags(&self) -> &Tags {
        &self.tags
    }
}

/// `cp314-x86_64-manylinux_2_39`: the key of a target in ledgers and paths.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = self.python_minor();
        write!(f, "cp{major}{minor}-{}", self.platform.name)
    }
}

impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        self.python == other.python && self.platform == other.platform
    }
}

impl Eq for Target {}

fn major_minor(version: &Version) -> (u8, u8) {
    let part = |index: usize| u8::try_from(version.release()[index]).unwrap_or(u8::MAX);
    (part(0), part(1))
}

impl FromStr for PlatformName {
    type Err = TargetError;

    // The aliases and the versions behind them are those of uv's `TargetTriple`. The crate that
    // holds that type reads the environment (deployment targets), so it is not used here.
    fn from_str(name: &str) -> Result<Self, TargetError> {
        let glibc = |minor| Platform::Manylinux { minor };
        let musl = Platform::Musllinux { minor: 2 };
        let macos = Platform::Macos { major: 13 };
        let (os, arch) = match name {
            "linux" | "x86_64-unknown-linux-gnu" => (glibc(28), Arch::X86_64),
            "aarch64-unknown-linux-gnu" => (glibc(28), Arch::Aarch64),
            "riscv64-unknown-linux" => (glibc(39), Arch::Riscv64),
            "x86_64-unknown-linux-musl" => (musl, Arch::X86_64),
            "aarch64-unknown-linux-musl" => (musl, Arch::Aarch64),
            "macos" | "aarch64-apple-darwin" => (macos, Arch::Aarch64),
            "x86_64-apple-darwin" => (macos, Arch::X86_64),
            "windows" | "x86_64-pc-windows-msvc" => (Platform::Windows, Arch::X86_64),
            "aarch64-pc-windows-msvc" => (Platform::Windows, Arch::Aarch64),
            "i686-pc-windows-msvc" => (Platform::Windows, Arch::X86),
            other => {
                let error = || TargetError::Platform(other.to_owned());
                let (arch, glibc_minor) = manylinux(other).ok_or_else(error)?;
                (glibc(glibc_minor), arch)
            }
        };
        Ok(Self { name: name.to_owned(), os, arch })
    }
}

/// `x86_64-manylinux_2_39`, `x86_64-manylinux2014`, and uv's aliases with the parts swapped.
fn manylinux(name: &str) -> Option<(Arch, u16)> {
    for (machine, arch) in [("x86_64", Arch::X86_64), ("aarch64", Arch::Aarch64)] {
        let rest = name
            .strip_prefix(machine)
            .and_then(|rest| rest.strip_prefix('-'))
            .or_else(|| name.strip_suffix(machine).and_then(|rest| rest.strip_suffix('_')));
        let minor = match rest {
            Some("manylinux2014") => Some(17),
            Some(rest) => rest.strip_prefix("manylinux_2_").and_then(|minor| minor.parse().ok()),
            None => None,
        };
        if let Some(minor) = minor.filter(|minor| (17..=99).contains(minor)) {
            return Some((arch, minor));
        }
    }
    None
}

impl PlatformName {
    fn machine(&self) -> &'static str {
        match (&self.os, self.arch) {
            (Platform::Windows, Arch::Aarch64) => "ARM64",
            (Platform::Windows, Arch::X86) => "x86",
            (Platform::Windows, _) => "AMD64",
            (Platform::Macos { .. }, Arch::Aarch64) => "arm64",
            (_, Arch::Aarch64) => "aarch64",
            (_, Arch::Riscv64) => "riscv64",
            _ => "x86_64",
        }
    }

    fn markers(&self, python: &Version) -> MarkerEnvironment {
        let (os_name, platform_system, sys_platform) = match self.os {
            Platform::Windows => ("nt", "Windows", "win32"),
            Platform::Macos { .. } => ("posix", "Darwin", "darwin"),
            _ => ("posix", "Linux", "linux"),
        };
        let (major, minor) = major_minor(python);
        let patch = python.release().get(2).copied().unwrap_or(0);
        let full = Version::new([u64::from(major), u64::from(minor), patch]);
        MarkerEnvironment {
            implementation_name: "cpython".to_owned(),
            implementation_version: full.clone(),
            os_name: os_name.to_owned(),
            platform_machine: self.machine().to_owned(),
            platform_python_implementation: "CPython".to_owned(),
            // Empty, as uv has it for a foreign platform: no lock may depend on a kernel's release.
            platform_release: String::new(),
            platform_system: platform_system.to_owned(),
            platform_version: String::new(),
            python_full_version: full,
            sys_platform: sys_platform.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uvs_words_are_understood() {
        for (name, machine) in [
            ("linux", "x86_64"),
            ("x86_64-manylinux_2_39", "x86_64"),
            ("manylinux_2_28_aarch64", "aarch64"),
            ("aarch64-manylinux2014", "aarch64"),
            ("x86_64-unknown-linux-musl", "x86_64"),
            ("aarch64-apple-darwin", "arm64"),
            ("aarch64-pc-windows-msvc", "ARM64"),
            ("windows", "AMD64"),
        ] {
            assert_eq!(Target::new("3.14", name).unwrap().machine(), machine, "{name}");
        }
        for name in ["", "amiga", "x86_64", "x86_64-manylinux_2_5", "x86_64-manylinux_2_x"] {
            assert!(Target::new("3.14", name).is_err(), "{name}");
        }
        for python in ["3", "three", "3.14.1.2", ""] {
            assert!(Target::new(python, "linux").is_err(), "{python}");
        }
    }

    #[test]
    fn markers_see_a_full_version() {
        let target = Target::new("3.14", "linux").unwrap();
        assert_eq!(target.markers().python_full_version.to_string(), "3.14.0");
        let target = Target::new("3.14.2", "linux").unwrap();
        assert_eq!(target.markers().python_full_version.to_string(), "3.14.2");
        assert_eq!(target.to_string(), "cp314-linux");
    }
}
