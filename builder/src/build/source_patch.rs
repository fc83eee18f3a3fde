//! Patches of a source before it is built: unified diffs, as `diff -u` and `git diff` write them,
//! applied to the unpacked tree as `patch -p1 --fuzz=0` does. A hunk may have moved, but every line
//! of its context must match. The source is pinned, so a patch that does not apply was made for
//! another source. Only regular files inside the tree are changed.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use diffy::patch_set::{FileMode, FileOperation, FilePatch, ParseOptions, PatchSet};
use diffy::{Line, Patch};
use fs_err as fs;

use base::recipe::SourcePatch;
use base::sys::files::nearest_names;
use base::sys::tree::SOURCE_DATE_EPOCH;
use base::vocabulary::{Problem, nearest_lines};

/// Applies a patch to the tree at `tree`.
///
/// # Errors
/// What is no unified diff of text; a path that leads out of the tree or through a link; a file
/// that is not there, or is there already; a hunk whose lines are not in the file. Some files may
/// have been changed by then.
pub(super) fn apply(patch: &SourcePatch, tree: &Path) -> Result<(), Problem> {
    let applied = parse(patch)?.iter().try_for_each(|file| apply_file(file, tree));
    applied.map_err(|problem| {
        let problem = problem.fact("patch", &patch.file);
        let problem = patch.reason.iter().fold(problem, |it, reason| it.fact("reason", reason));
        patch.upstream.iter().fold(problem, |it, upstream| it.fact("upstream", upstream))
    })
}

fn parse(patch: &SourcePatch) -> Result<Vec<FilePatch<'_, [u8]>>, Problem> {
    let unread = |because: String| {
        Problem::usage(format!("cannot read the source patch `{}`", patch.file))
            .fact("because", because)
            .hint("it must be a unified diff, as `diff -Naur a b` and `git diff` write it")
    };
    let mut lines = patch.content.split(|byte| *byte == b'\n');
    let options = if lines.any(|line| line.starts_with(b"diff --git ")) {
        ParseOptions::gitdiff()
    } else {
        ParseOptions::unidiff()
    };
    let files = PatchSet::parse_bytes(&patch.content, options).collect::<Result<Vec<_>, _>>();
    let files = files.map_err(|error| unread(error.to_string()))?;
    if files.is_empty() {
        return Err(unread("it changes no file".to_owned()));
    }
    Ok(files)
}

/// What a patch does to one file.
struct Change<'a> {
    /// As the patch has it, without its first component.
    path: String,
    kind: Kind,
    /// The mode that the patch gives it.
    mode: Option<u32>,
    text: &'a Patch<'a, [u8]>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Create,
    Modify,
    Delete,
}

/// Rejects git's renames, copies, binary patches and links: they say less about the original
/// content than a text patch.
fn change<'a>(file: &'a FilePatch<'a, [u8]>) -> Result<Change<'a>, Problem> {
    let operation = file.operation().strip_prefix(1);
    let (path, kind) = match &operation {
        FileOperation::Create(path) => (path, Some(Kind::Create)),
        FileOperation::Delete(path) => (path, Some(Kind::Delete)),
        FileOperation::Modify { original, modified } => {
            (modified, (original == modified).then_some(Kind::Modify))
        }
        FileOperation::Rename { to, .. } | FileOperation::Copy { to, .. } => (to, None),
    };
    let path = String::from_utf8_lossy(path).into_owned();
    let kind = kind.ok_or_else(|| {
        cannot(&path, "the patch renames or copies it")
            .hint("write it as one file that is deleted and one that is created")
    })?;
    let text = file
        .patch()
        .as_text()
        .ok_or_else(|| cannot(&path, "the patch is binary").hint("only text can be patched"))?;
    let mode = match file.new_mode() {
        None => None,
        Some(FileMode::Regular) => Some(0o644),
        Some(FileMode::Executable) => Some(0o755),
        Some(FileMode::Symlink | FileMode::Gitlink) => {
            return Err(cannot(&path, "the patch makes a link of it"));
        }
    };
    Ok(Change { path, kind, mode, text })
}

