//! `bench sdists`: real source distributions, built by us and by the real uv in the same root, with
//! the same build requirements; what is installed of both must be the same files with the same
//! bytes. uv builds at a random path and with debug information, so an extension is compared by the
//! sections that a program loads.

pub(crate) mod installed;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base::sys::files::remove_tree;
use base::sys::process::{Process, last_lines};
use fs_err as fs;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xshell::Shell;

use crate::compile::compile;
use crate::flags::Bench;

const TABLE: &str = include_str!("sdists.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    sdist: Vec<Sdist>,
}

/// A row of the table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sdist {
    name: String,
    version: String,
    backend: String,
    file: String,
    sha256: String,
    #[serde(default)]
    packages: Vec<String>,
    /// Files that may differ, each with the reason.
    #[serde(default)]
    differs: Vec<Named>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    /// The end of a path.
    file: String,
    because: String,
}

/// What came of a source distribution.
#[derive(Debug, Serialize)]
pub(crate) struct Built {
    name: String,
    version: String,
    backend: String,
    /// Files of both.
    files: usize,
    /// Why neither, or one alone, was built.
    failed: Option<String>,
    /// Differences with a reason in the table.
    named: Vec<String>,
    /// The others.
    pub(crate) different: Vec<String>,
}

/// Builds the rows that are wanted, or all, below `scratch`.
pub(crate) fn run(bench: &Bench, shell: &Shell) -> anyhow::Result<Vec<Built>> {
    let program = compile(shell, "lockstep")?;
    let scratch = program.with_file_name("bench-scratch").join("sdists");
    let table: Table = toml::from_str(TABLE).context("cannot read the table")?;
    let wanted = |it: &&Sdist| bench.only.is_empty() || bench.only.contains(&it.name);
    let rows: Vec<&Sdist> = table.sdist.iter().filter(wanted).collect();
    anyhow::ensure!(!rows.is_empty(), "the table has none of these");
    let place = Place { program, cache: bench.cache.clone(), scratch };
    // Makes the root, so that two builds need not wait for each other.
    let built = rows.par_iter().with_max_len(1).map(|row| {
        let built = place.build(row).unwrap_or_else(|error| row.failed(&format!("{error:#}")));
        println!("{}", built.line());
        built
    });
    Ok(built.collect())
}

struct Place {
    program: PathBuf,
    cache: Option<PathBuf>,
    scratch: PathBuf,
}

impl Sdist {
    fn built(&self) -> Built {
        Built {
            name: self.name.clone(),
            version: self.version.clone(),
            backend: self.backend.clone(),
            files: 0,
            failed: None,
            named: Vec::new(),
            different: Vec::new(),
        }
    }

    fn failed(&self, why: &str) -> Built {
        Built { failed: Some(why.to_owned()), ..self.built() }
    }
}

