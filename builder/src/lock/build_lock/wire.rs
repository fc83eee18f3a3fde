//! The build lock's file form. Version 2 adds build requirements that are built from source or do
//! not come from an index, and entries with a part for each target. A lock without any of these is
//! written as version 1, so existing locks keep their bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{
    BuildLock, ByTarget, FilePlace, LockedBuild, LockedFile, Needs, Requirement, SourcePin, Tool,
    ToolSource,
};
use crate::lock::GitSource;
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

/// An entry: the four keys of [`NeedsWire`] are its own where all targets agree.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct BuildWire {
    name: String,
    /// Only a tool has one, and the keys that say where its source is.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subdirectory: Option<String>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    requires: Option<BTreeSet<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requirements: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    from_source: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    sources: BTreeMap<String, String>,
    #[serde(default, rename = "target", skip_serializing_if = "Vec::is_empty")]
    targets: Vec<NeedsWire>,
}

/// What some targets need, where they do not agree.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct NeedsWire {
    names: BTreeSet<String>,
    #[serde(
        default,
        rename = "extra-build-dependencies",
        skip_serializing_if = "BTreeSet::is_empty"
    )]
    extra_requires: BTreeSet<String>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

/// The newest version of the form that this tool understands.
const NEWEST: u32 = 2;

pub(super) fn parse(path: &str, text: &str) -> Result<BuildLock, Problem> {
    let wire: Wire = toml::from_str(text).map_err(|error| {
        Problem::usage(format!("cannot read the build lock `{path}`"))
            .fact("because", error.to_string().trim_end())
            .hint("`lockstep build-lock` rewrites it")
    })?;
    if !(1..=NEWEST).contains(&wire.version) {
        return Err(Problem::usage(format!(
            "the build lock `{path}` has version {}; this tool understands versions 1 to {NEWEST}",
            wire.version
        ))
        .hint("`lockstep build-lock` rewrites it"));
    }
    let mut lock = BuildLock {
        exclude_newer: wire.exclude_newer,
        constraints: wire.constraints,
        ..BuildLock::default()
    };
    for build in wire.builds {
        let name: PackageName = parsed(path, &build.name)?;
        let Some(version) = &build.version else {
            lock.builds.insert(name, locked_build(path, build)?);
            continue;
        };
        let requirement = Requirement { name, version: parsed(path, version)? };
        let source = tool_source(path, &build)?;
        let tool = Tool { source, build: locked_build(path, build)? };
        lock.tools.insert(requirement, tool);
    }
    for wheel in wire.wheels {
        let requirement = Requirement {
            name: parsed(path, &wheel.name)?,
            version: parsed(path, &wheel.version)?,
        };
        lock.wheels.entry(requirement).or_default().push(LockedFile {
            filename: wheel.file,
            sha256: wheel.sha256,
            size: wheel.size,
            place: place(path, wheel.url, wheel.path)?,
        });
    }
    Ok(lock)
}

fn place(lock: &str, url: Option<String>, path: Option<String>) -> Result<FilePlace, Problem> {
    match (url, path) {
        (None, None) => Ok(FilePlace::Index),
        (Some(url), None) => Ok(FilePlace::Url(parsed(lock, &url)?)),
        (None, Some(path)) => Ok(FilePlace::Path(inside(lock, path)?)),
        (Some(url), Some(_)) => Err(invalid(lock, &url, "it has a `path` beside its `url`")),
    }
}

/// A path of the application's tree. A build lock is not trusted to name files of the host.
fn inside(lock: &str, path: String) -> Result<String, Problem> {
    use std::path::Component;
    let mut parts = std::path::Path::new(&path).components();
    if parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Ok(path);
    }
    Err(invalid(lock, &path, "it leads out of the source tree"))
}

fn tool_source(path: &str, wire: &BuildWire) -> Result<ToolSource, Problem> {
    let incomplete = |lacks| invalid(path, &wire.name, lacks);
    match pin(path, &wire.source)? {
        SourcePin::Sha256(sha256) => Ok(ToolSource::Archive {
            file: LockedFile {
                filename: wire.file.clone().ok_or_else(|| incomplete("it has no `file`"))?,
                sha256,
                size: wire.size,
                place: place(path, wire.url.clone(), wire.path.clone())?,
            },
            subdirectory: wire.subdirectory.clone(),
        }),
        SourcePin::Commit(commit) => Ok(ToolSource::Git(GitSource {
            url: wire.repository.clone().ok_or_else(|| incomplete("it has no `repository`"))?,
            commit,
            reference: wire.reference.clone(),
            subdirectory: wire.subdirectory.clone(),
            lfs: false,
        })),
        SourcePin::Local(dir) => Ok(ToolSource::Local(inside(path, dir)?)),
        SourcePin::Tree(_) => Err(incomplete("a tree of the recipe is no build requirement")),
    }
}

