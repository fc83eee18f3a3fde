//! What a rule found, and where. Nothing here knows a policy: that decides later what follows.

use crate::rules::Rule;

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The rule.
    pub(crate) rule: &'static Rule,
    /// What it is about: a package, a host or a file. Exceptions name it.
    pub(crate) subject: String,
    /// One sentence. Foreign text in it is as the lock has it; renderers escape it.
    pub(crate) message: String,
    /// Further lines.
    pub(crate) detail: Vec<String>,
    /// The file of the head that it is in.
    pub(crate) file: String,
    /// The line in it, from 1.
    pub(crate) line: usize,
}

impl Finding {
    /// A finding in line 1 of a file that is not named yet.
    pub(crate) fn new(
        rule: &'static Rule,
        subject: impl std::fmt::Display,
        message: impl Into<String>,
    ) -> Self {
        let (subject, message) = (subject.to_string(), message.into());
        Self { rule, subject, message, detail: Vec::new(), file: String::new(), line: 1 }
    }

    /// Adds further lines.
    #[must_use]
    pub(crate) fn detail(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.detail.extend(lines);
        self
    }

    /// Says which file of the head it is in.
    #[must_use]
    pub(crate) fn in_file(mut self, file: &str) -> Self {
        file.clone_into(&mut self.file);
        self
    }
}

/// A list for a sentence, cut after `most`: `a, b and 3 more`.
pub(crate) fn listed<T: ToString>(items: impl IntoIterator<Item = T>, most: usize) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    match items.len().checked_sub(most) {
        None | Some(0) => items.join(", "),
        Some(more) => format!("{} and {more} more", items[..most].join(", ")),
    }
}

/// `1 package`, `2 packages`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
