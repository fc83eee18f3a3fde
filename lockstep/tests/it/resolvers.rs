//! The resolvers as a caller of the library sees them: the build resolver's answers, and what may
//! be put in place of either.

use std::sync::Arc;

use base::recipe::Selection;
use base::vocabulary::{Problem, Target};
use builder::lock::Lock;
use builder::lock::build_graph::{BuildGraph, BuildLockResolver, BuildName, BuildResolver};
use builder::lock::build_lock::BuildLock;
use builder::lock::pyproject::Pyproject;
use builder::lock::resolve::{
    LockResolver, Resolution, RuntimeGraph, RuntimeRequest, RuntimeResolver, resolve,
};
use builder::lock::resolvers::Resolvers;

/// A lock of local projects, of which each needs the next one to run, and the first is the root.
fn lock(names: &[&str]) -> Lock {
    let mut text = String::from("version = 1\nrequires-python = '>=3.14'\n");
    for (index, name) in names.iter().enumerate() {
        let path = if index == 0 { "." } else { name };
        text += &format!(
            "[[package]]\nname = '{name}'\nversion = '1.0'\nsource = {{ directory = '{path}' }}\n"
        );
        if let Some(next) = names.get(index + 1) {
            text += &format!("dependencies = [{{ name = '{next}' }}]\n");
        }
    }
    Lock::parse(&text).unwrap()
}

fn target() -> Target {
    Target::new("3.14", "x86_64-manylinux_2_39").unwrap()
}

fn resolution(names: &[&str]) -> Resolution {
    resolve(&lock(names), &Pyproject::default(), &target(), &Selection::default()).unwrap()
}

/// A build lock; each build is a name, its requirements, and those of them that are built.
fn build_lock(builds: &[(&str, &[&str], &[&str])]) -> BuildLock {
    let mut text = String::from("version = 1\n");
    for (name, requirements, from_source) in builds {
        text += &format!(
            "[[build]]\nname = '{name}'\nsource = 'local:{name}'\nbackend = 'b'\nrequires = []\n\
             requirements = {requirements:?}\nfrom-source = {from_source:?}\n"
        );
    }
    for (wheel, version) in [("setuptools", "80.0"), ("a", "0.9")] {
        text += &format!(
            "[[wheel]]\nname = '{wheel}'\nversion = '{version}'\n\
             file = '{wheel}-{version}-py3-none-any.whl'\nsha256 = '{}'\n",
            base::vocabulary::Sha256::of(wheel)
        );
    }
    BuildLock::parse("test", &text).unwrap()
}

