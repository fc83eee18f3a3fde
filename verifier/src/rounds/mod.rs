//! Builds in environments that differ in everything that must not matter.

pub mod vary; // the table of variations
pub mod places; // what each of them makes of a round
pub(crate) mod probe; // reads back what the rounds were
pub(crate) mod round; // runs the program in them
pub(crate) mod shares; // divides the processors among them

pub(crate) use round::{Finished, Round, Workplace};
