//! One function per command: from what was typed to the pipeline and back to a person.

mod bless;
mod build;
mod build_lock;
mod compare;
mod doctor;
mod enter;
mod fetch;
mod gate;
mod gc;
mod graph;
mod hash;
mod init;
mod listing;
mod resolve;
mod review;
mod run;
mod shell;
mod toolchain_lock;
mod tree;
mod verify_repro;
mod why;
mod why_rebuild;

use std::path::Path;

use anyhow::Result;

use crate::flags::{Cli, Colour, Command, Global, ProviderName};
use crate::screen::Screen;
use crate::typed::Typed;
use base::recipe::{Provider, Recipe};
use base::recipe_file::RecipeFile;
use base::sys::cache::WORK;
use base::sys::env::Environment;
use base::sys::sandbox::Surroundings;
use base::sys::{Host, disk};
use base::vocabulary::{Outcome, Problem, Progress as _};
use builder::fetch::Settings;
use builder::fetch::application::LocatedRecipe;
use builder::pipeline::Options;
use builder::toolchain::uv::{OTHER_UV, provide_uv};

/// Runs what was typed.
pub(crate) fn run(cli: Cli, typed: &Typed) -> Result<Outcome> {
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
        Command::Hash(flags) => return hash::run(&flags, &global),
        Command::Gate(flags) => return gate::run(flags, &global, typed),
        command => command,
    };
    let mut environment = Environment::capture();
    if let Some(uv) = &global.uv {
        let uv = std::path::absolute(uv)?;
        environment = environment.with(OTHER_UV, &uv.to_string_lossy());
    }
    let cache = match &global.cache_dir {
        Some(dir) => std::path::absolute(dir)?,
        None => std::path::absolute(environment.cache_dir()?)?,
    };
    let root = match &global.root {
        Some(root) => std::path::absolute(root)?,
        None => RecipeFile::root_above(&std::path::absolute(".")?),
    };
    let screen = Screen::new(global.quiet, typed);
    let host = Host { environment: &environment, cache: &cache, progress: &screen };
    let surroundings = match &global.surroundings {
        Some(file) => Surroundings::read(file)?,
        None => Surroundings::default(),
    };
    let context =
        Context { global: &global, root: &root, host, screen: &screen, typed, surroundings };
    let waiting = || screen.note("waiting for `gc`, which removes things from the cache");
    let _using = match command {
        // `gc` holds the cache alone, and `verify-repro` while its rounds run; the others hold
        // nothing of it.
        Command::Gc(_) | Command::Doctor | Command::VerifyRepro(_) => None,
        _ => Some(base::sys::cache::hold(&cache, waiting)?),
    };
    let outcome = match command {
        Command::Build(flags) => context.build(&flags),
        Command::Fetch(flags) => context.fetch(&flags),
        Command::Resolve(flags) => context.resolve(&flags),
        Command::Tree(flags) => context.tree(&flags),
        Command::Why(flags) => context.why(&flags),
        Command::Graph(flags) => context.graph(&flags),
        Command::Init(flags) => context.init(&flags),
        Command::BuildLock(flags) => context.build_lock(&flags),
        Command::ToolchainLock(flags) => context.toolchain_lock(&flags),
        Command::Bless(flags) => context.bless(&flags),
        Command::Listing(flags) => context.listing(&flags),
        Command::Run(flags) => context.run(&flags),
        Command::Enter(flags) => context.enter(&flags),
        Command::Shell(flags) => context.shell(&flags),
        Command::WhyRebuild(flags) => context.why_rebuild(&flags),
        Command::Gc(flags) => context.gc(&flags),
        Command::Doctor => context.doctor(),
        Command::VerifyRepro(flags) => context.verify_repro(flags),
        Command::Review(flags) => context.review(&flags),
        Command::Compare(_) | Command::Hash(_) | Command::Gate(_) => {
            unreachable!("it was run above")
        }
    };
    screen.clear();
    outcome.map_err(|error| full_disk_named(error, &cache))
}

/// Whatever ran into a full disk, the message says so.
fn full_disk_named(error: anyhow::Error, cache: &Path) -> anyhow::Error {
    match error.downcast::<Problem>() {
        // The two can be on two disks.
        Ok(problem) => {
            [cache.join(WORK).as_path(), cache].into_iter().fold(problem, disk::failed_below).into()
        }
        Err(error) => error,
    }
}

/// What every command has at hand.
struct Context<'a> {
    global: &'a Global,
    root: &'a Path,
    host: Host<'a>,
    screen: &'a Screen<'a>,
    typed: &'a Typed,
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

    /// The recipe that was typed, else the only one.
    fn recipe_name(&self, typed: Option<&str>) -> Result<String> {
        Ok(match typed {
            Some(name) => name.to_owned(),
            None => RecipeFile::only(self.root)?,
        })
    }

    /// Reads the recipe that was typed, else the only one.
    fn recipe(&self, typed: Option<&str>) -> Result<LocatedRecipe> {
        Ok(LocatedRecipe::find(self.root, &self.recipe_name(typed)?)?)
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
