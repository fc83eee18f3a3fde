//! `gate`.

use std::path::Path;

use anyhow::Result;

use crate::flags::{Gate as Flags, Global};
use crate::screen::{Screen, coloured_level};
use crate::typed::Typed;
use base::sys::Host;
use base::sys::env::Environment;
use base::sys::files::write_atomically;
use base::vocabulary::{Outcome, Problem, Progress as _};
use gate::report::{Report, github, markdown, sarif, terminal};
use gate::{Asked, Depth, Gate, Place};

/// Needs no toolchain, and a cache only for stage 2. The last line says whether to merge, the exit
/// code too.
pub(super) fn run(flags: Flags, global: &Global, typed: &Typed) -> Result<Outcome> {
    let environment = Environment::capture();
    let date = match flags.date {
        Some(date) => date,
        None => verifier::today()?,
    };
    let dir = std::path::absolute(global.root.as_deref().unwrap_or(Path::new(".")))?;
    let place = match (flags.base, flags.base_lock, flags.head_lock) {
        (Some(base), _, _) => Place::Commits { dir, base, head: flags.head },
        (None, Some(base), Some(head)) => Place::Files { base, head },
        _ => unreachable!("clap wants one of both, and the second file with the first"),
    };
    let asked = Asked { place, recipes: flags.recipes, date };
    let report = if flags.stage == 1 {
        Gate::run(&asked, &environment, Depth::Text)?
    } else {
        let cache = match &global.cache_dir {
            Some(dir) => dir.clone(),
            None => environment.cache_dir()?,
        };
        let cache = std::path::absolute(cache)?;
        let screen = Screen::new(global.quiet, typed);
        let waiting = || screen.note("waiting for `gc`, which removes things from the cache");
        let _using = base::sys::cache::hold(&cache, waiting)?;
        let host = Host { environment: &environment, cache: &cache, progress: &screen };
        let report = Gate::run(&asked, &environment, Depth::Files(host));
        screen.clear();
        report?
    };
    for (path, text) in
        [(&flags.markdown, markdown::render(&report)), (&flags.sarif, sarif::render(&report))]
    {
        if let Some(path) = path {
            write(path, &text)?;
        }
    }
    if flags.github {
        tell_github(&report, &environment)?;
    }
    if global.json {
        println!("{}", report.to_json());
    } else {
        anstream::println!("{}", coloured_level(&typed.shown(&terminal::render(&report))));
    }
    Ok(report.verdict().decision.outcome())
}

fn tell_github(report: &Report, environment: &Environment) -> Result<(), Problem> {
    // Standard output may be JSON; the runner reads both.
    eprint!("{}", github::annotations(report));
    match environment.get("GITHUB_STEP_SUMMARY") {
        Some(path) => write(Path::new(path), &markdown::render(report)),
        None => Err(Problem::usage("cannot write the step summary: this is no GitHub workflow")
            .fact("because", "`GITHUB_STEP_SUMMARY` is not set")
            .hint("leave out `--github`; `--markdown FILE` writes the same text")),
    }
}

fn write(path: &Path, text: &str) -> Result<(), Problem> {
    write_atomically(path, text.as_bytes())
        .map_err(|error| Problem::new(format!("cannot write `{}`", path.display())).cause(error))
}
