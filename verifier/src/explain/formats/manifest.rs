//! `manifest.json` of a build: it counts the files and bytes of each distribution, so it differs if
//! they do. The claim is proved like any other: without the counts of distributions whose files
//! differ, the manifests must be equal.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::explain::prove::Claim;
use crate::explain::rewrite::Rewrite;
use crate::explain::{Cause, Evidence};

/// The name of the file, at the root of what is compared.
pub(crate) const NAME: &str = "manifest.json";

/// The fields of a distribution that follow from its files.
const COUNTS: [&str; 2] = ["files", "bytes"];

/// The claim that counts differ because files of the distributions in `differing` do; `None` if no
/// count differs. Names are normalised.
pub(crate) fn claim(texts: &[Vec<u8>; 2], differing: &BTreeSet<String>) -> Option<Claim<Rewrite>> {
    let [a, b] = [counts(&texts[0])?, counts(&texts[1])?];
    let mut derived = BTreeSet::new();
    let mut evidence = None;
    let mut from = Vec::new();
    for name in differing {
        let (Some(a), Some(b)) = (a.get(name), b.get(name)) else { continue };
        for (key, (a, b)) in COUNTS.iter().zip(a.iter().zip(b)).filter(|(_, (a, b))| a != b) {
            // As `serde_json` writes them, with a comma if it is not the last.
            for count in [a, b] {
                let line = format!("      \"{key}\": {count}");
                derived.extend([line.clone().into_bytes(), (line + ",").into_bytes()]);
            }
            let at = format!("{key} of {name}");
            evidence.get_or_insert_with(|| Evidence::new(at, a.to_string(), b.to_string()));
            from.push(name.clone());
        }
    }
    let evidence = evidence?;
    from.dedup();
    // Of both sides on both: another distribution may have the same count.
    let rewrite = Rewrite::Derived([derived.clone(), derived]);
    let proof = "without the counts of distributions whose files differ";
    let mut claim = Claim::new(Cause::DerivedRecord, rewrite, proof).evidence([evidence]);
    claim.derived_from = from;
    Some(claim.proved())
}

/// The counts of each distribution.
fn counts(text: &[u8]) -> Option<BTreeMap<String, [u64; 2]>> {
    let manifest: Value = serde_json::from_slice(text).ok()?;
    let distributions = manifest.get("distributions")?.as_array()?.iter();
    let count = |it: &Value, key| it.get(key).and_then(Value::as_u64).unwrap_or(0);
    let counted = distributions.filter_map(|it| {
        Some((it.get("name")?.as_str()?.to_owned(), COUNTS.map(|key| count(it, key))))
    });
    Some(counted.collect())
}
