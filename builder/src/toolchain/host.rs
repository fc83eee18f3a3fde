//! The machine's own root, with an interpreter that uv finds or installs. It builds with the
//! compiler and libraries of the machine; the fingerprint records them as far as possible.

use std::path::{Path, PathBuf};

use fs_err as fs;

use super::uv::{Uv, provide_uv};
use super::{Bind, Toolchain, Wanted};
use base::recipe::{Provider, RunLimits};
use base::sys::Host;
use base::sys::files::{digest_of, sorted_entries};
use base::sys::process::Process;
use base::sys::sandbox::{Invocation, OutputTo, RootFs, Surroundings};
use base::vocabulary::fingerprint::Fingerprint;
use base::vocabulary::{Problem, Sha256};

pub(super) fn provide(wanted: &Wanted<'_>, host: &Host<'_>) -> Result<Toolchain, Problem> {
    host.progress.note(LESS_ISOLATED);
    let uv = provide_uv(host)?;
    let request = format!("{}.{}", wanted.python.0, wanted.python.1);
    let mut found = find(&uv, &request, host);
    if found.is_err() {
        host.progress.begin("interpreter");
        install(&uv, &request, host)?;
        host.progress.end("interpreter");
        found = find(&uv, &request, host);
    }
    let python = found?;
    let binary = fs::canonicalize(&python).map_err(|error| {
        Problem::new(format!("cannot use the interpreter `{}`", python.display())).cause(error)
    })?;
    let bytes = fs::read(&binary)
        .map_err(|error| Problem::new("cannot read the interpreter").cause(error))?;
    let mut toolchain = Toolchain {
        provider: Provider::Host,
        root: RootFs::Host,
        binds: outside_of_root(&binary),
        python: binary.to_string_lossy().into_owned(),
        installed_for: None,
        python_version: String::new(),
        fingerprint: Sha256::of(&bytes),
        packages: Vec::new(),
        surroundings: Surroundings::default(),
        limits: RunLimits::default(),
    };
    let script = "import platform; print(platform.python_version())";
    let python = toolchain.python.clone();
    let version = inside(&toolchain, &python, &["-I", "-c", script])?;
    version.trim().clone_into(&mut toolchain.python_version);
    let gcc = inside(&toolchain, "gcc", &["--version"]).map_err(|problem| {
        problem.hint("the `host` toolchain builds with the machine's compiler: install `gcc`")
    })?;
    let fingerprint = Fingerprint::new("host root 2")
        .with("python", &toolchain.python_version)
        .with("binary", toolchain.fingerprint.as_bytes())
        .with("gcc", gcc);
    toolchain.fingerprint = installed()?
        .iter()
        .fold(fingerprint, |it, (name, state)| it.with(name, state.as_bytes()))
        .finish();
    Ok(toolchain)
}

/// Told once, as not everybody chose it: it also serves where another provider cannot.
const LESS_ISOLATED: &str = "the `host` toolchain is less isolated than `debian`: builds can read \
     whatever everybody may read in this machine's `/usr`";

/// What distributions keep of the packages that are installed: Debian, Alpine, Fedora, Arch.
const DATABASES: [&str; 4] = [
    "/var/lib/dpkg/status",
    "/lib/apk/db/installed",
    "/usr/lib/sysimage/rpm/rpmdb.sqlite",
    "/var/lib/pacman/local",
];

/// The state of the machine's packages: a library that was installed or updated since can be in
/// what is built now. What no package manager installed is not seen.
fn installed() -> Result<Vec<(&'static str, Sha256)>, Problem> {
    let mut found = Vec::new();
    for database in DATABASES {
        let path = Path::new(database);
        let read = || -> std::io::Result<Option<Sha256>> {
            if path.is_dir() {
                let names = sorted_entries(path)?.into_iter().map(|it| it.file_name());
                let names: Vec<String> = names.map(|it| it.display().to_string()).collect();
                return Ok(Some(Sha256::of(names.join("\n"))));
            }
            if path.is_file() { digest_of(path).map(|(digest, _)| Some(digest)) } else { Ok(None) }
        };
        let digest = read().map_err(|error| {
            Problem::new(format!("cannot tell what is installed by `{database}`")).cause(error)
        })?;
        found.extend(digest.map(|digest| (database, digest)));
    }
    Ok(found)
}

fn uv_python(uv: &Uv, host: &Host<'_>) -> Process {
    Process::new(&uv.path)
        .envs(&host.environment.for_network())
        .env("UV_CACHE_DIR", host.cache.join("uv/cache"))
        .env("UV_PYTHON_INSTALL_DIR", host.cache.join("uv/python"))
        .args(["--no-config", "python"])
}

fn find(uv: &Uv, request: &str, host: &Host<'_>) -> Result<PathBuf, Problem> {
    let found = uv_python(uv, host)
        .args(["find", "--system", "--no-python-downloads", "--", request])
        .stdout()
        .map_err(|error| {
            Problem::new(format!("this machine has no Python {request}")).cause(error)
        })?;
    Ok(PathBuf::from(found.trim()))
}

fn install(uv: &Uv, request: &str, host: &Host<'_>) -> Result<(), Problem> {
    uv_python(uv, host).args(["install", "--no-bin", "--", request]).stdout().map(drop).map_err(
        |error| {
            Problem::new(format!("this machine has no Python {request}, and uv cannot install one"))
                .cause(error)
                .hint(format!("install Python {request}, or use the `debian` toolchain"))
        },
    )
}

/// `<prefix>` of `<prefix>/bin/python3.14`, if the sandbox's root does not show it anyway.
fn outside_of_root(binary: &Path) -> Vec<Bind> {
    let shown = ["/usr", "/bin", "/lib"];
    if shown.iter().any(|dir| binary.starts_with(dir)) {
        return Vec::new();
    }
    let prefix = binary.parent().and_then(Path::parent);
    prefix.map(|it| Bind::same(it.to_owned())).into_iter().collect()
}

fn inside(toolchain: &Toolchain, program: &str, arguments: &[&str]) -> Result<String, Problem> {
    let invocation = Invocation {
        program: program.to_owned(),
        arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        directory: "/".to_owned(),
    };
    let finished = toolchain.sandbox().run(&invocation, OutputTo::Capture)?;
    if finished.success() {
        return Ok(String::from_utf8_lossy(&finished.stdout).into_owned());
    }
    Err(Problem::new(format!("`{program}` failed in the sandbox"))
        .fact("exit code", finished.code)
        .fact("printed", String::from_utf8_lossy(&finished.stderr)))
}
