//! Random locks: what holds of every resolution. The expected one is worked out a second time, from
//! the definition and as slowly as that is.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::graph::{shown, with_graph};
use super::*;

const EXTRAS: [&str; 2] = ["x", "y"];

/// An edge from a package, or from an extra of it, to another with some extras.
#[derive(Debug, Clone)]
struct Arrow {
    from: (usize, Option<usize>),
    to: usize,
    extras: BTreeSet<usize>,
    holds: bool,
}

/// Packages by number; 0 is the root.
#[derive(Debug, Clone)]
struct World {
    packages: usize,
    arrows: Vec<Arrow>,
    /// Packages of which there is another version, for another Python.
    forked: BTreeSet<usize>,
}

fn worlds() -> impl Strategy<Value = World> {
    (1..25_usize).prop_flat_map(|packages| {
        let extra = prop::option::of(0..EXTRAS.len());
        let extras = prop::collection::btree_set(0..EXTRAS.len(), 0..3);
        let arrow = ((0..packages, extra), 0..packages, extras, prop::bool::weighted(0.8))
            .prop_map(|(from, to, extras, holds)| Arrow { from, to, extras, holds });
        let forked = prop::collection::btree_set(1..packages.max(2), 0..4);
        (prop::collection::vec(arrow, 0..packages * 4), forked).prop_map(move |(arrows, forked)| {
            let forked = forked.into_iter().filter(|it| *it < packages).collect();
            World { packages, arrows, forked }
        })
    })
}

impl World {
    /// One `[[package]]` each; of what is forked, two.
    fn packages(&self) -> Vec<String> {
        let texts = (0..self.packages).flat_map(|number| {
            let this = self.package(number, "1");
            let other = self.forked.contains(&number).then(|| self.package(number, "2"));
            [this].into_iter().chain(other)
        });
        texts.collect()
    }

    fn package(&self, number: usize, version: &str) -> String {
        let tables = std::iter::once(None).chain((0..EXTRAS.len()).map(Some)).map(|part| {
            let arrows = self.arrows.iter().filter(|it| it.from == (number, part));
            let edges: Vec<String> = arrows.map(|arrow| self.edge(arrow)).collect();
            (part, edges.join(", "))
        });
        let mut more = String::new();
        for (part, edges) in tables {
            more += &match part {
                None => {
                    format!(
                        "dependencies = [{edges}]\n[package.metadata]\nprovides-extras = ['x', 'y']\n[package.optional-dependencies]\n"
                    )
                }
                Some(extra) => format!("{} = [{edges}]\n", EXTRAS[extra]),
            };
        }
        let fork = match (self.forked.contains(&number), version) {
            (false, _) => "",
            (true, "1") => "resolution-markers = [\"python_full_version >= '3.14'\"]\n",
            (true, _) => "resolution-markers = [\"python_full_version < '3.14'\"]\n",
        };
        let more = format!("{fork}{more}");
        match number {
            0 => format!(
                "[[package]]\nname = \"p0\"\nversion = \"1\"\nsource = {{ virtual = \".\" }}\n{more}"
            ),
            _ => wheel(&format!("p{number}"), version, &more),
        }
    }

    /// uv writes the version where the name alone would be ambiguous, or leaves that to the forks.
    fn edge(&self, arrow: &Arrow) -> String {
        let extras: Vec<String> =
            arrow.extras.iter().map(|it| format!("'{}'", EXTRAS[*it])).collect();
        let named = self.forked.contains(&arrow.to) && arrow.from.0.is_multiple_of(2);
        let version = if named { ", version = '1'" } else { "" };
        let marker = if arrow.holds { "linux" } else { "win32" };
        format!(
            "{{ name = 'p{}'{version}, extra = [{}], marker = \"sys_platform == '{marker}'\" }}",
            arrow.to,
            extras.join(", ")
        )
    }

    fn lock(&self, order: &[usize]) -> Lock {
        let packages = self.packages();
        lock(&order.iter().map(|&at| packages[at].clone()).collect::<String>())
    }

