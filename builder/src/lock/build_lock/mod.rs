//! The build lock: for every distribution that is built from source, the exact versions and sha256
//! of its build requirements. `uv.lock` has no build requirements (uv issue 5190), so a build from
//! it alone changes whenever a build backend is released.
//!
//! It holds no URL: files are looked up by name and sha256 on the index from uv's configuration.
//! Only `build::requirements` makes one; all other code reads it.

mod demands;
mod needs;
mod told;
mod tool;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::lock::GitSource;
use crate::lock::resolve::{Artifact, Distribution, Resolution};
use base::packaging::{PackageName, Version};
use base::vocabulary::{Problem, Sha256};

pub use demands::Demands;
pub use needs::{ByTarget, Needs};
pub use told::Told;
pub use tool::{FilePlace, Tool, ToolSource};

/// A parsed `recipes/<name>.build-lock.toml`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BuildLock {
    /// The date up to which versions were considered, in uv's words.
    pub exclude_newer: Option<String>,
    /// [`Demands::constraints`], by which all versions were bounded: a change of them makes the
    /// lock stale.
    pub constraints: BTreeSet<String>,
    /// One for each distribution that is built from source.
    pub builds: BTreeMap<PackageName, LockedBuild>,
    /// One for each build requirement that is built from source only for other builds.
    pub tools: BTreeMap<Requirement, Tool>,
    /// Every build requirement that comes as a wheel, once for each version.
    pub wheels: BTreeMap<Requirement, Vec<LockedFile>>,
}

/// What one distribution's build needs.
#[derive(Debug, Clone, PartialEq)]
pub struct LockedBuild {
    /// What is built: a change of it makes the entry stale.
    pub source: SourcePin,
    /// [`base::recipe::BuildSettings::lock_key`] of the recipe's override: a change of it does so
    /// too.
    pub overrides: Option<Sha256>,
    /// [`Told::lock_key`]: what the backend was told when it was asked, and so does a change of it.
    pub told: Option<Sha256>,
    /// The backend's object, for a reader.
    pub backend: String,
    /// The `[tool.uv.sources]` of what is asked for, by name, as one line of JSON each: a change of
    /// them makes the entry stale.
    pub sources: BTreeMap<PackageName, String>,
    /// What is needed on each target.
    pub needs: ByTarget,
}

/// An exact build requirement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Requirement {
    /// Normalised name.
    pub name: PackageName,
    /// Exact version.
    pub version: Version,
}

/// A wheel of a build requirement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockedFile {
    /// Its plain name.
    pub filename: String,
    /// Its pin.
    pub sha256: Sha256,
    /// Bytes.
    pub size: Option<u64>,
    /// Where it is.
    pub place: FilePlace,
}

impl LockedFile {
    /// Whether an index is asked for it.
    pub fn is_of_index(&self) -> bool {
        self.place == FilePlace::Index
    }
}

/// What identifies the source of a build.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourcePin {
    /// A source distribution.
    Sha256(Sha256),
    /// A git commit.
    Commit(String),
    /// A source tree of the recipe, by its NAR hash.
    Tree(Sha256),
    /// A directory of the application's own tree.
    Local(String),
}

impl SourcePin {
    /// The pin of an artifact that is built; `None` for one that is not.
    pub fn of(artifact: &Artifact) -> Option<Self> {
        if !artifact.is_built() {
            return None;
        }
        match artifact {
            Artifact::Sdist(file) | Artifact::Wheel(file) => Some(Self::Sha256(file.sha256)),
            Artifact::Url { sha256, .. } | Artifact::Path { sha256, .. } => {
                Some(Self::Sha256(*sha256))
            }
            Artifact::Git(GitSource { commit, .. }) => Some(Self::Commit(commit.clone())),
            Artifact::Tree { nar_hash, .. } => Some(Self::Tree(*nar_hash)),
            Artifact::Local(path) => Some(Self::Local(path.clone())),
            Artifact::Virtual(_) => None,
        }
    }
}

impl fmt::Display for SourcePin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(digest) => write!(f, "sha256:{digest}"),
            Self::Commit(commit) => write!(f, "git:{commit}"),
            Self::Tree(nar_hash) => write!(f, "nar:{}", nar_hash.to_sri()),
            Self::Local(path) => write!(f, "local:{path}"),
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=={}", self.name, self.version)
    }
}

impl BuildLock {
    /// Parses the text of a build lock; `path` names it in messages.
    pub fn parse(path: &str, text: &str) -> Result<Self, Problem> {
        wire::parse(path, text)
    }

    /// The text of the build lock; equal values give equal texts.
    pub fn to_toml(&self) -> String {
        wire::render(self)
    }

