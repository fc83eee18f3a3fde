//! `nix print`: what a packager pastes, with today's hashes, and where Nix will put it.

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::json;

use super::check::{relative, wheelhouse_name};
use crate::commands::Context;
use crate::flags::NixPrint;
use base::nar::{Content, STORE, store_path};
use base::vocabulary::{Outcome, Problem};

impl Context<'_> {
    pub(super) fn nix_print(&self, flags: &NixPrint) -> Result<Outcome> {
        let located = self.recipe(flags.recipe.as_deref())?;
        let (name, ledger) = (&located.recipe.name, located.read_ledger()?);
        if ledger.target.is_empty() {
            return Err(Problem::new(format!("the ledger of `{name}` pins nothing"))
                .fact("ledger", located.ledger.display())
                .hint(format!("`lockstep bless {name}` writes it"))
                .into());
        }
        let (_, build_lock) = located.read_build_lock()?;
        let from = relative(&located.ledger, self.root);
        let (mut text, mut rows) = (String::new(), Vec::new());
        for (target, it) in &ledger.target {
            if it.build_lock != build_lock {
                return Err(Problem::new(format!(
                    "the ledger of `{name}` is of another build lock"
                ))
                .outcome(Outcome::GoldenMismatch)
                .fact("ledger", it.build_lock)
                .fact("build lock", build_lock)
                .hint(format!("`lockstep bless {name}` shows what changes, and pins it"))
                .into());
            }
            let derivation = wheelhouse_name(name, target, [it.lock, it.build_lock]);
            let path = store_path(STORE, Content::Recursive(it.nar_hash.0), &derivation)?;
            let hash = it.nar_hash.0.to_sri();
            writeln!(
                text,
                "# {target}, by {from}; Nix puts it at\n# {path}\n{{\n  name = \
                 \"{derivation}\";\n  outputHashMode = \"recursive\";\n  outputHashAlgo = \
                 \"sha256\";\n  outputHash = \"{hash}\"; # lockstep: {name}\n}}"
            )?;
            rows.push(json!({
                "target": target, "name": derivation, "outputHash": hash, "path": path,
            }));
        }
        self.print(&json!({ "wheelhouses": rows }), text.trim_end());
        Ok(Outcome::Good)
    }
}
