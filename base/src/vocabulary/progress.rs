//! What a stage reports while it works. Stages report; only the command line decides how it looks
//! (bars on a terminal, lines elsewhere, nothing with `--quiet`).

/// Receives the course of a build. Calls come from several threads.
pub trait Progress: Sync {
    /// A stage of the pipeline begins, such as `fetch`; `steps` is how many steps it will have if
    /// that is known.
    fn stage(&self, name: &str, steps: Option<u64>);
    /// Something of the stage is under way, such as `lxml 6.0.2`.
    fn begin(&self, step: &str);
    /// Bytes of the stage that went by.
    fn bytes(&self, count: u64);
    /// A step that was begun has ended.
    fn end(&self, step: &str);
    /// Something that a person should read although nothing failed.
    fn warn(&self, message: &str);
    /// Something worth a line in the log of a build.
    fn note(&self, message: &str);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn stage(&self, _name: &str, _steps: Option<u64>) {}
    fn begin(&self, _step: &str) {}
    fn bytes(&self, _count: u64) {}
    fn end(&self, _step: &str) {}
    fn warn(&self, _message: &str) {}
    fn note(&self, _message: &str) {}
}
