//! Stage 1, the whole sequence: two sides, what of them changed, what the rules find, what the
//! base's policy makes of it, and the verdict. It reads text, and starts no program but `git`.

use std::path::{Path, PathBuf};

use base::sys::env::Environment;
use base::sys::files::read_if_there;
use base::vocabulary::{Date, Problem};

use crate::finding::{Finding, counted, listed};
use crate::git::Repository;
use crate::judges::{self, Part, part};
use crate::locks::{self, Context, LockChange};
use crate::policy::{FILE, Judged, Policy};
use crate::recipes::{self, RecipeChange};
use crate::report::{Compared, Report};
use crate::rules::Level;
use crate::tree::Tree;
use crate::verdict::{Decision, Verdict};

/// What is compared.
#[derive(Debug, Clone)]
pub enum Place {
    /// Two commits of a repository.
    Commits {
        /// A directory in it.
        dir: PathBuf,
        /// What the change is to be merged into.
        base: String,
        /// The change; `None` is `HEAD`.
        head: Option<String>,
    },
    /// Two files.
    Files {
        /// The lock before.
        base: PathBuf,
        /// The lock now.
        head: PathBuf,
    },
}

/// What the gate is asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What is compared.
    pub place: Place,
    /// Names of recipes; if there are none, all that the change touches.
    pub recipes: Vec<String>,
    /// The day for ages and exceptions.
    pub date: Date,
}

/// Both sides, read.
struct Sides {
    /// Where the head left the base, and the head.
    trees: [Tree; 2],
    /// The base itself, if that is another commit: its policy judges.
    judge: Option<Tree>,
    compared: Compared,
    notes: Vec<String>,
}

/// The gate.
#[derive(Debug)]
pub struct Gate;

impl Gate {
    /// Compares and judges.
    ///
    /// # Errors
    /// A side cannot be read; the base's policy is not valid; a named recipe is in neither side.
    pub fn run(asked: &Asked, environment: &Environment) -> Result<Report, Problem> {
        let Sides { trees: [base, head], judge, compared, mut notes } = read(asked, environment)?;
        let policy = Policy::of(judge.as_ref().unwrap_or(&base))?;
        let changed = base.changed(&head);
        let of_head = Policy::of(&head);
        let mut found = judges::check(&changed, &base, &head, (&policy, &of_head));
        let all: Vec<&str> = base.paths().filter(|path| part(path) == Part::Lock).collect();
        let known = locks::known_origins(&base, &all);
        let context = Context {
            base: &base,
            head: &head,
            policy: &policy,
            today: asked.date,
            known: known.as_ref(),
        };
        let mut changes = Vec::new();
        for path in lock_paths(&changed, &base, &head) {
            if !head.has(&path) {
                notes.push(format!("`{path}` is gone"));
                continue;
            }
            let (change, findings) = locks::compare(&path, context)?;
            found.extend(findings);
            changes.push(change);
        }
        if known.is_none() && !changes.is_empty() {
            notes.push("the base has no lock, so no host is new".to_owned());
        }
        let (recipes, findings) = of_recipes(&asked.recipes, &changed, context)?;
        found.extend(findings);
        let found = merged(found);
        tell(&changes, base.has(FILE), &mut notes);
        let judged = policy.judge(found, asked.date);
        let verdict = verdict(&judged, &changes, &recipes);
        Ok(Report::new(compared, verdict, judged, (changes, recipes), notes))
    }
}

fn read(asked: &Asked, environment: &Environment) -> Result<Sides, Problem> {
    let date = asked.date.to_string();
    match &asked.place {
        Place::Files { base, head } => {
            let trees = [Tree::of_lock(base)?, Tree::of_lock(head)?];
            let [base, head] = [base, head].map(|path| path.display().to_string());
            let compared = Compared { base, head, date };
            Ok(Sides { trees, judge: None, compared, notes: Vec::new() })
        }
        Place::Commits { dir, base, head } => {
            let repository = Repository::find(environment, dir)?;
            let tip = repository.commit("--base", base)?;
            let head_commit = repository.commit("--head", head.as_deref().unwrap_or("HEAD"))?;
            let mut notes = Vec::new();
            let left = repository.merge_base(&tip, &head_commit)?;
            if left.is_none() {
                let note = "the two commits have no common history here (a shallow clone?): the \
                            change is compared with the base as it is now";
                notes.push(note.to_owned());
            }
            let left = left.unwrap_or_else(|| tip.clone());
            let commits = [left.as_str(), head_commit.as_str(), tip.as_str()];
            let is_moved = left != tip;
            let mut trees = Tree::of_commits(&repository, &commits[..2 + usize::from(is_moved)])?;
            let judge = if is_moved { trees.pop() } else { None };
            let trees: [Tree; 2] = trees.try_into().expect("as many as commits");
            if head.is_none() {
                notes.extend(uncommitted(&repository, &trees[1])?);
            }
            let short = |commit: &str| commit.chars().take(12).collect::<String>();
            let (base, head) = (short(&left), short(&head_commit));
            Ok(Sides { trees, judge, compared: Compared { base, head, date }, notes })
        }
    }
}

