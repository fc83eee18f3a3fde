//! The stages from a virtual environment to an output that can be published. Each stage takes the
//! previous one by value, so none can be skipped, repeated or reordered. Only [`Compiled::seal`]
//! returns the type that `publish` takes.

use std::collections::BTreeMap;
use std::path::Path;

use crate::build::Scene;
use crate::fetch::phase1::Fetched;
use crate::finish::checks::{self, Checked};
use crate::finish::layout::{self, Copied, Linked};
use crate::finish::manifest::{Done, Manifest};
use crate::finish::patch::{self, Applied};
use crate::finish::review::{self, Review};
use crate::finish::variables::Variables;
use crate::finish::{bytecode, origins};
use crate::install::venv::{Installed, Installer};
use base::nar;
use base::packaging::PackageName;
use base::recipe::{BytecodePolicy, Checks, Recipe};
use base::sys::sandbox::Invocation;
use base::vocabulary::{Problem, Progress, Sha256};

/// A virtual environment with the recipe's copies and links added.
#[derive(Debug)]
pub struct LaidOut {
    installed: Installed,
    variables: Variables,
    copied: Vec<Copied>,
    links: Vec<Linked>,
}

/// A laid-out output whose files are patched.
#[derive(Debug)]
pub struct Patched {
    laid_out: LaidOut,
    /// The patched files as they were.
    originals: BTreeMap<String, Vec<u8>>,
    patches: Vec<Applied>,
}

/// A patched output whose bytecode is compiled: nothing is added to it any more.
#[derive(Debug)]
pub struct Compiled(Patched);

/// An output in its final shape, and its identity. Nothing changes it any more.
#[derive(Debug)]
pub struct Sealed {
    installed: Installed,
    manifest: Manifest,
    review: Review,
    nar_hash: Sha256,
}

impl Installed {
    /// Makes the recipe's copies from the application's tree `source`, and its links.
    pub fn lay_out(self, recipe: &Recipe, source: &Path) -> Result<LaidOut, Problem> {
        let variables = Variables::new(&self.output, &recipe.variables);
        let (output, copies) = (&self.output, &recipe.copies);
        let copied = layout::copy(output, source, copies, &recipe.shebangs, &variables)?;
        let links = layout::link(output, &recipe.links, &variables)?;
        Ok(LaidOut { installed: self, variables, copied, links })
    }
}

impl LaidOut {
    /// Applies the recipe's patches, to installed and to copied files: a project that is not a
    /// package has only the latter.
    pub fn patch(mut self, recipe: &Recipe, progress: &dyn Progress) -> Result<Patched, Problem> {
        let (output, variables) = (&self.installed.output, &self.variables);
        let originals = patch::originals(output, variables, &recipe.patches);
        let patches = patch::apply(output, variables, &recipe.patches, progress)?;
        layout::set_patched(&mut self.copied, &patches);
        Ok(Patched { laid_out: self, originals, patches })
    }
}

impl Patched {
    /// Compiles the bytecode of everything that is there.
    pub fn compile(
        self,
        policy: BytecodePolicy,
        installer: &Installer<'_>,
    ) -> Result<Compiled, Problem> {
        bytecode::compile(policy, &self.laid_out.installed.output, installer)?;
        Ok(Compiled(self))
    }
}

impl Compiled {
    /// Gives it the shape that every output has, and says what it is.
    pub fn seal(self, fetched: &Fetched) -> Result<Sealed, Problem> {
        let Self(Patched { laid_out, originals, patches }) = self;
        let LaidOut { installed, copied, links, .. } = laid_out;
        let output = &installed.output;
        layout::normalise(output)?;
        let from = origins::installed_from(fetched, &installed.wheels)?;
        let collisions = installed.collisions.decided.clone();
        let done = Done { collisions, patches, copied, links };
        let target = fetched.resolution.target.to_string();
        let manifest = Manifest::new(output, &target, &from, done)?;
        let review = review::of(output, &manifest, &originals)?;
        let nar_hash = nar::hash_path(&output.root)?;
        Ok(Sealed { installed, manifest, review, nar_hash })
    }
}

impl Sealed {
    /// Runs the checks, after which it must be what it was before. `installer` works in `work`.
    pub fn check(
        &self,
        checks: &Checks,
        installer: &Installer<'_>,
        work: &Path,
    ) -> Result<Checked, Problem> {
        let sandbox = installer.sandbox().limited(installer.toolchain.limits.check);
        let provider = installer.toolchain.provider;
        let checked = checks::check(checks, &self.installed, &sandbox, provider, work)?;
        let now = nar::hash_path(self.tree())?;
        if now == self.nar_hash {
            return Ok(checked);
        }
        Err(Problem::new("the output was changed while it was checked")
            .fact("before", self.nar_hash.to_sri())
            .fact("after", now.to_sri())
            .hint("a check can write to the output: nothing of it is to be trusted"))
    }

    /// The sandbox of the checks, to look at a failure in it.
    pub fn scene(&self, checks: &Checks, installer: &Installer<'_>) -> Scene {
        let output = &self.installed.output;
        let sandbox = checks::at_prefix(installer.sandbox(), output);
        let sandbox = checks.env.iter().fold(sandbox, |it, (key, value)| it.env(key, value));
        let invocation = Invocation {
            program: "/bin/sh".to_owned(),
            arguments: vec!["the checks of the output".to_owned()],
            directory: output.prefix.clone(),
        };
        Scene { sandbox, invocation }
    }

    /// Its path on the host.
    pub fn tree(&self) -> &Path {
        &self.installed.output.root
    }

    /// The NAR hash of the tree.
    pub fn nar_hash(&self) -> Sha256 {
        self.nar_hash
    }

    /// What it holds.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What a person approves of it.
    pub fn review(&self) -> &Review {
        &self.review
    }

    /// The files that overrides excluded from the installation, by distribution.
    pub fn skipped(&self) -> &BTreeMap<PackageName, Vec<String>> {
        &self.installed.skipped
    }
}
