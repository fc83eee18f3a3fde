//! What the output has beside the venv: files of the source tree, links, and the one shape that all
//! of it has in the end. It patches nothing and runs nothing.

mod copy;
mod link;
mod normalise;
mod shebang;

pub use copy::{Copied, CopiedContent, copy, set_patched};
pub use link::{Linked, link};
pub use normalise::normalise;
pub use shebang::RewrittenShebang;
