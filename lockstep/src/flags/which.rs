//! What was typed of which recipe, source and toolchain.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Which recipe, and of which source.
#[derive(Debug, Clone, Args)]
pub(crate) struct Which {
    /// Name of a recipe in `recipes/`, or the path of its .toml [default: the only one]
    pub(crate) recipe: Option<String>,
    /// Build this source tree instead of the recipe's
    #[arg(long, value_name = "DIR")]
    pub(crate) source: Option<PathBuf>,
}

/// Which toolchain.
#[derive(Debug, Clone, Args)]
pub(crate) struct ToolchainFlags {
    /// Use this toolchain provider instead of the recipe's list
    #[arg(long, value_name = "PROVIDER")]
    pub(crate) toolchain: Option<ProviderName>,
}

/// A toolchain provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProviderName {
    /// A root of unpacked Debian packages.
    Debian,
    /// The machine's own root.
    Host,
}
