//! What was typed. No logic, no I/O.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Builds Python applications from their uv.lock, and looks after this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 100)]
pub(crate) struct Flags {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The builder's commands and the repository's own, in one list.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Forwarded(Forwarded),
    /// Check the repository against its written policy; every violation comes with its mend
    Tidy,
    /// Build a recipe twice in places that differ, compare every byte, and explain every difference
    VerifyRepro(VerifyRepro),
    /// Say what differs between two trees, wheels, sdists or tarballs, and why
    Compare(Compare),
    /// Measure against Nix and uv, both sides in turn
    Bench(Bench),
    /// Run what CI runs: format, lints, tidy, tests
    Ci,
}

// Only names and one line each, held equal to the builder's own by a test: `forward` passes on what
// was typed, word for word, so the builder alone knows its options.
/// Commands of the binary `builder`.
#[derive(Debug, Subcommand)]
pub(crate) enum Forwarded {
    /// Build a recipe: fetch what is locked, then build it offline
    #[command(disable_help_flag = true)]
    Build(Words),
    /// Phase 1 only: download what is locked into a wheelhouse and print its NAR hash
    #[command(disable_help_flag = true)]
    Fetch(Words),
    /// Print what a recipe's target installs, each distribution with its file
    #[command(disable_help_flag = true)]
    Resolve(Words),
    /// Print the dependencies of a recipe's target as a tree
    #[command(disable_help_flag = true)]
    Tree(Words),
    /// Print every path from the root to a distribution
    #[command(disable_help_flag = true)]
    Why(Words),
    /// Draw the dependencies: what is needed to run, and what is needed for builds
    #[command(disable_help_flag = true)]
    Graph(Words),
    /// Lock the build requirements of what is built from source
    #[command(disable_help_flag = true)]
    BuildLock(Words),
    /// Print the NAR hash of a path, as `nix hash path` does
    #[command(disable_help_flag = true)]
    Hash(Words),
    /// Run a command in the sandbox, with the output at its prefix
    #[command(disable_help_flag = true)]
    Run(Words),
    /// Open a shell in the sandbox of a failed build
    #[command(disable_help_flag = true)]
    Enter(Words),
    /// Open a shell in a recipe's toolchain, as builds see it
    #[command(disable_help_flag = true)]
    Shell(Words),
    /// Say what of a recipe would be compiled now, and which input changed
    #[command(disable_help_flag = true)]
    WhyRebuild(Words),
    /// Bound the size of the cache: what was least recently used is removed
    #[command(disable_help_flag = true)]
    Gc(Words),
    /// Say what this machine has and lacks, and the mend
    #[command(disable_help_flag = true)]
    Doctor(Words),
    /// Pin the FOD hashes of a recipe in its ledger, after showing what changes
    #[command(disable_help_flag = true)]
    Bless(Words),
}

/// Words that the binary `builder` understands.
#[derive(Debug, Args)]
pub(crate) struct Words {
    /// Arguments of the command; `--help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

/// `cargo xtask verify-repro`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that a person types")]
pub(crate) struct VerifyRepro {
    /// Name of a recipe in `recipes/`, or the path of its .toml
    #[arg(default_value = "sample")]
    pub(crate) recipe: String,
    /// Build this source tree instead of the recipe's
    #[arg(long, value_name = "DIR")]
    pub(crate) source: Option<PathBuf>,
    /// Use this toolchain provider instead of the recipe's list
    #[arg(long, value_name = "PROVIDER")]
    pub(crate) toolchain: Option<String>,
    /// How many builds are compared with the first
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
    /// Print the reports as JSON instead of a summary
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the report as a page to look at; it stands there from the start and is replaced at the
    /// end
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Keep the rounds' directories although nothing differs
    #[arg(long)]
    pub(crate) keep: bool,
    /// Print no progress
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Where downloads and toolchains are kept, and the rounds run [default: ~/.cache/lockstep]
    #[arg(long, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
}

/// `cargo xtask compare`.
#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// A directory or a file
    pub(crate) a: PathBuf,
    /// Another one
    pub(crate) b: PathBuf,
    /// Values that only one side can have: a JSON list of `{"kind": …, "a": …, "b": …}`
    #[arg(long, value_name = "FILE")]
    pub(crate) canaries: Option<PathBuf>,
    /// Print all findings as JSON instead of a summary
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the report as a page to look at
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Write each finding as soon as it is known, a line of JSON each: what a killed run leaves
    #[arg(long, value_name = "FILE")]
    pub(crate) partial: Option<PathBuf>,
}

/// `cargo xtask bench`.
#[derive(Debug, Args)]
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
    /// All comparisons with others that can run here, but for `naive` and `verify`
    All,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn what_the_builder_understands_is_not_looked_into() {
        for words in [["build", "--help"], ["run", "--"], ["hash", "-h"], ["fetch", "--new-flag"]] {
            let flags = Flags::try_parse_from(["cargo xtask"].iter().chain(&words)).unwrap();
            assert!(matches!(flags.command, Command::Forwarded(_)), "{words:?}");
        }
    }

    #[test]
    fn the_builders_commands_are_listed_in_its_own_words() {
        let ours = Flags::command();
        let builder = builder::cli::Cli::command();
        for command in builder.get_subcommands() {
            let name = command.get_name();
            let listed = ours.find_subcommand(name).expect(name);
            let texts = [listed, command].map(|command| command.get_about().unwrap().to_string());
            assert_eq!(texts[0], texts[1], "{name}");
        }
        let own = ["bench", "ci", "compare", "tidy", "verify-repro"];
        let forwarded = ours.get_subcommands().filter(|command| !own.contains(&command.get_name()));
        assert_eq!(forwarded.count(), builder.get_subcommands().count());
    }
}
