//! The binary `xtask`, run as a person runs it.

mod compare;
