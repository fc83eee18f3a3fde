//! Overrides: the decisions of a recipe about single distributions, which replace those of the lock
//! or of their own project. The keys are independent and can be combined. [`BuildSettings`] holds
//! those that affect a built wheel; the others decide what is installed, and where.
//!
//! Long because an override has many keys, and each is proved where it is read.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use super::wire::{
    BuildWire, NativeCpu, OverrideWire, PinWire, PreferWire, SourcePatchWire, WheelWire,
};
use super::{CollisionRules, ConfigSettings, ReadBeside, RecordPolicy, invalid, parsed};
use crate::packaging::{PackageName, Requirement, Version};
use crate::vocabulary::digest::Sri;
use crate::vocabulary::fingerprint::Fingerprint;
use crate::vocabulary::{Problem, Redacted, Sha256, requirement};

/// What is decided of one distribution.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Override {
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where upstream discusses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// What it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
    /// Whether nothing of it is installed, although something requires it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub drop: bool,
    /// What is done about the `RECORD` of its wheel.
    #[serde(skip_serializing_if = "is_verified")]
    pub record: RecordPolicy,
    /// How it is built.
    #[serde(skip_serializing_if = "BuildSettings::is_empty")]
    pub build: BuildSettings,
    /// Paths that are not installed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skip: Vec<PathPattern>,
    /// Paths and directories at which its file stays when distributions collide.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wins: Vec<String>,
}

/// What a distribution comes from, whatever the lock's order of files and `no-binary` say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Choice {
    /// The best wheel that the lock has of it.
    Wheel,
    /// The source distribution that the lock has of it.
    Sdist,
    /// A source distribution from elsewhere.
    Archive {
        /// Where it is. Serialised, it is for people to read.
        #[serde(serialize_with = "redacted")]
        url: url::Url,
        /// Its pin.
        sha256: Sha256,
    },
    /// A wheel in the recipe's directory.
    File {
        /// Relative to the recipe's directory.
        path: String,
        /// Its pin.
        sha256: Sha256,
    },
    /// A source tree in the recipe's directory.
    Tree {
        /// Relative to the recipe's directory.
        path: String,
        /// Its pin.
        nar_hash: Sri,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_verified(policy: &RecordPolicy) -> bool {
    *policy == RecordPolicy::Verify
}

fn redacted<S: Serializer>(url: &url::Url, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Redacted(url))
}

/// Settings of one distribution's build from source: the part of an override that affects its
/// wheel. When serialised, a patch is replaced by its content, so that the text can be a key of the
/// build.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct BuildSettings {
    /// Environment variables of the build.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Config settings for the backend (PEP 517); they override those of uv's configuration.
    #[serde(skip_serializing_if = "ConfigSettings::is_empty")]
    pub config_settings: ConfigSettings,
    /// System packages that the build needs, in the words of the provider.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub system_packages: BTreeSet<String>,
    /// Build requirements instead of those of `[build-system]` (PEP 508).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requires: Option<Vec<Requirement>>,
    /// Additional build requirements.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra_requires: Vec<Requirement>,
    /// Paths of the source tree that the build of a local project gets besides its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// The version for the build of a project that would ask git for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// How `-march=native` is handled.
    #[serde(skip_serializing_if = "NativeCpu::refuses")]
    pub native_cpu: NativeCpu,
    /// Patches of the unpacked source, in the order in which they are applied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<SourcePatch>,
}

/// The settings of a build that nothing overrides.
pub(super) static NO_SETTINGS: BuildSettings = BuildSettings {
    env: BTreeMap::new(),
    config_settings: ConfigSettings::NONE,
    system_packages: BTreeSet::new(),
    requires: None,
    extra_requires: Vec::new(),
    include: Vec::new(),
    version: None,
    native_cpu: NativeCpu::Refuse,
    patches: Vec::new(),
};

impl BuildSettings {
    /// Whether a build is as it would be without an override.
    pub fn is_empty(&self) -> bool {
        *self == NO_SETTINGS
    }

    /// What a build asks for, given what its `[build-system]` does.
    pub fn asked(&self, own: Vec<Requirement>) -> Vec<Requirement> {
        let mut asked = self.requires.clone().unwrap_or(own);
        asked.extend(self.extra_requires.iter().cloned());
        asked
    }

    /// A fingerprint of what can change the build requirements; `None` if nothing here does. What
    /// was locked under another one is stale.
    pub fn lock_key(&self) -> Option<Sha256> {
        let same = self.requires.is_none() && self.extra_requires.is_empty();
        if same && self.patches.is_empty() {
            return None;
        }
        let mut key = Fingerprint::new("build requirements 1");
        for requirement in self.requires.iter().flatten() {
            key = key.with("requires", requirement.to_string());
        }
        if self.requires.is_some() {
            key = key.with("replaces", "");
        }
        for requirement in &self.extra_requires {
            key = key.with("extra", requirement.to_string());
        }
        for patch in &self.patches {
            key = key.with("patch", patch.sha256().as_bytes());
        }
        Some(key.finish())
    }
}

