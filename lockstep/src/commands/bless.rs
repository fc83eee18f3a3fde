//! `bless`: pins what phase 1 brings, for the application and for its toolchain, and what comes of
//! it, in the ledger.

use anyhow::Result;
use base::sys::files::write_atomically;
use base::vocabulary::Outcome;
use builder::fetch::application::LocatedRecipe;
use builder::fetch::ledger::{Ledger, TargetLedger};
use builder::pipeline::{self, Options};
use serde_json::json;

use super::Context;
use crate::flags::Bless;

impl Context<'_> {
    pub(super) fn bless(&self, flags: &Bless) -> Result<Outcome> {
        let located = self.recipe(flags.which.recipe.as_deref())?;
        let old = located.read_ledger()?;
        let options = Options { source: flags.which.source.clone(), ..self.options() };
        let new = pipeline::make_ledger(&located, &old, flags.fod_only, &options, self.host)?;
        self.write_ledger(&located, &old, &new)
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
