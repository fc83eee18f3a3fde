//! The differences of two trees, path by path.

use std::collections::BTreeSet;
use std::path::Path;

use base::vocabulary::digest::Hashing;
use base::vocabulary::{Problem, Sha256};
use fs_err as fs;

use super::blob::{Blob, MOST_IN_MEMORY};
use super::budget::Budget;
use super::by_format;
use super::file::{Explained, File};
use super::finding::{Finding, Proved};
use super::formats::{manifest, record};
use super::forms::modes;
use super::owners::Owners;
use super::prove::unexplained;
use super::text::{self, Style};
use super::{Cause, Context, Evidence, Standing};
use crate::compare::{Change, Comparison, Difference, Side, shown};

/// One finding for each path, in the order of paths.
pub(super) fn findings(
    comparison: &Comparison,
    context: &Context,
    owners: &Owners,
    found: &mut dyn FnMut(&Finding),
) -> Result<Vec<Finding>, Problem> {
    let differing = comparison.differences.iter().map(|difference| difference.path.as_path());
    let tree = Tree { comparison, context, owners, differing: differing.collect() };
    let mut findings = Vec::new();
    let changes = comparison.differences.chunk_by(|one, next| one.path == next.path);
    for changes in changes {
        let finding = tree.finding(changes)?;
        found(&finding);
        findings.push(finding);
    }
    Ok(findings)
}

struct Tree<'t> {
    comparison: &'t Comparison,
    context: &'t Context,
    owners: &'t Owners,
    differing: BTreeSet<&'t Path>,
}

impl Tree<'_> {
    /// All that is said of one path, which may have changed in several ways.
    fn finding(&self, changes: &[Difference]) -> Result<Finding, Problem> {
        let path = &changes[0].path;
        let mut finding =
            Explained::from(Ok(Vec::new())).finding(path_of(path), self.owners.of(path));
        for difference in changes {
            let explained = self.change(path, &difference.change)?;
            finding.causes.extend(explained.causes);
            finding.unexplained = finding.unexplained.or(explained.unexplained);
            finding.members.extend(explained.members);
            finding.sha256 = finding.sha256.or(explained.sha256);
        }
        Ok(finding)
    }

    fn change(&self, path: &Path, change: &Change) -> Result<Explained, Problem> {
        let causes = match change {
            Change::Content { .. } => return self.content(path),
            Change::Mode { a, b, .. } => {
                let evidence =
                    Evidence::new("permission bits", format!("{a:04o}"), format!("{b:04o}"));
                if !modes::are_of_umasks(*a, *b) {
                    return Ok(Err(unexplained(vec![Cause::Modes], vec![evidence])).into());
                }
                let proof = "without what a umask takes from group and others".to_owned();
                Ok(vec![Proved {
                    cause: Cause::Modes,
                    standing: Standing::Proved,
                    proof,
                    evidence: vec![evidence],
                    derived_from: Vec::new(),
                    follows: false,
                }])
            }
            Change::Target { a, b } => {
                let targets = [a, b].map(|target| target.clone().into_bytes());
                let canaries = &self.context.canaries;
                let explained = text::explain(&targets, Style::LINK, canaries, Vec::new());
                let sha256 = explained.is_ok().then(|| targets.each_ref().map(Sha256::of));
                return Ok(Explained { sha256, ..explained.into() });
            }
            Change::Only { side, kind } => {
                let here = format!("{kind:?}").to_lowercase();
                let mut evidence = [here.as_str(), ""];
                if *side == Side::B {
                    evidence.reverse();
                }
                let evidence = Evidence::new("there on one side only", evidence[0], evidence[1]);
                Err(unexplained(Vec::new(), vec![evidence]))
            }
            Change::Kind { a, b } => {
                let [a, b] = [a, b].map(|kind| format!("{kind:?}").to_lowercase());
                Err(unexplained(Vec::new(), vec![Evidence::new("kind", a, b)]))
            }
        };
        Ok(causes.into())
    }

    fn content(&self, path: &Path) -> Result<Explained, Problem> {
        let problem =
            |error| Problem::new(format!("cannot explain `{}`", shown(path))).cause(error);
        if let Some((collision, sha256)) = self.collision(path) {
            let explained = Explained::from(Ok(vec![collision]));
            return Ok(Explained { sha256: Some(sha256), ..explained });
        }
        let [a, b] = Side::BOTH.map(|side| Blob::open(&self.comparison.locate(side, path)));
        let blobs = [a.map_err(problem)?, b.map_err(problem)?];
        let name = self.comparison.locate(Side::A, path);
        let name = name.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let known = match path.parent() {
            Some(directory) if directory.as_os_str().is_empty() && name == manifest::NAME => {
                let differing = self.owners.differing(&self.differing);
                let texts = [blobs[0].read(MOST_IN_MEMORY), blobs[1].read(MOST_IN_MEMORY)];
                match texts {
                    [Ok(Some(a)), Ok(Some(b))] => manifest::claim(&[a, b], &differing),
                    _ => None,
                }
            }
            Some(directory) if name == "RECORD" => {
                let digest = |side, path: &Path| self.digest(side, path);
                record::of_blobs(&blobs, directory, &self.differing, &digest).map_err(problem)?
            }
            _ => None,
        };
        let file = File {
            path: &path_of(path),
            name: &name,
            depth: 0,
            canaries: &self.context.canaries,
            budget: &Budget::default(),
            known: known.into_iter().collect(),
            is_link: false,
            explain: by_format::explain,
        };
        by_format::explain(&blobs, &file).map_err(problem)
    }

    /// Two distributions own the file, and each side has what another one of them brought; with the
    /// digests of both sides. Which one the program gets is not the same to it.
    fn collision(&self, path: &Path) -> Option<(Proved, [Sha256; 2])> {
        let [a, b] = Side::BOTH.map(|side| self.digest(side, path));
        let (a, b) = (a?, b?);
        let brought = |digest| {
            let mut lines = self.owners.lines(path);
            lines.find_map(|(directory, lines)| {
                let line = lines.iter().flatten().next()?;
                (line.sha256() == Some(digest)).then(|| shown(directory))
            })
        };
        let (of_a, of_b) = (brought(a)?, brought(b)?);
        (of_a != of_b).then_some(())?;
        let proved = Proved {
            cause: Cause::Collision,
            standing: Standing::LooksLike,
            proof: "each side has the bytes that another distribution's `RECORD` names".to_owned(),
            evidence: vec![Evidence::new("`RECORD` of", of_a, of_b)],
            derived_from: Vec::new(),
            follows: false,
        };
        Some((proved, [a, b]))
    }

    fn digest(&self, side: Side, path: &Path) -> Option<Sha256> {
        let mut file = fs::File::open(self.comparison.locate(side, path)).ok()?;
        let mut hashing = Hashing::new(std::io::sink());
        std::io::copy(&mut file, &mut hashing).ok()?;
        Some(hashing.digest())
    }
}

/// The path as reports name it; the roots themselves have none.
fn path_of(path: &Path) -> String {
    if path.as_os_str().is_empty() { ".".to_owned() } else { shown(path) }
}
