//! The store of finished outputs, each under the key of all its inputs, together with its manifest,
//! its provenance and its review texts.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::build::{BuiltWheel, version_control};
use crate::fetch::application::LocatedRecipe;
use crate::fetch::phase1::Fetched;
use crate::fetch::tracked::Tracked;
use crate::finish::Sealed;
use crate::finish::checks::Checked;
use crate::finish::manifest::Manifest;
use crate::finish::review::REVIEW;
use crate::lock::build_graph::{BuildGraph, BuildName};
use crate::toolchain::uv::Uv;
use crate::toolchain::{SystemPackage, Toolchain};
use base::nar;
use base::packaging::PackageName;
use base::recipe::{Override, SourcePatch};
use base::store::{self, Verified, Wish};
use base::sys::cache::OUTPUTS;
use base::sys::disk;
use base::sys::files::{read_if_there, write_atomically};
use base::vocabulary::digest::Sri;
use base::vocabulary::fingerprint::Fingerprint;
use base::vocabulary::{Problem, Progress, Sha256};

/// Raised whenever the layout of the store changes.
const OUTPUT_FORMAT: &str = "output 5";

/// The contents of an entry besides its seal.
const TREE: &str = "tree";
const MANIFEST: &str = "manifest.json";
const PROVENANCE: &str = "provenance.json";

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
        // It can be another one than the text says.
        .with("prefix", &located.recipe.prefix)
        .with("target", fetched.resolution.target.to_string())
        .with("source", fetched.application.tree_hash.as_bytes())
        .with("build lock", fetched.build_lock_hash.as_bytes())
        .with("resolution", resolution)
        .with("build graph", graph.to_string())
        .with("wheelhouse", fetched.wheelhouse.nar_hash.as_bytes())
        .with("toolchain", toolchain.fingerprint.as_bytes())
        .with("uv", uv.sha256.as_bytes())
        .with("sandbox", sandbox)
        .with("checked", if unchecked { "no" } else { "yes" });
    let builds = fetched.build_lock.builds.values();
    let mut needs = builds.flat_map(|build| build.needs.all());
    let lists_files = needs.any(|needs| version_control::lists_files(&needs.requirements));
    let key = match &fetched.application.tracked {
        Tracked::Only(files) if lists_files => files
            .iter()
            .fold(key, |key, file| key.with("tracked", file.as_os_str().as_encoded_bytes())),
        _ => key,
    };
    Ok(key.finish())
}

/// An output that is ready to be published.
#[derive(Debug)]
pub struct Assembled {
    /// The output, which nothing changes any more.
    pub sealed: Sealed,
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
    /// What this run compiled for it, the longest build first; `None` if it was there already.
    pub compiled: Option<Vec<(String, std::time::Duration)>>,
}

/// The inputs of an output, and the results; stored beside the output, never in it.
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
        recipe: located.recipe.application.clone(),
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
    entries: store::Store,
}

/// What identifies all of an entry.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Seal {
    nar_hash: Sri,
    manifest: Sha256,
    provenance: Sha256,
    review: Sri,
}

/// Verifies and reads an entry: its NAR hash and its manifest.
type Known = (Sha256, Manifest);

impl Store {
    /// The store in the tool's cache.
    pub fn new(cache: &Path) -> Self {
        Self { entries: store::Store::new(cache, OUTPUTS) }
    }

    /// Whether there is an entry of a key, in whatever state.
    pub fn has(&self, key: &Sha256) -> bool {
        self.entries.entry(key).is_dir()
    }

    /// Gives the output of a key: the stored one, if that may be reused and is what was published,
    /// else the one that `assemble` gives, which is published with its manifest, its provenance and
    /// what is to be approved.
    pub fn obtain(
        &self,
        (key, reuse): (&Sha256, bool),
        what: &str,
        progress: &dyn Progress,
        assemble: impl FnOnce() -> Result<Assembled, Problem>,
    ) -> Result<Product, Problem> {
        let wish = Wish { key, what, reuse };
        let make = |staged: &Path| {
            let assembled = assemble()?;
            let known = stage(&assembled, staged)?;
            Ok((known, Some(assembled.longest)))
        };
        let verify = |entry: &Path| {
            Ok(match verified(entry)? {
                Verified::Whole(known) => Verified::Whole((known, None)),
                Verified::Damaged(because) => Verified::Damaged(because),
            })
        };
        let ((nar_hash, manifest), compiled) =
            self.entries.obtain(&wish, progress, verify, make)?;
        Ok(Product { tree: self.entries.entry(key).join(TREE), nar_hash, manifest, compiled })
    }
}

/// Makes the entry of an output.
fn stage(assembled: &Assembled, staged: &Path) -> Result<Known, Problem> {
    let Assembled { sealed, provenance, .. } = assembled;
    let failed = |error: io::Error| {
        disk::failed(Problem::new("cannot publish the output"), staged, None, error)
    };
    let manifest = sealed.manifest().to_json();
    let mut provenance = serde_json::to_vec_pretty(provenance).expect("it has plain values");
    provenance.push(b'\n');
    let put = || -> io::Result<()> {
        fs::create_dir(staged)?;
        fs::rename(sealed.tree(), staged.join(TREE))?;
        for (file, text) in sealed.review() {
            write_atomically(&staged.join(REVIEW).join(file), text.as_bytes())?;
        }
        write_atomically(&staged.join(MANIFEST), manifest.as_bytes())?;
        write_atomically(&staged.join(PROVENANCE), &provenance)
    };
    put().map_err(failed)?;
    let seal = Seal {
        nar_hash: Sri(sealed.nar_hash()),
        manifest: Sha256::of(&manifest),
        provenance: Sha256::of(&provenance),
        review: Sri(nar::hash_path(&staged.join(REVIEW))?),
    };
    store::seal(staged, &seal).map_err(failed)?;
    Ok((sealed.nar_hash(), sealed.manifest().clone()))
}

/// What is in an entry, if it is what its seal says.
fn verified(entry: &Path) -> Result<Verified<Known>, Problem> {
    let damaged = |what: &str| Ok(Verified::Damaged(what.to_owned()));
    let Some(seal) = store::unseal::<Seal>(entry).map_err(unread)? else {
        return damaged("its seal is missing or damaged");
    };
    let manifest = read(&entry.join(MANIFEST))?;
    if Sha256::of(&manifest) != seal.manifest {
        return damaged("its manifest is missing or was changed");
    }
    if Sha256::of(read(&entry.join(PROVENANCE))?) != seal.provenance {
        return damaged("its provenance is missing or was changed");
    }
    if hash(&entry.join(REVIEW))? != Some(seal.review) {
        return damaged("its review is missing or was changed");
    }
    if hash(&entry.join(TREE))? != Some(seal.nar_hash) {
        return damaged("it is missing or was changed since it was built");
    }
    let manifest = Manifest::parse(&String::from_utf8_lossy(&manifest))?;
    Ok(Verified::Whole((seal.nar_hash.0, manifest)))
}

fn read(path: &Path) -> Result<Vec<u8>, Problem> {
    Ok(read_if_there(path).map_err(unread)?.unwrap_or_default())
}

fn hash(path: &Path) -> Result<Option<Sri>, Problem> {
    let is_there = fs::exists(path).map_err(unread)?;
    is_there.then(|| nar::hash_path(path).map(Sri).map_err(unread)).transpose()
}

fn unread(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Problem {
    Problem::new("cannot read the stored output")
        .cause(cause)
        .hint("if nothing else helps, `--rebuild` makes it again without reading it")
}
