//! `bless`: pins what phase 1 brings in the ledger.

use anyhow::Result;
use base::sys::files::write_atomically;
use base::vocabulary::Outcome;
use builder::fetch::ledger::Ledger;
use builder::fetch::phase1;
use builder::lock::resolvers::Resolvers;
use serde_json::json;

use super::Context;
use crate::flags::Bless;

impl Context<'_> {
    pub(super) fn bless(&self, flags: &Bless) -> Result<Outcome> {
        let located = self.recipe(flags.which.recipe.as_deref())?;
        let settings = self.settings(&located.recipe)?;
        let source = flags.which.source.as_deref();
        let resolvers = Resolvers::default();
        let old = located.read_ledger()?;
        let mut new = Ledger::default();
        for target in &located.recipe.targets {
            let wanted =
                phase1::Wanted { located: &located, target, source, resolvers: &resolvers };
            let fetched = phase1::fetch(&wanted, &settings, self.host)?;
            new.target.insert(target.to_string(), fetched.ledger_entry());
        }
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
        let hashes =
            new.target.iter().map(|(target, entry)| format!("{target}  {}", entry.nar_hash));
        let verb = if changed { "wrote" } else { "unchanged:" };
        let shown = located.ledger.display();
        let text = format!("{}\n{verb} {shown}", hashes.collect::<Vec<_>>().join("\n"));
        self.print(&json!({ "path": located.ledger, "changed": changed, "ledger": new }), &text);
        Ok(Outcome::Good)
    }
}
