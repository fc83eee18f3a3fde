//! Reads in the log of a failed program what is missing, and finds the system package that provides
//! it. Text in, values out: a log is foreign text, so only lines and single words of it are used.
//!
//! The messages are those of gcc, clang, binutils, pkgconf, meson, `CMake`, cargo, CPython, git and
//! npm, as these print them in the C locale, which every sandbox has.

mod lines; // one line of a log
mod system; // the reviewed table

use std::fmt;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

pub use system::System;

/// Something that a build or a check has looked for in vain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// A header of C, by the path of its `#include`.
    Header(String),
    /// A library, by the name of its `-l`.
    Library(String),
    /// A module of pkg-config, by the name of its `.pc` file.
    PkgConfig(String),
    /// A package that `CMake` looks for, by the name in `find_package`.
    CMake(String),
    /// A program, by its name.
    Program(String),
    /// A shared library that the loader needs, by its file name.
    SharedObject(String),
    /// A module of Python.
    Module(String),
    /// The network, of which a build has none; what wanted it.
    Network(&'static str),
    /// A version, which a tool would have read from version control.
    Version,
}

impl Missing {
    /// Its name alone, such as `libpq-fe.h`.
    pub fn name(&self) -> &str {
        match self {
            Self::Header(name)
            | Self::Library(name)
            | Self::PkgConfig(name)
            | Self::CMake(name)
            | Self::Program(name)
            | Self::SharedObject(name)
            | Self::Module(name) => name,
            Self::Network(tool) => tool,
            Self::Version => "version",
        }
    }

    /// Whether a system package can have it.
    pub fn is_of_system(&self) -> bool {
        !matches!(self, Self::Module(_) | Self::Network(_) | Self::Version)
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "the header `{name}`"),
            Self::Library(name) => write!(f, "the library `{name}`"),
            Self::PkgConfig(name) => write!(f, "`{name}.pc`"),
            Self::CMake(name) => write!(f, "the CMake package `{name}`"),
            Self::Program(name) => write!(f, "the program `{name}`"),
            Self::SharedObject(name) => write!(f, "the shared library `{name}`"),
            Self::Module(name) => write!(f, "the Python module `{name}`"),
            Self::Network(tool) => write!(f, "a network for {tool}"),
            Self::Version => f.write_str("a version from version control"),
        }
    }
}

/// The line of a log that decides, and what it says is missing, if it says that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decisive {
    /// The line, without blanks around it.
    pub line: String,
    /// What it looked for.
    pub missing: Option<Missing>,
}

/// How sure a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// An error of unknown reason.
    Error,
    /// Something was not found, which a build may do without.
    Hint,
    /// Without this nothing goes on.
    Reason,
}

/// Longer lines are cut: foreign code decides how long they are.
const LINE_BYTES: usize = 4 << 10;

/// The number of bytes of a log that are read.
const LOG_BYTES: u64 = 64 << 20;

/// The line that decides: the first that names a reason, else the first that names something that
/// was not found, else the first error.
pub fn decisive<'a>(log: impl IntoIterator<Item = &'a str>) -> Option<Decisive> {
    let mut best = None;
    log.into_iter().for_each(|line| take(&mut best, line));
    best.map(|(_, found)| found)
}

/// The same of a log of any length; `None` if it cannot be read. `path` must lie where no foreign
/// code can put a link.
pub fn decisive_of(path: &Path) -> Option<Decisive> {
    let log = BufReader::new(fs_err::File::open(path).ok()?.take(LOG_BYTES));
    let mut best = None;
    for line in log.split(b'\n') {
        take(&mut best, &String::from_utf8_lossy(&line.ok()?));
    }
    best.map(|(_, found)| found)
}

fn take(best: &mut Option<(Weight, Decisive)>, line: &str) {
    let line = &line[..line.floor_char_boundary(LINE_BYTES)];
    let line = line.trim();
    if let Some((weight, missing)) = lines::judge(line)
        && best.as_ref().is_none_or(|(other, _)| *other < weight)
    {
        *best = Some((weight, Decisive { line: line.to_owned(), missing }));
    }
}

/// What to write into the recipe for a build of `name` that lacks something. `package` is the
/// system package that has it, if that is known.
pub fn advice(missing: &Missing, name: &str, package: Option<&str>) -> String {
    let key = format!("override.{name}.build");
    match (missing, package) {
        (Missing::Module(module), _) => format!(
            "`{key}.extra-requires = [\"{module}\"]` in the recipe adds what its build imports, if \
             the distribution has that name; then `lockstep build-lock`"
        ),
        (Missing::Network("cargo"), _) => format!(
            "a build has no network: what it compiles must be in its source, as `cargo vendor` \
             puts it there. A wheel (`override.{name}.prefer = \"wheel\"`) or another source \
             (`override.{name}.source`) needs none"
        ),
        (Missing::Network(_), _) => format!(
            "a build has no network: what it needs must be in its source \
             (`override.{name}.source`, `{key}.patch`), in `{key}.extra-requires` or in \
             `{key}.system-packages`; a wheel (`override.{name}.prefer = \"wheel\"`) needs none"
        ),
        (Missing::Version, _) => format!(
            "`{key}.version = \"1.0\"` in the recipe says the version; then `lockstep build-lock`"
        ),
        (Missing::SharedObject(_), Some(package)) => format!(
            "`toolchain.debian.packages = [\"{package}\"]` in the recipe, where also the machine \
             that runs the output needs it"
        ),
        (_, Some(package)) => {
            format!("`{key}.system-packages = [\"{package}\"]` in the recipe")
        }
        (missing, None) => format!(
            "`{key}.system-packages` in the recipe names the system package that has {missing}"
        ),
    }
}

#[cfg(test)]
mod tests;
