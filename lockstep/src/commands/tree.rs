//! `tree`: what needs what; and how `why` and `graph` read the two graphs.

use anyhow::Result;

use super::Context;
use super::resolve::Looked;
use crate::flags::Tree;
use base::packaging::PackageName;
use base::recipe::nearest;
use base::vocabulary::{Outcome, Problem};
use builder::inspect::graphs::{self, NodeId, Picture, Shape};
use builder::lock::build_lock::BuildLock;
use builder::lock::resolve::{LockResolver, Resolution, RuntimeRequest, RuntimeResolver as _};

impl Context<'_> {
    pub(super) fn tree(&self, flags: &Tree) -> Result<Outcome> {
        let picture = self.picture(&self.look(&flags.selected)?, flags.build)?;
        let picture = picture.only(|edge| edge.need.is_build() == flags.build);
        let start = match &flags.package {
            Some(name) => named(&picture, name)?,
            None => Vec::new(),
        };
        let shape = Shape { invert: flags.invert, start, depth: flags.depth };
        let json = serde_json::to_value(picture.to_json())?;
        self.print(&json, &graphs::tree(&picture, &shape));
        Ok(Outcome::Good)
    }

    /// Both graphs. Without a build lock there is only the one that runs: that is an error where
    /// `build` is asked for, else a warning.
    pub(super) fn picture(&self, looked: &Looked, build: bool) -> Result<Picture> {
        let Looked { located, application, target, selection, .. } = looked;
        let no_recipe = || {
            Problem::usage("a workspace has no build lock, so nothing is known of its builds")
                .hint("write a recipe for it; `lockstep build-lock NAME` locks its builds")
        };
        let build_lock = match located {
            Some(located) => located.read_build_lock().map(|(build_lock, _)| build_lock),
            None => Err(no_recipe()),
        };
        let build_lock = match build_lock {
            Ok(build_lock) => build_lock,
            Err(problem) if build => return Err(problem.into()),
            Err(problem) if located.is_some() => {
                self.host.progress.warn(&problem.to_string());
                BuildLock::default()
            }
            Err(_) => BuildLock::default(),
        };
        let (lock, pyproject) = (&application.lock, &application.project);
        let request = RuntimeRequest { lock, pyproject, target, selection };
        let runtime = LockResolver.resolve(&request)?;
        Ok(graphs::picture(&runtime, &Resolution::new(&runtime, &request)?, &build_lock))
    }
}

pub(super) fn named(picture: &Picture, name: &str) -> Result<Vec<NodeId>, Problem> {
    let found = name.parse::<PackageName>().map(|name| picture.named(&name)).unwrap_or_default();
    if !found.is_empty() {
        return Ok(found);
    }
    let problem = Problem::usage(format!("`{name}` is not needed for this target"));
    let names = picture.nodes.iter().map(|node| node.name.as_ref());
    Err(match nearest(name, names) {
        Some(name) => problem.hint(format!("did you mean `{name}`?")),
        None => problem.hint("`lockstep resolve` lists what is"),
    })
}
