//! What was typed. No logic, no I/O.

mod fetch;
mod gate;
mod look;
mod which;
mod pins;
mod nix;
mod verify;

use std::path::PathBuf;
use std::str::FromStr;

use builder::lock::build_graph::BuildName;
use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use fetch::Fetch;
pub(crate) use gate::Gate;
pub(crate) use look::{Drawing, Graph, OneGraph, ResolutionFormat, Resolve, Selected, Tree, Why};
pub(crate) use nix::{GivenFlags, Nix, NixCheck, NixPrint, NixPython};
pub(crate) use pins::{Bless, BuildLock, Init, Listing, ToolchainLock};
pub(crate) use verify::{Compare, Review, VerifyRepro};
pub(crate) use which::{ProviderName, ToolchainFlags, Which};

/// Builds Python applications from their uv.lock, in two phases.
#[derive(Debug, Parser)]
#[command(name = "lockstep", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Directory with `recipes/` and `golden/` [default: found from the working directory upwards]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    /// Where downloads, toolchains and outputs are kept [default: ~/.cache/lockstep]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Use this uv instead of the pinned one
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) uv: Option<PathBuf>,
    /// Print errors only
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Print the result as JSON on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Colour,
    /// Let programs in the sandbox see what this file says around them: for rounds
    #[arg(long, global = true, value_name = "FILE", hide = true)]
    pub(crate) surroundings: Option<PathBuf>,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build a recipe: fetch what is locked, then build it offline
    Build(Build),
    /// Phase 1 only: download what is locked into a wheelhouse and print its NAR hash
    Fetch(Fetch),
    /// Print what a recipe's target installs, each distribution with its file
    Resolve(Resolve),
    /// Print the dependencies of a recipe's target as a tree
    Tree(Tree),
    /// Print every path from the root to a distribution
    Why(Why),
    /// Draw the dependencies: what is needed to run, and what is needed for builds
    Graph(Graph),
    /// Write a recipe, its build lock and its ledger for a project that uv has locked
    Init(Init),
    /// Lock the build requirements of what is built from source
    BuildLock(BuildLock),
    /// Lock the packages of a recipe's toolchain, and uv
    ToolchainLock(ToolchainLock),
    /// Pin the hashes of a recipe's downloads and output in its ledger, after showing what changes
    Bless(Bless),
    /// List every file of a recipe's output with its sha256, for another machine to compare with
    Listing(Listing),
    /// Print the NAR hash of a path, as `nix hash path` does
    Hash(Hash),
    /// Run a command in the sandbox, with the output at its prefix
    Run(Run),
    /// Open a shell in the sandbox of a failed build
    Enter(Enter),
    /// Open a shell in a recipe's toolchain, as builds see it
    Shell(Shell),
    /// Say what of a recipe would be compiled now, and which input changed
    WhyRebuild(WhyRebuild),
    /// Bound the size of the cache: what was least recently used is removed
    Gc(Gc),
    /// List what this machine has and lacks, and how to fix it
    Doctor,
    /// Build a recipe twice in places that differ, compare every byte, and explain every difference
    VerifyRepro(VerifyRepro),
    /// Judge a change of a `uv.lock` before it is merged: what changed, and what to look at
    Gate(Gate),
    /// Show snapshots that are not approved as differences, and accept or reject them
    Review(Review),
    /// Say what differs between two trees, wheels, sdists or tarballs, and why
    Compare(Compare),
    /// Print what Nix files pin of a recipe, and check the hashes in them
    #[command(subcommand)]
    Nix(Nix),
}

/// What is done about the ledger.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct LedgerFlags {
    /// Only tell when a hash is not the golden one, and go on
    #[arg(long)]
    pub(crate) no_golden: bool,
}

/// What is used of earlier builds.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct ReuseFlags {
    /// Build although an output of the same inputs is there; stored wheels are used
    #[arg(long)]
    pub(crate) rebuild: bool,
    /// Build everything: use neither a finished output nor stored wheels
    #[arg(long)]
    pub(crate) no_cache: bool,
}

