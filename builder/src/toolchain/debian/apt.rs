//! The host's own `apt-get`, with a state, a cache and settings of its own: it resolves and
//! downloads packages of another release without root rights and without touching the host.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Output;

use fs_err as fs;

use super::sources::{Mirror, SignedBy, mirror};
use crate::toolchain::SystemPackage;
use base::recipe::nearest;
use base::sys::Host;
use base::sys::files::write_atomically;
use base::sys::process::{Process, last_lines};
use base::vocabulary::{Problem, Sha256};

/// A private `apt`.
pub(super) struct Apt<'a> {
    program: PathBuf,
    dir: PathBuf,
    suite: &'a str,
    host: &'a Host<'a>,
}

/// A package and the name of its archive in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Archive {
    pub(super) package: SystemPackage,
    pub(super) file: String,
}

impl<'a> Apt<'a> {
    /// Sets it up in `dir` for a suite and an architecture in Debian's words.
    pub(super) fn new(
        dir: PathBuf,
        suite: &'a str,
        architecture: &str,
        host: &'a Host<'a>,
    ) -> Result<Self, Problem> {
        let program = host.environment.find_program("apt-get").ok_or_else(|| {
            Problem::new("the `debian` toolchain needs `apt-get`, which is not on `PATH`")
                .hint("use a machine with apt, or let the recipe prefer the `host` toolchain")
        })?;
        let mirror = mirror(Path::new("/etc/apt"))?;
        let shown = dir.display().to_string();
        if shown.contains(|c: char| c.is_control() || matches!(c, '"' | '\\')) {
            return Err(Problem::usage(format!("cannot set up apt in `{}`", shown.escape_debug()))
                .fact("because", "quotes and control characters have a meaning in `apt.conf`")
                .hint(
                    "give another `--cache-dir`, or let the recipe prefer the `host` toolchain",
                ));
        }
        let apt = Self { program, dir, suite, host };
        apt.configure(&mirror, architecture).map_err(|error| {
            Problem::new(format!("cannot set up apt in `{}`", apt.dir.display())).cause(error)
        })?;
        Ok(apt)
    }

    fn configure(&self, mirror: &Mirror, architecture: &str) -> std::io::Result<()> {
        for dir in ["state/lists/partial", "cache/archives/partial", "none/partial", "etc"] {
            fs::create_dir_all(self.dir.join(dir))?;
        }
        let signed_by = match &mirror.signed_by {
            Some(SignedBy::Name(name)) => format!("[signed-by={}] ", name.replace('\n', ",")),
            Some(SignedBy::Key(key)) => {
                let path = self.dir.join("etc/mirror.asc");
                write_atomically(&path, key.as_bytes())?;
                format!("[signed-by={}] ", path.display())
            }
            None => String::new(),
        };
        let source = format!("deb {signed_by}{} {} main\n", mirror.uri, self.suite);
        write_atomically(&self.dir.join("etc/sources.list"), source.as_bytes())?;
        write_atomically(&self.dir.join("status"), b"")?;
        let mut settings = settings(&self.dir, architecture);
        settings.push_str(&self.host_transport());
        write_atomically(&self.dir.join("apt.conf"), settings.as_bytes())
    }

    /// The host's proxies, certificates and timeouts, so that its mirror can be reached in the way
    /// that its administrator set up.
    fn host_transport(&self) -> String {
        let Some(program) = self.host.environment.find_program("apt-config") else {
            return String::new();
        };
        let dump = Process::new(program).arg("dump").stdout().unwrap_or_default();
        let kept = dump.lines().filter(|line| {
            line.starts_with("Acquire::http") || line.starts_with("Acquire::Retries")
        });
        kept.fold(String::new(), |text, line| text + line + "\n")
    }

    fn run(&self, arguments: &[&str]) -> Result<Output, Problem> {
        Process::new(&self.program)
            .envs(&self.host.environment.for_network())
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
            .env("APT_CONFIG", self.dir.join("apt.conf"))
            .args(arguments)
            .output()
    }

    /// Fetches and verifies the suite's index.
    pub(super) fn update(&self) -> Result<(), Problem> {
        self.update_with(&[])
    }

