//! The ledger of a recipe: what phase 1 brings now, for the application and for its toolchain, and
//! what comes of it.

use super::{Options, build, fetch_toolchain};
use crate::fetch;
use crate::fetch::application::LocatedRecipe;
use crate::fetch::ledger::{Golden, Ledger, OutputPin, ToolchainPin};
use crate::fetch::phase1;
use crate::toolchain::uv::provide_uv;
use base::sys::Host;
use base::vocabulary::digest::Sri;
use base::vocabulary::{Problem, Target};

/// Makes the ledger of a recipe; what cannot be made here stays as it is in `old`: it says what it
/// was made of. With `fod_only` nothing is built.
///
/// # Errors
/// Something cannot be fetched or built.
pub fn make_ledger(
    located: &LocatedRecipe,
    old: &Ledger,
    fod_only: bool,
    options: &Options,
    host: Host<'_>,
) -> Result<Ledger, Problem> {
    let settings = fetch::Settings {
        index: located.recipe.index,
        uv: Some(provide_uv(&host)?.path),
        ..fetch::Settings::default()
    };
    let built = if fod_only { None } else { built(located, options, host)? };
    let mut new = Ledger::default();
    for target in &located.recipe.targets {
        let source = options.source.as_deref();
        let wanted = phase1::Wanted { located, target, source, resolvers: &options.resolvers };
        let mut entry = phase1::fetch(&wanted, &settings, host)?.ledger_entry();
        let known = old.target.get(&target.to_string());
        entry.toolchain = if fod_only {
            known.and_then(|it| it.toolchain)
        } else {
            toolchain_pin(located, target, &settings, host)?
        };
        entry.output = known.and_then(|it| it.output.clone());
        if let Some((_, pin)) = built.as_ref().filter(|(built, _)| built == target) {
            entry.output = Some(pin.clone());
        }
        new.target.insert(target.to_string(), entry);
    }
    Ok(new)
}

/// The output of the first target, built if it is not there. `None`, and a line that says why, if
/// there is none that a ledger can pin.
fn built(
    located: &LocatedRecipe,
    options: &Options,
    host: Host<'_>,
) -> Result<Option<(Target, OutputPin)>, Problem> {
    let target = &located.recipe.targets[0];
    let here = rustix::system::uname();
    if !target.is_linux() || here.machine().to_string_lossy() != target.machine() {
        let what = format!("the output for {target} is not pinned: it cannot be built here");
        host.progress.note(&what);
        return Ok(None);
    }
    let options = Options { golden: Golden::Told, ..options.clone() };
    let report = build(located, &options, host)?;
    if report.output_pin.is_none() {
        let why = report.output_golden.sentence();
        host.progress.warn(&format!("the output for {target} is not pinned: {why}"));
    }
    Ok(report.output_pin.map(|pin| (target.clone(), pin)))
}

/// `None` if nothing is locked for the target.
fn toolchain_pin(
    located: &LocatedRecipe,
    target: &Target,
    settings: &fetch::Settings,
    host: Host<'_>,
) -> Result<Option<ToolchainPin>, Problem> {
    let lock = located.read_toolchain_lock()?;
    if !lock.is_some_and(|lock| lock.targets.contains_key(&target.to_string())) {
        return Ok(None);
    }
    let (locked, files) = fetch_toolchain(located, target, settings, host)?;
    Ok(Some(ToolchainPin { lock: locked.digest(), nar_hash: Sri(files.nar_hash) }))
}
