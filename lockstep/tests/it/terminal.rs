//! What a person uses in a sandbox has a terminal of its own: keys and text are passed on, and the
//! person's terminal is as before when it ends.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use base::sys::env::Environment;
use base::sys::sandbox::{Invocation, OutputTo, RootFs, Sandbox};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcgetattr, tcsetwinsize};

/// The script says which terminal it has, how large it is, and what it reads; then it tries to type
/// for whoever comes after it.
const SCRIPT: &str = r#"tty; stty size; echo "session $(ps -o sid= -p $$)"
printf 'name? '; read -r name; echo "read $name"
perl -e 'my $c = "x"; printf("typed %d\n", ioctl(STDIN, 0x5412, $c) ? 1 : 0)'
exit 7"#;

/// Runs as the child of the tests below.
#[test]
fn helper_that_has_a_terminal() {
    if Environment::capture().get("LOCKSTEP_TEST_HELPER").is_none() {
        return;
    }
    let invocation = Invocation {
        program: "sh".to_owned(),
        arguments: ["-c", SCRIPT].map(str::to_owned).to_vec(),
        directory: "/".to_owned(),
    };
    let done = Sandbox::new(RootFs::Host).run(&invocation, OutputTo::Inherit).unwrap();
    println!("ended with {}", done.code);
}

#[expect(clippy::disallowed_methods, reason = "the tests themselves, with another terminal")]
fn helper() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--nocapture", "terminal::helper_that_has_a_terminal"]);
    command.env("LOCKSTEP_TEST_HELPER", "1");
    command
}

#[test]
fn keys_and_text_are_passed_on() {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags).unwrap();
    unlockpt(&master).unwrap();
    let person = ioctl_tiocgptpeer(&master, flags).unwrap();
    let size = Winsize { ws_row: 33, ws_col: 77, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&person, size).unwrap();
    let before = tcgetattr(&person).unwrap();
    let stream = || Stdio::from(person.try_clone().unwrap());
    let mut helper = helper();
    helper.stdin(stream()).stdout(stream()).stderr(stream());
    let mut child = helper.spawn().unwrap();
    drop(helper);

    let mut master = File::from(master);
    let mut printed = String::new();
    let mut read_until = |master: &mut File, end: &str| {
        let mut bytes = [0; 4096];
        while !printed.contains(end) {
            let count = master.read(&mut bytes).unwrap();
            printed.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
        printed.clone()
    };
    read_until(&mut master, "name? ");
    // While it runs, every key is the program's.
    assert_ne!(tcgetattr(&person).unwrap().local_modes, before.local_modes);
    master.write_all(b"Ada\r").unwrap();
    let printed = read_until(&mut master, "ended with");
    child.wait().unwrap();
    for part in ["/dev/pts/0\r\n", "33 77\r\n", "session 1\r\n", "read Ada\r\n", "typed 0\r\n"] {
        assert!(
            printed.replace("session       1", "session 1").contains(part),
            "{part}: {printed}"
        );
    }
    assert!(printed.contains("ended with 7"), "{printed}");
    let after = tcgetattr(&person).unwrap();
    assert_eq!(after.local_modes, before.local_modes);
    assert_eq!(after.input_modes, before.input_modes);
}

/// Without a terminal there is none inside, and standard input is the caller's.
#[test]
fn what_is_no_terminal_is_passed_on_as_it_is() {
    let mut helper = helper();
    helper.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = helper.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"Ada\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    for part in ["not a tty", "name? read Ada\n", "ended with 7"] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("stty"), "{errors}");
}
