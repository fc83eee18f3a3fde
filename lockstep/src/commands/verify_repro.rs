//! `verify-repro`.

use anyhow::Result;
use base::vocabulary::{Outcome, Problem};
use verifier::Program;

use super::Context;
use crate::flags::VerifyRepro;

impl Context<'_> {
    pub(super) fn verify_repro(&self, flags: VerifyRepro) -> Result<Outcome> {
        let program = std::env::current_exe()
            .map_err(|error| Problem::new("cannot find the running program").cause(error))?;
        let VerifyRepro { recipe, source, toolchain, rounds, vary, .. } = flags;
        let VerifyRepro { list_variations, refetch, html, keep, against, .. } = flags;
        let recipe = self.recipe_name(recipe.as_deref())?;
        if let Some(against) = &against {
            return self.verify_against(&recipe, source.as_deref(), against);
        }
        let asked = verifier::VerifyRepro {
            recipe,
            source,
            toolchain,
            rounds,
            vary,
            list_variations,
            refetch,
            json: self.global.json,
            html,
            keep,
            quiet: self.global.quiet,
            cache_dir: self.host.cache.clone(),
        };
        let environment = self.host.environment;
        let typed = |text: &str| self.typed.shown(text);
        asked.run(Program { path: &program, root: self.root, environment, typed: &typed })?;
        Ok(Outcome::Good)
    }
}
