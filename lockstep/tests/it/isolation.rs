//! What hostile code tries in the sandbox, and what of it is left on the host. The long list is
//! `sandbox_probe.rs`; here are the attempts that need something outside to show that they failed.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use base::sys::env::Environment;
use base::sys::files::sorted_entries;
use base::sys::sandbox::{Finished, Invocation, Network, OutputTo, RootFs, Sandbox};

fn run(sandbox: &Sandbox, program: &str, arguments: &[&str]) -> Finished {
    let invocation = Invocation {
        program: program.to_owned(),
        arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        directory: "/".to_owned(),
    };
    sandbox.run(&invocation, OutputTo::Capture).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Programs that a sandbox could want for its own steps.
const HELPERS: [&str; 16] = [
    "bash",
    "capsh",
    "dash",
    "env",
    "hostname",
    "ip",
    "ifconfig",
    "mount",
    "newgidmap",
    "newuidmap",
    "nsenter",
    "setpriv",
    "setsid",
    "sh",
    "umount",
    "unshare",
];

/// Each kind of name by which foreign code could be run in the sandbox's own steps leaves a file if
/// it is; the program that is asked for is the only one that may run.
#[test]
fn nothing_of_the_root_runs_before_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let (tools, left) = (dir.path().join("tools"), dir.path().join("left"));
    for made in [&tools, &left] {
        fs_err::create_dir(made).unwrap();
    }
    for name in HELPERS {
        let path = tools.join(name);
        // A script would be run by an interpreter of its own; this one is everywhere.
        fs_err::write(&path, format!("#!/usr/bin/perl\nopen(F, '>/left/{name}');\n")).unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs_err::write(tools.join("rc"), "echo > /left/rc\n").unwrap();
    for network in [Network::None, Network::Host] {
        let sandbox = Sandbox::new(RootFs::Host)
            .network(network)
            .bind_ro(&tools, "/opt/tools")
            .bind_rw(&left, "/left")
            .env("PATH", "/opt/tools:/usr/bin:/bin")
            .env("BASH_ENV", "/opt/tools/rc")
            .env("ENV", "/opt/tools/rc")
            .env("SHELLOPTS", "xtrace")
            .env("PS4", "$(echo > /left/ps4)")
            .env("PYTHONSTARTUP", "/opt/tools/rc")
            .env("PERL5OPT", "-M-strict");
        let done = run(&sandbox, "/usr/bin/id", &["-u"]);
        assert_eq!(text(&done.stdout), "1000\n", "{}", text(&done.stderr));
        let names = sorted_entries(&left).unwrap();
        assert!(names.is_empty(), "{names:?}");
        // It would have been seen: the program itself is looked for there.
        assert_eq!(run(&sandbox, "ip", &[]).code, 0);
        assert!(left.join("ip").exists());
        fs_err::remove_file(left.join("ip")).unwrap();
    }
}

/// A root that has no shell, no `env` and no library of the launcher is enough.
#[test]
fn a_root_needs_nothing_of_the_sandboxs() {
    let dir = tempfile::tempdir().unwrap();
    let done = run(&Sandbox::new(RootFs::Dir(dir.path().to_owned())), "/usr/bin/id", &[]);
    assert_eq!(done.code, 127, "{}", text(&done.stderr));
    assert!(text(&done.stderr).contains("cannot run `/usr/bin/id`"), "{}", text(&done.stderr));
    // Its links are followed inside: they lead nowhere.
    symlink("/etc", dir.path().join("etc")).unwrap();
    symlink("/usr", dir.path().join("usr")).unwrap();
    let done = run(&Sandbox::new(RootFs::Dir(dir.path().to_owned())), "/usr/bin/id", &[]);
    assert_eq!(done.code, 126, "{}", text(&done.stderr));
}

/// While a program runs, what it made belongs to nobody who matters, and afterwards to the caller.
#[test]
fn files_of_a_program_are_never_roots() {
    let dir = tempfile::tempdir().unwrap();
    fs_err::create_dir(dir.path().join("below")).unwrap();
    fs_err::write(dir.path().join("below/before"), "").unwrap();
    for name in ["here", "go"] {
        rustix::fs::mkfifoat(rustix::fs::CWD, dir.path().join(name), 0o600.into()).unwrap();
    }
    let own = rustix::process::geteuid().as_raw();
    let sandbox = Sandbox::new(RootFs::Host).bind_rw(dir.path(), "/build");
    let owner = |name: &str| fs_err::symlink_metadata(dir.path().join(name)).unwrap().uid();
    let script = "echo > /build/made; ln -s /x /build/link; stat -c %u /build/below/before; \
        echo > /build/here; read -r line < /build/go; exit 3";
    let done = std::thread::scope(|scope| {
        let done = scope.spawn(|| run(&sandbox, "sh", &["-c", script]));
        fs_err::read(dir.path().join("here")).unwrap();
        for name in ["made", "link", "below", "below/before"] {
            let during = owner(name);
            assert!(during != 0 && (own == 0 || during == own), "{name}: {during}");
        }
        fs_err::write(dir.path().join("go"), "\n").unwrap();
        done.join().unwrap()
    });
    assert_eq!((done.code, text(&done.stdout)), (3, "1000\n".to_owned()));
    for name in ["", "made", "link", "below", "below/before"] {
        assert_eq!(owner(name), own, "{name}");
    }
}

/// No way that a mode can be set leaves a file on the host that gives somebody else's rights.
#[test]
fn no_file_with_set_id_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::new(RootFs::Host).bind_rw(dir.path(), "/build");
    let script = r#"
cd /build
cp /bin/true chmod && chmod 4755 chmod
cp /bin/true group && chmod g+s group
install -m 6755 /bin/true installed
mkdir directory && chmod g+s directory
mkdir -m 2755 made
cp /bin/true tar && tar --mode=4755 -cf tar.tar tar && rm tar && tar -xpf tar.tar
perl -e 'use Fcntl; sysopen(F, "created", O_CREAT|O_RDWR, 04755); syscall(85, "creat", 04755);
  syscall(90, "chmod", 04755); syscall(452, -100, "chmod", 04755, 0); syscall(133, "node", 0104755, 0);
  syscall(437, -100, "open2", pack("QQQ", 0101, 04755, 0), 24);'
setcap cap_net_raw+ep chmod; setfattr -n user.x -v 1 chmod
true"#;
    let done = run(&sandbox, "sh", &["-c", script]);
    assert_eq!(done.code, 0, "{}", text(&done.stderr));
    let names = sorted_entries(dir.path()).unwrap();
    assert!(names.len() > 5, "{names:?}");
    for entry in names {
        let mode = entry.metadata().unwrap().mode();
        assert_eq!(mode & 0o6000, 0, "{} {mode:o}", entry.path().display());
        let attributes = rustix::fs::llistxattr(entry.path(), &mut [0_u8; 100]);
        assert_eq!(attributes, Ok(0), "{}", entry.path().display());
    }
}

