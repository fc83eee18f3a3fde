//! The sandbox at its border: what a program inside can see, reach and leave behind.

use builder::sys::sandbox::{
    Finished, Invocation, Network, OutputTo, RootFs, Sandbox, check_available,
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

fn host() -> Sandbox {
    Sandbox::new(RootFs::Host)
}

#[test]
fn this_machine_allows_it() {
    check_available().unwrap();
    let _ = Network::Host;
    let done = capture(
        &host(),
        "id; hostname; env; pwd; umask; ls -la / /etc; cat /proc/1/comm; echo $$",
    );
    println!(
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
    assert_eq!(done.code, 0);
}
