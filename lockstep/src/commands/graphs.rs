//! `tree`, `why` and `graph`: the two graphs, looked at.

use anyhow::Result;
use uv_normalize::PackageName;

use super::Context;
use super::look::Looked;
use crate::flags::{Drawing, Graph, OneGraph, Tree, Why};
use base::recipe::nearest;
use base::sys::files::write_atomically;
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

    pub(super) fn why(&self, flags: &Why) -> Result<Outcome> {
        let picture = self.picture(&self.look(&flags.selected)?, false)?;
        let (mut texts, mut json) = (Vec::new(), Vec::new());
        for node in named(&picture, &flags.name)? {
            let found = graphs::paths(&picture, node, flags.limit);
            texts.push(found.to_text(&picture, node));
            json.extend(found.to_json(&picture, node));
            if found.more {
                texts.push(format!("… and more; `--limit` is {}", flags.limit));
            }
        }
        self.print(&serde_json::json!({ "paths": json }), &texts.join("\n"));
        Ok(Outcome::Good)
    }

    pub(super) fn graph(&self, flags: &Graph) -> Result<Outcome> {
        let looked = self.look(&flags.selected)?;
        let picture = self.picture(&looked, flags.only == Some(OneGraph::Build))?;
        let title = format!("{} for {}", root_label(&picture), looked.target);
        let picture = match flags.only {
            None => picture,
            Some(only) => picture.only(|edge| edge.need.is_build() == (only == OneGraph::Build)),
        };
        let drawn = match flags.format {
            Drawing::Dot => graphs::dot(&picture),
            Drawing::Mermaid => graphs::mermaid(&picture),
            Drawing::Svg => graphs::svg(&picture, &title)?,
        };
        if let Some(path) = &flags.output {
            write_atomically(path, drawn.as_bytes()).map_err(|error| {
                Problem::new("cannot write the drawing").fact("to", path.display()).cause(error)
            })?;
            return Ok(Outcome::Good);
        }
        self.print(&serde_json::to_value(picture.to_json())?, drawn.trim_end());
        Ok(Outcome::Good)
    }

    /// Both graphs. Without a build lock there is only the one that runs: that is an error where
    /// `build` is asked for, else a warning.
    fn picture(&self, looked: &Looked, build: bool) -> Result<Picture> {
        let Looked { located, application, target, selection, .. } = looked;
        let no_recipe = || {
            Problem::usage("a workspace has no build lock, so nothing is known of its builds")
                .hint("write a recipe for it; `cargo xtask build-lock NAME` locks its builds")
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

fn root_label(picture: &Picture) -> String {
    let labels: Vec<String> = picture.roots.iter().map(|&id| picture.nodes[id].label()).collect();
    labels.join(", ")
}

fn named(picture: &Picture, name: &str) -> Result<Vec<NodeId>, Problem> {
    let found = name.parse::<PackageName>().map(|name| picture.named(&name)).unwrap_or_default();
    if !found.is_empty() {
        return Ok(found);
    }
    let problem = Problem::usage(format!("`{name}` is not needed for this target"));
    let names = picture.nodes.iter().map(|node| node.name.as_ref());
    Err(match nearest(name, names) {
        Some(name) => problem.hint(format!("did you mean `{name}`?")),
        None => problem.hint("`cargo xtask resolve` lists what is"),
    })
}
