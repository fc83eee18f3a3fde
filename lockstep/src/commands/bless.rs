//! `bless`: pins what phase 1 brings, for the application and for its toolchain, and what comes of
//! it, in the ledger.

use anyhow::Result;
use base::sys::files::write_atomically;
use base::vocabulary::digest::Sri;
use base::vocabulary::{Outcome, Problem, Target};
use builder::fetch::Settings;
use builder::fetch::application::LocatedRecipe;
use builder::fetch::ledger::{Golden, Ledger, OutputPin, TargetLedger, ToolchainPin};
use builder::fetch::phase1;
use builder::lock::resolvers::Resolvers;
use builder::pipeline::{self, Options};
use serde_json::json;

use super::Context;
use crate::flags::Bless;

impl Context<'_> {
    pub(super) fn bless(&self, flags: &Bless) -> Result<Outcome> {
        let located = self.recipe(flags.which.recipe.as_deref())?;
        let settings = self.settings(&located.recipe)?;
        let old = located.read_ledger()?;
        let built = if flags.fod_only { None } else { self.built(&located, flags)? };
        let mut new = Ledger::default();
        for target in &located.recipe.targets {
            let mut entry = self.fetched(&located, target, flags, &settings)?;
            // What cannot be made here stays: it says what it was made of.
            let known = old.target.get(&target.to_string());
            entry.toolchain = match flags.fod_only {
                true => known.and_then(|it| it.toolchain),
                false => self.toolchain_pin(&located, target, &settings)?,
            };
            entry.output = known.and_then(|it| it.output.clone());
            if let Some((_, pin)) = built.as_ref().filter(|(built, _)| built == target) {
                entry.output = Some(pin.clone());
            }
            new.target.insert(target.to_string(), entry);
        }
        self.write_ledger(&located, &old, &new)
    }

    fn fetched(
        &self,
        located: &LocatedRecipe,
        target: &Target,
        flags: &Bless,
        settings: &Settings,
    ) -> Result<TargetLedger, Problem> {
        let (source, resolvers) = (flags.which.source.as_deref(), &Resolvers::default());
        let wanted = phase1::Wanted { located, target, source, resolvers };
        Ok(phase1::fetch(&wanted, settings, self.host)?.ledger_entry())
    }

    /// The output of the first target, built if it is not there. `None`, and a line that says why,
    /// if there is none that a ledger can pin.
    fn built(
        &self,
        located: &LocatedRecipe,
        flags: &Bless,
    ) -> Result<Option<(Target, OutputPin)>, Problem> {
        let target = &located.recipe.targets[0];
        let here = rustix::system::uname();
        if !target.is_linux() || here.machine().to_string_lossy() != target.machine() {
            let what = format!("the output for {target} is not pinned: it cannot be built here");
            self.host.progress.note(&what);
            return Ok(None);
        }
        let source = flags.which.source.clone();
        let options = Options { source, golden: Golden::Told, ..self.options() };
        let report = pipeline::build(located, &options, self.host)?;
        if report.output_pin.is_none() {
            let why = report.output_golden.sentence();
            self.host.progress.warn(&format!("the output for {target} is not pinned: {why}"));
        }
        Ok(report.output_pin.map(|pin| (target.clone(), pin)))
    }

    /// `None` if nothing is locked for the target.
    fn toolchain_pin(
        &self,
        located: &LocatedRecipe,
        target: &Target,
        settings: &Settings,
    ) -> Result<Option<ToolchainPin>, Problem> {
        let lock = located.read_toolchain_lock()?;
        if !lock.is_some_and(|lock| lock.targets.contains_key(&target.to_string())) {
            return Ok(None);
        }
        let (locked, files) = pipeline::fetch_toolchain(located, target, settings, self.host)?;
        Ok(Some(ToolchainPin { lock: locked.digest(), nar_hash: Sri(files.nar_hash) }))
    }

    fn write_ledger(&self, located: &LocatedRecipe, old: &Ledger, new: &Ledger) -> Result<Outcome> {
        let (before, after) = (old.to_toml(), new.to_toml());
        let changed = before != after;
        let difference = similar::TextDiff::from_lines(&before, &after)
            .unified_diff()
            .context_radius(1)
            .header("golden", "found")
            .to_string();
        self.screen.clear();
        if changed && !self.global.json && !old.target.is_empty() {
            anstream::print!("{difference}");
        }
        if changed {
            write_atomically(&located.ledger, after.as_bytes())?;
        }
        let mut lines: Vec<String> =
            new.target.iter().flat_map(|(target, entry)| hashes(target, entry)).collect();
        let verb = if changed { "wrote" } else { "unchanged:" };
        lines.push(format!("{verb} {}", located.ledger.display()));
        self.print(
            &json!({ "path": located.ledger, "changed": changed, "ledger": new }),
            &lines.join("\n"),
        );
        Ok(Outcome::Good)
    }
}

/// One line for each hash that is pinned.
fn hashes(target: &str, entry: &TargetLedger) -> Vec<String> {
    let toolchain = entry.toolchain.map(|it| format!("{target}  toolchain  {}", it.nar_hash));
    let output = entry.output.as_ref().map(|it| format!("{target}  output     {}", it.nar_hash));
    let fod = format!("{target}  FOD        {}", entry.nar_hash);
    [Some(fod), toolchain, output].into_iter().flatten().collect()
}
