//! What was typed for the commands that only look: `resolve`, `tree`, `why` and `graph`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// What is resolved, for which target.
#[derive(Debug, Args)]
pub(crate) struct Selected {
    /// Name of a recipe, or the path of its .toml [default: the only one]
    #[arg(conflicts_with = "workspace")]
    pub(crate) recipe: Option<String>,
    /// Resolve this uv project instead of a recipe's
    #[arg(long, value_name = "DIR")]
    pub(crate) workspace: Option<PathBuf>,
    /// Use this source tree instead of the recipe's
    #[arg(long, value_name = "DIR")]
    pub(crate) source: Option<PathBuf>,
    /// The root distribution, if not the project at the workspace's root
    #[arg(long, value_name = "NAME")]
    pub(crate) project: Option<String>,
    /// Python version, such as 3.14
    #[arg(long, value_name = "V")]
    pub(crate) python: Option<String>,
    /// Platform, in the words of `uv --python-platform`
    #[arg(long, value_name = "P")]
    pub(crate) platform: Option<String>,
    /// Add a dependency group (repeatable)
    #[arg(long, value_name = "G")]
    pub(crate) group: Vec<String>,
    /// Add an extra of the root distribution (repeatable)
    #[arg(long, value_name = "E")]
    pub(crate) extra: Vec<String>,
    /// Build this distribution from source (repeatable) [default: the project's `tool.uv`]
    #[arg(long, value_name = "N")]
    pub(crate) no_binary: Vec<String>,
}

/// `resolve`
#[derive(Debug, Args)]
pub(crate) struct Resolve {
    /// What is resolved.
    #[command(flatten)]
    pub(crate) selected: Selected,
    /// How it is printed
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: ResolutionFormat,
}

/// `resolve --format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ResolutionFormat {
    /// One line for each distribution
    Table,
    /// A pylock.toml (PEP 751) to be saved beside uv.lock
    Pylock,
}

/// `tree`
#[derive(Debug, Args)]
pub(crate) struct Tree {
    /// What is resolved.
    #[command(flatten)]
    pub(crate) selected: Selected,
    /// Show what is needed for builds instead of what is needed to run
    #[arg(long)]
    pub(crate) build: bool,
    /// From what is needed to what needs it
    #[arg(long)]
    pub(crate) invert: bool,
    /// Start at this distribution
    #[arg(long, value_name = "NAME")]
    pub(crate) package: Option<String>,
    /// Show so many levels only
    #[arg(long, value_name = "N")]
    pub(crate) depth: Option<usize>,
}

/// `why`
#[derive(Debug, Args)]
pub(crate) struct Why {
    /// The distribution that is asked about
    pub(crate) name: String,
    /// What is resolved.
    #[command(flatten)]
    pub(crate) selected: Selected,
    /// Show so many paths at most
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: usize,
}

/// `graph`
#[derive(Debug, Args)]
pub(crate) struct Graph {
    /// What is resolved.
    #[command(flatten)]
    pub(crate) selected: Selected,
    /// How it is drawn
    #[arg(long, value_enum, default_value = "svg")]
    pub(crate) format: Drawing,
    /// Draw one of the two graphs only
    #[arg(long, value_enum)]
    pub(crate) only: Option<OneGraph>,
    /// Write it to this file instead of to standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// In which language a graph is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Drawing {
    /// Graphviz's.
    Dot,
    /// Mermaid, for Markdown.
    Mermaid,
    /// A picture for a browser.
    Svg,
}

/// One of the two graphs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OneGraph {
    /// What is needed to run.
    Runtime,
    /// What is needed for builds.
    Build,
}
