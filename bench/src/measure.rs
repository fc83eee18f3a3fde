//! One measured run of a command: wall time, CPU time and peak memory of all its processes.
//!
//! No safe Rust library here hands out what the kernel keeps of a process's children (`ru_maxrss`);
//! python3's standard library does.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use xshell::{Shell, cmd};

const MEASURE: &str = include_str!("measure.py");

/// A command to measure, and what must be gone before each run of it.
#[derive(Debug)]
pub(super) struct Side {
    words: Vec<OsString>,
    emptied: Vec<PathBuf>,
    /// Seconds to wait then.
    pause: u32,
    /// The exit code that it must end with.
    code: u8,
}

/// One run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Sample {
    pub(super) seconds: f64,
    pub(super) cpu_seconds: f64,
    /// Of the largest process.
    pub(super) peak_mib: f64,
    /// Of the process itself, without its children.
    pub(super) own_peak_mib: f64,
    /// What it printed, without blanks at its ends.
    #[serde(skip_serializing)]
    pub(super) output: String,
}

impl Side {
    pub(super) fn new(program: impl AsRef<OsStr>) -> Self {
        let words = vec![program.as_ref().to_owned()];
        Self { words, emptied: Vec::new(), pause: 0, code: 0 }
    }

    pub(super) fn arg(mut self, word: impl AsRef<OsStr>) -> Self {
        self.words.push(word.as_ref().to_owned());
        self
    }

    pub(super) fn args(self, words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        words.into_iter().fold(self, Self::arg)
    }

    /// Removes a file or directory before each run.
    pub(super) fn emptied(mut self, path: PathBuf) -> Self {
        self.emptied.push(path);
        self
    }

    /// A run that begins with something removed waits for as many seconds before: the one before
    /// it may have removed things too.
    pub(super) fn pausing(self, pause: u32) -> Self {
        Self { pause, ..self }
    }

    /// Its exit code must be this one instead of 0.
    pub(super) fn ends_with(self, code: u8) -> Self {
        Self { code, ..self }
    }

    /// The command as a person would type it.
    pub(super) fn shown(&self) -> String {
        let words = self.words.iter().map(|word| word.to_string_lossy().into_owned());
        words.collect::<Vec<_>>().join(" ")
    }

    /// Runs it once; an exit code other than the expected one is an error.
    pub(super) fn measure(&self, shell: &Shell) -> anyhow::Result<Sample> {
        for path in &self.emptied {
            shell.remove_path(path)?;
        }
        if self.pause > 0 && !self.emptied.is_empty() {
            let pause = self.pause.to_string();
            cmd!(shell, "sync").quiet().run()?;
            cmd!(shell, "sleep {pause}").quiet().run()?;
        }
        let code = self.code.to_string();
        // The command that is measured, not the script that measures it, is what has failed then.
        let ended = cmd!(shell, "python3 -c {MEASURE} {code}")
            .args(&self.words)
            .quiet()
            .ignore_status()
            .output()
            .map_err(|_| anyhow::anyhow!("cannot measure `{}`: no `python3`", self.shown()))?;
        if !ended.status.success() {
            let complaint = String::from_utf8_lossy(&ended.stderr);
            anyhow::bail!("cannot measure `{}`: {}", self.shown(), complaint.trim());
        }
        Ok(serde_json::from_slice(&ended.stdout)?)
    }
}
