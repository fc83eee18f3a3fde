//! Paths that several distributions install. uv installs wheels in parallel and the last writer
//! wins, so such a path differs between two builds of one lock. Collisions are found before the
//! installation and decided by the recipe's rule; after the installation the tree is changed
//! accordingly. Paths that differ only in case do not collide: outputs are for Linux.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::records::InstalledRecords;
use crate::install::output::Output;
use crate::install::wheel_archive::{Content, WheelArchive, WheelFile};
use base::packaging::PackageName;
use base::recipe::{CollisionRule, CollisionRules};
use base::sys::beneath::Beneath;
use base::vocabulary::limits::WHEEL_MEMBER_BYTES;
use base::vocabulary::{Outcome, Problem};

/// All collisions of an installation, each with its decision, sorted by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collisions {
    /// One per path.
    pub decided: Vec<Collision>,
}

/// A path that several distributions install.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Collision {
    /// Relative to the output.
    pub path: String,
    /// The distributions, sorted by name.
    pub providers: Vec<PackageName>,
    /// Whether all of them bring the same bytes.
    pub same_bytes: bool,
    /// The decision about the path.
    pub decision: Decision,
}

/// The decision about a path that several distributions install.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// All bring the same bytes: nothing had to be decided.
    Identical,
    /// The file of this distribution stays.
    Winner(PackageName),
    /// Nobody's file stays.
    Dropped,
}

/// How many collisions one message shows.
const SHOWN_MAX: usize = 12;

/// Finds the collisions of an installation and decides each by `rules`. Those that the rules say to
/// fail on make one error that names them all.
pub fn find(
    output: &Output,
    wheels: &[WheelArchive],
    rules: &CollisionRules,
) -> Result<Collisions, Problem> {
    let mut providers = BTreeMap::<&str, Vec<(&WheelArchive, &WheelFile)>>::new();
    for wheel in wheels {
        for (path, file) in &wheel.files {
            providers.entry(path).or_default().push((wheel, file));
        }
    }
    check_directories(&providers)?;
    let mut decided = Vec::new();
    let mut undecided = Vec::new();
    for (path, mut providers) in providers {
        if providers.len() < 2 {
            continue;
        }
        providers.sort_by(|a, b| a.0.name.cmp(&b.0.name));
        let same_bytes = same_bytes(&providers)?;
        let names: Vec<PackageName> =
            providers.iter().map(|(wheel, _)| wheel.name.clone()).collect();
        let decision = match (same_bytes, rule(output, rules, path, &names)) {
            (true, _) => Decision::Identical,
            (false, Rule::Winner(name)) => Decision::Winner(name.clone()),
            (false, Rule::General(CollisionRule::FirstByName)) => {
                Decision::Winner(names[0].clone())
            }
            (false, Rule::General(CollisionRule::Drop)) => Decision::Dropped,
            (false, Rule::General(CollisionRule::Fail)) => {
                undecided.push((path, names));
                continue;
            }
        };
        decided.push(Collision { path: path.to_owned(), providers: names, same_bytes, decision });
    }
    if undecided.is_empty() {
        Ok(Collisions { decided })
    } else {
        Err(undecided_problem(output, &undecided))
    }
}

/// uv cannot install a file where another wheel has a directory, whatever a recipe decides.
fn check_directories(
    providers: &BTreeMap<&str, Vec<(&WheelArchive, &WheelFile)>>,
) -> Result<(), Problem> {
    for (path, below) in providers {
        let mut parents = path.match_indices('/').map(|(end, _)| &path[..end]);
        if let Some((parent, file)) = parents.find_map(|parent| providers.get_key_value(parent)) {
            return Err(Problem::new("cannot install distributions that exclude each other")
                .outcome(Outcome::Policy)
                .fact("path", parent)
                .fact("file in", &file[0].0.name)
                .fact("directory in", &below[0].0.name)
                .hint("no rule can decide this; leave one of them out of the lock"));
        }
    }
    Ok(())
}

fn same_bytes(providers: &[(&WheelArchive, &WheelFile)]) -> Result<bool, Problem> {
    let mut bodies = BTreeSet::new();
    for (wheel, file) in providers {
        // Scripts are compared without the lines that the installer writes above both.
        let is_member = matches!(file.content, Content::Member(_));
        bodies.insert((is_member, file.executable, wheel.body(file)?));
    }
    Ok(bodies.len() == 1)
}

/// What decides a path.
enum Rule<'a> {
    /// A rule of the recipe's `[collisions]`.
    General(CollisionRule),
    /// The override of this distribution.
    Winner(&'a PackageName),
}

/// The rule of the longest key that names the path or a directory above it. A key is relative to
/// the output or to `site-packages`. Who wins a directory decides only what it brings itself.
fn rule<'a>(
    output: &Output,
    rules: &'a CollisionRules,
    path: &str,
    providers: &[PackageName],
) -> Rule<'a> {
    let module = path.strip_prefix(&format!("{}/", output.site_packages));
    let names = |key: &str, path: &str| {
        path.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let winners = rules.winners.iter().filter(|(_, name)| providers.contains(name));
    let winners = winners.map(|(key, name)| (key.trim_end_matches('/'), Rule::Winner(name)));
    let general = rules.paths.iter();
    let general = general.map(|(key, rule)| (key.trim_end_matches('/'), Rule::General(*rule)));
    let matching = general
        .chain(winners)
        .filter(|(key, _)| names(key, path) || module.is_some_and(|module| names(key, module)));
    let longest = matching.max_by_key(|(key, _)| key.len());
    longest.map_or(Rule::General(rules.default), |(_, rule)| rule)
}

