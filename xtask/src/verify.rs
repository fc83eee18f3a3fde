//! Two builds side by side: `compare` finds what differs, `explain` says why, `by_hand` is
//! `cargo xtask compare`. Data flows in that order; nothing here builds.

pub(crate) mod compare;
pub(crate) mod explain;
pub(crate) mod vary;
pub(crate) mod by_hand;
