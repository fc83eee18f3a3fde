//! Values without I/O: the project's vocabulary as types. Every other module may use them; they use
//! no other module of the crate.

mod date;
pub mod digest;
pub mod fingerprint;
pub mod inputs;
pub mod limits;
pub mod nearest_lines;
mod outcome;
pub mod paths;
pub mod problem;
pub mod progress;
pub mod redacted;
pub mod requirement;
mod shown;
mod target;

pub use date::Date;
pub use digest::Sha256;
pub use inputs::Inputs;
pub use nearest_lines::nearest_lines;
pub use outcome::Outcome;
pub use problem::Problem;
pub use progress::Progress;
pub use redacted::Redacted;
pub use requirement::{Markers, RequirementError, requirement};
pub use shown::{shortened, shown_bytes, shown_lines, shown_name};
pub use target::Target;
