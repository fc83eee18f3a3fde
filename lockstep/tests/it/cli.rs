//! The binary at its command line: how tests start it, the cache that they share, and a small
//! project of their own to build. No tests here.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use base::store::Store;
use base::sys::env::Environment;
use base::sys::files::{FileLock, remove_tree, sorted_entries};
use base::vocabulary::Sha256;
use tempfile::TempDir;

/// What cargo keeps for this test binary between runs.
const KEPT: &str = env!("CARGO_TARGET_TMPDIR");

/// What takes long and depends on nothing that is tested: toolchain, uv and downloads are made
/// once. Tests run at the same time in it, so the first use is serialised by the tool's own locks.
fn store() -> PathBuf {
    PathBuf::from(KEPT).join("cache")
}

/// The cache of all tests that share outputs. Its outputs are those of this very binary: the key
/// of an output does not know the code that made it.
pub(crate) fn shared_cache() -> PathBuf {
    static CACHE: OnceLock<PathBuf> = OnceLock::new();
    let make = || {
        let binary = fs_err::read(env!("CARGO_BIN_EXE_lockstep")).unwrap();
        let name = format!("by-{}", &Sha256::of(binary).to_string()[..16]);
        let _making = FileLock::acquire(&Path::new(KEPT).join("by.lock"), || ()).unwrap();
        for entry in sorted_entries(Path::new(KEPT)).unwrap() {
            let other = entry.file_name().to_string_lossy().into_owned();
            if other.starts_with("by-") && other != name {
                remove_tree(&entry.path()).unwrap();
            }
        }
        let dir = Path::new(KEPT).join(name);
        // `uv` is the last thing that is made.
        if !dir.join("cache/uv").exists() {
            remove_tree(&dir).unwrap();
            own_cache(&dir);
        }
        dir.join("cache")
    };
    CACHE.get_or_init(make).clone()
}

/// The workspace: where the sample's recipe lies.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A cache with work and outputs of its own, so that what is killed or broken in it disturbs no
/// other test; toolchain, uv and downloads are the shared ones.
pub(crate) fn own_cache(dir: &Path) -> PathBuf {
    let cache = dir.join("cache");
    fs_err::create_dir_all(&cache).unwrap();
    for name in ["files", "toolchains", "uv"] {
        let shared = store().join(name);
        fs_err::create_dir_all(&shared).unwrap();
        std::os::unix::fs::symlink(shared, cache.join(name)).unwrap();
    }
    cache
}

/// The toolchain lock of a recipe that asks for nothing: as the mirror had it when these tests
/// first ran here. Its files are in the shared cache, so the mirror may move on.
pub(crate) fn small_toolchain_lock() -> &'static Path {
    static LOCK: OnceLock<PathBuf> = OnceLock::new();
    LOCK.get_or_init(|| {
        let dir = Path::new(KEPT).join("toolchain-lock");
        fs_err::create_dir_all(&dir).unwrap();
        let _making = FileLock::acquire(&dir.join("lock"), || ()).unwrap();
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/small");
        fs_err::copy(fixtures.join("small.toml"), dir.join("small.toml")).unwrap();
        let recipe = dir.join("small.toml");
        end(builder(&dir, &store()).arg("toolchain-lock").arg(recipe)).good();
        dir.join("small.toolchain-lock.toml")
    })
}

/// A directory that is removed at the end, on the disk of the shared cache.
pub(crate) fn scratch() -> TempDir {
    tempfile::Builder::new().prefix("test-").tempdir_in(KEPT).unwrap()
}

/// A command with nothing of the environment but what programs need to reach a package index.
#[expect(
    clippy::disallowed_methods,
    reason = "tests kill it, signal it and let it run beside them"
)]
pub(crate) fn command(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new(program.as_ref());
    command.env_clear().envs(Environment::capture().for_network()).stdin(Stdio::null());
    command
}

/// The binary in a workspace and a cache.
pub(crate) fn builder(root: &Path, cache: &Path) -> Command {
    // Whoever runs the tests in the background of a shell has SIGINT ignored, which is inherited.
    let mut command = command("/usr/bin/env");
    command.arg("--default-signal").arg(env!("CARGO_BIN_EXE_lockstep"));
    command.arg("--root").arg(root).arg("--cache-dir").arg(cache);
    command
}

/// How the binary ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Asserts success and gives what was printed.
    #[track_caller]
    pub(crate) fn good(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    /// Asserts success and reads what was printed as JSON.
    #[track_caller]
    pub(crate) fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.good()).unwrap()
    }

    /// Asserts the exit code and that a person reads each of `parts`.
    #[track_caller]
    pub(crate) fn bad(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        for part in parts {
            assert!(self.stderr.contains(part), "no `{part}` in\n{}", self.stderr);
        }
    }
}

/// Runs a command to its end.
#[track_caller]
pub(crate) fn end(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// Asks again and again until there is an answer; panics after a deadline that no healthy machine
/// reaches.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < Duration::from_mins(5), "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A process that is killed when the test ends in whatever way.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How many processes of the machine have `marker` in their command line.
pub(crate) fn processes_with(marker: &str) -> usize {
    let processes = sorted_entries(Path::new("/proc")).unwrap();
    let lines =
        processes.iter().filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(marker)).count()
}

