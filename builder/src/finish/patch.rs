//! Substitutions in files of the output, with the semantics of `substituteInPlace` of Nix's stdenv:
//! literal text, all occurrences, in order, on bytes. A patched file keeps its mode, and its line
//! in `RECORD` is updated, so the venv stays consistent.

use std::collections::BTreeMap;

use memchr::memmem;
use serde::{Deserialize, Serialize};

use crate::finish::variables::Variables;
use crate::install::output::{Output, normalised};
use crate::install::records::InstalledRecords;
use base::recipe::{Patch, ReplaceMode};
use base::sys::beneath::{Beneath, Found};
use base::sys::files::nearest_names;
use base::vocabulary::limits::{Budget, Exceeded, PATCHED_BYTES, PATCHED_BYTES_ALL};
use base::vocabulary::{Problem, Progress, Sha256, nearest_lines, shortened};

/// A patch that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Applied {
    /// The file, relative to the output.
    pub file: String,
    /// Why the patch is needed, as the recipe says.
    pub reason: Option<String>,
    /// Where upstream discusses it, as the recipe says.
    pub upstream: Option<String>,
    /// What was replaced, in this order.
    pub replacements: Vec<AppliedReplacement>,
    /// Digest of the file as it was.
    pub sha256_before: Sha256,
    /// Digest of the file as it is.
    pub sha256_after: Sha256,
}

/// One substitution that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AppliedReplacement {
    /// The text that was looked for.
    pub from: String,
    /// The new text, with variables replaced.
    pub to: String,
    /// How many times it was found; 0 only for modes that allow it.
    pub count: usize,
}

/// Applies `patches` in their order; several may name one file. All files must be regular and in
/// the output. A file is written only when all replacements of its patch have succeeded.
pub fn apply(
    output: &Output,
    variables: &Variables,
    patches: &[Patch],
    progress: &dyn Progress,
) -> Result<Vec<Applied>, Problem> {
    let mut records = InstalledRecords::read(output)?;
    let mut bytes = PATCHED_BYTES_ALL.budget();
    let applied = patches
        .iter()
        .map(|patch| apply_one(output, variables, patch, (&mut records, &mut bytes), progress))
        .collect::<Result<_, Problem>>()?;
    records.write()?;
    Ok(applied)
}

/// The files that `patches` name, as they are now. What cannot be patched is left out: [`apply`]
/// says why.
pub fn originals(
    output: &Output,
    variables: &Variables,
    patches: &[Patch],
) -> BTreeMap<String, Vec<u8>> {
    let Ok(tree) = output.beneath() else {
        return BTreeMap::new();
    };
    let mut bytes = PATCHED_BYTES_ALL.budget();
    let mut read = |patch: &Patch| {
        let file = variables.path("patch.file", &patch.file).ok()?;
        let file = output.path_in("", &file).ok()?;
        check_file(output, &tree, &file, "").ok()?;
        let content = PATCHED_BYTES.read(tree.file(&file).ok()?).ok()?;
        bytes.spend(content.len()).ok()?;
        Some((file, content))
    };
    patches.iter().filter_map(&mut read).collect()
}