/// `build`
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that is typed")]
pub(crate) struct Build {
    /// Recipe and source.
    #[command(flatten)]
    pub(crate) which: Which,
    /// Toolchain.
    #[command(flatten)]
    pub(crate) toolchain: ToolchainFlags,
    /// How many builds run at once [default: the number of processors]
    #[arg(long, short, value_name = "N")]
    pub(crate) jobs: Option<usize>,
    /// What is used of earlier builds.
    #[command(flatten)]
    pub(crate) reuse: ReuseFlags,
    /// Fail if the recipe lacks a build lock or toolchain lock, instead of making it
    #[arg(long)]
    pub(crate) locked: bool,
    /// Read all of the toolchain to verify it, not only what the file system says of its files
    #[arg(long)]
    pub(crate) verify: bool,
    /// Leave the checks out: nothing says then whether the output can be imported
    #[arg(long)]
    pub(crate) no_checks: bool,
    /// Ledger.
    #[command(flatten)]
    pub(crate) ledger: LedgerFlags,
    /// What somebody else has made.
    #[command(flatten)]
    pub(crate) given: GivenFlags,
    /// Copy the wheels that were built from source into this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) wheels_out: Option<PathBuf>,
    /// Build only this distribution's wheel, and what its build needs
    #[arg(long, value_name = "NAME", requires = "wheels_out")]
    pub(crate) only: Option<BuildName>,
    /// Where to put the link to the output
    #[arg(long, value_name = "PATH", default_value = "result")]
    pub(crate) out_link: PathBuf,
    /// Make no link to the output
    #[arg(long)]
    pub(crate) no_out_link: bool,
}

/// `hash`
#[derive(Debug, Args)]
pub(crate) struct Hash {
    /// A file, link or directory
    pub(crate) path: PathBuf,
}

/// What a command in a sandbox sees of the machine.
#[derive(Debug, Args)]
pub(crate) struct Seen {
    /// Join the machine's network, with its loopback, resolver and certificates
    #[arg(long)]
    pub(crate) network: bool,
    /// Set an environment variable (repeatable)
    #[arg(long, value_name = "K=V")]
    pub(crate) env: Vec<String>,
    /// Show a directory of the machine inside, to be written to (repeatable)
    #[arg(long, value_name = "HOST:INSIDE")]
    pub(crate) bind: Vec<String>,
}

/// `run`
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Name of a recipe, or the path of its .toml [default: the only one]
    pub(crate) recipe: Option<String>,
    /// Run in the output of this source tree
    #[arg(long, value_name = "DIR")]
    pub(crate) source: Option<PathBuf>,
    /// Use this toolchain provider instead of the recipe's list
    #[arg(long, value_name = "PROVIDER")]
    pub(crate) toolchain: Option<ProviderName>,
    /// What of the machine is seen.
    #[command(flatten)]
    pub(crate) seen: Seen,
    /// Program and arguments
    #[arg(last = true, required = true)]
    pub(crate) command: Vec<String>,
}

/// `enter`
#[derive(Debug, Args)]
pub(crate) struct Enter {
    /// The directory that a failed build named
    pub(crate) directory: PathBuf,
    /// Run this instead of a shell
    #[arg(last = true)]
    pub(crate) command: Vec<String>,
}

/// `shell`
#[derive(Debug, Args)]
pub(crate) struct Shell {
    /// Name of a recipe, or the path of its .toml [default: the only one]
    pub(crate) recipe: Option<String>,
    /// Toolchain.
    #[command(flatten)]
    pub(crate) toolchain: ToolchainFlags,
    /// What of the machine is seen.
    #[command(flatten)]
    pub(crate) seen: Seen,
    /// Run this instead of a shell
    #[arg(last = true)]
    pub(crate) command: Vec<String>,
}

/// `why-rebuild`
#[derive(Debug, Args)]
pub(crate) struct WhyRebuild {
    /// The distribution that is asked about [default: one line for each]
    pub(crate) name: Option<String>,
    /// Name of a recipe, or the path of its .toml [default: the only one]
    pub(crate) recipe: Option<String>,
    /// One line for each distribution; the only word is then the recipe
    #[arg(long)]
    pub(crate) all: bool,
    /// Look at this source tree instead of the recipe's
    #[arg(long, value_name = "DIR")]
    pub(crate) source: Option<PathBuf>,
    /// Toolchain.
    #[command(flatten)]
    pub(crate) toolchain: ToolchainFlags,
}

/// `gc`
#[derive(Debug, Args)]
pub(crate) struct Gc {
    /// How large the cache may be: a number of bytes, or one with K, M, G or T (powers of 1024)
    #[arg(long, value_name = "SIZE", default_value = "5G")]
    pub(crate) max_size: Size,
    /// Remove nothing, only tell what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (digits, unit) = match text.find(|it: char| !it.is_ascii_digit()) {
            Some(end) => text.split_at(end),
            None => (text, ""),
        };
        let shift = match unit {
            "" => 0,
            "K" => 10,
            "M" => 20,
            "G" => 30,
            "T" => 40,
            _ => return Err(format!("`{unit}` is none of K, M, G and T")),
        };
        let number: u64 = digits.parse().map_err(|_| format!("`{digits}` is no number"))?;
        let size = number.checked_mul(1 << shift).ok_or("it is larger than any disk")?;
        Ok(Self(size))
    }
}