    /// The least set of parts that has the root and is closed: grown until nothing is added.
    fn expected(&self) -> BTreeSet<usize> {
        let mut parts: BTreeSet<(usize, Option<usize>)> = [(0, None)].into();
        loop {
            let before = parts.len();
            for arrow in self.arrows.iter().filter(|it| it.holds) {
                if parts.contains(&arrow.from) {
                    parts.insert((arrow.to, None));
                    parts.extend(arrow.extras.iter().map(|extra| (arrow.to, Some(*extra))));
                }
            }
            if parts.len() == before {
                return parts.into_iter().map(|(package, _)| package).collect();
            }
        }
    }
}

fn orders() -> impl Strategy<Value = (World, Vec<usize>)> {
    worlds().prop_flat_map(|world| {
        let order: Vec<usize> = (0..world.packages().len()).collect();
        (Just(world), Just(order).prop_shuffle())
    })
}

/// Every edge ends at a node, and every node but the root at some edge's end.
fn check_closed(graph: &RuntimeGraph<'_>) -> Result<(), TestCaseError> {
    let mut reached: BTreeSet<&PackageName> = graph.start().collect();
    let mut open: Vec<&PackageName> = reached.iter().copied().collect();
    while let Some(name) = open.pop() {
        prop_assert!(graph.nodes.contains_key(name), "`{name}` is needed and left out");
        let needed = graph.nodes[name].edges.iter().map(RuntimeEdge::to);
        open.extend(needed.filter(|name| reached.insert(name)));
    }
    prop_assert_eq!(reached.len(), graph.nodes.len(), "something is not needed");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_resolution_is_closed_and_has_nothing_that_is_not_needed((world, order) in orders()) {
        let lock = world.lock(&order);
        let selection = Selection::default();
        with_graph(&lock, &selection, |graph| check_closed(&graph)).unwrap()?;
        let found = resolved(&lock, &selection).unwrap();
        let mut expected: Vec<String> =
            world.expected().into_iter().map(|number| format!("p{number} 1")).collect();
        expected.sort();
        prop_assert_eq!(found, expected.join(", "));
    }

    #[test]
    fn the_order_of_the_packages_in_the_file_does_not_count((world, order) in orders()) {
        let sorted: Vec<usize> = (0..order.len()).collect();
        let [one, other] = [&sorted, &order].map(|order| world.lock(order));
        let selection = Selection::default();
        let graph = |lock| with_graph(lock, &selection, |graph| shown(&graph)).unwrap();
        prop_assert_eq!(graph(&one), graph(&other));
        prop_assert_eq!(resolved(&one, &selection).unwrap(), resolved(&other, &selection).unwrap());
    }

    #[test]
    fn cycles_of_any_length_end(
        length in 1..400_usize,
        chords in prop::collection::vec((0..400_usize, 0..400_usize), 0..20),
    ) {
        let ring = (0..length).map(|from| (from, (from + 1) % length));
        let chords = chords.into_iter().map(|(from, to)| (from % length, to % length));
        let arrows = ring.chain(chords).map(|(from, to)| Arrow {
            from: (from, None),
            to,
            extras: BTreeSet::new(),
            holds: true,
        });
        let world = World { packages: length, arrows: arrows.collect(), forked: BTreeSet::new() };
        let order: Vec<usize> = (0..length).collect();
        let found = resolved(&world.lock(&order), &Selection::default()).unwrap();
        prop_assert_eq!(found.split(", ").count(), length);
    }
}

#[test]
fn a_cycle_through_the_whole_of_a_large_lock_ends() {
    let arrow = |from| Arrow {
        from: (from, None),
        to: (from + 1) % 5_000,
        extras: [0, 1].into(),
        holds: true,
    };
    let text: String = (0..5_000)
        .map(|number| {
            let world =
                World { packages: 5_000, arrows: vec![arrow(number)], forked: BTreeSet::new() };
            world.package(number, "1")
        })
        .collect();
    let found = resolved(&lock(&text), &Selection::default()).unwrap();
    assert_eq!(found.split(", ").count(), 5_000);
}
