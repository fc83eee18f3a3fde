//! The build graph: which distribution must be built before which other one can be. It is acyclic
//! by contract, unlike the runtime graph, and has no edge in common with it: a runtime dependency
//! is never an input of a build.

use std::collections::{BTreeMap, BTreeSet};

use uv_normalize::PackageName;

use crate::build_lock::BuildLock;
use crate::resolve::{Distribution, Resolution};
use crate::vocabulary::Problem;

/// The distributions that are built from source, with what each of them waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildGraph {
    edges: BTreeMap<PackageName, BTreeSet<PackageName>>,
}

impl BuildGraph {
    /// The graph of what `resolution` builds.
    ///
    /// # Errors
    /// A build requirement that must be built from source and is not part of the resolution in
    /// that version; a cycle, with its path.
    pub fn new(resolution: &Resolution, build_lock: &BuildLock) -> Result<Self, Problem> {
        let mut edges = BTreeMap::new();
        for distribution in resolution.distributions.iter().filter(|it| it.artifact.is_built()) {
            let build = build_lock.of(distribution)?;
            for name in &build.from_source {
                let requirement = build.requirements.iter().find(|it| it.name == *name);
                check_edge(distribution, name, requirement, resolution.get(name))?;
            }
            edges.insert(distribution.name.clone(), build.from_source.clone());
        }
        let graph = Self { edges };
        graph.check_acyclic()?;
        Ok(graph)
    }

    /// The distributions that are built, sorted by name.
    pub fn names(&self) -> impl Iterator<Item = &PackageName> {
        self.edges.keys()
    }

    /// What `name` waits for.
    pub fn waits_for(&self, name: &PackageName) -> &BTreeSet<PackageName> {
        static NONE: BTreeSet<PackageName> = BTreeSet::new();
        self.edges.get(name).unwrap_or(&NONE)
    }

    /// Everything that waits for `name`, directly or not.
    pub fn dependents(&self, name: &PackageName) -> usize {
        let direct = self.edges.iter().filter(|(_, needs)| needs.contains(name));
        direct.map(|(dependent, _)| 1 + self.dependents(dependent)).sum()
    }

    /// Depth first with an explicit stack: a cycle of any length is reported, never overflowed on.
    fn check_acyclic(&self) -> Result<(), Problem> {
        let mut done: BTreeSet<&PackageName> = BTreeSet::new();
        for start in self.edges.keys() {
            let mut path = vec![(start, self.waits_for(start).iter())];
            let mut open: BTreeSet<&PackageName> = [start].into();
            while let Some((name, needs)) = path.last_mut() {
                let name = *name;
                let Some(next) = needs.find(|need| !done.contains(need)) else {
                    open.remove(name);
                    done.insert(name);
                    path.pop();
                    continue;
                };
                if !open.insert(next) {
                    let cycle_names = path.iter().map(|(name, _)| *name);
                    return Err(cycle(
                        &cycle_names.skip_while(|name| *name != next).collect::<Vec<_>>(),
                    ));
                }
                path.push((next, self.waits_for(next).iter()));
            }
        }
        Ok(())
    }
}

/// What is waited for must be something that is built, in the version that was locked.
fn check_edge(
    distribution: &Distribution,
    name: &PackageName,
    requirement: Option<&crate::build_lock::Requirement>,
    found: Option<&Distribution>,
) -> Result<(), Problem> {
    let built = found.filter(|found| found.artifact.is_built());
    let version = built.and_then(|found| found.version.as_ref());
    if version.is_some() && version == requirement.map(|it| &it.version) {
        return Ok(());
    }
    let wanted = requirement.map_or_else(|| name.to_string(), ToString::to_string);
    let shown = match (found, version) {
        (None, _) => "not installed".to_owned(),
        (Some(_), None) => "installed, but not built from source".to_owned(),
        (Some(_), Some(version)) => version.to_string(),
    };
    Err(Problem::new(format!(
        "the build of `{}` needs `{wanted}` built from source, which the resolution does not build",
        distribution.name
    ))
    .fact("at run time", shown)
    .hint(format!(
        "`cargo xtask build-lock` writes the build lock anew; `override.{}.build.extra-requires` can pin the \
         version of the run time",
        distribution.name
    )))
}

fn cycle(names: &[&PackageName]) -> Problem {
    let shown: Vec<String> = names.iter().chain(names.first()).map(ToString::to_string).collect();
    Problem::new("build requirements form a cycle")
        .fact("cycle", shown.join(" → "))
        .hint("let one of them come as a wheel: take it out of `no-binary`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &[&str])]) -> BuildGraph {
        let name = |name: &str| name.parse::<PackageName>().unwrap();
        let edges =
            edges.iter().map(|(from, to)| (name(from), to.iter().map(|to| name(to)).collect()));
        BuildGraph { edges: edges.collect() }
    }

    #[test]
    fn cycles_are_named() {
        let graph = graph(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"]), ("d", &[])]);
        let problem = graph.check_acyclic().unwrap_err().to_string();
        assert!(problem.contains("b → c → b"), "{problem}");
    }

    #[test]
    fn a_long_chain_does_not_overflow() {
        let names: Vec<String> = (0..20_000).map(|number| format!("n{number:05}")).collect();
        let name = |name: &String| name.parse::<PackageName>().unwrap();
        let mut edges: BTreeMap<_, BTreeSet<_>> =
            names.windows(2).map(|pair| (name(&pair[0]), [name(&pair[1])].into())).collect();
        edges.insert(name(&names[19_999]), BTreeSet::new());
        assert!(BuildGraph { edges: edges.clone() }.check_acyclic().is_ok());
        edges.insert(name(&names[19_999]), [name(&names[0])].into());
        assert!(BuildGraph { edges }.check_acyclic().is_err());
    }

    #[test]
    fn dependents_are_counted_through() {
        let graph = graph(&[("a", &[]), ("b", &["a"]), ("c", &["b"])]);
        assert_eq!(graph.dependents(&"a".parse().unwrap()), 2);
    }
}