fn apply_one(
    output: &Output,
    variables: &Variables,
    patch: &Patch,
    (records, bytes): (&mut InstalledRecords, &mut Budget),
    progress: &dyn Progress,
) -> Result<Applied, Problem> {
    let file = variables.path("patch.file", &patch.file)?;
    let file = normalised(&file).unwrap_or(file);
    let what = format!("cannot patch `{file}`");
    let file = output.path_in(&what, &file)?;
    let tree = output.beneath()?;
    let mode = check_file(output, &tree, &file, &what)?;
    let before = tree
        .file(&file)
        .and_then(|opened| PATCHED_BYTES.read(opened))
        .map_err(|error| Problem::new(&what).fact("because", error))?;
    bytes.spend(before.len()).map_err(|error| Problem::new(&what).fact("because", error))?;
    let mut content = before.clone();
    let mut replacements = Vec::new();
    for replacement in &patch.replace {
        let to = variables.text("patch.replace.to", &replacement.to)?;
        let replaced = replace_all(&content, replacement.from.as_bytes(), to.as_bytes());
        let (replaced, count) = replaced.map_err(|error| {
            Problem::usage(&what)
                .fact("because", error)
                .fact("from", shortened(&replacement.from))
                .fact("to", shortened(&to))
                .hint("the replaced text is in the file too often, or the new one is too long")
        })?;
        if count == 0 {
            let missing = not_found(&what, patch, &replacement.from, &content);
            match replacement.mode {
                ReplaceMode::Fail => return Err(missing),
                ReplaceMode::Warn => progress.warn(&missing.to_string()),
                ReplaceMode::Quiet => {}
            }
        }
        content = replaced;
        replacements.push(AppliedReplacement { from: replacement.from.clone(), to, count });
    }
    if content != before {
        // Renamed into place: the file may be a hard link into uv's cache.
        tree.write(&file, &content, mode).map_err(|error| Problem::new(&what).cause(error))?;
        records.set(&file, &content);
    }
    Ok(Applied {
        file,
        reason: patch.reason.clone(),
        upstream: patch.upstream.clone(),
        replacements,
        sha256_before: Sha256::of(&before),
        sha256_after: Sha256::of(&content),
    })
}

/// The file's mode, if it is one that may be patched.
fn check_file(output: &Output, tree: &Beneath, file: &str, what: &str) -> Result<u32, Problem> {
    let Ok(Some(found)) = tree.find(file) else {
        let near: Vec<String> = nearest_names(&output.root, file);
        let problem = Problem::new(what).fact("because", "there is no such file in the output");
        let problem =
            if near.is_empty() { problem } else { problem.fact("nearest", near.join("\n")) };
        return Err(problem.hint("upstream may have moved it; `file` is relative to the output"));
    };
    if found == Found::Link {
        return Err(Problem::usage(what)
            .fact("because", "it is a symbolic link")
            .hint("name the file that it points to, if that is in the output"));
    }
    let Found::File { mode, .. } = found else {
        return Err(Problem::usage(what).fact("because", "it is not a regular file"));
    };
    if file.ends_with(".dist-info/RECORD") {
        return Err(Problem::usage(what)
            .fact("because", "`RECORD` follows from the other files by itself")
            .hint("remove the patch"));
    }
    Ok(mode)
}

/// All occurrences from left to right, none overlapping, as `${content//from/to}` in bash. What
/// would become too large is not made.
fn replace_all(content: &[u8], from: &[u8], to: &[u8]) -> Result<(Vec<u8>, usize), Exceeded> {
    let finder = memmem::Finder::new(from);
    let count = if from.is_empty() { 0 } else { finder.find_iter(content).count() };
    let grown = content.len() as u128 + (count as u128) * (to.len() as u128);
    PATCHED_BYTES.check(grown - (count * from.len()) as u128)?;
    let mut result = Vec::with_capacity(content.len());
    let mut end = 0;
    for start in finder.find_iter(content).take(count) {
        result.extend_from_slice(&content[end..start]);
        result.extend_from_slice(to);
        end = start + from.len();
    }
    result.extend_from_slice(&content[end..]);
    Ok((result, count))
}

fn not_found(what: &str, patch: &Patch, from: &str, content: &[u8]) -> Problem {
    let near = nearest_lines(from, &String::from_utf8_lossy(content));
    let mut problem = Problem::new(what)
        .fact("because", "the text to replace is not in it")
        .fact("wanted", from.trim_end_matches('\n'));
    if !near.is_empty() {
        problem = problem.fact("nearest", near.join("\n"));
    }
    if let Some(reason) = &patch.reason {
        problem = problem.fact("reason", reason);
    }
    if let Some(upstream) = &patch.upstream {
        problem = problem.fact("upstream", upstream);
    }
    problem.hint(
        "upstream may have changed the text: adapt `from`, or remove the patch if it is not needed \
         any more; `mode = \"warn\"` goes on without it",
    )
}
