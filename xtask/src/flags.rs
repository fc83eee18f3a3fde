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
    /// A tree to hash; else a project with a uv.lock, instead of the recipe's own source
    #[arg(long)]
    pub(crate) source: Option<PathBuf>,
    /// In `fetch`, a distribution that uv would have to build although the lock has wheels of it
    #[arg(long, value_name = "NAME")]
    pub(crate) skip_for_uv: Vec<String>,
    /// How many times each side runs
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: u32,
    /// Write the figures to this file
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
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
    /// Resolving generated locks of 1,000 to 10,000 packages
    Scale,
    /// What single bumps of a recipe compile, and their time by that of a cold build
    Rebuilds,
    /// All comparisons with others that can run here
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
        let own = ["bench", "ci", "compare", "tidy"];
        let forwarded = ours.get_subcommands().filter(|command| !own.contains(&command.get_name()));
        assert_eq!(forwarded.count(), builder.get_subcommands().count());
    }
}
