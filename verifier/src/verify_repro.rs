//! `verify-repro`: rounds, comparison, explanation, checks, verdict.

use std::path::{Path, PathBuf};

use base::recipe::Recipe;
use base::recipe_file::RecipeFile;
use base::sys::cache::{ROUNDS, hold};
use base::sys::env::Environment;
use base::sys::files::{FileLock, WorkDir, remove_tree, sorted_entries};
use base::vocabulary::problem::{outcome_of, render};
use base::vocabulary::{Outcome, Problem, shown_lines};
use fs_err as fs;

use crate::checks::adopt;
use crate::checks::fod;
use crate::checks::inputs;
use crate::checks::output;
use crate::checks::snapshots;
use crate::checks::waivers;
use crate::explain::Explanation;
use crate::pairs::{Pair, Varied};
use crate::report::{Report, Subject, Writing};
use crate::rounds::places;
use crate::rounds::probe::Seen;
use crate::rounds::round::Wheelhouse;
use crate::rounds::shares::{Shares, all};
use crate::rounds::vary::{self, Chosen, Here};
use crate::rounds::{Finished, Round, Workplace};

mod tell;

/// The program that builds, and where it was started.
#[derive(Clone, Copy)]
pub struct Program<'p> {
    /// The program `lockstep`.
    pub path: &'p Path,
    /// The directory with `recipes/`.
    pub root: &'p Path,
    /// The environment that it was started with.
    pub environment: &'p Environment,
    /// Completes the commands that a message proposes, so that they work as printed.
    pub typed: &'p dyn Fn(&str) -> String,
}

/// What `verify-repro` is asked.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that a person types")]
pub struct VerifyRepro {
    /// Name of a recipe in `recipes/`, or the path of its .toml.
    pub recipe: String,
    /// Build this source tree instead of the recipe's.
    pub source: Option<PathBuf>,
    /// Use this toolchain provider instead of the recipe's list.
    pub toolchain: Option<String>,
    /// How many builds are made; each is compared with the first.
    pub rounds: u32,
    /// What is varied: `-NAME` leaves one out, `+NAME` lets programs see what is pinned otherwise.
    pub vary: Vec<String>,
    /// Say what each variation does and whether it can bite here, and build nothing.
    pub list_variations: bool,
    /// Share nothing between the rounds.
    pub refetch: bool,
    /// Print the reports as JSON instead of a summary.
    pub json: bool,
    /// Write the report as a page to look at.
    pub html: Option<PathBuf>,
    /// Keep the rounds' directories although nothing differs.
    pub keep: bool,
    /// Print no progress.
    pub quiet: bool,
    /// Where downloads and toolchains are kept, and the rounds run.
    pub cache_dir: PathBuf,
}

/// The result of a run.
struct Decided {
    /// The recipe's name.
    name: String,
    outcome: Outcome,
    /// The rounds.
    work: WorkDir,
    /// The cache is not emptied while they are removed.
    _using: FileLock,
}

/// What is verified, and where.
#[derive(Clone, Copy)]
struct Plan<'p> {
    recipe: &'p Recipe,
    chosen: &'p Chosen,
    here: Here,
    /// The directory of all rounds.
    base: &'p Path,
}

impl VerifyRepro {
    /// Prints the reports and says in the last line whether to merge; whatever does not hold is an
    /// error with the exit code of the worst.
    pub fn run(self, program: Program<'_>) -> anyhow::Result<()> {
        let Program { environment, root, .. } = program;
        if self.list_variations {
            let (recipe, _) = RecipeFile::find(root, &self.recipe)?.read()?;
            return tell::list(here(environment, &recipe));
        }
        let Decided { name, outcome, work, _using: _held } = match self.decided(program) {
            Ok(decided) => decided,
            Err(error) => {
                self.tell_failure(&error, program);
                let what = format!("merge: no, `{}` could not be judged", self.recipe);
                return Err(tell::not_merged(&what, outcome_of(&error)));
            }
        };
        // Nobody need wait for the removal to know.
        let told = if outcome == Outcome::Good {
            self.say(&format!("merge: yes, `{name}` is reproducible"))
        } else {
            let what = format!("merge: no, `{name}` is not what it must be");
            Err(tell::not_merged(&what, outcome))
        };
        if !work.is_kept() {
            // What is left of it, the end of `work` removes.
            let _ = remove_side_by_side(work.path(), LEVELS);
        }
        told
    }