/// A workspace with one recipe, `small`: a project without dependencies whose backend is in its
/// own tree and does what a test says. Its parts are in `tests/fixtures/small`.
pub(crate) struct Small {
    pub(crate) dir: TempDir,
    pub(crate) cache: PathBuf,
}

/// What the backend does if a test has no wish.
pub(crate) const PLAIN: &str = "def act():\n    return {\"small.py\": \"answer = 42\\n\"}\n";

impl Small {
    /// `act` is a Python module whose `act()` gives the files of the wheel.
    pub(crate) fn new(act: &str) -> Self {
        let dir = scratch();
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/small");
        for name in ["app", "recipes", "golden"] {
            fs_err::create_dir(dir.path().join(name)).unwrap();
        }
        for (file, place) in [
            ("backend.py", "app"),
            ("pyproject.toml", "app"),
            ("uv.lock", "app"),
            ("small.toml", "recipes"),
            ("small.build-lock.toml", "recipes"),
        ] {
            fs_err::copy(fixtures.join(file), dir.path().join(place).join(file)).unwrap();
        }
        let lock = dir.path().join("recipes/small.toolchain-lock.toml");
        fs_err::copy(small_toolchain_lock(), lock).unwrap();
        let cache = own_cache(dir.path());
        let small = Self { dir, cache };
        small.write("app/act.py", act);
        small
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        fs_err::write(self.path(path), text).unwrap();
    }

    /// Adds to the end of a file.
    pub(crate) fn append(&self, path: &str, text: &str) {
        let old = fs_err::read_to_string(self.path(path)).unwrap();
        self.write(path, &format!("{old}\n{text}"));
    }

    /// Replaces a text that is there.
    #[track_caller]
    pub(crate) fn replace(&self, path: &str, from: &str, to: &str) {
        let old = fs_err::read_to_string(self.path(path)).unwrap();
        assert!(old.contains(from), "{path} has no `{from}`");
        self.write(path, &old.replace(from, to));
    }

    /// Adds a second project that the first needs, with the backend `other_backend`.
    pub(crate) fn add_other(&self, act: &str) {
        self.add_project("other", act);
    }

    /// Adds a project that the last one of the lock needs, with the backend `<name>_backend`.
    pub(crate) fn add_project(&self, name: &str, act: &str) {
        fs_err::create_dir(self.path("app").join(name)).unwrap();
        let copy = |from: &str, to: &str| {
            let text = fs_err::read_to_string(self.path("app").join(from)).unwrap();
            let text = text.replace("\"small\"", &format!("\"{name}\""));
            let backend = format!("build-backend = \"{name}_");
            let text = text.replace("build-backend = \"", &backend);
            self.write(&format!("app/{name}/{to}"), &text);
        };
        copy("pyproject.toml", "pyproject.toml");
        copy("backend.py", &format!("{name}_backend.py"));
        self.write(&format!("app/{name}/act.py"), act);
        let edge = format!("dependencies = [{{ name = \"{name}\" }}]");
        let source = format!("source = {{ directory = \"{name}\" }}");
        let package = format!("name = \"{name}\"\nversion = \"1.0\"\n{source}");
        self.append("app/uv.lock", &format!("{edge}\n\n[[package]]\n{package}\n"));
        let locked = format!(
            "[[build]]\nname = \"{name}\"\nsource = \"local:{name}\"\n\
             backend = \"{name}_backend\"\nrequires = []\nrequirements = []\n"
        );
        self.append("recipes/small.build-lock.toml", &locked);
    }

    /// The binary, in this workspace and cache.
    pub(crate) fn builder(&self, arguments: &[&str]) -> Command {
        let mut command = builder(self.dir.path(), &self.cache);
        command.args(arguments).current_dir(self.dir.path());
        command
    }

    /// `build small --json`.
    pub(crate) fn build(&self) -> Ended {
        end(&mut self.builder(&["--json", "build", "small"]))
    }

    /// The entries of a store of the cache.
    pub(crate) fn entries(&self, store: &str) -> Vec<PathBuf> {
        let store = Store::new(&self.cache, store);
        store.keys().unwrap().iter().map(|key| store.entry(key)).collect()
    }

    /// The directory in which `small` is being built, once there is a file of that name in it.
    #[track_caller]
    pub(crate) fn building(&self, file: &str) -> PathBuf {
        until(&format!("the build to make `{file}`"), || {
            self.work_with(&format!("builds/small/inside/{file}"))
        })
    }

    /// A path below the directory of the run that is under way, once it is there.
    pub(crate) fn work_with(&self, path: &str) -> Option<PathBuf> {
        let runs = sorted_entries(&self.cache.join("work")).ok()?;
        runs.iter().map(|run| run.path().join(path)).find(|path| path.symlink_metadata().is_ok())
    }
}

/// A file of a finished build, below `site-packages`.
#[track_caller]
pub(crate) fn installed(report: &serde_json::Value, file: &str) -> String {
    let output = Path::new(report["output"].as_str().unwrap());
    fs_err::read_to_string(output.join("lib/python3.14/site-packages").join(file)).unwrap()
}
