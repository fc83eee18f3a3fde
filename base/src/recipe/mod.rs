//! Recipes: what to build, from which source, for which targets, and how to finish it.
//!
//! `wire` mirrors the file; [`Recipe`] is the validated result. `recipes/README.md` documents every
//! key.
//!
//! Long because it has every key of a recipe as a value, each with its documentation.

mod limits; // what builds may take of the machine
mod config_settings; // what a backend is told
mod grammar; // what each key may be
mod toolchain; // what builds see
mod overrides; // what a recipe decides of single distributions
mod waiver; // differences that are allowed
mod wire; // the file

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::str::FromStr;

pub use config_settings::{ConfigSettings, ConfigValue};
pub use limits::RunLimits;
pub use overrides::{BuildSettings, Choice, Override, PathPattern, SourcePatch};
pub use toolchain::{DebianSettings, Provider};
pub use waiver::Waiver;
pub use wire::{
    BytecodePolicy, CheckCommand, Checks, CollisionRule, CollisionRules, CopyRule, IndexPolicy,
    LinkRule, Members, NativeCpu, Patch, RecordPolicy, ReplaceMode, Replacement,
};

use crate::packaging::{ExtraName, GroupName, PackageName};
use crate::vocabulary::limits::RECIPE_BYTES;
use crate::vocabulary::{Problem, Sha256, Target};

/// A recipe in which every value has been checked, as far as possible without I/O.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The file's stem, by which commands find it: `sample` of `recipes/sample.toml`.
    pub name: String,
    /// What is built, in a person's words: `name`, else the file's stem.
    pub application: String,
    /// One line for a person.
    pub description: Option<String>,
    /// The absolute path at which the output is installed.
    pub prefix: String,
    /// Where the application's source tree comes from.
    pub source: Source,
    /// The path of its lock in that tree.
    pub lock: LockPlace,
    /// At least one; the first is what a build builds.
    pub targets: Vec<Target>,
    /// What of the lock is installed.
    pub selection: Selection,
    /// Where files of registry packages are looked for.
    pub index: IndexPolicy,
    /// URLs that are asked instead of those that begin with the key.
    pub mirrors: BTreeMap<String, url::Url>,
    /// What is decided of single distributions.
    pub overrides: BTreeMap<PackageName, Override>,
    /// Build requirements newer than this are not seen by `build-lock`; in uv's words.
    pub build_lock_exclude_newer: Option<String>,
    /// Toolchain providers in order of preference.
    pub providers: Vec<Provider>,
    /// What the Debian provider installs.
    pub debian: DebianSettings,
    /// Variables for `@name@`, besides the built-in ones.
    pub variables: BTreeMap<String, String>,
    /// Patches in the order in which they are applied.
    pub patches: Vec<Patch>,
    /// Files copied from the source tree.
    pub copies: Vec<CopyRule>,
    /// Links made after that.
    pub links: Vec<LinkRule>,
    /// Interpreter by base name: what the shebangs of copied executables become.
    pub shebangs: BTreeMap<String, String>,
    /// Whether bytecode is compiled.
    pub bytecode: BytecodePolicy,
    /// What happens when distributions collide.
    pub collisions: CollisionRules,
    /// What must hold of the output.
    pub checks: Checks,
    /// What builds and checks may take of the machine.
    pub limits: RunLimits,
    /// Differences between two builds that are allowed.
    pub waivers: Vec<Waiver>,
}

/// Where the application's source tree comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A local tree; relative to the recipe's directory.
    Path(PathBuf),
    /// An archive with one top directory, which is unpacked and pinned by the NAR hash of the
    /// unpacked tree (what Nix's `fetchzip` and `fetchFromGitHub` pin).
    Url {
        /// Where the archive is.
        url: url::Url,
        /// NAR hash of the unpacked tree.
        nar_hash: Sha256,
    },
}

/// The location of the lock in the source tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockPlace {
    /// `uv.lock` of a project, in this directory; `.` is the tree itself.
    Directory(String),
    /// The lock beside a script with inline metadata (PEP 723), which this is.
    Script(String),
}

