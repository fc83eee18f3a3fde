//! `listing`, and `verify-repro --against`: what another machine can compare its own build with,
//! and that comparison.

use std::path::{Path, PathBuf};

use anyhow::Result;
use base::sys::files::{read_named, write_atomically};
use base::vocabulary::limits::{LEDGER_BYTES, LISTING_FILE_BYTES};
use base::vocabulary::{Outcome, Problem};
use builder::fetch::application::LocatedRecipe;
use builder::fetch::ledger::{Golden, Ledger};
use builder::pipeline::{self, Options, Report};
use serde_json::json;
use verifier::listing::{Difference, Listing, Subject};

use super::Context;
use crate::flags;

/// How many files one distribution shows.
const SHOWN_MAX: usize = 20;

impl Context<'_> {
    pub(super) fn listing(&self, flags: &flags::Listing) -> Result<Outcome> {
        let located = self.recipe(flags.which.recipe.as_deref())?;
        let (report, listing) = self.listed(&located, flags.which.source.as_deref(), false)?;
        let path = flags.output.clone().unwrap_or_else(|| {
            PathBuf::from(format!("{}.{}.listing.gz", report.recipe, report.target))
        });
        let bytes = listing.to_bytes();
        write_atomically(&path, &bytes)?;
        let (shown, root, paths) = (path.display(), listing.root(), listing.len());
        self.print(
            &json!({ "path": path, "root": root, "paths": paths, "bytes": bytes.len() }),
            &format!("wrote {shown} ({paths} paths, {} bytes)\nroot {root}", bytes.len()),
        );
        Ok(Outcome::Good)
    }

    /// Builds what this machine builds, and lists it.
    fn listed(
        &self,
        located: &LocatedRecipe,
        source: Option<&Path>,
        locked: bool,
    ) -> Result<(Report, Listing)> {
        let source = source.map(Path::to_owned);
        let options = Options { source, locked, golden: Golden::Told, ..self.options() };
        let report = pipeline::build(located, &options, self.host)?;
        let subject = Subject {
            recipe: report.recipe.clone(),
            target: report.target.clone(),
            prefix: report.prefix.clone(),
            nar_hash: report.output_hash,
        };
        let listing = Listing::of(&report.output, subject)?;
        Ok((report, listing))
    }

    pub(super) fn verify_against(
        &self,
        recipe: &str,
        source: Option<&Path>,
        against: &Path,
    ) -> Result<Outcome> {
        let located = LocatedRecipe::find(self.root, recipe)?;
        let name = against.display().to_string();
        let failed = |error| Problem::usage(format!("cannot read `{name}`")).cause(error);
        let bytes = read_named(against, &LISTING_FILE_BYTES).map_err(failed)?;
        // RFC 1952, 2.3.1.
        if bytes.starts_with(&[0x1f, 0x8b]) {
            let there = Listing::parse(&name, &bytes)?;
            let (_, here) = self.listed(&located, source, true)?;
            return self.tell_listing(&name, &here, &there);
        }
        LEDGER_BYTES.check(bytes.len()).map_err(|error| failed(std::io::Error::other(error)))?;
        let ledger = Ledger::parse(&name, &String::from_utf8_lossy(&bytes))?;
        let (report, _) = self.listed(&located, source, true)?;
        self.tell_ledger(&name, &report, &ledger)
    }

    fn tell_listing(&self, name: &str, here: &Listing, there: &Listing) -> Result<Outcome> {
        check_same_subject(name, &here.subject, &there.subject)?;
        let differences = here.differences(there);
        if self.global.json {
            self.print(
                &json!({ "against": name, "here": here.subject, "there": there.subject,
                    "differences": differences }),
                "",
            );
        }
        let total = here.len();
        if differences.is_empty() {
            self.screen.clear();
            let recipe = &here.subject.recipe;
            let text = format!("all {total} paths are as `{name}` has them");
            if !self.global.json {
                anstream::println!("{text}\nmerge: yes, `{recipe}` is what was built there");
            }
            return Ok(Outcome::Good);
        }
        let what = format!("not reproduced: {} of {total} paths differ", differences.len());
        let mut problem = Problem::new(what).outcome(Outcome::NotReproducible);
        problem = problem.fact("against", name);
        for (distribution, lines) in by_distribution(&differences) {
            problem = problem.fact(distribution, lines.join("\n"));
        }
        let recipe = &here.subject.recipe;
        Err(problem
            .hint(format!(
                "if `lockstep verify-repro {recipe}` finds no difference here, something of the \
                 machine shows through"
            ))
            .into())
    }

    fn tell_ledger(&self, name: &str, report: &Report, ledger: &Ledger) -> Result<Outcome> {
        let unpinned = |what: &str| {
            Problem::new(format!("`{name}` pins no output of {}", report.target))
                .fact("because", what)
                .hint("`lockstep bless` pins it; `--against` also takes a listing")
        };
        let pinned = ledger.target.get(&report.target).and_then(|it| it.output.as_ref());
        let Some(pinned) = pinned else {
            return Err(unpinned("the ledger has no output hash").into());
        };
        if pinned.nar_hash != report.output_hash {
            return Err(Problem::new("not reproduced: the output is another one")
                .outcome(Outcome::NotReproducible)
                .fact("against", name)
                .fact("there", pinned.nar_hash)
                .fact("here", report.output_hash)
                .hint("a ledger has no files of it: compare with a listing to know which differ")
                .into());
        }
        let hash = report.output_hash;
        self.print(
            &json!({ "against": name, "output-hash": hash, "differences": [] }),
            &format!(
                "{hash} is what `{name}` has\nmerge: yes, `{}` is what was built there",
                report.recipe
            ),
        );
        Ok(Outcome::Good)
    }
}

/// Outputs of two recipes or targets have nothing to do with each other.
fn check_same_subject(name: &str, here: &Subject, there: &Subject) -> Result<(), Problem> {
    let of = |it: &Subject| format!("{} for {} at {}", it.recipe, it.target, it.prefix);
    if of(here) == of(there) {
        return Ok(());
    }
    Err(Problem::usage(format!("`{name}` is of another output"))
        .fact("there", of(there))
        .fact("here", of(here)))
}

/// The lines of each distribution; what belongs to none comes last.
fn by_distribution(differences: &[Difference]) -> Vec<(String, Vec<String>)> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    let mut sorted: Vec<&Difference> = differences.iter().collect();
    sorted.sort_by_key(|it| (it.distribution.is_none(), it.distribution.clone()));
    for Difference { path, distribution, how } in sorted {
        let label = distribution.clone().unwrap_or_else(|| "no distribution".to_owned());
        match groups.last_mut().filter(|(last, _)| *last == label) {
            Some((_, lines)) => lines.push(format!("{path}: {how}")),
            None => groups.push((label, vec![format!("{path}: {how}")])),
        }
    }
    for (_, lines) in &mut groups {
        let more = lines.len().saturating_sub(SHOWN_MAX);
        lines.truncate(SHOWN_MAX);
        if more > 0 {
            lines.push(format!("and {more} more; `--json` has all"));
        }
    }
    groups
}
