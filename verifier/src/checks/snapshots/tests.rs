//! What differs from what is approved, in which words, and what is left for `cargo insta`.

use std::path::PathBuf;

use super::*;

const DEFAULTS: &str = "patched/site-packages/a/default.yml";
const INSTALLED: &str =
    "linux\nat /opt/a\n2 distributions\n\na 1.0\n  local    .\n\nb 2\n  wheel    b";

/// A patch of a file whose digest is `base`.
fn patch(base: &str, from: &str, to: &str) -> String {
    format!(
        "base    sha256:{base}\nresult  sha256:{base}{to}\n\n--- a/default.yml\n\
         +++ b/default.yml\n@@ -1,2 +1,2 @@\n-{from}\n+{to}\n\n end\n"
    )
}

/// A directory with approved snapshots, and what a builder published.
struct World {
    dir: tempfile::TempDir,
}

impl World {
    fn new(installed: &str, patched: Option<&str>) -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap() };
        let review = world.published().join("review");
        fs::create_dir_all(review.join("patched/site-packages/a")).unwrap();
        fs::write(review.join("installed.txt"), installed).unwrap();
        if let Some(text) = patched {
            fs::write(review.join(format!("{DEFAULTS}.diff")), text).unwrap();
        }
        world
    }

    fn published(&self) -> PathBuf {
        self.dir.path().join("published")
    }

    fn approved(&self) -> PathBuf {
        self.dir.path().join("approved")
    }

    fn approve(&self, name: &str, text: &str) {
        fs::create_dir_all(self.approved()).unwrap();
        fs::write(self.approved().join(texts::file_name(name)), as_snapshot(text)).unwrap();
    }

    fn check(&self, pending: Pending) -> Check {
        check_in(&self.approved(), &self.published(), pending).unwrap()
    }

    /// All that lies beside the approved files, and these with their content.
    fn files(&self) -> Vec<(String, String)> {
        let entries = base::sys::files::sorted_entries(&self.approved()).unwrap_or_default();
        let read = |entry: &fs::DirEntry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read_to_string(entry.path()).unwrap())
        };
        entries.iter().map(read).collect()
    }
}

/// Nothing was approved, and what insta's own reader takes for pending lies beside, unless all is
/// good.
fn assert_only_pending(world: &World, before: &[(String, String)], texts: [&str; 2], good: bool) {
    let after = world.files();
    let approved = after.iter().filter(|(name, _)| name.ends_with(".snap"));
    assert_eq!(approved.cloned().collect::<Vec<_>>(), before);
    let pending: Vec<_> = after.iter().filter(|(name, _)| name.ends_with(".new")).collect();
    assert_eq!(pending.len(), usize::from(!good));
    for (file, _) in pending {
        let pending = Snapshot::from_file(&world.approved().join(file)).unwrap();
        let text = pending.as_text().unwrap().to_string();
        assert!(texts.contains(&text.as_str()), "{text}");
    }
}

#[test]
fn upstream_and_our_patch_fail_with_different_words() {
    let base = patch("1", "path: /a", "path: /b");
    let installed = INSTALLED.replace("b 2", "b 3").replace("a 1.0", "c 1.0");
    for (name, now, found, parts, never) in [
        ("the same", base.clone(), INSTALLED, &["2 snapshots, each as approved"][..], "changed"),
        (
            "our patch",
            patch("1", "path: /a", "path: /c"),
            INSTALLED,
            &[
                "our patch changed: `site-packages/a/default.yml`",
                "approved  +path: /b",
                "found     \
               +path: /c",
                "cargo insta review",
            ],
            "upstream",
        ),
        (
            "upstream",
            patch("2", "path: /a", "path: /b"),
            INSTALLED,
            &[
                "upstream changed: `site-packages/a/default.yml`",
                "approved  sha256:1",
                "found     \
               sha256:2",
                "the patch does the same",
            ],
            "our patch",
        ),
        (
            "both",
            patch("2", "path: /a", "path: /c"),
            INSTALLED,
            &["upstream changed", "the patch differs too"],
            "our patch",
        ),
        (
            "installed",
            base.clone(),
            installed.as_str(),
            &[
                "what is `installed` changed",
                "new      c 1.0",
                "changed  b 2 → 3",
                "gone     a 1.0",
            ],
            "upstream",
        ),
    ] {
        let world = World::new(found, Some(&now));
        world.approve("installed", INSTALLED);
        world.approve(DEFAULTS, &base);
        let before = world.files();
        let check = world.check(Pending::Left);
        let text = check.detail.join("\n");
        assert!(parts.iter().all(|part| text.contains(part)), "{name}: {text}");
        assert!(!text.contains(never), "{name}: {text}");
        let good = name == "the same";
        assert_eq!(check.outcome.code(), if good { 0 } else { 5 }, "{name}");
        assert_only_pending(&world, &before, [now.trim_end(), found], good);
    }
}

#[test]
fn in_ci_nothing_is_written() {
    let world = World::new(INSTALLED, Some(&patch("1", "a", "b")));
    let check = world.check(Pending::NotLeft);
    assert_eq!(check.outcome.code(), 5);
    let text = check.detail.join("\n");
    for part in
        ["not approved yet: `installed`", &format!("not approved yet: `{DEFAULTS}`"), "`CI`"]
    {
        assert!(text.contains(part), "{text}");
    }
    assert!(world.files().is_empty(), "{:?}", world.files());
}

#[test]
fn what_is_gone_fails_and_what_matches_again_is_not_pending() {
    let world = World::new(INSTALLED, None);
    world.approve("installed", INSTALLED);
    fs::write(world.approved().join("installed.snap.new"), as_snapshot("old")).unwrap();
    assert_eq!(world.check(Pending::NotLeft).outcome, Outcome::Good);
    assert_eq!(world.files().len(), 2);
    assert_eq!(world.check(Pending::Left).outcome, Outcome::Good);
    assert_eq!(world.files().len(), 1);
    world.approve(DEFAULTS, &patch("1", "a", "b"));
    let check = world.check(Pending::Left);
    assert_eq!(check.outcome, Outcome::SnapshotMismatch);
    let text = check.detail.join("\n");
    assert!(text.contains("not there any more: `patched__site-packages__a__default.yml.snap`"));
    assert!(text.contains("git rm"), "{text}");
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let world = World::new(INSTALLED, None);
    world.approve("installed", INSTALLED);
    fs::remove_file(world.published().join("review/installed.txt")).unwrap();
    assert!(check_in(&world.approved(), &world.published(), Pending::Left).is_err());
}

#[test]
fn pending_files_are_left_as_insta_leaves_them() {
    for (variables, pending) in [
        (&[][..], Pending::Left),
        (&[("CI", "true")], Pending::NotLeft),
        (&[("CI", "false")], Pending::Left),
        (&[("TF_BUILD", "1")], Pending::NotLeft),
        (&[("INSTA_UPDATE", "no")], Pending::NotLeft),
        (&[("INSTA_UPDATE", "new"), ("CI", "1")], Pending::Left),
        // These approve in a test; the verifier approves nothing.
        (&[("INSTA_UPDATE", "always")], Pending::Left),
        (&[("INSTA_UPDATE", "unseen")], Pending::Left),
        (&[("INSTA_UPDATE", "always"), ("CI", "1")], Pending::NotLeft),
        (&[("INSTA_FORCE_PASS", "1")], Pending::Left),
    ] {
        let environment = Environment::of(variables.iter().copied());
        assert_eq!(Pending::of(&environment), pending, "{variables:?}");
    }
}
