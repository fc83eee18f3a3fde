//! The surroundings that programs in a sandbox see: accounts, names, paths, clock. Builds see the
//! ordinary surroundings, which are the same on every machine. A round of `verify-repro` changes
//! them to show that they do not affect the products.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::pinned::{KERNEL, Machine, PROCESSORS};
use super::{Invocation, OutputTo, Sandbox};
use crate::sys::files::write_atomically;
use crate::sys::process::last_lines;
use crate::vocabulary::Problem;

/// The surroundings. The default is that of every build that is not a round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Surroundings {
    /// The machine's name.
    pub host_name: String,
    /// The domain, with which `/etc/hosts` completes that name.
    pub domain: Option<String>,
    /// The name of the account.
    pub user: String,
    /// Its number; of the group, `group_id` is.
    pub user_id: u32,
    /// The group's number. Its name is the user's.
    pub group_id: u32,
    /// `HOME`.
    pub home: String,
    /// `TMPDIR`.
    pub temporary_directory: String,
    /// The umask, as `umask` prints it: `022`.
    pub umask: String,
    /// `LANG` and `LC_ALL`.
    pub locale: String,
    /// `TZ`.
    pub time_zone: String,
    /// `PYTHONHASHSEED`.
    pub hash_seed: String,
    /// Further variables.
    pub environment: BTreeMap<String, String>,
    /// A directory at the end of `PATH`.
    pub path_tail: Option<String>,
    /// Whether bytecode is compiled in reverse order.
    pub reversed_bytecode: bool,
    /// What no namespace varies.
    pub pretended: Pretended,
    /// Where the files of these surroundings are: those of the host that are bound inside.
    pub directory: Option<PathBuf>,
}

/// What no namespace varies. The clock is pretended by a library (`LD_PRELOAD`): programs that are
/// linked statically, or ask the kernel without libc, see the machine's. The rest is answered to
/// every program, by the sandbox.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Pretended {
    /// The shift of the clock in seconds. Times of files later than `since` are shifted as well,
    /// because the kernel sets them by its own clock.
    pub clock_shift: i64,
    /// Seconds since 1970 at which the round began.
    pub since: i64,
    /// Release and version of the kernel, as `uname` reports them.
    pub kernel: Option<[String; 2]>,
    /// Whether directories are listed backwards.
    pub reversed_directories: bool,
    /// How many processors there are.
    pub processors: Option<usize>,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self {
            host_name: "lockstep".to_owned(),
            domain: None,
            user: "build".to_owned(),
            user_id: 1000,
            group_id: 1000,
            home: "/tmp".to_owned(),
            temporary_directory: "/tmp".to_owned(),
            umask: "022".to_owned(),
            locale: "C.UTF-8".to_owned(),
            time_zone: "UTC".to_owned(),
            hash_seed: "0".to_owned(),
            environment: BTreeMap::new(),
            path_tail: None,
            reversed_bytecode: false,
            pretended: Pretended::default(),
            directory: None,
        }
    }
}

/// The library's source.
const LIBRARY: &str = include_str!("pretend.c");
const LIBRARY_FILE: &str = "pretend.so";
/// Where the library is inside, and where it is compiled.
const LIBRARY_INSIDE: &str = "/run/pretend.so";
const COMPILED_AT: &str = "/run/pretend";

/// The files of `/etc` with accounts and names.
pub(super) const ETC: [&str; 3] = ["passwd", "group", "hosts"];

