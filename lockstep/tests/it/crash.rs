//! Builds that are killed, interrupted, run twice at once, or run where the disk is full or where
//! the kernel gives no sandbox: what is left, and what a person reads.

use std::path::Path;
use std::process::{Command, Stdio};

use base::sys::files::sorted_entries;
use rustix::process::Signal;

use crate::cli::{PLAIN, Running, Small, command, end, processes_with, until};

/// A backend that says that it is there, starts a child with the marker, and waits until somebody
/// writes to `/build/gate`.
fn waiting(marker: &str) -> String {
    format!(
        "import os, subprocess\n\
         def act():\n    subprocess.Popen(['sleep', '{marker}'], \
         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n    \
         os.mkfifo('/build/gate.new')\n    \
         os.rename('/build/gate.new', '/build/gate')\n    open('/build/gate').read()\n    {}",
        PLAIN.split_once('\n').unwrap().1.trim_start()
    )
}

/// A duration that no other `sleep` of this machine has.
fn marker(test: u8) -> String {
    format!("7{test}{:09}", std::process::id())
}

fn no_survivor(marker: &str) {
    until("the processes of the build to end", || (processes_with(marker) == 0).then_some(()));
}

/// Writes to the gate as soon as a build waits there, then waits for its end.
fn release(small: &Small, mut run: Running) -> Option<i32> {
    let gate = small.building("gate");
    // Opening it waits for the reader.
    fs_err::write(gate, "go").unwrap();
    run.0.wait().unwrap().code()
}

fn start(small: &Small) -> Running {
    start_with(small, &["small"])
}

fn start_with(small: &Small, arguments: &[&str]) -> Running {
    Running::start(
        small
            .builder(&["--json", "build"])
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    )
}

/// Takes the gate of a dead run away, so that nobody waits at it for the next run.
fn forget_gate(small: &Small) {
    if let Some(gate) = small.work_with("builds/small/inside/gate") {
        fs_err::remove_file(gate).unwrap();
    }
}

/// Nothing of a run is left but the lock under which runs are swept.
fn assert_swept(small: &Small) {
    let left = sorted_entries(&small.cache.join("work")).unwrap();
    let left: Vec<_> = left.iter().map(fs_err::DirEntry::file_name).collect();
    assert_eq!(left, [".sweep.lock"]);
}

#[test]
fn a_killed_build_leaves_nothing_that_is_trusted_or_runs() {
    let marker = marker(1);
    let small = Small::new(&waiting(&marker));
    let reference = Small::new(&waiting(&marker));
    let expected = start(&reference);
    assert_eq!(release(&reference, expected), Some(0));
    let expected = reference.build().json();
    // Each moment is a path below the run's directory: after the fetch, in the build, while
    // installing, while the output is checked.
    for moment in
        ["builds/small", "builds/small/inside/gate", "install", "output", "checks/job.json"]
    {
        // Without the wheel that an earlier run of this loop may have stored.
        let mut run = start_with(&small, &["small", "--no-cache"]);
        if moment == "install" || moment == "output" || moment.starts_with("checks") {
            let gate = small.building("gate");
            fs_err::write(gate, "go").unwrap();
        }
        until(moment, || small.work_with(moment));
        run.signal(Signal::KILL);
        assert_eq!(run.0.wait().unwrap().code(), None, "{moment}: it ended before it was killed");
        no_survivor(&marker);
        forget_gate(&small);
        assert_eq!(small.entries("outputs").len(), 0, "{moment}");
    }
    let run = start_with(&small, &["small", "--no-cache"]);
    assert_eq!(release(&small, run), Some(0));
    let report = small.build().json();
    assert_eq!(report["cached"], true);
    assert_eq!(report["output-hash"], expected["output-hash"]);
    assert_swept(&small);
    no_survivor(&marker);
}

#[test]
fn ctrl_c_ends_a_build_and_all_that_it_started() {
    for (number, signal) in [(2, Signal::INT), (3, Signal::TERM), (4, Signal::HUP)] {
        let marker = marker(number);
        let small = Small::new(&waiting(&marker));
        let mut run = start(&small);
        small.building("gate");
        assert_ne!(processes_with(&marker), 0);
        run.signal(signal);
        until("the build to end", || run.0.try_wait().unwrap());
        no_survivor(&marker);
        forget_gate(&small);
        let again = start(&small);
        assert_eq!(release(&small, again), Some(0), "{signal:?}");
        assert_swept(&small);
    }
}

