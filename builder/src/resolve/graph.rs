//! Which packages of a lock a selection reaches. Cycles are allowed: a package is visited once for
//! itself and once for each of its extras.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::str::FromStr;

use uv_normalize::{ExtraName, GroupName, PackageName};
use uv_pep508::MarkerTree;

use crate::lock::{ConflictItem, ConflictKind, DefaultGroups, Edge, Lock, Package};
use crate::pyproject::Pyproject;
use crate::recipe::{Selection, nearest};
use crate::vocabulary::{Problem, Target};

/// The packages that a selection reaches, sorted by name.
pub(super) struct Reached<'a> {
    pub(super) root: PackageName,
    pub(super) packages: Vec<&'a Package>,
}

/// A package, and which of its parts: itself, or an extra.
type Node = (usize, Option<ExtraName>);

pub(super) fn reach<'a>(
    lock: &'a Lock,
    pyproject: &Pyproject,
    target: &Target,
    selection: &Selection,
) -> Result<Reached<'a>, Problem> {
    check_target(lock, target)?;
    let root = root(lock, selection)?;
    check_extras(root, selection)?;
    let groups = groups(root, pyproject, selection)?;

    // Markers may ask whether a member of a conflict set is selected, and a dependency may select
    // one. Each round knows the members that the round before it found; what is found only grows,
    // so this ends.
    let mut active = selected(root, selection, &groups);
    check_conflicts(lock, &active)?;
    loop {
        let mut walk = Walk::new(lock, target, &active);
        walk.start(root, &selection.extras, &groups)?;
        walk.run()?;
        let found = walk.found_items();
        if found.is_subset(&active) {
            check_conflicts(lock, &active)?;
            return Ok(Reached { root: root.name.clone(), packages: walk.packages()? });
        }
        active.extend(found);
    }
}

fn check_target(lock: &Lock, target: &Target) -> Result<(), Problem> {
    let python = &target.markers().python_full_version().version;
    if let Some(required) = &lock.requires_python
        && !required.contains(python)
    {
        return Err(Problem::usage("`uv.lock` was not locked for this Python version")
            .fact("target", target.python())
            .fact("requires-python", required)
            .hint("change `target.python` of the recipe, or lock again for that version"));
    }
    let supported = &lock.supported_markers;
    if !supported.is_empty() && !supported.iter().any(|it| it.evaluate(target.markers(), &[])) {
        let shown: Vec<String> =
            supported.iter().filter_map(|marker| marker.try_to_string()).collect();
        return Err(Problem::usage("`uv.lock` was not locked for this platform")
            .fact("target", target.platform())
            .fact("environments", shown.join("\n"))
            .hint(
                "change `target.platforms`, or add it to `tool.uv.environments` and lock again",
            ));
    }
    Ok(())
}

fn root<'a>(lock: &'a Lock, selection: &Selection) -> Result<&'a Package, Problem> {
    let Some(name) = &selection.project else {
        return lock.root().ok_or_else(|| {
            let members: Vec<String> = lock.members.iter().map(ToString::to_string).collect();
            Problem::usage("`uv.lock` has no project at its root")
                .fact("members", members.join(", "))
                .hint("name one of the members with `project.name` in the recipe")
        });
    };
    lock.named(name).next().ok_or_else(|| {
        let problem = Problem::usage(format!("`uv.lock` has no project `{name}`"));
        match nearest(name.as_ref(), lock.names().map(AsRef::as_ref)) {
            Some(name) => problem.hint(format!("did you mean `{name}`?")),
            None => problem.hint("`project.name` of the recipe names it"),
        }
    })
}

fn check_extras(root: &Package, selection: &Selection) -> Result<(), Problem> {
    for extra in &selection.extras {
        if !root.provides_extras.contains(extra) && !root.extras.contains_key(extra) {
            let valid = root.provides_extras.iter().map(AsRef::as_ref);
            return Err(absent("extra", extra.as_ref(), root, valid.collect()));
        }
    }
    Ok(())
}

fn groups(
    root: &Package,
    pyproject: &Pyproject,
    selection: &Selection,
) -> Result<BTreeSet<GroupName>, Problem> {
    let declared: BTreeSet<&GroupName> = root.groups.keys().chain(&root.provides_groups).collect();
    let mut groups = selection.groups.clone();
    if selection.default_groups {
        let dev = GroupName::from_str("dev").expect("`dev` is a name");
        // A member has its own; what a lock before revision 5 does not say, only the root's
        // `pyproject.toml` does.
        let of_root = pyproject.uv.default_groups.as_ref();
        let of_root = of_root.filter(|_| root.source.local_path() == Some("."));
        match root.default_groups.as_ref().or(of_root) {
            Some(DefaultGroups::All) => groups.extend(declared.iter().copied().cloned()),
            Some(DefaultGroups::Some(names)) => groups.extend(names.iter().cloned()),
            None if declared.contains(&dev) => groups.extend([dev]),
            None => {}
        }
    }
    if let Some(group) = groups.iter().find(|group| !declared.contains(group)) {
        let valid = declared.iter().map(std::convert::AsRef::as_ref);
        return Err(absent("group", group.as_ref(), root, valid.collect()));
    }
    Ok(groups)
}

