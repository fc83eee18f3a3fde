//! The texts of an output that a person approves, and the reason for a mismatch: upstream changed
//! the patched file, or the patch itself changed. Both the verifier and `snapshots/tests.rs` use
//! it, so it knows neither. It writes nothing.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use base::sys::files::sorted_entries;
use similar::{ChangeTag, TextDiff};

/// The texts that the builder publishes beside an output, by name: `installed`, and
/// `patched/<file>` for each patched file.
pub(crate) type Texts = BTreeMap<String, String>;

/// The directory beside an output that has the texts.
const REVIEW: &str = "review";

/// Reads the texts beside an output. Fails if there are none, because then nothing would be
/// compared.
pub(crate) fn read(published: &Path) -> io::Result<Texts> {
    let mut texts = Texts::new();
    read_below(&published.join(REVIEW), "", &mut texts)?;
    if texts.contains_key("installed") {
        return Ok(texts);
    }
    Err(io::Error::new(io::ErrorKind::NotFound, "nothing lists what is installed"))
}

fn read_below(directory: &Path, name: &str, texts: &mut Texts) -> io::Result<()> {
    for entry in sorted_entries(directory)? {
        let file = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() {
            read_below(&entry.path(), &format!("{name}{file}/"), texts)?;
        } else if let Some((stem, "diff" | "txt")) = file.rsplit_once('.') {
            texts.insert(format!("{name}{stem}"), fs_err::read_to_string(entry.path())?);
        }
    }
    Ok(())
}

/// The file in which insta keeps a snapshot of that name.
pub(crate) fn file_name(name: &str) -> String {
    format!("{}.snap", name.replace('/', "__"))
}

/// The approved files in a directory, by their names there.
pub(crate) fn approved(directory: &Path) -> io::Result<Vec<String>> {
    let entries = match sorted_entries(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let names = entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned());
    Ok(names.filter(|name| name.ends_with(".snap")).collect())
}

/// Says what is not as approved, in lines for a person. Call it only if the texts differ.
pub(crate) fn changed(name: &str, approved: Option<&str>, found: &str) -> Vec<String> {
    let Some(approved) = approved else {
        return vec![format!("not approved yet: `{name}`")];
    };
    let Some(file) = name.strip_prefix("patched/") else {
        return [vec![format!("what is `{name}` changed")], distributions(approved, found)]
            .concat();
    };
    let [was, is] = [approved, found].map(|text| fact(text, "base"));
    if was == is {
        let what = format!(
            "our patch changed: `{file}` is the file that was approved, its patch \
                            is another one"
        );
        return [vec![what], lines(approved, found)].concat();
    }
    let [old, new] = [approved, found].map(edits);
    let patch = if old == new { "the patch does the same to it" } else { "the patch differs too" };
    let what = format!("upstream changed: `{file}` is not the file whose patch was approved");
    vec![what, format!("  approved  {was}"), format!("  found     {is}"), format!("  {patch}")]
}

/// What is approved and is not there any more.
pub(crate) fn gone(file: &str) -> String {
    format!("approved and not there any more: `{file}`; remove it if that is right")
}

/// How many lines of one change are shown.
const SHOWN_MAX: usize = 12;

fn fact<'t>(text: &'t str, label: &str) -> &'t str {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(word, _)| *word == label).map_or("unknown", |(_, value)| value.trim())
}

/// What a patch takes out and puts in, wherever.
fn edits(text: &str) -> Vec<&str> {
    let of_header = |line: &&str| !line.starts_with("+++") && !line.starts_with("---");
    text.lines().filter(|line| line.starts_with(['+', '-'])).filter(of_header).collect()
}

/// The distributions that are not as approved.
fn distributions(approved: &str, found: &str) -> Vec<String> {
    let [was, is] = [approved, found].map(blocks);
    let mut lines = Vec::new();
    for (name, (version, text)) in &is {
        match was.get(name) {
            None => lines.push(format!("  new      {name} {version}")),
            Some((old, _)) if old != version => {
                lines.push(format!("  changed  {name} {old} → {version}"));
            }
            Some((_, old)) if old != text => lines.push(format!("  changed  {name} {version}")),
            Some(_) => {}
        }
    }
    let gone = was.iter().filter(|(name, _)| !is.contains_key(*name));
    lines.extend(gone.map(|(name, (version, _))| format!("  gone     {name} {version}")));
    bounded(lines)
}

/// Paragraphs by the first word of their first line, with its second.
fn blocks(text: &str) -> BTreeMap<&str, (&str, &str)> {
    let blocks = text.split("\n\n").map(str::trim_end);
    let named = blocks.map(|block| {
        let first = block.lines().next().unwrap_or_default();
        let (name, version) = first.split_once(' ').unwrap_or(("target", first));
        (name, (version, block))
    });
    named.collect()
}

fn lines(approved: &str, found: &str) -> Vec<String> {
    let difference = TextDiff::from_lines(approved, found);
    let changes = difference.iter_all_changes().filter_map(|change| {
        let side = match change.tag() {
            ChangeTag::Equal => return None,
            ChangeTag::Delete => "approved",
            ChangeTag::Insert => "found   ",
        };
        Some(format!("  {side}  {}", change.value().trim_end()))
    });
    bounded(changes.filter(|line| !line.contains("  result  sha256:")).collect())
}

fn bounded(mut lines: Vec<String>) -> Vec<String> {
    if lines.len() > SHOWN_MAX {
        let more = lines.len() - SHOWN_MAX;
        lines.truncate(SHOWN_MAX);
        lines.push(format!("  … and {more} more"));
    }
    lines
}