impl Surroundings {
    /// Reads a file of surroundings as JSON. Its directory takes what the sandbox shows of them.
    ///
    /// # Errors
    /// A file that cannot be read, or that says what no sandbox can be given.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let problem = || Problem::usage(format!("cannot read `{}`", path.display()));
        let path = std::path::absolute(path).map_err(|error| problem().cause(error))?;
        let text = fs::read_to_string(&path).map_err(|error| problem().cause(error))?;
        let mut read: Self = serde_json::from_str(&text).map_err(|error| problem().cause(error))?;
        read.check().map_err(|expected| problem().fact("expected", expected))?;
        let directory = path.parent().expect("a file is in a directory").to_owned();
        let write = || -> std::io::Result<()> {
            for name in ETC {
                write_atomically(&directory.join(name), read.etc(name).as_bytes())?;
            }
            Ok(())
        };
        write().map_err(|error| problem().cause(error))?;
        read.directory = Some(directory);
        Ok(read)
    }

    /// The facts about the machine that programs see.
    pub(super) fn machine(&self) -> Machine<'_> {
        let kernel = self.pretended.kernel.as_ref();
        Machine {
            processors: self.pretended.processors.unwrap_or(PROCESSORS),
            kernel: kernel.map_or(KERNEL, |[release, version]| [release, version]),
            host_name: &self.host_name,
        }
    }

    /// What goes into files of `/etc`, and between the words of a command.
    fn check(&self) -> Result<(), &'static str> {
        let plain = |more: &'static str| {
            move |text: &str| text.chars().all(|it| it.is_ascii_alphanumeric() || more.contains(it))
        };
        let names = [Some(&self.host_name), self.domain.as_ref(), Some(&self.user)];
        let names = names.into_iter().flatten().chain([&self.umask]);
        if !names.map(String::as_str).all(plain("-_.")) {
            return Err("names of letters, digits, `-`, `_` and `.`");
        }
        let paths = [Some(&self.home), Some(&self.temporary_directory), self.path_tail.as_ref()];
        let is_path = |path: &String| path.starts_with('/') && plain("-_./")(path);
        if !paths.into_iter().flatten().all(is_path) {
            return Err("absolute paths of letters, digits, `-`, `_` and `.`");
        }
        if !self.environment.keys().map(String::as_str).all(plain("_")) {
            return Err("names of variables");
        }
        Ok(())
    }

    /// Compiles what pretends, with the compiler of `sandbox`, so that it can be preloaded there.
    ///
    /// # Errors
    /// The sandbox has no C compiler.
    pub fn prepare(&self, sandbox: &Sandbox) -> Result<(), Problem> {
        let Some(directory) = &self.directory else { return Ok(()) };
        if !self.pretends() {
            return Ok(());
        }
        let problem = || Problem::new("cannot compile what pretends another clock");
        let written = fs::write(directory.join("pretend.c"), LIBRARY)
            .and_then(|()| fs::write(directory.join("pretend.h"), self.pretended.header()));
        written.map_err(|error| problem().cause(error))?;
        let built = format!("{COMPILED_AT}/{LIBRARY_FILE}");
        let source = format!("{COMPILED_AT}/pretend.c");
        let words = ["-shared", "-fPIC", "-O1", "-o", &built, &source, "-ldl"];
        let invocation = Invocation {
            program: "cc".to_owned(),
            arguments: words.map(str::to_owned).to_vec(),
            directory: "/".to_owned(),
        };
        let finished =
            sandbox.clone().bind_rw(directory, COMPILED_AT).run(&invocation, OutputTo::Capture)?;
        if finished.success() {
            return Ok(());
        }
        let printed = String::from_utf8_lossy(&finished.stderr).into_owned();
        Err(problem()
            .fact("exit code", finished.code)
            .fact("printed", last_lines(&printed, 10))
            .hint("the toolchain has no C compiler; leave out what needs it: `--vary=-clock`"))
    }

    /// Whether a library must be preloaded.
    fn pretends(&self) -> bool {
        self.pretended.clock_shift != 0
    }

    /// The library on the host and the path at which it is bound, if one is preloaded.
    pub(super) fn library(&self) -> Option<(PathBuf, &'static str)> {
        let directory = self.directory.as_ref().filter(|_| self.pretends())?;
        Some((directory.join(LIBRARY_FILE), LIBRARY_INSIDE))
    }

    /// The text of a file of [`ETC`]. `getpwuid` must know a name (PostgreSQL's `initdb` asks).
    pub(super) fn etc(&self, name: &str) -> String {
        let Self { host_name, domain, user, user_id, group_id, .. } = self;
        match name {
            "passwd" => format!(
                "root:x:0:0:root:/:/bin/sh\n{user}:x:{user_id}:{group_id}:{user}:{}:/bin/sh\n\
                 nobody:x:65534:65534:nobody:/:/bin/false\n",
                self.home
            ),
            "group" => format!("root:x:0:\n{user}:x:{group_id}:\nnogroup:x:65534:\n"),
            _ => {
                let full = domain.as_ref().map(|domain| format!("{host_name}.{domain} "));
                format!(
                    "127.0.0.1 localhost {}{host_name}\n::1 localhost\n",
                    full.unwrap_or_default()
                )
            }
        }
    }

    /// The variables that say some of it.
    pub(super) fn variables(&self) -> BTreeMap<String, String> {
        let named = [
            ("HOME", &self.home),
            ("LANG", &self.locale),
            ("LC_ALL", &self.locale),
            ("LOGNAME", &self.user),
            ("PYTHONHASHSEED", &self.hash_seed),
            ("TMPDIR", &self.temporary_directory),
            ("TZ", &self.time_zone),
            ("USER", &self.user),
        ];
        let named = named.into_iter().map(|(key, value)| (key.to_owned(), value.clone()));
        let further = self.environment.clone().into_iter();
        let library = self.library().map(|(_, path)| ("LD_PRELOAD".to_owned(), path.to_owned()));
        named.chain(further).chain(library).collect()
    }
}

impl Pretended {
    /// What the library's source includes.
    fn header(&self) -> String {
        format!("#define SHIFT {}L\n#define SINCE {}L\n", self.clock_shift, self.since)
    }
}
