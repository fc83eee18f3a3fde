//! The changes between two toolchain locks, for people: package, old version, new version. If the
//! bytes change under the same version, that change needs the most attention.

use std::collections::{BTreeMap, BTreeSet};

use super::{LockedPackage, LockedToolchain, ToolchainLock};

pub(super) fn changes(old: &ToolchainLock, new: &ToolchainLock) -> Vec<String> {
    let targets: BTreeSet<&String> = old.targets.keys().chain(new.targets.keys()).collect();
    let mut lines = Vec::new();
    for target in targets {
        let below = match (old.targets.get(target), new.targets.get(target)) {
            (Some(old), Some(new)) => of_target(old, new),
            (None, Some(new)) => vec![format!("new, {} packages", new.packages.len())],
            (Some(_), None) => vec!["no longer locked".to_owned()],
            (None, None) => Vec::new(),
        };
        lines.extend(below.into_iter().map(|line| format!("{target}  {line}")));
    }
    lines
}

fn of_target(old: &LockedToolchain, new: &LockedToolchain) -> Vec<String> {
    let mut lines = Vec::new();
    let mut moved = |what: &str, old: &str, new: &str| {
        if old != new {
            lines.push(format!("{what}: {old} → {new}"));
        }
    };
    moved("suite", &old.suite, &new.suite);
    moved("architecture", &old.architecture, &new.architecture);
    moved("uv", &old.uv.version, &new.uv.version);
    let by_name = |locked: &LockedToolchain| -> BTreeMap<String, LockedPackage> {
        let named = |it: &LockedPackage| (it.package.name.clone(), it.clone());
        locked.packages.iter().map(named).collect()
    };
    let (before, after) = (by_name(old), by_name(new));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        lines.extend(match (before.get(name), after.get(name)) {
            (Some(old), Some(new)) => of_package(old, new),
            (None, Some(new)) => Some(format!("{name}: new, {}", new.package.version)),
            (Some(old), None) => Some(format!("{name}: gone, was {}", old.package.version)),
            (None, None) => None,
        });
    }
    lines
}

fn of_package(old: &LockedPackage, new: &LockedPackage) -> Option<String> {
    let (name, from, to) = (&new.package.name, &old.package.version, &new.package.version);
    if from != to {
        return Some(format!("{name}: {from} → {to}"));
    }
    if old.package.sha256 != new.package.sha256 {
        return Some(format!(
            "{name}: {from}, the same version with other bytes: sha256:{} → sha256:{}",
            old.package.sha256, new.package.sha256
        ));
    }
    (old.path != new.path).then(|| format!("{name}: {from} moved to `{}`", new.path))
}
