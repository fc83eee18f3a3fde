//! `cargo xtask fuzz`: feeds mutated input to every reader of foreign input, on stable Rust and
//! without instrumentation. Each target runs in a process of its own, which may panic, hang or take
//! all memory: the parent notes the run, keeps its input below `target/fuzz/` and goes on after it.
//!
//! A run is a function of the target, the seed and its number, so any of them can be done again:
//! `cargo xtask fuzz TARGET --seed S --only N`.

mod corpus; // what is mutated
mod mutate; // how
mod targets; // who reads it

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use base::sys::process::Process;
use clap::Parser;
use serde_json::{Value, json};

use targets::{TARGETS, Target};

/// Feed mutated input to the readers of foreign input.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask fuzz", max_term_width = 100)]
struct Flags {
    /// The target; all of them, one after the other, if none is named
    target: Option<String>,
    /// Minutes for each target
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// Another seed gives other inputs
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Do one run again, in this process
    #[arg(long, value_name = "NUMBER")]
    only: Option<u64>,
    /// Where the child begins, and where it notes which run it does
    #[arg(long, hide = true, num_args = 2, value_names = ["NUMBER", "FILE"])]
    child: Option<Vec<String>>,
}

/// A run that takes longer hangs.
const RUN_SECONDS_MAX: u64 = 10;

/// Address space of a child: a run that wants more is a bomb.
const MEMORY_BYTES_MAX: u64 = 4 << 30;

fn main() -> ExitCode {
    match run(&Flags::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(flags: &Flags) -> anyhow::Result<bool> {
    let named = |target: &&Target| flags.target.as_ref().is_none_or(|name| name == target.name);
    let chosen: Vec<&Target> = TARGETS.iter().filter(named).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        bail!("there is no such target; there are {}", names.join(", "));
    }
    if let (Some(number), [target]) = (flags.only, &chosen[..]) {
        let corpus = corpus::of(target);
        (target.read)(&mutate::input(&corpus, flags.seed, number));
        return Ok(true);
    }
    if let (Some(child), [target]) = (&flags.child, &chosen[..]) {
        return in_child(target, flags, child[0].parse()?, Path::new(&child[1]));
    }
    println!(
        "{:9} {:>9} {:>7} {:>6} {:>10} {:>9}",
        "target", "runs", "panics", "hangs", "slowest", "memory"
    );
    let mut good = true;
    for target in chosen {
        let found = fuzz(target, flags)?;
        good &= found.panics.is_empty() && found.hangs.is_empty();
        println!("{found}");
    }
    Ok(good)
}

/// What is known of a target.
#[derive(Default)]
struct Found {
    target: &'static str,
    runs: u64,
    panics: Vec<PathBuf>,
    hangs: Vec<PathBuf>,
    slowest: Duration,
    memory_kib: u64,
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { target, runs, panics, hangs, slowest, memory_kib } = self;
        let (slowest, memory) = (slowest.as_millis(), memory_kib / 1024);
        let counts = (panics.len(), hangs.len());
        write!(
            f,
            "{target:9} {runs:>9} {:>7} {:>6} {slowest:>7} ms {memory:>6} MB",
            counts.0, counts.1
        )?;
        for input in panics.iter().chain(hangs) {
            write!(f, "\n    {}", input.display())?;
        }
        Ok(())
    }
}

