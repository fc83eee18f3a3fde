//! What was typed for the commands that write what a build is held against: recipe, locks, ledger,
//! listing.

use std::path::PathBuf;

use base::packaging::{PackageName, Version};
use clap::Args;

use super::which::{ToolchainFlags, Which};

/// `build-lock`
#[derive(Debug, Args)]
pub(crate) struct BuildLock {
    /// Recipe and source.
    #[command(flatten)]
    pub(crate) which: Which,
    /// Toolchain.
    #[command(flatten)]
    pub(crate) toolchain: ToolchainFlags,
    /// See nothing newer than this date [default: the newest file of `uv.lock`]
    #[arg(long, value_name = "DATE")]
    pub(crate) exclude_newer: Option<String>,
    /// Write nothing; fail if the build lock would change
    #[arg(long)]
    pub(crate) check: bool,
}

/// `toolchain-lock`
#[derive(Debug, Args)]
pub(crate) struct ToolchainLock {
    /// Name of a recipe in `recipes/`, or the path of its .toml [default: the only one]
    pub(crate) recipe: Option<String>,
    /// Lock what the mirror has now, although what is locked fits
    #[arg(long)]
    pub(crate) upgrade: bool,
    /// Write nothing; fail if the toolchain lock would change
    #[arg(long)]
    pub(crate) check: bool,
}

/// `init`
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The project's directory, with its uv.lock
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Name of the recipe [default: that of the project]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<PackageName>,
    /// The version, where only version control knows it [default: the newest tag]
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: Option<Version>,
    /// Only write the recipe, and build nothing
    #[arg(long)]
    pub(crate) no_build: bool,
}

/// `bless`
#[derive(Debug, Args)]
pub(crate) struct Bless {
    /// Recipe and source.
    #[command(flatten)]
    pub(crate) which: Which,
    /// Pin only what is downloaded for the application; build nothing
    #[arg(long)]
    pub(crate) fod_only: bool,
}

/// `listing`
#[derive(Debug, Args)]
pub(crate) struct Listing {
    /// Recipe and source.
    #[command(flatten)]
    pub(crate) which: Which,
    /// Where to write it [default: RECIPE.TARGET.listing.gz]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}
