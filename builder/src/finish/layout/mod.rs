//! Adds files of the source tree and links to the venv, and normalises the output's modes and
//! times. It patches nothing and runs nothing.

mod copy;
mod link;
mod normalise;
mod shebang;

pub use copy::{Copied, CopiedContent, copy, set_patched};
pub use link::{Linked, link};
pub use normalise::normalise;
pub use shebang::RewrittenShebang;
