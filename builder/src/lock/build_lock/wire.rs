//! The build lock's file form. Version 1.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{BuildLock, LockedBuild, LockedFile, Requirement, SourcePin};
use base::packaging::{PackageName, Version};
use base::vocabulary::{Problem, Sha256};

const HEADER: &str = "\
# Build requirements of every distribution that is built from source; uv.lock has none.
# Written by `cargo xtask build-lock`; do not edit.
";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Wire {
    version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    exclude_newer: Option<String>,
    #[serde(
        default,
        rename = "build-constraint-dependencies",
        skip_serializing_if = "BTreeSet::is_empty"
    )]
    constraints: BTreeSet<String>,
    #[serde(default, rename = "build")]
    builds: Vec<BuildWire>,
    #[serde(default, rename = "wheel")]
    wheels: Vec<WheelWire>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct BuildWire {
    name: String,
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    overrides: Option<Sha256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    told: Option<Sha256>,
    #[serde(
        default,
        rename = "extra-build-dependencies",
        skip_serializing_if = "BTreeSet::is_empty"
    )]
    extra_requires: BTreeSet<String>,
    backend: String,
    requires: BTreeSet<String>,
    requirements: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    from_source: BTreeSet<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WheelWire {
    name: String,
    version: String,
    file: String,
    sha256: Sha256,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
}

pub(super) fn parse(path: &str, text: &str) -> Result<BuildLock, Problem> {
    let wire: Wire = toml::from_str(text).map_err(|error| {
        Problem::usage(format!("cannot read the build lock `{path}`"))
            .fact("because", error.to_string().trim_end())
            .hint("`cargo xtask build-lock` writes it anew")
    })?;
    if wire.version != 1 {
        return Err(Problem::usage(format!(
            "the build lock `{path}` has version {}; this tool understands version 1",
            wire.version
        ))
        .hint("`cargo xtask build-lock` writes it anew"));
    }
    let mut lock = BuildLock {
        exclude_newer: wire.exclude_newer,
        constraints: wire.constraints,
        ..BuildLock::default()
    };
    for build in wire.builds {
        let name: PackageName = parsed(path, &build.name)?;
        lock.builds.insert(name, locked_build(path, build)?);
    }
    let mut wheels: BTreeMap<Requirement, Vec<LockedFile>> = BTreeMap::new();
    for wheel in wire.wheels {
        let requirement = Requirement {
            name: parsed(path, &wheel.name)?,
            version: parsed(path, &wheel.version)?,
        };
        wheels.entry(requirement).or_default().push(LockedFile {
            filename: wheel.file,
            sha256: wheel.sha256,
            size: wheel.size,
        });
    }
    lock.wheels = wheels;
    Ok(lock)
}

fn locked_build(path: &str, wire: BuildWire) -> Result<LockedBuild, Problem> {
    Ok(LockedBuild {
        source: pin(path, &wire.source)?,
        overrides: wire.overrides,
        told: wire.told,
        extra_requires: wire.extra_requires,
        backend: wire.backend,
        requires: wire.requires,
        requirements: wire
            .requirements
            .iter()
            .map(|text| requirement(path, text))
            .collect::<Result<_, Problem>>()?,
        from_source: wire
            .from_source
            .iter()
            .map(|name| parsed(path, name))
            .collect::<Result<_, Problem>>()?,
    })
}

fn requirement(path: &str, text: &str) -> Result<Requirement, Problem> {
    let (name, version) = text.split_once("==").unwrap_or((text, ""));
    Ok(Requirement { name: parsed(path, name)?, version: parsed::<Version>(path, version)? })
}

fn pin(path: &str, text: &str) -> Result<SourcePin, Problem> {
    match text.split_once(':') {
        Some(("sha256", hex)) => Ok(SourcePin::Sha256(parsed(path, hex)?)),
        Some(("git", commit)) => Ok(SourcePin::Commit(commit.to_owned())),
        Some(("nar", sri)) => Sha256::from_sri(sri)
            .map(SourcePin::Tree)
            .map_err(|error| invalid(path, text, &error.to_string())),
        Some(("local", dir)) => Ok(SourcePin::Local(dir.to_owned())),
        _ => Err(invalid(path, text, "it is none of `sha256:`, `git:`, `nar:` and `local:`")),
    }
}

fn parsed<T: FromStr>(path: &str, text: &str) -> Result<T, Problem>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| invalid(path, text, &error.to_string()))
}

fn invalid(path: &str, text: &str, because: &str) -> Problem {
    Problem::usage(format!("`{text}` in the build lock `{path}` is not valid"))
        .fact("because", because)
        .hint("`cargo xtask build-lock` writes it anew")
}

pub(super) fn render(lock: &BuildLock) -> String {
    let builds = lock.builds.iter().map(|(name, build)| BuildWire {
        name: name.to_string(),
        source: build.source.to_string(),
        overrides: build.overrides,
        told: build.told,
        extra_requires: build.extra_requires.clone(),
        backend: build.backend.clone(),
        requires: build.requires.clone(),
        requirements: build.requirements.iter().map(ToString::to_string).collect(),
        from_source: build.from_source.iter().map(ToString::to_string).collect(),
    });
    let wheels = lock.wheels.iter().flat_map(|(requirement, files)| {
        files.iter().map(|file| WheelWire {
            name: requirement.name.to_string(),
            version: requirement.version.to_string(),
            file: file.filename.clone(),
            sha256: file.sha256,
            size: file.size,
        })
    });
    let wire = Wire {
        version: 1,
        exclude_newer: lock.exclude_newer.clone(),
        constraints: lock.constraints.clone(),
        builds: builds.collect(),
        wheels: wheels.collect(),
    };
    let text = toml::to_string_pretty(&wire).expect("the wire form has only plain values");
    format!("{HEADER}\n{text}")
}
