//! Runs the host's own `apt-get` with a separate state, cache and settings. It verifies the index
//! of another release and resolves in it, without root privileges and without changing the host. It
//! downloads only the index: the resolved packages are locked, and `pool` fetches them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Output;

use fs_err as fs;
use percent_encoding::percent_decode_str;

use super::sources::{Mirror, SignedBy, mirror, sources_directory};
use crate::lock::toolchain_lock::{LockedPackage, SystemPackage, is_pool_path};
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
    mirror: Mirror,
    host: &'a Host<'a>,
}

impl<'a> Apt<'a> {
    /// Sets it up in `dir` for a suite and an architecture in Debian's words.
    pub(super) fn new(
        dir: PathBuf,
        suite: &'a str,
        architecture: &str,
        host: &'a Host<'a>,
    ) -> Result<Self, Problem> {
        let program = apt_get(host)?;
        let mirror = mirror(&sources_directory(host.environment))?;
        let shown = dir.display().to_string();
        if shown.contains(|c: char| c.is_control() || matches!(c, '"' | '\\')) {
            return Err(Problem::usage(format!("cannot set up apt in `{}`", shown.escape_debug()))
                .fact("because", "quotes and control characters have a meaning in `apt.conf`")
                .hint(
                    "give another `--cache-dir`, or let the recipe prefer the `host` toolchain",
                ));
        }
        let apt = Self { program, dir, suite, mirror, host };
        apt.configure(architecture).map_err(|error| {
            Problem::new(format!("cannot set up apt in `{}`", apt.dir.display())).cause(error)
        })?;
        Ok(apt)
    }

