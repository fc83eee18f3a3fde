//! Installing wheels with the real uv, into a virtual environment of the real toolchain.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use base::recipe::Recipe;
use base::sys::Host;
use base::sys::env::Environment;
use base::vocabulary::Problem;
use base::vocabulary::progress::Silent;
use builder::install::output::Output;
use builder::install::venv::{Installed, Installer, MEMORY_BYTES};
use builder::install::wheel_archive::WheelArchive;
use builder::toolchain::uv::provide_uv;

use crate::cli::{scratch, shared_cache};
use crate::toolchain::provided;
use crate::wheels_fixture::{SITE_PACKAGES, Wheel};

const RECIPE: &str = "source = { path = 'x' }
target = { python = '3.14', platforms = ['x86_64-manylinux_2_39'] }";

/// Installs wheels below `dir`, of which at most `memory` bytes are unpacked in memory at once.
fn install(dir: &Path, wheels: &[PathBuf], memory: u64) -> Result<Installed, Problem> {
    let (environment, cache) = (Environment::capture(), shared_cache());
    let host = Host { environment: &environment, cache: &cache, progress: &Silent };
    let toolchain = provided(&environment, &[])?;
    let uv = provide_uv(&host)?;
    let recipe = Recipe::parse("x", RECIPE, &|_| unreachable!("nothing lies beside it"))?;
    let output = Output::create(dir.join("output"), "/opt/x", SITE_PACKAGES.to_owned())?;
    let installer = Installer { toolchain: &toolchain, uv: &uv, work: &dir.join("work"), memory };
    installer.install(wheels, output, &recipe)
}

/// uv learns of an interpreter by running it, and an interpreter runs what is installed for it.
#[test]
fn nothing_that_is_installed_runs_while_more_is() {
    let dir = scratch();
    let leave = "import sys; open(sys.prefix + '/lib/ran', 'w').close()\n";
    let wheels = [
        Wheel::new("alpha", "1").file("alpha.pth", leave),
        Wheel::new("beta", "1").file("sitecustomize.py", leave),
        Wheel::new("gamma", "1").file("gamma.py", "").scripts("run = gamma:f"),
    ]
    .map(|wheel| wheel.write(dir.path()));
    let bytes = |path| WheelArchive::open(path, SITE_PACKAGES).unwrap().unpacked_bytes;
    let largest = wheels.iter().map(|path| bytes(path)).max().unwrap();
    let mut trees = BTreeSet::new();
    for (memory, batches) in [
        (MEMORY_BYTES, ["000000.memory"].as_slice()),
        (largest, &["000000.memory", "000001.memory", "000002.memory"]),
        (1, &["000000.disk", "000001.disk", "000002.disk"]),
    ] {
        let dir = dir.path().join(memory.to_string());
        let installed = install(&dir, &wheels, memory).unwrap();
        let found = base::sys::files::sorted_entries(&dir.join("work/batches")).unwrap();
        let found: Vec<_> = found.iter().map(|it| it.file_name().into_string().unwrap()).collect();
        assert_eq!(found, batches);
        let root = installed.output.root;
        assert!(!root.join("lib/ran").exists(), "{batches:?}");
        builder::finish::layout::normalise(&Output { root: root.clone(), ..installed.output })
            .unwrap();
        trees.insert(base::nar::hash_path(&root).unwrap());
    }
    assert_eq!(trees.len(), 1);
}

#[test]
fn what_the_environment_consists_of_is_no_wheels() {
    let alpha = || Wheel::new("alpha", "1");
    for (wheel, path) in [
        (alpha().file("alpha-1.data/data/pyvenv.cfg", ""), "pyvenv.cfg"),
        (alpha().file("alpha-1.data/scripts/python3.14", ""), "bin/python3.14"),
        (alpha().scripts("python = alpha:f"), "bin/python"),
        (alpha().file("alpha-1.data/data/bin/activate", ""), "bin/activate"),
        (alpha().file("alpha-1.data/data/bin/python/x", ""), "bin/python/x"),
        (alpha().file("alpha-1.data/data/bin", ""), "bin"),
        (alpha().file("alpha-1.data/data/lib64", ""), "lib64"),
        (alpha().file("alpha-1.data/data/.uv-cache/x", ""), ".uv-cache/x"),
    ] {
        let dir = scratch();
        let problem = install(dir.path(), &[wheel.write(dir.path())], MEMORY_BYTES).unwrap_err();
        let (text, hint) = (problem.to_string(), problem.hint.unwrap_or_default());
        assert!(text.contains("cannot install `alpha`"), "{path}: {text}");
        assert!(text.ends_with(&format!(" {path}")), "{path}: {text}");
        assert!(hint.contains("`override.alpha.skip`"), "{path}: {hint}");
    }
}

#[test]
fn an_application_may_need_nothing() {
    let dir = scratch();
    let installed = install(dir.path(), &[], MEMORY_BYTES).unwrap();
    assert!(installed.output.root.join("bin/python").symlink_metadata().is_ok());
}