/// Where temporary files are made nothing is left, for nothing is made.
#[test]
fn nothing_is_made_in_the_temporary_directory() {
    if let Some(directory) = Environment::capture().get("LOCKSTEP_TEST_HELPER") {
        let script = format!("ls -A {directory}; ls -A /tmp");
        let done = run(&Sandbox::new(RootFs::Host), "sh", &["-c", &script]);
        // Not even while it runs, as a killed run would leave it.
        assert!(sorted_entries(Path::new(directory)).unwrap().is_empty());
        assert!(done.stdout.is_empty(), "{}", text(&done.stdout));
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    fs_err::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o500)).unwrap();
    #[expect(clippy::disallowed_methods, reason = "only a new process has another `TMPDIR`")]
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "isolation::nothing_is_made_in_the_temporary_directory"])
        .env("LOCKSTEP_TEST_HELPER", dir.path())
        .env("TMPDIR", dir.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stdout));
    assert!(sorted_entries(dir.path()).unwrap().is_empty());
}

#[test]
fn an_ordinary_user_is_held_as_well() {
    if !rustix::process::getuid().is_root() {
        return; // then all the other tests have shown it
    }
    #[expect(clippy::disallowed_methods, reason = "runs the tests themselves once more")]
    let output = std::process::Command::new("setpriv")
        .args(["--reuid=1234", "--regid=1234", "--clear-groups"])
        .arg(std::env::current_exe().unwrap())
        .args(["isolation::", "--test-threads=2"])
        .env("TMPDIR", "/tmp")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stdout));
}
