//! One function per command: from what was typed to the pipeline and back to a person.

use std::path::{Path, PathBuf};

use anyhow::Result;
use fs_err as fs;
use serde_json::json;

use super::flags::{
    Bless, Build, BuildLock, Cli, Colour, Command, Enter, Fetch, Global, Hash, ProviderName,
    Resolve, Run,
};
use super::screen::{self, Screen};
use crate::fetch::Settings;
use crate::inputs::{Application, LocatedRecipe};
use crate::nar;
use crate::output::Output;
use crate::phase1;
use crate::pipeline::{self, Options};
use crate::recipe::{Provider, Recipe, Selection};
use crate::relock::Maker;
use crate::resolve;
use crate::sys::Host;
use crate::sys::env::Environment;
use crate::sys::files::{WorkDir, write_atomically};
use crate::sys::sandbox::{Invocation, Network, OutputTo, Sandbox};
use crate::toolchain::uv::provide_uv;
use crate::vocabulary::target::PLATFORM_EXAMPLES;
use crate::vocabulary::{Outcome, Problem, Target};
use crate::wheels::workshop::{SCENE_FILE, Scene};
use crate::{checks, doctor};

/// Runs what was typed.
pub fn run(cli: Cli) -> Result<Outcome> {
    let Cli { global, command } = cli;
    match global.color {
        Colour::Auto => {}
        Colour::Always => anstream::ColorChoice::Always.write_global(),
        Colour::Never => anstream::ColorChoice::Never.write_global(),
    }
    // Whatever the caller's umask is, modes of files are ours.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let environment = Environment::capture();
    let cache = match &global.cache_dir {
        Some(dir) => dir.clone(),
        None => environment.cache_dir()?,
    };
    let cache = std::path::absolute(cache)?;
    let root = std::path::absolute(global.root.clone().unwrap_or_else(|| PathBuf::from(".")))?;
    let screen = Screen::new(global.quiet || global.json);
    let host = Host { environment: &environment, cache: &cache, progress: &screen };
    let context = Context { global: &global, root: &root, host, screen: &screen };
    let outcome = match command {
        Command::Build(flags) => context.build(&flags),
        Command::Fetch(flags) => context.fetch(&flags),
        Command::Resolve(flags) => context.resolve(&flags),
        Command::BuildLock(flags) => context.build_lock(&flags),
        Command::Bless(flags) => context.bless(&flags),
        Command::Hash(flags) => context.hash(&flags),
        Command::Run(flags) => context.run(&flags),
        Command::Enter(flags) => context.enter(&flags),
        Command::Doctor => context.doctor(),
    };
    screen.clear();
    outcome
}

struct Context<'a> {
    global: &'a Global,
    root: &'a Path,
    host: Host<'a>,
    screen: &'a Screen,
}

fn provider(name: ProviderName) -> Provider {
    match name {
        ProviderName::Debian => Provider::Debian,
        ProviderName::Host => Provider::Host,
    }
}

