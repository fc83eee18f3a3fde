//! Rounds: the program `lockstep`, run in places that differ. Each round has a cache of its own, so
//! no built wheel and no output of one reaches another. Rounds share only downloads and source
//! trees, which the builder verifies when it reads them, and the toolchain. The toolchain is a
//! read-only input; it is shared because its suite can change between two rounds.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Output;

use base::sys::cache::{FILES, GIT, SOURCES, TOOLCHAINS, UV};
use base::sys::env::Environment;
use base::sys::files::sorted_entries;
use base::sys::process::{Process, last_lines};
use base::vocabulary::{Outcome, Problem, shown_bytes};
use fs_err as fs;
use serde::Deserialize;

use crate::explain::normalised;
use crate::rounds::places::Place;
use crate::rounds::probe::{HOST_PROBE, PROBE, Seen};

/// What is built, and with what.
#[derive(Debug)]
pub(crate) struct Workplace<'w> {
    /// The program `lockstep`.
    pub(crate) program: &'w Path,
    /// The workspace.
    pub(crate) root: &'w Path,
    /// The environment that this process was started with.
    pub(crate) environment: &'w Environment,
    /// The recipe's name or path, as it was typed.
    pub(crate) recipe: &'w str,
    /// Further words of `build`: source, toolchain.
    pub(crate) words: &'w [String],
    /// The cache whose downloads and toolchain are shared; `None` if nothing is.
    pub(crate) shared: Option<&'w Path>,
    /// Whether lines of progress are printed.
    pub(crate) quiet: bool,
}

/// The shared parts of the cache.
const SHARED: [&str; 5] = [FILES, GIT, SOURCES, TOOLCHAINS, UV];

/// The output among what is compared.
const OUTPUT: &str = "output";

/// A round that is laid out and not yet run.
#[derive(Debug, Clone)]
pub(crate) struct Round {
    /// What makes it another place.
    pub(crate) place: Place,
    /// Its directory.
    pub(crate) directory: PathBuf,
}

/// The wheelhouse of one target, as `fetch --json` reports it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Wheelhouse {
    pub(crate) target: String,
    pub(crate) nar_hash: String,
    pub(crate) golden: String,
    pub(crate) golden_detail: Vec<String>,
}

/// What the builder says of phase 1.
#[derive(Deserialize)]
struct Fetched {
    wheelhouses: Vec<Wheelhouse>,
}

/// What the builder says of a build.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Built {
    /// The NAR hash of the wheelhouse.
    pub(crate) fod_hash: String,
    /// What it is against the ledger, in one word.
    pub(crate) golden: String,
    /// The same for a person.
    pub(crate) golden_detail: Vec<String>,
    /// What the output is against the ledger, in one word.
    pub(crate) output_golden: String,
    /// The same for a person.
    pub(crate) output_golden_detail: Vec<String>,
    /// Where the output is.
    output: PathBuf,
}

/// A round that was run.
#[derive(Debug)]
pub(crate) struct Finished {
    /// The round's cache.
    pub(crate) cache: PathBuf,
    /// What the builder said.
    pub(crate) built: Built,
    /// All that is compared: `output/`, `wheels/`, `manifest.json`.
    pub(crate) product: PathBuf,
    /// The files that the builder published beside the output.
    pub(crate) published: PathBuf,
}

/// The parts of a manifest that say how distributions came to be.
#[derive(Deserialize)]
struct Manifest {
    distributions: Vec<Distribution>,
}

#[derive(Deserialize)]
struct Distribution {
    name: String,
    kind: String,
}

impl Finished {
    /// Puts the output back to where it was published, once nothing is compared any more.
    pub(crate) fn put_back(&self) -> std::io::Result<()> {
        fs::rename(self.product.join(OUTPUT), &self.built.output)
    }

    /// How each distribution came to be, by its normalised name.
    pub(crate) fn kinds(&self) -> Result<BTreeMap<String, String>, Problem> {
        let problem = || Problem::new("cannot read the manifest of a round");
        let text = fs::read_to_string(self.product.join("manifest.json"))
            .map_err(|error| problem().cause(error))?;
        let manifest: Manifest =
            serde_json::from_str(&text).map_err(|error| problem().cause(error))?;
        Ok(manifest.distributions.into_iter().map(|it| (it.name, it.kind)).collect())
    }
}

