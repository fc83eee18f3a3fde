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
    /// Show this path to builds, for the interpreter (repeatable) [default: Nix's `closure`]
    #[arg(long, value_name = "PATH", requires = "toolchain_root")]
    pub(crate) toolchain_path: Vec<PathBuf>,
}

/// `nix`
#[derive(Debug, Subcommand)]
pub(crate) enum Nix {
    /// Be the builder of uv: download the pinned one to `out`
    Uv,
    /// Be the builder of an interpreter: that of a root, made to run from where the root is
    Python(NixPython),
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
            Self::Nix(_) => true,
            _ => false,
        }
    }
}
