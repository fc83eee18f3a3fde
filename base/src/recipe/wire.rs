//! The recipe file as it is written: one field per key, with only its shape checked.
//! `recipes/README.md` documents every key; a test keeps the two in step.
//!
//! Long because it mirrors the whole file.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::Deserialize;

use super::ConfigSettings;
use super::toolchain::ToolchainWire;
use crate::packaging::PackageName;
use crate::vocabulary::Sha256;
use crate::vocabulary::digest::Sri;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RecipeWire {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) prefix: Option<String>,
    pub(super) source: SourceWire,
    pub(super) target: TargetWire,
    #[serde(default)]
    pub(super) project: ProjectWire,
    #[serde(default)]
    pub(super) index: IndexPolicy,
    #[serde(default)]
    pub(super) mirrors: BTreeMap<String, url::Url>,
    #[serde(default)]
    pub(super) r#override: BTreeMap<String, OverrideWire>,
    #[serde(default)]
    pub(super) build_lock: BuildLockWire,
    #[serde(default)]
    pub(super) toolchain: ToolchainWire,
    #[serde(default)]
    pub(super) variables: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) patch: Vec<Patch>,
    #[serde(default)]
    pub(super) copy: Vec<CopyRule>,
    #[serde(default)]
    pub(super) link: Vec<LinkRule>,
    #[serde(default)]
    pub(super) shebangs: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) bytecode: BytecodePolicy,
    #[serde(default)]
    pub(super) collisions: CollisionRules,
    #[serde(default)]
    pub(super) check: Checks,
    #[serde(default)]
    pub(super) limits: LimitsWire,
    #[serde(default)]
    pub(super) waiver: Vec<WaiverWire>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SourceWire {
    pub(super) path: Option<PathBuf>,
    pub(super) url: Option<url::Url>,
    pub(super) nar_hash: Option<Sri>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TargetWire {
    pub(super) python: String,
    pub(super) platforms: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ProjectWire {
    pub(super) name: Option<String>,
    pub(super) members: Option<Members>,
    pub(super) directory: Option<String>,
    pub(super) script: Option<String>,
    #[serde(default)]
    pub(super) extras: Vec<String>,
    #[serde(default)]
    pub(super) groups: Vec<String>,
    #[serde(default)]
    pub(super) default_groups: bool,
    #[serde(default)]
    pub(super) dependencies_only: bool,
    pub(super) no_binary: Option<Vec<String>>,
}

/// `project.members`: which members of a workspace are installed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "MembersWire")]
pub enum Members {
    /// `"all"`.
    All,
    /// A list.
    Some(BTreeSet<PackageName>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum MembersWire {
    Word(String),
    List(BTreeSet<PackageName>),
}

impl TryFrom<MembersWire> for Members {
    type Error = String;

    fn try_from(wire: MembersWire) -> Result<Self, String> {
        match wire {
            MembersWire::Word(word) if word == "all" => Ok(Self::All),
            MembersWire::Word(word) => {
                Err(format!("`project.members` is `{word}`; it is a list of names or `all`"))
            }
            MembersWire::List(names) => Ok(Self::Some(names)),
        }
    }
}

/// Where the files of registry packages are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IndexPolicy {
    /// At the lock's URLs; when one is gone, by name and sha256 on the index that uv is configured
    /// with.
    #[default]
    Locked,
    /// By name and sha256 on the index that uv is configured with; the lock's URLs are not asked.
    Ambient,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct OverrideWire {
    pub(super) reason: Option<String>,
    pub(super) upstream: Option<String>,
    pub(super) prefer: Option<PreferWire>,
    pub(super) source: Option<PinWire>,
    pub(super) wheel: Option<WheelWire>,
    #[serde(default)]
    pub(super) drop: bool,
    #[serde(default)]
    pub(super) record: RecordPolicy,
    #[serde(default)]
    pub(super) build: BuildWire,
    #[serde(default)]
    pub(super) skip: Vec<String>,
    #[serde(default)]
    pub(super) wins: Vec<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PreferWire {
    Wheel,
    Sdist,
}

/// What is done about the `RECORD` of a wheel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordPolicy {
    /// It must be right.
    #[default]
    Verify,
    /// It is written again, from what the wheel has.
    Rewrite,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PinWire {
    pub(super) url: Option<url::Url>,
    pub(super) sha256: Option<Sha256>,
    pub(super) path: Option<String>,
    pub(super) nar_hash: Option<Sri>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WheelWire {
    pub(super) path: Option<String>,
    pub(super) sha256: Option<Sha256>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct BuildWire {
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) config_settings: ConfigSettings,
    #[serde(default)]
    pub(super) system_packages: Vec<String>,
    pub(super) requires: Option<Vec<String>>,
    #[serde(default)]
    pub(super) extra_requires: Vec<String>,
    #[serde(default)]
    pub(super) include: Vec<String>,
    pub(super) version: Option<String>,
    #[serde(default)]
    pub(super) native_cpu: NativeCpu,
    #[serde(default)]
    pub(super) patch: Vec<SourcePatchWire>,
}

/// What becomes of `-march=native` and its like, by which a compiler asks for the processor of the
/// machine that it runs on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NativeCpu {
    /// The compiler fails.
    #[default]
    Refuse,
    /// It compiles for every processor of the architecture, and says so.
    Baseline,
}

impl NativeCpu {
    /// Whether it is the default.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(super) fn refuses(&self) -> bool {
        *self == Self::Refuse
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SourcePatchWire {
    pub(super) file: String,
    pub(super) reason: Option<String>,
    pub(super) upstream: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct BuildLockWire {
    pub(super) exclude_newer: Option<String>,
}

/// Substitutions in one file of the output.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Patch {
    /// The file, relative to the output; variables such as `@site-packages@` are replaced.
    pub file: String,
    /// Why the patch is needed.
    pub reason: Option<String>,
    /// Where upstream discusses it.
    pub upstream: Option<String>,
    /// What to replace, in this order.
    pub replace: Vec<Replacement>,
}

/// One substitution, with the semantics of Nix's `substituteInPlace`: all occurrences of a literal.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Replacement {
    /// The text to look for, literally; nothing in it is a variable.
    pub from: String,
    /// The text to put there; `@out@`, `@python@` and the recipe's variables are replaced in it.
    pub to: String,
    /// What to do when there is no such text.
    #[serde(default)]
    pub mode: ReplaceMode,
}

/// What to do when a replacement finds nothing: `--replace-fail`, `--replace-warn` and
/// `--replace-quiet` of `substituteInPlace`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplaceMode {
    /// Fail the build.
    #[default]
    Fail,
    /// Say so and go on.
    Warn,
    /// Go on.
    Quiet,
}

/// A file or directory of the source tree that is copied into the output.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CopyRule {
    /// Relative to the source tree.
    pub from: String,
    /// Relative to the output; variables are replaced.
    pub to: String,
    /// Paths below `from` that are left out; each leaves out all that is below it too.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Files that are made executable although the source tree's are not.
    #[serde(default)]
    pub executable: Vec<String>,
}

/// A symbolic link in the output, written relative so that it stays inside.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LinkRule {
    /// Where the link is, relative to the output; variables are replaced.
    pub path: String,
    /// What it points to, relative to the output; variables are replaced.
    pub target: String,
}

/// Whether `.pyc` files are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BytecodePolicy {
    /// None.
    #[default]
    None,
    /// PEP 552 unchecked-hash files, compiled in a fixed order by one process.
    UncheckedHash,
}

/// What happens when two distributions install different bytes at one path.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CollisionRules {
    /// The rule for paths that `paths` does not name.
    #[serde(default)]
    pub default: CollisionRule,
    /// A rule for a path, or for all below a directory; relative to `site-packages` or to the
    /// output. The longest key that names a path counts.
    #[serde(default)]
    pub paths: BTreeMap<String, CollisionRule>,
    /// Such a key, and the distribution whose file stays there: `override.<name>.wins`.
    #[serde(skip)]
    pub winners: BTreeMap<String, PackageName>,
}

