//! The real uv, asked what it would install of a lock.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base::packaging::{Marker, MarkerEnvironment};
use base::sys::env::Environment;
use base::sys::process::Process;

/// The program, an interpreter for it, and a cache of its own.
#[derive(Debug)]
pub(super) struct Uv {
    pub(super) program: PathBuf,
    pub(super) cache: PathBuf,
    pub(super) python: Python,
}

/// An interpreter of this machine.
#[derive(Debug)]
pub(super) struct Python {
    pub(super) path: String,
    /// `3.11.2`.
    pub(super) version: String,
}

/// What uv installs, or why it refuses.
pub(super) type Answer<T> = Result<T, String>;

/// What `uv export` prints: lines with markers.
#[derive(Debug)]
pub(super) struct Export(Vec<Line>);

#[derive(Debug)]
struct Line {
    what: String,
    marker: Marker,
    hashes: BTreeSet<String>,
}

impl Python {
    pub(super) fn find() -> anyhow::Result<Self> {
        let environment = Environment::capture();
        let program = environment.find_program("python3").context("there is no `python3`")?;
        let asked = "import sys, platform; print(sys.executable); print(platform.python_version())";
        let process = Process::new(program).envs(&environment.for_network());
        let printed = process.args(["-c", asked]).stdout()?;
        let mut lines = printed.lines().map(str::to_owned);
        let (path, version) = lines.next().zip(lines.next()).context("python3 printed nonsense")?;
        Ok(Self { path, version })
    }
}

impl Uv {
    fn run(
        &self,
        project: &Path,
        words: &[&str],
        flags: &[String],
    ) -> anyhow::Result<Answer<String>> {
        let output = Process::new(&self.program)
            .current_dir(project)
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", "/nowhere")
            .env("XDG_CONFIG_DIRS", "/nowhere")
            .env("UV_PYTHON_DOWNLOADS", "never")
            .args(words)
            .args(flags)
            .args(["--offline", "--python", &self.python.path, "--cache-dir"])
            .arg(&self.cache)
            .output()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (printed, said) = (text(&output.stdout), text(&output.stderr));
        Ok(if output.status.success() { Ok(printed + &said) } else { Err(said) })
    }

    pub(super) fn lock(&self, project: &Path) -> anyhow::Result<Answer<()>> {
        Ok(self.run(project, &["lock"], &[])?.map(drop))
    }

    pub(super) fn export(
        &self,
        project: &Path,
        flags: &[String],
    ) -> anyhow::Result<Answer<Export>> {
        let words = ["export", "--frozen", "--no-annotate", "--no-header", "--quiet"];
        let printed = match self.run(project, &words, flags)? {
            Ok(printed) => printed.replace("\\\n", " "),
            Err(said) => return Ok(Err(said)),
        };
        let lines = printed.lines().filter(|line| !line.is_empty()).map(line);
        Ok(Ok(Export(lines.collect::<anyhow::Result<_>>()?)))
    }

    /// What `uv sync` would install on a platform, into an empty environment: `name==version`, and
    /// the name alone of what is local.
    pub(super) fn sync(
        &self,
        project: &Path,
        platform: &str,
        flags: &[String],
    ) -> anyhow::Result<Answer<BTreeSet<String>>> {
        let words = ["sync", "--frozen", "--dry-run", "--python-platform", platform];
        let printed = self.run(project, &words, flags)?;
        let installed = |text: String| {
            let lines = text.lines().filter_map(|line| line.strip_prefix(" + "));
            let names = lines.filter_map(|line| line.split(' ').next());
            names.map(str::to_owned).collect()
        };
        Ok(printed.map(installed))
    }
}

impl Export {
    /// What is installed in an environment, with the digests that uv accepts.
    pub(super) fn on(&self, environment: &MarkerEnvironment) -> BTreeMap<&str, &BTreeSet<String>> {
        let lines = self.0.iter().filter(|line| line.marker.evaluate(environment, &[]));
        lines.map(|line| (line.what.as_str(), &line.hashes)).collect()
    }
}

fn line(text: &str) -> anyhow::Result<Line> {
    let mut parts = text.split(" --hash=");
    let requirement = parts.next().unwrap_or_default().trim();
    let requirement = requirement.strip_prefix("-e ").unwrap_or(requirement);
    let (what, marker) = requirement.split_once(" ; ").unwrap_or((requirement, ""));
    let what = what.strip_prefix("./").unwrap_or(what).trim();
    let marker = match marker {
        "" => Marker::default(),
        text => text.parse().map_err(|error| anyhow::anyhow!("`{text}`: {error}"))?,
    };
    let hashes = parts.map(|hash| hash.trim().to_owned()).collect();
    Ok(Line { what: what.to_owned(), marker, hashes })
}