    /// The same, with further settings.
    pub(super) fn update_with(&self, settings: &[&str]) -> Result<(), Problem> {
        let mut arguments = vec!["-qq", "-o", "APT::Update::Error-Mode=any"];
        arguments.extend(settings.iter().flat_map(|it| ["-o", it]));
        arguments.push("update");
        let output = self.run(&arguments)?;
        if output.status.success() {
            return Ok(());
        }
        Err(Problem::new(format!("cannot read the index of Debian `{}`", self.suite))
            .fact("apt-get", errors_of(&output))
            .hint(
                "check that the mirror in `/etc/apt` can be reached and has this suite; a proxy is \
                 taken from `http_proxy` or from apt's own settings",
            ))
    }

    /// The archives that installing `packages` into an empty system takes.
    pub(super) fn resolve(&self, packages: &BTreeSet<String>) -> Result<Vec<Archive>, Problem> {
        // Archives that are already in the cache would be left out of the list.
        let empty = format!("Dir::Cache::archives={}/", self.dir.join("none").display());
        let mut arguments = vec!["-qq", "-y", "-o", &empty, "--print-uris", "install", "--"];
        arguments.extend(packages.iter().map(String::as_str));
        let output = self.run(&arguments)?;
        if !output.status.success() {
            return Err(self.unresolved(&output));
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut archives: Vec<Archive> = text
            .lines()
            .filter(|line| line.starts_with('\''))
            .map(parse_uri_line)
            .collect::<Result<_, _>>()?;
        archives.sort_by(|a, b| a.package.cmp(&b.package));
        Ok(archives)
    }

    fn unresolved(&self, output: &Output) -> Problem {
        let errors = errors_of(output);
        let unknown: Vec<&str> = errors
            .lines()
            .filter_map(|line| {
                let rest = line.split_once("Unable to locate package ");
                let rest = rest.map(|(_, name)| name.trim());
                rest.or_else(|| Some(line.split_once("Package '")?.1.split_once('\'')?.0))
            })
            .collect();
        let Some(first) = unknown.first() else {
            return Problem::new(format!("apt cannot install the packages from `{}`", self.suite))
                .fact("apt-get", errors);
        };
        let what = format!("Debian `{}` has no package `{}`", self.suite, unknown.join("`, `"));
        let names = self.package_names();
        let hint = match nearest(first, names.lines()) {
            _ if first.starts_with("python3") => format!(
                "the suite has another Python; set `toolchain.debian.suite` to one with `{first}`"
            ),
            Some(name) => format!("did you mean `{name}`?"),
            None => {
                "`toolchain.debian.packages` and `override.*.build.system-packages` name packages"
                    .into()
            }
        };
        let problem = Problem::usage(what);
        let pythons = pythons(&names);
        let is_python = first.starts_with("python3") && !pythons.is_empty();
        let problem = if is_python { problem.fact("it has", pythons.join(", ")) } else { problem };
        problem.hint(hint)
    }

    fn package_names(&self) -> String {
        let Some(program) = self.host.environment.find_program("apt-cache") else {
            return String::new();
        };
        Process::new(program)
            .env("APT_CONFIG", self.dir.join("apt.conf"))
            .arg("pkgnames")
            .stdout()
            .unwrap_or_default()
    }

    /// Downloads the archives and verifies each; returns where they are.
    pub(super) fn download(
        &self,
        packages: &BTreeSet<String>,
        archives: &[Archive],
    ) -> Result<Vec<PathBuf>, Problem> {
        let mut arguments = vec!["-qq", "-y", "--download-only", "install", "--"];
        arguments.extend(packages.iter().map(String::as_str));
        let output = self.run(&arguments)?;
        if !output.status.success() {
            return Err(Problem::new("cannot download the toolchain's packages")
                .fact("apt-get", errors_of(&output))
                .hint("the mirror may be changing just now; try again"));
        }
        archives.iter().map(|archive| self.verified(archive)).collect()
    }

    fn verified(&self, archive: &Archive) -> Result<PathBuf, Problem> {
        let path = self.dir.join("cache/archives").join(&archive.file);
        let problem = || Problem::new(format!("cannot use the package `{}`", archive.package));
        let bytes = fs::read(&path).map_err(|error| problem().cause(error))?;
        let received = Sha256::of(&bytes);
        if received == archive.package.sha256 {
            return Ok(path);
        }
        // It is not what it was; the next run downloads it anew.
        let _ = fs::remove_file(&path);
        Err(problem()
            .fact("expected", format!("sha256:{} (the suite's index)", archive.package.sha256))
            .fact("received", format!("sha256:{received}"))
            .hint("run it again: the file was removed from the cache"))
    }
}

/// apt.conf(5). `Dir` keeps every file of the host out, its apt.conf included; `Acquire::ForceHash`
/// makes `--print-uris` print sha256 where apt's default is the first hash of the index;
/// `APT::Cmd::Pattern-Only` keeps it from reading a name that it does not know as a regular
/// expression, which installs whatever that matches.
fn settings(dir: &Path, architecture: &str) -> String {
    let dir = dir.display();
    format!(
        r#"Dir "{dir}";
Dir::State "{dir}/state";
Dir::State::status "{dir}/status";
Dir::Cache "{dir}/cache";
Dir::Etc "{dir}/etc";
Dir::Etc::trustedparts "/etc/apt/trusted.gpg.d";
Dir::Etc::netrcparts "/etc/apt/auth.conf.d";
Acquire::Check-Valid-Until "false";
Acquire::ForceHash "sha256";
Acquire::Languages "none";
Acquire::Retries "3";
APT::Architecture "{architecture}";
APT::Architectures "{architecture}";
APT::Cmd::Pattern-Only "true";
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Sandbox::User "";
Debug::NoLocking "true";
"#
    )
}

/// `'uri' name_version_arch.deb size SHA256:hex`; a colon in the version is written `%3a`.
fn parse_uri_line(line: &str) -> Result<Archive, Problem> {
    let parse = || {
        let mut words = line.split_whitespace().skip(1);
        let file = words.next()?;
        let sha256 = words.nth(1)?.strip_prefix("SHA256:")?;
        let mut parts = file.strip_suffix(".deb")?.splitn(3, '_');
        let package = SystemPackage {
            name: parts.next()?.to_owned(),
            version: parts.next()?.replace("%3a", ":"),
            architecture: parts.next()?.to_owned(),
            sha256: Sha256::from_hex(sha256).ok()?,
        };
        Some(Archive { package, file: file.to_owned() })
    };
    parse().filter(|archive| !archive.file.contains('/')).ok_or_else(|| {
        Problem::new("`apt-get --print-uris` printed a line of another form").fact("line", line)
    })
}

/// Of names of packages, those of interpreters.
fn pythons(names: &str) -> Vec<&str> {
    let minor = |name: &str| name.strip_prefix("python3.")?.parse::<u8>().ok();
    let mut found: Vec<&str> = names.lines().filter(|name| minor(name).is_some()).collect();
    found.sort_by_key(|name| minor(name));
    found
}

fn errors_of(output: &Output) -> String {
    let printed = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8_lossy(&printed).into_owned();
    let errors: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("E:") || line.starts_with("W:") || line.starts_with("Err:"))
        .collect();
    if errors.is_empty() {
        return last_lines(&text, 10);
    }
    last_lines(&errors.join("\n"), 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_print_uris_is_taken_apart() {
        let hex = "5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe";
        let line =
            format!("'http://m.example/x.deb' libattr1_1%3a2.6.0-1_amd64.deb 24 SHA256:{hex}");
        let package = parse_uri_line(&line).unwrap().package;
        assert_eq!(package.to_string(), "libattr1 1:2.6.0-1 amd64");
        assert_eq!(package.sha256.to_string(), hex);
        for line in [
            "'x' a_1_all.deb 24 MD5Sum:aa".to_owned(),
            format!("'x' ../a_1_all.deb 24 SHA256:{hex}"),
            format!("'x' a_1.deb 24 SHA256:{hex}"),
            "'x'".to_owned(),
        ] {
            assert!(parse_uri_line(&line).is_err(), "{line}");
        }
    }
}
