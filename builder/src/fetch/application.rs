//! What a command works on: the recipe, the application's source tree, its lock and its
//! `pyproject.toml`, and the build lock, read and parsed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fs_err as fs;
use uv_normalize::PackageName;

use crate::fetch::ledger::Ledger;
use crate::fetch::snapshot::{Snapshot, snapshot};
use crate::fetch::{self, ProjectIndexes};
use crate::lock::Lock;
use crate::lock::build_lock::BuildLock;
use crate::lock::pyproject::Pyproject;
use crate::lock::resolve::{Resolution, resolve};
use crate::lock::uv_settings;
use base::recipe::{Recipe, Source, nearest};
use base::recipe_file::RecipeFile;
use base::sys::Host;
use base::vocabulary::{Problem, Sha256};

/// A recipe and where it lies.
#[derive(Debug, Clone)]
pub struct LocatedRecipe {
    /// The recipe.
    pub recipe: Recipe,
    /// Its text, which is an input of the output.
    pub text: String,
    /// The directory of the recipe's file: relative sources start there.
    pub dir: PathBuf,
    /// `<recipe>.build-lock.toml`, beside it.
    pub build_lock: PathBuf,
    /// The ledger.
    pub ledger: PathBuf,
}

impl LocatedRecipe {
    /// Finds a recipe by its name in `<root>/recipes`, or by the path of its file.
    pub fn find(root: &Path, name_or_path: &str) -> Result<Self, Problem> {
        let file = RecipeFile::find(root, name_or_path)?;
        let (recipe, text) = file.read()?;
        Ok(Self {
            recipe,
            text,
            dir: file.dir().to_owned(),
            build_lock: file.build_lock(),
            ledger: file.ledger(),
        })
    }

    /// Reads the build lock.
    pub fn read_build_lock(&self) -> Result<(BuildLock, Sha256), Problem> {
        let shown = self.build_lock.display().to_string();
        let text = fs::read_to_string(&self.build_lock).map_err(|error| {
            Problem::new(format!("recipe `{}` has no build lock", self.recipe.name))
                .fact("expected", &shown)
                .cause(error)
                .hint(format!("`cargo xtask build-lock {}` writes it", self.recipe.name))
        })?;
        Ok((BuildLock::parse(&shown, &text)?, Sha256::of(&text)))
    }

    /// Reads the ledger; one that does not exist is empty.
    pub fn read_ledger(&self) -> Result<Ledger, Problem> {
        match fs::read_to_string(&self.ledger) {
            Ok(text) => Ledger::parse(&self.ledger.display().to_string(), &text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Ledger::default()),
            Err(error) => Err(Problem::new("cannot read the ledger").cause(error)),
        }
    }
}

/// What the lock of a project and its `pyproject.toml` say: all that resolving needs. Its tree is
/// not looked at, which takes longer than all the rest.
#[derive(Debug, Clone)]
pub struct Locked {
    /// Its `uv.lock`.
    pub lock: Lock,
    /// sha256 of the lock's text.
    pub lock_hash: Sha256,
    /// Its `pyproject.toml`, with the settings of its `uv.toml`.
    pub project: Pyproject,
    /// What a person should know about its settings of uv.
    pub told: Vec<String>,
}

/// The application: a locked project with the tree that is built.
#[derive(Debug, Clone)]
pub struct Application {
    /// The tree as builds see it: without version control and caches.
    pub tree: PathBuf,
    /// The tree's NAR hash.
    pub tree_hash: Sha256,
    locked: Locked,
}

impl std::ops::Deref for Application {
    type Target = Locked;

    fn deref(&self) -> &Locked {
        &self.locked
    }
}

/// The tree at `over`, else the one that the recipe names.
fn origin(
    located: &LocatedRecipe,
    over: Option<&Path>,
    settings: &fetch::Settings,
    host: Host<'_>,
) -> Result<PathBuf, Problem> {
    let origin = match (over, &located.recipe.source) {
        (Some(path), _) => path.to_owned(),
        (None, Source::Path(path)) => located.dir.join(path),
        (None, Source::Url { url, nar_hash }) => {
            fetch::fetch_source(url, *nar_hash, &host, settings)?
        }
    };
    if !origin.join("uv.lock").is_file() {
        return Err(Problem::usage("the source tree has no `uv.lock`")
            .fact("looked in", origin.display())
            .hint("`--source DIR` names the directory of a project that uv has locked"));
    }
    Ok(origin)
}

