//! `enter`: a shell in the sandbox of a failed build.

use anyhow::Result;
use base::vocabulary::{Outcome, Problem};
use builder::build::{SCENE_FILE, Scene};
use fs_err as fs;

use super::Context;
use super::run::{command_or_shell, inherit};
use crate::flags::Enter;

impl Context<'_> {
    pub(super) fn enter(&self, flags: &Enter) -> Result<Outcome> {
        let file = flags.directory.join(SCENE_FILE);
        let text = fs::read(&file).map_err(|error| {
            Problem::usage(format!("`{}` is not a failed build", flags.directory.display()))
                .cause(error)
                .hint("a failed build names its directory, which stays until you remove it")
        })?;
        let scene: Scene = serde_json::from_slice(&text)?;
        let invocation = command_or_shell(&flags.command, &scene.invocation.directory);
        self.screen.clear();
        if !self.global.quiet {
            anstream::eprintln!("what failed here: {}", scene.invocation.arguments.join(" "));
        }
        inherit(&scene.sandbox, &invocation)
    }
}