/// Starts children until the time is over; one that dies is followed by another, after its run.
fn fuzz(target: &Target, flags: &Flags) -> anyhow::Result<Found> {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/fuzz");
    fs_err::create_dir_all(&kept)?;
    let progress = kept.join(format!("{}.run", target.name));
    let end = Instant::now() + Duration::from_secs_f64(flags.minutes * 60.0);
    let corpus = corpus::of(target);
    let mut found = Found { target: target.name, ..Found::default() };
    let mut start = 0;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let ended = Process::new(std::env::current_exe()?)
            .args([target.name, "--seed", &flags.seed.to_string()])
            .args(["--minutes", &(left.as_secs_f64() / 60.0).to_string()])
            .args(["--child", &start.to_string()])
            .arg(&progress)
            .time_limit(left + Duration::from_secs(2 * RUN_SECONDS_MAX))
            .output()?;
        let report: Option<Value> = serde_json::from_slice(&ended.stdout).ok();
        let number = match &report {
            Some(report) => report["next"].as_u64().context("a child counts its runs")?,
            None => fs_err::read_to_string(&progress)?.trim().parse::<u64>()? + 1,
        };
        found.runs += number - start;
        if let Some(report) = &report {
            let of = |key: &str| report[key].as_u64().unwrap_or_default();
            found.slowest = found.slowest.max(Duration::from_millis(of("slowest")));
            found.memory_kib = found.memory_kib.max(of("memory"));
        }
        let is_over = report.as_ref().is_some_and(|report| report["panic"].is_null());
        if is_over {
            return Ok(found);
        }
        let path = kept.join(format!("{}-{}-{}", target.name, flags.seed, number - 1));
        fs_err::write(&path, mutate::input(&corpus, flags.seed, number - 1))?;
        let said = String::from_utf8_lossy(&ended.stderr);
        eprintln!("{}: {}", path.display(), base::sys::process::last_lines(&said, 4));
        let hangs = said.contains("this run hangs");
        if hangs {
            found.hangs.push(path);
        } else {
            found.panics.push(path);
        }
        start = number;
    }
}

/// Runs one after the other until the time is over or one fails, and prints what came of it.
fn in_child(target: &Target, flags: &Flags, start: u64, progress: &Path) -> anyhow::Result<bool> {
    let limit = rustix::process::Rlimit {
        current: Some(MEMORY_BYTES_MAX),
        maximum: Some(MEMORY_BYTES_MAX),
    };
    rustix::process::setrlimit(rustix::process::Resource::As, limit)?;
    let corpus = corpus::of(target);
    let begun = Instant::now();
    let now = Arc::new(AtomicU64::new(0));
    watch(begun, Arc::clone(&now));
    let progress = fs_err::File::create(progress)?;
    let (mut number, mut slowest, mut panicked) = (start, Duration::ZERO, None);
    while begun.elapsed().as_secs_f64() < flags.minutes * 60.0 || number == start {
        note(&progress, number)?;
        let input = mutate::input(&corpus, flags.seed, number);
        let started = begun.elapsed();
        now.store(started.as_millis().try_into()?, Ordering::Relaxed);
        let ended = catch_unwind(AssertUnwindSafe(|| (target.read)(&input)));
        slowest = slowest.max(begun.elapsed().saturating_sub(started));
        number += 1;
        if ended.is_err() {
            panicked = Some(number - 1);
            break;
        }
    }
    let report = json!({
        "next": number,
        "panic": panicked,
        "slowest": u64::try_from(slowest.as_millis())?,
        "memory": memory_kib(),
    });
    println!("{report}");
    Ok(true)
}

/// Written in place, so that a child that dies leaves the number of its last run.
fn note(progress: &fs_err::File, number: u64) -> std::io::Result<()> {
    use fs_err::os::unix::fs::FileExt as _;
    progress.write_all_at(format!("{number:<20}\n").as_bytes(), 0)
}

/// Ends the process when a run takes too long.
fn watch(begun: Instant, now: Arc<AtomicU64>) {
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_secs(1));
            let run = begun.elapsed().as_millis() - u128::from(now.load(Ordering::Relaxed));
            if run > u128::from(RUN_SECONDS_MAX) * 1000 {
                eprintln!("this run hangs");
                std::process::abort();
            }
        }
    });
}

/// The most memory that this process has had (`proc_pid_status(5)`).
fn memory_kib() -> u64 {
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
    let value = line("VmHWM:").or_else(|| line("VmRSS:")).unwrap_or_default();
    value.split_whitespace().next().and_then(|value| value.parse().ok()).unwrap_or_default()
}
