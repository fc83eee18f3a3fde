//! The build requirements for each target. One entry of the build lock serves all targets of a
//! recipe. If they agree, the entry lists the requirements once. If markers or the files on the
//! indexes make them differ, it has a part for each target.

use std::collections::{BTreeMap, BTreeSet};

use base::packaging::PackageName;

use super::Requirement;
use base::vocabulary::{Problem, Target};

/// What a build needs on one target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// [`Demands::extra_requires`](super::Demands::extra_requires): a change of these makes the
    /// entry stale.
    pub extra_requires: BTreeSet<String>,
    /// What was asked for, as PEP 508 texts: `[build-system] requires`, the backend's
    /// `get_requires_for_build_wheel`, and what recipe and project add.
    pub requires: BTreeSet<String>,
    /// What that resolved to.
    pub requirements: BTreeSet<Requirement>,
    /// The build requirements that are built from source first.
    pub from_source: BTreeSet<PackageName>,
}

impl Needs {
    /// What is built from source first.
    pub fn built(&self) -> impl Iterator<Item = &Requirement> {
        self.requirements.iter().filter(|it| self.from_source.contains(&it.name))
    }

    /// What comes as a wheel.
    pub fn wheels(&self) -> impl Iterator<Item = &Requirement> {
        self.requirements.iter().filter(|it| !self.from_source.contains(&it.name))
    }
}

/// What a build needs, by target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ByTarget {
    /// The same on every target.
    Same(Needs),
    /// By the target's name, such as `cp314-x86_64-manylinux_2_39`.
    Differs(BTreeMap<String, Needs>),
}

impl Default for ByTarget {
    fn default() -> Self {
        Self::Differs(BTreeMap::new())
    }
}

impl ByTarget {
    /// What is needed on `target`; `None` if it was not locked.
    pub fn get(&self, target: &Target) -> Option<&Needs> {
        match self {
            Self::Same(needs) => Some(needs),
            Self::Differs(parts) => parts.get(&target.to_string()),
        }
    }

    /// As [`ByTarget::get`], for a build named `whose`.
    ///
    /// # Errors
    /// It was not locked for that target.
    pub fn of(&self, whose: &str, target: &Target) -> Result<&Needs, Problem> {
        self.get(target).ok_or_else(|| {
            let locked: Vec<&str> = self.targets().collect();
            Problem::new(format!("the build lock has no entry of `{whose}` for {target}"))
                .fact("locked for", locked.join("\n"))
                .hint("`lockstep build-lock` locks every target of the recipe")
        })
    }

    /// Adds what is needed on `target`.
    pub fn insert(&mut self, target: &Target, needs: Needs) {
        if let Self::Differs(parts) = self {
            parts.insert(target.to_string(), needs);
        }
    }

    /// The same, said once if all targets agree.
    #[must_use]
    pub fn simplified(self) -> Self {
        match self {
            Self::Differs(parts) if all_equal(parts.values()) => match parts.into_values().next() {
                Some(needs) => Self::Same(needs),
                None => Self::default(),
            },
            other => other,
        }
    }

    /// Every part, with the targets that it is of; none are named where all agree.
    pub fn parts(&self) -> Vec<(BTreeSet<String>, &Needs)> {
        let parts = match self {
            Self::Same(needs) => return vec![(BTreeSet::new(), needs)],
            Self::Differs(parts) => parts,
        };
        let mut groups: Vec<(BTreeSet<String>, &Needs)> = Vec::new();
        for (target, needs) in parts {
            match groups.iter_mut().find(|(_, other)| *other == needs) {
                Some((targets, _)) => {
                    targets.insert(target.clone());
                }
                None => groups.push(([target.clone()].into(), needs)),
            }
        }
        groups
    }

    /// What is needed on any target.
    pub fn all(&self) -> impl Iterator<Item = &Needs> {
        self.parts().into_iter().map(|(_, needs)| needs)
    }

    fn targets(&self) -> impl Iterator<Item = &str> {
        let parts = match self {
            Self::Same(_) => None,
            Self::Differs(parts) => Some(parts),
        };
        parts.into_iter().flatten().map(|(target, _)| target.as_str())
    }
}

fn all_equal<'a>(mut needs: impl Iterator<Item = &'a Needs>) -> bool {
    let first = needs.next();
    needs.all(|it| Some(it) == first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(requires: &str) -> Needs {
        Needs { requires: [requires.to_owned()].into(), ..Needs::default() }
    }

    #[test]
    fn what_all_targets_need_is_said_once() {
        let target = |python, platform| Target::new(python, platform).unwrap();
        let [linux, mac] = [target("3.14", "linux"), target("3.14", "macos")];
        let old = target("3.10", "linux");
        let mut by_target = ByTarget::default();
        by_target.insert(&linux, needs("a"));
        by_target.insert(&old, needs("a"));
        assert_eq!(by_target.clone().simplified(), ByTarget::Same(needs("a")));
        by_target.insert(&mac, needs("b"));
        let by_target = by_target.simplified();
        assert_eq!(by_target.get(&mac), Some(&needs("b")));
        let targets: Vec<usize> = by_target.parts().iter().map(|(names, _)| names.len()).collect();
        assert_eq!(targets, [2, 1]);
        let problem = by_target.of("x", &target("3.12", "linux")).unwrap_err();
        assert!(problem.to_string().contains("cp312-linux"), "{problem}");
    }
}