fn undecided_problem(output: &Output, undecided: &[(&str, Vec<PackageName>)]) -> Problem {
    let site_packages = format!("{}/", output.site_packages);
    let key = |path: &str| path.strip_prefix(&site_packages).unwrap_or(path).to_owned();
    let mut problem = Problem::new(format!(
        "distributions install different files at {} path{}",
        undecided.len(),
        if undecided.len() == 1 { "" } else { "s" },
    ))
    .outcome(Outcome::Policy);
    let mut hint =
        "decide in the recipe, by `first-by-name`, `drop`, `override.<name>.wins` or another \
         lock:\n\n[collisions.paths]"
            .to_owned();
    for (path, names) in undecided.iter().take(SHOWN_MAX) {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        problem = problem.fact(key(path), names.join(", "));
        let _ = write!(hint, "\n{} = \"first-by-name\"", toml::Value::String(key(path)));
    }
    if undecided.len() > SHOWN_MAX {
        let rest = undecided.len() - SHOWN_MAX;
        problem = problem.fact("…", format!("and {rest} more"));
        let _ = write!(hint, "\n# … and {rest} more; a key may also be a directory");
    }
    problem.hint(hint)
}

impl Collisions {
    /// Applies the decisions to an installed tree, whichever wheel wrote last. A loser's `RECORD`
    /// line is removed, because its file is not installed. So every decided file has one owner, and
    /// `importlib.metadata` and uninstalling the loser never touch the winner's file. Identical
    /// files keep all their owners.
    pub fn apply(&self, output: &Output, wheels: &[WheelArchive]) -> Result<(), Problem> {
        let mut records = InstalledRecords::read(output)?;
        let tree = output.beneath()?;
        for collision in &self.decided {
            let what = format!("cannot decide the collision at `{}`", collision.path);
            let path = output.path_in(&what, &collision.path)?;
            match &collision.decision {
                Decision::Identical => {}
                Decision::Winner(winner) => {
                    let (content, mode) = winning(collision, winner, wheels, &tree, &what)?;
                    let written = tree.write(&path, &content, mode);
                    written.map_err(|error| Problem::new(&what).cause(error))?;
                    let owner = wheel(wheels, winner, &what)?.dist_info.clone();
                    records.remove(&collision.path, |dist_info| dist_info != owner);
                    records.set(&collision.path, &content);
                }
                Decision::Dropped => {
                    remove(&tree, &path).map_err(|error| Problem::new(&what).cause(error))?;
                    records.remove(&collision.path, |_| true);
                }
            }
        }
        records.write()
    }
}

fn wheel<'a>(
    wheels: &'a [WheelArchive],
    name: &PackageName,
    what: &str,
) -> Result<&'a WheelArchive, Problem> {
    let found = wheels.iter().find(|wheel| wheel.name == *name);
    found
        .ok_or_else(|| Problem::new(what).fact("because", format!("no wheel of `{name}` is given")))
}

/// What the winner's file must be, and its mode. The first lines of scripts depend on the venv:
/// they are taken from what is installed there, which must be what one of the providers brings.
fn winning(
    collision: &Collision,
    winner: &PackageName,
    wheels: &[WheelArchive],
    tree: &Beneath,
    what: &str,
) -> Result<(Vec<u8>, u32), Problem> {
    let winning = wheel(wheels, winner, what)?;
    let file = &winning.files[&collision.path];
    let body = winning.body(file)?;
    let mode = if file.executable { 0o755 } else { 0o644 };
    if matches!(file.content, Content::Member(_)) {
        return Ok((body, mode));
    }
    let installed = tree.read(&collision.path, WHEEL_MEMBER_BYTES.max);
    let installed = installed.map_err(|error| Problem::new(what).cause(error))?;
    for name in &collision.providers {
        let provider = wheel(wheels, name, what)?;
        let file = &provider.files[&collision.path];
        let header = installed.strip_suffix(provider.body(file)?.as_slice());
        let is_header = |lines: &&[u8]| lines.starts_with(b"#!") && lines.ends_with(b"\n");
        if matches!(file.content, Content::Member(_)) {
            continue;
        }
        if let Some(header) = header.filter(is_header) {
            return Ok(([header, &body].concat(), mode));
        }
    }
    Err(Problem::new(what)
        .fact("because", "the installed script is not as uv 0.13 writes it for any of them")
        .hint("give this path the rule `drop`, or use the uv version that this tool pins"))
}

/// Removes a file, and the directories that are empty without it.
fn remove(tree: &Beneath, path: &str) -> std::io::Result<()> {
    tree.remove_file(path)?;
    for (end, _) in path.rmatch_indices('/') {
        let directory = &path[..end];
        if !tree.list(directory)?.is_empty() {
            break;
        }
        tree.remove_directory(directory)?;
    }
    Ok(())
}