/// A decision on a colliding path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CollisionRule {
    /// Fail the build.
    #[default]
    Fail,
    /// The distribution whose normalised name sorts first wins.
    FirstByName,
    /// Nobody wins: the path is not in the output.
    Drop,
}

/// What is checked in the sandbox with the output at its prefix. Always checked is that console
/// scripts can be imported, that `uv pip check` is clean, and that versions equal the resolution.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Checks {
    /// Modules that must be importable.
    #[serde(default)]
    pub imports: Vec<String>,
    /// Environment of all checks.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Console scripts whose target cannot be imported, each with the reason why that is right.
    #[serde(default)]
    pub skip_scripts: BTreeMap<String, String>,
    /// Required distributions about whose version `uv pip check` may complain, with the reason.
    #[serde(default)]
    pub skip_requirements: BTreeMap<String, String>,
    /// Commands that must succeed.
    #[serde(default)]
    pub run: Vec<CheckCommand>,
}

/// A command that must exit with 0, run with the prefix as working directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CheckCommand {
    /// What it shows, for messages.
    pub name: String,
    /// Program and arguments; the program is looked up in the output's `bin` first.
    pub command: Vec<String>,
}

/// What builds and checks may take of the machine; what is left out has the default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct LimitsWire {
    pub(super) build_minutes: Option<NonZeroU32>,
    pub(super) check_minutes: Option<NonZeroU32>,
    pub(super) memory_megabytes: Option<NonZeroU32>,
    pub(super) processes: Option<NonZeroU32>,
    pub(super) log_megabytes: Option<NonZeroU32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WaiverWire {
    pub(super) cause: String,
    pub(super) path: String,
    pub(super) reason: String,
    pub(super) upstream: Option<String>,
    #[serde(default)]
    pub(super) sha256: Vec<Sha256>,
    pub(super) expires: String,
}
