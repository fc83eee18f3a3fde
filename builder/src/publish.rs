//! The store of finished outputs: an output appears at its final path whole or not at all, under a
//! key of everything that went into it, with its manifest and provenance beside it.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};
use uv_normalize::PackageName;

use crate::build::BuiltWheel;
use crate::fetch::application::LocatedRecipe;
use crate::fetch::phase1::Fetched;
use crate::finish::checks::Checked;
use crate::finish::manifest::Manifest;
use crate::finish::review::{REVIEW, Review};
use crate::lock::build_graph::{BuildGraph, BuildName};
use crate::toolchain::uv::Uv;
use crate::toolchain::{SystemPackage, Toolchain};
use base::nar;
use base::recipe::{Override, SourcePatch};
use base::sys::Host;
use base::sys::cache::OUTPUTS;
use base::sys::files::{FileLock, read_if_there, touch, write_atomically};
use base::sys::keyed::{Keyed, SEAL};
use base::vocabulary::digest::Sri;
use base::vocabulary::fingerprint::Fingerprint;
use base::vocabulary::{Problem, Sha256};

/// Raised whenever the layout of the store changes.
const OUTPUT_FORMAT: &str = "output 3";
const MANIFEST: &str = "manifest.json";

/// The key of an output: a function of everything that can reach its bytes, and of nothing else.
pub fn key(
    located: &LocatedRecipe,
    fetched: &Fetched,
    graph: &BuildGraph,
    toolchain: &Toolchain,
    uv: &Uv,
    unchecked: bool,
) -> Result<Sha256, Problem> {
    let patches = located.recipe.overrides.values().flat_map(|it| &it.build.patches);
    // Every build of this tool is another builder: what it does is in its code, and no version
    // number is raised for each change of that.
    let program = base::sys::env::own_program()?;
    // A caller can replace the resolvers; then these do not follow from the locks.
    let resolution = serde_json::to_vec(&fetched.resolution.to_json())
        .expect("a resolution has only plain values");
    // What programs see around them, which a round varies.
    let sandbox = serde_json::to_vec(&toolchain.sandbox().description())
        .expect("a description has only plain values");
    let key = patches
        .fold(Fingerprint::new(OUTPUT_FORMAT), |key, patch| {
            key.with("source patch", patch.sha256().as_bytes())
        })
        .with("builder", program.as_bytes())
        .with("name", &located.recipe.name)
        .with("recipe", &located.text)
        .with("target", fetched.resolution.target.to_string())
        .with("source", fetched.application.tree_hash.as_bytes())
        .with("build lock", fetched.build_lock_hash.as_bytes())
        .with("resolution", resolution)
        .with("build graph", graph.to_string())
        .with("wheelhouse", fetched.wheelhouse.nar_hash.as_bytes())
        .with("toolchain", toolchain.fingerprint.as_bytes())
        .with("uv", uv.sha256.as_bytes())
        .with("sandbox", sandbox)
        .with("checked", if unchecked { "no" } else { "yes" })
        .finish();
    Ok(key)
}

/// An output that was built, and checked unless that was not wanted, and is not published yet.
#[derive(Debug)]
pub struct Assembled {
    /// The tree, in the directory of the run.
    pub tree: PathBuf,
    /// Its NAR hash.
    pub nar_hash: Sha256,
    /// What it holds.
    pub manifest: Manifest,
    /// What a person approves of it.
    pub review: Review,
    /// What went into it.
    pub provenance: Provenance,
    /// What was built from source, the longest build first.
    pub longest: Vec<(String, std::time::Duration)>,
}

/// A finished output.
#[derive(Debug)]
pub struct Product {
    /// The tree.
    pub tree: PathBuf,
    /// Its NAR hash.
    pub nar_hash: Sha256,
    /// What it holds.
    pub manifest: Manifest,
}

/// What went into an output and what came of it; lies beside the output, never in it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Provenance {
    version: u32,
    recipe: String,
    builder: &'static str,
    target: String,
    source: Sri,
    lock: Sha256,
    build_lock: Sha256,
    wheelhouse: Sri,
    uv: Tool,
    python: Tool,
    toolchain: ToolchainRecord,
    /// The wheels that were built, by distribution; what is built for builds only has its version.
    built: BTreeMap<BuildName, Sha256>,
    /// The overrides that were applied, by distribution.
    overrides: BTreeMap<PackageName, AppliedOverride>,
    /// `None` if the checks were left out.
    checked: Option<Checked>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct AppliedOverride {
    /// What the recipe says.
    #[serde(flatten)]
    asked: Override,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    source_patches: Vec<AppliedPatch>,
    /// What `skip` named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct AppliedPatch {
    file: String,
    sha256: Sha256,
    reason: Option<String>,
    upstream: Option<String>,
}

fn applied_override(asked: &Override, skipped: Option<&Vec<String>>) -> AppliedOverride {
    let patch = |patch: &SourcePatch| AppliedPatch {
        file: patch.file.clone(),
        sha256: patch.sha256(),
        reason: patch.reason.clone(),
        upstream: patch.upstream.clone(),
    };
    AppliedOverride {
        source_patches: asked.build.patches.iter().map(patch).collect(),
        skipped: skipped.cloned().unwrap_or_default(),
        asked: asked.clone(),
    }
}

