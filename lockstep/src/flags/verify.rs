//! What was typed for the commands that verify: `verify-repro` and `compare`.

use std::path::PathBuf;

use clap::Args;

/// `verify-repro`
#[derive(Debug, Args)]
pub(crate) struct VerifyRepro {
    /// Name of a recipe in `recipes/`, or the path of its .toml [default: the only one]
    pub(crate) recipe: Option<String>,
    /// Build this source tree instead of the recipe's
    #[arg(long, value_name = "DIR")]
    pub(crate) source: Option<PathBuf>,
    /// Use this toolchain provider instead of the recipe's list
    #[arg(long, value_name = "PROVIDER")]
    pub(crate) toolchain: Option<String>,
    /// How many builds are made; each is compared with the first
    #[arg(long, value_name = "N", default_value_t = 2)]
    #[arg(value_parser = clap::value_parser!(u32).range(2..=26))]
    pub(crate) rounds: u32,
    /// What is varied: `-NAME` leaves one out, `+NAME` lets programs see what is pinned otherwise,
    /// `-all` leaves out everything [default: all that can bite here]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', allow_hyphen_values = true)]
    pub(crate) vary: Vec<String>,
    /// Say what each variation does and whether it can bite here, and build nothing
    #[arg(long)]
    pub(crate) list_variations: bool,
    /// Share nothing between the rounds: each downloads everything and makes its own toolchain
    #[arg(long)]
    pub(crate) refetch: bool,
    /// Write the report as a page; it is there from the start and is replaced at the end
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Keep the rounds' directories although nothing differs
    #[arg(long)]
    pub(crate) keep: bool,
    /// Compare one build with what another machine built: a listing, or a ledger
    #[arg(long, value_name = "LISTING|LEDGER")]
    #[arg(conflicts_with_all = ["rounds", "vary", "refetch", "html", "keep"])]
    #[arg(conflicts_with_all = ["list_variations", "toolchain"])]
    pub(crate) against: Option<PathBuf>,
}

/// `compare`
#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// A directory or a file
    pub(crate) a: PathBuf,
    /// Another one
    pub(crate) b: PathBuf,
    /// Values that only one side can have: a JSON list of `{"kind": …, "a": …, "b": …}`
    #[arg(long, value_name = "FILE")]
    pub(crate) canaries: Option<PathBuf>,
    /// Write the report as a page
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Write each finding as soon as it is known, a line of JSON each: what a killed run leaves
    #[arg(long, value_name = "FILE")]
    pub(crate) partial: Option<PathBuf>,
}

/// `review`
#[derive(Debug, Args)]
pub(crate) struct Review {
    /// Name of a recipe in `recipes/`, or the path of its .toml [default: all that have any]
    pub(crate) recipe: Option<String>,
    /// Accept all without asking
    #[arg(long, conflicts_with = "reject")]
    pub(crate) accept: bool,
    /// Reject all without asking
    #[arg(long)]
    pub(crate) reject: bool,
}
