//! What is known of formats: which bytes of a file mean what, and which claims follow from that.

pub(super) mod elf;
pub(super) mod pyc;
pub(super) mod mo;
pub(super) mod container;
pub(super) mod installed;
pub(super) mod record;
pub(super) mod manifest;
