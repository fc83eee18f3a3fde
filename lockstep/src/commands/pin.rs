//! `build-lock` and `bless`: what writes files that people review.

use anyhow::Result;
use fs_err as fs;
use serde_json::json;

use super::{Context, provider};
use crate::flags::{Bless, BuildLock};
use base::sys::files::write_atomically;
use base::vocabulary::{Outcome, Problem};
use builder::fetch::application::LocatedRecipe;
use builder::fetch::ledger::Ledger;
use builder::fetch::phase1;
use builder::lock::resolvers::Resolvers;
use builder::pipeline::{self, Options};

impl Context<'_> {
    pub(super) fn build_lock(&self, flags: &BuildLock) -> Result<Outcome> {
        let located = LocatedRecipe::find(self.root, &flags.which.recipe)?;
        let options = Options {
            source: flags.which.source.clone(),
            toolchain: flags.toolchain.toolchain.map(provider),
            refresh_toolchain: flags.toolchain.refresh_toolchain,
            ..self.options()
        };
        let exclude_newer = flags.exclude_newer.as_deref();
        let lock = pipeline::make_build_lock(&located, exclude_newer, &options, self.host)?;
        let text = lock.to_toml();
        let old = fs::read_to_string(&located.build_lock).unwrap_or_default();
        let shown = located.build_lock.display().to_string();
        let changed = text != old;
        if flags.check && changed {
            return Err(Problem::new(format!("`{shown}` is not what `build-lock` would write"))
                .outcome(Outcome::Policy)
                .hint(format!("`cargo xtask build-lock {}` writes it", located.recipe.name))
                .into());
        }
        if changed {
            write_atomically(&located.build_lock, text.as_bytes())?;
        }
        let builds = lock.builds.len();
        let wheels = lock.wheels.values().map(Vec::len).sum::<usize>();
        let verb = if changed { "wrote" } else { "unchanged:" };
        let path = &located.build_lock;
        self.print(
            &json!({ "path": path, "changed": changed, "builds": builds, "wheels": wheels }),
            &format!("{verb} {shown} ({builds} builds, {wheels} wheels)"),
        );
        Ok(Outcome::Good)
    }

    pub(super) fn bless(&self, flags: &Bless) -> Result<Outcome> {
        let located = LocatedRecipe::find(self.root, &flags.which.recipe)?;
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
