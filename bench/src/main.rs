//! `cargo xtask bench`: ours against what people use today, both sides in turn, each in a process
//! of its own; and ours by itself, where nobody else does the same (`scale`, `rebuilds`). It tells
//! figures, not verdicts: a machine that is busy proves nothing.

mod flags;
#[path = "../../xtask/src/compile.rs"]
mod compile;
mod bumps;
mod commands;
mod measure;
mod random;
mod differ;
mod sdists;
mod faults;
mod naive_pair;
mod rebuilds;
mod scale;
#[cfg(test)]
mod tests;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use serde::Serialize;
use xshell::Shell;

use compile::compile;
use flags::{Bench, Measured};
use measure::{Sample, Side};

fn main() -> ExitCode {
    match Shell::new().map_err(Into::into).and_then(|shell| Bench::parse().run(&shell)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody need read it; the exit code says it too.
            let text = base::vocabulary::problem::render(&error);
            let _ = writeln!(std::io::stderr(), "{text}");
            base::vocabulary::problem::outcome_of(&error).into()
        }
    }
}

/// The workspace's root. A bench is built where it is used, so the path of its sources holds.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("bench is a member of the workspace")
}

/// Two ways to the same end.
#[derive(Debug)]
struct Comparison {
    name: &'static str,
    ours: Side,
    theirs: Side,
    /// Whether both must print the same.
    same_output: bool,
}

/// What was measured of a comparison.
#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    ours: Summary,
    theirs: Summary,
    /// Our time by theirs: below 1 is faster.
    ratio: f64,
}

/// Medians of one side, and all that they come from.
#[derive(Debug, Serialize)]
struct Summary {
    command: String,
    seconds: f64,
    cpu_seconds: f64,
    /// The highest peak of all runs, of the largest process and of the command's own: a bound must
    /// hold for each run.
    peak_mib: f64,
    own_peak_mib: f64,
    samples: Vec<Sample>,
}

impl Bench {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<()> {
        match self.what {
            Measured::Faults => faults::run(&self, shell),
            Measured::Scale => {
                let sizes = scale::run(&self, shell)?;
                self.tell(shell, &scale::table(&sizes), &sizes)
            }
            Measured::Rebuilds => {
                let found = rebuilds::run(&self, shell)?;
                self.tell(shell, &rebuilds::table(&found), &found)?;
                rebuilds::check(&found)
            }
            Measured::Differ => {
                let scratch = compile(shell, "lockstep")?.with_file_name("bench-scratch/differ");
                let found = differ::run(&self, commands::uv()?, &scratch)?;
                self.tell(shell, &found.table(), &found)?;
                differ::check(&found)
            }
            Measured::Sdists => {
                let built = sdists::run(&self, shell)?;
                self.tell(shell, &sdists::table(&built), &built)?;
                sdists::check(&built)
            }
            _ => self.compare(shell),
        }
    }

    fn compare(&self, shell: &Shell) -> anyhow::Result<()> {
        let mut rows = Vec::new();
        for what in self.wanted() {
            let row = commands::comparison(what, self, shell)
                .and_then(|comparison| compare(shell, &comparison, self.runs));
            match row {
                Ok(row) => rows.push(row),
                // Asked for by name, it must run; in `all` it may be that uv or Nix is not here.
                Err(error) if self.what == Measured::All => println!("{what:?} not run: {error:#}"),
                Err(error) => return Err(error),
            }
        }
        self.tell(shell, &table(&rows), &rows)?;
        anyhow::ensure!(!rows.is_empty(), "nothing was measured");
        Ok(())
    }

    /// Prints a table, and writes the figures where they are wanted.
    fn tell(&self, shell: &Shell, table: &str, figures: &impl Serialize) -> anyhow::Result<()> {
        println!("{table}");
        if let Some(path) = &self.json {
            let json = serde_json::to_string_pretty(figures)? + "\n";
            shell.write_file(path, json).context("cannot write the figures")?;
        }
        Ok(())
    }

    fn wanted(&self) -> Vec<Measured> {
        match self.what {
            Measured::All => {
                vec![
                    Measured::Nar,
                    Measured::Compare,
                    Measured::Resolve,
                    Measured::Fetch,
                    Measured::Build,
                ]
            }
            one => vec![one],
        }
    }
}

/// Runs both sides in turn, each as often first as second: what the first leaves in the page cache
/// serves the second.
fn compare(shell: &Shell, comparison: &Comparison, runs: u32) -> anyhow::Result<Row> {
    let sides = [&comparison.ours, &comparison.theirs];
    let mut samples = [Vec::new(), Vec::new()];
    for run in 0..runs {
        let order = if run % 2 == 0 { [0, 1] } else { [1, 0] };
        for index in order {
            samples[index].push(sides[index].measure(shell)?);
        }
    }
    let [ours, theirs] = samples;
    if comparison.same_output {
        let differs = ours.iter().chain(&theirs).find(|sample| sample.output != ours[0].output);
        if let Some(sample) = differs {
            anyhow::bail!("the sides disagree: `{}` and `{}`", ours[0].output, sample.output);
        }
    }
    let ours = Summary::new(&comparison.ours, ours);
    let theirs = Summary::new(&comparison.theirs, theirs);
    let ratio = ours.seconds / theirs.seconds;
    Ok(Row { name: comparison.name, ours, theirs, ratio })
}

impl Summary {
    fn new(side: &Side, samples: Vec<Sample>) -> Self {
        let of = |value: fn(&Sample) -> f64| samples.iter().map(value).collect::<Vec<_>>();
        Self {
            command: side.shown(),
            seconds: median(of(|sample| sample.seconds)),
            cpu_seconds: median(of(|sample| sample.cpu_seconds)),
            peak_mib: highest(of(|sample| sample.peak_mib)),
            own_peak_mib: highest(of(|sample| sample.own_peak_mib)),
            samples,
        }
    }
}

fn highest(values: Vec<f64>) -> f64 {
    values.into_iter().fold(0.0, f64::max)
}

/// Of an even number, the mean of the middle two.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        0 => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}

fn table(rows: &[Row]) -> String {
    let header =
        ["", "seconds", "their", "ratio", "cpu", "their", "peak MiB", "their", "own MiB", "their"];
    let mut lines = vec![header.map(str::to_owned)];
    for Row { name, ours, theirs, ratio } in rows {
        lines.push([
            (*name).to_owned(),
            format!("{:.2}", ours.seconds),
            format!("{:.2}", theirs.seconds),
            format!("{ratio:.2}"),
            format!("{:.2}", ours.cpu_seconds),
            format!("{:.2}", theirs.cpu_seconds),
            format!("{:.0}", ours.peak_mib),
            format!("{:.0}", theirs.peak_mib),
            format!("{:.0}", ours.own_peak_mib),
            format!("{:.0}", theirs.own_peak_mib),
        ]);
    }
    let lines = lines.iter().map(|[name, cells @ ..]| {
        let cells: Vec<String> = cells.iter().map(|cell| format!("{cell:>9}")).collect();
        format!("{name:<8} {}", cells.join(" "))
    });
    lines.collect::<Vec<_>>().join("\n")
}