/// Locks of the working tree that `HEAD` has otherwise: they are not judged.
fn uncommitted(repository: &Repository, head: &Tree) -> Result<Vec<String>, Problem> {
    let Some(top) = repository.top()? else { return Ok(Vec::new()) };
    let mut notes = Vec::new();
    for path in head.paths().filter(|path| part(path) == Part::Lock) {
        let on_disk = read_if_there(&top.join(path)).ok().flatten();
        if on_disk.is_some_and(|bytes| head.bytes(path) != Some(&bytes)) {
            notes.push(format!(
                "`{path}` of the working tree is not what `HEAD` has, and was not judged: commit it"
            ));
        }
    }
    Ok(notes)
}

/// The locks to compare: those that changed, and those beside a project file that changed.
fn lock_paths(changed: &[&str], base: &Tree, head: &Tree) -> Vec<String> {
    let mut found = std::collections::BTreeSet::new();
    for path in changed {
        match part(path) {
            Part::Lock => drop(found.insert((*path).to_owned())),
            Part::Project => {
                // Of a workspace member, the lock is above.
                let dirs = Path::new(path).ancestors().skip(1);
                let lock = dirs
                    .map(|dir| dir.join("uv.lock").display().to_string())
                    .find(|lock| base.has(lock) || head.has(lock));
                found.extend(lock);
            }
            _ => {}
        }
    }
    found.into_iter().collect()
}

type OfRecipes = (Vec<RecipeChange>, Vec<Finding>);

fn of_recipes(
    named: &[String],
    changed: &[&str],
    context: Context<'_>,
) -> Result<OfRecipes, Problem> {
    let mut all = recipes::all(context.base);
    all.extend(recipes::all(context.head));
    all.sort();
    all.dedup();
    if let Some(name) = named.iter().find(|name| !all.iter().any(|(it, _)| it == *name)) {
        let names = listed(all.iter().map(|(name, _)| name), 20);
        return Err(Problem::usage(format!("neither side has a recipe `{name}`"))
            .fact("recipes", if names.is_empty() { "none".to_owned() } else { names })
            .hint("leave the name out: the gate looks at all recipes that the change touches"));
    }
    let (mut changes, mut found) = (Vec::new(), Vec::new());
    for (name, path) in all.iter().filter(|(name, _)| named.is_empty() || named.contains(name)) {
        if let Some((change, findings)) = recipes::compare((name, path), changed, context)? {
            changes.push(change);
            found.extend(findings);
        }
    }
    Ok((changes, found))
}

/// The same finding on several targets, or by lock and by recipe, is one with all their details.
fn merged(found: Vec<Finding>) -> Vec<Finding> {
    let mut merged: Vec<Finding> = Vec::new();
    for finding in found {
        let same = |it: &&mut Finding| {
            (it.rule.id, &it.subject, &it.message)
                == (finding.rule.id, &finding.subject, &finding.message)
        };
        match merged.iter_mut().find(same) {
            Some(first) => {
                let new = finding.detail.into_iter().filter(|it| !first.detail.contains(it));
                let new: Vec<String> = new.collect();
                first.detail.extend(new);
            }
            None => merged.push(finding),
        }
    }
    merged
}

/// What the reader must know to trust the rest.
fn tell(changes: &[LockChange], has_policy: bool, notes: &mut Vec<String>) {
    for change in changes.iter().filter(|it| !it.unknown_keys.is_empty()) {
        let keys = listed(&change.unknown_keys, 6);
        notes.push(format!("`{}` has keys that this tool does not know: {keys}", change.path));
    }
    let policy = if has_policy { "`lockstep.toml` of the base" } else { "the default policy" };
    notes.push(format!(
        "judged by {policy}; only text was read: nothing was downloaded, built or run"
    ));
}

fn verdict(judged: &[Judged], locks: &[LockChange], recipes: &[RecipeChange]) -> Verdict {
    let denied: Vec<&Judged> = judged.iter().filter(|it| it.level == Level::Deny).collect();
    let warned = judged.iter().filter(|it| it.level == Level::Warn).count();
    let unknown: Vec<&String> = recipes.iter().flat_map(|it| &it.unknown).collect();
    let to_bless: Vec<&String> = recipes.iter().flat_map(|it| &it.to_bless).collect();
    let packages: usize = locks.iter().map(|lock| lock.packages.len()).sum();
    let (decision, because) = if !denied.is_empty() {
        let mut rules: Vec<&str> = denied.iter().map(|it| it.finding.rule.id).collect();
        rules.dedup();
        let because = format!("{} ({})", counted(denied.len(), "finding"), listed(rules, 5));
        (Decision::DoNotMerge, format!("{because} that the policy denies"))
    } else if let Some(first) = unknown.first() {
        (Decision::CouldNotDecide, (*first).clone())
    } else if let Some(first) = to_bless.first() {
        (Decision::MergeAfterBless, (*first).clone())
    } else if locks.is_empty() && recipes.is_empty() && judged.is_empty() {
        (Decision::Merge, "no lock and no recipe changed".to_owned())
    } else {
        let look = match warned {
            0 => String::new(),
            warned => format!("; look at {}", counted(warned, "warning")),
        };
        let what = if packages == 0 {
            "no package changed".to_owned()
        } else {
            format!("{} changed", counted(packages, "package"))
        };
        (Decision::Merge, format!("{what}, and nothing is denied{look}"))
    };
    Verdict { decision, because }
}
