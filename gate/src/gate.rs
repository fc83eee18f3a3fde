//! The whole sequence: two sides, what of them changed, what the rules find, what the base's policy
//! makes of it; then, if nothing is denied and it was asked for, the same of the files; and the
//! verdict.

use std::path::{Path, PathBuf};

use base::sys::Host;
use base::sys::env::Environment;
use base::sys::files::read_if_there;
use base::vocabulary::{Date, Problem, Target};
use builder::lock::Lock;

use crate::finding::{Finding, counted, listed};
use crate::git::Repository;
use crate::inspect::{self, Inspected, Subject};
use crate::judges::{self, Part, part};
use crate::locks::{self, Context, LockChange};
use crate::policy::{FILE, Judged, Policy};
use crate::recipes::{self, RecipeChange};
use crate::report::{Changed, Compared, Report};
use crate::rules::{Level, NEW_SDIST};
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

/// How far the gate looks.
#[derive(Clone, Copy)]
pub enum Depth<'a> {
    /// Stage 1: text alone.
    Text,
    /// Stage 2: if text alone denies nothing, the files of new versions too.
    Files(Host<'a>),
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
    pub fn run(
        asked: &Asked,
        environment: &Environment,
        depth: Depth<'_>,
    ) -> Result<Report, Problem> {
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
            changes.extend(change);
        }
        if known.is_none() && !changes.is_empty() {
            notes.push("the base has no lock, so no host is new".to_owned());
        }
        let (recipes, findings) = of_recipes(&asked.recipes, &changed, context)?;
        found.extend(findings);
        let mut judged = policy.judge(merged(found.clone()), asked.date);
        let mut inspected = None;
        if let Depth::Files(host) = depth
            && !judged.iter().any(|it| it.level == Level::Deny)
        {
            let more = look_into(&changes, context, &host)?;
            found.extend(more.findings.iter().cloned());
            judged = policy.judge(merged(found), asked.date);
            inspected = Some(more);
        }
        tell(&changes, base.has(FILE), &mut notes);
        notes.push(reach(depth, inspected.as_ref()));
        let inspected = inspected.unwrap_or_default();
        notes.extend(inspected.notes);
        let changed = Changed { locks: changes, recipes, contents: inspected.contents };
        let verdict = verdict(&judged, &changed, &inspected.unknown);
        Ok(Report::new(compared, verdict, judged, changed, notes))
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

/// Stage 2 of every lock that changed.
fn look_into(
    changes: &[LockChange],
    context: Context<'_>,
    host: &Host<'_>,
) -> Result<Inspected, Problem> {
    let empty = Lock::parse("version = 1\n")?;
    let mut all = Inspected::default();
    for change in changes {
        let [base, head] = [context.base, context.head].map(|tree| tree.lock(&change.path));
        let (base, head) = (base?, head?);
        let mut targets = recipes::targets_of(&change.path, context);
        if targets.is_empty() {
            let target = Target::new(PYTHON, PLATFORM);
            targets.push(target.expect("it is a target"));
            all.notes.push(format!(
                "no recipe has `{}`, so the files are those for {PLATFORM} and Python {PYTHON}",
                change.path
            ));
        }
        let subject = Subject {
            base: base.as_deref().unwrap_or(&empty),
            head: head.as_deref().unwrap_or(&empty),
            targets: &targets,
            no_binary: &locks::no_binary(&change.path, context.head),
        };
        let mut more = inspect::inspect(subject, host)?;
        for finding in &mut more.findings {
            finding.file.clone_from(&change.path);
        }
        all.contents.extend(more.contents);
        all.findings.extend(more.findings);
        all.unknown.extend(more.unknown);
        all.notes.extend(more.notes);
    }
    Ok(all)
}

/// How far this run looked.
fn reach(depth: Depth<'_>, inspected: Option<&Inspected>) -> String {
    match (depth, inspected) {
        (Depth::Text, _) => "only text was read: nothing was downloaded, built or run",
        (Depth::Files(_), None) => "nothing was downloaded: text alone denies it",
        (Depth::Files(_), Some(_)) => {
            "new files were downloaded and looked into: nothing was built or run"
        }
    }
    .to_owned()
}

/// For what files are chosen where no recipe says so.
const PYTHON: &str = "3.14";
const PLATFORM: &str = "x86_64-manylinux_2_39";

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
        // That a package has no wheel is said by the lock, and again by each target.
        let is_once = finding.rule.id == NEW_SDIST.id;
        let same = |it: &&mut Finding| {
            (it.rule.id, &it.subject) == (finding.rule.id, &finding.subject)
                && (is_once || it.message == finding.message)
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
    notes.push(format!("judged by {policy}"));
}

fn verdict(judged: &[Judged], changed: &Changed, unknown: &[String]) -> Verdict {
    let Changed { locks, recipes, .. } = changed;
    let denied: Vec<&Judged> = judged.iter().filter(|it| it.level == Level::Deny).collect();
    let warned = judged.iter().filter(|it| it.level == Level::Warn).count();
    let unknown: Vec<&String> = recipes.iter().flat_map(|it| &it.unknown).chain(unknown).collect();
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
        let is_form = !locks.is_empty() && locks.iter().all(|lock| lock.form_only);
        let what = match packages {
            0 if is_form => "only the form of a lock changed".to_owned(),
            0 => "no version changed".to_owned(),
            _ => format!("{} changed", counted(packages, "package")),
        };
        (Decision::Merge, format!("{what}, and nothing is denied{look}"))
    };
    Verdict { decision, because }
}
