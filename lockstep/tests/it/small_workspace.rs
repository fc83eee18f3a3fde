//! A recipe outside of this repository: a project without dependencies whose backend lies in its
//! own tree and does what a test says. No tests here.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use crate::cli::small_toolchain_lock;
use assert_cmd::Command;
use tempfile::TempDir;

/// What cargo keeps for tests between runs.
const KEPT: &str = env!("CARGO_TARGET_TMPDIR");

/// The workspace, its recipe and its cache.
pub(crate) struct Workspace {
    dir: TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Workspace {
    /// `act` is a Python module whose `act()` gives the files of the wheel, by path.
    pub(crate) fn new(act: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("test-").tempdir_in(KEPT).unwrap();
        let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
        let fixtures = xtask.parent().unwrap().join("lockstep/tests/fixtures/small");
        for name in ["app", "recipes", "cache"] {
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
        // What takes long and depends on nothing that is tested is shared with all other tests.
        for name in ["files", "toolchains", "uv"] {
            let shared = Path::new(KEPT).join("cache").join(name);
            fs_err::create_dir_all(&shared).unwrap();
            symlink(shared, dir.path().join("cache").join(name)).unwrap();
        }
        fs_err::write(dir.path().join("app/act.py"), act).unwrap();
        Self { dir }
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Adds to the end of a file.
    pub(crate) fn append(&self, path: &str, text: &str) {
        let old = fs_err::read_to_string(self.path(path)).unwrap();
        fs_err::write(self.path(path), old + text).unwrap();
    }

    /// Replaces a text that is there.
    #[track_caller]
    pub(crate) fn replace(&self, path: &str, from: &str, to: &str) {
        let old = fs_err::read_to_string(self.path(path)).unwrap();
        assert!(old.contains(from), "{path} has no `{from}`");
        fs_err::write(self.path(path), old.replace(from, to)).unwrap();
    }

    /// `cargo xtask <command> <the recipe>`, in this workspace's cache.
    pub(crate) fn xtask(&self, command: &str, arguments: &[&str]) -> Ended {
        let mut xtask = Command::new(env!("CARGO_BIN_EXE_lockstep"));
        xtask.arg(command).arg(self.path("recipes/small.toml"));
        xtask.arg("--cache-dir").arg(self.path("cache")).args(arguments);
        // In CI nothing would be left for `cargo insta review`, and these tests may run there.
        xtask.env("INSTA_UPDATE", "new");
        let output = xtask.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let [stdout, stderr] = [text(&output.stdout), text(&output.stderr)];
        Ended { code: output.status.code().unwrap(), stdout, stderr }
    }

    /// The same, while it runs; its standard error is there to be read.
    #[expect(clippy::disallowed_methods, reason = "a test kills it")]
    pub(crate) fn begun(&self, command: &str) -> Child {
        let mut xtask = std::process::Command::new(env!("CARGO_BIN_EXE_lockstep"));
        xtask.arg(command).arg(self.path("recipes/small.toml"));
        xtask.arg("--cache-dir").arg(self.path("cache"));
        xtask.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Pins what phase 1 brings, as a person does who has looked at it.
    pub(crate) fn blessed(self) -> Self {
        self.xtask("bless", &["--fod-only"]).ends(0, &[]);
        self
    }
}

impl Ended {
    /// Asserts the exit code and that each of `parts` was printed.
    #[track_caller]
    pub(crate) fn ends(&self, code: i32, parts: &[&str]) {
        let printed = format!("{}{}", self.stdout, self.stderr);
        assert_eq!(self.code, code, "{printed}");
        for part in parts {
            assert!(printed.contains(part), "no `{part}` in\n{printed}");
        }
    }
}
