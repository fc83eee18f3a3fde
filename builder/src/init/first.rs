//! The first draft of a recipe: all that a project's files say.

use std::collections::BTreeSet;
use std::path::Path;

use fs_err as fs;

use super::draft::Draft;
use super::project::Project;
use super::target::{self, Chosen};
use super::{Notes, Wanted};
use crate::lock::resolve::{Artifact, Resolution};
use crate::missing::System;
use base::packaging::PackageName;
use base::recipe::{Members, Provider, Selection};
use base::sys::Host;
use base::sys::process::Process;
use base::vocabulary::Problem;

/// As many lines that were not followed are shown.
const OTHERS_SHOWN: usize = 3;

/// The first draft: all that the project's files say.
pub(super) fn drafted(
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
    let others = &project.hints.others;
    for quoted in others.iter().take(OTHERS_SHOWN) {
        notes.guessed(format!("not followed: `{}` of {}", quoted.command, quoted.file));
    }
    if others.len() > OTHERS_SHOWN {
        notes.guessed(format!("{} more such lines were not followed", others.len() - OTHERS_SHOWN));
    }
    let chosen = target::choose(project, &selection(&draft))?;
    draft.python = (chosen.target.python().to_string(), chosen.because.clone());
    let here = "this machine; others are added to the list".to_owned();
    draft.platform = (chosen.target.platform().to_owned(), here);
    let suite = chosen.suite.map(|it| (it.to_owned(), "it has this Python".to_owned()));
    draft.suite = suite;
    notes.inferred(format!("Python {}: {}", draft.python.0, draft.python.1));
    known_needs(&mut draft, &chosen.resolution, notes);
    version(project, &chosen.resolution, &mut draft, wanted, notes, host)?;
    if project.is_no_package() {
        copies(project, &mut draft, notes);
    }
    unused_packages(project, notes);
    Ok((draft, chosen))
}

fn selection(draft: &Draft) -> Selection {
    fn all<T: std::str::FromStr + Ord>(names: &BTreeSet<String>) -> BTreeSet<T> {
        names.iter().filter_map(|name| name.parse().ok()).collect()
    }
    let members: BTreeSet<PackageName> = all(&draft.members);
    Selection {
        project: draft.project.as_ref().and_then(|it| it.parse().ok()),
        members: (!members.is_empty()).then_some(Members::Some(members)),
        extras: all(&draft.extras),
        groups: all(&draft.groups),
        ..Selection::default()
    }
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
    resolution: &Resolution,
    draft: &mut Draft,
    wanted: &Wanted,
    notes: &mut Notes,
    host: Host<'_>,
) -> Result<(), Problem> {
    let mut asking = project.without_version();
    asking.retain(|(name, _)| resolution.get(name).is_some_and(|it| it.artifact.is_built()));
    let Some((first, tool)) = asking.first() else {
        return Ok(());
    };
    let found = [
        (wanted.version.clone(), "`--version`"),
        (tagged(&project.dir, host), "the newest tag of git"),
        (project.packed_version(), "`PKG-INFO`"),
    ];
    let Some((version, origin)) = found.into_iter().find_map(|(it, origin)| Some((it?, origin)))
    else {
        return Err(Problem::usage(format!("which version of `{first}` is this?"))
            .fact("because", format!("`{tool}` asks git for it, of which a build sees nothing"))
            .hint("`--version VERSION` says it"));
    };
    for (name, tool) in asking {
        notes.guessed(format!("`{name}` is of version {version}, from {origin}"));
        let one = draft.overrides.entry(name.to_string()).or_default();
        one.version = Some((version.clone(), format!("`{tool}` would ask git: {origin}")));
    }
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

/// What is copied of a project that is no package.
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
