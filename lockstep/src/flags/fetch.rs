//! What was typed for `fetch`.

use clap::Args;

use super::{LedgerFlags, Which};

/// `fetch`
#[derive(Debug, Args)]
pub(crate) struct Fetch {
    /// Recipe and source.
    #[command(flatten)]
    pub(crate) which: Which,
    /// Fetch for this platform of the recipe only
    #[arg(long, value_name = "PLATFORM")]
    pub(crate) platform: Option<String>,
    /// Be the builder of a fixed-output derivation of Nix: the wheelhouse goes to its `out`
    #[arg(long, requires = "platform", conflicts_with = "toolchain")]
    pub(crate) nix: bool,
    /// Fetch the packages of the toolchain instead, and uv
    #[arg(long)]
    pub(crate) toolchain: bool,
    /// Ledger.
    #[command(flatten)]
    pub(crate) ledger: LedgerFlags,
}
