//! A package index on the disk: projects that need each other in every way that a lock has a word
//! for. Its wheels have metadata and nothing else.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use base::vocabulary::Sha256;
use fs_err as fs;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::random::Random;

/// How many projects an index has.
pub(super) const PROJECTS: usize = 30;

/// Those of every project.
pub(super) const VERSIONS: [&str; 3] = ["1.0", "1.5", "2.0"];

/// The extras of every project.
pub(super) const EXTRAS: [&str; 2] = ["x", "y"];

/// Markers of requirements.
pub(super) const MARKERS: [&str; 12] = [
    "sys_platform == 'linux'",
    "sys_platform != 'win32'",
    "sys_platform == 'darwin' or sys_platform == 'win32'",
    "platform_machine == 'x86_64'",
    "platform_machine == 'arm64' or platform_machine == 'aarch64'",
    "python_version < '3.12'",
    "python_full_version >= '3.13'",
    "python_version >= '3.12' and sys_platform == 'linux'",
    "implementation_name == 'cpython'",
    "platform_python_implementation == 'PyPy'",
    "os_name == 'nt'",
    "sys_platform == 'win32' and python_version < '3.14'",
];

/// The files of a version: tags of wheels, and whether there is an sdist.
const FILES: [(usize, &[&str], bool); 6] = [
    (64, &["py3-none-any"], true),
    (12, &["py3-none-any"], false),
    (
        14,
        &[
            "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",
            "cp314-cp314-manylinux_2_17_x86_64.manylinux2014_x86_64",
            "cp311-cp311-macosx_11_0_arm64",
            "cp311-cp311-win_amd64",
        ],
        true,
    ),
    (2, &["cp311-abi3-manylinux_2_28_x86_64", "cp311-abi3-macosx_10_9_universal2"], false),
    (7, &[], true),
    (1, &["cp311-abi3-musllinux_1_2_x86_64", "cp311-none-win_amd64"], true),
];

pub(super) fn project(number: usize) -> String {
    format!("p{number:02}")
}

/// A requirement of an index's project by anybody; markers and extras now and then.
pub(super) fn requirement(random: &mut Random, number: usize) -> String {
    let extra =
        if random.percent(15) { format!("[{}]", random.one_of(&EXTRAS)) } else { String::new() };
    let bound = match random.below(20) {
        0..12 => "",
        12..16 => ">=1.0",
        16..18 => "<2",
        18 => ">1.0",
        _ => "==1.*",
    };
    let marker =
        if random.percent(30) { format!(" ; {}", random.one_of(&MARKERS)) } else { String::new() };
    format!("{}{extra}{bound}{marker}", project(number))
}

/// Writes an index of [`PROJECTS`] below `dir`; returns the directory that is its URL.
pub(super) fn write(random: &mut Random, dir: &Path) -> std::io::Result<PathBuf> {
    let simple = dir.join("simple");
    for number in 0..PROJECTS {
        let name = project(number);
        let place = simple.join(&name);
        fs::create_dir_all(&place)?;
        let mut page = String::new();
        for version in VERSIONS {
            let metadata = metadata(random, number, version);
            let (tags, sdist) = files(random);
            for tag in tags {
                let file = format!("{name}-{version}-{tag}.whl");
                let bytes = wheel(&name, version, tag, &metadata)?;
                page.push_str(&link(&file, &bytes));
                fs::write(place.join(file), bytes)?;
            }
            if sdist {
                let file = format!("{name}-{version}.zip");
                let top = format!("{name}-{version}");
                let project = format!("[project]\nname = '{name}'\nversion = '{version}'\n");
                let bytes = archive(&[
                    (format!("{top}/PKG-INFO"), metadata.clone()),
                    (format!("{top}/pyproject.toml"), project),
                ])?;
                page.push_str(&link(&file, &bytes));
                fs::write(place.join(file), bytes)?;
            }
        }
        fs::write(place.join("index.html"), page)?;
    }
    Ok(simple)
}

/// A wheel of one metadata; its bytes.
pub(super) fn wheel(
    name: &str,
    version: &str,
    tag: &str,
    metadata: &str,
) -> std::io::Result<Vec<u8>> {
    let info = format!("{name}-{version}.dist-info");
    let tags: String = tag.split('.').map(|it| format!("Tag: {it}\n")).collect();
    let wheel = format!("Wheel-Version: 1.0\nGenerator: d\nRoot-Is-Purelib: true\n{tags}");
    archive(&[
        (format!("{info}/METADATA"), metadata.to_owned()),
        (format!("{info}/WHEEL"), wheel),
        (format!("{info}/RECORD"), String::new()),
    ])
}

fn archive(files: &[(String, String)]) -> std::io::Result<Vec<u8>> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (path, text) in files {
        zip.start_file(path, SimpleFileOptions::default())?;
        zip.write_all(text.as_bytes())?;
    }
    Ok(zip.finish()?.into_inner())
}

fn link(file: &str, bytes: &[u8]) -> String {
    format!("<a href=\"{file}#sha256={}\">{file}</a>\n", Sha256::of(bytes))
}

fn files(random: &mut Random) -> (&'static [&'static str], bool) {
    let mut at = random.below(100);
    for (weight, tags, sdist) in FILES {
        if at < weight {
            return (tags, sdist);
        }
        at -= weight;
    }
    (&["py3-none-any"], true)
}

/// What a version says of itself; most of what it requires comes after it, some before: cycles.
fn metadata(random: &mut Random, number: usize, version: &str) -> String {
    let mut text =
        format!("Metadata-Version: 2.2\nName: {}\nVersion: {version}\n", project(number));
    if random.percent(8) {
        let python = random.one_of(&[">=3.12", "<3.14"]);
        text.push_str(&format!("Requires-Python: {python}\n"));
    }
    let mut requires = |extra: Option<&str>, text: &mut String| {
        for _ in 0..random.below(3) {
            let other = match random.percent(85) {
                true if number + 1 < PROJECTS => number + 1 + random.below(PROJECTS - number - 1),
                _ => random.below(PROJECTS),
            };
            let requirement = requirement(random, other);
            let requirement = match (extra, requirement.split_once(" ; ")) {
                (None, _) => requirement,
                (Some(extra), None) => format!("{requirement} ; extra == '{extra}'"),
                (Some(extra), Some((what, marker))) => {
                    format!("{what} ; ({marker}) and extra == '{extra}'")
                }
            };
            text.push_str(&format!("Requires-Dist: {requirement}\n"));
        }
    };
    requires(None, &mut text);
    for extra in EXTRAS {
        text.push_str(&format!("Provides-Extra: {extra}\n"));
        requires(Some(extra), &mut text);
    }
    text
}
