//! The sandbox at its border: what a program inside can see, reach and leave behind. Every test
//! runs as whoever runs the tests; root runs all of them once more as an ordinary user.

use std::io::{BufRead as _, Read as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use base::sys::env::Environment;
use base::sys::files::sorted_entries;
use base::sys::sandbox::{
    Finished, Invocation, Limits, Network, OutputTo, RootFs, Sandbox, check_available,
};

fn sh(script: &str) -> Invocation {
    Invocation {
        program: "sh".to_owned(),
        arguments: vec!["-c".to_owned(), script.to_owned()],
        directory: "/".to_owned(),
    }
}

fn capture(sandbox: &Sandbox, script: &str) -> Finished {
    sandbox.run(&sh(script), OutputTo::Capture).unwrap()
}

fn stdout(sandbox: &Sandbox, script: &str) -> String {
    let done = capture(sandbox, script);
    let errors = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.code, 0, "`{script}`: {errors}");
    String::from_utf8(done.stdout).unwrap()
}

fn host() -> Sandbox {
    Sandbox::new(RootFs::Host)
}

#[test]
fn this_machine_allows_it() {
    check_available().unwrap();
}

#[test]
fn identity_and_environment_are_fixed() {
    let script = "id -u; id -g; hostname; id -un; umask; pwd; [ $$ -lt 10 ] && echo early";
    // The caller's umask must not come through.
    let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let printed = stdout(&host().env("EXTRA", "a b=c"), script);
    rustix::process::umask(before);
    let expected = "1000\n1000\nlockstep\nbuild\n0022\n/\nearly\n";
    assert_eq!(printed, expected);
    let variables = "EXTRA=a b=c\nGLIBC_TUNABLES=glibc.cpu.hwcaps=-FMA,-FMA4,-POPCNT\nHOME=/tmp\nLANG=C.UTF-8\nLC_ALL=C.UTF-8\nLOGNAME=build\n\
        PATH=/usr/bin:/bin:/usr/sbin:/sbin\nPYTHONHASHSEED=0\nSOURCE_DATE_EPOCH=315532800\n\
        TERM=dumb\nTMPDIR=/tmp\nTZ=UTC\nUSER=build\n";
    // Without a shell, which would add its own: exactly these, in this order.
    let mut env = sh("");
    env.program = "env".to_owned();
    env.arguments.clear();
    let sandbox = host().env("EXTRA", "a b=c");
    let printed = sandbox.run(&env, OutputTo::Capture).unwrap().stdout;
    assert_eq!(String::from_utf8(printed).unwrap(), variables);
}

#[test]
fn a_program_is_in_a_session_of_its_own() {
    // Its own session has no terminal; `0` would be the caller's, which is not seen from inside.
    let script = "read -r _ _ _ _ _ session terminal _ < /proc/self/stat; echo $session $terminal";
    let printed = stdout(&host(), script);
    let (session, terminal) = printed.trim().split_once(' ').unwrap();
    assert!(session != "0" && terminal == "0", "{printed}");
    // Nor is it there under another name.
    assert!(stdout(&host(), "ls /dev/console 2>&1 || true").contains("No such"));
}

#[test]
fn nothing_of_the_hosts_files_is_seen() {
    let secret = tempfile::tempdir().unwrap();
    let file = secret.path().join("token");
    fs_err::write(&file, "hunter2").unwrap();
    for path in [
        file.to_str().unwrap(),
        secret.path().to_str().unwrap(),
        env!("CARGO_MANIFEST_DIR"),
        "/etc/shadow",
        "/etc/apt",
        "/var/lib",
        "/.oldrootfs",
        "/proc/1/root/etc/shadow",
        "/sys/kernel",
    ] {
        assert_ne!(capture(&host(), &format!("ls -d {path}")).code, 0, "{path}");
    }
    for dir in ["/root", "/home", "/run", "/tmp", "/dev/shm"] {
        assert_eq!(stdout(&host(), &format!("ls -A {dir}")), "", "{dir}");
    }
    // Of the machine's processes none is seen, and of our open files none is inherited.
    let _open = fs_err::File::open(&file).unwrap();
    assert!(stdout(&host(), "ls -d /proc/[0-9]*").lines().count() < 5);
    assert_eq!(
        stdout(&host(), "for fd in /proc/$$/fd/*; do [ -e $fd ] && echo ${fd##*/}; done; true")
            .trim(),
        "0\n1\n2"
    );
    assert_eq!(stdout(&host(), "cat"), "", "standard input is empty");
}

