//! `resolve`, `hash` and `doctor`: what only looks.

use anyhow::Result;

use serde_json::json;

use super::Context;
use crate::cli::flags::{Hash, Resolve};
use crate::fetch::Settings;
use crate::inputs::{Application, LocatedRecipe};
use crate::recipe::{Selection, Source};
use crate::vocabulary::target::PLATFORM_EXAMPLES;
use crate::vocabulary::{Outcome, Problem, Target};
use crate::{doctor, nar, resolve};

impl Context<'_> {
    pub(super) fn resolve(&self, flags: &Resolve) -> Result<Outcome> {
        let mut selection = Selection::default();
        let (work, located);
        let mut recipe = None;
        let (tree, python, platform) = if let Some(workspace) = &flags.workspace {
            (workspace.clone(), "3.14".to_owned(), "linux".to_owned())
        } else {
            let name = flags.recipe.as_deref().unwrap_or("sample");
            located = LocatedRecipe::find(self.root, name)?;
            let target = &located.recipe.targets[0];
            selection = located.recipe.selection.clone();
            recipe = Some(&located.recipe);
            work = self.work("resolve")?;
            let tree = work.path().join("tree");
            let settings = match located.recipe.source {
                Source::Path(_) => Settings::default(),
                Source::Url { .. } if flags.source.is_some() => Settings::default(),
                Source::Url { .. } => self.settings(&located.recipe)?,
            };
            let source = flags.source.as_deref();
            Application::load(&located, source, &tree, &settings, self.host)?;
            (tree, target.python().to_string(), target.platform().to_owned())
        };
        add_selection(&mut selection, flags)?;
        let python = flags.python.as_ref().unwrap_or(&python);
        let platform = flags.platform.as_ref().unwrap_or(&platform);
        let target = Target::new(python, platform).map_err(|error| {
            Problem::usage(error.to_string()).hint(format!("try one of {PLATFORM_EXAMPLES}"))
        })?;
        let application = Application::read(&tree)?;
        application.warn_unknown(self.host);
        let resolution =
            resolve::resolve(&application.lock, &application.project, &target, &selection)?;
        recipe.map_or(Ok(()), |recipe| application.check_overrides(recipe, &resolution))?;
        let rows = resolution.distributions.iter().map(|it| {
            let version = it.version.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("{:<32} {version:<16} {}", it.name.to_string(), it.artifact.kind())
        });
        let text = rows.collect::<Vec<_>>().join("\n");
        self.print(&serde_json::to_value(resolution.to_json())?, &text);
        Ok(Outcome::Good)
    }

    pub(super) fn hash(&self, flags: &Hash) -> Result<Outcome> {
        let hash = nar::hash_path(&flags.path)?;
        let json = json!({ "nar-hash": hash.to_sri(), "sha256": hash });
        self.print(&json, &hash.to_sri());
        Ok(Outcome::Good)
    }

    pub(super) fn doctor(&self) -> Result<Outcome> {
        let findings = doctor::examine(&self.host);
        let text: Vec<String> = findings.iter().map(ToString::to_string).collect();
        let json = serde_json::to_value(&findings)?;
        self.print(&json, &text.join("\n"));
        Ok(if doctor::is_good(&findings) { Outcome::Good } else { Outcome::Undecided })
    }
}

fn add_selection(selection: &mut Selection, flags: &Resolve) -> Result<()> {
    let invalid = |text: &str| Problem::usage(format!("`{text}` is not a valid name"));
    if let Some(name) = &flags.project {
        selection.project = Some(name.parse().map_err(|_| invalid(name))?);
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