fn apply_file(file: &FilePatch<'_, [u8]>, tree: &Path) -> Result<(), Problem> {
    let Change { path, kind, mode, text } = change(file)?;
    let on_host = inside(tree, &path)?;
    let failed = |error: io::Error| cannot(&path, "it cannot be read or written").cause(error);
    let before = match (fs::read(&on_host), kind) {
        (Ok(_), Kind::Create) => {
            return Err(cannot(&path, "the patch makes it, and it is there already"));
        }
        (Ok(bytes), _) => bytes,
        (Err(error), Kind::Create) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        (Err(error), _) if error.kind() == io::ErrorKind::NotFound => {
            let near = nearest_names(tree, &path).join("\n");
            let problem = cannot(&path, "there is no such file in the source");
            let problem = if near.is_empty() { problem } else { problem.fact("nearest", near) };
            return Err(problem.hint("paths are like `a/setup.py`: their first part is removed"));
        }
        (Err(error), _) => return Err(failed(error)),
    };
    let after = diffy::apply_bytes(&before, text)
        .map_err(|error| hunk_failed(&path, &error, text, &before))?;
    if kind != Kind::Delete {
        return write(&on_host, &after, mode).map_err(failed);
    }
    if !after.is_empty() {
        return Err(cannot(&path, "the patch deletes it, and there is more in it"));
    }
    fs::remove_file(&on_host).map_err(failed)
}

fn cannot(path: &str, because: &str) -> Problem {
    let path = path.escape_debug();
    Problem::new(format!("cannot patch the source `{path}`")).fact("because", because)
}

/// A path of a patch in the tree: neither it nor a directory above it is a link, so it has no
/// second name elsewhere.
fn inside(tree: &Path, path: &str) -> Result<PathBuf, Problem> {
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
    if !path.split('/').all(plain) {
        return Err(cannot(path, "the path leads out of the source")
            .hint("nothing of the patch was applied to this file; do not trust it"));
    }
    let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
    for end in ends {
        let is_link = fs::symlink_metadata(tree.join(&path[..end]))
            .is_ok_and(|metadata| metadata.file_type().is_symlink());
        if is_link {
            return Err(cannot(path, &format!("`{}` is a symbolic link", &path[..end]))
                .hint("patch the file that it points to"));
        }
    }
    Ok(tree.join(path))
}

fn hunk_failed(
    path: &str,
    error: &diffy::ApplyError,
    text: &Patch<'_, [u8]>,
    content: &[u8],
) -> Problem {
    // The error has the number of the hunk in its text only.
    let error = error.to_string();
    let number = error.rsplit('#').next().and_then(|number| number.parse::<usize>().ok());
    let hunk = number.and_then(|number| text.hunks().get(number - 1));
    let wanted: Vec<u8> = hunk
        .into_iter()
        .flat_map(diffy::Hunk::lines)
        .flat_map(|line| match line {
            Line::Context(line) | Line::Delete(line) => *line,
            Line::Insert(_) => &[],
        })
        .copied()
        .collect();
    let wanted = String::from_utf8_lossy(&wanted);
    let near = nearest_lines(&wanted, &String::from_utf8_lossy(content));
    let header = hunk.map(|hunk| format!(" (@@ -{} +{} @@)", hunk.old_range(), hunk.new_range()));
    let count = text.hunks().len();
    let which = number.map_or_else(|| "a hunk".to_owned(), |it| format!("hunk {it} of {count}"));
    let because = format!("{which}{} does not apply", header.unwrap_or_default());
    let problem = cannot(path, &because).fact("wanted", wanted.trim_end_matches('\n'));
    let problem = if near.is_empty() { problem } else { problem.fact("nearest", near.join("\n")) };
    problem.hint(
        "the patch was made for another source: make it again, or remove it if upstream has it",
    )
}

/// Later than anything else in an unpacked source, and the same on every machine: what is generated
/// from a patched file must be seen to be older than it.
const PATCHED_AT: u64 = SOURCE_DATE_EPOCH.unsigned_abs() + 3600;

fn write(path: &Path, content: &[u8], mode: Option<u32>) -> io::Result<()> {
    let mode = match (mode, fs::metadata(path)) {
        (Some(mode), _) => mode,
        (None, Ok(metadata)) => metadata.permissions().mode() & 0o7777,
        (None, Err(_)) => 0o644,
    };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, content)?;
    fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(PATCHED_AT);
    fs::File::options().write(true).open(path)?.set_modified(time)
}

#[cfg(test)]
mod tests;
