//! `hash`: the NAR hash of a path. Needs no cache and no recipe.

use anyhow::Result;
use base::nar;
use base::vocabulary::Outcome;
use serde_json::json;

use crate::flags::{Global, Hash};

pub(super) fn run(flags: &Hash, global: &Global) -> Result<Outcome> {
    let hash = nar::hash_path(&flags.path)?;
    if global.json {
        anstream::println!("{:#}", json!({ "nar-hash": hash.to_sri(), "sha256": hash }));
    } else {
        anstream::println!("{}", hash.to_sri());
    }
    Ok(Outcome::Good)
}
