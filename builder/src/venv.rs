//! Phase 2, second stage: a standard virtual environment (PEP 405) at the prefix, with exactly the
//! resolution in it. No `PYTHONPATH`, no wrappers: a child that is started through `sys.executable`
//! sees what its parent sees.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fs_err as fs;
use uv_normalize::PackageName;

use crate::collisions::{self, Collisions};
use crate::output::Output;
use crate::recipe::Recipe;
use crate::sys::process::last_lines;
use crate::sys::sandbox::{Invocation, OutputTo, Sandbox};
use crate::toolchain::Toolchain;
use crate::toolchain::uv::Uv;
use crate::vocabulary::Problem;
use crate::wheel_archive::WheelArchive;

/// What an installation needs.
#[derive(Debug, Clone, Copy)]
pub struct Installer<'a> {
    /// The interpreter.
    pub toolchain: &'a Toolchain,
    /// The uv that installs.
    pub uv: &'a Uv,
    /// A directory of this run, on the same disk as the output.
    pub work: &'a Path,
}

/// An output that holds a virtual environment and nothing else yet.
#[derive(Debug)]
pub struct Installed {
    /// Where it is.
    pub output: Output,
    /// The wheels that are in it, sorted by name.
    pub wheels: Vec<WheelArchive>,
    /// What they fought over.
    pub collisions: Collisions,
    /// What of them was not installed, by the recipe's overrides.
    pub skipped: BTreeMap<PackageName, Vec<String>>,
}

// The cache lies below the prefix because hard links do not cross mounts, and each bind is one.
const SCRIPT: &str = r#"set -eu
export UV_CACHE_DIR="$1/.uv-cache"
uv venv --quiet --no-project --allow-existing --python "$PYTHON" "$1"
uv pip install --quiet --python "$1/bin/python" --no-deps --no-index --link-mode hardlink \
  --find-links /build/wheels -r /build/requirements.txt
rm -rf "$UV_CACHE_DIR" "$1/.lock" "$1/.gitignore" "$1/CACHEDIR.TAG"
"#;

impl Installer<'_> {
    /// A sandbox with the toolchain and uv in it, and nothing else.
    pub fn sandbox(&self) -> Sandbox {
        self.toolchain
            .sandbox()
            .bind_ro(&self.uv.path, "/build/tools/uv")
            .env("PATH", "/build/tools:/usr/bin:/bin:/usr/sbin:/sbin")
            .env("PYTHON", &self.toolchain.python)
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
        let opened = wheels.iter().map(|path| WheelArchive::open(path, &output.site_packages));
        let mut archives = opened.collect::<Result<Vec<_>, Problem>>()?;
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
        let collisions = collisions::find(&output, &archives, &recipe.collisions)?;

        self.shelve(&archives)
            .map_err(|error| Problem::new("cannot prepare the installation").cause(error))?;
        let sandbox = self
            .sandbox()
            .bind_ro(&self.work.join("wheels"), "/build/wheels")
            .bind_ro(&self.work.join("requirements.txt"), "/build/requirements.txt")
            .bind_rw(&output.root, &output.prefix);
        let invocation = Invocation {
            program: "/bin/sh".to_owned(),
            arguments: ["-c", SCRIPT, "install", &output.prefix].map(str::to_owned).to_vec(),
            directory: "/".to_owned(),
        };
        let log = self.work.join("log");
        let finished = sandbox.run(&invocation, OutputTo::Log(&log))?;
        if !finished.success() {
            let text = fs::read(&log).unwrap_or_default();
            return Err(Problem::new("`uv` could not install the virtual environment")
                .fact("exit code", finished.code)
                .fact("log ends", last_lines(&String::from_utf8_lossy(&text), 25)));
        }
        collisions.apply(&output, &archives)?;
        Ok(Installed { output, wheels: archives, collisions, skipped })
    }

    /// Puts the wheels into one directory for `--find-links`, and their names and versions into a
    /// requirements file. They are copied: what runs in the sandbox must not share an inode with
    /// the wheelhouse.
    fn shelve(&self, archives: &[WheelArchive]) -> std::io::Result<()> {
        let shelf = self.work.join("wheels");
        fs::create_dir_all(&shelf)?;
        let mut requirements = String::new();
        for archive in archives {
            let filename = archive.path.file_name().expect("a wheel has a file name");
            fs::copy(&archive.path, shelf.join(filename))?;
            requirements.push_str(&format!("{}=={}\n", archive.name, archive.version));
        }
        fs::write(self.work.join("requirements.txt"), requirements)
    }
}