    fn decided(&self, program: Program<'_>) -> anyhow::Result<Decided> {
        let Program { environment, root, .. } = program;
        let (recipe, _) = RecipeFile::find(root, &self.recipe)?.read()?;
        waivers::check_causes(&recipe.waivers)?;
        let here = here(environment, &recipe);
        let chosen = vary::choose(&self.vary, here)?;
        let cache = &self.cache_dir;
        let words = self.build_words()?;
        // Rounds run in directories of their own.
        let recipe_word = if self.recipe.ends_with(".toml") {
            std::path::absolute(&self.recipe)?.display().to_string()
        } else {
            self.recipe.clone()
        };
        let workplace = Workplace {
            program: program.path,
            root,
            environment,
            recipe: &recipe_word,
            words: &words,
            shared: (!self.refetch).then_some(cache.as_path()),
            quiet: self.quiet,
        };
        let waiting = || eprintln!("waiting for `gc`, which removes things from the cache");
        let using = hold(cache, waiting)?;
        let mut work = WorkDir::create(&cache.join(ROUNDS), &recipe.name)?;
        let plan = Plan { recipe: &recipe, chosen: &chosen, here, base: work.path() };
        let verified = self.verify(&workplace, &plan, program.typed);
        if self.keep || !matches!(verified, Ok(Outcome::Good)) {
            // Even without its note it stays until the next run.
            let _ = work.keep();
            eprintln!("the rounds stay in {}", work.path().display());
        }
        Ok(Decided { name: recipe.name, outcome: verified?, work, _using: using })
    }

    fn verify(
        &self,
        workplace: &Workplace<'_>,
        plan: &Plan<'_>,
        typed: &dyn Fn(&str) -> String,
    ) -> anyhow::Result<Outcome> {
        let Plan { recipe, chosen, here, base } = *plan;
        let shares = Shares::among(self.rounds as usize);
        let places = (0..self.rounds as usize).map(|index| places::place(index, chosen));
        let rounds = places
            .map(|place| workplace.lay_out(place, base))
            .collect::<Result<Vec<Round>, Problem>>()?;
        let subject = |sides| of_rounds(recipe, rounds.len(), sides);
        let mut writing = self.writing(&subject(None), base)?;
        let (fetched, seen) = prepare(workplace, &shares, &rounds)?;
        let varied = Varied { chosen, rounds: &rounds, seen: &seen };
        (1..rounds.len()).for_each(|index| writing.note("variations", &varied.variations(index)));
        let probed = varied.check();
        if probed.outcome != Outcome::Good {
            return Err(Varied::problem(&probed).into());
        }
        let pinned = fod::check(&fetched, &[]);
        if pinned.outcome != Outcome::Good && !self.quiet {
            // Should a round fail, nothing else would tell it.
            pinned.detail.iter().for_each(|line| eprintln!("{}", typed(&shown_lines(line))));
        }
        let finished = shares.of_each(&rounds, |round| workplace.build(round))?;
        let mut checks = vec![fod::check(&fetched, &finished), output::check(&finished[0])];
        checks.extend([probed, inputs::check(&finished)?]);
        checks.push(snapshots::check(
            workplace.root,
            workplace.recipe,
            &finished[0].published,
            workplace.environment,
        )?);
        // What a recipe allows to differ may have differed then.
        let cache = workplace.shared.filter(|_| recipe.waivers.is_empty());
        checks.extend(cache.map(|cache| adopt::check(&finished[0], cache)).transpose()?);
        for check in &checks {
            writing.note("check", check);
        }
        let explain = |index| -> anyhow::Result<_> {
            let pair = Pair { varied: &varied, finished: &finished, index };
            let (comparison, explanation) = pair.explain(&mut writing)?;
            let blamed = pair.blame(workplace, &explanation, base);
            Ok((index, comparison, explanation, blamed))
        };
        let pairs = (1..rounds.len()).map(explain).collect::<anyhow::Result<Vec<_>>>()?;
        let not_varied = vary::not_varied(chosen, here);
        let explanations: Vec<&Explanation> = pairs.iter().map(|(_, _, it, _)| it).collect();
        let (of, today) = (&recipe.waivers, waivers::today()?);
        checks.push(waivers::check(&explanations, of, today, &not_varied));
        let mut reports = Vec::new();
        for (index, comparison, explanation, blamed) in pairs {
            let sides = [0, index].map(|it| rounds[it].place.letter);
            let waived = waivers::waived(&explanation, of);
            let report = Report::new(subject(Some(sides)), &comparison, explanation);
            let checks = checks.iter().cloned().chain(blamed).collect();
            let report = report.varied(varied.variations(index), not_varied.clone());
            reports.push(report.waived(waived).checked(checks));
        }
        let worst = reports.iter().max_by_key(|it| it.outcome()).expect("there are two rounds");
        // What was found is told even if a report cannot be written.
        self.print(&reports, typed)?;
        writing.finish(worst)?;
        if worst.outcome() == Outcome::Good && !self.keep {
            self.adopt(&finished[0], workplace.shared, typed);
        }
        Ok(worst.outcome())
    }

