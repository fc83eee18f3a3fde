//! `cargo xtask verify-repro`: rounds, comparison, explanation, checks, verdict.

use std::path::Path;

use builder::recipe::Recipe;
use builder::recipe_file::RecipeFile;
use builder::sys::cache::{ROUNDS, hold};
use builder::sys::env::Environment;
use builder::sys::files::{WorkDir, sorted_entries, write_atomically};
use builder::vocabulary::problem::{outcome_of, render};
use builder::vocabulary::{Outcome, Problem, shown_lines};
use fs_err as fs;
use xshell::Shell;

use super::explain::Explanation;
use super::pairs::{Pair, Varied};
use super::places;
use super::rounds::{Finished, Round, Workplace};
use super::shares::Shares;
use super::vary::{self, Chosen, Here, Variation};
use super::{adopt, snapshots, waivers};
use crate::flags::VerifyRepro;
use crate::report::{self, Check, Report, Subject, Writing};
use crate::{forward, root};

impl VerifyRepro {
    /// Prints the reports and says in the last line whether to merge; whatever does not hold is an
    /// error with the exit code of the worst.
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<()> {
        let environment = Environment::capture();
        let (recipe, _) = RecipeFile::find(root(), &self.recipe)?.read()?;
        waivers::check_causes(&recipe.waivers)?;
        let shares = Shares::among(self.rounds as usize);
        let here = Here {
            cpus: shares.processors(),
            setarch: environment.find_program("setarch").is_some(),
            bytecode: recipe.bytecode,
        };
        if self.list_variations {
            list(here);
            return Ok(());
        }
        let chosen = vary::choose(&self.vary, here)?;
        let builder = forward::compile(shell)?;
        let cache = match &self.cache_dir {
            Some(dir) => dir.clone(),
            None => environment.cache_dir()?,
        };
        let cache = std::path::absolute(cache)?;
        let words = self.build_words()?;
        // Rounds run in directories of their own.
        let recipe_word = if self.recipe.ends_with(".toml") {
            std::path::absolute(&self.recipe)?.display().to_string()
        } else {
            self.recipe.clone()
        };
        let workplace = Workplace {
            builder: &builder,
            root: root(),
            environment: &environment,
            recipe: &recipe_word,
            words: &words,
            shared: (!self.refetch).then_some(cache.as_path()),
            quiet: self.quiet,
        };
        let waiting = || eprintln!("waiting for `gc`, which removes things from the cache");
        let _using = hold(&cache, waiting)?;
        let mut work = WorkDir::create(&cache.join(ROUNDS), &recipe.name)?;
        let verified = self.verify(&workplace, &recipe, &shares, &chosen, work.path());
        if self.keep || !matches!(verified, Ok(Outcome::Good)) {
            // Even without its note it stays until the next run.
            let _ = work.keep();
            eprintln!("the rounds stay in {}", work.path().display());
        }
        if let Err(error) = &verified
            && let Err(untold) = self.tell_failure(&recipe, error)
        {
            // What failed first must be read.
            eprintln!("warning: {}", render(&untold));
        }
        // Nobody need wait for the removal to know.
        let told = verified.and_then(|outcome| self.verdict(&recipe, outcome));
        if !work.is_kept() {
            // What is left of it, the end of `work` removes.
            let _ = remove_side_by_side(work.path());
        }
        told
    }

    fn verify(
        &self,
        workplace: &Workplace<'_>,
        recipe: &Recipe,
        shares: &Shares,
        chosen: &Chosen,
        base: &Path,
    ) -> anyhow::Result<Outcome> {
        let places = (0..self.rounds as usize).map(|index| places::place(index, chosen));
        let rounds = places
            .map(|place| workplace.lay_out(place, base))
            .collect::<Result<Vec<Round>, Problem>>()?;
        let subject = Subject::Rounds { recipe: recipe.name.clone(), rounds: rounds.len() };
        let mut writing = self.writing(&subject, base)?;
        // The toolchain and the downloads come from different servers.
        let (fod, seen) = std::thread::scope(|scope| {
            let fod = scope.spawn(|| workplace.fetch(&rounds[0]));
            let shared = workplace.share_toolchain(&rounds[0]);
            let probe = |()| shares.of_each(&rounds, |round| workplace.probe(round));
            let seen = shared.and_then(probe);
            (fod.join().expect("no phase 1 panics"), seen)
        });
        let (mut fod, seen) = (fod?, seen?);
        let varied = Varied { chosen, rounds: &rounds, seen: &seen };
        writing.note("variations", &varied.variations(1));
        let probed = varied.check();
        if probed.outcome != Outcome::Good {
            return Err(Varied::problem(&probed).into());
        }
        if fod.outcome != Outcome::Good && !self.quiet {
            // Should a round fail, nothing else would tell it.
            fod.detail.iter().for_each(|line| eprintln!("{}", shown_lines(line)));
        }
        let finished = shares.of_each(&rounds, |round| workplace.build(round))?;
        fod = judge_fod(fod, &finished);
        let approved =
            snapshots::check(workplace.recipe, &finished[0].published, workplace.environment)?;
        // What a recipe allows to differ may have differed then.
        let cache = workplace.shared.filter(|_| recipe.waivers.is_empty());
        let earlier = cache.map(|cache| adopt::check(&finished[0], cache)).transpose()?;
        let mut pairs = Vec::new();
        for index in 1..rounds.len() {
            let pair = Pair { varied: &varied, finished: &finished, index };
            let (comparison, explanation) = pair.explain(&mut writing)?;
            let blamed = pair.blame(workplace, &explanation, base);
            pairs.push((index, comparison, explanation, blamed));
        }
        let explanations: Vec<&Explanation> = pairs.iter().map(|(_, _, it, _)| it).collect();
        let waivers = waivers::check(&explanations, &recipe.waivers, waivers::today()?);
        let mut reports = Vec::new();
        for (index, comparison, explanation, blamed) in pairs {
            let mut checks = vec![fod.clone(), probed.clone(), approved.clone(), waivers.clone()];
            checks.extend(earlier.clone());
            checks.extend(blamed);
            let waived = waivers::waived(&explanation, &recipe.waivers);
            let report = Report::new(subject.clone(), &comparison, explanation).waived(waived);
            reports.push(report.varied(varied.variations(index)).checked(checks));
        }
        let worst = reports.iter().max_by_key(|report| report.outcome());
        let worst = worst.expect("there are two rounds or more");
        writing.finish(worst)?;
        self.print(&reports)?;
        if worst.outcome() == Outcome::Good && !self.keep {
            self.adopt(&finished[0], workplace.shared);
        }
        Ok(worst.outcome())
    }

