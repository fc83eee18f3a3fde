//! Parses one line of a log.

use super::{Missing, Weight};

/// How sure a line is, and what it says is missing; `None` of a line that decides nothing.
pub(super) fn judge(line: &str) -> Option<(Weight, Option<Missing>)> {
    let reasons =
        [header, library, python, program, network, version, pkg_config_error, cmake_error];
    if let Some(missing) = reasons.iter().find_map(|it| it(line)) {
        return Some((Weight::Reason, Some(missing)));
    }
    if let Some(missing) = pkg_config(line).or_else(|| cmake(line)) {
        return Some((Weight::Hint, Some(missing)));
    }
    is_error(line).then_some((Weight::Error, None))
}

/// The text between two others, if it is one plain word.
fn between<'a>(line: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(start)?;
    let word = if end.is_empty() { rest } else { rest.split_once(end)?.0 };
    word_of(word)
}

/// A name as files, libraries and modules have it: nothing else of a log is repeated as one.
fn word_of(word: &str) -> Option<&str> {
    let word = word.trim_matches(|c: char| c.is_whitespace() || "'\"`‘’<>".contains(c));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._+-/".contains(c);
    let is_name = !word.is_empty()
        && word.len() <= 128
        && word.chars().all(is_plain)
        && word.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && !word.contains("..");
    is_name.then_some(word)
}

fn header(line: &str) -> Option<Missing> {
    let name = between(line, "fatal error: ", ": No such file or directory")
        .or_else(|| between(line, "fatal error: ", " file not found"))?;
    Some(Missing::Header(name.to_owned()))
}

fn library(line: &str) -> Option<Missing> {
    let (_, rest) = line
        .split_once("cannot find -l")
        .or_else(|| line.split_once("unable to find library -l"))?;
    let name = word_of(rest.split([':', ' ']).next()?)?;
    Some(Missing::Library(name.to_owned()))
}

/// What CPython says.
fn python(line: &str) -> Option<Missing> {
    if let Some(module) = between(line, "ModuleNotFoundError: No module named ", "") {
        let first = module.split('.').next()?;
        return Some(Missing::Module(first.to_owned()));
    }
    if let Some((before, _)) = line.split_once(": cannot open shared object file") {
        let name = word_of(before.rsplit(": ").next()?)?;
        return name.contains(".so").then(|| Missing::SharedObject(name.to_owned()));
    }
    None
}

fn program(line: &str) -> Option<Missing> {
    let found =
        |name: Option<&str>| Some(Missing::Program(name.filter(|it| is_program(it))?.to_owned()));
    let starts = [
        // CPython's subprocess; Rust's.
        ("[Errno 2] No such file or directory: '", "'"),
        // setuptools.
        ("error: command '", "' failed: No such file or directory"),
        // meson.
        ("ERROR: Program '", "' not found"),
        ("ERROR: Unknown compiler(s): [['", "'"),
        // make, bash.
        ("/bin/sh: 1: ", ": not found"),
        ("make: ", ": No such file or directory"),
        ("env: ‘", "’: No such file or directory"),
    ];
    let by_form = starts.iter().find_map(|(start, end)| found(between(line, start, end)));
    by_form.or_else(|| in_other_words(line)).or_else(|| of_shell(line))
}

/// Whether it can be one: CPython says the same of a file that is not there.
fn is_program(name: &str) -> bool {
    let has_ending = name
        .rsplit_once('.')
        .is_some_and(|(_, ending)| ending.starts_with(|c: char| c.is_ascii_alphabetic()));
    !name.contains('/') && !has_ending && name.contains(|c: char| c.is_ascii_lowercase())
}

/// Programs that tools ask for in words of their own: psycopg, setuptools-rust, maturin,
/// scikit-build.
fn in_other_words(line: &str) -> Option<Missing> {
    let known = [
        ("pg_config executable not found", "pg_config"),
        ("can't find Rust compiler", "rustc"),
        ("Cargo, the Rust package manager, is not installed", "cargo"),
        ("Unable to find cargo", "cargo"),
        ("CMake must be installed", "cmake"),
        ("Problem with the CMake installation, aborting build", "cmake"),
        ("unable to execute 'swig'", "swig"),
        ("Could not find the swig executable", "swig"),
    ];
    let (_, name) = known.iter().find(|(text, _)| line.contains(text))?;
    Some(Missing::Program((*name).to_owned()))
}