impl Workplace<'_> {
    /// Makes the directories of a round below `base`.
    pub(crate) fn lay_out(&self, mut place: Place, base: &Path) -> Result<Round, Problem> {
        let directory = base.join(&place.directory);
        let mut lay_out = || -> std::io::Result<()> {
            fs::create_dir_all(directory.join("cache"))?;
            fs::create_dir_all(directory.join("product"))?;
            let around = directory.join("surroundings");
            fs::create_dir_all(&around)?;
            // The kernel's clock at the round's start; no clock is read here.
            place.started = fs::metadata(&around)?.mtime();
            if place.surroundings.pretended.clock_shift != 0 {
                place.surroundings.pretended.since = place.started;
            }
            let json = serde_json::to_vec_pretty(&place.surroundings).expect("they are plain");
            fs::write(around.join("surroundings.json"), json)?;
            for name in self.shared.iter().flat_map(|_| SHARED) {
                let shared = self.shared.expect("it is iterated over").join(name);
                fs::create_dir_all(&shared)?;
                symlink(shared, directory.join("cache").join(name))?;
            }
            Ok(())
        };
        lay_out().map_err(|error| Problem::new("cannot lay out a round").cause(error))?;
        Ok(Round { place, directory })
    }

    /// Phase 1 of all targets, in the cache that the rounds share, else in the round's own.
    pub(crate) fn fetch(&self, round: &Round) -> Result<Vec<Wheelhouse>, Problem> {
        let mut words = self.builder_words(round, "fetch");
        words.extend(self.words_of("--source").map(str::to_owned));
        words.extend(["--json", "--no-golden"].map(str::to_owned));
        let printed = self.run(round, &words)?;
        let fetched: Fetched = serde_json::from_slice(&printed)
            .map_err(|error| Problem::new("cannot read what the builder printed").cause(error))?;
        Ok(fetched.wheelhouses)
    }

    /// Makes the toolchain in the cache that the rounds share: with all processors, before each
    /// round has its own. Rounds that share nothing make theirs when they first need them.
    pub(crate) fn share_toolchain(&self, round: &Round) -> Result<(), Problem> {
        if self.shared.is_none() {
            return Ok(());
        }
        let mut words = self.builder_words(round, "shell");
        words.extend(self.words_of("--toolchain").map(str::to_owned));
        words.extend(["--", "true"].map(str::to_owned));
        self.run(round, &words).map(drop)
    }

    /// Reads back what the round's programs see.
    pub(crate) fn probe(&self, round: &Round) -> Result<Seen, Problem> {
        let host = self.launched(round, &["/bin/sh", "-c", HOST_PROBE].map(str::to_owned));
        let host = Seen::of_host(&host.stdout()?);
        let mut words = self.builder_words(round, "shell");
        words.extend(self.words_of("--toolchain").map(str::to_owned));
        let inside = r#"exec "$PYTHON" -c "$1""#;
        words.extend(["--", "sh", "-c", inside, "sh", PROBE].map(str::to_owned));
        let printed = self.run(round, &words)?;
        let inside = serde_json::from_slice(&printed).map_err(|error| {
            Problem::new("a probe of a round printed what it should not")
                .fact("round", round.place.letter)
                .fact("printed", String::from_utf8_lossy(&printed))
                .cause(error)
        })?;
        Ok(Seen { inside, host })
    }

    /// Builds everything, and puts what is compared into one directory.
    pub(crate) fn build(&self, round: &Round) -> Result<Finished, Problem> {
        let product = round.directory.join("product");
        let wheels = product.join("wheels");
        let mut words = self.builder_words(round, "build");
        words.extend(self.words.iter().cloned());
        let own =
            ["--json", "--locked", "--no-golden", "--no-out-link", "--verify", "--wheels-out"];
        words.extend(own.map(str::to_owned));
        words.push(wheels.display().to_string());
        if !round.place.is_first() {
            // Checks write nothing. What has the bytes of the first round's output, which is
            // checked, needs no second check, and what has not is told anyway.
            words.push("--no-checks".to_owned());
        }
        let printed = self.run(round, &words)?;
        let built: Built = serde_json::from_slice(&printed)
            .map_err(|error| Problem::new("cannot read what the builder printed").cause(error))?;
        let published = built.output.parent().unwrap_or(Path::new("/")).to_owned();
        let gather = || -> std::io::Result<()> {
            // A recipe may build nothing from source.
            fs::create_dir_all(&wheels)?;
            fs::rename(&built.output, product.join(OUTPUT))?;
            fs::copy(published.join("manifest.json"), product.join("manifest.json"))?;
            Ok(())
        };
        gather()
            .map_err(|error| Problem::new("cannot gather what a round has built").cause(error))?;
        Ok(Finished { cache: cache_of(round), built, product, published })
    }

    /// Builds the wheel of one distribution, and what its build needs; returns that wheel.
    pub(crate) fn build_wheel(&self, round: &Round, name: &str) -> Result<PathBuf, Problem> {
        let into = round.directory.join("wheels");
        let mut words = self.builder_words(round, "build");
        words.extend(self.words.iter().cloned());
        words.extend(
            ["--locked", "--no-golden", "--verify", "--only", name, "--wheels-out"]
                .map(str::to_owned),
        );
        words.push(into.display().to_string());
        self.run(round, &words)?;
        let problem = || Problem::new(format!("cannot find the wheel of `{name}` that was built"));
        let wheels = sorted_entries(&into).map_err(|error| problem().cause(error))?;
        let is_its = |wheel: &PathBuf| {
            let filename = wheel.file_name().unwrap_or_default().to_string_lossy();
            filename.split('-').next().is_some_and(|it| normalised(it) == normalised(name))
        };
        wheels.into_iter().map(|it| it.path()).find(is_its).ok_or_else(problem)
    }

    fn builder_words(&self, round: &Round, command: &str) -> Vec<String> {
        let shown = |path: PathBuf| path.display().to_string();
        let surroundings = round.directory.join("surroundings/surroundings.json");
        vec![
            self.program.display().to_string(),
            "--root".to_owned(),
            self.root.display().to_string(),
            "--cache-dir".to_owned(),
            shown(cache_of(round)),
            "--surroundings".to_owned(),
            shown(surroundings),
            command.to_owned(),
            self.recipe.to_owned(),
        ]
    }

    /// A flag of `build` that others understand too, with its value.
    fn words_of(&self, flag: &str) -> impl Iterator<Item = &str> {
        let at = self.words.iter().position(|word| word == flag);
        let words = at.map_or(&[][..], |at| &self.words[at..=at + 1]);
        words.iter().map(String::as_str)
    }

    /// Runs words in the round's place and returns what they printed.
    fn run(&self, round: &Round, words: &[String]) -> Result<Vec<u8>, Problem> {
        let ended = self.ended(round, words)?;
        if ended.status.success() { Ok(ended.stdout) } else { Err(failed(round, &ended)) }
    }

    fn ended(&self, round: &Round, words: &[String]) -> Result<Output, Problem> {
        let letter = round.place.letter;
        self.launched(round, words).output_told(|line| {
            if !self.quiet {
                // What a build printed could be meant for a terminal.
                // Nobody need read it.
                let _ = writeln!(std::io::stderr(), "{letter}  {}", shown_bytes(line.as_bytes()));
            }
        })
    }

    /// A process in the round's place: its umask, its variables, its addresses.
    fn launched(&self, round: &Round, words: &[String]) -> Process {
        let Place { umask, aslr, environment, .. } = &round.place;
        let mut process = Process::new("/bin/sh")
            .envs(&self.environment.for_builder())
            .current_dir(&round.directory)
            .args(["-c", r#"umask "$1"; shift; exec "$@""#, "sh", umask]);
        for (key, value) in environment {
            process = process.env(key, value);
        }
        if let Some(setpriv) = self.environment.find_program("setpriv") {
            // A round that goes on after its verifier was killed helps nobody.
            process = process.arg(setpriv).args(["--pdeathsig", "KILL", "--"]);
        }
        if !aslr && let Some(setarch) = self.environment.find_program("setarch") {
            process = process.arg(setarch).arg("-R");
        }
        process.args(words)
    }
}

fn cache_of(round: &Round) -> PathBuf {
    round.directory.join("cache")
}

fn outcome(ended: &Output) -> Outcome {
    ended.status.code().and_then(Outcome::of_code).unwrap_or(Outcome::Undecided)
}

fn failed(round: &Round, ended: &Output) -> Problem {
    let printed = String::from_utf8_lossy(&ended.stderr).into_owned();
    Problem::new(format!("round {} failed", round.place.letter))
        .fact("exit", ended.status)
        .fact("printed", last_lines(&printed, 30))
        .fact("directory", round.directory.display())
        .outcome(outcome(ended))
}
