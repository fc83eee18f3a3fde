//! `why`: every path from the root to a distribution.

use anyhow::Result;
use base::vocabulary::Outcome;
use builder::inspect::graphs;

use super::Context;
use super::tree::named;
use crate::flags::Why;

impl Context<'_> {
    pub(super) fn why(&self, flags: &Why) -> Result<Outcome> {
        let picture = self.picture(&self.look(&flags.selected)?, false)?;
        let (mut texts, mut json) = (Vec::new(), Vec::new());
        for node in named(&picture, &flags.name)? {
            let found = graphs::paths(&picture, node, flags.limit);
            texts.push(found.to_text(&picture, node));
            json.extend(found.to_json(&picture, node));
            if found.more {
                texts.push(format!("… and more; `--limit` is {}", flags.limit));
            }
        }
        self.print(&serde_json::json!({ "paths": json }), &texts.join("\n"));
        Ok(Outcome::Good)
    }
}
