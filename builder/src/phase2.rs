//! Small parts of phase 2 that belong to no single stage.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use uv_normalize::PackageName;

use crate::build_graph::BuildName;
use crate::collisions::{Collision, Decision};
use crate::fetch::request::Shelf;
use crate::manifest::{InstalledFrom, Kind};
use crate::output::Output;
use crate::phase1::Fetched;
use crate::recipe::BytecodePolicy;
use crate::resolve::{Artifact, Resolution};
use crate::sources::project_directory;
use crate::sys::cache::WORK;
use crate::sys::process::last_lines;
use crate::sys::sandbox::{Invocation, OutputTo};
use crate::venv::Installer;
use crate::vocabulary::redacted::redacted;
use crate::vocabulary::{Problem, Redacted};
use crate::wheel_archive::WheelArchive;
use crate::wheels::BuiltWheel;

/// How many processors this process may use. It decides how many builds run at once, never what
/// they give.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The wheel of every distribution that is installed: downloaded or built.
pub fn wheel_paths(
    resolution: &Resolution,
    wheelhouse: &Path,
    built: &BTreeMap<BuildName, BuiltWheel>,
) -> Vec<PathBuf> {
    let downloaded = wheelhouse.join(Shelf::Wheels.directory());
    let path = |name: &PackageName, artifact: &Artifact| match artifact {
        _ if artifact.is_built() => {
            built.get(&BuildName::Installed(name.clone())).map(|wheel| wheel.path.clone())
        }
        Artifact::Wheel(file) => Some(downloaded.join(&file.filename)),
        Artifact::Url { filename, .. } => Some(downloaded.join(filename)),
        Artifact::Path { path, .. } => {
            Some(downloaded.join(path.rsplit('/').next().unwrap_or_default()))
        }
        _ => None,
    };
    resolution.distributions.iter().filter_map(|it| path(&it.name, &it.artifact)).collect()
}

/// Copies wheels into a directory, which is made if need be.
pub fn copy_wheels(built: &BTreeMap<BuildName, BuiltWheel>, into: &Path) -> Result<(), Problem> {
    let copy = || -> std::io::Result<()> {
        fs_err::create_dir_all(into)?;
        for wheel in built.values() {
            let name = wheel.path.file_name().expect("a wheel has a file name");
            fs_err::copy(&wheel.path, into.join(name))?;
        }
        Ok(())
    };
    copy().map_err(|error| Problem::new("cannot copy the built wheels").cause(error))
}

/// Where each installed distribution came from, for the manifest.
pub fn installed_from(
    fetched: &Fetched,
    wheels: &[WheelArchive],
) -> Result<Vec<InstalledFrom>, Problem> {
    let mut installed = Vec::new();
    for wheel in wheels {
        let distribution = fetched.resolution.get(&wheel.name).ok_or_else(|| {
            Problem::new(format!("`{}` is installed and was not resolved", wheel.name))
        })?;
        let (kind, origin, sha256) = match &distribution.artifact {
            Artifact::Wheel(file) => (Kind::Wheel, file.filename.clone(), file.sha256),
            Artifact::Sdist(file) => (Kind::Sdist, file.filename.clone(), file.sha256),
            Artifact::Url { url, sha256, .. } => (Kind::Url, Redacted(url).to_string(), *sha256),
            Artifact::Path { path, sha256 } => (Kind::Path, path.clone(), *sha256),
            Artifact::Git(git) => {
                let path = format!("git/{}", crate::plan::git_directory(distribution));
                let tree = fetched.wheelhouse.path.join(path);
                let origin = format!("{}@{}", redacted(&git.url), git.commit);
                (Kind::Git, origin, crate::nar::hash_path(&tree)?)
            }
            Artifact::Tree { path, nar_hash } => (Kind::Tree, path.clone(), *nar_hash),
            Artifact::Local(path) => {
                let tree = project_directory(&fetched.application.tree, path)?;
                (Kind::Local, path.clone(), crate::nar::hash_path(&tree)?)
            }
            Artifact::Virtual(_) => continue,
        };
        installed.push(InstalledFrom {
            name: wheel.name.clone(),
            // What was resolved, so that a wheel of another version is seen.
            version: distribution.version.clone().unwrap_or_else(|| wheel.version.clone()),
            kind,
            origin,
            sha256,
        });
    }
    Ok(installed)
}