#[test]
fn only_what_is_bound_for_writing_can_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let (kept, open) = (dir.path().join("kept"), dir.path().join("open"));
    for dir in [&kept, &open] {
        fs_err::create_dir(dir).unwrap();
    }
    let sandbox =
        host().bind_ro(&kept, "/nix/store/h-x").bind_rw(&open, "/opt/out").tmpfs("/build");
    for path in [
        "/x",
        "/usr/x",
        "/etc/x",
        "/etc/passwd",
        "/opt/x",
        "/nix/store/h-x/x",
        "/nix/store/x",
        "/root/x",
    ] {
        let done = capture(&sandbox, &format!("echo x > {path}"));
        assert_ne!(done.code, 0, "{path}");
    }
    assert_ne!(capture(&sandbox, "mount -o remount,rw /usr").code, 0);
    stdout(
        &sandbox,
        "echo x > /opt/out/x && echo x > /build/x && echo x > /tmp/x && echo x > /var/tmp/x",
    );
    assert_eq!(sorted_entries(&kept).unwrap().len(), 0);
    let written = open.join("x");
    assert_eq!(fs_err::read_to_string(&written).unwrap(), "x\n");
    assert_eq!(fs_err::metadata(&written).unwrap().permissions().mode() & 0o777, 0o644);
}

#[test]
fn binds_that_cannot_be_made_are_named() {
    let dir = tempfile::tempdir().unwrap();
    for (sandbox, part) in [
        (host().bind_ro(&dir.path().join("gone"), "/opt/x"), "gone"),
        (host().bind_rw(dir.path(), "/usr/no/such"), "`/usr/no/such`"),
        (host().bind_rw(dir.path(), "/opt/../etc"), "`/opt/../etc`"),
        (host().bind_rw(dir.path(), "relative"), "`relative`"),
        (Sandbox::new(RootFs::Dir(dir.path().join("gone"))), "gone"),
    ] {
        let problem = sandbox.run(&sh("true"), OutputTo::Capture).unwrap_err();
        assert!(problem.to_string().contains(part), "{part}: {problem}");
    }
    let mut elsewhere = sh("true");
    elsewhere.directory = "/no/such/directory".to_owned();
    for (name, output) in
        [("capture", OutputTo::Capture), ("log", OutputTo::Log(&dir.path().join("log")))]
    {
        let problem = host().run(&elsewhere, output).unwrap_err();
        assert!(problem.to_string().contains("/no/such/directory"), "{name}: {problem}");
    }
}

#[test]
fn the_network_is_the_hosts_or_none() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut connect = sh("");
    connect.program = "bash".to_owned();
    connect.arguments[1] = format!("exec 3<>/dev/tcp/127.0.0.1/{port}");
    let none = host().run(&connect, OutputTo::Capture).unwrap();
    assert_ne!(none.code, 0);
    // Refused, not unreachable: the sandbox's own loopback is up, and nobody listens there.
    let errors = String::from_utf8_lossy(&none.stderr).into_owned();
    if Path::new("/usr/bin/unshare").exists() && capture(&host(), "command -v ip").code == 0 {
        assert!(errors.contains("refused"), "{errors}");
    }
    let shared = host().network(Network::Host);
    assert_eq!(shared.run(&connect, OutputTo::Capture).unwrap().code, 0);
}

