//! Tests at the borders of the stages, in one binary.

mod server; // an HTTP server that misbehaves
mod fetch;
mod git;
mod archive;
