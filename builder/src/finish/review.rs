//! The texts of an output that a person approves, written so that changes are easy to read: each
//! patched file as a diff against the original, and the list of what is installed. This module
//! compares nothing, and the texts are not part of the output.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;

use rayon::prelude::*;
use similar::TextDiff;

use crate::finish::manifest::{Distribution, Kind, Manifest};
use crate::install::output::Output;
use crate::install::records::{DistInfo, InstalledRecords};
use base::dist_info::{Metadata, Record};
use base::sys::beneath::{Beneath, Found};
use base::vocabulary::digest::Hashing;
use base::vocabulary::limits::{PATCHED_BYTES, REVIEWED_LINES};
use base::vocabulary::{Problem, Sha256};

/// The directory beside an output with the texts.
pub(crate) const REVIEW: &str = "review";

/// The texts by their paths in that directory: `installed.txt`, and `patched/<file>.diff` for each
/// patched file, in which `site-packages/` stands for the directory of modules.
pub(crate) type Review = BTreeMap<String, String>;

/// Reads an output that is finished. `originals` are the patched files as they were before.
pub(crate) fn of(
    output: &Output,
    manifest: &Manifest,
    originals: &BTreeMap<String, Vec<u8>>,
) -> Result<Review, Problem> {
    let mut review = Review::new();
    let tree = output.beneath()?;
    for (file, before) in originals {
        let after = tree
            .read(file, PATCHED_BYTES.max)
            .map_err(|error| Problem::new(format!("cannot read `{file}`")).cause(error))?;
        let modules = format!("{}/", output.site_packages);
        let shown = match file.strip_prefix(&modules) {
            Some(module) => format!("site-packages/{module}"),
            None => file.clone(),
        };
        review.insert(format!("patched/{shown}.diff"), difference(&shown, before, &after));
    }
    review.insert("installed.txt".to_owned(), installed(output, manifest)?);
    Ok(review)
}

/// Digests first: of the file that the patch was made for, and of what became of it. A digest
/// shows what the text of a file that is not UTF-8 would hide.
fn difference(file: &str, before: &[u8], after: &[u8]) -> String {
    let digests =
        format!("base    sha256:{}\nresult  sha256:{}\n", Sha256::of(before), Sha256::of(after));
    if before == after {
        return format!("{digests}the patch changes nothing\n");
    }
    let [before, after] = [before, after].map(String::from_utf8_lossy);
    if let Err(error) = REVIEWED_LINES.check(changed_lines(&before, &after)) {
        return format!("{digests}{error}: the difference is not shown\n");
    }
    let difference = TextDiff::from_lines(&*before, &*after);
    let name = |side: &str| format!("{side}/{file}");
    format!("{digests}\n{}", difference.unified_diff().header(&name("a"), &name("b")))
}

/// The lines between the first and the last that differ, of the longer text. To find the shortest
/// difference takes the square of that.
fn changed_lines(before: &str, after: &str) -> usize {
    let same = |(a, b): &(&str, &str)| a == b;
    let start = before.lines().zip(after.lines()).take_while(same).count();
    let [before, after] = [before, after].map(|text| text.lines().skip(start).collect::<Vec<_>>());
    let end = before.iter().rev().zip(after.iter().rev()).take_while(|(a, b)| a == b).count();
    before.len().max(after.len()) - end
}

/// The files of a distribution.
#[derive(Debug, Default)]
struct Content {
    files: usize,
    digest: Option<Sha256>,
    /// Compiled objects, which are not in the digest.
    compiled: usize,
}

fn installed(output: &Output, manifest: &Manifest) -> Result<String, Problem> {
    let records = InstalledRecords::read(output)?;
    let dist_infos = dist_infos(output)?;
    let content = |distribution: &Distribution| -> Result<Content, Problem> {
        let dist_info = dist_infos.get(distribution.name.as_ref());
        let paths = dist_info.map_or_else(Vec::new, |name| paths(output, &records, name));
        content(&output.root, &paths, distribution.kind != Kind::Wheel)
    };
    let contents = manifest.distributions.par_iter().map(content).collect::<Result<Vec<_>, _>>()?;
    let count = manifest.distributions.len();
    let mut text = format!("{}\nat {}\n{count} distributions\n", manifest.target, manifest.prefix);
    for (distribution, content) in manifest.distributions.iter().zip(&contents) {
        text.push_str(&described(distribution, content));
    }
    Ok(text)
}