#[test]
fn exit_codes_and_signals_are_told() {
    for (script, code) in [
        ("exit 0", 0),
        ("exit 7", 7),
        ("exit 125", 125),
        ("kill -TERM $$", 128 + 15),
        ("kill -SEGV $$", 128 + 11),
        ("kill -KILL $$", 128 + 9),
        ("kill -ABRT $$", 128 + 6),
        ("no-such-program-here", 127),
    ] {
        for network in [Network::None, Network::Host] {
            let done = capture(&host().network(network), script);
            assert_eq!(done.code, code, "{script} {network:?}");
        }
    }
    let mut missing = sh("");
    missing.program = "no-such-program-here".to_owned();
    assert_eq!(host().run(&missing, OutputTo::Capture).unwrap().code, 127);
}

#[test]
fn a_long_log_is_complete_and_appended() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("deep/log");
    for _ in 0..2 {
        let script = "i=0; while [ $i -lt 20000 ]; do echo \"out $i\"; echo \"err $i\" >&2; \
         i=$((i+1)); done";
        assert_eq!(host().run(&sh(script), OutputTo::Log(&log)).unwrap().code, 0);
    }
    let text = fs_err::read_to_string(&log).unwrap();
    assert_eq!(text.lines().count(), 80_000);
    assert_eq!(text.lines().nth(39_999), Some("err 19999"));
    let done = capture(&host(), "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2");
    assert_eq!((done.stdout.len(), done.stderr.len()), (3_000_000, 3_000_000));
}

/// Foreign code decides how much it prints, and not how much memory that takes.
#[test]
fn of_endless_output_the_end_is_captured() {
    let script = "head -c 40000000 /dev/zero | tee /dev/stderr; echo end; echo end >&2";
    let done = capture(&host(), script);
    for stream in [done.stdout, done.stderr] {
        assert_eq!(stream.len(), 16 << 20);
        assert!(stream.ends_with(b"\0end\n"));
    }
}

/// Mount points are made on the host, in what ran before could write to.
#[test]
fn mount_points_are_not_made_through_links() {
    let dir = tempfile::tempdir().unwrap();
    let (outside, file) = (dir.path().join("outside"), dir.path().join("file"));
    fs_err::create_dir(&outside).unwrap();
    fs_err::write(&file, "bound").unwrap();
    let pipes = "mkdir /build/tools && mkfifo /build/tools/uv";
    let cases = [
        (format!("ln -s {} /build/tools", outside.display()), "tools` is no"),
        (format!("mkdir /build/tools; ln -s {}/x /build/tools/uv", outside.display()), "uv` is no"),
        (pipes.to_owned(), "uv` is no"),
    ];
    for (number, (leave, part)) in cases.iter().enumerate() {
        let inside = dir.path().join(number.to_string());
        fs_err::create_dir(&inside).unwrap();
        let sandbox = host().bind_rw(&inside, "/build");
        stdout(&sandbox, leave);
        let problem = sandbox.bind_ro(&file, "/build/tools/uv").run(&sh("true"), OutputTo::Capture);
        let problem = problem.unwrap_err().to_string();
        assert!(problem.contains("cannot bind at `/build/tools/uv`"), "{leave}: {problem}");
        assert!(problem.contains(part), "{leave}: {problem}");
        assert_eq!(sorted_entries(&outside).unwrap().len(), 0, "{leave}");
    }
    // What is there from the first time, or was removed, is no obstacle.
    let inside = dir.path().join("again");
    fs_err::create_dir(&inside).unwrap();
    let sandbox = host().bind_rw(&inside, "/build").bind_ro(&file, "/build/tools/uv");
    for script in [
        "cat /build/tools/uv; mv /build/tools /build/moved",
        "cat /build/tools/uv",
        "cat /build/tools/uv",
    ] {
        assert_eq!(stdout(&sandbox, script), "bound");
    }
}

#[test]
fn several_run_side_by_side() {
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                for run in 0..4 {
                    let name = format!("{thread}-{run}");
                    let printed =
                        stdout(&host(), &format!("echo {name} > /tmp/x; cat /tmp/*; exit 0"));
                    assert_eq!(printed.trim(), name);
                }
            });
        }
    });
}

