//! The two resolvers of a build, in one value. A caller can replace them.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::lock::build_graph::{BuildGraph, BuildLockResolver, BuildName, BuildResolver};
use crate::lock::build_lock::BuildLock;
use crate::lock::resolve::{
    LockResolver, Resolution, RuntimeEdge, RuntimeGraph, RuntimeRequest, RuntimeResolver,
};
use base::vocabulary::Problem;

/// One resolver of each kind. The default is what this tool does.
#[derive(Debug, Clone)]
pub struct Resolvers {
    /// What is installed.
    pub runtime: Arc<dyn RuntimeResolver>,
    /// Which build waits for which.
    pub build: Arc<dyn BuildResolver>,
}

impl Default for Resolvers {
    fn default() -> Self {
        Self { runtime: Arc::new(LockResolver), build: Arc::new(BuildLockResolver) }
    }
}

impl Resolvers {
    /// Asks the runtime resolver, and picks the file of each package.
    ///
    /// # Errors
    /// Those of the resolver and of [`Resolution::new`]; a graph that breaks the contract.
    pub fn resolution(&self, request: &RuntimeRequest<'_>) -> Result<Resolution, Problem> {
        let graph = self.runtime.resolve(request)?;
        check_closed(&graph)?;
        Resolution::new(&graph, request)
    }

    /// Asks the build resolver.
    ///
    /// # Errors
    /// Those of the resolver; a graph that breaks the contract.
    pub fn build_graph(
        &self,
        resolution: &Resolution,
        build_lock: &BuildLock,
    ) -> Result<BuildGraph, Problem> {
        let graph = self.build.resolve(resolution, build_lock)?;
        let installed = resolution.built().map(|it| BuildName::Installed(it.name.clone()));
        let tools = build_lock.tools_for(resolution)?.into_keys();
        let tools = tools.map(|it| BuildName::Tool(it.clone()));
        let built: BTreeSet<BuildName> = installed.chain(tools).collect();
        let found: BTreeSet<BuildName> = graph.names().cloned().collect();
        if let Some(name) = found.symmetric_difference(&built).next() {
            return Err(Problem::new(
                "the build resolver does not cover what is built from source",
            )
            .fact("differs in", name));
        }
        Ok(graph)
    }
}

/// What is installed must not need what is not: that would only show when it runs.
fn check_closed(graph: &RuntimeGraph<'_>) -> Result<(), Problem> {
    let needed = graph.nodes.values().flat_map(|node| &node.edges).map(RuntimeEdge::to);
    match needed.chain(graph.start()).find(|name| !graph.nodes.contains_key(name)) {
        None => Ok(()),
        Some(name) => Err(Problem::new("the runtime resolver leaves out what is needed")
            .fact("missing", name)
            .hint("`RuntimeGraph::remove` takes the edges to a package with it")),
    }
}
