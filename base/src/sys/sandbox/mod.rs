//! The sandbox: foreign code (build backends, interpreters, uv) runs here and nowhere else. The
//! code sees a read-only root, the paths bound into it, and a fixed environment. It sees none of
//! the machine's files, variables, users, host name or network. The sandbox uses Linux namespaces
//! and needs no root privileges. Where namespaces are forbidden nothing runs ([`check_available`]
//! names the setting that forbids them): a build without isolation must not look like one with it.

mod available;
mod channel;
mod inside;
mod launch;
mod limits;
mod mounts;
mod owner;
mod pinned;
mod plan;
mod surroundings;
mod terminal;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::tree::SOURCE_DATE_EPOCH;
use crate::vocabulary::fingerprint::Fingerprint;
use crate::vocabulary::{Problem, Sha256};

pub use available::check_available;
pub use inside::serve;
pub use limits::Limits;
pub use pinned::{KERNEL, PROCESSORS};
pub use surroundings::{Pretended, Surroundings};

/// What the sandbox has as `/`. It is always read-only.
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
    /// A network namespace of its own, whose only interface is a loopback that is up.
    None,
    /// The machine's.
    Host,
}

/// A description of a sandbox; each [`Sandbox::run`] makes a new one of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sandbox {
    root: RootFs,
    surroundings: Surroundings,
    network: Network,
    environment: BTreeMap<String, String>,
    /// By path inside: a path has one mount, and the last one given wins.
    mounts: BTreeMap<String, Mount>,
    #[serde(default)]
    limits: Limits,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Mount {
    ReadOnly(PathBuf),
    ReadWrite(PathBuf),
    Shared(PathBuf),
    Tmpfs,
    Text(String),
}

/// The facts about a sandbox that a program inside can see, without any host path: its part of a
/// key, besides the root's own.
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
    /// Both streams are returned; of a longer one than 16 MiB, the end.
    Capture,
    /// All three streams are those of this process, and its terminal is there: for a shell.
    Inherit,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Its exit code; 128 and the number if a signal ended it, 127 if there is no such program, 124
    /// if it reached a limit, which the end of what it printed names.
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

/// The environment inside, besides the variables of the surroundings and before [`Sandbox::env`].
const ENVIRONMENT: [(&str, &str); 3] =
    [("GLIBC_TUNABLES", pinned::LIBC), ("PATH", "/usr/bin:/bin:/usr/sbin:/sbin"), ("TERM", "dumb")];

/// `/etc/nsswitch.conf` of the sandbox: files alone, so that no service of the machine answers.
const NSSWITCH: &str = "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n\
    services: files\nprotocols: files\n";