impl Default for LockPlace {
    fn default() -> Self {
        Self::Directory(".".to_owned())
    }
}

impl LockPlace {
    /// The lock's path.
    pub fn file(&self) -> String {
        match self {
            Self::Directory(directory) if directory == "." => "uv.lock".to_owned(),
            Self::Directory(directory) => format!("{directory}/uv.lock"),
            Self::Script(script) => format!("{script}.lock"),
        }
    }

    /// The directory that paths in the lock are relative to.
    pub fn directory(&self) -> &str {
        match self {
            Self::Directory(directory) => directory,
            Self::Script(script) => script.rsplit_once('/').map_or(".", |(parent, _)| parent),
        }
    }
}

/// What of the lock is installed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// The one project that is installed.
    pub project: Option<PackageName>,
    /// The projects that are installed instead. The default is the lock's root project, or all
    /// members if the workspace root is not a project.
    pub members: Option<Members>,
    /// Their extras.
    pub extras: BTreeSet<ExtraName>,
    /// Their dependency groups (PEP 735).
    pub groups: BTreeSet<GroupName>,
    /// Whether the groups of `[tool.uv] default-groups` are installed too.
    pub default_groups: bool,
    /// Whether the output may contain no file of the project itself.
    pub dependencies_only: bool,
    /// Distributions built from source although a wheel would fit; `None` is what the project's
    /// `[tool.uv] no-binary-package` says.
    pub no_binary: Option<BTreeSet<PackageName>>,
    /// What is not installed although something requires it: the overrides' `drop`.
    pub dropped: BTreeSet<PackageName>,
    /// What single distributions come from, whatever `no_binary` says: the overrides' choices.
    pub choices: BTreeMap<PackageName, Choice>,
}

/// Reads a file of the recipe's directory, given its path relative to that.
pub type ReadBeside<'a> = dyn Fn(&str) -> std::io::Result<Vec<u8>> + 'a;

/// The names that `@name@` can have without the recipe defining them.
pub const BUILT_IN_VARIABLES: [&str; 3] = ["out", "python", "site-packages"];

impl Recipe {
    /// Parses the text of `recipes/<name>.toml`. `beside` reads a file of the recipe's directory:
    /// the source patches.
    pub fn parse(name: &str, text: &str, beside: &ReadBeside<'_>) -> Result<Self, Problem> {
        let unusable = |problem: Problem| Problem {
            what: format!("cannot use recipe `{name}`: {}", problem.what),
            ..problem
        };
        RECIPE_BYTES
            .check(text.len())
            .map_err(|error| unusable(Problem::usage("it is too large").fact("because", error)))?;
        // What is no TOML at all, the wire form says better.
        if let Ok(table) = toml::from_str(text) {
            grammar::check(&table).map_err(unusable)?;
        }
        let wire: wire::RecipeWire = toml::from_str(text).map_err(|error| shape(name, &error))?;
        Self::try_from_wire(name, wire, beside).map_err(unusable)
    }

