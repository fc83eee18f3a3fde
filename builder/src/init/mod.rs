//! `init` writes a recipe for an unknown project, then builds and corrects it until it builds or
//! only a person can decide. It runs the project's code only in the sandbox. It never changes an
//! existing recipe.

mod draft; // a recipe under construction
mod hints; // what images and CI say
mod project; // what can be read of a project
mod target; // which Python and platform
mod first; // the first draft
mod learn; // what a failed attempt teaches
mod modules; // what a wheel has at its top

use std::path::{Path, PathBuf};

use crate::fetch::application::LocatedRecipe;
use crate::fetch::ledger::{Golden, Ledger};
use crate::pipeline::{self, Options, Renewal, Report};
use base::recipe_file::RecipeFile;
use base::sys::Host;
use base::sys::files::write_atomically;
use base::vocabulary::Problem;

use draft::Draft;
use learn::{Lookup, Tried};
use project::Project;

/// What a person asks for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The project's directory.
    pub dir: PathBuf,
    /// The directory of `recipes/` and `golden/`; else found from the project upwards.
    pub root: Option<PathBuf>,
    /// The name of the recipe; else that of the project.
    pub name: Option<String>,
    /// The version, where only version control knows it.
    pub version: Option<String>,
    /// Whether it only writes the recipe.
    pub no_build: bool,
}

/// What was found out, and how sure that is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes {
    /// Read in the project's files.
    pub inferred: Vec<String>,
    /// Likely; a person should look at it.
    pub guessed: Vec<String>,
    /// What only a person can decide.
    pub open: Vec<String>,
}

impl Notes {
    fn inferred(&mut self, text: impl Into<String>) {
        add(&mut self.inferred, text.into());
    }

    fn guessed(&mut self, text: impl Into<String>) {
        add(&mut self.guessed, text.into());
    }

    fn open(&mut self, text: impl Into<String>) {
        add(&mut self.open, text.into());
    }
}

fn add(notes: &mut Vec<String>, text: String) {
    if !notes.contains(&text) {
        notes.push(text);
    }
}

/// How it ended.
#[derive(Debug)]
pub struct Initiated {
    /// The recipe's file.
    pub recipe: PathBuf,
    /// Whether this run wrote it.
    pub is_new: bool,
    /// The files that this run wrote beside it.
    pub wrote: Vec<PathBuf>,
    /// What was found out.
    pub notes: Notes,
    /// The build; the problem that is left; `None` if none was wanted.
    pub built: Option<Result<Report, Problem>>,
    /// How many builds were tried.
    pub attempts: usize,
}

/// More attempts teach nothing: each must add something that the last one lacked.
const ATTEMPTS_MAX: usize = 16;

/// Writes the recipe of a project, its build lock and its ledger, building as it goes. What is
/// there already stays as it is.
///
/// # Errors
/// The project has no lock, or cannot be read; a file cannot be written. That the build fails is no
/// error of this: it is what is left to a person.
pub fn init(wanted: &Wanted, host: Host<'_>) -> Result<Initiated, Problem> {
    let project = Project::read(&wanted.dir)?;
    let name = wanted.name.clone().unwrap_or_else(|| project.name());
    let root = wanted.root.clone().unwrap_or_else(|| RecipeFile::root_above(&wanted.dir));
    let path = root.join("recipes").join(format!("{name}.toml"));
    let mut notes = Notes::default();
    if path.exists() {
        notes.inferred(format!("`{}` is there and stays as it is", path.display()));
        return completed(&path, &root, wanted, notes, host);
    }
    let (mut draft, chosen) = first::drafted(&project, &name, &path, wanted, &mut notes, host)?;
    write(&path, &draft)?;
    let mut done = Initiated {
        recipe: path.clone(),
        is_new: true,
        wrote: Vec::new(),
        notes,
        built: None,
        attempts: 0,
    };
    if wanted.no_build {
        return Ok(done);
    }
    let roots = chosen.resolution.roots.clone();
    let lookup = Lookup {
        suite: chosen.suite.unwrap_or(target::default_suite()),
        machine: chosen.target.machine(),
        roots: &roots,
        host,
    };
    let absent = absent(&path);
    attempts(&root, &path, &mut draft, &lookup, &mut done)?;
    finished(&path, &root, &mut done, absent, host)?;
    Ok(done)
}

