//! Learns from a failed attempt which package, requirement or exception the recipe lacks. A change
//! that did not help is undone.

use std::collections::{BTreeMap, BTreeSet};

use super::Notes;
use super::draft::Draft;
use crate::missing::{Missing, System, decisive};
use crate::toolchain::Contents;
use base::packaging::PackageName;
use base::recipe::Provider;
use base::sys::Host;
use base::vocabulary::problem::{Broken, Part};
use base::vocabulary::{Problem, shown_lines};

/// What was tried for which part, and what has it in the recipe.
#[derive(Debug, Default)]
pub(super) struct Tried {
    system: BTreeMap<(Part, Missing), String>,
    /// Whether a build requirement changed, so that the build lock must be made again.
    pub(super) is_lock_stale: bool,
    /// Whether packages changed, so that the toolchain lock must be made again.
    pub(super) is_toolchain_stale: bool,
}

/// What an attempt needs to look things up.
pub(super) struct Lookup<'a> {
    pub(super) suite: &'a str,
    pub(super) machine: &'a str,
    pub(super) roots: &'a [PackageName],
    pub(super) host: Host<'a>,
}

/// The first line of foreign text, short enough for a comment.
fn line_of(text: &str) -> String {
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    shown_lines(line.trim()).chars().take(200).collect()
}

/// Changes the draft according to a problem, and returns whether anything is left to try.
///
/// # Errors
/// The index of files cannot be fetched or read.
pub(super) fn from(
    problem: &Problem,
    draft: &mut Draft,
    tried: &mut Tried,
    notes: &mut Notes,
    lookup: &Lookup<'_>,
) -> Result<bool, Problem> {
    let mut wanted = BTreeSet::new();
    let lacking: Vec<(&Broken, Option<Missing>)> = problem
        .broken
        .iter()
        .map(|it| (it, decisive(it.printed.lines()).and_then(|it| it.missing)))
        .collect();
    let known = System::of(Provider::Debian).expect("the table has Debian");
    for (_, missing) in &lacking {
        wanted
            .extend(missing.clone().filter(|it| it.is_of_system() && known.package(it).is_none()));
    }
    let found = look_up(&wanted, lookup)?;
    let package = |missing: &Missing| {
        let of_table = known.package(missing).map(str::to_owned);
        of_table.or_else(|| found.get(missing).cloned())
    };
    let mut learned = false;
    for (broken, missing) in lacking {
        let Broken { part, printed } = broken;
        let said = line_of(printed);
        learned |= match (part, missing) {
            (part, Some(missing)) if missing.is_of_system() => {
                system(part, &missing, package(&missing), draft, tried, notes)
            }
            (Part::Build(name), Some(Missing::Module(module))) => {
                requirement(name, &module, draft, tried, notes)
            }
            (Part::Script { name, distribution }, _) => {
                script(name, distribution, &said, draft, notes, lookup.roots)
            }
            (Part::Module(name), _) if draft.imports.remove(name) => {
                notes.open(format!("`{name}` cannot be imported as it is: {said}"));
                true
            }
            (Part::Check(name), _) if draft.runs.iter().any(|(it, _)| it == name) => {
                draft.runs.retain(|(it, _)| it != name);
                notes.open(format!("the check `{name}` fails without more: {said}"));
                true
            }
            _ => false,
        };
    }
    Ok(learned)
}

fn look_up(
    wanted: &BTreeSet<Missing>,
    lookup: &Lookup<'_>,
) -> Result<BTreeMap<Missing, String>, Problem> {
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    Contents::fetch(lookup.suite, lookup.machine, &lookup.host)?.packages(wanted)
}

fn system(
    part: &Part,
    missing: &Missing,
    package: Option<String>,
    draft: &mut Draft,
    tried: &mut Tried,
    notes: &mut Notes,
) -> bool {
    let key = (part.clone(), missing.clone());
    let of_run_time = !matches!(part, Part::Build(_));
    if let Some(package) = tried.system.get(&key) {
        tried.is_toolchain_stale = true;
        // It is still missing: the package was not the one.
        match part {
            Part::Build(name) => {
                let one = draft.overrides.entry(name.clone()).or_default();
                one.system_packages.remove(package);
            }
            _ => {
                draft.packages.remove(package);
            }
        }
        notes.open(format!("{missing} is wanted, and `{package}` did not help"));
        return false;
    }
    let Some(package) = package else {
        notes.open(format!("{missing} is wanted, and no package of the suite has it"));
        return false;
    };
    let because = format!("has {missing}");
    let is_there = match part {
        Part::Build(name) => {
            draft.overrides.get(name).is_some_and(|it| it.system_packages.contains_key(&package))
        }
        _ => draft.packages.contains_key(&package),
    };
    if is_there {
        notes.open(format!("{missing} is wanted although `{package}` is there"));
        return false;
    }
    if of_run_time {
        notes.guessed(format!("`{package}` {because}, which the output needs when it runs"));
        draft.packages.insert(package.clone(), because);
    } else if let Part::Build(name) = part {
        notes.guessed(format!("`{package}` {because}, which the build of `{name}` needs"));
        let one = draft.overrides.entry(name.clone()).or_default();
        one.system_packages.insert(package.clone(), because);
    }
    tried.system.insert(key, package);
    tried.is_toolchain_stale = true;
    true
}

fn requirement(
    name: &str,
    module: &str,
    draft: &mut Draft,
    tried: &mut Tried,
    notes: &mut Notes,
) -> bool {
    let distribution = match module {
        // The names differ; all of them are what old `setup.py`s import.
        "pkg_resources" => "setuptools<82",
        "Cython" => "cython",
        "yaml" => "pyyaml",
        other => other,
    };
    let one = draft.overrides.entry(name.to_owned()).or_default();
    let because = format!("its build imports `{module}` and does not ask for it");
    if one.extra_requires.insert(distribution.to_owned(), because).is_some() {
        notes.open(format!("the build of `{name}` imports `{module}`, and nothing brings it"));
        return false;
    }
    notes.guessed(format!("the build of `{name}` imports `{module}`: added `{distribution}`"));
    tried.is_lock_stale = true;
    true
}

fn script(
    name: &str,
    distribution: &str,
    said: &str,
    draft: &mut Draft,
    notes: &mut Notes,
    roots: &[PackageName],
) -> bool {
    if roots.iter().any(|root| root.as_ref() == distribution) {
        notes.open(format!("the project's own script `{name}` cannot be imported: {said}"));
    } else {
        notes.guessed(format!("`{name}` of `{distribution}` is not used: it cannot be imported"));
    }
    draft.skip_scripts.insert(name.to_owned(), format!("{distribution}: {said}")).is_none()
}
