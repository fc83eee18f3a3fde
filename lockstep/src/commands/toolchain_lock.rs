//! `toolchain-lock`: writes the toolchain lock.

use anyhow::Result;
use serde_json::json;

use super::Context;
use crate::flags::ToolchainLock;
use base::sys::files::write_atomically;
use base::vocabulary::{Outcome, Problem};
use builder::pipeline::{self, Renewal};

impl Context<'_> {
    pub(super) fn toolchain_lock(&self, flags: &ToolchainLock) -> Result<Outcome> {
        let located = self.recipe(flags.recipe.as_deref())?;
        let renewal = if flags.upgrade { Renewal::Everything } else { Renewal::Stale };
        let lock = pipeline::make_toolchain_lock(&located, renewal, self.host)?;
        let old = located.read_toolchain_lock().unwrap_or_else(|problem| {
            self.host.progress.warn(&problem.to_string());
            None
        });
        let path = &located.toolchain_lock;
        let (text, shown) = (lock.to_toml(), path.display().to_string());
        let changed = old.as_ref() != Some(&lock);
        let changes = old.unwrap_or_default().changes(&lock);
        if flags.check && changed {
            let name = &located.recipe.name;
            return Err(Problem::new(format!(
                "`{shown}` is not what `toolchain-lock` would write"
            ))
            .outcome(Outcome::Policy)
            .fact("changes", changes.join("\n"))
            .hint(format!("`lockstep toolchain-lock {name}` writes it"))
            .into());
        }
        if changed {
            write_atomically(path, text.as_bytes())?;
        }
        let count = |it: &builder::lock::toolchain_lock::LockedToolchain| it.packages.len();
        let packages = lock.targets.values().map(count).sum::<usize>();
        let verb = if changed { "wrote" } else { "unchanged:" };
        let targets = lock.targets.len();
        let mut lines = changes.clone();
        lines.push(format!("{verb} {shown} ({targets} targets, {packages} packages)"));
        self.print(
            &json!({ "path": path, "changed": changed, "changes": changes, "packages": packages }),
            &lines.join("\n"),
        );
        Ok(Outcome::Good)
    }
}
