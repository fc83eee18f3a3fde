//! `build-lock`: writes the build lock.

use anyhow::Result;
use fs_err as fs;
use serde_json::json;

use super::{Context, provider};
use crate::flags::BuildLock;
use base::sys::files::write_atomically;
use base::vocabulary::{Outcome, Problem};
use builder::pipeline::{self, Options};

impl Context<'_> {
    pub(super) fn build_lock(&self, flags: &BuildLock) -> Result<Outcome> {
        let located = self.recipe(flags.which.recipe.as_deref())?;
        let options = Options {
            source: flags.which.source.clone(),
            toolchain: flags.toolchain.toolchain.map(provider),
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
                .hint(format!("`lockstep build-lock {}` writes it", located.recipe.name))
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
}
