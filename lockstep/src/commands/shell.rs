//! `shell`: a shell in a recipe's toolchain, as builds see it.

use anyhow::Result;
use base::vocabulary::Outcome;
use builder::pipeline::{self, Options};
use builder::toolchain::uv::provide_uv;

use super::run::{command_or_shell, inherit, with};
use super::{Context, provider};
use crate::flags::Shell;

impl Context<'_> {
    pub(super) fn shell(&self, flags: &Shell) -> Result<Outcome> {
        let located = self.recipe(flags.recipe.as_deref())?;
        let options =
            Options { toolchain: flags.toolchain.toolchain.map(provider), ..self.options() };
        let target = &located.recipe.targets[0];
        let uv = provide_uv(&self.host)?;
        let toolchain = pipeline::provide_toolchain(&located, target, &options, self.host)?;
        uv.try_in(&toolchain)?;
        let sandbox = toolchain
            .sandbox()
            .tmpfs("/build")
            .bind_ro(&uv.path, "/build/tools/uv")
            .env("PATH", "/build/tools:/usr/bin:/bin:/usr/sbin:/sbin")
            .env("PYTHON", &toolchain.python);
        let sandbox = with(sandbox, &flags.seen)?;
        self.screen.clear();
        inherit(&sandbox, &command_or_shell(&flags.command, "/build"))
    }
}
