//! `graph`: both graphs, drawn.

use anyhow::Result;
use base::sys::files::write_atomically;
use base::vocabulary::{Outcome, Problem};
use builder::inspect::graphs::{self, Picture};

use super::Context;
use crate::flags::{Drawing, Graph, OneGraph};

impl Context<'_> {
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
}

fn root_label(picture: &Picture) -> String {
    let labels: Vec<String> = picture.roots.iter().map(|&id| picture.nodes[id].label()).collect();
    labels.join(", ")
}
