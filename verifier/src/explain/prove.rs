//! The counterfactual: claims hold if and only if the normalisations that they predict make both
//! sides equal, and every one of them is necessary.

use super::finding::{Proved, Unexplained};
use super::{Cause, Evidence, Standing};
use crate::compare::Side;

/// More claims on one file are not tried: each costs a pass over it.
const MOST_CLAIMS: usize = 24;
/// So many bytes are read for attempts with some of the claims, but at least one attempt for each.
const MOST_READ: u64 = 128 << 20;
/// However short a document is, more attempts are not made.
const MOST_ATTEMPTS: u64 = 1000;

/// A claimed cause, with the normalisation that it predicts.
#[derive(Debug, Clone)]
pub(crate) struct Claim<N> {
    pub(crate) cause: Cause,
    pub(crate) standing: Standing,
    pub(crate) normalisation: N,
    /// The normalisation in words.
    pub(crate) proof: String,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) derived_from: Vec<String>,
}

impl<N> Claim<N> {
    pub(crate) fn new(cause: Cause, normalisation: N, proof: impl Into<String>) -> Self {
        Self {
            cause,
            standing: Standing::LooksLike,
            normalisation,
            proof: proof.into(),
            evidence: Vec::new(),
            derived_from: Vec::new(),
        }
    }

    /// The same claim about bytes that have no meaning in their format, or that equal a known value
    /// of their round. Without this, a claim is only about a form.
    pub(crate) fn proved(self) -> Self {
        Self { standing: Standing::Proved, ..self }
    }

    pub(crate) fn evidence(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    /// The same claim about a larger thing, of which its normalisation changes a part.
    pub(crate) fn map<M>(self, normalisation: impl FnOnce(N) -> M) -> Claim<M> {
        let Self { cause, standing, normalisation: part, proof, evidence, derived_from } = self;
        let normalisation = normalisation(part);
        Claim { cause, standing, normalisation, proof, evidence, derived_from }
    }

    fn into_proved(self) -> Proved {
        let Self { cause, standing, proof, evidence, derived_from, .. } = self;
        Proved { cause, standing, proof, evidence, derived_from, follows: false }
    }
}

/// Proves claims about two documents that differ. The normalisations are applied in the order of
/// the claims, so one may rely on what those before it did. Earlier claims are preferred: from the
/// last on, each that can be left out is.
///
/// A claim that is wrong can undo what a right one does: it finds its value on one side only. So if
/// all together fail, some are tried. `bytes` tells how long a document is, and so how many.
///
/// Fails with all claimed causes if the normalised documents still differ.
pub(crate) fn prove<D: Clone + PartialEq, N: Clone>(
    documents: &[D; 2],
    bytes: u64,
    mut claims: Vec<Claim<N>>,
    normalise: impl Fn(&N, Side, D) -> D,
) -> Result<Vec<Proved>, Vec<Cause>> {
    claims.truncate(MOST_CLAIMS);
    let equal = |claims: &[Claim<N>]| {
        let [a, b] = Side::BOTH.map(|side| {
            claims.iter().fold(documents[side as usize].clone(), |document, claim| {
                normalise(&claim.normalisation, side, document)
            })
        });
        a == b
    };
    if !equal(&claims) {
        let attempts = (MOST_READ / bytes.max(1)).min(MOST_ATTEMPTS);
        let attempts = usize::try_from(attempts).unwrap_or(usize::MAX).max(MOST_CLAIMS);
        let mut attempts = subsets(claims.len()).take(attempts);
        let some = |chosen: Vec<usize>| -> Vec<Claim<N>> {
            chosen.into_iter().map(|index| claims[index].clone()).collect()
        };
        match attempts.find_map(|chosen| Some(some(chosen)).filter(|some| equal(some))) {
            Some(enough) => claims = enough,
            None => return Err(refused(&claims)),
        }
    }
    for index in (0..claims.len()).rev() {
        let mut others = claims.clone();
        others.remove(index);
        if equal(&others) {
            claims = others;
        }
    }
    Ok(merged(claims.into_iter().map(Claim::into_proved)))
}

/// The subsets of this many claims to try: each alone, all but one, pairs, triples.
fn subsets(count: usize) -> impl Iterator<Item = Vec<usize>> {
    let ones = (0..count).map(|one| vec![one]);
    let but_one = (0..count).map(move |one| (0..count).filter(|other| *other != one).collect());
    let twos = (0..count).flat_map(move |one| (one + 1..count).map(move |two| vec![one, two]));
    let threes = (0..count).flat_map(move |one| {
        (one + 1..count)
            .flat_map(move |two| (two + 1..count).map(move |three| vec![one, two, three]))
    });
    ones.chain(but_one).chain(twos).chain(threes)
}

/// Claims of one cause are one finding, with the evidence of all.
pub(crate) fn merged(claims: impl IntoIterator<Item = Proved>) -> Vec<Proved> {
    let mut proved: Vec<Proved> = Vec::new();
    for claim in claims {
        match proved.iter_mut().find(|proved| proved.cause == claim.cause) {
            Some(same) => {
                if !same.proof.contains(&claim.proof) {
                    same.proof = format!("{}; {}", same.proof, claim.proof);
                }
                same.standing = same.standing.max(claim.standing);
                same.evidence.extend(claim.evidence);
                same.evidence.truncate(3);
                same.derived_from.extend(claim.derived_from);
            }
            None => proved.push(claim),
        }
    }
    proved
}

fn refused<N>(claims: &[Claim<N>]) -> Vec<Cause> {
    let mut causes: Vec<Cause> = claims.iter().map(|claim| claim.cause).collect();
    causes.sort();
    causes.dedup();
    causes
}

/// The reason that is reported when no claim holds.
pub(crate) fn unexplained(refused: Vec<Cause>, evidence: Vec<Evidence>) -> Unexplained {
    let reason = match refused.len() {
        0 => "no known cause fits",
        _ => "the causes that were claimed do not account for all that differs",
    };
    Unexplained { reason: reason.to_owned(), refused, evidence }
}
