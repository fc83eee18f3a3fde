//! `why-rebuild` and `gc`: what is kept of builds, and for how long.

use anyhow::Result;
use indicatif::HumanBytes;

use super::{Context, provider};
use crate::flags::{Gc, WhyRebuild};
use base::vocabulary::{Outcome, Problem};
use builder::fetch::application::LocatedRecipe;
use builder::gc;
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
        let recipe = recipe.as_deref().unwrap_or("sample");
        let located = LocatedRecipe::find(self.root, recipe)?;
        let options = Options {
            source: flags.source.clone(),
            toolchain: flags.toolchain.toolchain.map(provider),
            refresh_toolchain: flags.toolchain.refresh_toolchain,
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

    pub(super) fn gc(&self, flags: &Gc) -> Result<Outcome> {
        let progress = self.host.progress;
        let waiting = || progress.note("waiting for other runs that use the cache");
        let collected = gc::collect(self.host.cache, flags.max_size.0, flags.dry_run, waiting)?;
        let mut text = String::new();
        for entry in &collected.removed {
            text.push_str(&format!(
                "{:>12}  {}\n",
                HumanBytes(entry.bytes).to_string(),
                entry.path.display()
            ));
        }
        let verb = if flags.dry_run { "would free" } else { "freed" };
        let freed = HumanBytes(collected.before - collected.after);
        let (after, max) = (HumanBytes(collected.after), HumanBytes(flags.max_size.0));
        text.push_str(&format!("{verb} {freed}; {after} of {max} in use"));
        for link in &collected.kept_for {
            text.push_str(&format!("\nkept for the link {}", link.display()));
        }
        self.print(&serde_json::to_value(&collected)?, &text);
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
        Verdict::Changed { .. } => "it is built anew, since the last build changed",
        Verdict::First => "no build of this recipe and target is known",
        Verdict::Gone => "nothing changed, but its wheel is not in the store any more",
    }
}
