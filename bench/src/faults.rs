//! `cargo xtask bench faults`: packages of our own, each with one known source of nondeterminism,
//! built in two places without and with its fault. What counts is whether the difference is found,
//! whether the cause is named, and whether anything is said of what has no fault.

mod case;
mod sides;
mod judge;
mod rivals;
mod table;
#[cfg(test)]
mod tests;

use std::time::Instant;

use anyhow::Context as _;
use serde::Serialize;
use xshell::Shell;

use crate::compile::compile;
use crate::flags::Bench;
use crate::root;
use case::Case;
use judge::Judged;
use rivals::{Rival, Tool};
use sides::Toolchain;

/// Where the packages are.
const FAULTS: &str = "golden/faults";
/// Where the table is kept.
const KEPT: &str = "docs/faults.md";

/// A case and what was made of it.
#[derive(Debug, Serialize)]
struct Row {
    #[serde(flatten)]
    case: Case,
    #[serde(flatten)]
    judged: Judged,
    /// One for each other tool that was tried.
    rivals: Vec<Rival>,
}

/// `cargo xtask bench faults`.
pub(super) fn run(bench: &Bench, shell: &Shell) -> anyhow::Result<()> {
    let tools = if bench.rivals { rivals::installed(shell) } else { Vec::new() };
    let cases = case::read_all(&root().join(FAULTS))?;
    let start = Instant::now();
    let rows = rows(shell, cases, &Toolchain { recipe: &bench.recipe, cache: None }, &tools)?;
    let seconds = start.elapsed().as_secs_f64() - table::seconds(&rows).iter().sum::<f64>();
    println!("{}\nours: {seconds:.0} s", table::text(&rows));
    if let Some(path) = &bench.json {
        let json = serde_json::to_string_pretty(&rows)? + "\n";
        shell.write_file(path, json).context("cannot write the figures")?;
    }
    if bench.write {
        let page = table::page(shell, &rows, seconds)?;
        shell.write_file(root().join(KEPT), page).context("cannot write the table")?;
    }
    table::verdict(&rows)
}

/// Builds and judges cases, and lets other tools do so.
fn rows(
    shell: &Shell,
    cases: Vec<Case>,
    toolchain: &Toolchain<'_>,
    tools: &[Tool],
) -> anyhow::Result<Vec<Row>> {
    let builder = compile(shell, "lockstep")?;
    let scratch = tempfile::tempdir().context("cannot make a directory for the builds")?;
    let built = sides::build(&builder, toolchain, &cases, scratch.path())?;
    let mut rows = Vec::new();
    for case in cases {
        if !sides::bites(&case)? {
            eprintln!("without {}: {} cannot be varied here", case.name, case.bites.join(", "));
            continue;
        }
        let judged = judge::judge(&case, &built)?;
        let tried = tools.iter().map(|tool| tool.tried(shell, &case, &built));
        let rivals = tried.collect::<anyhow::Result<_>>()?;
        rows.push(Row { case, judged, rivals });
    }
    Ok(rows)
}