    fn configure(&self, architecture: &str) -> std::io::Result<()> {
        let mirror = &self.mirror;
        for dir in ["state/lists/partial", "cache/archives/partial", "etc"] {
            fs::create_dir_all(self.dir.join(dir))?;
        }
        let signed_by = match &mirror.signed_by {
            _ if mirror.trusted => "[trusted=yes] ".to_owned(),
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
        let dump = apt_config(self.host);
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

    /// What installing `packages` and all Essential packages into an empty system takes, sorted.
    pub(super) fn resolve(
        &self,
        packages: &BTreeSet<String>,
    ) -> Result<Vec<LockedPackage>, Problem> {
        let mut arguments = vec!["-qq", "-y", "--print-uris", "install", "--", "?essential"];
        arguments.extend(packages.iter().map(String::as_str));
        let output = self.run(&arguments)?;
        if !output.status.success() {
            return Err(self.unresolved(&output));
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines = text.lines().filter(|line| line.starts_with('\''));
        let mut packages: Vec<LockedPackage> =
            lines.map(|line| parse_uri_line(line, &self.mirror.uri)).collect::<Result<_, _>>()?;
        packages.sort();
        Ok(packages)
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
            return Problem::usage(format!(
                "apt cannot install the packages from `{}`",
                self.suite
            ))
            .fact("apt-get", errors)
            .hint("`toolchain.debian` and `override.*.build.system-packages` name packages");
        };
        let names = self.package_names();
        let problem = Problem::usage(format!(
            "Debian `{}` has no package `{}`",
            self.suite,
            unknown.join("`, `")
        ));
        let pythons = pythons(&names);
        if first.starts_with("python3") && !pythons.is_empty() {
            return problem.fact("it has", pythons.join(", ")).hint(format!(
                "the suite has another Python; set `toolchain.debian.suite` to one with `{first}`"
            ));
        }
        let meant = unknown.iter().filter_map(|name| Some((name, nearest(name, names.lines())?)));
        let meant: Vec<String> =
            meant.map(|(name, meant)| format!("`{meant}` for `{name}`")).collect();
        problem.hint(match &meant[..] {
            [] => "`apt-cache search WORD` finds names of packages".to_owned(),
            meant => format!("did you mean {}?", meant.join(", ")),
        })
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
}

/// The settings of the host's own apt; none where there is no apt.
fn apt_config(host: &Host<'_>) -> String {
    match host.environment.find_program("apt-config") {
        Some(program) => Process::new(program).arg("dump").stdout().unwrap_or_default(),
        None => String::new(),
    }
}

/// The proxies of the host's own apt, by scheme (apt-transport-http(1)).
pub(super) fn proxies(host: &Host<'_>) -> BTreeMap<String, String> {
    let dump = apt_config(host);
    let of = |scheme: &str| {
        let key = format!("Acquire::{scheme}::Proxy \"");
        let proxy = dump.lines().find_map(|line| line.strip_prefix(&key)?.strip_suffix("\";"));
        let proxy = proxy.filter(|it| !it.is_empty() && *it != "DIRECT");
        proxy.map(|proxy| (scheme.to_owned(), proxy.to_owned()))
    };
    ["http", "https"].into_iter().filter_map(of).collect()
}

/// The machine's `apt-get`.
pub(super) fn apt_get(host: &Host<'_>) -> Result<PathBuf, Problem> {
    host.environment.find_program("apt-get").ok_or_else(|| {
        Problem::new("the `debian` toolchain needs `apt-get`, which is not on `PATH`").hint(
            "lock the toolchain on a machine with apt, or let the recipe prefer the `host` \
             toolchain",
        )
    })
}

/// apt.conf(5). `Dir` keeps every file of the host out, its apt.conf included; `Acquire::ForceHash`
/// makes `--print-uris` print sha256 where apt's default is the first hash of the index;
/// `APT::Cmd::Pattern-Only` keeps it from reading a name that it does not know as a regular
/// expression, which installs whatever that matches; `ForceEssential` is apt itself by default,
/// which is not Essential (Debian policy, 3.8).
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
pkgCacheGen::ForceEssential ",";
Debug::NoLocking "true";
"#
    )
}

/// `'uri' name_version_arch.deb size SHA256:hex`; a colon in the version is written `%3a`.
fn parse_uri_line(line: &str, mirror: &str) -> Result<LockedPackage, Problem> {
    let parse = || {
        let mut words = line.split_whitespace();
        let uri = words.next()?.strip_prefix('\'')?.strip_suffix('\'')?;
        let path = uri.strip_prefix(mirror.trim_end_matches('/'))?.trim_start_matches('/');
        let mut parts = words.next()?.strip_suffix(".deb")?.splitn(3, '_');
        let size = words.next()?.parse().ok()?;
        let sha256 = words.next()?.strip_prefix("SHA256:")?;
        let package = SystemPackage {
            name: parts.next()?.to_owned(),
            version: parts.next()?.replace("%3a", ":"),
            architecture: parts.next()?.to_owned(),
            sha256: Sha256::from_hex(sha256).ok()?,
        };
        let path = percent_decode_str(path).decode_utf8().ok()?.into_owned();
        is_pool_path(&path).then_some(LockedPackage { package, size, path })
    };
    parse().ok_or_else(|| {
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
        let (uri, mirror) =
            ("http://m.example/debian/pool/main/a/a/a_1%2bb1_all.deb", "http://m.example/debian/");
        let line = format!("'{uri}' libattr1_1%3a2.6.0-1_amd64.deb 24 SHA256:{hex}");
        let found = parse_uri_line(&line, mirror).unwrap();
        assert_eq!(found.package.to_string(), "libattr1 1:2.6.0-1 amd64");
        assert_eq!(found.package.sha256.to_string(), hex);
        assert_eq!((found.size, found.path.as_str()), (24, "pool/main/a/a/a_1+b1_all.deb"));
        for line in [
            format!("'{uri}' a_1_all.deb 24 MD5Sum:aa"),
            format!("'{uri}' a_1_all.deb many SHA256:{hex}"),
            format!("'http://n.example/debian/pool/a.deb' a_1_all.deb 24 SHA256:{hex}"),
            format!("'http://m.example/debian/../pool/a.deb' a_1_all.deb 24 SHA256:{hex}"),
            format!("'{uri}' a_1.deb 24 SHA256:{hex}"),
            "'x'".to_owned(),
        ] {
            assert!(parse_uri_line(&line, mirror).is_err(), "{line}");
        }
    }
}
