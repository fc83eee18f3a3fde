//! The wheel tags that fit a `CPython` on a platform, best first (PEP 425, 600, 656). The order is
//! that of uv 0.13, because it decides which wheel is installed.

use std::cmp::Reverse;

/// A processor architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arch {
    /// `aarch64`, `arm64`.
    Aarch64,
    /// `riscv64`.
    Riscv64,
    /// `i686`, 32 bits.
    X86,
    /// `x86_64`, `amd64`.
    X86_64,
}

/// An operating system with its oldest version that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// Linux with glibc 2.`minor`.
    Manylinux {
        /// The second number of glibc's version.
        minor: u16,
    },
    /// Linux with musl 1.`minor`.
    Musllinux {
        /// The second number of musl's version.
        minor: u16,
    },
    /// macOS, 11 or later.
    Macos {
        /// The first number of its version.
        major: u16,
    },
    /// Windows.
    Windows,
}

/// The tags of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tags {
    /// Python and ABI tag of what needs the platform, best first.
    native: Vec<(String, String)>,
    /// Platform tags, best first.
    platforms: Vec<String>,
    /// Python tags of what runs everywhere, best first: `…-none-any`.
    pure: Vec<String>,
}

/// How well a tag fits; more is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TagRank {
    is_native: bool,
    group: Reverse<usize>,
    platform: Reverse<usize>,
}

impl Tags {
    /// Those of `CPython` `major`.`minor` on a platform.
    pub fn new((major, minor): (u8, u8), platform: Platform, arch: Arch) -> Self {
        let cpython = |minor: u8| format!("cp{major}{minor}");
        let newest = cpython(minor);
        // Before 3.8, builds with and without pymalloc differed in their ABI.
        let pymalloc = if (major, minor) <= (3, 7) { "m" } else { "" };
        let mut native = vec![(newest.clone(), format!("{newest}{pymalloc}"))];
        // The stable ABI is 3.2's or later; what a binary without ABI needs is this very version.
        for minor_needed in (2..=minor).rev() {
            native.push((cpython(minor_needed), "abi3".to_owned()));
            if minor_needed == minor {
                native.push((newest.clone(), "none".to_owned()));
            }
        }
        let mut python = vec![format!("py{major}{minor}"), format!("py{major}")];
        python.extend((0..minor).rev().map(|minor| format!("py{major}{minor}")));
        native.extend(python.iter().map(|python| (python.clone(), "none".to_owned())));
        let pure = std::iter::once(newest).chain(python).collect();
        Self { native, platforms: platform_tags(platform, arch), pure }
    }

    /// How well one tag fits; `None` if it does not.
    pub fn rank(&self, python: &str, abi: &str, platform: &str) -> Option<TagRank> {
        if platform == "any" {
            let group = self.pure.iter().position(|it| abi == "none" && it == python)?;
            let (group, platform) = (Reverse(group), Reverse(0));
            return Some(TagRank { is_native: false, group, platform });
        }
        let fits = |(this, that): &(String, String)| this == python && that == abi;
        let group = Reverse(self.native.iter().position(fits)?);
        let platform = Reverse(self.platforms.iter().position(|it| it == platform)?);
        Some(TagRank { is_native: true, group, platform })
    }

    /// All of them as text, best first.
    pub fn iter(&self) -> impl Iterator<Item = String> {
        let native = self.native.iter().flat_map(|(python, abi)| {
            self.platforms.iter().map(move |platform| format!("{python}-{abi}-{platform}"))
        });
        native.chain(self.pure.iter().map(|python| format!("{python}-none-any")))
    }
}

fn platform_tags(platform: Platform, arch: Arch) -> Vec<String> {
    let machine = match arch {
        Arch::Aarch64 => "aarch64",
        Arch::Riscv64 => "riscv64",
        Arch::X86 => "i686",
        Arch::X86_64 => "x86_64",
    };
    match (platform, arch) {
        (Platform::Manylinux { minor }, _) => manylinux(minor, arch, machine),
        (Platform::Musllinux { minor }, _) => {
            let musl = (0..=minor).rev().map(|minor| format!("musllinux_1_{minor}_{machine}"));
            musl.chain([format!("linux_{machine}")]).collect()
        }
        (Platform::Macos { major }, Arch::Aarch64) => {
            let native = (11..=major).rev().flat_map(|major| {
                ["arm64", "universal2"].map(|format| format!("macosx_{major}_0_{format}"))
            });
            // The Intel half of a fat binary may serve an older macOS than its other half.
            let older = (4..=16).rev().map(|minor| format!("macosx_10_{minor}_universal2"));
            native.chain(older).collect()
        }
        (Platform::Macos { major }, _) => {
            let formats = ["x86_64", "intel", "fat64", "fat32", "universal2", "universal"];
            let newer = (11..=major).rev().map(|major| (major, 0));
            let versions = newer.chain((4..=16).rev().map(|minor| (10, minor)));
            let tags = versions.flat_map(|(major, minor)| {
                formats.map(|format| format!("macosx_{major}_{minor}_{format}"))
            });
            tags.collect()
        }
        (Platform::Windows, Arch::Aarch64) => vec!["win_arm64".to_owned()],
        (Platform::Windows, Arch::X86) => vec!["win32".to_owned()],
        (Platform::Windows, _) => vec!["win_amd64".to_owned()],
    }
}

/// PEP 600, with the older names of PEP 513, 571 and 599 beside the glibc that they stand for.
fn manylinux(newest: u16, arch: Arch, machine: &str) -> Vec<String> {
    let oldest = match arch {
        Arch::Aarch64 => 17,
        Arch::Riscv64 => 31,
        Arch::X86 | Arch::X86_64 => 5,
    };
    let mut tags = Vec::new();
    for minor in (oldest..=newest).rev() {
        tags.push(format!("manylinux_2_{minor}_{machine}"));
        let older_name = match minor {
            17 => "manylinux2014",
            12 => "manylinux2010",
            5 => "manylinux1",
            _ => continue,
        };
        tags.push(format!("{older_name}_{machine}"));
    }
    tags.push(format!("linux_{machine}"));
    tags
}
