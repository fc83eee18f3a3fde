//! Makes the build lock of a recipe, on command or because it is missing.

use super::{Options, beforehand, provide_toolchain};
use crate::build::requirements::Maker;
use crate::fetch;
use crate::fetch::application::{Application, LocatedRecipe};
use crate::lock::build_lock::BuildLock;
use crate::toolchain::uv::provide_uv;
use base::sys::Host;
use base::sys::cache::WORK;
use base::sys::files::{WorkDir, write_atomically};
use base::vocabulary::{Outcome, Problem};

/// Makes the build lock of a recipe. `exclude_newer` is the date up to which files are seen,
/// instead of what recipe and lock say.
///
/// # Errors
/// What is built from source, or what it needs, cannot be fetched, asked or resolved.
pub fn make_build_lock(
    located: &LocatedRecipe,
    exclude_newer: Option<&str>,
    options: &Options,
    host: Host<'_>,
) -> Result<BuildLock, Problem> {
    let work = WorkDir::create(&host.cache.join(WORK), "build-lock").map_err(|error| {
        Problem::new("cannot make a directory to work in")
            .cause(error)
            .hint("`--cache-dir DIR` names another cache")
    })?;
    let uv = provide_uv(&host)?;
    for target in &located.recipe.targets {
        beforehand::check(located, target, options, &uv, host)?;
    }
    let toolchain = provide_toolchain(located, &located.recipe.targets[0], options, host)?;
    uv.try_in(&toolchain)?;
    let settings = fetch::Settings {
        index: located.recipe.index,
        uv: Some(uv.path.clone()),
        ..fetch::Settings::default()
    };
    let application = Application::load(located, options.source.as_deref(), &settings, host)?;
    application.warn_unknown(host);
    let settings = settings.with_indexes_of(&application, &located.recipe)?;
    let maker = Maker {
        located,
        application: &application,
        toolchain: &toolchain,
        uv: &uv,
        settings: &settings,
        resolvers: &options.resolvers,
        work: work.path(),
    };
    maker.make(exclude_newer, host)
}

/// Makes and writes the build lock if there is none, and says so.
///
/// # Errors
/// There is none, and `options` forbid to make it; those of [`make_build_lock`].
pub(super) fn ensure(
    located: &LocatedRecipe,
    options: &Options,
    host: Host<'_>,
) -> Result<(), Problem> {
    let missing = |path: &std::path::Path| path.try_exists().is_ok_and(|there| !there);
    if !missing(&located.build_lock) {
        return Ok(());
    }
    let (path, name) = (located.build_lock.display(), &located.recipe.name);
    if options.locked {
        return Err(Problem::new(format!("recipe `{name}` has no build lock"))
            .outcome(Outcome::Policy)
            .fact("expected", path)
            .hint("without `--locked`, `build` makes it; review and commit it"));
    }
    host.progress.note(&format!("recipe `{name}` has no build lock yet; making it"));
    let lock = make_build_lock(located, None, options, host)?;
    write_atomically(&located.build_lock, lock.to_toml().as_bytes())
        .map_err(|error| Problem::new("cannot write the build lock").cause(error))?;
    host.progress.warn(&format!("wrote the missing build lock `{path}`; review and commit it"));
    Ok(())
}
