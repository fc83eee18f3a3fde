//! `build`: both phases.

use std::path::Path;

use anyhow::Result;
use fs_err as fs;

use super::{Context, provider};
use crate::flags::{Build, LedgerFlags};
use crate::screen;
use base::store::Check;
use base::vocabulary::{Outcome, Problem};
use builder::fetch::ledger::Golden;
use builder::gc;
use builder::pipeline::{self, Options, Reuse};

impl Context<'_> {
    pub(super) fn build(&self, flags: &Build) -> Result<Outcome> {
        let located = self.recipe(flags.which.recipe.as_deref())?;
        let options = Options {
            source: flags.which.source.clone(),
            toolchain: flags.toolchain.toolchain.map(provider),
            reuse: match (flags.reuse.no_cache, flags.reuse.rebuild) {
                (true, _) => Reuse::Nothing,
                (false, true) => Reuse::Wheels,
                (false, false) => Reuse::Everything,
            },
            check: if flags.verify { Check::Content } else { Check::Stamps },
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
            anstream::eprint!("{}", screen::build_summary(&report, link.as_deref(), self.typed));
        }
        Ok(Outcome::Good)
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
