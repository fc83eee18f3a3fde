//! The constraints on build requirements, and the error when no version fits.

use std::collections::BTreeMap;

use super::Maker;
use super::asked::Asked;
use super::run::Run;
use crate::lock::resolve::{Artifact, Resolution};
use base::sys::process::last_lines;
use base::vocabulary::Problem;

impl Maker<'_> {
    /// What bounds build requirements, each with who says so: the project's constraints; and for
    /// what the recipe has built from another source than the lock's, the version of the run time.
    pub(super) fn constraints(&self, resolution: &Resolution) -> BTreeMap<String, String> {
        let project = self.demands().constraints().into_iter().map(|text| {
            (text, "the project's `[tool.uv] build-constraint-dependencies`".to_owned())
        });
        let choices = &self.located.recipe.selection.choices;
        let chosen = resolution.built().filter(|it| {
            !matches!(it.artifact, Artifact::Local(_)) && choices.contains_key(&it.name)
        });
        let same = chosen.filter_map(|it| {
            let by =
                format!("`override.{}` of the recipe builds this version for run time", it.name);
            Some((format!("{}=={}", it.name, it.version.as_ref()?), by))
        });
        same.chain(project).collect()
    }

    pub(super) fn unresolved(&self, run: &Run<'_>, asked: &Asked<'_>, text: &str) -> Problem {
        let name = &asked.distribution.name;
        let mut problem =
            Problem::new(format!("cannot resolve the build requirements of `{name}`"))
                .fact("required", asked.requires.told());
        let constraints = self.constraints(asked.resolution);
        if !constraints.is_empty() {
            let lines = constraints.iter().map(|(text, by)| format!("{text}  ({by})"));
            problem = problem.fact("bounded by", lines.collect::<Vec<_>>().join("\n"));
        }
        if let Some(bound) = &run.bound {
            problem = problem.fact("up to", format!("{}  ({})", bound.date, bound.origin));
        }
        let chosen = &self.located.recipe.selection.choices;
        let clash = chosen.keys().find(|name| text.contains(&format!("{name}==")));
        let hint = match (clash, &run.bound) {
            (Some(other), _) => format!(
                "`override.{other}` binds it to the version of run time; `override.{name}.build.\
                 requires` replaces what the build asks for"
            ),
            (None, Some(_)) if is_about_dates(text) => {
                "`build-lock.exclude-newer` in the recipe, or `build-lock --exclude-newer DATE`, \
                 allows newer files"
                    .to_owned()
            }
            _ => format!(
                "`override.{name}.build.requires` in the recipe replaces what the build asks for"
            ),
        };
        problem.fact("uv says", last_lines(text, 12)).hint(hint)
    }
}

/// Whether uv names the bound among its reasons.
fn is_about_dates(text: &str) -> bool {
    text.contains("exclude-newer") || text.contains("no versions of")
}
