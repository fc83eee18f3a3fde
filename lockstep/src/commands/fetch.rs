//! `fetch`: phase 1 alone.

use anyhow::Result;
use base::recipe::Recipe;
use base::vocabulary::digest::Sri;
use base::vocabulary::{Outcome, Problem, Target};
use builder::fetch::Settings;
use builder::fetch::application::LocatedRecipe;
use builder::fetch::ledger::ToolchainPin;
use builder::fetch::phase1;
use builder::lock::resolvers::Resolvers;
use builder::pipeline;
use serde_json::json;

use super::Context;
use super::build::golden;
use crate::flags::Fetch;

impl Context<'_> {
    pub(super) fn fetch(&self, flags: &Fetch) -> Result<Outcome> {
        let located = self.recipe(flags.which.recipe.as_deref())?;
        let settings = self.settings(&located.recipe)?;
        if flags.toolchain {
            return self.fetch_toolchains(&located, flags, &settings);
        }
        let source = flags.which.source.as_deref();
        let resolvers = Resolvers::default();
        let mut rows = Vec::new();
        let mut text = Vec::new();
        for target in chosen(&located.recipe, flags.platform.as_deref())? {
            let wanted =
                phase1::Wanted { located: &located, target, source, resolvers: &resolvers };
            let fetched = phase1::fetch(&wanted, &settings, self.host)?;
            let golden = fetched.judge(&located, golden(flags.ledger))?;
            let hash = fetched.wheelhouse.nar_hash.to_sri();
            let path = fetched.wheelhouse.path.display();
            text.push(format!("{target}  {hash}  {path}  ({})", golden.sentence()));
            rows.push(json!({
                "target": target.to_string(),
                "nar-hash": hash,
                "golden": golden.word,
                "golden-detail": golden.detail,
                "path": fetched.wheelhouse.path,
                "files": fetched.wheelhouse.files.len(),
                "bytes": fetched.wheelhouse.files.iter().map(|file| file.size).sum::<u64>(),
            }));
        }
        self.print(&json!({ "wheelhouses": rows }), &text.join("\n"));
        Ok(Outcome::Good)
    }
}

impl Context<'_> {
    fn fetch_toolchains(
        &self,
        located: &LocatedRecipe,
        flags: &Fetch,
        settings: &Settings,
    ) -> Result<Outcome> {
        let (mut rows, mut text) = (Vec::new(), Vec::new());
        for target in chosen(&located.recipe, flags.platform.as_deref())? {
            let (locked, wheelhouse) =
                pipeline::fetch_toolchain(located, target, settings, self.host)?;
            let hash = Sri(wheelhouse.nar_hash);
            let pin = ToolchainPin { lock: locked.digest(), nar_hash: hash };
            let (ledger, name) = (located.read_ledger()?, &located.recipe.name);
            let golden = ledger.judge_toolchain(target, name, pin, golden(flags.ledger))?;
            let path = wheelhouse.path.display();
            text.push(format!("{target}  {hash}  {path}  ({})", golden.sentence()));
            rows.push(json!({
                "target": target.to_string(),
                "nar-hash": hash,
                "golden": golden.word,
                "golden-detail": golden.detail,
                "path": wheelhouse.path,
                "files": wheelhouse.files.len(),
                "bytes": wheelhouse.files.iter().map(|file| file.size).sum::<u64>(),
            }));
        }
        self.print(&json!({ "toolchains": rows }), &text.join("\n"));
        Ok(Outcome::Good)
    }
}

fn chosen<'a>(recipe: &'a Recipe, platform: Option<&str>) -> Result<Vec<&'a Target>> {
    let Some(platform) = platform else {
        return Ok(recipe.targets.iter().collect());
    };
    let found: Vec<&Target> =
        recipe.targets.iter().filter(|target| target.platform() == platform).collect();
    if found.is_empty() {
        let known: Vec<&str> = recipe.targets.iter().map(Target::platform).collect();
        return Err(Problem::usage(format!(
            "recipe `{}` has no platform `{platform}`",
            recipe.name
        ))
        .fact("platforms", known.join(", "))
        .hint("add it to `target.platforms`, and lock its build requirements")
        .into());
    }
    Ok(found)
}