#[test]
fn what_a_program_leaves_running_dies_with_it() {
    let marker = marker(std::process::id());
    let done = capture(&host(), &format!("sleep {marker} & echo started"));
    assert_eq!(done.stdout, b"started\n");
    assert_eq!(running(&marker), 0);
}

/// A duration that no other `sleep` of this machine has.
fn marker(process: u32) -> String {
    format!("9{process:09}")
}

/// How many processes of the machine have this in their command line: a shell that will run a
/// command too, so that it does not matter how far it has come.
fn running(marker: &str) -> usize {
    let processes = sorted_entries(Path::new("/proc")).unwrap();
    let lines =
        processes.iter().filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).into_owned());
    lines.filter(|line| line.contains(marker)).count()
}

/// The tests' own program, to be run as a process that can be killed.
#[expect(clippy::disallowed_methods, reason = "the process under test must be killed, not awaited")]
fn this_program() -> Command {
    Command::new(std::env::current_exe().unwrap())
}

#[test]
fn killing_the_parent_kills_everything_inside() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
    let mut parent = this_program()
        .args(["--exact", "--nocapture", "sandbox::helper_that_waits"])
        .env("LOCKSTEP_TEST_HELPER", dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut inside = std::io::BufReader::new(fs_err::File::open(&pipe).unwrap());
    let mut line = String::new();
    inside.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    let marker = marker(parent.id());
    assert_ne!(running(&marker), 0);
    parent.kill().unwrap();
    parent.wait().unwrap();
    // The pipe ends when the last process that holds it is gone.
    inside.read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(running(&marker), 0);
}

/// Whether a test whose name begins with `helper_` runs as the child of another; else it does
/// nothing.
fn is_helper() -> bool {
    Environment::capture().get("LOCKSTEP_TEST_HELPER").is_some()
}

/// Runs as a child of `killing_the_parent_kills_everything_inside`.
#[test]
fn helper_that_waits() {
    if !is_helper() {
        return;
    }
    let marker = marker(std::process::id());
    let script = format!(
        "exec 9> /opt/dir/pipe; sleep {marker} & echo ready >&9; trap '' TERM INT HUP; wait"
    );
    let dir = Environment::capture().get("LOCKSTEP_TEST_HELPER").unwrap().to_owned();
    let sandbox = host().bind_rw(Path::new(&dir), "/opt/dir");
    sandbox.run(&sh(&script), OutputTo::Inherit).unwrap();
}

#[test]
fn an_ordinary_user_gets_the_same() {
    if !rustix::process::getuid().is_root() {
        return; // then all the other tests have shown it
    }
    #[expect(clippy::disallowed_methods, reason = "runs the tests themselves once more")]
    let output = Command::new("setpriv")
        .args(["--reuid=1234", "--regid=1234", "--clear-groups"])
        .arg(std::env::current_exe().unwrap())
        .args(["sandbox::", "--test-threads=2"])
        .args(["--skip", "what_a_program_leaves", "--skip", "killing_the_parent"])
        .env("TMPDIR", "/tmp")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// The temporary directory is mounted `nodev` on many machines, and the kernel then refuses to make
/// a bind of it read-only without that flag; and it makes only the topmost mount of a bind
/// read-only.
#[test]
fn mounts_of_the_host_stay_read_only_with_all_below_them() {
    let dir = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o nosuid,nodev,noexec none $TMPDIR && mkdir -p \
     $TMPDIR/kept/below \
        && mount -t tmpfs none $TMPDIR/kept/below && exec \"$@\"";
    #[expect(clippy::disallowed_methods, reason = "only a new process can have other mounts")]
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "sandbox::helper_that_binds_mounts"])
        .env("LOCKSTEP_TEST_HELPER", "1")
        .env("TMPDIR", dir.path())
        .output()
        .unwrap();
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    assert!(output.status.success() && printed.contains("the helper saw it"), "{printed}");
}

