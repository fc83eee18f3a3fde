//! Makes the toolchain lock of a recipe, on command or because it is missing, and fetches its files
//! in phase 1.

use std::collections::BTreeSet;

use super::{Options, providers};
use crate::fetch::application::LocatedRecipe;
use crate::fetch::{self, FileOrigin, FileRequest, Request, Shelf, Wheelhouse};
use crate::lock::toolchain_lock::{LockedToolchain, ToolchainLock};
use crate::toolchain::{self, Wanted};
use base::recipe::Provider;
use base::sys::Host;
use base::sys::files::write_atomically;
use base::vocabulary::{Outcome, Problem, Target};

/// Whether a toolchain lock may keep what is known, or is made from the mirror's current index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// What still fits is kept; what an earlier run of this cache found will do for the rest.
    Stale,
    /// The mirror is asked for everything.
    Everything,
}

/// What a target asks of its toolchain, but for what is locked.
pub(super) fn wanted<'a>(
    located: &'a LocatedRecipe,
    target: &'a Target,
    providers: &'a [Provider],
    options: &Options,
) -> Wanted<'a> {
    let recipe = &located.recipe;
    let builds = recipe.overrides.values().map(|it| &it.build);
    Wanted {
        providers,
        debian: &recipe.debian,
        system_packages: builds.flat_map(|it| it.system_packages.iter().cloned()).collect(),
        python: target.python_minor(),
        machine: target.machine(),
        given: None,
        locked: None,
        refresh: false,
        check: options.check,
    }
}

/// Makes the toolchain lock of a recipe: of every target that phase 2 can build for on some
/// machine.
///
/// # Errors
/// This machine cannot ask Debian's mirror; a package is misspelt or gone.
pub fn make_toolchain_lock(
    located: &LocatedRecipe,
    renewal: Renewal,
    host: Host<'_>,
) -> Result<ToolchainLock, Problem> {
    let options = Options::default();
    let old = located.read_toolchain_lock();
    // One that cannot be read is written again.
    let old = old.ok().flatten().filter(|_| renewal == Renewal::Stale).unwrap_or_default();
    let providers = [Provider::Debian];
    let mut asked = BTreeSet::new();
    let mut lock = ToolchainLock::default();
    for target in lockable(located) {
        let mut wanted = wanted(located, target, &providers, &options);
        let fitting = old.of(target, &toolchain::demands(&wanted)?);
        let locked = if let Ok(locked) = fitting {
            locked.clone()
        } else {
            // Two targets of one machine have the same packages.
            let first = asked.insert(target.machine());
            wanted.refresh = first && (renewal == Renewal::Everything || !old.targets.is_empty());
            toolchain::lock(&wanted, &host)?
        };
        lock.targets.insert(target.to_string(), locked);
    }
    if lock.targets.is_empty() {
        return Err(Problem::usage(format!(
            "no target of recipe `{}` has a toolchain that can be locked",
            located.recipe.name
        ))
        .hint("Debian's packages serve Linux on x86_64 and aarch64"));
    }
    Ok(lock)
}

/// The targets of a recipe that have packages of Debian.
fn lockable(located: &LocatedRecipe) -> impl Iterator<Item = &Target> {
    let targets = located.recipe.targets.iter();
    targets.filter(|target| target.is_linux() && toolchain::is_known(target.machine()))
}

/// What is locked for a target; `None` if another toolchain than that of the lock is asked for.
///
/// # Errors
/// The lock cannot be read, or is stale.
pub(super) fn locked(
    located: &LocatedRecipe,
    target: &Target,
    options: &Options,
) -> Result<Option<LockedToolchain>, Problem> {
    let providers = providers(&located.recipe, options);
    if providers.first() != Some(&Provider::Debian) {
        return Ok(None);
    }
    let Some(lock) = located.read_toolchain_lock()? else {
        return Ok(None);
    };
    let demands = toolchain::demands(&wanted(located, target, &providers, options))?;
    lock.of(target, &demands).cloned().map(Some)
}

/// Makes and writes the toolchain lock if there is none, and says so. A machine that cannot lock
/// it builds with another provider, or fails, as the recipe has it.
///
/// # Errors
/// There is none, and `options` forbid to make it; those of [`make_toolchain_lock`].
pub(super) fn ensure(
    located: &LocatedRecipe,
    options: &Options,
    host: Host<'_>,
) -> Result<(), Problem> {
    let path = &located.toolchain_lock;
    if !path.try_exists().is_ok_and(|there| !there) {
        return Ok(());
    }
    let providers = providers(&located.recipe, options);
    let target = &located.recipe.targets[0];
    let lockable = toolchain::is_lockable(&wanted(located, target, &providers, options), &host);
    if !lockable {
        return Ok(());
    }
    let (shown, name) = (path.display(), &located.recipe.name);
    if options.locked {
        return Err(Problem::new(format!("recipe `{name}` has no toolchain lock"))
            .outcome(Outcome::Policy)
            .fact("expected", shown)
            .hint(format!("`lockstep toolchain-lock {name}` makes it; review and commit it")));
    }
    host.progress.note(&format!("recipe `{name}` has no toolchain lock yet; making it"));
    let lock = make_toolchain_lock(located, Renewal::Stale, host)?;
    write_atomically(path, lock.to_toml().as_bytes())
        .map_err(|error| Problem::new("cannot write the toolchain lock").cause(error))?;
    host.progress
        .warn(&format!("wrote the missing toolchain lock `{shown}`; review and commit it"));
    Ok(())
}

/// Phase 1 of a target's toolchain: its packages and its uv in one directory, whose NAR hash
/// follows from the lock alone.
///
/// # Errors
/// Nothing is locked for the target, the lock is stale, or a file of it cannot be had.
pub fn fetch_toolchain(
    located: &LocatedRecipe,
    target: &Target,
    settings: &fetch::Settings,
    host: Host<'_>,
) -> Result<(LockedToolchain, Wheelhouse), Problem> {
    let name = &located.recipe.name;
    let unlocked = || {
        Problem::new(format!("recipe `{name}` has no toolchain lock"))
            .fact("expected", located.toolchain_lock.display())
            .hint(format!("`lockstep toolchain-lock {name}` makes it"))
    };
    let (providers, options) = ([Provider::Debian], Options::default());
    let wanted = wanted(located, target, &providers, &options);
    let lock = located.read_toolchain_lock()?.ok_or_else(unlocked)?;
    let locked = lock.of(target, &toolchain::demands(&wanted)?)?.clone();
    let paths = toolchain::bring(&locked, &wanted, &host)?;
    let deb = |(package, path): (&crate::lock::toolchain_lock::LockedPackage, _)| FileRequest {
        project: "debian".parse().expect("it is a name"),
        shelf: Shelf::Debs,
        filename: package.filename().to_owned(),
        sha256: package.package.sha256,
        size: Some(package.size),
        origin: FileOrigin::Path(path),
    };
    let debs = locked.packages.iter().zip(paths).map(deb);
    let files = debs.chain([toolchain::uv::request(&locked.uv)]).collect();
    let request = Request { files, ..Request::default() };
    let wheelhouse = fetch::fetch(&request, &host, settings)?;
    Ok((locked, wheelhouse))
}
