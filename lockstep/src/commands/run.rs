//! `run`: a command in the finished output; and how every command opens a sandbox for a person.

use std::path::Path;

use anyhow::Result;
use fs_err as fs;

use super::{Context, provider};
use crate::flags::{Run, Seen};
use base::sys::files::sorted_entries;
use base::sys::sandbox::{Invocation, Network, OutputTo, RootFs, Sandbox};
use base::vocabulary::{Outcome, Problem};
use builder::finish::checks;
use builder::install::output::Output;
use builder::pipeline::{self, Options};
use builder::toolchain::NETWORK_FILES;

impl Context<'_> {
    pub(super) fn run(&self, flags: &Run) -> Result<Outcome> {
        let located = self.recipe(flags.recipe.as_deref())?;
        let options = Options {
            source: flags.source.clone(),
            toolchain: flags.toolchain.map(provider),
            unchecked_serves: true,
            ..self.options()
        };
        let (report, toolchain) = pipeline::build_with_toolchain(&located, &options, self.host)?;
        let output = Output {
            root: report.output,
            prefix: report.prefix.clone(),
            site_packages: located.recipe.site_packages(),
        };
        let sandbox = checks::at_prefix(toolchain.sandbox(), &output);
        let sandbox = with(room_for(sandbox, &output, &flags.seen.bind)?, &flags.seen)?;
        self.screen.clear();
        inherit(&sandbox, &command_or_shell(&flags.command, &report.prefix))
    }
}

/// Makes room for what is bound below the prefix where the output has nothing: a mount point would
/// be made in the published output. Instead the directory around it is put together in memory, of
/// what the output has there.
fn room_for(mut sandbox: Sandbox, output: &Output, binds: &[String]) -> Result<Sandbox> {
    for bind in binds {
        let (_, inside) = pair(bind, ':', "--bind", "HOST:INSIDE")?;
        let Ok(below) = Path::new(inside).strip_prefix(&output.prefix) else {
            continue;
        };
        let mut around = output.root.clone();
        let mut at = output.prefix.clone();
        for name in below {
            let next = around.join(name);
            let Ok(metadata) = fs::symlink_metadata(&next) else {
                sandbox = sandbox.tmpfs(&at);
                for entry in sorted_entries(&around)? {
                    // A link that leads nowhere in the output leads nowhere in its copy.
                    if entry.path().exists() {
                        let name = entry.file_name().to_string_lossy().into_owned();
                        sandbox = sandbox.bind_ro(&entry.path(), &format!("{at}/{name}"));
                    }
                }
                break;
            };
            if metadata.is_symlink() {
                let problem = Problem::usage(format!("cannot bind at `{inside}`"));
                let link = next.strip_prefix(&output.root).unwrap_or(&next).display().to_string();
                return Err(problem
                    .fact("because", format!("`{link}` of the output is a symlink"))
                    .hint("bind at what it leads to")
                    .into());
            }
            around = next;
            at = format!("{at}/{}", name.display());
        }
    }
    Ok(sandbox)
}

/// What a person typed, else a shell.
pub(super) fn command_or_shell(typed: &[String], directory: &str) -> Invocation {
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
pub(super) fn with(mut sandbox: Sandbox, seen: &Seen) -> Result<Sandbox> {
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
        sandbox = sandbox.bind_shared(&std::path::absolute(from)?, inside);
    }
    Ok(sandbox)
}

/// Passes the exit code of what ran on as this process's own.
pub(super) fn inherit(sandbox: &Sandbox, invocation: &Invocation) -> Result<Outcome> {
    let finished = sandbox.run(invocation, OutputTo::Inherit)?;
    if finished.success() {
        return Ok(Outcome::Good);
    }
    std::process::exit(finished.code)
}

pub(super) fn pair<'a>(
    text: &'a str,
    separator: char,
    flag: &str,
    form: &str,
) -> Result<(&'a str, &'a str)> {
    Ok(text
        .split_once(separator)
        .ok_or_else(|| Problem::usage(format!("`{flag} {text}` is not of the form `{form}`")))?)
}
