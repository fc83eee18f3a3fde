//! `init` writes a recipe for an unknown project, then builds and corrects it until it builds or
//! only a person can decide. It runs the project's code only in the sandbox. It never changes an
//! existing recipe.

mod draft; // a recipe under construction
mod hints; // what images and CI say
mod learn; // what a failed attempt teaches
mod project; // what can be read of a project
mod target; // which Python and platform

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::fetch::application::LocatedRecipe;
use crate::fetch::ledger::Golden;
use crate::fetch::phase1;
use crate::fetch::{self, ledger::Ledger};
use crate::lock::resolve::{Artifact, Resolution};
use crate::missing::System;
use crate::pipeline::{self, Options, Report};
use crate::toolchain::uv::provide_uv;
use base::dist_info::Record;
use base::packaging::PackageName;
use base::recipe::{Members, Provider, Selection};
use base::recipe_file::RecipeFile;
use base::sys::Host;
use base::sys::beneath::Beneath;
use base::sys::files::write_atomically;
use base::sys::process::Process;
use base::vocabulary::Problem;
use base::vocabulary::limits::RECORD_BYTES;

use draft::Draft;
use learn::{Lookup, Tried};
use project::Project;
use target::Chosen;

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
    let (mut draft, chosen) = drafted(&project, &name, &path, wanted, &mut notes, host)?;
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
    attempts(&root, &path, &mut draft, &lookup, &mut done)?;
    finished(&path, &root, &mut done, host)?;
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
                draft.imports = top_level(report, &located, lookup.roots)?;
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
    done.built = Some(attempt_once(&located, &mut Tried::default(), host));
    finished(path, root, &mut done, host)?;
    Ok(done)
}

/// Writes the ledger of what was built, if there is none.
fn finished(path: &Path, root: &Path, done: &mut Initiated, host: Host<'_>) -> Result<(), Problem> {
    let located = LocatedRecipe::find(root, &path.display().to_string())?;
    if located.build_lock.is_file() {
        done.wrote.push(located.build_lock.clone());
    }
    if !matches!(done.built, Some(Ok(_))) || located.ledger.exists() {
        return Ok(());
    }
    let settings = fetch::Settings {
        index: located.recipe.index,
        uv: Some(provide_uv(&host)?.path),
        ..fetch::Settings::default()
    };
    let mut ledger = Ledger::default();
    for target in &located.recipe.targets {
        let resolvers = &crate::lock::resolvers::Resolvers::default();
        let wanted = phase1::Wanted { located: &located, target, source: None, resolvers };
        let fetched = phase1::fetch(&wanted, &settings, host)?;
        ledger.target.insert(target.to_string(), fetched.ledger_entry());
    }
    write_atomically(&located.ledger, ledger.to_toml().as_bytes())
        .map_err(|error| Problem::new("cannot write the ledger").cause(error))?;
    done.wrote.push(located.ledger);
    Ok(())
}

fn write(path: &Path, draft: &Draft) -> Result<(), Problem> {
    write_atomically(path, draft.text().as_bytes())
        .map_err(|error| Problem::new("cannot write the recipe").cause(error))
}

/// The first draft: all that the project's files say.
fn drafted(
    project: &Project,
    name: &str,
    path: &Path,
    wanted: &Wanted,
    notes: &mut Notes,
    host: Host<'_>,
) -> Result<(Draft, Chosen), Problem> {
    let install = project.install();
    let mut draft = Draft {
        name: name.to_owned(),
        source: relative(path.parent().unwrap_or(path), &project.dir)?,
        extras: install.extras.clone(),
        groups: install.groups.clone(),
        ..Draft::default()
    };
    if install.packages.len() == 1 {
        draft.project = install.packages.first().cloned();
    } else if !install.all_packages {
        draft.members.clone_from(&install.packages);
    }
    if let Some((quoted, _)) = &project.hints.install {
        draft.because = Some(format!("{}: {}", quoted.file, quoted.command));
        notes.inferred(format!("what is installed: `{}` of {}", quoted.command, quoted.file));
    }
    for quoted in &project.hints.others {
        notes.guessed(format!("not followed: `{}` of {}", quoted.command, quoted.file));
    }
    let chosen = target::choose(project, &selection(&draft)?)?;
    draft.python = (chosen.target.python().to_string(), chosen.because.clone());
    let here = "this machine; others are added to the list".to_owned();
    draft.platform = (chosen.target.platform().to_owned(), here);
    let suite = chosen.suite.map(|it| (it.to_owned(), "it has this Python".to_owned()));
    draft.suite = suite;
    notes.inferred(format!("Python {}: {}", draft.python.0, draft.python.1));
    known_needs(&mut draft, &chosen.resolution, notes);
    version(project, &mut draft, wanted, notes, host)?;
    if project.is_no_package() {
        copies(project, &mut draft, notes);
    }
    unused_packages(project, notes);
    Ok((draft, chosen))
}

