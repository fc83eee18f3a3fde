//! One walk through a lock, breadth first, with a given set of selected members of conflict sets.
//! It looks at each edge once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::conflicts::{Members, item};
use super::graph::{Part, Roots, RuntimeEdge, RuntimeGraph, RuntimeNode, RuntimeRequest};
use crate::lock::{ConflictItem, Edge, Lock, Package};
use base::packaging::{ExtraName, Marker, PackageName};
use base::vocabulary::{Problem, Target};

pub(super) struct Walk<'a, 'm> {
    lock: &'a Lock,
    target: &'a Target,
    members: &'m Members,
    /// What is not installed although something requires it.
    dropped: &'a BTreeSet<PackageName>,
    /// The selected members, as markers name them.
    selected: Vec<ExtraName>,
    /// By position in the lock.
    nodes: BTreeMap<usize, RuntimeNode<'a>>,
    queue: VecDeque<(usize, Part<'a>)>,
    /// What the roots require and holds.
    required: Vec<&'a Edge>,
    /// The extras that dependencies ask for, with the first package that asks; roots that are not
    /// packages are not recorded.
    asked: BTreeMap<(usize, &'a ExtraName), Option<usize>>,
}

impl<'a, 'm> Walk<'a, 'm> {
    pub(super) fn run(
        request: &RuntimeRequest<'a>,
        members: &'m Members,
        selected: Vec<ExtraName>,
        roots: &Roots<'a>,
    ) -> Result<Self, Problem> {
        let mut walk = Self {
            lock: request.lock,
            target: request.target,
            members,
            dropped: &request.selection.dropped,
            selected,
            nodes: BTreeMap::new(),
            queue: VecDeque::new(),
            required: Vec::new(),
            asked: BTreeMap::new(),
        };
        for root in &roots.projects {
            let mut named = walk.lock.positions(&root.package.name).iter().copied();
            let at =
                named.find(|&at| std::ptr::eq(&raw const walk.lock.packages[at], root.package));
            let at = at.expect("the root is of this lock");
            for part in root.parts() {
                walk.reach(at, part);
            }
        }
        for edge in roots.requirements.iter().flat_map(|it| it.edges) {
            if walk.holds(edge) {
                walk.reach_edge(None, edge)?;
                walk.required.push(edge);
            }
        }
        while let Some((from, part)) = walk.queue.pop_front() {
            for edge in part.edges(&walk.lock.packages[from]) {
                if walk.holds(edge) {
                    walk.follow(from, part, edge)?;
                }
            }
        }
        Ok(walk)
    }

    fn follow(&mut self, from: usize, part: Part<'a>, edge: &'a Edge) -> Result<(), Problem> {
        self.reach_edge(Some(from), edge)?;
        let node = self.nodes.get_mut(&from).expect("what is in the queue was reached");
        node.edges.push(RuntimeEdge { part, requirement: edge });
        Ok(())
    }

    fn reach_edge(&mut self, from: Option<usize>, edge: &'a Edge) -> Result<(), Problem> {
        let to = self.find(from, edge)?;
        self.reach(to, Part::Itself);
        for extra in &edge.extras {
            self.reach(to, Part::Extra(extra));
            self.asked.entry((to, extra)).or_insert(from);
        }
        Ok(())
    }

    fn reach(&mut self, at: usize, part: Part<'a>) {
        let node = self.nodes.entry(at).or_insert_with(|| RuntimeNode {
            package: &self.lock.packages[at],
            parts: BTreeSet::new(),
            edges: Vec::new(),
        });
        if node.parts.insert(part) {
            self.queue.push_back((at, part));
        }
    }

    /// Whether an edge counts. Its marker may ask for an extra that the edge itself selects.
    fn holds(&self, edge: &Edge) -> bool {
        if self.dropped.contains(&edge.name) {
            return false;
        }
        if edge.marker.is_absent() {
            return true;
        }
        let own = edge.extras.iter().filter_map(|extra| self.members.extra(&edge.name, extra));
        let own: Vec<ExtraName> = own.collect();
        if own.is_empty() {
            return self.evaluate(&edge.marker);
        }
        edge.marker.evaluate(self.target.markers(), &[&self.selected[..], &own].concat())
    }

    fn evaluate(&self, marker: &Marker) -> bool {
        marker.evaluate(self.target.markers(), &self.selected)
    }

    /// The package that an edge means. uv leaves out version and source where the name alone is
    /// unambiguous in the whole lock, so an edge with them means exactly that package.
    fn find(&self, from: Option<usize>, edge: &Edge) -> Result<usize, Problem> {
        let fits = |at: &usize| {
            let package = &self.lock.packages[*at];
            let version = edge.version.as_ref();
            let source = edge.source.as_ref();
            version.is_none_or(|version| package.version.as_ref() == Some(version))
                && source.is_none_or(|source| package.source == *source)
        };
        let fitting = || self.lock.positions(&edge.name).iter().copied().filter(fits);
        let mut first_two = fitting();
        match (first_two.next(), first_two.next()) {
            (Some(only), None) => return Ok(only),
            (None, _) => {
                return Err(Problem::usage(format!("`uv.lock` has no `{}` that fits", edge.name))
                    .fact("needed by", self.asker(from))
                    .fact("for", self.target)
                    .hint("the lock is damaged; `uv lock` rewrites it"));
            }
            (Some(_), Some(_)) => {}
        }
        let of_this_fork: Vec<usize> = fitting().filter(|&at| self.in_fork(at)).collect();
        if let [only] = of_this_fork[..] {
            return Ok(only);
        }
        let problem = self.ambiguous(&edge.name, &fitting().collect::<Vec<_>>());
        Err(problem.fact("needed by", self.asker(from)))
    }

    fn in_fork(&self, at: usize) -> bool {
        let forks = &self.lock.packages[at].fork_markers;
        forks.is_empty() || forks.iter().any(|marker| self.evaluate(marker))
    }

    fn ambiguous(&self, name: &PackageName, found: &[usize]) -> Problem {
        let shown = |&at: &usize| {
            let package = &self.lock.packages[at];
            format!("{package} ({})", package.source)
        };
        let found: Vec<String> = found.iter().map(shown).collect();
        Problem::usage(format!("`uv.lock` selects more than one `{name}`"))
            .fact("found", found.join("\n"))
            .fact("for", self.target)
            .hint("select one member of the conflict set that distinguishes them, or lock again")
    }

    /// The extras that dependencies select, each with who does.
    pub(super) fn selected(&self) -> impl Iterator<Item = (ConflictItem, Option<String>)> {
        self.asked.iter().map(|(&(at, extra), &by)| {
            let package: &Package = &self.lock.packages[at];
            (item(&package.name, Part::Extra(extra)), Some(self.asker(by)))
        })
    }

    fn asker(&self, from: Option<usize>) -> String {
        from.map_or_else(|| "the selection".to_owned(), |at| self.lock.packages[at].to_string())
    }

    /// What was reached; a name that was reached twice cannot be installed.
    pub(super) fn into_graph(self, roots: Roots<'a>) -> Result<RuntimeGraph<'a>, Problem> {
        let mut by_name: BTreeMap<&PackageName, Vec<usize>> = BTreeMap::new();
        for (&at, node) in &self.nodes {
            by_name.entry(&node.package.name).or_default().push(at);
        }
        if let Some((name, found)) = by_name.iter().find(|(_, found)| found.len() > 1) {
            return Err(self.ambiguous(name, found));
        }
        let sorted = |mut node: RuntimeNode<'a>| {
            node.edges.sort_by_key(|edge| (edge.part, edge.to()));
            (&node.package.name, node)
        };
        let nodes = self.nodes.into_values().map(sorted).collect();
        Ok(RuntimeGraph { roots, required: self.required, nodes })
    }
}
