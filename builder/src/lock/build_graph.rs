//! The build graph: the order in which distributions must be built. Unlike the runtime graph it is
//! acyclic by contract. The two graphs share no edge: a runtime dependency is never an input of a
//! build.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::lock::build_lock::{BuildLock, LockedBuild, Requirement};
use crate::lock::resolve::Resolution;
use base::vocabulary::Problem;

mod name;

pub use name::BuildName;

/// Decides which build waits for which. The pipeline takes one through
/// [`Resolvers`](crate::lock::resolvers::Resolvers), so a caller can put another in place of
/// [`BuildLockResolver`], or one around it that changes its graph.
///
/// # Contract
/// - The graph is a function of resolution and build lock, without I/O.
/// - Its nodes are the distributions that the resolution builds from source, and the build
///   requirements that are built for them ([`BuildLock::tools_for`]), no more and no fewer.
/// - It has no cycle, not even of one: [`BuildGraph::new`] is the only way to make one, and reports
///   a cycle of any length with its path.
/// - A build sees the built wheels of what it waits for, and of nothing else.
pub trait BuildResolver: fmt::Debug + Send + Sync {
    /// Which build of a resolution waits for which.
    ///
    /// # Errors
    /// There is no order in which everything can be built.
    fn resolve(
        &self,
        resolution: &Resolution,
        build_lock: &BuildLock,
    ) -> Result<BuildGraph, Problem>;
}

/// Reads the build graph off the build lock.
///
/// A build requirement comes as a locked wheel, unless no wheel of it fits or the project wants it
/// built from source (`no-binary`): then the build waits for it. Is the same source installed, too,
/// it is built once, for both; else it is a node of its own, with build requirements of its own. So
/// common backends are no nodes, and what they need was resolved once, when the build lock was
/// made, for all builds that require the same.
///
/// What builds itself (bootstrap):
/// - A tree whose backend lies in it (`backend-path`, PEP 517) and that requires nothing, such as
///   setuptools or `flit_core`, waits for nothing.
/// - A distribution that requires itself is given a wheel of itself, locked as any other: a build
///   never waits for itself.
/// - Several that require each other are a cycle. One of them must come as a wheel.
#[derive(Debug, Clone, Copy, Default)]
pub struct BuildLockResolver;

impl BuildResolver for BuildLockResolver {
    /// # Errors
    /// A distribution that the build lock does not know; a build requirement that must be built
    /// from source and is neither installed nor locked in that version; a cycle, with its path.
    fn resolve(
        &self,
        resolution: &Resolution,
        build_lock: &BuildLock,
    ) -> Result<BuildGraph, Problem> {
        let mut edges = BTreeMap::new();
        for distribution in resolution.built() {
            let name = BuildName::Installed(distribution.name.clone());
            let waits = waits(&name, build_lock.of(distribution)?, resolution, build_lock)?;
            edges.insert(name, waits);
        }
        for (requirement, tool) in build_lock.tools_for(resolution)? {
            let name = BuildName::Tool(requirement.clone());
            let waits = waits(&name, &tool.build, resolution, build_lock)?;
            edges.insert(name, waits);
        }
        BuildGraph::new(edges)
    }
}

/// What a build waits for.
fn waits(
    name: &BuildName,
    build: &LockedBuild,
    resolution: &Resolution,
    build_lock: &BuildLock,
) -> Result<BTreeSet<BuildName>, Problem> {
    let needs = build.needs.of(&name.to_string(), &resolution.target)?;
    let of = |requirement| build_lock.build_of(requirement, resolution, name);
    needs.built().map(of).collect()
}