fn selection(draft: &Draft) -> Result<Selection, Problem> {
    fn all<T: std::str::FromStr + Ord>(names: &BTreeSet<String>) -> BTreeSet<T> {
        names.iter().filter_map(|name| name.parse().ok()).collect()
    }
    let members: BTreeSet<PackageName> = all(&draft.members);
    Ok(Selection {
        project: draft.project.as_ref().and_then(|it| it.parse().ok()),
        members: (!members.is_empty()).then_some(Members::Some(members)),
        extras: all(&draft.extras),
        groups: all(&draft.groups),
        ..Selection::default()
    })
}

/// What the reviewed table knows of the sources that are built.
fn known_needs(draft: &mut Draft, resolution: &Resolution, notes: &mut Notes) {
    let known = System::of(Provider::Debian).expect("the table has Debian");
    for distribution in resolution.built().filter(|it| !matches!(it.artifact, Artifact::Local(_))) {
        let name = distribution.name.to_string();
        let packages = known.packages_of(&name);
        if packages.is_empty() {
            continue;
        }
        notes.inferred(format!("`{name}` is built from source with {}", packages.join(", ")));
        let one = draft.overrides.entry(name).or_default();
        for package in packages {
            let because = "Lockstep's table of what sources need".to_owned();
            one.system_packages.insert(package.clone(), because);
        }
    }
}

/// The version that only version control knows: what was typed, the newest tag, or what an
/// unpacked source distribution says.
fn version(
    project: &Project,
    draft: &mut Draft,
    wanted: &Wanted,
    notes: &mut Notes,
    host: Host<'_>,
) -> Result<(), Problem> {
    let Some((name, variable)) = project.version_variable() else {
        return Ok(());
    };
    let found = [
        (wanted.version.clone(), "`--version`"),
        (tagged(&project.dir, host), "the newest tag of git"),
        (project.packed_version(), "`PKG-INFO`"),
    ];
    let Some((version, origin)) = found.into_iter().find_map(|(it, origin)| Some((it?, origin)))
    else {
        return Err(Problem::usage(format!("which version of `{name}` is this?"))
            .fact("because", "its backend asks version control, of which a build sees nothing")
            .hint("`--version VERSION` says it"));
    };
    notes.guessed(format!("the version {version}, from {origin}: `{variable}` says it to builds"));
    let because = format!("the version, which its backend would ask git for: {origin}");
    let one = draft.overrides.entry(name.to_string()).or_default();
    one.env.insert(variable, (version, because));
    Ok(())
}

/// The newest tag that is a version. Of a checkout nothing is run: no hook, no monitor.
fn tagged(dir: &Path, host: Host<'_>) -> Option<String> {
    let git = host.environment.find_program("git")?;
    let arguments = [
        "-c",
        "core.fsmonitor=false",
        "-c",
        "core.hooksPath=/dev/null",
        "describe",
        "--tags",
        "--abbrev=0",
    ];
    if !dir.join(".git").exists() {
        return None;
    }
    let printed = Process::new(git).args(arguments).current_dir(dir).stdout().ok()?;
    let tag = printed.trim().rsplit(['/', '-']).next()?.trim_start_matches(['v', 'V']).to_owned();
    tag.parse::<base::packaging::Version>().ok().map(|it| it.to_string())
}

