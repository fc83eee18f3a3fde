//! Knowledge about file formats: the meaning of their bytes, and the claims that follow from it.

pub(super) mod elf;
pub(super) mod pyc;
pub(super) mod mo;
pub(super) mod container;
pub(super) mod installed;
pub(super) mod record;
pub(super) mod manifest;
