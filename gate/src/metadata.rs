//! Whether a wheel requires what the lock has for it: `Requires-Dist` of its `METADATA` against the
//! edges of its package. What an override or an exclusion of the project replaced is left alone.

use std::collections::BTreeSet;

use base::dist_info::Metadata;
use base::packaging::{PackageName, VersionOrUrl};
use base::vocabulary::{Markers, Target};
use builder::lock::{Lock, Package};

use crate::finding::{Finding, listed};
use crate::reach::led_to;
use crate::rules::METADATA_DIFFERS;

/// What the metadata of a wheel has otherwise than the lock, on a target.
pub(crate) fn check(
    lock: &Lock,
    package: &Package,
    metadata: &Metadata,
    target: &Target,
    replaced: &BTreeSet<String>,
) -> Option<Finding> {
    let mut markers = Markers::default();
    let mut wrong = Vec::new();
    let mut required: BTreeSet<PackageName> = BTreeSet::new();
    let edges =
        package.dependencies.iter().filter(|edge| edge.marker.evaluate(target.markers(), &[]));
    let edges: Vec<_> = edges.collect();
    for text in &metadata.requires {
        // Old wheels have some that no tool reads; uv leaves them out as well.
        let Ok(requirement) = markers.requirement(text) else { continue };
        required.insert(requirement.name.clone());
        let counts = requirement.evaluate_markers(target.markers(), &[]);
        if !counts
            || replaced.contains(requirement.name.as_ref())
            || requirement.name == package.name
        {
            continue;
        }
        let Some(edge) = edges.iter().find(|edge| edge.name == requirement.name) else {
            wrong
                .push(format!("the wheel requires {requirement}, and the lock does not have that"));
            continue;
        };
        if let Some(VersionOrUrl::VersionSpecifier(wanted)) = &requirement.version_or_url {
            let outside = led_to(lock, edge)
                .filter_map(|it| it.version.as_ref())
                .all(|version| !wanted.contains(version));
            if outside && led_to(lock, edge).any(|it| it.version.is_some()) {
                wrong.push(format!(
                    "the wheel requires {requirement}, and the lock has another version"
                ));
            }
        }
    }
    let surplus = edges
        .iter()
        .map(|edge| &edge.name)
        .filter(|name| !required.contains(name) && !replaced.contains(name.as_ref()));
    let surplus: BTreeSet<&PackageName> = surplus.collect();
    if !surplus.is_empty() {
        wrong.push(format!(
            "the lock adds {}, which the wheel does not require",
            listed(surplus, 6)
        ));
    }
    (!wrong.is_empty()).then(|| {
        let message = format!("the lock has other dependencies of `{package}` than its wheel");
        Finding::new(&METADATA_DIFFERS, &package.name, message).detail(wrong)
    })
}