fn absent(kind: &str, name: &str, root: &Package, valid: Vec<&str>) -> Problem {
    let problem = Problem::usage(format!("`{}` has no {kind} `{name}`", root.name))
        .fact(format!("{kind}s"), if valid.is_empty() { "none".into() } else { valid.join(", ") });
    match nearest(name, valid) {
        Some(valid) => problem.hint(format!("did you mean `{valid}`?")),
        None => problem.hint(format!("`project.{kind}s` of the recipe names it")),
    }
}

fn selected(
    root: &Package,
    selection: &Selection,
    groups: &BTreeSet<GroupName>,
) -> BTreeSet<ConflictItem> {
    let item = |kind| ConflictItem { package: root.name.clone(), kind };
    let extras = selection.extras.iter().cloned().map(ConflictKind::Extra);
    let groups = groups.iter().cloned().map(ConflictKind::Group);
    extras.chain(groups).chain([ConflictKind::Project]).map(item).collect()
}

fn check_conflicts(lock: &Lock, active: &BTreeSet<ConflictItem>) -> Result<(), Problem> {
    for set in &lock.conflicts {
        let selected: Vec<&ConflictItem> = set.iter().filter(|it| active.contains(it)).collect();
        if let [first, second, ..] = selected[..] {
            let set: Vec<String> = set.iter().map(ToString::to_string).collect();
            return Err(Problem::usage(format!("{first} and {second} conflict"))
                .fact("conflict set", set.join(", "))
                .hint("select at most one of them"));
        }
    }
    Ok(())
}

/// uv's encoding of a member of a conflict set inside a marker's `extra == '…'`: the length makes
/// `a-b` + `c` different from `a` + `b-c`.
fn encoded(item: &ConflictItem) -> Option<ExtraName> {
    let package = item.package.to_string();
    let text = match &item.kind {
        ConflictKind::Extra(extra) => format!("extra-{}-{package}-{extra}", package.len()),
        ConflictKind::Group(group) => format!("group-{}-{package}-{group}", package.len()),
        ConflictKind::Project => format!("project-{}-{package}", package.len()),
    };
    ExtraName::from_str(&text).ok()
}

struct Walk<'a, 't> {
    lock: &'a Lock,
    target: &'t Target,
    active: Vec<ExtraName>,
    /// Candidates by name: packages whose fork includes the target.
    candidates: BTreeMap<&'a PackageName, Vec<usize>>,
    queue: VecDeque<Node>,
    /// Who asked for a node first, for messages.
    parents: BTreeMap<Node, Option<usize>>,
}

impl<'a, 't> Walk<'a, 't> {
    fn new(lock: &'a Lock, target: &'t Target, active: &BTreeSet<ConflictItem>) -> Self {
        let mut walk = Self {
            lock,
            target,
            active: active.iter().filter_map(encoded).collect(),
            candidates: BTreeMap::new(),
            queue: VecDeque::new(),
            parents: BTreeMap::new(),
        };
        for (index, package) in lock.packages.iter().enumerate() {
            let forks = &package.fork_markers;
            if forks.is_empty() || forks.iter().any(|marker| walk.holds(*marker)) {
                walk.candidates.entry(&package.name).or_default().push(index);
            }
        }
        walk
    }

    fn holds(&self, marker: MarkerTree) -> bool {
        marker.is_true() || marker.evaluate(self.target.markers(), &self.active)
    }

    /// Whether an edge counts. uv writes into its marker that the extras that it selects are
    /// selected, if they are in a conflict set; so they are taken to be.
    fn counts(&self, edge: &Edge) -> bool {
        if self.lock.conflicts.is_empty() || edge.extras.is_empty() {
            return self.holds(edge.marker);
        }
        let item = |extra: &ExtraName| ConflictItem {
            package: edge.name.clone(),
            kind: ConflictKind::Extra(extra.clone()),
        };
        let own = edge.extras.iter().filter_map(|extra| encoded(&item(extra)));
        let active: Vec<ExtraName> = self.active.iter().cloned().chain(own).collect();
        edge.marker.evaluate(self.target.markers(), &active)
    }

