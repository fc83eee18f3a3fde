//! Values without I/O: the words of the project as types. Everything else may use them; they use
//! nothing of the crate.

pub mod date;
pub mod digest;
pub mod fingerprint;
pub mod inputs;
pub mod nearest_lines;
pub mod outcome;
pub mod problem;
pub mod progress;
pub mod redacted;
pub mod shown;
pub mod target;

pub use date::Date;
pub use digest::Sha256;
pub use inputs::Inputs;
pub use nearest_lines::nearest_lines;
pub use outcome::Outcome;
pub use problem::Problem;
pub use progress::Progress;
pub use redacted::Redacted;
pub use shown::{shown_bytes, shown_lines, shown_name};
pub use target::Target;
