//! The sample serves: a real PostgreSQL, migrations on its empty database, then HTTP. PostgreSQL
//! lies in a Debian root of its own, so nothing has to be installed for it.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use base::recipe::{DebianSettings, Provider};
use base::sys::Host;
use base::sys::env::Environment;
use base::sys::files::sorted_entries;
use base::sys::sandbox::{Invocation, Network, OutputTo, RootFs, Sandbox};
use base::vocabulary::progress::Silent;
use builder::fetch::application::LocatedRecipe;
use builder::pipeline::{Options, provide_toolchain};
use builder::toolchain::{Toolchain, Wanted, provide};
use serde_json::Value;

use crate::cli::{self, Running, builder, end, processes_with, shared_cache, until, workspace};

/// Where PostgreSQL keeps its data, inside.
const DATA: &str = "/srv/data";

/// The root in which the sample is built.
pub(crate) fn sample_root() -> PathBuf {
    let environment = Environment::capture();
    let cache = shared_cache();
    let host = Host { environment: &environment, cache: &cache, progress: &Silent };
    let sample = LocatedRecipe::find(workspace(), "sample").unwrap();
    let target = &sample.recipe.targets[0];
    let toolchain = provide_toolchain(&sample, target, &Options::default(), host).unwrap();
    let RootFs::Dir(root) = toolchain.root else { panic!("a Debian root is a directory") };
    root
}

fn postgres_toolchain() -> Toolchain {
    let environment = Environment::capture();
    let cache = shared_cache();
    let host = Host { environment: &environment, cache: &cache, progress: &Silent };
    let packages = ["postgresql".to_owned()].into();
    let debian = DebianSettings { suite: "forky".to_owned(), packages, mirrors: Vec::new() };
    let wanted = Wanted {
        given: None,
        providers: &[Provider::Debian],
        debian: &debian,
        system_packages: BTreeSet::new(),
        python: (3, 14),
        machine: "x86_64",
        locked: None,
        refresh: false,
        check: base::store::Check::Stamps,
    };
    provide(&wanted, &host).unwrap()
}

/// The directory of PostgreSQL's programs, inside: it has the major version in it.
fn programs(toolchain: &Toolchain) -> String {
    let RootFs::Dir(root) = &toolchain.root else { panic!("{toolchain:?}") };
    let versions = sorted_entries(&root.join("usr/lib/postgresql")).unwrap();
    let [version] = &versions[..] else { panic!("{versions:?}") };
    format!("/usr/lib/postgresql/{}/bin", version.file_name().to_string_lossy())
}

fn invoke(program: &str, arguments: &[&str]) -> Invocation {
    Invocation {
        program: program.to_owned(),
        arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        directory: "/".to_owned(),
    }
}

#[track_caller]
fn succeed(sandbox: &Sandbox, invocation: &Invocation) {
    let done = sandbox.run(invocation, OutputTo::Capture).unwrap();
    let printed = [done.stdout, done.stderr].concat();
    assert_eq!(done.code, 0, "{}", String::from_utf8_lossy(&printed));
}

/// A port of loopback that nobody listens at.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// `builder run sample --network` with the database of the test.
fn run(database: u16, command: &[&str]) -> Command {
    let mut run = builder(workspace(), &shared_cache());
    run.args(["--quiet", "run", "sample", "--network"]);
    for variable in [
        "SAMPLE_SECRET_KEY=anything".to_owned(),
        "SAMPLE_POSTGRESQL__HOST=127.0.0.1".to_owned(),
        format!("SAMPLE_POSTGRESQL__PORT={database}"),
        "SAMPLE_POSTGRESQL__NAME=sample".to_owned(),
        "SAMPLE_POSTGRESQL__USER=sample".to_owned(),
        "SAMPLE_POSTGRESQL__PASSWORD=sample".to_owned(),
    ] {
        run.args(["--env", &variable]);
    }
    run.arg("--").args(command);
    run
}