    fn try_from_wire(
        name: &str,
        wire: wire::RecipeWire,
        beside: &ReadBeside<'_>,
    ) -> Result<Self, Problem> {
        let application = wire.name.unwrap_or_else(|| name.to_owned());
        let prefix = wire.prefix.unwrap_or_else(|| format!("/opt/{application}"));
        check_prefix(&prefix)?;
        let overrides = overrides::from_wire(wire.r#override, beside)?;
        let mut checks = wire.check;
        for (name, it) in overrides.iter().filter(|(_, it)| it.drop) {
            let reason = it.reason.clone().unwrap_or_default();
            checks.skip_requirements.entry(name.to_string()).or_insert(reason);
        }
        let mut collisions = wire.collisions;
        collisions.winners = overrides::winners(&overrides, &collisions)?;
        let (providers, debian) = wire.toolchain.checked();
        let recipe = Self {
            name: name.to_owned(),
            application,
            description: wire.description,
            prefix,
            source: source(wire.source)?,
            lock: lock_place(&wire.project)?,
            targets: targets(&wire.target)?,
            selection: selection(wire.project, &overrides)?,
            index: wire.index,
            mirrors: wire.mirrors,
            overrides,
            build_lock_exclude_newer: wire.build_lock.exclude_newer,
            providers,
            debian,
            variables: wire.variables,
            patches: wire.patch,
            copies: wire.copy,
            links: wire.link,
            shebangs: wire.shebangs,
            bytecode: wire.bytecode,
            collisions,
            checks,
            limits: wire.limits.into(),
            waivers: waiver::from_wire(wire.waiver)?,
        };
        recipe.check()?;
        Ok(recipe)
    }

    fn check(&self) -> Result<(), Problem> {
        if let Some(name) =
            self.variables.keys().find(|name| BUILT_IN_VARIABLES.contains(&name.as_str()))
        {
            return Err(Problem::usage(format!("`variables.{name}` is built in")));
        }
        if self.providers.is_empty() {
            return Err(Problem::usage("`toolchain.providers` is empty"));
        }
        let empty = self.patches.iter().find(|patch| {
            patch.replace.is_empty() || patch.replace.iter().any(|rule| rule.from.is_empty())
        });
        if let Some(patch) = empty {
            return Err(Problem::usage(format!("the patch of `{}` replaces nothing", patch.file))
                .hint("give it a `[[patch.replace]]` whose `from` is not empty"));
        }
        Ok(())
    }

    /// Settings of a distribution's build; without an override, those that change nothing.
    pub fn build_settings(&self, name: &PackageName) -> &BuildSettings {
        self.overrides.get(name).map_or(&overrides::NO_SETTINGS, |it| &it.build)
    }

    /// The directory of the output that holds modules, such as `lib/python3.14/site-packages`.
    pub fn site_packages(&self) -> String {
        let (major, minor) = self.targets[0].python_minor();
        format!("lib/python{major}.{minor}/site-packages")
    }
}

/// A mistyped key gets the nearest valid one as a hint.
fn shape(name: &str, error: &toml::de::Error) -> Problem {
    let text = error.to_string();
    let problem =
        Problem::usage(format!("cannot read recipe `{name}`")).fact("because", text.trim_end());
    let quoted: Vec<&str> = error.message().split('`').skip(1).step_by(2).collect();
    match quoted.split_first() {
        Some((unknown, valid)) if error.message().starts_with("unknown field") => {
            match nearest(unknown, valid.iter().copied()) {
                Some(valid) => problem.hint(format!("did you mean `{valid}`?")),
                None => problem.hint("`recipes/README.md` documents every key"),
            }
        }
        _ => problem.hint("`recipes/README.md` documents every key"),
    }
}

/// The candidate that a person most likely meant by `text`.
pub fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = candidates.into_iter().map(|name| (strsim::jaro_winkler(text, name), name));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > 0.7).then_some(best.1)
}

fn parsed<T: FromStr>(key: &str, text: &str) -> Result<T, Problem>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error| invalid(key, text, error))
}

fn invalid(key: &str, text: &str, because: impl std::fmt::Display) -> Problem {
    Problem::usage(format!("`{text}` in `{key}` is not valid"))
        .fact("because", because)
        .hint("`recipes/README.md` documents every key")
}

fn all<T: FromStr, C: FromIterator<T>>(key: &str, texts: &[String]) -> Result<C, Problem>
where
    T::Err: std::fmt::Display,
{
    texts.iter().map(|text| parsed(key, text)).collect()
}

fn source(wire: wire::SourceWire) -> Result<Source, Problem> {
    match (wire.path, wire.url, wire.nar_hash) {
        (Some(path), None, None) => Ok(Source::Path(path)),
        (None, Some(url), Some(hash)) => Ok(Source::Url { url, nar_hash: hash.0 }),
        (None, Some(_), None) => Err(Problem::usage("`source.url` is not pinned")
            .hint("add `source.nar-hash`; `lockstep hash DIR` prints it for an unpacked tree")),
        _ => Err(Problem::usage("`source` must have either `path`, or `url` and `nar-hash`")),
    }
}