fn locked_build(path: &str, wire: BuildWire) -> Result<LockedBuild, Problem> {
    let sources = wire.sources.into_iter().map(|(name, text)| Ok((parsed(path, &name)?, text)));
    let common = NeedsWire {
        names: BTreeSet::new(),
        extra_requires: wire.extra_requires,
        requires: wire.requires.unwrap_or_default(),
        requirements: wire.requirements.unwrap_or_default(),
        from_source: wire.from_source,
    };
    let needs = if wire.targets.is_empty() {
        ByTarget::Same(needs(path, common)?)
    } else {
        let mut parts = BTreeMap::new();
        for wire in wire.targets {
            let names = wire.names.clone();
            let needs = needs(path, wire)?;
            parts.extend(names.into_iter().map(|name| (name, needs.clone())));
        }
        ByTarget::Differs(parts)
    };
    Ok(LockedBuild {
        source: pin(path, &wire.source)?,
        overrides: wire.overrides,
        told: wire.told,
        backend: wire.backend,
        sources: sources.collect::<Result<_, Problem>>()?,
        needs,
    })
}

fn needs(path: &str, wire: NeedsWire) -> Result<Needs, Problem> {
    let requirements = wire.requirements.iter().map(|text| requirement(path, text));
    let from_source = wire.from_source.iter().map(|name| parsed(path, name));
    Ok(Needs {
        extra_requires: wire.extra_requires,
        requires: wire.requires,
        requirements: requirements.collect::<Result<_, Problem>>()?,
        from_source: from_source.collect::<Result<_, Problem>>()?,
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
        .hint("`lockstep build-lock` rewrites it")
}

pub(super) fn render(lock: &BuildLock) -> String {
    let builds = lock.builds.iter().map(|(name, build)| build_wire(name, build));
    let tools = lock.tools.iter().map(|(requirement, tool)| tool_wire(requirement, tool));
    let wheels = lock.wheels.iter().flat_map(|(requirement, files)| {
        files.iter().map(|file| {
            let (url, path) = place_wire(&file.place);
            WheelWire {
                name: requirement.name.to_string(),
                version: requirement.version.to_string(),
                file: file.filename.clone(),
                sha256: file.sha256,
                size: file.size,
                url,
                path,
            }
        })
    });
    let mut wire = Wire {
        version: 1,
        exclude_newer: lock.exclude_newer.clone(),
        constraints: lock.constraints.clone(),
        builds: builds.chain(tools).collect(),
        wheels: wheels.collect(),
    };
    let is_new = |build: &BuildWire| {
        build.version.is_some() || !build.targets.is_empty() || !build.sources.is_empty()
    };
    let elsewhere = |wheel: &WheelWire| wheel.url.is_some() || wheel.path.is_some();
    if wire.builds.iter().any(is_new) || wire.wheels.iter().any(elsewhere) {
        wire.version = NEWEST;
    }
    let text = toml::to_string_pretty(&wire).expect("the wire form has only plain values");
    format!("{HEADER}\n{text}")
}

fn build_wire(name: &PackageName, build: &LockedBuild) -> BuildWire {
    let mut wire = BuildWire {
        name: name.to_string(),
        source: build.source.to_string(),
        overrides: build.overrides,
        told: build.told,
        backend: build.backend.clone(),
        sources: build.sources.iter().map(|(name, it)| (name.to_string(), it.clone())).collect(),
        ..BuildWire::default()
    };
    match &build.needs {
        ByTarget::Same(needs) => {
            let needs = needs_wire(BTreeSet::new(), needs);
            wire.extra_requires = needs.extra_requires;
            wire.requires = Some(needs.requires);
            wire.requirements = Some(needs.requirements);
            wire.from_source = needs.from_source;
        }
        differs @ ByTarget::Differs(_) => {
            let parts = differs.parts().into_iter();
            wire.targets = parts.map(|(names, needs)| needs_wire(names, needs)).collect();
        }
    }
    wire
}

fn needs_wire(names: BTreeSet<String>, needs: &Needs) -> NeedsWire {
    NeedsWire {
        names,
        extra_requires: needs.extra_requires.clone(),
        requires: needs.requires.clone(),
        requirements: needs.requirements.iter().map(ToString::to_string).collect(),
        from_source: needs.from_source.iter().map(ToString::to_string).collect(),
    }
}

fn tool_wire(requirement: &Requirement, tool: &Tool) -> BuildWire {
    let mut wire = build_wire(&requirement.name, &tool.build);
    wire.version = Some(requirement.version.to_string());
    match &tool.source {
        ToolSource::Archive { file, subdirectory } => {
            wire.file = Some(file.filename.clone());
            wire.size = file.size;
            (wire.url, wire.path) = place_wire(&file.place);
            wire.subdirectory.clone_from(subdirectory);
        }
        ToolSource::Git(git) => {
            wire.repository = Some(git.url.clone());
            wire.reference.clone_from(&git.reference);
            wire.subdirectory.clone_from(&git.subdirectory);
        }
        ToolSource::Local(_) => {}
    }
    wire
}

fn place_wire(place: &FilePlace) -> (Option<String>, Option<String>) {
    match place {
        FilePlace::Index => (None, None),
        FilePlace::Url(url) => (Some(url.to_string()), None),
        FilePlace::Path(path) => (None, Some(path.clone())),
    }
}