#[derive(Debug, Serialize)]
struct Tool {
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Sha256>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct ToolchainRecord {
    provider: base::recipe::Provider,
    fingerprint: Sha256,
    packages: Vec<SystemPackage>,
}

/// Puts together what is known of a build. `skipped` is what overrides kept from being installed.
pub fn provenance(
    located: &LocatedRecipe,
    fetched: &Fetched,
    (toolchain, uv): (&Toolchain, &Uv),
    built: &BTreeMap<BuildName, BuiltWheel>,
    skipped: &BTreeMap<PackageName, Vec<String>>,
    checked: Option<Checked>,
) -> Provenance {
    let overrides = located.recipe.overrides.iter();
    let applied = overrides.filter(|(name, _)| fetched.resolution.get(name).is_some());
    let applied = applied.map(|(name, it)| (name.clone(), applied_override(it, skipped.get(name))));
    Provenance {
        version: 1,
        recipe: located.recipe.name.clone(),
        builder: env!("CARGO_PKG_VERSION"),
        target: fetched.resolution.target.to_string(),
        source: Sri(fetched.application.tree_hash),
        lock: fetched.application.lock_hash,
        build_lock: fetched.build_lock_hash,
        wheelhouse: Sri(fetched.wheelhouse.nar_hash),
        uv: Tool { version: uv.version.clone(), sha256: Some(uv.sha256) },
        python: Tool { version: toolchain.python_version.clone(), sha256: None },
        toolchain: ToolchainRecord {
            provider: toolchain.provider,
            fingerprint: toolchain.fingerprint,
            packages: toolchain.packages.clone(),
        },
        built: built.iter().map(|(name, wheel)| (name.clone(), wheel.sha256)).collect(),
        overrides: applied.collect(),
        checked,
    }
}

/// Finished outputs by key.
#[derive(Debug)]
pub struct Store {
    entries: Keyed,
}

/// What identifies all of an entry that is read again.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Seal {
    nar_hash: Sri,
    manifest: Sha256,
    review: Sri,
}

impl Store {
    /// The store in the tool's cache.
    pub fn new(cache: &Path) -> Self {
        Self { entries: Keyed::new(cache.join(OUTPUTS)) }
    }

    /// Waits until no other run builds the same output.
    pub fn lock(&self, key: &Sha256, host: Host<'_>) -> Result<FileLock, Problem> {
        let waiting = || host.progress.note("another run builds the same output; waiting for it");
        self.entries.lock(key, waiting)
    }

    /// An output that was published under `key` and still is what was published. One that is not is
    /// removed: it is built anew. One that the machine cannot read is an error.
    pub fn find(&self, key: &Sha256, host: Host<'_>) -> Result<Option<Product>, Problem> {
        let dir = self.entries.entry(key);
        let Some(seal) = read(&dir.join(SEAL))? else {
            return Ok(None);
        };
        if let Some(product) = sealed(&dir, &seal)? {
            touch(&dir);
            return Ok(Some(product));
        }
        host.progress.warn("the stored output was changed since it was built; building it anew");
        self.entries.discard(key)?;
        Ok(None)
    }

    /// Moves a finished tree into the store, with its manifest, its provenance and what is
    /// to be approved.
    pub fn publish(&self, key: &Sha256, assembled: &Assembled) -> Result<Product, Problem> {
        let Assembled { tree, nar_hash, manifest, review, provenance, .. } = assembled;
        let failed = |error: io::Error| Problem::new("cannot publish the output").cause(error);
        let staged = tree.with_extension("staged");
        let pretty = |value: &Provenance| {
            let mut text = serde_json::to_vec_pretty(value).expect("provenance has plain values");
            text.push(b'\n');
            text
        };
        let manifest_text = manifest.to_json();
        let stage = || -> io::Result<()> {
            fs::create_dir_all(&staged)?;
            fs::rename(tree, staged.join("tree"))?;
            for (file, text) in review {
                write_atomically(&staged.join(REVIEW).join(file), text.as_bytes())?;
            }
            write_atomically(&staged.join(MANIFEST), manifest_text.as_bytes())?;
            write_atomically(&staged.join("provenance.json"), &pretty(provenance))
        };
        stage().map_err(failed)?;
        let seal = Seal {
            nar_hash: Sri(*nar_hash),
            manifest: Sha256::of(&manifest_text),
            review: Sri(nar::hash_path(&staged.join(REVIEW))?),
        };
        let seal = serde_json::to_vec(&seal).expect("a seal is plain");
        let entry = write_atomically(&staged.join(SEAL), &seal)
            .and_then(|()| self.entries.publish(key, &staged))
            .map_err(failed)?;
        Ok(Product { tree: entry.join("tree"), nar_hash: *nar_hash, manifest: manifest.clone() })
    }
}

/// The entry at `dir`, if it is what its seal says.
fn sealed(dir: &Path, seal: &[u8]) -> Result<Option<Product>, Problem> {
    let Ok(seal) = serde_json::from_slice::<Seal>(seal) else {
        return Ok(None);
    };
    let tree = dir.join("tree");
    let manifest = read(&dir.join(MANIFEST))?.unwrap_or_default();
    let is_whole = Sha256::of(&manifest) == seal.manifest
        && hash(&dir.join(REVIEW))? == Some(seal.review)
        && hash(&tree)? == Some(seal.nar_hash);
    if !is_whole {
        return Ok(None);
    }
    let manifest = Manifest::parse(&String::from_utf8_lossy(&manifest))?;
    Ok(Some(Product { tree, nar_hash: seal.nar_hash.0, manifest }))
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, Problem> {
    read_if_there(path).map_err(unread)
}

fn hash(path: &Path) -> Result<Option<Sri>, Problem> {
    let is_there = fs::exists(path).map_err(unread)?;
    is_there.then(|| nar::hash_path(path).map(Sri).map_err(unread)).transpose()
}

fn unread(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Problem {
    Problem::new("cannot read the stored output")
        .cause(cause)
        .hint("if nothing else helps, `--rebuild` makes it anew without reading it")
}
