//! The locks, and the graphs that follow from them: text in, values out, no I/O.

mod uv_lock; // uv.lock
pub mod pyproject; // what this tool reads of a pyproject.toml
pub mod uv_settings; // every setting of uv, and what becomes of it here
pub mod resolve; // lock, target and selection in, a flat list of distributions out
pub mod build_lock; // recipes/<name>.build-lock.toml: what uv.lock does not say
pub mod pylock; // a resolution as the standard's lock file
pub mod toolchain_lock; // recipes/<name>.toolchain-lock.toml: the packages that builds see
pub mod build_graph; // which build waits for which
pub mod resolvers; // the runtime and the build resolver, which a caller can replace

pub use uv_lock::*;
