//! Runs each build as soon as its dependencies are built, up to a number at once, the most urgent
//! first. It does not know what a build is.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex};

use crate::lock::build_graph::{BuildGraph, BuildName};
use base::vocabulary::Problem;

/// The builds in the order in which they should start: what others wait for, and what takes
/// longest, first. The longest build decides when the last one ends, so it must not start late.
pub(super) fn by_urgency(
    graph: &BuildGraph,
    estimate: impl Fn(&BuildName) -> u64,
) -> Vec<BuildName> {
    let mut order: Vec<BuildName> = graph.names().cloned().collect();
    // The sort is stable and the names are sorted, so equal estimates keep a fixed order.
    order
        .sort_by_cached_key(|name| std::cmp::Reverse((graph.dependents(name) > 0, estimate(name))));
    order
}

struct State<T> {
    waiting: Vec<BuildName>,
    running: BTreeSet<BuildName>,
    done: BTreeMap<BuildName, T>,
    failed: Vec<(BuildName, Problem)>,
}

/// Runs `build` for each of `order`, on `jobs` threads; `build` gets the results of its
/// dependencies. After a failure the builds that do not depend on it continue, so one run reports
/// all failures; they are returned in the order in which they happened. A full disk stops
/// everything. A panic counts as a failure; otherwise its dependents would wait for ever.
pub(super) fn run<T: Clone + Send>(
    graph: &BuildGraph,
    order: &[BuildName],
    jobs: usize,
    build: impl Fn(&BuildName, &[(BuildName, T)]) -> Result<T, Problem> + Sync,
) -> Result<BTreeMap<BuildName, T>, Vec<(BuildName, Problem)>> {
    let state = Mutex::new(State {
        waiting: order.to_vec(),
        running: BTreeSet::new(),
        done: BTreeMap::new(),
        failed: Vec::new(),
    });
    let changed = Condvar::new();
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1).min(order.len()) {
            scope.spawn(|| {
                while let Some((name, needs)) = next(graph, &state, &changed) {
                    let built = catch_unwind(AssertUnwindSafe(|| build(&name, &needs)));
                    let result = built.unwrap_or_else(|panic| Err(panicked(&name, &*panic)));
                    let mut state = state.lock().expect("nothing panics while it holds the lock");
                    state.running.remove(&name);
                    match result {
                        Ok(product) => {
                            state.done.insert(name, product);
                        }
                        Err(problem) => state.failed.push((name, problem)),
                    }
                    changed.notify_all();
                }
            });
        }
    });
    let state = state.into_inner().expect("nothing panics while it holds the lock");
    if state.failed.is_empty() { Ok(state.done) } else { Err(state.failed) }
}

/// A bug of this tool, reported as the failure of the build that hit it.
fn panicked(name: &BuildName, panic: &(dyn Any + Send)) -> Problem {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    Problem::new(format!("the build of `{name}` ended in a bug of this program"))
        .fact("panic", text.unwrap_or("without a message"))
        .hint("report it with what was printed")
}

/// Waits for a build that can start, with what it needs; `None` when there will be none.
fn next<T: Clone>(
    graph: &BuildGraph,
    state: &Mutex<State<T>>,
    changed: &Condvar,
) -> Option<(BuildName, Vec<(BuildName, T)>)> {
    let mut state = state.lock().expect("nothing panics while it holds the lock");
    loop {
        if state.failed.iter().any(|(_, problem)| problem.full_disk) {
            return None;
        }
        leave_out(graph, &mut state);
        if state.waiting.is_empty() {
            return None;
        }
        let ready = |name: &BuildName| {
            graph.waits_for(name).iter().all(|need| state.done.contains_key(need))
        };
        if let Some(index) = state.waiting.iter().position(ready) {
            let name = state.waiting.remove(index);
            state.running.insert(name.clone());
            let need = |need: &BuildName| (need.clone(), state.done[need].clone());
            let needs = graph.waits_for(&name).iter().map(need).collect();
            return Some((name, needs));
        }
        if state.running.is_empty() {
            // The graph is checked before; if that is wrong, waiting would never end.
            let problem = Problem::new("the remaining builds wait for what is not built");
            let first = state.waiting.remove(0);
            state.waiting.clear();
            state.failed.push((first, problem));
            return None;
        }
        state = changed.wait(state).expect("nothing panics while it holds the lock");
    }
}

