//! `resolve`: what a target installs; and how every command that only looks reads its input.

use anyhow::Result;

use super::Context;
use crate::flags::{ResolutionFormat, Resolve, Selected};
use base::recipe::{LockPlace, Selection, Source};
use base::vocabulary::{Outcome, Problem, Target};
use builder::fetch::Settings;
use builder::fetch::application::{LocatedRecipe, Locked};
use builder::lock::build_lock::BuildLock;
use builder::lock::pylock::pylock;
use builder::lock::resolve::{self, RuntimeRequest};

/// What is looked at: an application, and what of it for which target.
pub(super) struct Looked {
    /// The recipe, unless a workspace was named instead.
    pub(super) located: Option<LocatedRecipe>,
    pub(super) application: Locked,
    pub(super) target: Target,
    pub(super) selection: Selection,
}

impl Context<'_> {
    /// Reads what was named, and changes the target and the selection as was typed.
    pub(super) fn look(&self, flags: &Selected) -> Result<Looked> {
        let mut looked = match &flags.workspace {
            Some(workspace) => Looked {
                located: None,
                application: Locked::read(workspace, &LockPlace::default())?,
                target: target(flags, "3.14", "linux")?,
                selection: Selection::default(),
            },
            None => self.look_at_recipe(flags)?,
        };
        looked.application.warn_unknown(self.host);
        add_selection(&mut looked.selection, flags)?;
        Ok(looked)
    }

    fn look_at_recipe(&self, flags: &Selected) -> Result<Looked> {
        let located = self.recipe(flags.recipe.as_deref())?;
        let settings = match located.recipe.source {
            Source::Url { .. } if flags.source.is_none() => self.settings(&located.recipe)?,
            Source::Url { .. } | Source::Path(_) => Settings::default(),
        };
        let source = flags.source.as_deref();
        let application = Locked::of_recipe(&located, source, &settings, self.host)?;
        let of_recipe = &located.recipe.targets[0];
        let target = target(flags, &of_recipe.python().to_string(), of_recipe.platform())?;
        let selection = located.recipe.selection.clone();
        Ok(Looked { located: Some(located), application, target, selection })
    }

    pub(super) fn resolve(&self, flags: &Resolve) -> Result<Outcome> {
        let Looked { located, application, target, selection, .. } = self.look(&flags.selected)?;
        let resolution =
            resolve::resolve(&application.lock, &application.project, &target, &selection)?;
        let mut build_lock = BuildLock::default();
        if let Some(located) = located {
            // Without a build lock nothing is known of what only builds build.
            build_lock = located.read_build_lock().map(|(lock, _)| lock).unwrap_or_default();
            let tools = build_lock.tools.keys().map(|it| &it.name).collect();
            application.check_overrides(&located.recipe, &resolution, &tools)?;
        }
        if flags.format == ResolutionFormat::Pylock {
            if self.global.json {
                let problem = Problem::usage("`--json` and `--format pylock` are two forms");
                return Err(problem.hint("leave one of them out").into());
            }
            let text = pylock(&resolution, &build_lock)?;
            self.print(&serde_json::Value::Null, text.trim_end());
            return Ok(Outcome::Good);
        }
        let request = RuntimeRequest {
            lock: &application.lock,
            pyproject: &application.project,
            target: &target,
            selection: &selection,
        };
        let rows = resolution.distributions.iter().zip(resolution.reasons(&request)?);
        let rows = rows.map(|(it, why)| {
            let version = it.version.as_ref().map(ToString::to_string).unwrap_or_default();
            [it.name.to_string(), version, it.artifact.kind().into(), it.artifact.shown(), why]
        });
        let text = table(&rows.collect::<Vec<_>>());
        self.print(&serde_json::to_value(resolution.to_json())?, &text);
        Ok(Outcome::Good)
    }
}

/// Columns, each as wide as its widest cell but for the last.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..N.saturating_sub(1)).map(width).collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().enumerate().map(|(column, cell)| match widths.get(column) {
            Some(width) => format!("{cell:<width$}  "),
            None => cell.clone(),
        });
        cells.collect::<String>().trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn target(flags: &Selected, python: &str, platform: &str) -> Result<Target, Problem> {
    let python = flags.python.as_deref().unwrap_or(python);
    let platform = flags.platform.as_deref().unwrap_or(platform);
    Target::new(python, platform)
        .map_err(|error| Problem::usage(error.to_string()).hint(error.hint()))
}

fn add_selection(selection: &mut Selection, flags: &Selected) -> Result<()> {
    let invalid = |text: &str| Problem::usage(format!("`{text}` is not a valid name"));
    if let Some(name) = &flags.project {
        selection.project = Some(name.parse().map_err(|_| invalid(name))?);
        selection.members = None;
    }
    for name in &flags.extra {
        selection.extras.insert(name.parse().map_err(|_| invalid(name))?);
    }
    for name in &flags.group {
        selection.groups.insert(name.parse().map_err(|_| invalid(name))?);
    }
    for name in &flags.no_binary {
        let names = selection.no_binary.get_or_insert_default();
        names.insert(name.parse().map_err(|_| invalid(name))?);
    }
    Ok(())
}
