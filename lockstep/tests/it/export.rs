//! What uv itself would install: `uv export --frozen`, its markers evaluated for an environment.
//! No tests here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use base::packaging::{Marker, MarkerEnvironment, Version};
use base::sys::Host;
use base::sys::env::Environment;
use base::vocabulary::progress::Silent;
use builder::toolchain::uv::provide_uv;

use crate::cli::{command, end, shared_cache};

/// The sha256 that uv accepts, by what it installs: `name==version`, `name @ url`, or the path of a
/// local tree or archive.
pub(crate) type Installed = BTreeMap<String, BTreeSet<String>>;

/// What `uv export --frozen` prints, whatever the environment.
pub(crate) struct Export(Vec<Line>);

struct Line {
    what: String,
    marker: Marker,
    hashes: BTreeSet<String>,
}

impl Export {
    /// Asks the uv that the tool itself uses. `Err` is what uv says.
    pub(crate) fn of(project: &Path, flags: &[&str]) -> Result<Self, String> {
        let arguments = ["export", "--frozen", "--no-annotate", "--no-header", "--quiet"];
        let offline = ["--offline", "--no-config"];
        let arguments = [&arguments[..], &offline, flags].concat();
        let ended = end(command(uv()).args(arguments).current_dir(project));
        if ended.code != Some(0) {
            return Err(ended.stderr);
        }
        let joined = ended.stdout.replace("\\\n", " ");
        Ok(Self(joined.lines().filter(|line| !line.is_empty()).map(line).collect()))
    }

    /// What is installed in an environment.
    pub(crate) fn on(&self, environment: &MarkerEnvironment) -> Installed {
        let lines = self.0.iter().filter(|line| line.marker.evaluate(environment, &[]));
        lines.map(|line| (line.what.clone(), line.hashes.clone())).collect()
    }
}

fn line(text: &str) -> Line {
    let mut parts = text.split(" --hash=");
    let requirement = parts.next().unwrap().trim();
    let requirement = requirement.strip_prefix("-e ").unwrap_or(requirement);
    let (what, marker) = requirement.split_once(" ; ").unwrap_or((requirement, ""));
    let what = what.strip_prefix("./").unwrap_or(what).trim();
    Line {
        what: what.to_owned(),
        marker: if marker.is_empty() { Marker::default() } else { marker.parse().unwrap() },
        hashes: parts.map(|hash| hash.trim().to_owned()).collect(),
    }
}

/// The uv that the tool itself uses.
pub(crate) fn uv() -> PathBuf {
    let environment = Environment::capture();
    let cache = shared_cache();
    provide_uv(&Host { environment: &environment, cache: &cache, progress: &Silent }).unwrap().path
}

/// PEP 508's variables of a CPython on Linux, written by hand: not by the code that is tested.
pub(crate) fn markers(python: &str, machine: &str) -> MarkerEnvironment {
    let full: Version = format!("{python}.0").parse().unwrap();
    MarkerEnvironment {
        implementation_name: "cpython".to_owned(),
        implementation_version: full.clone(),
        os_name: "posix".to_owned(),
        platform_machine: machine.to_owned(),
        platform_python_implementation: "CPython".to_owned(),
        platform_release: String::new(),
        platform_system: "Linux".to_owned(),
        platform_version: String::new(),
        python_full_version: full,
        sys_platform: "linux".to_owned(),
    }
}
