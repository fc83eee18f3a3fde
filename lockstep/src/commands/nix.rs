//! `nix`: what connects recipes and Nix's files, and builders of small derivations that the library
//! in `nix/` is made of.

mod check;
mod hashes;
mod print;

use anyhow::Result;

use super::Context;
use super::derivation::Derivation;
use crate::flags::{Nix, NixPython};
use base::vocabulary::{Outcome, Problem};
use builder::toolchain::make_interpreter;
use builder::toolchain::uv::provide_uv;

impl Context<'_> {
    pub(super) fn nix(&self, command: &Nix) -> Result<Outcome> {
        match command {
            Nix::Print(flags) => self.nix_print(flags),
            Nix::Check(flags) => self.nix_check(flags),
            Nix::Uv => self.nix_uv(),
            Nix::Python(flags) => self.nix_python(flags),
        }
    }

    /// The derivation that this process builds.
    pub(super) fn derivation(&self) -> Result<&Derivation, Problem> {
        let none = || Problem::usage("this process is not the builder of a Nix derivation");
        self.derivation.as_ref().ok_or_else(none)
    }

    fn nix_uv(&self) -> Result<Outcome> {
        let uv = provide_uv(&self.host)?;
        self.derivation()?.put(&uv.path)?;
        Ok(Outcome::Good)
    }

    fn nix_python(&self, flags: &NixPython) -> Result<Outcome> {
        let derivation = self.derivation()?;
        let work = derivation.top.join("launcher");
        make_interpreter(&flags.root_fs, &flags.python, &derivation.out, &work)?;
        Ok(Outcome::Good)
    }
}
