//! What a build can try: one program with a line for each attempt, whose whole answer people have
//! reviewed. Whatever changes in the sandbox is seen here, and so is a kernel that answers
//! otherwise.

use std::path::Path;

use base::sys::env::Environment;
use base::sys::sandbox::{Invocation, OutputTo, RootFs, Sandbox};

use crate::toolchain::provided;

const PROBE: &str = include_str!("probe.py");

/// The toolchain's root, for the run as an ordinary user.
const ROOT: &str = "LOCKSTEP_TEST_HELPER";

fn answer(root: &Path) -> String {
    let invocation = Invocation {
        program: "/usr/bin/python3.14".to_owned(),
        arguments: ["-I", "-S", "-c", PROBE].map(str::to_owned).to_vec(),
        directory: "/".to_owned(),
    };
    let sandbox = Sandbox::new(RootFs::Dir(root.to_owned()));
    let done = sandbox.run(&invocation, OutputTo::Capture).unwrap();
    let errors = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.code, 0, "{errors}");
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn what_a_build_can_try_is_answered_as_reviewed() {
    let environment = Environment::capture();
    if let Some(root) = environment.get(ROOT) {
        println!("{}", answer(Path::new(root)));
        return;
    }
    let RootFs::Dir(root) = provided(&environment, &[]).unwrap().root else {
        unreachable!("the Debian toolchain has a root of its own");
    };
    let answer = answer(&root);
    insta::assert_snapshot!(answer);
    if !rustix::process::getuid().is_root() {
        return;
    }
    // An ordinary user gets the same answer.
    #[expect(clippy::disallowed_methods, reason = "runs this test itself once more")]
    let output = std::process::Command::new("setpriv")
        .args(["--reuid=1234", "--regid=1234", "--clear-groups"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "sandbox_probe::what_a_build_can_try_is_answered_as_reviewed"])
        .arg("--nocapture")
        .env(ROOT, &root)
        .env("TMPDIR", "/tmp")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let missing = missing_lines(&answer, &printed);
    assert!(output.status.success() && missing.is_empty(), "{missing:#?}");
}

/// The lines of `expected` that are not in `printed`.
fn missing_lines<'a>(expected: &'a str, printed: &str) -> Vec<&'a str> {
    let printed: Vec<&str> = printed.lines().collect();
    expected.lines().filter(|line| !printed.contains(line)).collect()
}
