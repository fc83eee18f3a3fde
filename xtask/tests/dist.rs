//! The program as people get it: from its wheel, in a virtual environment, in a directory outside
//! of this checkout.

use std::path::{Path, PathBuf};

use assert_cmd::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Runs a program in a directory and returns what it printed.
#[track_caller]
fn run(program: &Path, directory: &Path, words: &[&str]) -> String {
    let output = Command::new(program).current_dir(directory).args(words).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {words:?}\n{printed}", program.display());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_program_from_its_wheel_builds_in_somebody_elses_repository() {
    let xtask = Path::new(env!("CARGO_BIN_EXE_xtask"));
    let wheel = run(xtask, root(), &["dist", "--profile", "dev"]);
    let wheel = wheel.lines().next_back().unwrap();
    assert!(wheel.ends_with(".whl"), "{wheel}");
    let dir = tempfile::tempdir().unwrap();
    let venv = dir.path().join("venv");
    run(Path::new("python3"), dir.path(), &["-m", "venv", "venv"]);
    run(&venv.join("bin/pip"), dir.path(), &["install", "--quiet", "--no-index", wheel]);
    let lockstep = venv.join("bin/lockstep");
    let version = run(&lockstep, dir.path(), &["--version"]);
    assert_eq!(version.trim(), concat!("lockstep ", env!("CARGO_PKG_VERSION")));

    let fixtures = root().join("lockstep/tests/fixtures/small");
    let place = |path: &str| -> PathBuf { dir.path().join("repository").join(path) };
    for (file, into) in [
        ("backend.py", "app/backend.py"),
        ("pyproject.toml", "app/pyproject.toml"),
        ("uv.lock", "app/uv.lock"),
        ("small.toml", "recipes/small.toml"),
        ("small.build-lock.toml", "recipes/small.build-lock.toml"),
    ] {
        std::fs::create_dir_all(place(into).parent().unwrap()).unwrap();
        std::fs::copy(fixtures.join(file), place(into)).unwrap();
    }
    std::fs::write(place("app/act.py"), "def act():\n    return {'a.py': 'x = 1\\n'}\n").unwrap();
    // The toolchain is that of the other tests, if they have made it.
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache");
    let cache = cache.to_str().unwrap();
    let words = ["run", "--cache-dir", cache, "--", "python", "-c", "import a; print(a.x)"];
    assert_eq!(run(&lockstep, &place("app"), &words), "1\n");
}