    /// Leaves what was verified for the next build. That it cannot be left changes no verdict.
    fn adopt(&self, first: &Finished, shared: Option<&Path>) {
        match shared.map(|cache| adopt::adopt(first, cache)) {
            Some(Ok(())) if !self.quiet => {
                eprintln!("the output is kept: `cargo xtask build` finds it, and builds nothing");
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

    /// What could not be decided is told wherever a report is looked for.
    fn tell_failure(&self, recipe: &Recipe, error: &anyhow::Error) -> anyhow::Result<()> {
        let text = render(error);
        let subject = Subject::Rounds { recipe: recipe.name.clone(), rounds: self.rounds as usize };
        if let Some(page) = &self.html {
            write_atomically(page, report::html_undecided(&subject, &text).as_bytes())?;
        }
        if self.json {
            let failed = outcome_of(error).code();
            println!("{:#}", serde_json::json!({ "reports": [], "exit-code": failed }));
        }
        Ok(())
    }

    fn print(&self, reports: &[Report]) -> anyhow::Result<()> {
        if self.json {
            let read = |report| serde_json::from_str::<serde_json::Value>(&report::json(report));
            let reports = reports.iter().map(read).collect::<Result<Vec<_>, _>>()?;
            println!("{:#}", serde_json::json!({ "reports": reports }));
            return Ok(());
        }
        let differing: Vec<&Report> =
            reports.iter().filter(|it| it.outcome() != Outcome::Good).collect();
        // Of equal pairs one is enough.
        let shown = if differing.is_empty() { reports.iter().take(1).collect() } else { differing };
        for report in shown {
            print!("{}", report::terminal(report));
        }
        Ok(())
    }

    fn verdict(&self, recipe: &Recipe, outcome: Outcome) -> anyhow::Result<()> {
        let name = &recipe.name;
        if outcome == Outcome::Good {
            let line = format!("merge: yes, `{name}` is reproducible");
            // With `--json`, standard output is the report alone.
            if self.json {
                eprintln!("{line}");
            } else {
                println!("{line}");
            }
            return Ok(());
        }
        Err(Problem::new(format!("merge: no, `{name}` is not what it must be"))
            .fact("exit code", outcome.code())
            .outcome(outcome)
            .into())
    }

    /// What `build` is told beside the recipe. Rounds do not run in this directory.
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

/// An output has tens of thousands of files: all processors remove them.
fn remove_side_by_side(dir: &Path) -> std::io::Result<()> {
    use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
    sorted_entries(dir)?.into_par_iter().try_for_each(|entry| {
        let path = entry.path();
        if entry.file_type()?.is_dir() { remove_side_by_side(&path) } else { fs::remove_file(path) }
    })?;
    fs::remove_dir(dir)
}

/// What the rounds say of the wheelhouse, over what the ledger said of it.
fn judge_fod(mut check: Check, finished: &[Finished]) -> Check {
    let first = &finished[0].built.fod_hash;
    for other in &finished[1..] {
        if other.built.fod_hash != *first {
            check.outcome = Outcome::NotReproducible;
            check.detail.push(format!("two rounds fetched {first} and {}", other.built.fod_hash));
        }
    }
    for Finished { built, .. } in finished {
        let outcome = match built.golden.as_str() {
            "same" | "lock-changed-only" => Outcome::Good,
            // It may have become so since it was fetched.
            _ => Outcome::GoldenMismatch,
        };
        if check.detail.is_empty() {
            check.detail.clone_from(&built.golden_detail);
        }
        check.outcome = check.outcome.max(outcome);
    }
    check
}

fn list(here: Here) {
    for variation in Variation::ALL {
        let reach = match variation.reach() {
            vary::Reach::Inside => "varied",
            vary::Reach::Pinned => "pinned",
        };
        let state = variation.impossible(here).map(|why| format!("; cannot bite here: {why}"));
        println!(
            "{:<20} {reach}  {}{}",
            variation.name(),
            variation.description(),
            state.unwrap_or_default()
        );
    }
    println!(
        "\nvaried: programs in the sandbox see another value. pinned: they do not, whatever the \
         host has;\n`--vary=+NAME` lets them see it, to learn what depends on the pin"
    );
}
