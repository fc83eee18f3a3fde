//! The finding for each difference, and the few causes that all of them share.

use std::collections::BTreeMap;

use base::vocabulary::Sha256;
use serde::Serialize;

use super::{Cause, Evidence, Standing};

/// A cause whose counterfactual held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proved {
    /// The cause.
    pub cause: Cause,
    /// How much the proof shows.
    pub standing: Standing,
    /// The normalisation after which both sides are equal.
    pub proof: String,
    /// A few bytes of both sides.
    pub evidence: Vec<Evidence>,
    /// Paths of the differences that this one follows from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub derived_from: Vec<String>,
    /// Whether it follows from another cause that was proved of the same bytes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub follows: bool,
}

/// A difference, or a part of one, without a proved cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unexplained {
    /// Why nothing more is known.
    pub reason: String,
    /// Causes that were claimed and whose counterfactual failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Cause>,
    /// What still differs.
    pub evidence: Vec<Evidence>,
}

impl Unexplained {
    /// Nothing was claimed, for a reason.
    pub(super) fn because(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), refused: Vec::new(), evidence: Vec::new() }
    }
}

/// The distribution to which a file belongs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Owner {
    /// As its `.dist-info` is called.
    pub name: String,
    /// As its `.dist-info` is called.
    pub version: String,
    /// `wheel`, `sdist`, `git` and so on, if a manifest has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub built_from: Option<String>,
}

/// What was found out about one path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The path; members of archives follow `!/`.
    pub path: String,
    /// Whose file it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<Owner>,
    /// Proved causes; together they account for all that differs here, unless `unexplained`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Proved>,
    /// The sha256 of both sides, of the bytes of a file or of the target of a link: a waiver for a
    /// cause that only looks like one must name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<[Sha256; 2]>,
    /// What is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unexplained: Option<Unexplained>,
    /// Members of an archive that differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Finding>,
}

impl Finding {
    /// Whether every difference here and in members has a proved cause. An empty finding is not
    /// explained.
    pub fn explained(&self) -> bool {
        let empty = self.causes.is_empty() && self.members.is_empty();
        self.unexplained.is_none() && !empty && self.members.iter().all(Self::explained)
    }

    /// Whether a cause here only looks like one.
    pub fn only_looks(&self) -> bool {
        self.causes.iter().any(|proved| proved.standing == Standing::LooksLike)
    }

    /// It and its members, depth first.
    pub fn flattened(&self) -> Vec<&Self> {
        let members = self.members.iter().flat_map(Self::flattened);
        std::iter::once(self).chain(members).collect()
    }

    /// Whether the cause is a root here: a build-id is, unless it follows from what else differs in
    /// its file.
    pub fn has_root(&self, cause: Cause) -> bool {
        match cause {
            Cause::BuildId => self.causes.iter().any(|it| it.cause == cause && !it.follows),
            cause => !cause.is_derived(),
        }
    }
}

/// A cause and all paths that have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Root {
    /// The cause.
    pub cause: Cause,
    /// What can be done about it.
    pub mitigation: &'static str,
    /// How many paths have it.
    pub paths: u64,
    /// The number of them for which it only looks like the cause.
    pub only_looks: u64,
    /// How many of them by distribution; files of none are under the empty name.
    pub distributions: BTreeMap<String, u64>,
    /// One piece of evidence, of the first path.
    pub evidence: Option<Evidence>,
    /// The first path.
    pub first: String,
}

/// All findings, and the roots that they come down to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Causes that follow from no other, the most frequent first.
    pub roots: Vec<Root>,
    /// Causes that only follow, in the same order.
    pub derived: Vec<Root>,
    /// How many findings have something unexplained.
    pub unexplained: u64,
    /// One for each path that differs, sorted by path.
    pub findings: Vec<Finding>,
    /// Bytes in A by distribution, from its `RECORD`.
    pub sizes: BTreeMap<String, u64>,
}

impl Explanation {
    /// Groups findings by cause.
    pub fn new(findings: Vec<Finding>, sizes: BTreeMap<String, u64>) -> Self {
        let unexplained = findings.iter().filter(|finding| !finding.explained()).count() as u64;
        let (roots, derived) = (group(&findings, true), group(&findings, false));
        Self { roots, derived, unexplained, findings, sizes }
    }
}

fn group(findings: &[Finding], wanted_roots: bool) -> Vec<Root> {
    let mut roots: BTreeMap<Cause, Root> = BTreeMap::new();
    for finding in findings.iter().flat_map(Finding::flattened) {
        for proved in &finding.causes {
            if finding.has_root(proved.cause) != wanted_roots {
                continue;
            }
            let root = roots.entry(proved.cause).or_insert_with(|| Root {
                cause: proved.cause,
                mitigation: proved.cause.mitigation(),
                paths: 0,
                only_looks: 0,
                distributions: BTreeMap::new(),
                evidence: proved.evidence.first().cloned(),
                first: finding.path.clone(),
            });
            root.paths += 1;
            root.only_looks += u64::from(proved.standing == Standing::LooksLike);
            let owner = finding.owners.first().map_or(String::new(), |owner| owner.name.clone());
            *root.distributions.entry(owner).or_default() += 1;
        }
    }
    let mut roots: Vec<Root> = roots.into_values().collect();
    roots.sort_by_key(|root| std::cmp::Reverse(root.paths));
    roots
}