/// A unified diff that is applied to a source before it is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePatch {
    /// Relative to the recipe's directory.
    pub file: String,
    /// Why it is needed.
    pub reason: Option<String>,
    /// Where upstream discusses it.
    pub upstream: Option<String>,
    /// The diff.
    pub content: Vec<u8>,
}

impl SourcePatch {
    /// The digest of the diff.
    pub fn sha256(&self) -> Sha256 {
        Sha256::of(&self.content)
    }
}

impl Serialize for SourcePatch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.sha256().serialize(serializer)
    }
}

/// A glob over installed paths: `*` and `?` stay within one component, `**` does not. It covers
/// each match and everything below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern(glob::Pattern);

const WITHIN_COMPONENTS: glob::MatchOptions = glob::MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

impl PathPattern {
    /// `key` is where it stands.
    pub(super) fn parse(key: &str, text: &str) -> Result<Self, Problem> {
        let invalid = |because: String| {
            Problem::usage(format!("`{text}` in `{key}` is no pattern of paths"))
                .fact("because", because)
                .hint("give a path relative to `site-packages` or to the output, such as `docs/*`")
        };
        if text.is_empty() || text.starts_with('/') || text.split('/').any(|part| part == "..") {
            return Err(invalid("it is empty, absolute, or has `..`".to_owned()));
        }
        let pattern = glob::Pattern::new(text.trim_end_matches('/'));
        pattern.map(Self).map_err(|error| invalid(error.to_string()))
    }

