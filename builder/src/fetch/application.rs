//! The input of a command, read and parsed: the recipe, the application's source tree, its lock and
//! `pyproject.toml`, and the build lock.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::fetch::ledger::Ledger;
use crate::fetch::snapshot::{Snapshot, snapshot};
use crate::fetch::tracked::Tracked;
use crate::fetch::unlocked;
use crate::fetch::{self, Mirrors, ProjectIndexes};
use crate::lock::Lock;
use crate::lock::build_lock::BuildLock;
use crate::lock::pyproject::Pyproject;
use crate::lock::resolve::{Artifact, Resolution, resolve};
use crate::lock::toolchain_lock::ToolchainLock;
use crate::lock::uv_settings;
use base::packaging::PackageName;
use base::recipe::{LockPlace, Override, Recipe, Source, nearest};
use base::recipe_file::RecipeFile;
use base::sys::Host;
use base::sys::files::read_text;
use base::vocabulary::limits::{
    BUILD_LOCK_BYTES, LEDGER_BYTES, LOCK_BYTES, PYPROJECT_BYTES, TOOLCHAIN_LOCK_BYTES,
};
use base::vocabulary::{Problem, Sha256};

/// A recipe and its location.
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
    /// `<recipe>.toolchain-lock.toml`, beside it.
    pub toolchain_lock: PathBuf,
    /// The ledger.
    pub ledger: PathBuf,
    /// All files and directories that belong to it: those, itself and its snapshots.
    pub documents: Vec<PathBuf>,
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
            toolchain_lock: file.toolchain_lock(),
            ledger: file.ledger(),
            documents: vec![
                file.path.clone(),
                file.build_lock(),
                file.toolchain_lock(),
                file.ledger(),
                file.snapshots(),
            ],
        })
    }

    /// Reads the build lock.
    pub fn read_build_lock(&self) -> Result<(BuildLock, Sha256), Problem> {
        let shown = self.build_lock.display().to_string();
        let text = read_text(&self.build_lock, &BUILD_LOCK_BYTES).map_err(|error| {
            Problem::new(format!("recipe `{}` has no build lock", self.recipe.name))
                .fact("expected", &shown)
                .cause(error)
                .hint(format!("`lockstep build-lock {}` writes it", self.recipe.name))
        })?;
        Ok((BuildLock::parse(&shown, &text)?, Sha256::of(&text)))
    }

    /// Reads the toolchain lock; `None` if there is none.
    ///
    /// # Errors
    /// It cannot be read, or is no toolchain lock.
    pub fn read_toolchain_lock(&self) -> Result<Option<ToolchainLock>, Problem> {
        match read_text(&self.toolchain_lock, &TOOLCHAIN_LOCK_BYTES) {
            Ok(text) => {
                ToolchainLock::parse(&self.toolchain_lock.display().to_string(), &text).map(Some)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Problem::new("cannot read the toolchain lock").cause(error)),
        }
    }

    /// Reads the ledger; one that does not exist is empty.
    pub fn read_ledger(&self) -> Result<Ledger, Problem> {
        match read_text(&self.ledger, &LEDGER_BYTES) {
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
    /// The warnings about its uv settings.
    pub told: Vec<String>,
}

/// The application: a locked project with the tree that is built.
#[derive(Debug, Clone)]
pub struct Application {
    /// The tree as builds see it: without version control and caches.
    pub tree: PathBuf,
    /// The tree's NAR hash.
    pub tree_hash: Sha256,
    /// Which of its files git tracks.
    pub tracked: Tracked,
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
    check_locked(&origin, &located.recipe.lock)?;
    Ok(origin)
}

/// Whether a tree has a lock at `place`.
///
/// # Errors
/// It has none: what is there instead.
pub fn check_locked(tree: &Path, place: &LockPlace) -> Result<(), Problem> {
    if tree.join(place.file()).is_file() { Ok(()) } else { Err(unlocked::explain(tree, place)) }
}

impl fetch::Settings {
    /// The same, with the indexes of a project: its builds' requirements come from these.
    ///
    /// # Errors
    /// One of them is no URL.
    pub fn with_indexes_of(
        mut self,
        application: &Application,
        recipe: &Recipe,
    ) -> Result<Self, Problem> {
        let beside = application.tree.join(recipe.lock.directory());
        self.mirrors = Mirrors(recipe.mirrors.clone());
        self.project = ProjectIndexes::of(&application.project, &beside)?.at(&self.mirrors);
        Ok(self)
    }
}

fn applies_to(it: &Override, artifact: &Artifact) -> bool {
    let (reason, upstream) = (it.reason.clone(), it.upstream.clone());
    let says_something = *it != Override { reason, upstream, ..Override::default() };
    match artifact {
        Artifact::Virtual(_) => !says_something,
        artifact => artifact.is_built() || it.build.is_empty(),
    }
}

/// Why an override changes no installed distribution.
fn idle_override(name: &PackageName, artifact: &Artifact) -> Problem {
    match artifact {
        Artifact::Virtual(_) => Problem::usage(format!("`override.{name}` changes nothing"))
            .fact(
                "because",
                format!("`{name}` is not a package: it is neither built nor installed"),
            )
            .hint(
                "`[[patch]]` patches what `[[copy]]` brings of it: `file` is the path in the \
                     output",
            ),
        _ => Problem::usage(format!("`override.{name}.build` changes nothing"))
            .fact("because", format!("`{name}` comes as a wheel and is not built"))
            .hint(format!(
                "`override.{name}.prefer = \"sdist\"` builds it from source; `[[patch]]` patches \
                 what is installed"
            )),
    }
}

/// Rejects the lock of another project: it would install something else.
fn check_whose(lock: &Lock, project: &Pyproject, place: &LockPlace) -> Result<(), Problem> {
    let locked = || lock.root().map_or("no project", |root| root.name.as_ref());
    match place {
        LockPlace::Script(script) if !lock.packages.is_empty() && !lock.is_of_script() => {
            Err(Problem::usage(format!("`{script}.lock` is not the lock of a script"))
                .hint(format!("lock it again: `uv lock --script {script}`")))
        }
        LockPlace::Directory(_) if lock.is_of_script() => {
            Err(Problem::usage("`uv.lock` is the lock of a script (PEP 723), not of a project")
                .hint(
                    "to install what the script needs, name the lock `SCRIPT.lock`, beside the \
                     script, and set `project.script` in the recipe",
                ))
        }
        LockPlace::Directory(_) => match &project.name {
            Some(name) if lock.root().is_none_or(|root| root.name != *name) => {
                Err(Problem::usage(format!("`uv.lock` does not have the project `{name}`"))
                    .fact("it locks", locked())
                    .hint("`uv lock`, run in the project's directory, writes it again"))
            }
            _ => Ok(()),
        },
        LockPlace::Script(_) => Ok(()),
    }
}

/// The TOML in the comments of a script (PEP 723): `# /// script` up to `# ///`.
fn inline_metadata(script: &str) -> String {
    let block = script.lines().skip_while(|line| line.trim_end() != "# /// script").skip(1);
    let block = block.take_while(|line| line.trim_end() != "# ///" && line.starts_with('#'));
    let text = |line: &str| {
        let line = line.trim_start_matches('#');
        format!("{}\n", line.strip_prefix(' ').unwrap_or(line))
    };
    block.map(text).collect()
}

impl Application {
    /// Takes the tree at `over`, else what the recipe says, as builds see it.
    pub fn load(
        located: &LocatedRecipe,
        over: Option<&Path>,
        settings: &fetch::Settings,
        host: Host<'_>,
    ) -> Result<Self, Problem> {
        let origin = origin(located, over, settings, host)?;
        let Snapshot { tree, nar_hash } = snapshot(&origin, &located.documents, host)?;
        let locked = Locked::read(&tree, &located.recipe.lock)?;
        Ok(Self { locked, tree, tree_hash: nar_hash, tracked: Tracked::of(&origin, &host) })
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
        Self::read(&origin(located, over, settings, host)?, &located.recipe.lock)
    }

    /// Reads what is said in `tree`; paths in the lock are made relative to that.
    ///
    /// # Errors
    /// A file cannot be read or understood; the lock is that of something else.
    pub fn read(tree: &Path, place: &LockPlace) -> Result<Self, Problem> {
        let read = |name: &str, limit| {
            read_text(&tree.join(name), limit)
                .map_err(|error| Problem::usage(format!("cannot read `{name}`")).cause(error))
        };
        let text = read(&place.file(), &LOCK_BYTES)?;
        let lock = Lock::parse(&text)?.within(place.directory());
        let lock_hash = Sha256::of(&text);
        let beside = |name: &str| match place.directory() {
            "." => name.to_owned(),
            directory => format!("{directory}/{name}"),
        };
        // As uv, which reads it before `[tool.uv]`.
        let settings = beside("uv.toml");
        let settings = tree
            .join(&settings)
            .is_file()
            .then(|| read(&settings, &PYPROJECT_BYTES))
            .transpose()?;
        let project = match place {
            LockPlace::Directory(_) => read(&beside("pyproject.toml"), &PYPROJECT_BYTES)?,
            LockPlace::Script(script) => inline_metadata(&read(script, &PYPROJECT_BYTES)?),
        };
        let (project, told) = uv_settings::read(&project, settings.as_deref())?;
        check_whose(&lock, &project, place)?;
        Ok(Self { lock, lock_hash, project, told })
    }

    /// Reports overrides without an effect as mistakes: of a distribution that no target installs
    /// and no build needs (`tools`), or of a build that no target runs. `resolution` is that of one
    /// target; the others are resolved only if it does not decide.
    pub fn check_overrides(
        &self,
        recipe: &Recipe,
        resolution: &Resolution,
        tools: &BTreeSet<&PackageName>,
    ) -> Result<(), Problem> {
        let applies = |(name, it): (&PackageName, &Override), on: &Resolution| {
            tools.contains(name)
                || (it.drop && self.lock.named(name).next().is_some())
                || on.get(name).is_some_and(|found| applies_to(it, &found.artifact))
        };
        if recipe.overrides.iter().all(|it| applies(it, resolution)) {
            return Ok(());
        }
        let others = recipe.targets.iter().filter(|target| **target != resolution.target);
        let others = others
            .map(|target| resolve(&self.lock, &self.project, target, &recipe.selection))
            .collect::<Result<Vec<_>, Problem>>()?;
        let all = || others.iter().chain([resolution]);
        let idle = |it: &(&PackageName, &Override)| !all().any(|on| applies(*it, on));
        let Some((name, _)) = recipe.overrides.iter().find(idle) else {
            return Ok(());
        };
        if let Some(found) = all().find_map(|on| on.get(name)) {
            return Err(idle_override(name, &found.artifact));
        }
        let problem = Problem::usage(format!("`override.{name}` is of what is not installed"));
        let installed = all().flat_map(|it| &it.distributions);
        Err(match nearest(name.as_ref(), installed.map(|it| it.name.as_ref())) {
            Some(name) => problem.hint(format!("did you mean `{name}`?")),
            None => problem.hint("`lockstep resolve` lists what is; remove the override"),
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