/// `.dist-info` directories by normalised name.
fn dist_infos(output: &Output) -> Result<BTreeMap<String, String>, Problem> {
    let problem = |error| Problem::new("cannot read what is installed").cause(error);
    let mut found = BTreeMap::new();
    for dist_info in DistInfo::all(output).map_err(problem)? {
        let name = Metadata::parse(&dist_info.read("METADATA").map_err(problem)?).name;
        if let Ok(name) = name.parse::<base::packaging::PackageName>() {
            found.insert(name.to_string(), dist_info.name);
        }
    }
    Ok(found)
}

/// Files of a distribution, relative to the output and sorted. Its `RECORD` is none of them: it
/// follows from the others.
fn paths(output: &Output, records: &InstalledRecords, dist_info: &str) -> Vec<String> {
    let lines = records.record(dist_info).into_iter().flat_map(Record::lines);
    let lines = lines.filter(|line| !line.path.ends_with(".dist-info/RECORD"));
    let mut paths: Vec<String> = lines.filter_map(|line| output.recorded(&line.path)).collect();
    paths.sort();
    paths.dedup();
    paths
}

/// The digest is that of what `sha256sum` prints for the files. Objects that were compiled here
/// follow the compiler, which comes from a moving suite, so they are only counted: whether they
/// are the same in two builds is what the verifier asks.
fn content(root: &Path, paths: &[String], built_here: bool) -> Result<Content, Problem> {
    let mut content = Content::default();
    let mut sums = String::new();
    let unread = |error| Problem::new("cannot read what is installed").cause(error);
    let tree = Beneath::open(root).map_err(unread)?;
    for path in paths {
        // A rule can have dropped it.
        let Some(Summed { sha256, start }) = summed(&tree, path)? else { continue };
        content.files += 1;
        if built_here && [&b"\x7fELF"[..], b"!<arch>"].iter().any(|it| start.starts_with(it)) {
            content.compiled += 1;
        } else {
            sums.push_str(&format!("{sha256}  {path}\n"));
        }
    }
    content.digest = (!sums.is_empty()).then(|| Sha256::of(&sums));
    Ok(content)
}

/// A file's digest and its first bytes.
struct Summed {
    sha256: Sha256,
    start: Vec<u8>,
}

/// Sums a file of whatever size; of a link, where it leads: what it leads to may be no part of the
/// output. `None` if there is nothing.
fn summed(tree: &Beneath, path: &str) -> Result<Option<Summed>, Problem> {
    let read = || -> io::Result<Option<Summed>> {
        match tree.find(path)? {
            None => Ok(None),
            Some(Found::Link) => {
                let start = tree.read_link(path)?.into_os_string().into_vec();
                Ok(Some(Summed { sha256: Sha256::of(&start), start }))
            }
            Some(_) => {
                let mut file = Hashing::new(tree.file(path)?);
                let mut start = Vec::new();
                file.by_ref().take(8).read_to_end(&mut start)?;
                io::copy(&mut file, &mut io::sink())?;
                Ok(Some(Summed { sha256: file.finish().1, start }))
            }
        }
    };
    read().map_err(|error| Problem::new(format!("cannot read `{path}`")).cause(error))
}

fn described(distribution: &Distribution, content: &Content) -> String {
    let Distribution { name, version, kind, origin, sha256, entry_points, licence, .. } =
        distribution;
    let word = match kind {
        Kind::Wheel => "wheel",
        Kind::Sdist => "sdist",
        Kind::Git => "git",
        Kind::Url => "url",
        Kind::Path => "path",
        Kind::Tree => "tree",
        Kind::Local => "local",
    };
    let mut text = format!("\n{name} {version}\n");
    let mut row = |label: &str, value: &str| text.push_str(&format!("  {label:<8} {value}\n"));
    row(word, origin);
    // A local tree also holds what is not installed: documents, tests, other programs.
    if *kind != Kind::Local {
        row("sha256", &sha256.to_string());
    }
    row("licence", licence.as_deref().unwrap_or("not said"));
    let digest = content.digest.map(|digest| format!(", sha256 {digest}")).unwrap_or_default();
    row("files", &format!("{}{digest}", content.files));
    if content.compiled > 0 {
        row("compiled", &format!("{} of them, not in the sha256", content.compiled));
    }
    for (group, points) in entry_points {
        for (name, target) in points {
            row("entry", &format!("[{group}] {name} = {target}"));
        }
    }
    text
}