/// Builds, learns, and builds again.
fn attempts(
    root: &Path,
    path: &Path,
    draft: &mut Draft,
    lookup: &Lookup<'_>,
    done: &mut Initiated,
) -> Result<(), Problem> {
    let mut tried = Tried::default();
    let mut has_imports = !draft.imports.is_empty() || draft.dependencies_only;
    let host = lookup.host;
    for attempt in 1..=ATTEMPTS_MAX {
        done.attempts = attempt;
        let located = LocatedRecipe::find(root, &path.display().to_string())?;
        let result = attempt_once(&located, &mut tried, host);
        match &result {
            Ok(report) if !has_imports => {
                has_imports = true;
                draft.imports = modules::top_level(report, &located, lookup.roots)?;
                if draft.imports.is_empty() {
                    done.built = Some(result);
                    return Ok(());
                }
                let shown: Vec<&str> = draft.imports.iter().map(String::as_str).collect();
                done.notes.inferred(format!("the project's modules: {}", shown.join(", ")));
            }
            Ok(_) => {
                done.built = Some(result);
                return Ok(());
            }
            Err(problem) => {
                host.progress.note(&format!("attempt {attempt}: {}", problem.what));
                let before = draft.clone();
                let learned = learn::from(problem, draft, &mut tried, &mut done.notes, lookup)?;
                if !learned || attempt == ATTEMPTS_MAX || *draft == before {
                    write(path, draft)?;
                    done.built = Some(result);
                    return Ok(());
                }
            }
        }
        write(path, draft)?;
    }
    Ok(())
}

/// One build, with a new build lock if what builds require has changed.
fn attempt_once(
    located: &LocatedRecipe,
    tried: &mut Tried,
    host: Host<'_>,
) -> Result<Report, Problem> {
    let options = Options { golden: Golden::Told, ..Options::default() };
    if tried.is_toolchain_stale && located.toolchain_lock.is_file() {
        let lock = pipeline::make_toolchain_lock(located, Renewal::Stale, host)?;
        write_atomically(&located.toolchain_lock, lock.to_toml().as_bytes())
            .map_err(|error| Problem::new("cannot write the toolchain lock").cause(error))?;
        tried.is_toolchain_stale = false;
    }
    if tried.is_lock_stale && located.build_lock.is_file() {
        let lock = pipeline::make_build_lock(located, None, &options, host)?;
        write_atomically(&located.build_lock, lock.to_toml().as_bytes())
            .map_err(|error| Problem::new("cannot write the build lock").cause(error))?;
        tried.is_lock_stale = false;
    }
    pipeline::build(located, &options, host)
}

/// Completes an existing recipe: its build lock, its ledger.
fn completed(
    path: &Path,
    root: &Path,
    wanted: &Wanted,
    notes: Notes,
    host: Host<'_>,
) -> Result<Initiated, Problem> {
    let mut done = Initiated {
        recipe: path.to_owned(),
        is_new: false,
        wrote: Vec::new(),
        notes,
        built: None,
        attempts: 0,
    };
    if wanted.no_build {
        return Ok(done);
    }
    let located = LocatedRecipe::find(root, &path.display().to_string())?;
    done.attempts = 1;
    let absent = absent(path);
    done.built = Some(attempt_once(&located, &mut Tried::default(), host));
    finished(path, root, &mut done, absent, host)?;
    Ok(done)
}

/// The locks of a recipe that are not there yet.
fn absent(recipe: &Path) -> Vec<PathBuf> {
    let locks = ["build-lock.toml", "toolchain-lock.toml"].map(|it| recipe.with_extension(it));
    locks.into_iter().filter(|path| !path.exists()).collect()
}

/// Writes the ledger of what was built, if there is none.
fn finished(
    path: &Path,
    root: &Path,
    done: &mut Initiated,
    absent: Vec<PathBuf>,
    host: Host<'_>,
) -> Result<(), Problem> {
    let located = LocatedRecipe::find(root, &path.display().to_string())?;
    done.wrote.extend(absent.into_iter().filter(|path| path.is_file()));
    if !matches!(done.built, Some(Ok(_))) || located.ledger.exists() {
        return Ok(());
    }
    let old = Ledger::default();
    let ledger = pipeline::make_ledger(&located, &old, false, &Options::default(), host)?;
    write_atomically(&located.ledger, ledger.to_toml().as_bytes())
        .map_err(|error| Problem::new("cannot write the ledger").cause(error))?;
    done.wrote.push(located.ledger);
    Ok(())
}

fn write(path: &Path, draft: &Draft) -> Result<(), Problem> {
    write_atomically(path, draft.text().as_bytes())
        .map_err(|error| Problem::new("cannot write the recipe").cause(error))
}
