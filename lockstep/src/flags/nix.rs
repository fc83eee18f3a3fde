//! What was typed for work that somebody else has done in part, such as Nix.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What of a build is there already.
#[derive(Debug, Args)]
pub(crate) struct GivenFlags {
    /// Be the builder of a Nix derivation: its `out` is the prefix and the output
    #[arg(long)]
    pub(crate) nix: bool,
    /// Install for this path instead of the recipe's prefix
    #[arg(long, value_name = "PATH")]
    pub(crate) prefix: Option<String>,
    /// Verify and use this wheelhouse instead of fetching one
    #[arg(long, value_name = "DIR")]
    pub(crate) wheelhouse: Option<PathBuf>,
    /// Use this directory as the toolchain's root
    #[arg(long, value_name = "DIR", conflicts_with = "toolchain")]
    pub(crate) toolchain_root: Option<PathBuf>,
    /// Install for this interpreter instead of the root's
    #[arg(long, value_name = "FILE", requires = "toolchain_root")]
    pub(crate) interpreter: Option<PathBuf>,
    /// Show a path that the interpreter needs to builds (repeatable) [default: Nix's `closure`]
    #[arg(long, value_name = "HOST:INSIDE", requires = "interpreter")]
    pub(crate) toolchain_path: Vec<String>,
}

/// `nix`
#[derive(Debug, Subcommand)]
pub(crate) enum Nix {
    /// Print the fixed outputs of a recipe with the hashes of its ledger, and their store paths
    Print(NixPrint),
    /// Compare the hashes in Nix files with the ledgers, and list those that no recipe pins
    Check(NixCheck),
    /// Be the builder of uv: download the pinned one to `out`
    #[command(hide = true)]
    Uv,
    /// Be the builder of an interpreter: that of a root, made to run from where the root is
    #[command(hide = true)]
    Python(NixPython),
}

/// `nix print`
#[derive(Debug, Args)]
pub(crate) struct NixPrint {
    /// Name of a recipe in `recipes/`, or the path of its .toml [default: the only one]
    pub(crate) recipe: Option<String>,
}

/// `nix check`
#[derive(Debug, Args)]
pub(crate) struct NixCheck {
    /// Nix files
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Write the hashes of the ledgers where the files have others
    #[arg(long)]
    pub(crate) write: bool,
}

/// `nix python`
#[derive(Debug, Args)]
pub(crate) struct NixPython {
    /// A root of unpacked Debian packages
    #[arg(long, value_name = "DIR")]
    pub(crate) root_fs: PathBuf,
    /// The interpreter's name, such as `python3.14`
    #[arg(long, value_name = "NAME")]
    pub(crate) python: String,
}

impl super::Command {
    /// Whether this process is the builder of a Nix derivation.
    pub(crate) fn is_nix_builder(&self) -> bool {
        match self {
            Self::Build(flags) => flags.given.nix,
            Self::Fetch(flags) => flags.nix,
            Self::Nix(command) => matches!(command, Nix::Uv | Nix::Python(_)),
            _ => false,
        }
    }
}