    /// Whether it names `path` or a directory above it.
    pub fn names(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
        ends.into_iter().any(|end| self.0.matches_with(&path[..end], WITHIN_COMPONENTS))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Serialize for PathPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The overrides by normalised name; `beside` reads the patches.
pub(super) fn from_wire(
    wire: BTreeMap<String, OverrideWire>,
    beside: &ReadBeside<'_>,
) -> Result<BTreeMap<PackageName, Override>, Problem> {
    let mut overrides = BTreeMap::new();
    for (text, wire) in wire {
        let name: PackageName = parsed("override", &text)?;
        let made = Override {
            choice: choice(&name, wire.prefer, wire.source, wire.wheel)?,
            drop: wire.drop,
            record: wire.record,
            build: settings(wire.build, beside)?,
            skip: wire
                .skip
                .iter()
                .map(|text| PathPattern::parse("override.skip", text))
                .collect::<Result<_, _>>()?,
            wins: wire.wins,
            reason: wire.reason,
            upstream: wire.upstream,
        };
        check_dropped(&name, &made)?;
        if overrides.insert(name.clone(), made).is_some() {
            return Err(Problem::usage(format!("`{name}` is overridden twice"))
                .hint("the names differ only in what normalisation removes (PEP 503)"));
        }
    }
    Ok(overrides)
}

/// Of what is dropped nothing else can be decided, and a person must have a reason.
fn check_dropped(name: &PackageName, made: &Override) -> Result<(), Problem> {
    let Override { reason, upstream, drop, .. } = made;
    let only = Override {
        reason: reason.clone(),
        upstream: upstream.clone(),
        drop: *drop,
        ..Override::default()
    };
    if *drop && (*made != only || reason.is_none()) {
        return Err(Problem::usage(format!("`override.{name}.drop` must stand alone")).hint(
            "it needs a `reason`, and nothing else can be decided of what is not installed",
        ));
    }
    Ok(())
}

/// Whose file stays where. A path has one rule.
pub(super) fn winners(
    overrides: &BTreeMap<PackageName, Override>,
    rules: &CollisionRules,
) -> Result<BTreeMap<String, PackageName>, Problem> {
    let mut winners = BTreeMap::<String, PackageName>::new();
    for (name, path) in
        overrides.iter().flat_map(|(name, it)| it.wins.iter().map(move |path| (name, path)))
    {
        let twice = |other: String| {
            Problem::usage(format!("two rules decide collisions at `{path}`"))
                .fact("one", format!("override.{name}.wins"))
                .fact("other", other)
        };
        if rules.paths.contains_key(path) {
            return Err(twice("collisions.paths".to_owned()));
        }
        if let Some(other) = winners.insert(path.clone(), name.clone()) {
            return Err(twice(format!("override.{other}.wins")));
        }
    }
    Ok(winners)
}

fn choice(
    name: &PackageName,
    prefer: Option<PreferWire>,
    source: Option<PinWire>,
    wheel: Option<WheelWire>,
) -> Result<Option<Choice>, Problem> {
    if let Some(pin) = wheel {
        if prefer.is_some() || source.is_some() {
            return Err(Problem::usage(format!(
                "`override.{name}.wheel` leaves nothing to choose"
            ))
            .hint(format!("remove `prefer` and `source` from `override.{name}`")));
        }
        return given_wheel(&format!("override.{name}.wheel"), pin).map(Some);
    }
    let key = format!("override.{name}.source");
    match (prefer, source) {
        (None, None) => Ok(None),
        (Some(PreferWire::Wheel), None) => Ok(Some(Choice::Wheel)),
        (Some(PreferWire::Sdist), None) => Ok(Some(Choice::Sdist)),
        (None, Some(pin)) => pinned(&key, pin).map(Some),
        (Some(_), Some(_)) => Err(Problem::usage(format!("`{key}` leaves nothing to prefer"))
            .hint(format!("remove `override.{name}.prefer`"))),
    }
}

fn given_wheel(key: &str, pin: WheelWire) -> Result<Choice, Problem> {
    match (pin.path, pin.sha256) {
        (Some(path), Some(sha256)) if path.ends_with(".whl") => {
            Ok(Choice::File { path: beside_recipe(&format!("{key}.path"), path)?, sha256 })
        }
        _ => Err(Problem::usage(format!(
            "`{key}` must have `path`, of a `.whl` below the recipe's directory, and its `sha256`"
        ))
        .hint("`sha256sum FILE` prints it")),
    }
}

fn pinned(key: &str, pin: PinWire) -> Result<Choice, Problem> {
    match (pin.url, pin.sha256, pin.path, pin.nar_hash) {
        (Some(url), Some(sha256), None, None) => {
            if url.path().ends_with(".whl") {
                return Err(Problem::usage(format!("`{key}.url` is a wheel"))
                    .hint("a replacement is a source distribution, which is built here"));
            }
            Ok(Choice::Archive { url, sha256 })
        }
        (None, None, Some(path), Some(nar_hash)) => {
            Ok(Choice::Tree { path: beside_recipe(&format!("{key}.path"), path)?, nar_hash })
        }
        (Some(_), None, None, None) | (None, None, Some(_), None) => {
            Err(Problem::usage(format!("`{key}` is not pinned")).hint(
                "add `sha256` of the archive at `url`, or `nar-hash` of the tree at `path`; \
                 `lockstep hash PATH` prints both",
            ))
        }
        _ => Err(Problem::usage(format!(
            "`{key}` must have either `url` and `sha256`, or `path` and `nar-hash`"
        ))),
    }
}

fn settings(wire: BuildWire, beside: &ReadBeside<'_>) -> Result<BuildSettings, Problem> {
    let patches = wire.patch.into_iter().map(|patch| source_patch(patch, beside));
    let requirements = |key: &str, texts: &[String]| {
        let read = |text: &String| requirement(text).map_err(|error| invalid(key, text, error));
        texts.iter().map(read).collect::<Result<Vec<_>, Problem>>()
    };
    Ok(BuildSettings {
        env: wire.env,
        config_settings: wire.config_settings,
        system_packages: wire.system_packages.into_iter().collect(),
        requires: wire
            .requires
            .map(|texts| requirements("override.build.requires", &texts))
            .transpose()?,
        extra_requires: requirements("override.build.extra-requires", &wire.extra_requires)?,
        include: wire.include.into_iter().map(included).collect::<Result<_, Problem>>()?,
        version: wire.version.map(|text| parsed("override.build.version", &text)).transpose()?,
        native_cpu: wire.native_cpu,
        patches: patches.collect::<Result<_, Problem>>()?,
    })
}

fn source_patch(wire: SourcePatchWire, beside: &ReadBeside<'_>) -> Result<SourcePatch, Problem> {
    let file = beside_recipe("override.build.patch.file", wire.file)?;
    let content = beside(&file).map_err(|error| {
        Problem::usage(format!("cannot read the source patch `{file}`"))
            .cause(error)
            .hint("the path is relative to the recipe's directory")
    })?;
    Ok(SourcePatch { file, reason: wire.reason, upstream: wire.upstream, content })
}

/// A path of the source tree; `.` is all of it.
fn included(path: String) -> Result<String, Problem> {
    let plain = |part: &str| !matches!(part, "" | "." | "..");
    if path == "." || path.trim_end_matches('/').split('/').all(plain) {
        return Ok(path);
    }
    Err(Problem::usage(format!("`{path}` in `override.build.include` is not in the source tree"))
        .hint("give a path relative to the top of the source tree, without `..`"))
}

/// A path that stays in the recipe's directory: files elsewhere do not move with the recipe.
fn beside_recipe(key: &str, path: String) -> Result<String, Problem> {
    let plain = |part: &str| !matches!(part, "" | "." | "..");
    if path.split('/').all(plain) {
        return Ok(path);
    }
    Err(Problem::usage(format!("`{path}` in `{key}` is not below the recipe's directory"))
        .hint("give a path like `patches/fix.patch`, without `..`"))
}
