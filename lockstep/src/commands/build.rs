//! `build`: both phases.

use std::path::Path;

use anyhow::Result;
use fs_err as fs;

use super::run::pair;
use super::{Context, provider};
use crate::flags::{Build, GivenFlags, LedgerFlags};
use crate::screen;
use base::store::Check;
use base::vocabulary::{Outcome, Problem};
use builder::fetch::ledger::Golden;
use builder::gc;
use builder::pipeline::{self, Options, Reuse};
use builder::toolchain::{Bind, Given};

impl Context<'_> {
    pub(super) fn build(&self, flags: &Build) -> Result<Outcome> {
        let mut located = self.recipe(flags.which.recipe.as_deref())?;
        if let Some(prefix) = self.prefix(&flags.given) {
            located.recipe = located.recipe.at(&prefix)?;
        }
        let options = Options {
            given: self.given(&flags.given)?,
            wheelhouse: flags.given.wheelhouse.clone(),
            source: flags.which.source.clone(),
            toolchain: flags.toolchain.toolchain.map(provider),
            reuse: match (flags.reuse.no_cache, flags.reuse.rebuild) {
                (true, _) => Reuse::Nothing,
                (false, true) => Reuse::Wheels,
                (false, false) => Reuse::Everything,
            },
            check: if flags.verify { Check::Content } else { Check::Stamps },
            golden: golden(flags.ledger),
            jobs: flags.jobs.or(self.derivation.as_ref().and_then(|it| it.cores)),
            locked: flags.locked || self.derivation.is_some(),
            no_checks: flags.no_checks,
            wheels_out: flags.wheels_out.clone(),
            ..self.options()
        };
        if let Some(name) = &flags.only {
            pipeline::build_one(&located, name, &options, self.host)?;
            return Ok(Outcome::Good);
        }
        let report = pipeline::build(&located, &options, self.host)?;
        if let Some(derivation) = &self.derivation {
            derivation.put(&report.output)?;
        }
        let link =
            (!flags.no_out_link && self.derivation.is_none()).then_some(flags.out_link.as_path());
        if let Some(link) = link {
            replace_link(link, &report.output)?;
            gc::add_root(self.host.cache, link)?;
        }
        self.screen.clear();
        if self.global.json {
            anstream::println!("{:#}", serde_json::to_value(&report)?);
        } else if !self.global.quiet {
            let link = link.map(|link| link.display().to_string());
            anstream::eprint!("{}", screen::build_summary(&report, link.as_deref(), self.typed));
        }
        Ok(Outcome::Good)
    }
}

impl Context<'_> {
    /// The prefix that was asked for instead of the recipe's.
    fn prefix(&self, flags: &GivenFlags) -> Option<String> {
        let out = self.derivation.as_ref().map(|it| it.out.to_string_lossy().into_owned());
        flags.prefix.clone().or(out)
    }

    /// The toolchain that was named by its paths.
    fn given(&self, flags: &GivenFlags) -> Result<Option<Given>> {
        let Some(root) = &flags.toolchain_root else { return Ok(None) };
        let closure = self.derivation.iter().flat_map(|it| it.closure.clone());
        let named = flags.toolchain_path.iter().map(|typed| {
            let (host, inside) = pair(typed, ':', "--toolchain-path", "HOST:INSIDE")?;
            Ok(Bind { host: std::path::absolute(host)?, inside: inside.to_owned() })
        });
        Ok(Some(Given {
            root: std::path::absolute(root)?,
            interpreter: flags.interpreter.as_ref().map(std::path::absolute).transpose()?,
            binds: named.chain(closure.map(|path| Ok(Bind::same(path)))).collect::<Result<_>>()?,
        }))
    }
}

pub(super) fn golden(flags: LedgerFlags) -> Golden {
    if flags.no_golden { Golden::Told } else { Golden::Enforced }
}

/// Points a link at an output; a file or directory of that name is left alone.
fn replace_link(link: &Path, target: &Path) -> Result<()> {
    let is_link = fs::symlink_metadata(link).map(|found| found.file_type().is_symlink());
    if matches!(is_link, Ok(false)) {
        return Err(Problem::usage(format!(
            "`{}` already exists and is not a symlink",
            link.display()
        ))
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