    /// Leaves what was verified for the next build. That it cannot be left changes no verdict.
    fn adopt(&self, first: &Finished, shared: Option<&Path>, typed: &dyn Fn(&str) -> String) {
        match shared.map(|cache| adopt::adopt(first, cache)) {
            Some(Ok(())) if !self.quiet => {
                let build = typed(&format!("`lockstep build {}`", self.recipe));
                eprintln!("the output is kept: {build} builds nothing");
            }
            Some(Err(problem)) => eprintln!("warning: {}", render(&problem.into())),
            _ => {}
        }
    }

    /// The page that was asked for, and what is known while the rounds run, in their directory.
    fn writing(&self, subject: &Subject, base: &Path) -> Result<Writing, Problem> {
        let lines = base.join("report.jsonl");
        if !self.quiet {
            eprintln!("what becomes known is written to {}", lines.display());
        }
        Writing::begin(subject, self.html.as_deref(), Some(&lines))
    }

    /// The arguments of `build` besides the recipe. Rounds do not run in this directory.
    fn build_words(&self) -> anyhow::Result<Vec<String>> {
        let mut words = Vec::new();
        if let Some(source) = &self.source {
            let source = std::path::absolute(source)?;
            words.extend(["--source".to_owned(), source.display().to_string()]);
        }
        if let Some(provider) = &self.toolchain {
            words.extend(["--toolchain".to_owned(), provider.clone()]);
        }
        Ok(words)
    }
}

/// What a report on rounds of a recipe is about.
fn of_rounds(recipe: &Recipe, rounds: usize, sides: Option<[char; 2]>) -> Subject {
    Subject::Rounds { recipe: recipe.name.clone(), rounds, sides }
}

/// So many levels has a package in an output, seen from the rounds.
const LEVELS: usize = 8;

/// An output has tens of thousands of files: all processors remove them. One processor removes
/// everything deeper than `levels`: a build can leave more levels than the stack can hold.
fn remove_side_by_side(dir: &Path, levels: usize) -> std::io::Result<()> {
    use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
    if levels == 0 {
        return remove_tree(dir);
    }
    sorted_entries(dir)?.into_par_iter().try_for_each(|entry| {
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            remove_side_by_side(&path, levels - 1)
        } else {
            fs::remove_file(path)
        }
    })?;
    fs::remove_dir(dir)
}

/// All that the rounds need, before anything is built: what phase 1 brought, and what each round
/// sees. The toolchain and the downloads come from different servers.
fn prepare(
    workplace: &Workplace<'_>,
    shares: &Shares,
    rounds: &[Round],
) -> Result<(Vec<Vec<Wheelhouse>>, Vec<Seen>), Problem> {
    // Of what is shared, once is enough.
    let fetching = if workplace.shared.is_some() { &rounds[..1] } else { rounds };
    let (fetched, seen) = std::thread::scope(|scope| {
        let fetched = scope.spawn(|| fetching.iter().map(|it| workplace.fetch(it)).collect());
        let shared = workplace.share_toolchain(&rounds[0]);
        let probe = |()| shares.of_each(rounds, |round| workplace.probe(round));
        let seen = shared.and_then(probe);
        (all(fetched.join().expect("no phase 1 panics")), seen)
    });
    match (fetched, seen) {
        (Err(fetched), Err(seen)) => Err(all::<()>(vec![Err(fetched), Err(seen)]).unwrap_err()),
        (fetched, seen) => Ok((fetched?, seen?)),
    }
}

fn here(environment: &Environment, recipe: &Recipe) -> Here {
    let setarch = environment.find_program("setarch").is_some();
    Here { setarch, bytecode: recipe.bytecode }
}