    /// Whether every distribution that `resolution` builds has an entry, made for the same source
    /// and the same demands; the error names those that have not.
    pub fn cover(&self, resolution: &Resolution, demands: Demands<'_>) -> Result<(), Problem> {
        let mut stale = Vec::new();
        let constraints = demands.constraints();
        if self.constraints != constraints {
            stale.push(format!(
                "all: locked with `build-constraint-dependencies` {}, the project has {}",
                listed(&self.constraints),
                listed(&constraints)
            ));
        }
        for distribution in &resolution.distributions {
            let Some(pin) = SourcePin::of(&distribution.artifact) else {
                continue;
            };
            let build = self.builds.get(&distribution.name);
            stale.extend(staleness(distribution, &pin, build, demands, resolution)?);
        }
        for (requirement, tool) in self.tools_for(resolution)? {
            let distribution = tool.source.distribution(requirement);
            let pin = tool.source.pin();
            stale.extend(staleness(&distribution, &pin, Some(&tool.build), demands, resolution)?);
        }
        if stale.is_empty() {
            return Ok(());
        }
        Err(Problem::new("the build lock does not fit `uv.lock`, the project and the recipe")
            .fact("stale", stale.join("\n"))
            .hint("`lockstep build-lock` rewrites it"))
    }

    /// The entry of a distribution that [`BuildLock::cover`] has seen.
    pub fn of(&self, distribution: &Distribution) -> Result<&LockedBuild, Problem> {
        self.builds.get(&distribution.name).ok_or_else(|| {
            Problem::new(format!("the build lock has no entry for `{}`", distribution.name))
                .hint("`lockstep build-lock` rewrites it")
        })
    }

    /// The build requirements that are built from source for the builds of a resolution, and for
    /// no other reason.
    ///
    /// # Errors
    /// A build that is not locked for that target.
    pub fn tools_for(
        &self,
        resolution: &Resolution,
    ) -> Result<BTreeMap<&Requirement, &Tool>, Problem> {
        let target = &resolution.target;
        let built = resolution.built().filter_map(|it| self.builds.get(&it.name));
        let mut open: Vec<&LockedBuild> = built.collect();
        let mut found = BTreeMap::new();
        while let Some(build) = open.pop() {
            // What is not locked for the target at all is stale, which `cover` reports.
            let Some(needs) = build.needs.get(target) else {
                continue;
            };
            for requirement in needs.built() {
                if let Some((requirement, tool)) = self.tool(requirement, resolution)
                    && found.insert(requirement, tool).is_none()
                {
                    open.push(&tool.build);
                }
            }
        }
        Ok(found)
    }

    /// The tool that a build requirement is; `None` if what is installed of it serves as well.
    pub fn tool(
        &self,
        requirement: &Requirement,
        resolution: &Resolution,
    ) -> Option<(&Requirement, &Tool)> {
        let (requirement, tool) = self.tools.get_key_value(requirement)?;
        let installed = resolution.get(&requirement.name);
        let same =
            installed.is_some_and(|it| SourcePin::of(&it.artifact) == Some(tool.source.pin()));
        (!same).then_some((requirement, tool))
    }

    /// The wheel of a requirement that fits the target best.
    pub fn wheel(
        &self,
        requirement: &Requirement,
        target: &base::vocabulary::Target,
    ) -> Result<&LockedFile, Problem> {
        let files = self.wheels.get(requirement).map(Vec::as_slice).unwrap_or_default();
        crate::lock::resolve::best_wheel(
            files.iter().map(|file| (file.filename.as_str(), file)),
            target,
        )
        .ok_or_else(|| {
            Problem::new(format!("the build lock has no wheel of `{requirement}` for {target}"))
                .hint("`lockstep build-lock` locks every target of the recipe")
        })
    }
}

/// Why the entry of a distribution does not fit, if it does not.
fn staleness(
    distribution: &Distribution,
    pin: &SourcePin,
    build: Option<&LockedBuild>,
    demands: Demands<'_>,
    resolution: &Resolution,
) -> Result<Option<String>, Problem> {
    let name = &distribution.name;
    demands.check_isolation(name)?;
    let overrides = demands.recipe.build_settings(name).lock_key();
    let extra = demands.extra_requires(distribution, resolution)?;
    let extra = extra.iter().map(ToString::to_string).collect();
    let needs = build.and_then(|build| build.needs.get(&resolution.target));
    let reason = match (build, needs) {
        (None, _) => "no entry".to_owned(),
        (Some(build), _) if build.source != *pin => {
            format!("locked for {}, the lock has {pin}", build.source)
        }
        (Some(build), _) if build.overrides != overrides => {
            "the recipe's override of its requirements or source is another one".to_owned()
        }
        (Some(build), _) if build.told != demands.told(name).lock_key() => {
            "locked with other variables or config settings of its build".to_owned()
        }
        (Some(_), None) => format!("not locked for {}", resolution.target),
        (Some(_), Some(needs)) if needs.extra_requires != extra => format!(
            "locked with `extra-build-dependencies` {}, the project has {}",
            listed(&needs.extra_requires),
            listed(&extra)
        ),
        _ => return Ok(None),
    };
    Ok(Some(format!("{name}: {reason}")))
}

fn listed(texts: &BTreeSet<String>) -> String {
    if texts.is_empty() {
        return "none".to_owned();
    }
    texts.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