impl BuildLock {
    /// The build that makes a requirement which `whose` has and which is built from source.
    ///
    /// # Errors
    /// Nothing builds it in that version.
    pub fn build_of(
        &self,
        requirement: &Requirement,
        resolution: &Resolution,
        whose: &BuildName,
    ) -> Result<BuildName, Problem> {
        if self.tool(requirement, resolution).is_some() {
            return Ok(BuildName::Tool(requirement.clone()));
        }
        let found = resolution.get(&requirement.name);
        let built = found.filter(|found| found.artifact.is_built());
        let version = built.map(|found| found.version.as_ref());
        // The version of a dynamic one is known only when it is built.
        if version.is_some_and(|it| it.is_none_or(|version| *version == requirement.version)) {
            return Ok(BuildName::Installed(requirement.name.clone()));
        }
        let shown = match (found, version.flatten()) {
            (None, _) => "not installed".to_owned(),
            (Some(_), None) => "installed, but not built from source".to_owned(),
            (Some(_), Some(version)) => version.to_string(),
        };
        Err(Problem::new(format!(
            "the build of `{whose}` needs `{requirement}` built from source, which neither the \
             resolution nor the build lock builds"
        ))
        .fact("at run time", shown)
        .hint("`lockstep build-lock` rewrites the build lock"))
    }
}

/// The distributions that are built from source, with what each of them waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildGraph {
    edges: BTreeMap<BuildName, BTreeSet<BuildName>>,
}

impl BuildGraph {
    /// The graph of builds, each with what it waits for.
    ///
    /// # Errors
    /// A build that waits for what is not built; a cycle, with its path.
    pub fn new(edges: BTreeMap<BuildName, BTreeSet<BuildName>>) -> Result<Self, Problem> {
        for (name, needs) in &edges {
            if let Some(need) = needs.iter().find(|need| !edges.contains_key(need)) {
                return Err(Problem::new(format!(
                    "the build of `{name}` waits for `{need}`, which is not built from source"
                )));
            }
        }
        let graph = Self { edges };
        graph.check_acyclic()?;
        Ok(graph)
    }

    /// The part of the graph that the build of `name` is.
    ///
    /// # Errors
    /// `name` is not built from source.
    pub fn only(&self, name: &BuildName) -> Result<Self, Problem> {
        if !self.edges.contains_key(name) {
            let names: Vec<String> = self.names().map(ToString::to_string).collect();
            return Err(Problem::usage(format!("`{name}` is not built from source"))
                .fact("what is", names.join(", ")));
        }
        let mut edges = BTreeMap::new();
        let mut open = vec![name.clone()];
        while let Some(name) = open.pop() {
            let needs = self.waits_for(&name).clone();
            open.extend(needs.iter().filter(|need| !edges.contains_key(*need)).cloned());
            edges.insert(name, needs);
        }
        Ok(Self { edges })
    }

    /// The builds, each with what it waits for: what [`BuildGraph::new`] takes.
    pub fn into_edges(self) -> BTreeMap<BuildName, BTreeSet<BuildName>> {
        self.edges
    }

    /// A graph that is not checked, as tests need it.
    #[cfg(test)]
    pub(crate) fn of(edges: &[(&str, &[&str])]) -> Self {
        let name = |name: &&str| name.parse::<BuildName>().unwrap();
        let edges = edges.iter().map(|(from, to)| (name(from), to.iter().map(name).collect()));
        Self { edges: edges.collect() }
    }

    /// The builds, sorted by name.
    pub fn names(&self) -> impl Iterator<Item = &BuildName> {
        self.edges.keys()
    }

    /// What `name` waits for.
    pub fn waits_for(&self, name: &BuildName) -> &BTreeSet<BuildName> {
        static NONE: BTreeSet<BuildName> = BTreeSet::new();
        self.edges.get(name).unwrap_or(&NONE)
    }

