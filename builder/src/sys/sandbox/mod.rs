//! The sandbox: foreign code (build backends, interpreters, uv) runs here and nowhere else. It sees
//! a read-only root, what was bound into it, and a fixed environment; nothing of the machine's
//! files, variables, users, host name or network. It is made of Linux namespaces without root
//! rights; where those are forbidden nothing runs at all ([`check_available`] says which setting
//! forbids them), for a build without isolation must not look like one with it.

mod available;
mod launch;
mod mounts;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::vocabulary::fingerprint::Fingerprint;
use crate::vocabulary::{Problem, Sha256};

pub use available::check_available;

/// What the sandbox has as `/`. It is always read-only and must have `/bin/sh` and `/usr/bin/env`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RootFs {
    /// A tree of unpacked packages.
    Dir(PathBuf),
    /// The machine's own `/usr`, `/bin` and `/lib*`, and the few files of `/etc` that programs need
    /// to start; accounts and host names are replaced by the sandbox's own.
    Host,
}

/// What the sandbox has as a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Network {
    /// A network namespace of its own, without any interface that leads out. Its loopback interface
    /// is up if the root has `iproute2` and `util-linux`, as the Debian toolchain's has.
    None,
    /// The machine's.
    Host,
}

/// A description of a sandbox; each [`Sandbox::run`] makes a new one of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sandbox {
    root: RootFs,
    network: Network,
    environment: BTreeMap<String, String>,
    /// By path inside: a path has one mount, and the last one given wins.
    mounts: BTreeMap<String, Mount>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Mount {
    ReadOnly(PathBuf),
    ReadWrite(PathBuf),
    Tmpfs,
}

/// What of a sandbox a program inside can tell, without where on the host anything comes from: what
/// a key must know of it beside the root's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Description<'a> {
    environment: &'a BTreeMap<String, String>,
    /// By path inside.
    mounts: BTreeMap<&'a str, &'static str>,
    network: Network,
    /// The digest of what every sandbox has: accounts, names, how the first process starts.
    made: Sha256,
}

/// A program to run. It is looked for on the sandbox's `PATH` unless it has a slash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invocation {
    /// The program.
    pub program: String,
    /// Its arguments, without its own name.
    pub arguments: Vec<String>,
    /// The working directory, a path inside.
    pub directory: String,
}

/// Where the output goes. Standard input is empty but for [`OutputTo::Inherit`].
#[derive(Debug, Clone, Copy)]
pub enum OutputTo<'a> {
    /// Both streams are appended to one file, in the order in which they were written.
    Log(&'a Path),
    /// Both streams are returned.
    Capture,
    /// All three streams are those of this process: for an interactive shell.
    Inherit,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Its exit code; 128 and the number if a signal ended it, 127 if there is no such program.
    pub code: i32,
    /// What it printed, if [`OutputTo::Capture`] was asked for.
    pub stdout: Vec<u8>,
    /// What it printed as errors, if [`OutputTo::Capture`] was asked for.
    pub stderr: Vec<u8>,
}

impl Finished {
    /// Whether the exit code is 0.
    pub fn success(&self) -> bool {
        self.code == 0
    }
}

/// The whole environment inside, before [`Sandbox::env`].
const ENVIRONMENT: [(&str, &str); 11] = [
    ("HOME", "/tmp"),
    ("LANG", "C.UTF-8"),
    ("LC_ALL", "C.UTF-8"),
    ("LOGNAME", USER),
    ("PATH", "/usr/bin:/bin:/usr/sbin:/sbin"),
    ("PYTHONHASHSEED", "0"),
    // 1980-01-01: zip cannot store less.
    ("SOURCE_DATE_EPOCH", "315532800"),
    ("TERM", "dumb"),
    ("TMPDIR", "/tmp"),
    ("TZ", "UTC"),
    ("USER", USER),
];

/// The only account inside, with user and group id 1000.
const USER: &str = "build";
const ID: u32 = 1000;
const HOST_NAME: &str = "lockstep";

/// `/etc/passwd` of the sandbox: `getpwuid(1000)` must know a name (PostgreSQL's `initdb` asks).
pub const PASSWD: &str = "root:x:0:0:root:/:/bin/sh\nbuild:x:1000:1000:build:/tmp:/bin/sh\n\
    nobody:x:65534:65534:nobody:/:/bin/false\n";
/// `/etc/group` of the sandbox.
pub const GROUP: &str = "root:x:0:\nbuild:x:1000:\nnogroup:x:65534:\n";
/// `/etc/hosts` of the sandbox.
pub const HOSTS: &str = "127.0.0.1 localhost lockstep\n::1 localhost\n";
/// `/etc/nsswitch.conf` of the sandbox: files alone, so that no service of the machine answers.
pub const NSSWITCH: &str = "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n\
    services: files\nprotocols: files\n";

impl Sandbox {
    /// A sandbox without network, with nothing but its root, `/proc`, a minimal `/dev`, and empty
    /// `/tmp`, `/var/tmp` and `/dev/shm`.
    pub fn new(root: RootFs) -> Self {
        let own = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        Self {
            root,
            network: Network::None,
            environment: ENVIRONMENT.into_iter().map(own).collect(),
            mounts: BTreeMap::new(),
        }
    }

    /// Shows a file or directory of the host at a path inside; it cannot be written to.
    #[must_use]
    pub fn bind_ro(mut self, host: &Path, inside: &str) -> Self {
        self.mounts.insert(inside.to_owned(), Mount::ReadOnly(host.to_owned()));
        self
    }

    /// Shows a file or directory of the host at a path inside, to be written to.
    #[must_use]
    pub fn bind_rw(mut self, host: &Path, inside: &str) -> Self {
        self.mounts.insert(inside.to_owned(), Mount::ReadWrite(host.to_owned()));
        self
    }

    /// Makes an empty directory in memory, to be written to.
    #[must_use]
    pub fn tmpfs(mut self, inside: &str) -> Self {
        self.mounts.insert(inside.to_owned(), Mount::Tmpfs);
        self
    }

    /// Sets a variable, over the fixed ones too.
    #[must_use]
    pub fn env(mut self, key: &str, value: &str) -> Self {
        self.environment.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Sets the network; without this call there is none.
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// What a program inside can tell of it.
    pub fn description(&self) -> Description<'_> {
        let kind = |mount: &Mount| match mount {
            Mount::ReadOnly(_) => "read-only",
            Mount::ReadWrite(_) => "read-write",
            Mount::Tmpfs => "empty",
        };
        let fixed = [HOST_NAME, PASSWD, GROUP, HOSTS, NSSWITCH, launch::INIT_WITH_LOOPBACK];
        let made = fixed.iter().fold(Fingerprint::new("sandbox 1"), |it, text| it.with("is", text));
        Description {
            environment: &self.environment,
            mounts: self.mounts.iter().map(|(path, it)| (path.as_str(), kind(it))).collect(),
            network: self.network,
            made: made.finish(),
        }
    }

    /// The root.
    pub fn root(&self) -> &RootFs {
        &self.root
    }

    /// Runs a program to its end, with whatever exit code. Only a program that could not be started
    /// is an error.
    ///
    /// The calling thread waits, and must: the kernel kills everything inside as soon as the thread
    /// that called this ends (`PR_SET_PDEATHSIG`), and so when this process is killed in whatever
    /// way.
    pub fn run(&self, invocation: &Invocation, output: OutputTo<'_>) -> Result<Finished, Problem> {
        launch::run(self, invocation, output)
    }
}
