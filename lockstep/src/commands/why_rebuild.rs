//! `why-rebuild`: what would be compiled now, and which input changed.

use anyhow::Result;

use super::{Context, provider};
use crate::flags::WhyRebuild;
use base::vocabulary::{Outcome, Problem};
use builder::inspect::why_rebuild::{Rebuild, Verdict, explain};
use builder::pipeline::Options;

impl Context<'_> {
    pub(super) fn why_rebuild(&self, flags: &WhyRebuild) -> Result<Outcome> {
        let (name, recipe) = match (flags.all, &flags.name, &flags.recipe) {
            (true, Some(_), Some(_)) => {
                return Err(Problem::usage("`--all` takes no name, only a recipe").into());
            }
            (true, recipe, _) => (None, recipe),
            (false, name, recipe) => (name.as_deref(), recipe),
        };
        let located = self.recipe(recipe.as_deref())?;
        let recipe = &located.recipe.name;
        let options = Options {
            source: flags.source.clone(),
            toolchain: flags.toolchain.toolchain.map(provider),
            ..self.options()
        };
        let all = explain(&located, &options, self.host)?;
        let Some(name) = name else {
            let lines: Vec<String> = all.iter().map(line).collect();
            self.print(&serde_json::to_value(&all)?, &lines.join("\n"));
            return Ok(Outcome::Good);
        };
        let asked = all.iter().find(|it| it.name.to_string() == *name).ok_or_else(|| {
            let names: Vec<String> = all.iter().map(|it| it.name.to_string()).collect();
            Problem::usage(format!("`{recipe}` does not build `{name}` from source"))
                .fact("it builds", names.join(", "))
        })?;
        self.print(&serde_json::to_value(asked)?, &lines(asked));
        Ok(Outcome::Good)
    }
}

/// `lxml  stored`, or the first cause.
fn line(rebuild: &Rebuild) -> String {
    let cause = match &rebuild.verdict {
        Verdict::Changed { changes } => {
            let more = changes.len().saturating_sub(1);
            let first = changes.first().map(ToString::to_string).unwrap_or_default();
            let more = if more > 0 { format!(", and {more} more") } else { String::new() };
            format!("{first}{more}")
        }
        verdict => headline(verdict).to_owned(),
    };
    let verb = if rebuild.verdict.compiles() { "rebuild" } else { "stored" };
    format!("{:<28} {verb:<8} {cause}", rebuild.name.to_string()).trim_end().to_owned()
}

/// The verdict with all its causes.
fn lines(rebuild: &Rebuild) -> String {
    let mut text = format!("{}: {}", rebuild.name, headline(&rebuild.verdict));
    if let Verdict::Changed { changes } = &rebuild.verdict {
        for change in changes {
            text.push_str(&format!("\n  {change}"));
        }
    }
    text
}

fn headline(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Stored => "nothing is built, its wheel is in the store",
        Verdict::Changed { .. } => "it is built again; since the last build these changed",
        Verdict::First => "no build of this recipe and target is known",
        Verdict::Gone => "nothing changed, but its wheel is not in the store any more",
    }
}
