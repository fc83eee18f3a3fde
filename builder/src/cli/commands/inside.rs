//! `run`, `enter` and `shell`: what runs in a sandbox for a person.

use std::path::Path;

use anyhow::Result;
use fs_err as fs;

use super::{Context, provider};
use crate::checks;
use crate::cli::flags::{Enter, Run, Shell};
use crate::inputs::LocatedRecipe;
use crate::output::Output;
use crate::pipeline::{self, Options};
use crate::sys::sandbox::{Invocation, Network, OutputTo, RootFs, Sandbox};
use crate::toolchain::NETWORK_FILES;
use crate::toolchain::uv::provide_uv;
use crate::vocabulary::{Outcome, Problem};
use crate::wheels::workshop::{SCENE_FILE, Scene};

impl Context<'_> {
    pub(super) fn run(&self, flags: &Run) -> Result<Outcome> {
        let located = LocatedRecipe::find(self.root, &flags.recipe)?;
        let options = Options {
            source: flags.source.clone(),
            toolchain: flags.toolchain.map(provider),
            ..Options::default()
        };
        let (report, toolchain) = pipeline::build_with_toolchain(&located, &options, self.host)?;
        let output = Output {
            root: report.output,
            prefix: report.prefix.clone(),
            site_packages: located.recipe.site_packages(),
        };
        let mut sandbox = checks::at_prefix(toolchain.sandbox(), &output);
        if flags.network {
            sandbox = sandbox.network(Network::Host);
        }
        sandbox = with(sandbox, &flags.env, &flags.bind)?;
        let [program, arguments @ ..] = &flags.command[..] else {
            return Err(Problem::usage("no command was given").into());
        };
        let invocation = Invocation {
            program: program.clone(),
            arguments: arguments.to_vec(),
            directory: report.prefix,
        };
        self.screen.clear();
        inherit(&sandbox, &invocation)
    }

    pub(super) fn enter(&self, flags: &Enter) -> Result<Outcome> {
        let file = flags.directory.join(SCENE_FILE);
        let text = fs::read(&file).map_err(|error| {
            Problem::usage(format!("`{}` is not a failed build", flags.directory.display()))
                .cause(error)
                .hint("a failed build names its directory, which stays until you remove it")
        })?;
        let scene: Scene = serde_json::from_slice(&text)?;
        let shell = ["/bin/bash".to_owned()];
        let command = if flags.command.is_empty() { &shell[..] } else { &flags.command[..] };
        let invocation = Invocation {
            program: command[0].clone(),
            arguments: command[1..].to_vec(),
            directory: scene.invocation.directory.clone(),
        };
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
            ..Options::default()
        };
        let target = &located.recipe.targets[0];
        let uv = provide_uv(&self.host)?;
        let toolchain = pipeline::provide_toolchain(&located, target, &options, self.host)?;
        let mut sandbox = toolchain
            .sandbox()
            .tmpfs("/build")
            .bind_ro(&uv.path, "/build/tools/uv")
            .env("PATH", "/build/tools:/usr/bin:/bin:/usr/sbin:/sbin");
        if flags.network {
            sandbox = sandbox.network(Network::Host);
            if let RootFs::Dir(_) = toolchain.root {
                for file in NETWORK_FILES.map(|file| format!("/{file}")) {
                    sandbox = sandbox.bind_ro(Path::new(&file), &file);
                }
            }
        }
        let sandbox = with(sandbox, &flags.env, &flags.bind)?;
        let shell = ["/bin/bash".to_owned()];
        let command = if flags.command.is_empty() { &shell[..] } else { &flags.command[..] };
        let invocation = Invocation {
            program: command[0].clone(),
            arguments: command[1..].to_vec(),
            directory: "/build".to_owned(),
        };
        self.screen.clear();
        inherit(&sandbox, &invocation)
    }
}

/// Adds what a person asked for.
fn with(mut sandbox: Sandbox, env: &[String], bind: &[String]) -> Result<Sandbox> {
    for variable in env {
        let (key, value) = pair(variable, '=', "--env", "K=V")?;
        sandbox = sandbox.env(key, value);
    }
    for bind in bind {
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