/// `sh: 12: pg_config: not found`, `./build.sh: line 3: swig: command not found`.
fn of_shell(line: &str) -> Option<Missing> {
    let before = line
        .strip_suffix(": command not found")
        .or_else(|| line.strip_suffix(": not found").filter(|it| it.contains("sh: ")))?;
    let name = word_of(before.rsplit(": ").next()?)?;
    is_program(name).then(|| Missing::Program(name.to_owned()))
}

/// Messages of programs that have no network.
fn network(line: &str) -> Option<Missing> {
    let of_cargo = [
        "As a reminder, you're using offline mode",
        "but --offline was specified",
        "unable to update registry",
        "failed to download from `https://",
    ];
    let of_others = [
        ("ENOTCACHED", "npm"),
        ("EAI_AGAIN", "npm"),
        ("Could not resolve host", "git or curl"),
        ("Couldn't resolve host", "curl"),
        ("Temporary failure in name resolution", "a download"),
        ("Name or service not known", "a download"),
        ("Network is unreachable", "a download"),
        ("module lookup disabled by GOPROXY=off", "go"),
    ];
    if of_cargo.iter().any(|it| line.contains(it)) {
        return Some(Missing::Network("cargo"));
    }
    let (_, tool) = of_others.iter().find(|(text, _)| line.contains(text))?;
    Some(Missing::Network(tool))
}

/// What tools say that take the version from version control.
fn version(line: &str) -> Option<Missing> {
    let says = [
        "setuptools-scm was unable to detect version",
        "unable to detect version for",
        "Versioning for this project requires either an sdist tarball",
        "Unable to determine version",
        "Error getting the version from source `vcs`",
    ];
    says.iter().any(|it| line.contains(it)).then_some(Missing::Version)
}

/// What ends a build of meson, or of a `setup.py` that asks pkg-config.
fn pkg_config_error(line: &str) -> Option<Missing> {
    let name = line.contains("ERROR: Dependency ").then(|| {
        between(line, "ERROR: Dependency \"", "\" not found")
            .or_else(|| between(line, "ERROR: Dependency lookup for ", " with method"))
    })?;
    Some(Missing::PkgConfig(name?.to_owned()))
}

/// What pkg-config itself says.
fn pkg_config(line: &str) -> Option<Missing> {
    let name = between(line, "No package '", "' found")
        .or_else(|| between(line, "Package '", "'").filter(|_| line.contains("not found")))
        .or_else(|| between(line, "Package ", " was not found in the pkg-config search path"))?;
    Some(Missing::PkgConfig(name.to_owned()))
}

/// `CMake` ends with these.
fn cmake_error(line: &str) -> Option<Missing> {
    let name = between(line, "Could not find a package configuration file provided by \"", "\"")?;
    Some(Missing::CMake(name.to_owned()))
}

/// It can be the last word or a remark.
fn cmake(line: &str) -> Option<Missing> {
    let (_, rest) = line.split_once("Could NOT find ")?;
    let name = word_of(rest.split([' ', '(', ',']).next()?)?;
    Some(Missing::CMake(name.to_owned()))
}

/// What compilers, cargo, meson, `CMake` and CPython begin an error with.
fn is_error(line: &str) -> bool {
    let of_python = line.split_once(": ").is_some_and(|(name, _)| {
        let last = name.rsplit('.').next().unwrap_or_default();
        !name.contains(' ') && (last.ends_with("Error") || last.ends_with("Exception"))
    });
    // uv ends every failed build with its own.
    let of_uv = line.contains("Failed to build") || line.contains("× ") || line.contains("hint: ");
    let begins = ["error: ", "error[E", "ERROR: ", "CMake Error", "E: "];
    !of_uv
        && (begins.iter().any(|it| line.starts_with(it))
            || line.contains(": error: ")
            || line.contains(": ERROR: ")
            || of_python)
}
