//! Phase 2, second stage: a standard virtual environment (PEP 405) at the prefix, with exactly the
//! resolution installed. It needs no `PYTHONPATH` and no wrappers: a child that is started through
//! `sys.executable` sees the same packages as its parent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fs_err as fs;
use rayon::prelude::*;

use crate::install::collisions::{self, Collisions};
use crate::install::output::Output;
use crate::install::wheel_archive::WheelArchive;
use crate::toolchain::Toolchain;
use crate::toolchain::uv::Uv;
use base::packaging::PackageName;
use base::recipe::{Recipe, RecordPolicy};
use base::sys::disk;
use base::sys::process::last_lines_of;
use base::sys::sandbox::{Invocation, OutputTo, Sandbox};
use base::vocabulary::Problem;

mod contents;

use contents::Contents;

/// What an installation needs.
#[derive(Debug, Clone, Copy)]
pub struct Installer<'a> {
    /// The interpreter.
    pub toolchain: &'a Toolchain,
    /// The uv that installs.
    pub uv: &'a Uv,
    /// A directory of this run, on the same disk as the output.
    pub work: &'a Path,
    /// How much of the wheels is unpacked in memory at once; ordinarily [`MEMORY_BYTES`].
    pub memory: u64,
}

/// An output that holds a virtual environment and nothing else yet.
#[derive(Debug)]
pub struct Installed {
    /// Where it is.
    pub output: Output,
    /// The wheels that are in it, sorted by name.
    pub wheels: Vec<WheelArchive>,
    /// The collisions between them.
    pub collisions: Collisions,
    /// The files that the recipe's overrides excluded.
    pub skipped: BTreeMap<PackageName, Vec<String>>,
    /// Warnings about the wheels, as sentences.
    pub notes: Vec<String>,
}

/// The bytes of wheels that are unpacked in memory at once. A file system creates and removes tens
/// of thousands of files several times slower than memory does, and each is needed once.
pub const MEMORY_BYTES: u64 = 256 << 20;

// uv learns of an interpreter by running it, and an interpreter runs the `.pth` files that are
// installed for it. So uv learns of this one while nothing is, and each batch begins with what it
// knows: no foreign code runs while the output can be written to.
const MAKE: &str = r#"set -eu
export UV_CACHE_DIR=/build/known
uv venv --quiet --no-project --allow-existing --python "$PYTHON" "$1"
uv pip list --quiet --python "$1/bin/python"
rm -f "$1/.lock" "$1/.gitignore" "$1/CACHEDIR.TAG"
"#;

