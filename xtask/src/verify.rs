//! Two builds side by side. `vary` lists what must not matter, `places` makes places that differ in
//! it, `rounds` builds in them, `shares` divides the processors among them, `probe` reads back what
//! they were. `compare` finds what differs, `explain` says why, `blame` finds what an unexplained
//! difference depends on; `pairs` does all three for two rounds. `waivers` are the differences that
//! a recipe allows, `snapshots` is what people have approved, `fod` what phase 1 must bring,
//! `inputs` what rounds were made of; `adopt` keeps what was verified. `run` is `cargo xtask
//! verify-repro` and `tell` what it prints, `by_hand` is `cargo xtask compare`. Data flows in that
//! order.

pub(crate) mod compare;
pub(crate) mod explain;
pub(crate) mod vary;
pub(crate) mod places;
pub(crate) mod probe;
pub(crate) mod rounds;
mod shares;
pub(crate) mod blame;
pub(crate) mod pairs;
pub(crate) mod waivers;
pub(crate) mod snapshots;
mod fod;
mod inputs;
mod adopt;
pub(crate) mod by_hand;
mod tell;
pub(crate) mod run;