    /// How many builds wait for each one, directly or not; each waiting build counts once.
    pub fn dependents(&self, name: &BuildName) -> usize {
        let mut waiting: BTreeMap<&BuildName, Vec<&BuildName>> = BTreeMap::new();
        for (dependent, needs) in &self.edges {
            for need in needs {
                waiting.entry(need).or_default().push(dependent);
            }
        }
        let mut found: BTreeSet<&BuildName> = BTreeSet::new();
        let mut open = vec![name];
        while let Some(name) = open.pop() {
            let direct = waiting.get(name).into_iter().flatten();
            open.extend(direct.filter(|dependent| found.insert(dependent)));
        }
        found.len()
    }

    /// Depth first with an explicit stack: a cycle of any length is reported, never overflowed on.
    fn check_acyclic(&self) -> Result<(), Problem> {
        let mut done: BTreeSet<&BuildName> = BTreeSet::new();
        for start in self.edges.keys() {
            let mut path = vec![(start, self.waits_for(start).iter())];
            let mut open: BTreeSet<&BuildName> = [start].into();
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

/// One line a build: `xmlsec: lxml`.
impl fmt::Display for BuildGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, needs) in &self.edges {
            let needs: Vec<String> = needs.iter().map(ToString::to_string).collect();
            writeln!(f, "{name}: {}", needs.join(" "))?;
        }
        Ok(())
    }
}

fn cycle(names: &[&BuildName]) -> Problem {
    let shown: Vec<String> = names.iter().chain(names.first()).map(ToString::to_string).collect();
    Problem::new("build requirements form a cycle")
        .fact("cycle", shown.join(" → "))
        .hint("let one of them come as a wheel: take it out of `no-binary`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &[&str])]) -> Result<BuildGraph, Problem> {
        BuildGraph::new(BuildGraph::of(edges).into_edges())
    }

    #[test]
    fn cycles_are_named() {
        for (edges, expected) in [
            (&[("a", &["b"][..]), ("b", &["c"]), ("c", &["b"]), ("d", &[])][..], "b → c → b"),
            (&[("a", &["a"])], "a → a"),
            (&[("a", &["b"])], "`b`, which is not built"),
        ] {
            let problem = graph(edges).unwrap_err().to_string();
            assert!(problem.contains(expected), "{problem}");
        }
    }

    #[test]
    fn a_long_chain_does_not_overflow() {
        let names: Vec<String> = (0..20_000).map(|number| format!("n{number:05}")).collect();
        let name = |name: &String| name.parse::<BuildName>().unwrap();
        let mut edges: BTreeMap<_, BTreeSet<_>> =
            names.windows(2).map(|pair| (name(&pair[0]), [name(&pair[1])].into())).collect();
        edges.insert(name(&names[19_999]), BTreeSet::new());
        let graph = BuildGraph::new(edges.clone()).unwrap();
        assert_eq!(graph.dependents(&name(&names[19_999])), 19_999);
        edges.insert(name(&names[19_999]), [name(&names[0])].into());
        assert!(BuildGraph::new(edges).is_err());
    }

    #[test]
    fn a_dependent_counts_once_on_however_many_ways_it_waits() {
        let chain = graph(&[("a", &[]), ("b", &["a"]), ("c", &["b"])]).unwrap();
        assert_eq!(chain.dependents(&"a".parse().unwrap()), 2);
        let diamond =
            graph(&[("a", &[]), ("b", &["a"]), ("c", &["a"]), ("d", &["b", "c"])]).unwrap();
        assert_eq!(diamond.dependents(&"a".parse().unwrap()), 3);
        // As many ways as 2^200: counting ways would not end.
        let name = |layer: usize, side: &str| format!("{side}{layer:03}").parse().unwrap();
        let needs = |layer: usize| match layer {
            0 => BTreeSet::new(),
            _ => ["l", "r"].map(|side| name(layer - 1, side)).into(),
        };
        let layers =
            (0..200).flat_map(|layer| ["l", "r"].map(|side| (name(layer, side), needs(layer))));
        let ladder = BuildGraph::new(layers.collect()).unwrap();
        assert_eq!(ladder.dependents(&name(0, "l")), 398);
    }
}