/// Compiles bytecode (PEP 552, unchecked-hash), in the order of sorted paths and by one process:
/// the bytes of a `.pyc` can depend on what was compiled before it (CPython issue 129724).
pub fn compile(
    policy: BytecodePolicy,
    output: &Output,
    installer: &Installer<'_>,
) -> Result<(), Problem> {
    if policy == BytecodePolicy::None {
        return Ok(());
    }
    let sandbox = installer.sandbox().bind_rw(&output.root, &output.prefix);
    let lib = output.site_packages.split('/').next().unwrap_or("lib");
    let reversed = installer.toolchain.surroundings.reversed_bytecode;
    let order = if reversed { "reversed" } else { "sorted" };
    // The toolchain's interpreter and `-S`: the venv's own would run the `.pth` files in it, which
    // is foreign code, and what that imports would be compiled with a time stamp.
    let invocation = Invocation {
        program: installer.toolchain.python.clone(),
        arguments: ["-S", "-c", COMPILE, &format!("{}/{lib}", output.prefix), order]
            .map(str::to_owned)
            .to_vec(),
        directory: "/".to_owned(),
    };
    let finished = sandbox.run(&invocation, OutputTo::Capture)?;
    if !finished.success() {
        let text = String::from_utf8_lossy(&finished.stderr).into_owned();
        return Err(Problem::new("cannot compile bytecode").fact("printed", last_lines(&text, 10)));
    }
    Ok(())
}

/// Compiles every module below a directory, in the order that is named. Wheels ship templates and
/// test data that never were Python, so what does not compile is left; what cannot be read or
/// written is an error.
const COMPILE: &str = "\
import os, py_compile, sys
backwards = sys.argv[2] == 'reversed'
for top, dirs, files in os.walk(sys.argv[1]):
    dirs.sort(reverse=backwards)
    for name in sorted(files, reverse=backwards):
        if name.endswith('.py'):
            try:
                py_compile.compile(
                    os.path.join(top, name), doraise=True, quiet=2,
                    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
            except (py_compile.PyCompileError, SyntaxError, ValueError):
                pass
";

/// With less room than this, a program's complaint that there is none is believed.
const LITTLE_ROOM: u64 = 256 << 20;

/// What failed because the disk is full says so, whichever program ran into it first. The kernel
/// words a lack of namespaces in the same way, so the disk is asked too.
pub fn told_of_full_disk(problem: Problem, cache: &Path) -> Problem {
    let text = crate::vocabulary::problem::render(&anyhow::Error::new(problem.clone()));
    let room = rustix::fs::statvfs(cache.join(WORK));
    let free = room.map_or(u64::MAX, |stat| stat.f_bavail.saturating_mul(stat.f_frsize));
    if !text.contains("No space left on device") || free > LITTLE_ROOM {
        return problem;
    }
    problem
        .fact("because", "the disk is full")
        .fact("where", cache.display())
        .fact("free", format!("{free} bytes"))
        .hint("make room there, or set `LOCKSTEP_CACHE_DIR` to a larger disk")
}

/// One line about a collision, for a person.
pub fn describe_collision(collision: &Collision) -> String {
    let providers: Vec<String> = collision.providers.iter().map(ToString::to_string).collect();
    let decision = match &collision.decision {
        Decision::Identical => "same bytes".to_owned(),
        Decision::Winner(name) => format!("{name}'s stays"),
        Decision::Dropped => "dropped".to_owned(),
    };
    format!("{}: {} ({decision})", collision.path, providers.join(", "))
}
