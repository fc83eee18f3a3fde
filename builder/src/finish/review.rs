//! What a person approves of an output, as texts that read well when they change: each patched file
//! as a difference from the file that was there, and what is installed. Nothing is compared here,
//! and nothing of it lies in the output.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fs_err as fs;
use rayon::prelude::*;
use similar::TextDiff;

use crate::finish::manifest::{Distribution, Kind, Manifest};
use crate::install::output::Output;
use crate::install::records::{DistInfo, InstalledRecords};
use base::dist_info::{Metadata, Record};
use base::vocabulary::{Problem, Sha256};

/// The directory beside an output in which the texts lie.
pub const REVIEW: &str = "review";

/// The texts by their paths in that directory: `installed.txt`, and `patched/<file>.diff` for each
/// patched file, in which `site-packages/` stands for the directory of modules.
pub type Review = BTreeMap<String, String>;

/// Reads an output that is finished. `originals` are the patched files as they were before.
pub fn of(
    output: &Output,
    manifest: &Manifest,
    originals: &BTreeMap<String, Vec<u8>>,
) -> Result<Review, Problem> {
    let mut review = Review::new();
    for (file, before) in originals {
        let after = fs::read(output.root.join(file))
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
    let difference = TextDiff::from_lines(&*before, &*after);
    let name = |side: &str| format!("{side}/{file}");
    format!("{digests}\n{}", difference.unified_diff().header(&name("a"), &name("b")))
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
        if let Ok(name) = name.parse::<uv_normalize::PackageName>() {
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
    let mut below = Below::new(root).map_err(unread)?;
    for path in paths {
        // A rule can have dropped it.
        let Some(bytes) = below.bytes_of(path)? else { continue };
        content.files += 1;
        if built_here && [&b"\x7fELF"[..], b"!<arch>"].iter().any(|it| bytes.starts_with(it)) {
            content.compiled += 1;
        } else {
            sums.push_str(&format!("{}  {path}\n", Sha256::of(&bytes)));
        }
    }
    content.digest = (!sums.is_empty()).then(|| Sha256::of(&sums));
    Ok(content)
}

/// A tree whose files are read by paths that foreign code wrote, as a `RECORD` is: none of them may
/// lead outside.
struct Below<'r> {
    root: &'r Path,
    real_root: PathBuf,
    /// The directory that was looked at last, and whether it is in the tree: following it costs
    /// more than reading a small file does, and the next path mostly has the same one.
    parent: (PathBuf, bool),
}

impl<'r> Below<'r> {
    fn new(root: &'r Path) -> std::io::Result<Self> {
        Ok(Self { root, real_root: fs::canonicalize(root)?, parent: (PathBuf::new(), false) })
    }

    /// A file's bytes; of a link, where it leads: what it leads to may be no part of the output.
    /// `None` if there is nothing, or not in the tree.
    fn bytes_of(&mut self, path: &str) -> Result<Option<Vec<u8>>, Problem> {
        use std::os::unix::ffi::OsStringExt as _;
        let problem = || Problem::new(format!("cannot read `{path}`"));
        let place = self.root.join(path);
        if !place.parent().is_some_and(|parent| self.has(parent)) {
            return Ok(None);
        }
        let kind = match std::fs::symlink_metadata(&place) {
            Ok(metadata) => metadata.file_type(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(problem().cause(error)),
        };
        let read = || -> std::io::Result<Vec<u8>> {
            if kind.is_symlink() {
                return Ok(fs::read_link(&place)?.into_os_string().into_vec());
            }
            fs::read(&place)
        };
        if !kind.is_symlink() && !kind.is_file() {
            return Err(problem().fact("expected", "a file or a link"));
        }
        read().map(Some).map_err(|error| problem().cause(error))
    }

    fn has(&mut self, parent: &Path) -> bool {
        if self.parent.0 != parent {
            let real = parent.canonicalize();
            let within = real.is_ok_and(|real| real.starts_with(&self.real_root));
            self.parent = (parent.to_owned(), within);
        }
        self.parent.1
    }
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
