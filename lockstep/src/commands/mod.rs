//! One function per command: from what was typed to the pipeline and back to a person.

mod compare;
mod graphs;
mod inside;
mod keep;
mod look;
mod make;
mod pin;
mod verify_repro;

use std::path::Path;

use anyhow::Result;

use crate::flags::{Cli, Colour, Command, Global, ProviderName};
use crate::screen::Screen;
use base::recipe::{Provider, Recipe};
use base::recipe_file::RecipeFile;
use base::sys::Host;
use base::sys::env::Environment;
use base::sys::sandbox::Surroundings;
use base::vocabulary::{Outcome, Progress as _};
use builder::fetch::Settings;
use builder::pipeline::Options;
use builder::toolchain::uv::provide_uv;

/// Runs what was typed.
pub(crate) fn run(cli: Cli) -> Result<Outcome> {
    let Cli { global, command } = cli;
    match global.color {
        Colour::Auto => {}
        Colour::Always => anstream::ColorChoice::Always.write_global(),
        Colour::Never => anstream::ColorChoice::Never.write_global(),
    }
    // Whatever the caller's umask is, modes of files are ours.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let command = match command {
        Command::Compare(flags) => return compare::run(flags, &global),
        command => command,
    };
    let environment = Environment::capture();
    let cache = match &global.cache_dir {
        Some(dir) => dir.clone(),
        None => environment.cache_dir()?,
    };
    let cache = std::path::absolute(cache)?;
    let root = match &global.root {
        Some(root) => std::path::absolute(root)?,
        None => RecipeFile::root_above(&std::path::absolute(".")?),
    };
    let screen = Screen::new(global.quiet);
    let host = Host { environment: &environment, cache: &cache, progress: &screen };
    let surroundings = match &global.surroundings {
        Some(file) => Surroundings::read(file)?,
        None => Surroundings::default(),
    };
    let context = Context { global: &global, root: &root, host, screen: &screen, surroundings };
    let waiting = || screen.note("waiting for `gc`, which removes things from the cache");
    let _using = match command {
        // `gc` holds the cache alone, and `verify-repro` while its rounds run; the others hold
        // nothing of it.
        Command::Gc(_) | Command::Hash(_) | Command::Doctor | Command::VerifyRepro(_) => None,
        _ => Some(base::sys::cache::hold(&cache, waiting)?),
    };
    let outcome = match command {
        Command::Build(flags) => context.build(&flags),
        Command::Fetch(flags) => context.fetch(&flags),
        Command::Resolve(flags) => context.resolve(&flags),
        Command::Tree(flags) => context.tree(&flags),
        Command::Why(flags) => context.why(&flags),
        Command::Graph(flags) => context.graph(&flags),
        Command::BuildLock(flags) => context.build_lock(&flags),
        Command::Bless(flags) => context.bless(&flags),
        Command::Hash(flags) => context.hash(&flags),
        Command::Run(flags) => context.run(&flags),
        Command::Enter(flags) => context.enter(&flags),
        Command::Shell(flags) => context.shell(&flags),
        Command::WhyRebuild(flags) => context.why_rebuild(&flags),
        Command::Gc(flags) => context.gc(&flags),
        Command::Doctor => context.doctor(),
        Command::VerifyRepro(flags) => context.verify_repro(flags),
        Command::Compare(_) => unreachable!("it was run above"),
    };
    screen.clear();
    outcome
}

/// What every command has at hand.
struct Context<'a> {
    global: &'a Global,
    root: &'a Path,
    host: Host<'a>,
    screen: &'a Screen,
    surroundings: Surroundings,
}

fn provider(name: ProviderName) -> Provider {
    match name {
        ProviderName::Debian => Provider::Debian,
        ProviderName::Host => Provider::Host,
    }
}

impl Context<'_> {
    /// What is asked for beside what a command's own flags say.
    fn options(&self) -> Options {
        Options { surroundings: self.surroundings.clone(), ..Options::default() }
    }

    /// Prints a result: JSON if that was asked for, else the text.
    fn print(&self, json: &serde_json::Value, text: &str) {
        self.screen.clear();
        if self.global.json {
            anstream::println!("{json:#}");
        } else if !text.is_empty() {
            anstream::println!("{text}");
        }
    }

    fn settings(&self, recipe: &Recipe) -> Result<Settings> {
        let uv = provide_uv(&self.host)?;
        Ok(Settings { index: recipe.index, uv: Some(uv.path), ..Settings::default() })
    }
}
