//! `review`: what a person approves of an output.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::Result;
use base::recipe_file::RecipeFile;
use base::vocabulary::{Outcome, Problem, shown_lines};
use builder::fetch::application::LocatedRecipe;
use builder::pipeline;
use serde_json::json;
use verifier::review::{self, Pending};

use super::Context;
use crate::flags::Review;

/// What is done with a pending snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Accept,
    Reject,
    Leave,
}

impl Context<'_> {
    pub(super) fn review(&self, flags: &Review) -> Result<Outcome> {
        let pending = self.pending(flags)?;
        self.screen.clear();
        let always = match (flags.accept, flags.reject) {
            (true, _) => Some(Decision::Accept),
            (_, true) => Some(Decision::Reject),
            _ => None,
        };
        let asks = always.is_none() && std::io::stdin().is_terminal() && !self.global.json;
        let (mut counts, mut all) = ([0_usize; 3], always);
        for it in &pending {
            if !self.global.quiet && !self.global.json {
                anstream::println!("{}", shown_lines(&it.difference()));
            }
            let decision = match all {
                Some(decision) => decision,
                None if asks => ask(&mut all)?,
                None => Decision::Leave,
            };
            match decision {
                Decision::Accept => it.accept()?,
                Decision::Reject => it.reject()?,
                Decision::Leave => {}
            }
            counts[decision as usize] += 1;
        }
        let [accepted, rejected, left] = counts;
        let text = match pending.len() {
            0 => "nothing waits for a review".to_owned(),
            _ => format!("{accepted} accepted, {rejected} rejected, {left} left"),
        };
        self.print(&json!({ "accepted": accepted, "rejected": rejected, "left": left }), &text);
        if left == 0 || asks {
            return Ok(Outcome::Good);
        }
        Err(Problem::new(format!("{left} snapshots are not approved"))
            .outcome(Outcome::SnapshotMismatch)
            .hint("`lockstep review --accept` accepts all; in a terminal, it asks for each")
            .into())
    }

    /// What waits: of one recipe, or of all. A recipe that is named and has nothing approved is
    /// built, and all of its texts wait.
    fn pending(&self, flags: &Review) -> Result<Vec<Pending>> {
        let Some(recipe) = &flags.recipe else {
            let recipes = RecipeFile::all(self.root)?;
            let found = recipes.iter().map(review::pending).collect::<Result<Vec<_>, Problem>>()?;
            return Ok(found.concat());
        };
        let file = RecipeFile::find(self.root, recipe)?;
        if file.snapshots().is_dir() {
            return Ok(review::pending(&file)?);
        }
        let located = LocatedRecipe::find(self.root, recipe)?;
        let report = pipeline::build(&located, &self.options(), self.host)?;
        Ok(review::first(&file, report.output.parent().unwrap_or(&report.output))?)
    }
}

/// Asks for one; `all` is set if the answer is for the rest too.
fn ask(all: &mut Option<Decision>) -> Result<Decision> {
    loop {
        anstream::print!("accept it? [y]es, [n]o (reject), [s]kip, [a]ll, [q]uit: ");
        std::io::stdout().flush()?;
        let mut answer = String::new();
        if std::io::stdin().lock().read_line(&mut answer)? == 0 {
            "q".clone_into(&mut answer);
        }
        let (decision, rest) = match answer.trim() {
            "y" | "yes" => (Decision::Accept, None),
            "n" | "no" => (Decision::Reject, None),
            "s" | "skip" => (Decision::Leave, None),
            "a" | "all" => (Decision::Accept, Some(Decision::Accept)),
            "q" | "quit" => (Decision::Leave, Some(Decision::Leave)),
            _ => continue,
        };
        *all = rest;
        return Ok(decision);
    }
}