/// Between the end of a build and its wheel's place in the store: what was not published is not
/// there, and what was is whole.
#[test]
fn a_wheel_of_a_killed_run_is_stored_whole_or_not_at_all() {
    let marker = marker(6);
    let wheel = "small-1.0-py3-none-any.whl";
    for moment in [format!("builds/small/inside/dist/{wheel}"), format!("built/small/{wheel}")] {
        let small = Small::new(&waiting(&marker));
        let mut run = start(&small);
        fs_err::write(small.building("gate"), "go").unwrap();
        let published = || small.entries("wheels").pop();
        until(&moment, || small.work_with(&moment).or_else(published));
        run.signal(Signal::KILL);
        let _ = run.0.wait().unwrap();
        no_survivor(&marker);
        if let Some(entry) = published() {
            for file in ["seal.json", "inputs.json", wheel] {
                assert!(entry.join(file).exists(), "{moment}: {file}");
            }
            continue;
        }
        forget_gate(&small);
        let again = start(&small);
        assert_eq!(release(&small, again), Some(0), "{moment}");
        assert!(published().is_some(), "{moment}");
    }
}

/// Two outputs with one wheel: the second waits for it and compiles nothing.
#[test]
fn two_builds_at_once_make_one_wheel() {
    let marker = marker(7);
    let small = Small::new(&waiting(&marker));
    for (from, to) in
        [("small.toml", "twin.toml"), ("small.build-lock.toml", "twin.build-lock.toml")]
    {
        fs_err::copy(small.path("recipes").join(from), small.path("recipes").join(to)).unwrap();
    }
    let log = small.path("twin.log");
    let first = start(&small);
    small.building("gate");
    let mut twin = Running::start(
        small
            .builder(&["build", "twin", "--no-out-link"])
            .stderr(fs_err::File::create(&log).unwrap().into_parts().0)
            .stdout(Stdio::null()),
    );
    let told = || fs_err::read_to_string(&log).unwrap();
    until("the twin to wait", || {
        told().contains("another run makes the wheel `small 1.0`; waiting").then_some(())
    });
    assert_eq!(release(&small, first), Some(0));
    assert_eq!(twin.0.wait().unwrap().code(), Some(0), "{}", told());
    assert!(told().contains("0 compiled, 1 from the store"), "{}", told());
    no_survivor(&marker);
}

#[test]
fn two_builds_at_once_make_one_output() {
    let marker = marker(5);
    let small = Small::new(&waiting(&marker));
    let log = small.path("second.log");
    let first = start(&small);
    small.building("gate");
    let mut second = Running::start(
        small
            .builder(&["build", "small", "--no-out-link"])
            .stderr(fs_err::File::create(&log).unwrap().into_parts().0)
            .stdout(Stdio::null()),
    );
    until("the second to wait", || {
        fs_err::read_to_string(&log)
            .unwrap()
            .contains("another run makes the output of `small`")
            .then_some(())
    });
    assert_eq!(release(&small, first), Some(0));
    assert_eq!(
        second.0.wait().unwrap().code(),
        Some(0),
        "{}",
        fs_err::read_to_string(&log).unwrap()
    );
    assert_eq!(small.entries("outputs").len(), 1);
    no_survivor(&marker);
}

/// The binary, after a script that changes the namespaces that it runs in.
fn within(small: &Small, script: &str) -> Command {
    let program = small.builder(&["build", "small"]);
    let mut all = command("/usr/bin/unshare");
    all.args([
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        &format!("{script} && exec \"$@\""),
    ])
    .arg("sh")
    .arg(program.get_program())
    .args(program.get_args())
    .current_dir(small.dir.path());
    all
}

#[test]
fn a_full_disk_is_told_as_such() {
    let small = Small::new("def act():\n    return {'small.bin': 'x' * 6_000_000}\n");
    let work = small.cache.join("work");
    fs_err::create_dir_all(&work).unwrap();
    for size in ["100k", "3m", "8m", "14m"] {
        let script = format!("mount -t tmpfs -o size={size} none {}", work.display());
        let ended = end(&mut within(&small, &script));
        let parts = ["because", "the disk is full", "free", "LOCKSTEP_CACHE_DIR"];
        ended.bad(1, &parts);
        assert!(!small.path("result").exists());
    }
    small.build().json();
}

#[test]
fn without_namespaces_nothing_is_built_and_the_setting_is_named() {
    let small = Small::new(PLAIN);
    let forbid = "echo 0 > /proc/sys/user/max_user_namespaces";
    let ended = end(&mut within(&small, forbid));
    let setting = "user.max_user_namespaces";
    ended.bad(1, &["does not allow the sandbox", setting, "hint: ", "sysctl -w"]);
    assert!(!ended.stderr.contains("the disk is full"), "{}", ended.stderr);
    assert!(small.work_with("builds/small/inside/dist/small-1.0-py3-none-any.whl").is_none());
    assert!(!small.path("result").exists());
    let mut doctor = within(&small, forbid);
    let arguments: Vec<_> = doctor.get_args().map(std::borrow::ToOwned::to_owned).collect();
    let end_of = arguments.len() - 2;
    doctor = command("/usr/bin/unshare");
    doctor.args(&arguments[..end_of]).arg("doctor").current_dir(Path::new("/"));
    let ended = end(&mut doctor);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains(setting), "{ended:?}");
}