/// What a root must have in `/etc` for the sandbox: names and texts of files.
pub fn etc_files() -> [(&'static str, String); 4] {
    let ordinary = Surroundings::default();
    let [passwd, group, hosts] = surroundings::ETC.map(|name| (name, ordinary.etc(name)));
    [passwd, group, hosts, ("nsswitch.conf", NSSWITCH.to_owned())]
}

impl Sandbox {
    /// A sandbox without network, with nothing but its root, `/proc`, a minimal `/dev`, and empty
    /// `/tmp`, `/var/tmp` and `/dev/shm`.
    pub fn new(root: RootFs) -> Self {
        Self::within(root, &Surroundings::default())
    }

    /// As [`Sandbox::new`], with other surroundings than the ordinary ones.
    pub fn within(root: RootFs, surroundings: &Surroundings) -> Self {
        let own = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        let epoch = ("SOURCE_DATE_EPOCH".to_owned(), SOURCE_DATE_EPOCH.to_string());
        let fixed = ENVIRONMENT.into_iter().map(own).chain([epoch]);
        let mut sandbox = Self {
            network: Network::None,
            environment: fixed.chain(surroundings.variables()).collect(),
            mounts: BTreeMap::new(),
            limits: Limits::default(),
            surroundings: surroundings.clone(),
            root,
        };
        if let Some((library, inside)) = surroundings.library() {
            sandbox = sandbox.bind_ro(&library, inside);
        }
        for directory in [&surroundings.home, &surroundings.temporary_directory] {
            if directory != "/tmp" {
                sandbox = sandbox.tmpfs(directory);
            }
        }
        match &surroundings.directory {
            // A root of its own is read-only; of the machine's, `/etc` is made anew anyway.
            Some(directory) if matches!(sandbox.root, RootFs::Dir(_)) => {
                let ordinary = Surroundings::default();
                let others = surroundings::ETC.iter().filter(|name| {
                    // It has the ordinary ones.
                    surroundings.etc(name) != ordinary.etc(name)
                });
                others.fold(sandbox, |sandbox, name| {
                    sandbox.bind_ro(&directory.join(name), &format!("/etc/{name}"))
                })
            }
            _ => sandbox,
        }
    }

    /// Shows a file or directory of the host at a path inside; it cannot be written to.
    #[must_use]
    pub fn bind_ro(mut self, host: &Path, inside: &str) -> Self {
        self.mounts.insert(inside.to_owned(), Mount::ReadOnly(host.to_owned()));
        self
    }

    /// Shows a file or directory of the host at a path inside, to be written to. It must be this
    /// tool's own: run by root, it belongs to another user while the program runs.
    #[must_use]
    pub fn bind_rw(mut self, host: &Path, inside: &str) -> Self {
        self.mounts.insert(inside.to_owned(), Mount::ReadWrite(host.to_owned()));
        self
    }

    /// The same for a directory that is not this tool's: its files keep their owners, and those of
    /// the caller are shown as the program's own.
    #[must_use]
    pub fn bind_shared(mut self, host: &Path, inside: &str) -> Self {
        self.mounts.insert(inside.to_owned(), Mount::Shared(host.to_owned()));
        self
    }

    /// Makes an empty directory in memory, to be written to.
    #[must_use]
    pub fn tmpfs(mut self, inside: &str) -> Self {
        self.mounts.insert(inside.to_owned(), Mount::Tmpfs);
        self
    }

    /// Shows a file with this text, which the root need not have: its directory is put together
    /// again around it.
    #[must_use]
    pub fn file(mut self, inside: &str, text: &str) -> Self {
        self.mounts.insert(inside.to_owned(), Mount::Text(text.to_owned()));
        self
    }

    /// Sets a variable, over the fixed ones too.
    #[must_use]
    pub fn env(mut self, key: &str, value: &str) -> Self {
        // What pretends other surroundings stays: a build that preloads something of its own would
        // else be the only one that they do not reach.
        let library = self.surroundings.library().filter(|_| key == "LD_PRELOAD");
        let value = library.map_or(value.to_owned(), |(_, path)| format!("{path}:{value}"));
        self.environment.insert(key.to_owned(), value);
        self
    }

    /// A variable of its environment.
    pub fn variable(&self, key: &str) -> Option<&str> {
        self.environment.get(key).map(String::as_str)
    }

    /// Sets the network; without this call there is none.
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// Sets what it may take of the machine, instead of the default.
    #[must_use]
    pub fn limited(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The facts about it that a program inside can see.
    pub fn description(&self) -> Description<'_> {
        let kind = |mount: &Mount| match mount {
            Mount::ReadOnly(_) => "read-only",
            // What it says is told by whoever gives it.
            Mount::Text(_) => "text",
            Mount::ReadWrite(_) | Mount::Shared(_) => "read-write",
            Mount::Tmpfs => "empty",
        };
        // Where their files are on the host is nobody's concern.
        let surroundings = Surroundings { directory: None, ..self.surroundings.clone() };
        let surroundings = serde_json::to_string(&surroundings).expect("they are plain values");
        let fixed = [surroundings, NSSWITCH.to_owned()];
        let pinned = pinned::files(&self.surroundings.machine());
        let pinned = pinned.into_iter().flat_map(|(name, text)| [name, text]);
        let made = Fingerprint::new("sandbox 5");
        let made = fixed.into_iter().chain(pinned).fold(made, |it, text| it.with("is", &text));
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
