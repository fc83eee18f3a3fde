//! The check `fod-hash`: compares the wheelhouse of each target with the ledger and between the
//! rounds.

use std::collections::BTreeMap;

use base::vocabulary::Outcome;

use crate::check::Check;
use crate::rounds::Finished;
use crate::rounds::round::Wheelhouse;

/// Judges all targets of the recipe. `fetched` has the wheelhouses of each round that fetched,
/// `finished` what was built of the first target's: files and ledger may have changed in between.
pub(crate) fn check(fetched: &[Vec<Wheelhouse>], finished: &[Finished]) -> Check {
    let mut check = Check { name: "fod-hash", outcome: Outcome::Good, detail: Vec::new() };
    let mut hashes: BTreeMap<&str, &str> = BTreeMap::new();
    for Wheelhouse { target, nar_hash, golden, golden_detail } in fetched.iter().flatten() {
        let other = hashes.insert(target, nar_hash);
        if other != Some(nar_hash.as_str()) {
            judge(&mut check, target, golden, golden_detail);
        }
        same(&mut check, target, other, nar_hash);
    }
    let target = fetched.iter().flatten().next().map_or("", |first| first.target.as_str());
    for Finished { built, .. } in finished {
        let other = hashes.insert(target, &built.fod_hash);
        if check.outcome < Outcome::GoldenMismatch && !is_golden(&built.golden) {
            judge(&mut check, target, &built.golden, &built.golden_detail);
        }
        same(&mut check, target, other, &built.fod_hash);
    }
    check
}

/// A target that the ledger does not know is not the golden one either: nothing pins it.
fn judge(check: &mut Check, target: &str, golden: &str, detail: &[String]) {
    if !is_golden(golden) {
        check.outcome = check.outcome.max(Outcome::GoldenMismatch);
    }
    let mut lines = detail.iter();
    check.detail.extend(lines.next().map(|first| format!("{target}: {first}")));
    check.detail.extend(lines.cloned());
}

fn same(check: &mut Check, target: &str, one: Option<&str>, other: &str) {
    if let Some(one) = one.filter(|one| *one != other) {
        check.outcome = check.outcome.max(Outcome::NotReproducible);
        let what = format!("{target}: two rounds fetched different wheelhouses");
        check.detail.extend([what, format!("  {one}"), format!("  {other}")]);
    }
}

fn is_golden(word: &str) -> bool {
    ["same", "lock-changed-only"].contains(&word)
}
