//! The checks on rounds besides equality.

pub(crate) mod fod; // what phase 1 must bring
pub(crate) mod output; // what comes of it
pub(crate) mod inputs; // the rounds were made of the same
pub(crate) mod snapshots; // what people have approved
pub(crate) mod waivers; // the differences that a recipe allows
pub(crate) mod adopt; // keeps in the cache what was verified
pub(crate) mod blame; // what an unexplained difference depends on
