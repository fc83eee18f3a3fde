//! Writes a report during the run, so a killed run leaves its partial results.
//!
//! The page exists from the start, marked as unfinished, and is replaced in one step at the end.
//! New results are appended to a file as lines of JSON: first `begun`, then `compared`, `found` for
//! each finding in the order of paths, and `finished` last. A file without `finished` comes from a
//! killed run, and its last line may be incomplete.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base::sys::files::write_atomically;
use base::vocabulary::Problem;
use fs_err as fs;
use serde::Serialize;

use super::json::{FORMAT_VERSION, Finished};
use super::{Report, Subject, html, html_unfinished};
use crate::compare::{Comparison, Counted};
use crate::explain::Finding;

/// What is written while the work goes on.
#[derive(Debug)]
pub(crate) struct Writing {
    page: Option<PathBuf>,
    lines: Option<Lines>,
}

#[derive(Debug)]
struct Lines {
    path: PathBuf,
    file: File,
    /// Why a line could not be written; none is written after it.
    failed: Option<io::Error>,
}

#[derive(Serialize)]
struct Line<'v, V> {
    event: &'static str,
    value: &'v V,
}

#[derive(Serialize)]
struct Begun<'s> {
    version: u32,
    subject: &'s Subject,
}

#[derive(Serialize)]
struct Compared {
    counted: Counted,
    /// How many changes are going to be explained.
    changes: u64,
}

impl Writing {
    /// Writes the unfinished page to `page`, and begins the lines in `lines`.
    pub(crate) fn begin(
        subject: &Subject,
        page: Option<&Path>,
        lines: Option<&Path>,
    ) -> Result<Self, Problem> {
        if let Some(page) = page {
            write_atomically(page, html_unfinished(subject).as_bytes())
                .map_err(|error| unwritten(page, error))?;
        }
        let lines = match lines {
            None => None,
            Some(path) => {
                let file = fs::File::create(path).map_err(|error| unwritten(path, error))?;
                Some(Lines { path: path.to_owned(), file: file.into(), failed: None })
            }
        };
        let mut writing = Self { page: page.map(Path::to_owned), lines };
        writing.note("begun", &Begun { version: FORMAT_VERSION, subject });
        Ok(writing)
    }

    /// What differs is known, but not why.
    pub(crate) fn compared(&mut self, comparison: &Comparison) {
        let changes = comparison.differences.len() as u64;
        self.note("compared", &Compared { counted: comparison.counted, changes });
    }

    /// A difference is explained, or is not.
    pub(crate) fn found(&mut self, finding: &Finding) {
        self.note("found", finding);
    }

    /// Appends a line. That it cannot be written is an error at the end, not in between.
    pub(crate) fn note(&mut self, event: &'static str, value: &impl Serialize) {
        let Some(lines) = self.lines.as_mut().filter(|lines| lines.failed.is_none()) else {
            return;
        };
        let line = serde_json::to_string(&Line { event, value }).expect("texts and numbers");
        // One call for each line, without a buffer that would die with the process.
        lines.failed = lines.file.write_all((line + "\n").as_bytes()).err();
    }

    /// The report is whole: replaces the page and ends the lines.
    pub(crate) fn finish(mut self, report: &Report) -> Result<(), Problem> {
        if let Some(page) = &self.page {
            write_atomically(page, html(report).as_bytes())
                .map_err(|error| unwritten(page, error))?;
        }
        self.note("finished", &Finished::of(report));
        match self.lines {
            Some(Lines { path, failed: Some(error), .. }) => Err(unwritten(&path, error)),
            _ => Ok(()),
        }
    }
}

fn unwritten(path: &Path, error: io::Error) -> Problem {
    Problem::new(format!("cannot write the report to `{}`", path.display())).cause(error)
}
