//! Build requirements that are built from source. Their own build requirements are locked like
//! those of any build. If a backend or uv needs them while the lock is made, they are built at
//! once. The wheel goes into the store, where the later build finds it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::built::{Built, BuiltMetadata};
use super::pins::Pins;
use super::run::{Chain, Run};
use super::{Maker, Question};
use crate::build::sources::Sources;
use crate::build::{self, Store, Workshop};
use crate::fetch;
use crate::fetch::plan::{self, Places};
use crate::fetch::request::{Request, Shelf};
use crate::lock::build_graph::{BuildGraph, BuildName};
use crate::lock::build_lock::{BuildLock, Requirement, Tool, ToolSource};
use crate::lock::resolve::Resolution;
use base::sys::Host;
use base::sys::process::processors;
use base::vocabulary::Problem;

impl Maker<'_> {
    /// Locks what the build of a tool needs on the target of `resolution`.
    pub(super) fn lock_tool(
        &self,
        run: &Run<'_>,
        chain: &Chain,
        requirement: &Requirement,
        source: &ToolSource,
        resolution: &Resolution,
        host: Host<'_>,
    ) -> Result<(), Problem> {
        let _alone = run.alone(chain);
        let chain = &chain.with(requirement)?;
        let target = &resolution.target;
        let is_known = |tool: &Tool| tool.build.needs.get(target).is_some();
        if run.found().tools.get(requirement).is_some_and(is_known) {
            return Ok(());
        }
        let distribution = &source.distribution(requirement);
        let mut request = Request::default();
        plan::add(&mut request, distribution, self.places())?;
        let wheelhouse = fetch::fetch(&request, &host, self.settings)?;
        let sources = self.sources(&wheelhouse.path);
        let question = Question { distribution, resolution, sources };
        let name = BuildName::Tool(requirement.clone());
        let (build, needs) = self.answer(run, &name, question, chain, host)?;
        let mut found = run.found();
        let tool = found.tools.entry(requirement.clone());
        let tool = tool.or_insert_with(|| Tool { source: source.clone(), build });
        tool.build.needs.insert(target, needs);
        Ok(())
    }

    /// Builds a tool for the machine that this runs on, and says what its wheel says.
    pub(super) fn built(
        &self,
        run: &Run<'_>,
        chain: &Chain,
        requirement: &Requirement,
        source: &ToolSource,
        host: Host<'_>,
    ) -> Result<Built, Problem> {
        let _alone = run.alone(chain);
        if let Some(built) = run.found().built.get(source) {
            return Ok(built.clone());
        }
        self.lock_tool(run, &chain.entered(), requirement, source, run.here, host)?;
        let edges = self.edges(run, &chain.with(requirement)?, requirement, host)?;
        let wheel = self.build(run, requirement, edges, host)?;
        let metadata = BuiltMetadata::of_wheel(&wheel)?;
        let built = Built { name: requirement.name.clone(), wheel, metadata };
        run.found().built.insert(source.clone(), built.clone());
        Ok(built)
    }

    /// The part of the build graph that a tool's build is. What is installed, too, is locked as a
    /// tool for it: what is installed is not being built here.
    fn edges(
        &self,
        run: &Run<'_>,
        chain: &Chain,
        requirement: &Requirement,
        host: Host<'_>,
    ) -> Result<BTreeMap<BuildName, BTreeSet<BuildName>>, Problem> {
        let mut edges = BTreeMap::new();
        let mut open = vec![(requirement.clone(), chain.clone())];
        while let Some((requirement, chain)) = open.pop() {
            let needed: Vec<(Requirement, ToolSource)> = {
                let found = run.found();
                let whose = requirement.to_string();
                let needs = found.tools[&requirement].build.needs.of(&whose, &run.here.target)?;
                needs.built().map(|it| (it.clone(), found.sources[it].clone())).collect()
            };
            let names = needed.iter().map(|(it, _)| BuildName::Tool(it.clone())).collect();
            edges.insert(BuildName::Tool(requirement), names);
            for (needed, source) in needed {
                self.lock_tool(run, &chain, &needed, &source, run.here, host)?;
                let inner = chain.with(&needed)?;
                if !edges.contains_key(&BuildName::Tool(needed.clone())) {
                    open.push((needed, inner));
                }
            }
        }
        Ok(edges)
    }

    fn build(
        &self,
        run: &Run<'_>,
        requirement: &Requirement,
        edges: BTreeMap<BuildName, BTreeSet<BuildName>>,
        host: Host<'_>,
    ) -> Result<PathBuf, Problem> {
        let graph = BuildGraph::new(edges)?;
        // Nothing is installed here, so that each tool is built as what it is.
        let resolution = Resolution { distributions: Vec::new(), ..run.here.clone() };
        let build_lock = run.so_far();
        let mut request = Request::default();
        for name in graph.names() {
            if let BuildName::Tool(requirement) = name {
                plan::add_tool(&mut request, requirement, &build_lock, self.places(), &resolution)?;
            }
        }
        let wheelhouse = fetch::fetch(&request, &host, self.settings)?;
        let store = Store::new(host.cache);
        let workshop = Workshop {
            recipe: &self.located.recipe,
            resolution: &resolution,
            build_lock: &build_lock,
            project: &self.application.project,
            sources: self.sources(&wheelhouse.path),
            toolchain: self.toolchain,
            uv: self.uv,
            jobs: processors(),
            store: &store,
            reuse: true,
            work: &run.work.join("tools").join(requirement.to_string()),
        };
        let built = build::build_all(&workshop, &graph, host)?;
        Ok(built[&BuildName::Tool(requirement.clone())].path.clone())
    }

    /// A directory with the wheels of what a question to a backend is asked with: those of indexes,
    /// also where the build itself gets one that is built from source, and what has none, built.
    pub(super) fn wheels_to_ask(
        &self,
        run: &Run<'_>,
        chain: &Chain,
        pins: &Pins,
        into: &Path,
        host: Host<'_>,
    ) -> Result<PathBuf, Problem> {
        let mut request = Request::default();
        for (requirement, pin) in pins {
            if let Some(wheel) = &pin.wheel {
                request.files.push(plan::build_file(requirement, wheel, self.places()));
            }
        }
        let wheelhouse = fetch::fetch(&request, &host, self.settings)?;
        let downloaded = wheelhouse.path.join(Shelf::Build.directory());
        let mut wheels = Vec::new();
        for (requirement, pin) in pins {
            match (&pin.wheel, &pin.source) {
                (Some(wheel), _) => wheels.push(downloaded.join(&wheel.filename)),
                (None, Some(source)) => {
                    wheels.push(self.built(run, chain, requirement, source, host)?.wheel);
                }
                (None, None) => {}
            }
        }
        let copy = || -> std::io::Result<()> {
            fs::create_dir_all(into)?;
            for wheel in &wheels {
                fs::copy(wheel, into.join(wheel.file_name().unwrap_or_default()))?;
            }
            Ok(())
        };
        copy().map_err(|error| Problem::new("cannot lay out build requirements").cause(error))?;
        Ok(into.to_owned())
    }

    pub(super) fn places(&self) -> Places<'_> {
        Places { tree: &self.application.tree, recipe: &self.located.dir }
    }

    pub(super) fn sources<'s>(&'s self, wheelhouse: &'s Path) -> Sources<'s> {
        Sources {
            wheelhouse,
            tree: &self.application.tree,
            tree_hash: self.application.tree_hash,
            tracked: &self.application.tracked,
            recipe: &self.located.recipe,
            lock: &self.application.lock,
        }
    }
}

impl Run<'_> {
    /// What is locked so far, as far as tools need it.
    fn so_far(&self) -> BuildLock {
        let found = self.found();
        let wheels =
            found.wheels.iter().map(|(it, files)| (it.clone(), files.iter().cloned().collect()));
        BuildLock { tools: found.tools.clone(), wheels: wheels.collect(), ..BuildLock::default() }
    }
}
