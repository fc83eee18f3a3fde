//! `run`, `enter` and `shell`: what runs in a sandbox for a person.

use std::path::Path;

use anyhow::Result;
use fs_err as fs;

use super::{Context, provider};
use crate::flags::{Enter, Run, Seen, Shell};
use base::sys::sandbox::{Invocation, Network, OutputTo, RootFs, Sandbox};
use base::vocabulary::{Outcome, Problem};
use builder::build::workshop::{SCENE_FILE, Scene};
use builder::fetch::application::LocatedRecipe;
use builder::finish::checks;
use builder::install::output::Output;
use builder::pipeline::{self, Options};
use builder::toolchain::NETWORK_FILES;
use builder::toolchain::uv::provide_uv;

impl Context<'_> {
    pub(super) fn run(&self, flags: &Run) -> Result<Outcome> {
        let located = LocatedRecipe::find(self.root, &flags.recipe)?;
        let options = Options {
            source: flags.source.clone(),
            toolchain: flags.toolchain.map(provider),
            ..self.options()
        };
        let (report, toolchain) = pipeline::build_with_toolchain(&located, &options, self.host)?;
        let output = Output {
            root: report.output,
            prefix: report.prefix.clone(),
            site_packages: located.recipe.site_packages(),
        };
        let sandbox = with(checks::at_prefix(toolchain.sandbox(), &output), &flags.seen)?;
        self.screen.clear();
        inherit(&sandbox, &command_or_shell(&flags.command, &report.prefix))
    }

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

impl Context<'_> {
    pub(super) fn shell(&self, flags: &Shell) -> Result<Outcome> {
        let located = LocatedRecipe::find(self.root, &flags.recipe)?;
        let options = Options {
            toolchain: flags.toolchain.toolchain.map(provider),
            refresh_toolchain: flags.toolchain.refresh_toolchain,
            ..self.options()
        };
        let target = &located.recipe.targets[0];
        let uv = provide_uv(&self.host)?;
        let toolchain = pipeline::provide_toolchain(&located, target, &options, self.host)?;
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

/// What a person typed, else a shell.
fn command_or_shell(typed: &[String], directory: &str) -> Invocation {
    let [program, arguments @ ..] = typed else {
        return command_or_shell(&["/bin/bash".to_owned()], directory);
    };
    Invocation {
        program: program.clone(),
        arguments: arguments.to_vec(),
        directory: directory.to_owned(),
    }
}

/// Adds what a person asked for.
fn with(mut sandbox: Sandbox, seen: &Seen) -> Result<Sandbox> {
    if seen.network {
        sandbox = sandbox.network(Network::Host);
        if let RootFs::Dir(_) = sandbox.root() {
            let files = NETWORK_FILES.map(|file| format!("/{file}"));
            // A machine without a resolver still has a loopback.
            for file in files.iter().filter(|file| Path::new(file).exists()) {
                sandbox = sandbox.bind_ro(Path::new(file), file);
            }
        }
    }
    for variable in &seen.env {
        let (key, value) = pair(variable, '=', "--env", "K=V")?;
        sandbox = sandbox.env(key, value);
    }
    for bind in &seen.bind {
        let (from, inside) = pair(bind, ':', "--bind", "HOST:INSIDE")?;
        sandbox = sandbox.bind_rw(&std::path::absolute(from)?, inside);
    }
    Ok(sandbox)
}

/// Passes the exit code of what ran on as this process's own.
fn inherit(sandbox: &Sandbox, invocation: &Invocation) -> Result<Outcome> {
    let finished = sandbox.run(invocation, OutputTo::Inherit)?;
    if finished.success() {
        return Ok(Outcome::Good);
    }
    std::process::exit(finished.code)
}

fn pair<'a>(text: &'a str, separator: char, flag: &str, form: &str) -> Result<(&'a str, &'a str)> {
    Ok(text
        .split_once(separator)
        .ok_or_else(|| Problem::usage(format!("`{flag} {text}` is not of the form `{form}`")))?)
}
