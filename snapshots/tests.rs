//! What people have approved of the output of each recipe, held against what is built now. This is
//! a test of xtask, and it lies here because `cargo insta` looks for snapshots where tests are.
//!
//! A recipe whose source is elsewhere is left out, and said to be, unless a variable names its
//! tree: `LOCKSTEP_SOURCE_AUTHENTIK=DIR` for `authentik`.

#[path = "../verifier/src/checks/snapshots/texts.rs"]
mod texts;

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;

use base::recipe::{Recipe, Source};
use base::sys::env::Environment;
use base::sys::files::{remove_tree, sorted_entries};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The recipes of this workspace.
fn recipes() -> Vec<Recipe> {
    let entries = sorted_entries(&root().join("recipes")).unwrap();
    let names = entries.iter().filter_map(|entry| {
        let file = entry.file_name().to_string_lossy().into_owned();
        let name = file.strip_suffix(".toml")?;
        // A lock of it has a longer name.
        (!name.contains('.')).then(|| name.to_owned())
    });
    let read = |name: String| {
        let dir = root().join("recipes");
        let text = fs_err::read_to_string(dir.join(format!("{name}.toml"))).unwrap();
        Recipe::parse(&name, &text, &|file| fs_err::read(dir.join(file))).unwrap()
    };
    names.map(read).collect()
}

/// A cache of this test, with the downloads and the toolchain of the builder's own tests. Each
/// change of the builder makes another output; a few of them are kept.
fn cache() -> PathBuf {
    let (kept, cache) = (Path::new(env!("CARGO_TARGET_TMPDIR")), "snapshots-cache");
    let cache = kept.join(cache);
    fs_err::create_dir_all(&cache).unwrap();
    for name in ["files", "git", "toolchains", "uv"] {
        let shared = kept.join("cache").join(name);
        fs_err::create_dir_all(&shared).unwrap();
        if !cache.join(name).exists() {
            std::os::unix::fs::symlink(shared, cache.join(name)).unwrap();
        }
    }
    let outputs = cache.join("outputs");
    if sorted_entries(&outputs).is_ok_and(|entries| entries.len() > 12) {
        remove_tree(&outputs).unwrap();
    }
    cache
}

/// Builds a recipe, as a person does it, and tells where what was published lies.
#[expect(clippy::disallowed_methods, reason = "xtask runs as a person runs it")]
fn publish(recipe: &str, source: Option<&str>) -> PathBuf {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep"));
    command.args(["build", recipe, "--json", "--no-out-link", "--cache-dir"]).arg(cache());
    command.args(source.iter().flat_map(|source| ["--source", source]));
    let output = command.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cannot build `{recipe}`:\n{printed}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    Path::new(report["output"].as_str().unwrap()).parent().unwrap().to_owned()
}

/// Compares one recipe's texts; every one of them, so that one review shows all. Says in words of
/// our own what insta shows as a difference.
fn compare(recipe: &str, published: &Path, environment: &Environment) -> Vec<String> {
    let directory = root().join("snapshots").join(recipe);
    let texts = texts::read(published).unwrap();
    let mut unseen = texts::approved(&directory).unwrap();
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(&directory);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let mut failures = Vec::new();
    for (name, text) in &texts {
        let file = texts::file_name(name);
        unseen.retain(|other| *other != file);
        let old = insta::Snapshot::from_file(&directory.join(&file)).ok();
        let assert = || settings.bind(|| insta::assert_snapshot!(name.as_str(), text));
        if catch_unwind(AssertUnwindSafe(assert)).is_err() {
            let old = old.and_then(|old| Some(old.as_text()?.to_string()));
            failures.extend(texts::changed(name, old.as_deref(), text));
        }
    }
    // `cargo insta test` passes by, and then does with these what `--unreferenced` says.
    if environment.get("INSTA_FORCE_PASS").is_none() {
        failures.extend(unseen.iter().map(|file| texts::gone(file)));
    }
    failures
}

#[test]
fn outputs_are_as_approved() {
    let environment = Environment::capture();
    let mut failures = Vec::new();
    for recipe in recipes() {
        let name = &recipe.name;
        let variable = format!("LOCKSTEP_SOURCE_{}", name.to_uppercase().replace('-', "_"));
        let source = environment.get(&variable);
        if source.is_none() && !matches!(recipe.source, Source::Path(_)) {
            // Not with `eprintln!`, which the test harness keeps to itself.
            let mut stderr = std::io::stderr();
            writeln!(stderr, "snapshots of `{name}` are left out: {variable} is not set").unwrap();
            continue;
        }
        let published = publish(name, source);
        let found = compare(name, &published, &environment);
        failures.extend(found.into_iter().map(|line| format!("{name}: {line}")));
    }
    assert!(
        failures.is_empty(),
        "what is built is not what is approved\n{}\n\nhint: `cargo insta review` shows and approves it",
        failures.join("\n")
    );
}
