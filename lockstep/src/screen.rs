//! How progress and results look: bars on a terminal, lines elsewhere, nothing with `--quiet`.
//! Everything here goes to standard error but results.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use base::vocabulary::Progress;

use crate::typed::Typed;
use builder::fetch::ledger::Verdict;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const WARN: Style = AnsiColor::Yellow.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();
const DIM: Style = Style::new().dimmed();

fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// An error's text with its first word and its hint in colour.
pub(super) fn coloured(text: &str) -> String {
    let text = match text.strip_prefix("error:") {
        Some(rest) => format!("{}{rest}", paint(BAD, "error:")),
        None => text.to_owned(),
    };
    text.replace("\n\nhint:", &format!("\n\n{}", paint(HINT, "hint:")))
}

/// A gate's report with the levels of findings and the verdict in colour.
pub(super) fn coloured_level(text: &str) -> String {
    let styles = [
        ("deny ", BAD),
        ("warn ", WARN),
        ("allow ", DIM),
        ("note:", DIM),
        ("do not merge:", BAD),
        ("could not decide:", WARN),
        ("merge after `bless`:", WARN),
        ("merge:", GOOD),
    ];
    let line = |line: &str| {
        let found = styles.iter().find_map(|(word, style)| {
            Some(format!("{}{}", paint(*style, word), line.strip_prefix(word)?))
        });
        found.unwrap_or_else(|| line.to_owned())
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Shows progress on standard error.
pub(super) struct Screen<'t> {
    quiet: bool,
    typed: &'t Typed,
    bar: Option<ProgressBar>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    stage: String,
    steps: Option<u64>,
    done: u64,
    bytes: u64,
    /// What is under way, and since when.
    running: BTreeMap<String, Instant>,
}

/// Steps that took less are not worth a line of their own where lines cannot be erased.
const WORTH_A_LINE: Duration = Duration::from_secs(2);

impl<'t> Screen<'t> {
    pub(super) fn new(quiet: bool, typed: &'t Typed) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let style = ProgressStyle::with_template("{spinner:.cyan} {wide_msg} {elapsed:.dim}");
            let bar = ProgressBar::new_spinner().with_style(style.expect("the template is valid"));
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Self { quiet, typed, bar, state: Mutex::default() }
    }

    /// Removes the bar: what comes now is the result.
    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| anstream::eprintln!("{text}")),
            None => anstream::eprintln!("{text}"),
        }
    }

    fn show(&self, state: &State) {
        let Some(bar) = &self.bar else { return };
        let mut text = state.stage.clone();
        if let Some(steps) = state.steps {
            text.push_str(&format!(" {}/{steps}", state.done));
        }
        if state.bytes > 0 {
            text.push_str(&format!(" {}", HumanBytes(state.bytes)));
        }
        let names: Vec<&str> = state.running.keys().map(String::as_str).collect();
        if !names.is_empty() {
            text.push_str(&format!("  {}", paint(DIM, &names.join(", "))));
        }
        bar.set_message(text);
    }
}

impl Progress for Screen<'_> {
    fn stage(&self, name: &str, steps: Option<u64>) {
        let mut state = self.state.lock().expect("no progress panics");
        *state = State { stage: name.to_owned(), steps, ..State::default() };
        if self.bar.is_none() && !self.quiet {
            let steps = steps.map_or_else(String::new, |steps| format!(" ({steps})"));
            self.line(&format!("{} {name}{steps}", paint(GOOD, "·")));
        }
        self.show(&state);
    }

    fn begin(&self, step: &str) {
        let mut state = self.state.lock().expect("no progress panics");
        state.running.insert(step.to_owned(), Instant::now());
        self.show(&state);
    }

    fn bytes(&self, count: u64) {
        let mut state = self.state.lock().expect("no progress panics");
        state.bytes += count;
        self.show(&state);
    }

    fn end(&self, step: &str) {
        let mut state = self.state.lock().expect("no progress panics");
        state.done += 1;
        let began = state.running.remove(step);
        if let Some(took) = began.map(|began| began.elapsed()).filter(|it| *it >= WORTH_A_LINE)
            && !self.quiet
        {
            self.line(&format!("  {step}  {}", paint(DIM, &seconds(took))));
        }
        self.show(&state);
    }

    fn warn(&self, message: &str) {
        let message = self.typed.shown(message);
        self.line(&format!("{} {message}", paint(WARN, "warning:")));
    }

    fn note(&self, message: &str) {
        if !self.quiet {
            let message = self.typed.shown(message);
            self.line(&format!("{} {message}", paint(DIM, "note:")));
        }
    }
}

/// `0.4 s`, `63 s`, `2 min 3 s`.
pub(super) fn seconds(time: Duration) -> String {
    let whole = time.as_secs();
    match whole {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..120 => format!("{whole} s"),
        _ => format!("{} min {} s", whole / 60, whole % 60),
    }
}

/// The end of a build, as a person reads it.
pub(super) fn build_summary(
    report: &builder::pipeline::Report,
    link: Option<&str>,
    typed: &Typed,
) -> String {
    let total: Duration = report.phases.iter().map(|(_, took)| *took).sum();
    let verb = if report.cached { "unchanged" } else { "built" };
    let mut text = format!(
        "\n{} {} for {}  {}\n",
        paint(GOOD, verb),
        report.project,
        report.target,
        paint(DIM, &seconds(total))
    );
    let mut row = |label: &str, value: &str| {
        text.push_str(&format!("  {} {value}\n", paint(DIM, &format!("{label:<13}"))));
    };
    row(
        "distributions",
        &format!(
            "{} ({} wheels, {} built from source)",
            report.wheels + report.built,
            report.wheels,
            report.built
        ),
    );
    if !report.cached && report.built > 0 {
        row("builds", &format!("{} compiled, {} from the store", report.compiled, report.stored));
    }
    if !report.longest.is_empty() {
        let shown: Vec<String> = report
            .longest
            .iter()
            .take(4)
            .map(|(name, took)| format!("{name} {}", seconds(*took)))
            .collect();
        row("longest", &shown.join(", "));
    }
    if report.patched > 0 {
        row("patched", &format!("{} files", report.patched));
    }
    if !report.checked {
        row("checks", "left out: nothing says whether this can be imported");
    }
    for collision in &report.collisions {
        row("collision", collision);
    }
    if !report.cached {
        let shown: Vec<String> =
            report.phases.iter().map(|(name, took)| format!("{name} {}", seconds(*took))).collect();
        row("phases", &shown.join(" · "));
    }
    row("toolchain", &report.toolchain.to_string());
    row("FOD hash", &report.fod_hash.to_string());
    row("ledger", report.golden.sentence());
    row("output hash", &format!("{} ({})", report.output_hash, report.output_golden.sentence()));
    row("output", &report.output.display().to_string());
    if let Some(link) = link {
        row("link", &format!("{link} → installed for {}", report.prefix));
    }
    let recipe = &report.recipe;
    text.push_str(&format!("\n{}", paint(HINT, "next:")));
    let unknown =
        [report.golden.word, report.output_golden.word].contains(&Verdict::Unknown.word());
    if unknown {
        let bless = typed.command(&format!("bless {recipe}"));
        text.push_str(&format!(" {bless}   pins the hashes\n     "));
    }
    let run = typed.command(&format!("run {recipe} -- python -V"));
    text.push_str(&format!(" {run}   runs something in it\n"));
    text
}
