//! One integration binary: a file per stage.

mod sandbox;
mod toolchain;