impl Place {
    fn build(&self, row: &Sdist) -> anyhow::Result<Built> {
        let dir = self.scratch.join(&row.name);
        if dir.exists() {
            remove_tree(&dir)?;
        }
        for made in ["app", "recipes", "golden", "w"] {
            fs::create_dir_all(dir.join(made))?;
        }
        write(row, &dir)?;
        let wheels = dir.join("w/wheels");
        let ours = self.run(&dir, &["--quiet", "build", &row.name, "--only", &row.name]);
        let ours = ours.args(["--no-out-link", "--wheels-out"]).arg(&wheels);
        let ours = finished(ours, "we fail")?;
        let lock = fs::read_to_string(dir.join(format!("recipes/{}.build-lock.toml", row.name)))?;
        fs::write(dir.join("w/constraints.txt"), constraints(&lock, &row.name)?)?;
        let theirs = self.run(&dir, &["--quiet", "shell", &row.name, "--network"]);
        let theirs = theirs
            .args(["--env", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"])
            .arg("--bind")
            .arg(format!("{}:/w", dir.join("w").display()))
            .args(["--", "sh", "-c", THEIRS]);
        let theirs = finished(theirs, "uv fails")?;
        if let Some(failed) = ours.or(theirs) {
            return Ok(row.failed(&failed));
        }
        let found = installed::compare(&dir.join("w/ours"), &dir.join("w/theirs"))?;
        let mut built = Built { files: found.files, ..row.built() };
        for difference in found.differences {
            match row.differs.iter().find(|it| difference.path.ends_with(&it.file)) {
                Some(named) => built.named.push(format!("{difference}: {}", named.because)),
                None => built.different.push(difference.to_string()),
            }
        }
        if built.different.is_empty() {
            remove_tree(&dir)?;
        }
        Ok(built)
    }

    fn run(&self, dir: &Path, words: &[&str]) -> Process {
        let environment = base::sys::env::Environment::capture();
        let process = Process::new(&self.program).envs(&environment.for_builder());
        let process = process.arg("--root").arg(dir).current_dir(dir);
        let process = match &self.cache {
            Some(cache) => process.arg("--cache-dir").arg(cache),
            None => process,
        };
        process.args(words)
    }
}

/// Both are installed by uv, so that only what was built differs.
const THEIRS: &str = r#"set -eu
cd /w
export UV_CACHE_DIR=/tmp/uv UV_LINK_MODE=copy UV_NO_CONFIG=1
uv="uv pip install --quiet --no-deps --python $PYTHON"
$uv --target /w/ours /w/wheels/*.whl
$uv --target /w/theirs --require-hashes --no-binary :all: --build-constraint /w/constraints.txt \
  -r /w/requirements.txt
"#;

/// `None` if it ended well.
fn finished(process: Process, what: &str) -> anyhow::Result<Option<String>> {
    let output = process.output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok((!output.status.success()).then(|| format!("{what}: {}", last_lines(&said, 12))))
}

/// A project that depends on the source distribution alone, locked by hand, so that nobody asks for
/// what that requires at run time.
fn write(row: &Sdist, dir: &Path) -> anyhow::Result<()> {
    let Sdist { name, version, file, sha256, .. } = row;
    let lock = format!(
        "version = 1\nrevision = 3\nrequires-python = \">=3.14\"\n\n[[package]]\nname = \"app\"\n\
         version = \"1\"\nsource = {{ virtual = \".\" }}\n\
         dependencies = [{{ name = \"{name}\" }}]\n\n\
         [[package]]\nname = \"{name}\"\nversion = \"{version}\"\n\
         source = {{ registry = \"https://index.example/simple\" }}\n\
         sdist = {{ url = \"https://files.example/{file}\", hash = \"sha256:{sha256}\" }}\n"
    );
    let project = "[project]\nname = \"app\"\nversion = \"1\"\nrequires-python = \">=3.14\"\n";
    let recipe = format!(
        "index = \"ambient\"\n[source]\npath = \"../app\"\n[target]\npython = \"3.14\"\n\
         platforms = [\"x86_64-manylinux_2_39\"]\n[project]\ndependencies-only = true\n\
         [toolchain.debian]\npackages = {:?}\n",
        row.packages
    );
    fs::write(dir.join("app/uv.lock"), lock)?;
    fs::write(dir.join("app/pyproject.toml"), project)?;
    fs::write(dir.join(format!("recipes/{name}.toml")), recipe)?;
    let requirement = format!("{name}=={version} --hash=sha256:{sha256}\n");
    fs::write(dir.join("w/requirements.txt"), requirement)?;
    Ok(())
}

/// The exact build requirements that were locked, as constraints of uv's own resolution.
fn constraints(lock: &str, name: &str) -> anyhow::Result<String> {
    let lock: toml::Table = toml::from_str(lock).context("cannot read a build lock")?;
    let builds = lock.get("build").and_then(toml::Value::as_array).context("nothing is locked")?;
    let build = builds.iter().find(|it| it.get("name").and_then(toml::Value::as_str) == Some(name));
    let requirements = build.and_then(|it| it.get("requirements")).and_then(toml::Value::as_array);
    let lines = requirements.context("the build is not locked")?.iter();
    Ok(lines.filter_map(|it| Some(format!("{}\n", it.as_str()?))).collect())
}

impl Built {
    fn line(&self) -> String {
        let Self { name, version, backend, files, .. } = self;
        let verdict = match (&self.failed, self.different.len(), self.named.len()) {
            (Some(why), _, _) => format!("not built: {why}"),
            (None, 0, 0) => format!("same, {files} files"),
            (None, 0, named) => format!("{files} files, {named} differ: {}", self.named.join("; ")),
            (None, _, _) => format!("DIFFERENT: {}", self.different.join("; ")),
        };
        format!("{name:<22} {version:<10} {backend:<28} {verdict}")
    }
}

/// Figures of all, and each that is not the same.
pub(crate) fn table(built: &[Built]) -> String {
    let count = |is: &dyn Fn(&Built) -> bool| built.iter().filter(|it| is(it)).count();
    let named = |it: &Built| it.failed.is_none() && it.different.is_empty() && !it.named.is_empty();
    format!(
        "source distributions {}: {} differ, {} not built, {} differ in what has a reason",
        built.len(),
        count(&|it| !it.different.is_empty()),
        count(&|it| it.failed.is_some()),
        count(&named),
    )
}

/// Fails if anything differs without a reason, or was not built.
pub(crate) fn check(built: &[Built]) -> anyhow::Result<()> {
    let wrong = built.iter().filter(|it| it.failed.is_some() || !it.different.is_empty()).count();
    anyhow::ensure!(wrong == 0, "{wrong} source distributions are not what uv builds");
    Ok(())
}