/// Runs as a child of `mounts_of_the_host_stay_read_only_with_all_below_them`.
#[test]
fn helper_that_binds_mounts() {
    if !is_helper() {
        return;
    }
    let base = std::env::temp_dir();
    let kept = base.join("kept");
    let sandbox = host().bind_ro(&kept, "/opt/kept").bind_rw(&base, "/opt/base");
    for path in ["/opt/kept/x", "/opt/kept/below/x"] {
        assert_ne!(capture(&sandbox, &format!("echo x > {path}")).code, 0, "{path}");
    }
    stdout(&sandbox, "echo x > /opt/base/x; ls /opt/kept/below");
    println!("the helper saw it");
}

/// Each limit ends everything inside, and the end of what was printed names it.
#[test]
fn a_limit_that_is_reached_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (ordinary, log) = (Limits::default(), dir.path().join("log"));
    let sleep = marker(std::process::id().wrapping_add(1));
    let cases = [
        (Limits { seconds: 1, ..ordinary }, format!("sleep {sleep} & sleep {sleep}"), "minutes"),
        (
            Limits { log_bytes: 1000, ..ordinary },
            format!("sleep {sleep} & trap '' PIPE; while :; do echo line; done"),
            "`limits.log-megabytes`",
        ),
        (
            Limits { memory_bytes: Some(64 << 20), ..ordinary },
            format!("perl -e '$x = \"x\" x (100 << 20); sleep {sleep}' & sleep {sleep}"),
            "`limits.memory-megabytes`",
        ),
        (
            Limits { memory_bytes: Some(64 << 20), ..ordinary },
            format!("head -c 100000000 /dev/zero > /dev/shm/x; sleep {sleep}"),
            "`limits.memory-megabytes`",
        ),
    ];
    for (limits, script, part) in &cases {
        let done = host().limited(*limits).run(&sh(script), OutputTo::Log(&log)).unwrap();
        let text = fs_err::read_to_string(&log).unwrap();
        assert_eq!(done.code, 124, "{script}: {text}");
        let last = text.lines().last().unwrap();
        assert!(
            last.starts_with("lockstep: stopped") || text.contains("lockstep: stopped"),
            "{last}"
        );
        assert!(text.ends_with("sets another limit\n") && text.contains(part), "{script}: {last}");
        assert!(text.len() < 2000, "{script}: {}", text.len());
        assert_eq!(running(&sleep), 0, "{script}");
        fs_err::remove_file(&log).unwrap();
    }
    let done = host().limited(cases[0].0).run(&sh(&cases[0].1), OutputTo::Capture).unwrap();
    assert!(String::from_utf8_lossy(&done.stderr).contains("more than 1 s"), "{done:?}");
}

/// Some limits are the kernel's, and the program is told.
#[test]
fn processes_and_files_have_limits() {
    let limits = Limits { processes: 20, file_bytes: 1000, ..Limits::default() };
    let sandbox = host().limited(limits);
    let script = "i=0; while [ $i -lt 40 ]; do sleep 100 & i=$((i+1)); done; echo all";
    let done = capture(&sandbox, script);
    assert!(!String::from_utf8_lossy(&done.stdout).contains("all"), "{done:?}");
    assert_eq!(stdout(&sandbox, "head -c 900 /dev/zero > /tmp/x; echo fits"), "fits\n");
    assert_ne!(capture(&sandbox, "head -c 1100 /dev/zero > /tmp/x").code, 0);
}

/// What a log holds is what was printed: the program has no way to it but to print more.
#[test]
fn a_program_cannot_rewrite_its_log() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let script = "echo first; : > /dev/stdout; perl -e 'truncate(STDOUT, 0); seek(STDOUT, 0, 0); \
        print \"second\\n\"'; exec 1<&-; readlink /proc/self/fd/2 | cut -d: -f1 >&2";
    let done = host().run(&sh(script), OutputTo::Log(&log)).unwrap();
    let text = fs_err::read_to_string(&log).unwrap();
    assert_eq!((done.code, text.as_str()), (0, "first\nsecond\npipe\n"));
}