/// The copies for a project that is not a package.
fn copies(project: &Project, draft: &mut Draft, notes: &mut Notes) {
    let (copies, modules, is_django) = project.copies();
    if copies.is_empty() {
        draft.dependencies_only = true;
        notes.open("the project is no package: which of its files does the output need?");
        return;
    }
    let shown: Vec<&str> = copies.iter().map(|(from, _)| from.as_str()).collect();
    notes.guessed(format!(
        "the project is no package, so its files are copied: {}",
        shown.join(", ")
    ));
    draft.copies = copies;
    if is_django {
        let words = ["python", "manage.py", "check"].map(str::to_owned);
        draft.runs.push(("manage.py check".to_owned(), words.into()));
    } else {
        draft.imports = modules;
    }
}

/// Packages of an image that only a person knows the use of.
fn unused_packages(project: &Project, notes: &mut Notes) {
    let of_builds = ["build-essential", "gcc", "g++", "make", "curl", "git", "ca-certificates"];
    let left: Vec<&str> = project
        .hints
        .system
        .iter()
        .map(String::as_str)
        .filter(|it| !it.ends_with("-dev") && !of_builds.contains(it))
        .collect();
    if !left.is_empty() {
        notes.open(format!(
            "an image of the project installs {}: what of it does the application call when it \
             runs? That goes into `toolchain.debian.packages`",
            left.join(", ")
        ));
    }
}

/// A path from one directory to another; both must exist or be made.
fn relative(from: &Path, to: &Path) -> Result<String, Problem> {
    let failed = |error| Problem::new("cannot make the directory of recipes").cause(error);
    fs::create_dir_all(from).map_err(failed)?;
    let from = fs::canonicalize(from).map_err(failed)?;
    let to = fs::canonicalize(to).map_err(failed)?;
    let common = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(common).map(|_| "..".to_owned());
    let down = to.components().skip(common).map(|it| it.as_os_str().display().to_string());
    let parts: Vec<String> = up.chain(down).collect();
    Ok(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}

/// What the projects' own wheels have at their top and can be imported.
fn top_level(
    report: &Report,
    located: &LocatedRecipe,
    roots: &[PackageName],
) -> Result<BTreeSet<String>, Problem> {
    let site_packages = located.recipe.site_packages();
    let unread = |error| Problem::new("cannot read the output").cause(error);
    let site = Beneath::open(&report.output.join(&site_packages)).map_err(unread)?;
    let mut found = BTreeSet::new();
    for (entry, _) in site.list("").map_err(unread)? {
        let entry = entry.display().to_string();
        let Some(name) = entry.strip_suffix(".dist-info") else { continue };
        let name = name.split('-').next().unwrap_or_default().parse::<PackageName>();
        if !name.is_ok_and(|name| roots.contains(&name)) {
            continue;
        }
        let record = site.read(format!("{entry}/RECORD"), RECORD_BYTES.max).map_err(unread)?;
        let record = Record::parse(&entry, &record)?;
        found.extend(record.lines().iter().filter_map(|line| module_of(&line.path)));
    }
    Ok(found)
}

/// The module at the top that a file of a wheel is or begins.
fn module_of(path: &str) -> Option<String> {
    let not_of_it = ["tests", "test", "docs", "examples", "conftest", "setup"];
    let name = match path.split_once('/') {
        Some((package, "__init__.py")) => package,
        Some(_) => return None,
        None => path.strip_suffix(".py").or_else(|| {
            path.ends_with(".so").then(|| path.split('.').next().unwrap_or_default())
        })?,
    };
    let is_identifier = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (is_identifier && !not_of_it.contains(&name)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheels_top_is_what_can_be_imported() {
        for (path, module) in [
            ("shop/__init__.py", Some("shop")),
            ("shop/a/__init__.py", None),
            ("shop.py", Some("shop")),
            ("_shop.cpython-314-x86_64-linux-gnu.so", Some("_shop")),
            ("tests/__init__.py", None),
            ("shop-1.dist-info/RECORD", None),
            ("../../../bin/shop", None),
            ("a b.py", None),
        ] {
            assert_eq!(module_of(path).as_deref(), module, "{path}");
        }
    }
}