fn targets(wire: &wire::TargetWire) -> Result<Vec<Target>, Problem> {
    if wire.platforms.is_empty() {
        return Err(Problem::usage("`target.platforms` is empty"));
    }
    let targets = wire.platforms.iter().map(|platform| {
        Target::new(&wire.python, platform)
            .map_err(|error| Problem::usage(error.to_string()).hint(error.hint()))
    });
    targets.collect()
}

fn lock_place(wire: &wire::ProjectWire) -> Result<LockPlace, Problem> {
    let plain = |key: &str, path: &String| {
        let path = path.trim_end_matches('/');
        if path.split('/').all(|part| !matches!(part, "" | "." | "..")) {
            return Ok(path.to_owned());
        }
        Err(Problem::usage(format!("`{key}` is `{path}`, which is not below the source tree"))
            .hint("give a path relative to the top of the source tree, without `..`"))
    };
    match (&wire.directory, &wire.script) {
        (None, None) => Ok(LockPlace::default()),
        (Some(path), None) if path == "." => Ok(LockPlace::default()),
        (Some(path), None) => Ok(LockPlace::Directory(plain("project.directory", path)?)),
        (None, Some(path)) => match (&wire.name, &wire.members) {
            (None, None) => Ok(LockPlace::Script(plain("project.script", path)?)),
            _ => Err(Problem::usage("a script has no projects")
                .hint("remove `project.name` and `project.members`")),
        },
        (Some(_), Some(_)) => {
            Err(Problem::usage("`project` must have `directory` or `script`, not both")
                .hint("`script` is a path relative to the source tree"))
        }
    }
}

fn selection(
    wire: wire::ProjectWire,
    overrides: &BTreeMap<PackageName, Override>,
) -> Result<Selection, Problem> {
    let choices =
        overrides.iter().filter_map(|(name, it)| Some((name.clone(), it.choice.clone()?)));
    if let (Some(name), Some(_)) = (&wire.name, &wire.members) {
        return Err(Problem::usage("`project` must have `name` or `members`, not both")
            .hint(format!("`members = [\"{name}\"]` means the same as `name`")));
    }
    if let Some(Members::Some(names)) = &wire.members
        && names.is_empty()
    {
        return Err(Problem::usage("`project.members` is empty")
            .hint("name at least one member, or `\"all\"`"));
    }
    Ok(Selection {
        members: wire.members,
        project: wire.name.map(|name| parsed("project.name", &name)).transpose()?,
        extras: all("project.extras", &wire.extras)?,
        groups: all("project.groups", &wire.groups)?,
        default_groups: wire.default_groups,
        dependencies_only: wire.dependencies_only,
        no_binary: wire.no_binary.map(|names| all("project.no-binary", &names)).transpose()?,
        dropped: overrides.iter().filter(|(_, it)| it.drop).map(|(it, _)| it.clone()).collect(),
        choices: choices.collect(),
    })
}

impl Recipe {
    /// The same recipe at another prefix, such as the output path of a Nix derivation.
    ///
    /// # Errors
    /// It is no absolute path of plain names, or hides a part of the toolchain.
    pub fn at(self, prefix: &str) -> Result<Self, Problem> {
        if !grammar::is_prefix(prefix) {
            let shown = prefix.escape_debug();
            return Err(Problem::usage(format!("`{shown}` cannot be a prefix")).hint(
                "give an absolute path of letters, digits and `+-._=~@`, such as `/opt/NAME`",
            ));
        }
        check_prefix(prefix)?;
        Ok(Self { prefix: prefix.to_owned(), ..self })
    }
}

/// The prefix is bound over the toolchain's root, so it must not hide a part of that. Its form was
/// checked before.
fn check_prefix(prefix: &str) -> Result<(), Problem> {
    let reserved = [
        "bin", "boot", "build", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "run",
        "sbin", "sys", "tmp", "usr",
    ];
    let first = prefix.split('/').nth(1).unwrap_or_default();
    if reserved.contains(&first) {
        return Err(Problem::usage(format!(
            "`prefix` is `{prefix}`, which the sandbox needs itself"
        ))
        .hint("use a directory below `/opt`, `/srv` or `/nix/store`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