// uv unpacks wheels into its cache before it installs them. Below the prefix the cache lies where
// hard links work: they do not cross mounts, and each bind is one.
const INSTALL: &str = r#"set -eu
for batch in /build/batches/*; do
  [ -e "$batch" ] || continue
  case "$batch" in
    *.memory) export UV_CACHE_DIR=/tmp/uv-cache UV_LINK_MODE=copy ;;
    *.disk) export UV_CACHE_DIR="$1/.uv-cache" UV_LINK_MODE=hardlink ;;
  esac
  cp -R /build/known "$UV_CACHE_DIR"
  uv pip install --quiet --python "$1/bin/python" --no-deps --no-index \
    --find-links /build/wheels -r "$batch"
  rm -rf "$UV_CACHE_DIR"
done
rm -f "$1/.lock"
"#;

impl Installer<'_> {
    /// A sandbox with the toolchain and uv in it, and nothing else.
    pub fn sandbox(&self) -> Sandbox {
        self.toolchain
            .sandbox()
            .bind_ro(&self.uv.path, "/build/tools/uv")
            .env("PATH", "/build/tools:/usr/bin:/bin:/usr/sbin:/sbin")
            .env("PYTHON", self.toolchain.interpreter())
            .env("UV_NO_CONFIG", "1")
            // Otherwise each installed distribution records when and from where it was installed.
            .env("UV_NO_INSTALLER_METADATA", "1")
            .env("UV_OFFLINE", "1")
            .env("UV_PYTHON_DOWNLOADS", "never")
            .env("PYTHONDONTWRITEBYTECODE", "1")
    }

    /// Installs `wheels` into the empty `output`, as the recipe's overrides and rules say.
    /// Collisions are found before anything is installed: uv installs in parallel, so afterwards
    /// the bytes would only show who happened to be last.
    pub fn install(
        &self,
        wheels: &[PathBuf],
        output: Output,
        recipe: &Recipe,
    ) -> Result<Installed, Problem> {
        let opened = wheels.par_iter().map(|path| self.verified(path, &output, recipe));
        let opened = opened.collect::<Result<Vec<_>, Problem>>()?;
        let (mut archives, notes): (Vec<_>, Vec<_>) = opened.into_iter().unzip();
        archives.sort_by(|a, b| a.name.cmp(&b.name));
        let mut skipped = BTreeMap::new();
        for archive in &mut archives {
            let patterns = recipe.overrides.get(&archive.name).map(|it| it.skip.as_slice());
            if let Some(patterns) = patterns.filter(|patterns| !patterns.is_empty()) {
                let into = self.work.join("skipped");
                let (without, paths) = archive.without(patterns, &output.site_packages, &into)?;
                skipped.insert(archive.name.clone(), paths);
                *archive = without;
            }
        }
        let unprepared = |error| Problem::new("cannot prepare the installation").cause(error);
        let known = self.work.join("known");
        fs::create_dir_all(&known).map_err(unprepared)?;
        let sandbox = self.sandbox().bind_rw(&output.root, &output.prefix);
        run(&sandbox.clone().bind_rw(&known, "/build/known"), MAKE, &output, self.work)?;
        let own = Contents::of(&output)?;
        own.check_free(&archives)?;
        let collisions = collisions::find(&output, &archives, &recipe.collisions)?;

        self.shelve(&archives).map_err(unprepared)?;
        let sandbox = ["known", "wheels", "batches"].iter().fold(sandbox, |sandbox, name| {
            sandbox.bind_ro(&self.work.join(name), &format!("/build/{name}"))
        });
        run(&sandbox, INSTALL, &output, self.work)?;
        Contents::of(&output)?.check_nothing_else(&own, &archives)?;
        collisions.apply(&output, &archives)?;
        let notes = notes.into_iter().flatten().collect();
        Ok(Installed { output, wheels: archives, collisions, skipped, notes })
    }

    /// Opens a wheel whose `RECORD` is right, or is written again because the recipe says so; with
    /// what a person should know of it.
    fn verified(
        &self,
        path: &Path,
        output: &Output,
        recipe: &Recipe,
    ) -> Result<(WheelArchive, Option<String>), Problem> {
        let archive = WheelArchive::open(path, &output.site_packages)?;
        let name = &archive.name;
        let policy = recipe.overrides.get(name).map_or(RecordPolicy::Verify, |it| it.record);
        match (policy, archive.verify()) {
            (RecordPolicy::Verify, Ok(0)) => Ok((archive, None)),
            (RecordPolicy::Verify, Ok(files)) => {
                let note = format!(
                    "the `RECORD` of `{name}` has no digest of {files} of its files; that they are \
                     what was packed is not verified"
                );
                Ok((archive, Some(note)))
            }
            (RecordPolicy::Verify, Err(problem)) => Err(problem),
            (RecordPolicy::Rewrite, verdict) => {
                let note = verdict.is_ok_and(|unhashed| unhashed == 0).then(|| {
                    format!(
                        "the `RECORD` of `{name}` is right; `override.{name}.record` is not needed"
                    )
                });
                let into = self.work.join("recorded");
                Ok((archive.with_true_record(&output.site_packages, &into)?, note))
            }
        }
    }

    /// Puts the wheels into one directory for `--find-links`, and their names and versions into
    /// requirements files. They are copied: what runs in the sandbox must not share an inode with
    /// the wheelhouse.
    fn shelve(&self, archives: &[WheelArchive]) -> std::io::Result<()> {
        let [shelf, batches] = ["wheels", "batches"].map(|it| self.work.join(it));
        fs::create_dir_all(&shelf)?;
        fs::create_dir_all(&batches)?;
        for archive in archives {
            let filename = archive.path.file_name().expect("a wheel has a file name");
            fs::copy(&archive.path, shelf.join(filename))?;
        }
        for (number, Batch { wheels, bytes }) in
            batches_of(archives, self.memory).iter().enumerate()
        {
            let requirement = |it: &&WheelArchive| format!("{}=={}\n", it.name, it.version);
            let requirements: String = wheels.iter().map(requirement).collect();
            let place = if *bytes <= self.memory { "memory" } else { "disk" };
            fs::write(batches.join(format!("{number:06}.{place}")), requirements)?;
        }
        Ok(())
    }
}

/// Runs a script in a sandbox with the output in it.
fn run(sandbox: &Sandbox, script: &str, output: &Output, work: &Path) -> Result<(), Problem> {
    let invocation = Invocation {
        program: "/bin/sh".to_owned(),
        arguments: ["-c", script, "install", &output.prefix].map(str::to_owned).to_vec(),
        directory: "/".to_owned(),
    };
    let log = work.join("log");
    let finished = sandbox.run(&invocation, OutputTo::Log(&log))?;
    if finished.success() {
        return Ok(());
    }
    let end = last_lines_of(&log, 25);
    let problem = Problem::new("`uv` could not install the virtual environment")
        .fact("exit code", finished.code)
        .fact("log ends", &end);
    Err(disk::failed_program(problem, work, &end))
}

/// What is installed at once.
#[derive(Debug, Default)]
struct Batch<'a> {
    wheels: Vec<&'a WheelArchive>,
    /// What they unpack to.
    bytes: u64,
}

/// The wheels in their order, in batches that fit into memory; one that alone does not is a batch
/// of its own.
fn batches_of(archives: &[WheelArchive], memory: u64) -> Vec<Batch<'_>> {
    let mut batches: Vec<Batch<'_>> = Vec::new();
    for wheel in archives {
        let bytes = wheel.unpacked_bytes;
        match batches.last_mut() {
            Some(last) if last.bytes.saturating_add(bytes) <= memory => {
                last.wheels.push(wheel);
                last.bytes += bytes;
            }
            _ => batches.push(Batch { wheels: vec![wheel], bytes }),
        }
    }
    batches
}
