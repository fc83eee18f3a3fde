//! `init`: a recipe from a project, and what a person still has to look at.

use anyhow::Result;
use base::vocabulary::problem::render;
use base::vocabulary::{Outcome, shown_lines};
use builder::init::{self, Initiated, Wanted};
use serde_json::json;

use super::Context;
use crate::flags::Init;
use crate::screen;

impl Context<'_> {
    pub(super) fn init(&self, flags: &Init) -> Result<Outcome> {
        let wanted = Wanted {
            dir: flags.dir.clone(),
            root: self.global.root.clone(),
            name: flags.name.as_ref().map(ToString::to_string),
            version: flags.version.as_ref().map(ToString::to_string),
            no_build: flags.no_build,
        };
        let done = init::init(&wanted, self.host)?;
        let outcome = match &done.built {
            Some(Err(problem)) => problem.outcome,
            _ => Outcome::Good,
        };
        self.screen.clear();
        if self.global.json {
            anstream::println!("{:#}", told(&done));
            return Ok(outcome);
        }
        if let Some(Err(problem)) = &done.built {
            let text = self.typed.shown(&render(&problem.clone().into()));
            anstream::eprintln!("{}\n", screen::coloured(&text));
        }
        anstream::println!("{}", self.shown(&done));
        Ok(outcome)
    }

    /// The end, as a person reads it.
    fn shown(&self, done: &Initiated) -> String {
        let verb = if done.is_new { "wrote" } else { "found" };
        let mut lines = vec![format!("{verb} {}", done.recipe.display())];
        lines.extend(done.wrote.iter().map(|path| format!("wrote {}", path.display())));
        let Initiated { notes, .. } = done;
        for (title, list) in [
            ("read in the project:", &notes.inferred),
            ("guessed; look at it:", &notes.guessed),
            ("only you can decide:", &notes.open),
        ] {
            if !list.is_empty() {
                lines.push(format!("\n{title}"));
                lines.extend(list.iter().map(|it| format!("  - {}", shown_lines(it))));
            }
        }
        let recipe = done.recipe.display();
        let how = match &done.built {
            Some(Ok(report)) => {
                let tries = done.attempts;
                let output = report.output.display();
                format!("\nit builds (attempt {tries}): {output}")
            }
            Some(Err(_)) => "\nit does not build yet: the error above says why".to_owned(),
            None => "\nnothing was built".to_owned(),
        };
        lines.push(how);
        let next = self.typed.command(&format!("build {recipe}"));
        lines.push(format!("next: {next}"));
        lines.join("\n")
    }
}

fn told(done: &Initiated) -> serde_json::Value {
    json!({
        "recipe": done.recipe,
        "new": done.is_new,
        "wrote": done.wrote,
        "attempts": done.attempts,
        "built": done.built.as_ref().map(Result::is_ok),
        "output": done.built.as_ref().and_then(|it| it.as_ref().ok()).map(|it| &it.output),
        "inferred": done.notes.inferred,
        "guessed": done.notes.guessed,
        "open": done.notes.open,
    })
}
