//! `hash`: the NAR hash of a path. Needs no cache and no recipe.

use anyhow::Result;
use base::nar;
use base::vocabulary::Outcome;
use serde_json::json;

use super::Context;
use crate::flags::Hash;

impl Context<'_> {
    pub(super) fn hash(&self, flags: &Hash) -> Result<Outcome> {
        let hash = nar::hash_path(&flags.path)?;
        let json = json!({ "nar-hash": hash.to_sri(), "sha256": hash });
        self.print(&json, &hash.to_sri());
        Ok(Outcome::Good)
    }
}
