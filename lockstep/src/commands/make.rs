//! `build` and `fetch`.

use std::path::Path;

use anyhow::Result;
use fs_err as fs;
use serde_json::json;

use super::{Context, provider};
use crate::flags::{Build, Fetch, LedgerFlags};
use crate::screen;
use base::recipe::Recipe;
use base::vocabulary::{Outcome, Problem, Target};
use builder::fetch::application::LocatedRecipe;
use builder::fetch::ledger::Golden;
use builder::fetch::phase1;
use builder::gc;
use builder::lock::resolvers::Resolvers;
use builder::pipeline::{self, Options, Reuse};

impl Context<'_> {
    pub(super) fn build(&self, flags: &Build) -> Result<Outcome> {
        let located = LocatedRecipe::find(self.root, &flags.which.recipe)?;
        let options = Options {
            source: flags.which.source.clone(),
            toolchain: flags.toolchain.toolchain.map(provider),
            refresh_toolchain: flags.toolchain.refresh_toolchain,
            reuse: match (flags.reuse.no_cache, flags.reuse.rebuild) {
                (true, _) => Reuse::Nothing,
                (false, true) => Reuse::Wheels,
                (false, false) => Reuse::Everything,
            },
            golden: golden(flags.ledger),
            jobs: flags.jobs,
            locked: flags.locked,
            no_checks: flags.no_checks,
            wheels_out: flags.wheels_out.clone(),
            ..self.options()
        };
        if let Some(name) = &flags.only {
            pipeline::build_one(&located, name, &options, self.host)?;
            return Ok(Outcome::Good);
        }
        let report = pipeline::build(&located, &options, self.host)?;
        let link = (!flags.no_out_link).then_some(flags.out_link.as_path());
        if let Some(link) = link {
            replace_link(link, &report.output)?;
            gc::add_root(self.host.cache, link)?;
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

    pub(super) fn fetch(&self, flags: &Fetch) -> Result<Outcome> {
        let located = LocatedRecipe::find(self.root, &flags.which.recipe)?;
        let settings = self.settings(&located.recipe)?;
        let source = flags.which.source.as_deref();
        let resolvers = Resolvers::default();
        let mut rows = Vec::new();
        let mut text = Vec::new();
        for target in chosen(&located.recipe, flags.platform.as_deref())? {
            let wanted =
                phase1::Wanted { located: &located, target, source, resolvers: &resolvers };
            let fetched = phase1::fetch(&wanted, &settings, self.host)?;
            let golden = fetched.judge(&located, golden(flags.ledger))?;
            let hash = fetched.wheelhouse.nar_hash.to_sri();
            let path = fetched.wheelhouse.path.display();
            text.push(format!("{target}  {hash}  {path}  ({})", golden.sentence()));
            rows.push(json!({
                "target": target.to_string(),
                "nar-hash": hash,
                "golden": golden.word,
                "golden-detail": golden.detail,
                "path": fetched.wheelhouse.path,
                "files": fetched.wheelhouse.files.len(),
                "bytes": fetched.wheelhouse.files.iter().map(|file| file.size).sum::<u64>(),
            }));
        }
        self.print(&json!({ "wheelhouses": rows }), &text.join("\n"));
        Ok(Outcome::Good)
    }
}

fn golden(flags: LedgerFlags) -> Golden {
    if flags.no_golden { Golden::Told } else { Golden::Enforced }
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
