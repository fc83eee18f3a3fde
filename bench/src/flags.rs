//! What was typed. No logic, no I/O.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Measure against Nix and uv, both sides in turn
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench", max_term_width = 100)]
pub(crate) struct Bench {
    /// What to measure
    #[arg(value_enum, default_value = "all")]
    pub(crate) what: Measured,
    /// The recipe that is fetched, resolved and built
    #[arg(long, default_value = "sample")]
    pub(crate) recipe: String,
    /// A tree to hash, or to compare with its copy; else a project with a uv.lock, instead of the
    /// recipe's own source
    #[arg(long)]
    pub(crate) source: Option<PathBuf>,
    /// In `fetch`, a distribution that uv would have to build although the lock has wheels of it
    #[arg(long, value_name = "NAME")]
    pub(crate) skip_for_uv: Vec<String>,
    /// In `naive`, where the pair is, or will be
    #[arg(long, value_name = "DIR")]
    pub(crate) pair: Option<PathBuf>,
    /// How many times each side runs
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: u32,
    /// Seconds to wait before each run that begins with empty caches: where many files were just
    /// removed, some file systems are slow to make new ones, for up to six minutes
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub(crate) pause: u32,
    /// Write the figures to this file
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// In `faults`, try reprotest and diffoscope on the same packages, where they are installed
    #[arg(long)]
    pub(crate) rivals: bool,
    /// In `differ`, how many random workspaces
    #[arg(long, default_value_t = 2000)]
    pub(crate) locks: u64,
    /// In `differ`, what the workspaces follow from
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// In `sdists`, the source distributions that are built, instead of all
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<String>,
    /// In `sdists`, the cache of our builds
    #[arg(long, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
    /// In `faults`, write the table into the docs
    #[arg(long)]
    pub(crate) write: bool,
}

/// What `cargo xtask bench` measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Measured {
    /// The NAR hash of a tree, against `nix hash path`
    Nar,
    /// Phase 1 with an empty cache, against uv
    Fetch,
    /// The whole build with an empty cache, against `uv sync`
    Build,
    /// From recipe and lock to a resolution, against `uv export`
    Resolve,
    /// The whole `verify-repro`, against one build, both with an empty cache
    Verify,
    /// `compare` on two copies of a tree, against `diff -rq`
    Compare,
    /// `compare` on two plain `uv sync`s from two directories, against `diff -rq`
    Naive,
    /// Packages with known faults: whether they are found, and the cause named
    Faults,
    /// Resolving generated locks of 1,000 to 10,000 packages
    Scale,
    /// What single bumps of a recipe compile, and the time of each by that of a cold build
    Rebuilds,
    /// Selections of random workspaces, against what uv would install of them
    Differ,
    /// Real source distributions, against what uv builds of them
    Sdists,
    /// All comparisons with others that can run here, but for `naive` and `verify`
    All,
}
