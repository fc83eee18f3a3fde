//! The policy as code: `cargo xtask tidy`, and a test of this crate. Rules collect; nothing stops
//! at the first violation, and each violation says how to mend it.

mod circles;
mod code;
mod docs;
mod hosts;
mod imports;
mod licences;
mod manifest;
mod tree;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use xshell::{Shell, cmd};

/// The exit code of violations; `lockstep` has the same code for a policy.
const POLICY: u8 = 6;

/// A place that is against the policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    /// Relative to the root.
    path: String,
    /// From 1; 0 is the file as a whole.
    line: usize,
    rule: &'static str,
    mend: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, rule, mend } = self;
        match line {
            0 => write!(f, "{path}: {rule}: {mend}"),
            line => write!(f, "{path}:{line}: {rule}: {mend}"),
        }
    }
}

/// A file of the repository; `text` is `None` if it is not UTF-8.
#[derive(Debug)]
struct SourceFile {
    path: String,
    bytes: u64,
    text: Option<String>,
}

impl SourceFile {
    fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }

    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.as_deref().unwrap_or_default().lines().enumerate();
        lines.map(|(index, line)| (index + 1, line))
    }

    fn violation(&self, line: usize, rule: &'static str, mend: impl Into<String>) -> Violation {
        Violation { path: self.path.clone(), line, rule, mend: mend.into() }
    }

    fn is_rust(&self) -> bool {
        extension(&self.path) == "rs"
    }

    /// Files of applications that are built here as examples follow their own authors' style.
    fn is_example(&self) -> bool {
        self.path.starts_with("examples/")
    }

    /// Pairs of files that are explained are as the tools that make such files write them.
    fn is_explained(&self) -> bool {
        self.path.starts_with("golden/explain/")
            && ["/a/", "/b/"].iter().any(|side| self.path.contains(side))
    }
}

fn extension(path: &str) -> &str {
    Path::new(path).extension().and_then(|extension| extension.to_str()).unwrap_or_default()
}

/// `cargo xtask tidy`.
pub(crate) fn run(shell: &Shell) -> anyhow::Result<ExitCode> {
    let hosts = hosts::configured(shell, crate::root());
    let violations = check(shell, crate::root(), &hosts)?;
    for violation in &violations {
        println!("{violation}");
    }
    if violations.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("error: the repository is not tidy: {} violations\n", violations.len());
    eprintln!("hint: each line above says how to fix it");
    Ok(POLICY.into())
}

/// All violations in the repository at `root`, sorted. `hosts` may not be named in any file.
pub(crate) fn check(
    shell: &Shell,
    root: &Path,
    hosts: &[String],
) -> anyhow::Result<Vec<Violation>> {
    let files = files(shell, root)?;
    let mut found = Vec::new();
    for file in &files {
        found.extend(tree::check(file, root));
        found.extend(hosts::check(file, hosts));
        if file.is_rust() && !file.is_example() {
            found.extend(code::check(file));
            let crate_map = format!("{}/src/lib.rs", top_directory(&file.path));
            found.extend(imports::check(file, text(&files, &crate_map)));
        }
    }
    found.extend(circles::check(&files));
    found.extend(docs::check(&files));
    found.extend(manifest::check(&files));
    found.extend(licences::check(shell, root, &files)?);
    found.sort();
    Ok(found)
}

/// What git tracks or would track, with its content.
fn files(shell: &Shell, root: &Path) -> anyhow::Result<Vec<SourceFile>> {
    let listed = cmd!(shell, "git -C {root} ls-files -z --cached --others --exclude-standard")
        .quiet()
        .read()
        .context("cannot list the repository's files")?;
    let mut files = Vec::new();
    for path in listed.split_terminator('\0') {
        let full = root.join(path);
        // A file that is tracked and was removed, or a link, has no content of its own.
        if !full.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
            continue;
        }
        let content = std::fs::read(&full).with_context(|| format!("cannot read `{path}`"))?;
        files.push(SourceFile {
            path: path.to_owned(),
            bytes: content.len() as u64,
            text: String::from_utf8(content).ok(),
        });
    }
    Ok(files)
}

/// The text of one file of the repository; empty if there is no such file.
fn text<'a>(files: &'a [SourceFile], path: &str) -> &'a str {
    let file = files.iter().find(|file| file.path == path);
    file.and_then(|file| file.text.as_deref()).unwrap_or_default()
}

/// The first directory of a path: the crate that a source belongs to.
fn top_directory(path: &str) -> &str {
    path.split('/').next().unwrap_or_default()
}

fn missing(path: &str, rule: &'static str, mend: impl Into<String>) -> Violation {
    Violation { path: path.to_owned(), line: 0, rule, mend: mend.into() }
}
