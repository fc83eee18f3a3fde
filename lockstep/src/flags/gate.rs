//! What was typed for `gate`.

use std::path::PathBuf;

use base::vocabulary::Date;
use clap::{ArgGroup, Args};

/// `gate`
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("before").required(true).args(["base", "base_lock"]))]
pub(crate) struct Gate {
    /// Names of recipes [default: all that the change touches]
    #[arg(value_name = "RECIPE")]
    pub(crate) recipes: Vec<String>,
    /// Compare with this commit: what the change is to be merged into
    #[arg(long, value_name = "REF")]
    pub(crate) base: Option<String>,
    /// Judge this commit [default: HEAD]
    #[arg(long, value_name = "REF", requires = "base")]
    pub(crate) head: Option<String>,
    /// Compare with this `uv.lock`, without a repository
    #[arg(long, value_name = "FILE", requires = "head_lock")]
    pub(crate) base_lock: Option<PathBuf>,
    /// Judge this `uv.lock`
    #[arg(long, value_name = "FILE", requires = "base_lock", conflicts_with = "recipes")]
    pub(crate) head_lock: Option<PathBuf>,
    /// Judge ages and exceptions as on this day [default: today]
    #[arg(long, value_name = "DAY")]
    pub(crate) date: Option<Date>,
    /// How far to look: 1 reads text alone; 2 also downloads the files of new versions and looks
    /// into them, if text alone denies nothing
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(crate) stage: u8,
    /// Write the report as Markdown for a comment
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
    /// Write the findings as SARIF 2.1.0
    #[arg(long, value_name = "FILE")]
    pub(crate) sarif: Option<PathBuf>,
    /// Annotate the lines in a GitHub workflow, and write its step summary
    #[arg(long)]
    pub(crate) github: bool,
}