    fn start(
        &mut self,
        root: &Package,
        extras: &BTreeSet<ExtraName>,
        groups: &BTreeSet<GroupName>,
    ) -> Result<(), Problem> {
        let same = |package: &Package| std::ptr::eq(package, root);
        let index = self.lock.packages.iter().position(same).expect("the root is of this lock");
        self.push((index, None), None);
        for extra in extras {
            self.push((index, Some(extra.clone())), None);
        }
        for edge in groups.iter().filter_map(|group| root.groups.get(group)).flatten() {
            self.follow(index, edge)?;
        }
        Ok(())
    }

    fn run(&mut self) -> Result<(), Problem> {
        while let Some((index, extra)) = self.queue.pop_front() {
            let package = &self.lock.packages[index];
            let edges = match &extra {
                None => Some(&package.dependencies),
                // An extra that adds nothing on any platform is not in the lock.
                Some(extra) => package.extras.get(extra),
            };
            for edge in edges.into_iter().flatten() {
                self.follow(index, edge)?;
            }
        }
        Ok(())
    }

    fn follow(&mut self, from: usize, edge: &Edge) -> Result<(), Problem> {
        if !self.counts(edge) {
            return Ok(());
        }
        let index = self.find(from, edge)?;
        self.push((index, None), Some(from));
        for extra in &edge.extras {
            self.push((index, Some(extra.clone())), Some(from));
        }
        Ok(())
    }

    fn push(&mut self, node: Node, parent: Option<usize>) {
        if let std::collections::btree_map::Entry::Vacant(entry) = self.parents.entry(node.clone())
        {
            entry.insert(parent);
            self.queue.push_back(node);
        }
    }

    /// The package that an edge means. uv leaves out version and source where the name alone is
    /// unambiguous in the whole lock, so an edge with them means exactly that package.
    fn find(&self, from: usize, edge: &Edge) -> Result<usize, Problem> {
        let fits = |index: &usize| {
            let package = &self.lock.packages[*index];
            let version = edge.version.as_ref();
            let source = edge.source.as_ref();
            version.is_none_or(|version| package.version.as_ref() == Some(version))
                && source.is_none_or(|source| package.source == *source)
        };
        let candidates = self.candidates.get(&edge.name).map(Vec::as_slice).unwrap_or_default();
        let fitting: Vec<usize> = candidates.iter().copied().filter(fits).collect();
        match fitting[..] {
            [index] => Ok(index),
            [] => Err(Problem::usage(format!("`uv.lock` has no `{}` that fits", edge.name))
                .fact("needed by", &self.lock.packages[from])
                .fact("for", self.target)
                .hint("the lock is damaged; `uv lock` writes it anew")),
            _ => Err(self.ambiguous(&edge.name, &fitting, Some(from))),
        }
    }

    fn ambiguous(&self, name: &PackageName, found: &[usize], from: Option<usize>) -> Problem {
        let shown: Vec<String> = found
            .iter()
            .map(|&index| {
                let package = &self.lock.packages[index];
                format!("{package} ({})", package.source)
            })
            .collect();
        let problem = Problem::usage(format!("`uv.lock` selects more than one `{name}`"))
            .fact("found", shown.join("\n"))
            .fact("for", self.target);
        let problem = match from {
            Some(from) => problem.fact("needed by", &self.lock.packages[from]),
            None => problem,
        };
        problem.hint("select one member of the conflict set that tells them apart, or lock again")
    }

    /// Every extra that was reached, as a member of a conflict set.
    fn found_items(&self) -> BTreeSet<ConflictItem> {
        let item = |(index, extra): &Node| {
            let kind = ConflictKind::Extra(extra.clone()?);
            Some(ConflictItem { package: self.lock.packages[*index].name.clone(), kind })
        };
        let reached: BTreeSet<ConflictItem> = self.parents.keys().filter_map(item).collect();
        // Only members of conflict sets can change what a marker says.
        let members = self.lock.conflicts.iter().flatten();
        members.filter(|item| reached.contains(item)).cloned().collect()
    }

    /// The packages that were reached; a name that was reached twice cannot be installed.
    fn packages(&self) -> Result<Vec<&'a Package>, Problem> {
        let mut by_name: BTreeMap<&PackageName, Vec<usize>> = BTreeMap::new();
        for index in self.parents.keys().map(|node| node.0).collect::<BTreeSet<_>>() {
            by_name.entry(&self.lock.packages[index].name).or_default().push(index);
        }
        let one = |(name, found): (&PackageName, Vec<usize>)| match found[..] {
            [index] => Ok(&self.lock.packages[index]),
            _ => Err(self.ambiguous(name, &found, None)),
        };
        by_name.into_iter().map(one).collect()
    }
}