/// Drops the dependents of failed builds, direct or not: they are never started.
fn leave_out<T>(graph: &BuildGraph, state: &mut State<T>) {
    let mut lost: BTreeSet<BuildName> = state.failed.iter().map(|(name, _)| name.clone()).collect();
    loop {
        let is_lost = |name: &BuildName| graph.waits_for(name).iter().any(|it| lost.contains(it));
        let Some(index) = state.waiting.iter().position(is_lost) else { return };
        lost.insert(state.waiting.remove(index));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(texts: &[&str]) -> Vec<BuildName> {
        texts.iter().map(|name| name.parse().unwrap()).collect()
    }

    /// Runs builds of which `bad` fails; what was begun, and how it ended.
    fn begun(graph: &BuildGraph, order: &[&str], jobs: usize, bad: &str) -> (String, String) {
        let begun = Mutex::new(Vec::new());
        let result = run(graph, &names(order), jobs, |name, _| {
            begun.lock().unwrap().push(name.to_string());
            if name.to_string() == bad { Err(Problem::new(format!("`{bad}`"))) } else { Ok(()) }
        });
        let told = |failed: Vec<(BuildName, Problem)>| {
            failed.iter().map(|(_, problem)| problem.to_string()).collect::<Vec<_>>().join(" ")
        };
        let ended = result.map_or_else(told, |done| done.len().to_string());
        (begun.into_inner().unwrap().join(" "), ended)
    }

    #[test]
    fn what_others_wait_for_comes_first_and_then_the_longest() {
        let graph = BuildGraph::of(&[("a", &[]), ("b", &[]), ("c", &[]), ("d", &["b"])]);
        let order = by_urgency(&graph, |name| u64::from(name.to_string() == "c"));
        assert_eq!(order, names(&["b", "c", "a", "d"]));
    }

    #[test]
    fn each_build_waits_for_what_it_needs() {
        let graph = BuildGraph::of(&[("a", &["b"]), ("b", &["c"]), ("c", &[])]);
        for jobs in [0, 1, 3] {
            let (begun, ended) = begun(&graph, &["a", "b", "c"], jobs, "");
            assert_eq!((begun.as_str(), ended.as_str()), ("c b a", "3"), "{jobs}");
        }
    }

    #[test]
    fn after_a_failure_only_what_needs_it_is_left_out() {
        let graph = BuildGraph::of(&[("a", &[]), ("b", &["a"]), ("c", &[]), ("d", &["b"])]);
        let order = ["a", "b", "c", "d"];
        for jobs in [1, 3] {
            let (begun, ended) = begun(&graph, &order, jobs, "a");
            let mut begun: Vec<&str> = begun.split(' ').collect();
            begun.sort_unstable();
            assert_eq!((begun.join(" ").as_str(), ended.as_str()), ("a c", "`a`"), "{jobs}");
        }
    }

    #[test]
    fn a_full_disk_ends_everything() {
        let graph = BuildGraph::of(&[("a", &[]), ("b", &[])]);
        let begun = Mutex::new(0);
        let result: Result<BTreeMap<BuildName, u8>, _> =
            run(&graph, &names(&["a", "b"]), 1, |_, _| {
                *begun.lock().unwrap() += 1;
                Err(Problem { full_disk: true, ..Problem::new("full") })
            });
        assert_eq!((result.unwrap_err().len(), begun.into_inner().unwrap()), (1, 1));
    }

    /// Those that wait for a build that panics end, too, whatever number of threads waits.
    #[test]
    fn a_panic_is_the_failure_of_its_build() {
        let graph = BuildGraph::of(&[("a", &[]), ("b", &["a"]), ("c", &["a"])]);
        for jobs in [1, 3] {
            let result: Result<BTreeMap<BuildName, u8>, _> =
                run(&graph, &names(&["a", "b", "c"]), jobs, |name, _| panic!("bug in {name}"));
            let failed = result.unwrap_err();
            let [(_, problem)] = &failed[..] else { panic!("{failed:?}") };
            assert!(problem.what.contains("`a`"), "{problem}");
            assert!(problem.to_string().contains("bug in a"), "{problem}");
        }
    }

    #[test]
    fn a_wait_without_end_is_an_error() {
        let graph = BuildGraph::of(&[("a", &[]), ("b", &["nobody"]), ("c", &["b"])]);
        for jobs in [1, 2] {
            let (begun, ended) = begun(&graph, &["a", "b", "c"], jobs, "");
            assert_eq!(begun, "a");
            assert!(ended.contains("wait for what is not built"), "{ended}");
        }
    }
}