type Build = (&'static str, &'static [&'static str], &'static [&'static str]);

/// A rule, the builds, and the graph or words of the error.
type Case = (&'static str, &'static [Build], Result<&'static str, &'static [&'static str]>);

#[rustfmt::skip]
const CASES: [Case; 9] = [
    ("what comes as a wheel is no node", &[("a", &["setuptools==80.0"], &[]), ("b", &["setuptools==80.0"], &[])], Ok("a: \nb: \n")),
    ("a runtime dependency is no edge", &[("a", &[], &[]), ("b", &[], &[])], Ok("a: \nb: \n")),
    ("what is built is waited for", &[("a", &["b==1.0"], &["b"]), ("b", &[], &[])], Ok("a: b\nb: \n")),
    ("bootstrap: what builds itself with its own tree waits for nothing", &[("a", &[], &[]), ("b", &["a==1.0"], &["a"])], Ok("a: \nb: a\n")),
    ("bootstrap: what requires itself is built with a wheel of itself", &[("a", &["a==0.9"], &[]), ("b", &[], &[])], Ok("a: \nb: \n")),
    ("a cycle is reported with its path", &[("a", &["b==1.0"], &["b"]), ("b", &["a==1.0"], &["a"])], Err(&["build requirements form a cycle", "a → b → a", "come as a wheel"])),
    ("a cycle of one too", &[("a", &["a==1.0"], &["a"]), ("b", &[], &[])], Err(&["a → a"])),
    ("another version is built than is wanted", &[("a", &["b==2.0"], &["b"]), ("b", &[], &[])], Err(&["`b==2.0` built from source", "1.0", "build-lock"])),
    ("a build that is not locked", &[("a", &[], &[])], Err(&["no entry for `b`", "lockstep build-lock"])),
];

#[test]
fn the_build_graph_is_read_off_the_build_lock() {
    let mut wrong = Vec::new();
    for (rule, builds, expected) in CASES {
        let found = BuildLockResolver.resolve(&resolution(&["a", "b"]), &build_lock(builds));
        match (found, expected) {
            (Ok(graph), Ok(expected)) if graph.to_string() == expected => {}
            (Ok(graph), _) => wrong.push(format!("{rule}: {graph}")),
            (Err(problem), Err(words)) => {
                let text = format!("{problem} {}", problem.hint.clone().unwrap_or_default());
                if !words.iter().all(|it| text.contains(it)) {
                    wrong.push(format!("{rule}: {text}"));
                }
            }
            (Err(problem), Ok(_)) => wrong.push(format!("{rule}: {problem}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is installed without one distribution, as `RuntimeGraph::remove` leaves it, or left open.
#[derive(Debug)]
struct Without {
    name: &'static str,
    closed: bool,
}

impl RuntimeResolver for Without {
    fn resolve<'a>(&self, request: &RuntimeRequest<'a>) -> Result<RuntimeGraph<'a>, Problem> {
        let mut graph = LockResolver.resolve(request)?;
        let name = self.name.parse().unwrap();
        if self.closed {
            graph.remove(&name);
        } else {
            graph.nodes.remove(&name);
        }
        Ok(graph)
    }
}

/// Builds everything one after the other.
#[derive(Debug)]
struct OneByOne {
    forgets: &'static [&'static str],
}

impl BuildResolver for OneByOne {
    fn resolve(&self, resolution: &Resolution, _: &BuildLock) -> Result<BuildGraph, Problem> {
        let names = resolution.built().map(|it| &it.name);
        let names: Vec<_> = names.filter(|it| !self.forgets.contains(&it.as_ref())).collect();
        let edges = (0..names.len()).map(|index| {
            let name = |index: usize| BuildName::Installed(names[index].clone());
            let before = index.checked_sub(1).map(name);
            (name(index), before.into_iter().collect())
        });
        BuildGraph::new(edges.collect())
    }
}

#[test]
fn a_caller_replaces_the_runtime_resolver() {
    let (lock, target, selection) = (lock(&["a", "b", "c"]), target(), Selection::default());
    let pyproject = Pyproject::default();
    let request = RuntimeRequest {
        lock: &lock,
        pyproject: &pyproject,
        target: &target,
        selection: &selection,
    };
    let found = |name, closed| {
        let runtime = Arc::new(Without { name, closed });
        let found = Resolvers { runtime, ..Resolvers::default() }.resolution(&request)?;
        let names: Vec<String> = found.distributions.iter().map(|it| it.name.to_string()).collect();
        Ok::<_, Problem>(names.join(" "))
    };
    assert_eq!(found("none", true).unwrap(), "a b c");
    assert_eq!(found("c", true).unwrap(), "a b");
    assert_eq!(found("b", true).unwrap(), "a");
    let problem = found("b", false).unwrap_err();
    assert!(problem.to_string().contains("leaves out what is needed"), "{problem}");
    assert!(problem.hint.unwrap().contains("RuntimeGraph::remove"));
}

#[test]
fn a_caller_replaces_the_build_resolver() {
    let resolution = resolution(&["a", "b", "c"]);
    let graph = |forgets: &'static [&'static str]| {
        let resolvers = Resolvers { build: Arc::new(OneByOne { forgets }), ..Resolvers::default() };
        resolvers.build_graph(&resolution, &BuildLock::default()).map(|graph| graph.to_string())
    };
    assert_eq!(graph(&[]).unwrap(), "a: \nb: a\nc: b\n");
    let problem = graph(&["b"]).unwrap_err().to_string();
    assert!(problem.contains("does not cover") && problem.contains('b'), "{problem}");
}
