//! Reports errors in recipe and locks before a toolchain is made for them, which takes minutes the
//! first time.

use super::Options;
use crate::fetch::application::{LocatedRecipe, Locked};
use crate::fetch::{self, phase1};
use crate::lock::resolve::RuntimeRequest;
use crate::toolchain::uv::Uv;
use base::sys::Host;
use base::vocabulary::{Problem, Target};

/// Resolves, and looks for slips. All of it is done again with the tree that is built: this one
/// may change meanwhile.
///
/// # Errors
/// Those of reading and resolving; an output without a file of its own; an override of nothing.
pub(super) fn check(
    located: &LocatedRecipe,
    target: &Target,
    options: &Options,
    uv: &Uv,
    host: Host<'_>,
) -> Result<(), Problem> {
    let recipe = &located.recipe;
    let settings = fetch::Settings {
        index: recipe.index,
        uv: Some(uv.path.clone()),
        ..fetch::Settings::default()
    };
    let locked = Locked::of_recipe(located, options.source.as_deref(), &settings, host)?;
    let resolution = options.resolvers.resolution(&RuntimeRequest {
        lock: &locked.lock,
        pyproject: &locked.project,
        target,
        selection: &recipe.selection,
    })?;
    phase1::check_own_files(recipe, &resolution)?;
    // Without a build lock nothing is known of what only builds build.
    if located.build_lock.is_file() {
        let (build_lock, _) = located.read_build_lock()?;
        let tools = build_lock.tools.keys().map(|it| &it.name).collect();
        locked.check_overrides(recipe, &resolution, &tools)?;
    }
    Ok(())
}
