//! How a build ended, for people and programs.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Options, Prepared};
use crate::fetch::application::LocatedRecipe;
use crate::fetch::ledger::{Judgement, OutputJudgement, OutputPin};
use crate::install::collisions::{Collision, Decision};
use crate::publish::Product;
use base::recipe::Provider;
use base::vocabulary::digest::Sri;

/// How a build ended.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// The recipe's name.
    pub recipe: String,
    /// The root project and its version.
    pub project: String,
    /// For what.
    pub target: String,
    /// What it was built with.
    pub toolchain: ToolchainUsed,
    /// NAR hash of the wheelhouse: the FOD hash.
    pub fod_hash: Sri,
    /// What it is against the ledger.
    #[serde(flatten)]
    pub golden: Judgement,
    /// NAR hash of the output.
    pub output_hash: Sri,
    /// What it is against the ledger.
    #[serde(flatten)]
    pub output_golden: OutputJudgement,
    /// What a ledger pins of it; `None` if not all that it was made of is locked.
    #[serde(skip)]
    pub output_pin: Option<OutputPin>,
    /// Where the output is.
    pub output: PathBuf,
    /// Its install path.
    pub prefix: String,
    /// Whether it was there already.
    pub cached: bool,
    /// Distributions that came as wheels.
    pub wheels: usize,
    /// Distributions that were built from source.
    pub built: usize,
    /// How many of these this run compiled.
    pub compiled: usize,
    /// How many of these this run took from the store.
    pub stored: usize,
    /// Whether the output was checked, by this run or when it was built.
    pub checked: bool,
    /// Patched files.
    pub patched: usize,
    /// Collisions and what was decided, one line each.
    pub collisions: Vec<String>,
    /// How long each phase took.
    #[serde(skip)]
    pub phases: Vec<(&'static str, Duration)>,
    /// What this run compiled, the longest build first.
    #[serde(skip)]
    pub longest: Vec<(String, Duration)>,
}

/// What a build was made with.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ToolchainUsed {
    /// What provided it.
    pub provider: Provider,
    /// The suite of its packages.
    pub suite: Option<String>,
    /// The interpreter's full version.
    pub python: String,
    /// How many packages it has.
    pub packages: usize,
    /// Whether a toolchain lock pins it.
    pub locked: bool,
}

impl ToolchainUsed {
    fn of(located: &LocatedRecipe, prepared: &Prepared) -> Self {
        let toolchain = &prepared.toolchain;
        let suite = located.recipe.debian.suite.clone();
        Self {
            provider: toolchain.provider,
            suite: (toolchain.provider == Provider::Debian).then_some(suite),
            python: toolchain.python_version.clone(),
            packages: toolchain.packages.len(),
            locked: prepared.locked.is_some(),
        }
    }
}

impl fmt::Display for ToolchainUsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { python, packages, .. } = self;
        match &self.suite {
            Some(suite) => write!(f, "Debian {suite}, Python {python}, {packages} packages")?,
            None => write!(f, "the machine's own, Python {python}")?,
        }
        f.write_str(if self.locked { " (locked)" } else { " (not locked)" })
    }
}

/// Measures the phases of a build.
pub(super) struct Clock {
    started: Instant,
    phases: Vec<(&'static str, Duration)>,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { started: Instant::now(), phases: Vec::new() }
    }

    pub(super) fn lap(&mut self, phase: &'static str) {
        self.phases.push((phase, self.started.elapsed()));
        self.started = Instant::now();
    }
}

/// The report of a finished build.
pub(super) fn report(
    located: &LocatedRecipe,
    options: &Options,
    (prepared, (golden, output_golden, output_pin)): (
        &Prepared,
        (Judgement, OutputJudgement, Option<OutputPin>),
    ),
    product: Product,
    clock: &mut Clock,
) -> Report {
    let fetched = &prepared.fetched;
    let resolution = &fetched.resolution;
    let installed = || resolution.distributions.iter().filter(|it| it.artifact.is_installed());
    let built = installed().filter(|it| it.artifact.is_built()).count();
    let tools = fetched.build_lock.tools_for(resolution).map_or(0, |tools| tools.len());
    let longest = product.compiled;
    let compiled = longest.as_ref().map_or(0, Vec::len);
    Report {
        recipe: located.recipe.name.clone(),
        project: resolution.roots_shown(),
        target: resolution.target.to_string(),
        toolchain: ToolchainUsed::of(located, prepared),
        fod_hash: Sri(fetched.wheelhouse.nar_hash),
        golden,
        output_hash: Sri(product.nar_hash),
        output_golden,
        output_pin,
        output: product.tree,
        prefix: located.recipe.prefix.clone(),
        cached: longest.is_none(),
        wheels: installed().count() - built,
        built,
        compiled,
        stored: if longest.is_some() { (built + tools).saturating_sub(compiled) } else { 0 },
        checked: !options.no_checks,
        patched: product.manifest.patches.len(),
        collisions: product.manifest.collisions.iter().map(describe_collision).collect(),
        phases: std::mem::take(&mut clock.phases),
        longest: longest.unwrap_or_default(),
    }
}

/// One line about a collision, for a person.
fn describe_collision(collision: &Collision) -> String {
    let providers: Vec<String> = collision.providers.iter().map(ToString::to_string).collect();
    let decision = match &collision.decision {
        Decision::Identical => "same bytes".to_owned(),
        Decision::Winner(name) => format!("{name}'s stays"),
        Decision::Dropped => "dropped".to_owned(),
    };
    format!("{}: {} ({decision})", collision.path, providers.join(", "))
}