impl fetch::Settings {
    /// The same, with the indexes of a project: its builds' requirements come from these.
    ///
    /// # Errors
    /// One of them is no URL.
    pub fn with_indexes_of(mut self, application: &Application) -> Result<Self, Problem> {
        self.project = ProjectIndexes::of(&application.project, &application.tree)?;
        Ok(self)
    }
}

impl Application {
    /// Takes the tree at `over`, else what the recipe says, as builds see it.
    pub fn load(
        located: &LocatedRecipe,
        over: Option<&Path>,
        settings: &fetch::Settings,
        host: Host<'_>,
    ) -> Result<Self, Problem> {
        let Snapshot { tree, nar_hash } = snapshot(&origin(located, over, settings, host)?, host)?;
        Ok(Self { locked: Locked::read(&tree)?, tree, tree_hash: nar_hash })
    }
}

impl Locked {
    /// Reads what the tree at `over` says, else the one that the recipe names.
    pub fn of_recipe(
        located: &LocatedRecipe,
        over: Option<&Path>,
        settings: &fetch::Settings,
        host: Host<'_>,
    ) -> Result<Self, Problem> {
        Self::read(&origin(located, over, settings, host)?)
    }

    /// Reads what is said in `tree`.
    pub fn read(tree: &Path) -> Result<Self, Problem> {
        let read = |name: &str| {
            fs::read_to_string(tree.join(name))
                .map_err(|error| Problem::usage(format!("cannot read `{name}`")).cause(error))
        };
        let text = read("uv.lock")?;
        let settings = tree.join("uv.toml");
        let settings = settings.is_file().then(|| read("uv.toml")).transpose()?;
        let (project, told) = uv_settings::read(&read("pyproject.toml")?, settings.as_deref())?;
        Ok(Self { lock: Lock::parse(&text)?, lock_hash: Sha256::of(&text), project, told })
    }

    /// An override of what no target of the recipe installs, and no build of it builds (`tools`),
    /// is taken for a slip. `resolution` is
    /// that of one target; the others are resolved only where it has not all of them.
    pub fn check_overrides(
        &self,
        recipe: &Recipe,
        resolution: &Resolution,
        tools: &BTreeSet<&PackageName>,
    ) -> Result<(), Problem> {
        let mut names = recipe
            .overrides
            .keys()
            .filter(|name| resolution.get(name).is_none() && !tools.contains(name));
        let Some(first) = names.next() else {
            return Ok(());
        };
        let others = recipe.targets.iter().filter(|target| **target != resolution.target);
        let others = others
            .map(|target| resolve(&self.lock, &self.project, target, &recipe.selection))
            .collect::<Result<Vec<_>, Problem>>()?;
        let unknown = |name: &&PackageName| others.iter().all(|other| other.get(name).is_none());
        let Some(name) = std::iter::once(first).chain(names).find(unknown) else {
            return Ok(());
        };
        let problem = Problem::usage(format!("`override.{name}` is of what is not installed"));
        let installed = others.iter().chain([resolution]).flat_map(|it| &it.distributions);
        Err(match nearest(name.as_ref(), installed.map(|it| it.name.as_ref())) {
            Some(name) => problem.hint(format!("did you mean `{name}`?")),
            None => problem.hint("`cargo xtask resolve` lists what is; remove the override"),
        })
    }

    /// Warns of what in the lock this tool does not understand, and of settings of uv that it does
    /// not follow.
    pub fn warn_unknown(&self, host: Host<'_>) {
        for text in &self.told {
            host.progress.warn(text);
        }
        if !self.lock.unknown_keys.is_empty() {
            let keys: Vec<&str> = self.lock.unknown_keys.iter().map(String::as_str).collect();
            host.progress.warn(&format!(
                "uv.lock has keys that this tool does not know: {}; what is resolved does not \
                 depend on them in any version of the lock that this tool was tried with",
                keys.join(", ")
            ));
        }
    }
}
