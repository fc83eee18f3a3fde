//! `gc`: keeps the cache within a size.

use anyhow::Result;
use base::vocabulary::Outcome;
use builder::gc;
use indicatif::HumanBytes;

use super::Context;
use crate::flags::Gc;

impl Context<'_> {
    pub(super) fn gc(&self, flags: &Gc) -> Result<Outcome> {
        let progress = self.host.progress;
        let waiting = || progress.note("waiting for other runs that use the cache");
        let collected = gc::collect(self.host.cache, flags.max_size.0, flags.dry_run, waiting)?;
        let mut text = String::new();
        for entry in &collected.removed {
            text.push_str(&format!(
                "{:>12}  {}\n",
                HumanBytes(entry.bytes).to_string(),
                entry.path.display()
            ));
        }
        let verb = if flags.dry_run { "would free" } else { "freed" };
        let freed = HumanBytes(collected.before - collected.after);
        let (after, max) = (HumanBytes(collected.after), HumanBytes(flags.max_size.0));
        text.push_str(&format!("{verb} {freed}; {after} of {max} in use"));
        for link in &collected.kept_for {
            text.push_str(&format!("\nkept for the link {}", link.display()));
        }
        self.print(&serde_json::to_value(&collected)?, &text);
        Ok(Outcome::Good)
    }
}
