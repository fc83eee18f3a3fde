//! Rules for every file: what kinds of files there are, how large they are, whose paths they name.

use std::path::Path;

use super::{SourceFile, Violation, extension};

/// Kinds of files that somebody has decided to have here; sorted.
const EXTENSIONS: [&str; 22] = [
    "c", "css", "diff", "html", "ico", "j2", "js", "json", "lock", "md", "mjml", "nix", "patch",
    "png", "py", "rs", "sh", "snap", "svg", "toml", "yaml", "yml",
];
/// Files without an extension.
const NAMES: [&str; 6] =
    [".gitignore", "LICENSE-APACHE", "LICENSE-MIT", "run", "py.typed", "relock"];
const MOST_BYTES: u64 = 1024 * 1024;

pub(super) fn check(file: &SourceFile, root: &Path) -> Vec<Violation> {
    let mut found = Vec::new();
    let name = file.path.rsplit('/').next().unwrap_or_default();
    // An application's executables have no extension.
    let is_program = file.is_example() && !name.contains('.');
    if !is_program
        && !file.is_explained()
        && !EXTENSIONS.contains(&extension(&file.path))
        && !NAMES.contains(&name)
    {
        let mend = "add the kind of file to the table in `xtask/src/tidy/tree.rs`, or ignore it";
        found.push(file.violation(0, "kind", mend));
    }
    if file.bytes > MOST_BYTES {
        let mend = format!("{} bytes are more than 1 MiB; make it when it is needed", file.bytes);
        found.push(file.violation(0, "size", mend));
    }
    let keeps_blanks =
        file.is_explained() || matches!(extension(&file.path), "snap" | "patch" | "diff" | "lock");
    let machine = machine_path(root);
    for (number, line) in file.lines() {
        if !keeps_blanks && !file.is_example() && line.ends_with([' ', '\t', '\r']) {
            found.push(file.violation(number, "blanks", "remove the blanks at the line's end"));
        }
        if names(line, &machine) {
            let mend = "a path of this machine means nothing elsewhere; make it relative";
            found.push(file.violation(number, "machine", mend));
        }
    }
    found
}

/// What tells this machine's paths: the directory above the root, unless it is so near to `/` that
/// other machines have it too.
fn machine_path(root: &Path) -> String {
    let parent = root.parent().filter(|parent| parent.components().count() > 2);
    format!("{}/", parent.unwrap_or(root).display())
}

/// Whether `line` has `path` in it, and not as the end of a longer path.
fn names(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(index, _)| {
        let before = line[..index].chars().next_back();
        !before.is_some_and(|before| before.is_alphanumeric() || "._-".contains(before))
    })
}