impl Context<'_> {
    fn work(&self, label: &str) -> Result<WorkDir> {
        let work = WorkDir::create(&self.host.cache.join("work"), label);
        Ok(work.map_err(|error| {
            Problem::new("cannot make a directory to work in")
                .cause(error)
                .hint("`--cache-dir DIR` names another cache")
        })?)
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

    fn build(&self, flags: &Build) -> Result<Outcome> {
        let located = LocatedRecipe::find(self.root, &flags.which.recipe)?;
        let options = Options {
            source: flags.which.source.clone(),
            toolchain: flags.toolchain.toolchain.map(provider),
            refresh_toolchain: flags.toolchain.refresh_toolchain,
            rebuild: flags.rebuild,
            jobs: flags.jobs,
        };
        let report = pipeline::build(&located, &options, self.host)?;
        let link = (!flags.no_out_link).then_some(flags.out_link.as_path());
        if let Some(link) = link {
            replace_link(link, &report.output)?;
        }
        self.screen.clear();
        if self.global.json {
            anstream::println!("{:#}", serde_json::to_value(&report)?);
        } else if !self.global.quiet {
            let link = link.map(|link| link.display().to_string());
            anstream::eprint!("{}", screen::build_summary(&report, link.as_deref()));
        }
        Ok(Outcome::Good)
    }

    fn settings(&self, recipe: &Recipe) -> Result<Settings> {
        let uv = provide_uv(&self.host)?;
        Ok(Settings { index: recipe.index, uv: Some(uv.path), ..Settings::default() })
    }

    fn fetch(&self, flags: &Fetch) -> Result<Outcome> {
        let located = LocatedRecipe::find(self.root, &flags.which.recipe)?;
        let work = self.work("fetch")?;
        let settings = self.settings(&located.recipe)?;
        let source = flags.which.source.as_deref();
        let mut rows = Vec::new();
        let mut text = Vec::new();
        for target in chosen(&located.recipe, flags.platform.as_deref())? {
            let dir = work.path().join(target.to_string());
            let fetched = phase1::fetch(&located, target, source, &dir, &settings, self.host)?;
            if !flags.no_golden {
                fetched.judge(&located)?;
            }
            let hash = fetched.wheelhouse.nar_hash.to_sri();
            text.push(format!("{target}  {hash}  {}", fetched.wheelhouse.path.display()));
            rows.push(json!({
                "target": target.to_string(),
                "nar-hash": hash,
                "path": fetched.wheelhouse.path,
                "files": fetched.wheelhouse.files.len(),
                "bytes": fetched.wheelhouse.files.iter().map(|file| file.size).sum::<u64>(),
            }));
        }
        self.print(&json!({ "wheelhouses": rows }), &text.join("\n"));
        Ok(Outcome::Good)
    }

    fn resolve(&self, flags: &Resolve) -> Result<Outcome> {
        let mut selection = Selection::default();
        let work;
        let (tree, python, platform) = if let Some(workspace) = &flags.workspace {
            (workspace.clone(), "3.14".to_owned(), "linux".to_owned())
        } else {
            let name = flags.recipe.as_deref().unwrap_or("sample");
            let located = LocatedRecipe::find(self.root, name)?;
            let target = &located.recipe.targets[0];
            selection = located.recipe.selection.clone();
            work = self.work("resolve")?;
            let tree = work.path().join("tree");
            let settings = match located.recipe.source {
                crate::recipe::Source::Path(_) => Settings::default(),
                crate::recipe::Source::Url { .. } if flags.source.is_some() => Settings::default(),
                crate::recipe::Source::Url { .. } => self.settings(&located.recipe)?,
            };
            let source = flags.source.as_deref();
            Application::load(&located, source, &tree, &settings, self.host)?;
            (tree, target.python().to_string(), target.platform().to_owned())
        };
        add_selection(&mut selection, flags)?;
        let python = flags.python.as_ref().unwrap_or(&python);
        let platform = flags.platform.as_ref().unwrap_or(&platform);
        let target = Target::new(python, platform).map_err(|error| {
            Problem::usage(error.to_string()).hint(format!("try one of {PLATFORM_EXAMPLES}"))
        })?;
        let application = Application::read(&tree)?;
        application.warn_unknown(self.host);
        let resolution =
            resolve::resolve(&application.lock, &application.project, &target, &selection)?;
        let rows = resolution.distributions.iter().map(|it| {
            let version = it.version.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("{:<32} {version:<16} {}", it.name.to_string(), it.artifact.kind())
        });
        let text = rows.collect::<Vec<_>>().join("\n");
        self.print(&serde_json::to_value(resolution.to_json())?, &text);
        Ok(Outcome::Good)
    }

    fn build_lock(&self, flags: &BuildLock) -> Result<Outcome> {
        let located = LocatedRecipe::find(self.root, &flags.which.recipe)?;
        let work = self.work("build-lock")?;
        let uv = provide_uv(&self.host)?;
        let settings = Settings {
            index: located.recipe.index,
            uv: Some(uv.path.clone()),
            ..Settings::default()
        };
        let source = flags.which.source.as_deref();
        let tree = work.path().join("tree");
        let application = Application::load(&located, source, &tree, &settings, self.host)?;
        application.warn_unknown(self.host);
        let options = Options {
            toolchain: flags.toolchain.toolchain.map(provider),
            refresh_toolchain: flags.toolchain.refresh_toolchain,
            ..Options::default()
        };
        let target = &located.recipe.targets[0];
        let toolchain = pipeline::provide_toolchain(&located, target, &options, self.host)?;
        let maker = Maker {
            located: &located,
            application: &application,
            toolchain: &toolchain,
            uv: &uv,
            settings: &settings,
            work: work.path(),
        };
        let lock = maker.make(flags.exclude_newer.as_deref(), self.host)?;
        let text = lock.to_toml();
        let old = fs::read_to_string(&located.build_lock).unwrap_or_default();
        let shown = located.build_lock.display().to_string();
        let changed = text != old;
        if flags.check && changed {
            return Err(Problem::new(format!("`{shown}` is not what `build-lock` would write"))
                .outcome(Outcome::Policy)
                .hint(format!("`cargo xtask build-lock {}` writes it", located.recipe.name))
                .into());
        }
        if changed {
            write_atomically(&located.build_lock, text.as_bytes())?;
        }
        let builds = lock.builds.len();
        let wheels = lock.wheels.values().map(Vec::len).sum::<usize>();
        let verb = if changed { "wrote" } else { "unchanged:" };
        self.print(
            &json!({ "path": located.build_lock, "changed": changed, "builds": builds, "wheels": wheels }),
            &format!("{verb} {shown} ({builds} builds, {wheels} wheels)"),
        );
        Ok(Outcome::Good)
    }

    fn bless(&self, flags: &Bless) -> Result<Outcome> {
        let located = LocatedRecipe::find(self.root, &flags.which.recipe)?;
        let work = self.work("bless")?;
        let settings = self.settings(&located.recipe)?;
        let source = flags.which.source.as_deref();
        let old = located.read_ledger()?;
        let mut new = crate::ledger::Ledger::default();
        for target in &located.recipe.targets {
            let dir = work.path().join(target.to_string());
            let fetched = phase1::fetch(&located, target, source, &dir, &settings, self.host)?;
            new.target.insert(target.to_string(), fetched.ledger_entry());
        }
        let (before, after) = (old.to_toml(), new.to_toml());
        let changed = before != after;
        let difference = similar::TextDiff::from_lines(&before, &after)
            .unified_diff()
            .context_radius(1)
            .header("golden", "found")
            .to_string();
        self.screen.clear();
        if changed && !self.global.json && !old.target.is_empty() {
            anstream::print!("{difference}");
        }
        if changed {
            write_atomically(&located.ledger, after.as_bytes())?;
        }
        let hashes =
            new.target.iter().map(|(target, entry)| format!("{target}  {}", entry.nar_hash));
        let verb = if changed { "wrote" } else { "unchanged:" };
        let shown = located.ledger.display();
        let text = format!("{}\n{verb} {shown}", hashes.collect::<Vec<_>>().join("\n"));
        self.print(&json!({ "path": located.ledger, "changed": changed, "ledger": new }), &text);
        Ok(Outcome::Good)
    }

    fn hash(&self, flags: &Hash) -> Result<Outcome> {
        let hash = nar::hash_path(&flags.path)?;
        let json = json!({ "nar-hash": hash.to_sri(), "sha256": hash });
        self.print(&json, &hash.to_sri());
        Ok(Outcome::Good)
    }

    fn run(&self, flags: &Run) -> Result<Outcome> {
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
        for variable in &flags.env {
            let (key, value) = pair(variable, '=', "--env", "K=V")?;
            sandbox = sandbox.env(key, value);
        }
        for bind in &flags.bind {
            let (from, inside) = pair(bind, ':', "--bind", "HOST:INSIDE")?;
            sandbox = sandbox.bind_rw(&std::path::absolute(from)?, inside);
        }
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

    fn enter(&self, flags: &Enter) -> Result<Outcome> {
        let file = flags.directory.join(SCENE_FILE);
        let text = fs::read(&file).map_err(|error| {
            Problem::usage(format!("`{}` is not a failed build", flags.directory.display()))
                .cause(error)
                .hint("a failed build names its directory; the next one of that recipe removes it")
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

    fn doctor(&self) -> Result<Outcome> {
        let findings = doctor::examine(&self.host);
        let text: Vec<String> = findings.iter().map(ToString::to_string).collect();
        let json = serde_json::to_value(&findings)?;
        self.print(&json, &text.join("\n"));
        Ok(if doctor::is_good(&findings) { Outcome::Good } else { Outcome::Undecided })
    }
}

/// Passes the exit code of what ran on as this process's own.
fn inherit(sandbox: &Sandbox, invocation: &Invocation) -> Result<Outcome> {
    let finished = sandbox.run(invocation, OutputTo::Inherit)?;
    if finished.success() {
        return Ok(Outcome::Good);
    }
    std::process::exit(finished.code)
}

fn chosen<'a>(recipe: &'a Recipe, platform: Option<&str>) -> Result<Vec<&'a Target>> {
    let Some(platform) = platform else {
        return Ok(recipe.targets.iter().collect());
    };
    let found: Vec<&Target> =
        recipe.targets.iter().filter(|target| target.platform() == platform).collect();
    if found.is_empty() {
        let known: Vec<&str> = recipe.targets.iter().map(Target::platform).collect();
        return Err(Problem::usage(format!(
            "recipe `{}` has no platform `{platform}`",
            recipe.name
        ))
        .fact("platforms", known.join(", "))
        .hint("add it to `target.platforms`, and lock its build requirements")
        .into());
    }
    Ok(found)
}

fn add_selection(selection: &mut Selection, flags: &Resolve) -> Result<()> {
    let invalid = |text: &str| Problem::usage(format!("`{text}` is not a valid name"));
    if let Some(name) = &flags.project {
        selection.project = Some(name.parse().map_err(|_| invalid(name))?);
    }
    for name in &flags.extra {
        selection.extras.insert(name.parse().map_err(|_| invalid(name))?);
    }
    for name in &flags.group {
        selection.groups.insert(name.parse().map_err(|_| invalid(name))?);
    }
    for name in &flags.no_binary {
        let names = selection.no_binary.get_or_insert_default();
        names.insert(name.parse().map_err(|_| invalid(name))?);
    }
    Ok(())
}

fn pair<'a>(text: &'a str, separator: char, flag: &str, form: &str) -> Result<(&'a str, &'a str)> {
    Ok(text
        .split_once(separator)
        .ok_or_else(|| Problem::usage(format!("`{flag} {text}` is not of the form `{form}`")))?)
}

/// Points a link at an output; a file or directory of that name is left alone.
fn replace_link(link: &Path, target: &Path) -> Result<()> {
    let is_link = fs::symlink_metadata(link).map(|found| found.file_type().is_symlink());
    if matches!(is_link, Ok(false)) {
        return Err(Problem::usage(format!("`{}` is in the way and no link", link.display()))
            .hint("`--out-link PATH` names another place, `--no-out-link` makes none")
            .into());
    }
    let mut name = link.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let temporary = link.with_file_name(name);
    let _ = fs::remove_file(&temporary);
    std::os::unix::fs::symlink(target, &temporary)?;
    fs::rename(&temporary, link)?;
    Ok(())
}