/// Status and body of an answer; `None` while nobody listens.
fn get(port: u16, path: &str) -> Option<(String, Value)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split_whitespace().nth(1)?.to_owned();
    Some((status, serde_json::from_str(body).unwrap_or_else(|_| body.into())))
}

/// Not a test of its own: the process that holds PostgreSQL, for a process ends with all its
/// sandboxes when it is killed. It does nothing unless it is told where the data are.
#[test]
fn helper_that_is_postgresql() {
    let environment = Environment::capture();
    let Some(data) = environment.get("LOCKSTEP_TEST_DATA") else { return };
    let port = environment.get("LOCKSTEP_TEST_PORT").unwrap();
    let toolchain = postgres_toolchain();
    let programs = programs(&toolchain);
    let sandbox = toolchain
        .sandbox()
        .bind_rw(Path::new(data), DATA)
        .network(Network::Host)
        .env("PGPASSWORD", "sample");
    let initdb = format!("{programs}/initdb");
    succeed(
        &sandbox,
        &invoke(
            &initdb,
            &[
                "-D",
                &format!("{DATA}/db"),
                "-U",
                "sample",
                "--locale=C.UTF-8",
                "-E",
                "UTF8",
                "-A",
                "trust",
                "--no-sync",
            ],
        ),
    );
    let arguments =
        ["-D", &format!("{DATA}/db"), "-h", "127.0.0.1", "-p", port, "-k", "/tmp", "-F"];
    sandbox.run(&invoke(&format!("{programs}/postgres"), &arguments), OutputTo::Inherit).unwrap();
}

#[test]
fn the_sample_serves() {
    // Toolchain and sample are made before anything waits for anything.
    let toolchain = postgres_toolchain();
    end(builder(workspace(), &shared_cache()).args(["-q", "build", "sample", "--no-out-link"]))
        .good();
    let data = cli::scratch();
    let port = free_port();
    let log = fs_err::File::create(data.path().join("log")).unwrap().into_parts().0;
    let postgres = Running::start(
        cli::command(std::env::current_exe().unwrap())
            .args(["serve::helper_that_is_postgresql", "--exact", "--nocapture"])
            .env("LOCKSTEP_TEST_DATA", data.path())
            .env("LOCKSTEP_TEST_PORT", port.to_string())
            .stdout(Stdio::from(log.try_clone().unwrap()))
            .stderr(Stdio::from(log)),
    );
    let client = toolchain.sandbox().network(Network::Host);
    let createdb = format!("{}/createdb", programs(&toolchain));
    let port_text = port.to_string();
    let create =
        invoke(&createdb, &["-h", "127.0.0.1", "-p", &port_text, "-U", "sample", "sample"]);
    until("PostgreSQL", || {
        let done = client.run(&create, OutputTo::Capture).unwrap();
        done.success().then_some(())
    });

    let http = free_port();
    let http_text = http.to_string();
    let server = ["python", "-m", "uvicorn", "sample.root.asgi:application", "--port", &http_text];
    let serving = Running::start(run(port, &server).stdout(Stdio::null()).stderr(Stdio::null()));
    let (status, body) = until("the server", || get(http, "/-/health/ready/"));
    assert_eq!(status, "503", "{body}");
    assert!(body.to_string().contains("migrations"), "{body}");
    let migrated = end(&mut run(port, &["python", "-m", "lifecycle.migrate"])).good();
    assert!(migrated.contains("applied 21 migrations"), "{migrated}");
    let again = end(&mut run(port, &["python", "-m", "lifecycle.migrate"])).good();
    assert!(again.contains("applied 0 migrations"), "{again}");
    let (status, body) = get(http, "/-/health/ready/").unwrap();
    assert_eq!(status, "200", "{body}");
    assert_eq!(get(http, "/-/health/live/").unwrap().0, "200");

    drop(serving);
    drop(postgres);
    for marker in [format!("--port {http}"), format!("-p {port}")] {
        let marker = marker.replace(' ', "\0");
        until("the servers to end", || (processes_with(&marker) == 0).then_some(()));
    }
    assert!(get(http, "/-/health/live/").is_none());
}
