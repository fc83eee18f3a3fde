//! Patches against one small source: what they make of it, and why they are refused.

use super::*;

/// Lines that repeat, so that a hunk could be put at a wrong place.
const MODULE: &str = "a = 1\nb = 2\n\ndef f():\n    return a\n\ndef g():\n    return b\n";

fn source() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("src")).unwrap();
    fs::write(dir.path().join("src/m.py"), MODULE).unwrap();
    fs::write(dir.path().join("run"), "#!/bin/sh\nexit 1\n").unwrap();
    fs::set_permissions(dir.path().join("run"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink("/etc", dir.path().join("away")).unwrap();
    dir
}

fn patch(text: &str) -> SourcePatch {
    SourcePatch {
        file: "patches/fix.patch".to_owned(),
        reason: Some("it is broken".to_owned()),
        upstream: Some("https://code.example/1".to_owned()),
        content: text.as_bytes().to_vec(),
    }
}

const CHANGE_RUN: &str = "--- a/run\n+++ b/run\n@@ -1,2 +1,2 @@\n #!/bin/sh\n-exit 1\n+exit 0\n";

#[test]
fn what_patches_make_of_a_source() {
    let changed = "#!/bin/sh\nexit 0\n";
    let moved = MODULE.replace("return b", "return a + b");
    let hunk = "@@ -17,2 +17,2 @@\n def g():\n-    return b\n+    return a + b\n";
    for (text, file, expected) in [
        (CHANGE_RUN.to_owned(), "run", Some(changed)),
        (
            format!(
                "From: someone\n\nWhy.\n---\n run | 2 +-\n\ndiff --git a/run b/run\nindex 1..2 100755\n{CHANGE_RUN}-- \n2.50\n"
            ),
            "run",
            Some(changed),
        ),
        (
            format!(
                "diff -Naur x/run y/run\n{}",
                CHANGE_RUN.replace("a/run", "x/run\t2026-01-01 00:00:00")
            ),
            "run",
            Some(changed),
        ),
        // It has moved by nine lines, and the first `def` is not taken for the second.
        (format!("--- a/src/m.py\n+++ b/src/m.py\n{hunk}"), "src/m.py", Some(&moved)),
        (
            "--- /dev/null\n+++ b/new/n.py\n@@ -0,0 +1 @@\n+n = 1\n".to_owned(),
            "new/n.py",
            Some("n = 1\n"),
        ),
        (
            "--- a/run\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-#!/bin/sh\n-exit 1\n".to_owned(),
            "run",
            None,
        ),
        (format!("{CHANGE_RUN}--- a/src/m.py\n+++ b/src/m.py\n{hunk}"), "src/m.py", Some(&moved)),
    ] {
        let dir = source();
        apply(&patch(&text), dir.path()).unwrap_or_else(|problem| panic!("{text}\n{problem}"));
        let found = fs::read_to_string(dir.path().join(file)).ok();
        assert_eq!(found.as_deref(), expected, "{text}");
    }
}

#[test]
fn modes_stay_and_times_are_fixed() {
    let dir = source();
    apply(&patch(CHANGE_RUN), dir.path()).unwrap();
    let metadata = fs::metadata(dir.path().join("run")).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o755);
    let time = metadata.modified().unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(time.as_secs(), PATCHED_AT);
    let made =
        "diff --git a/x b/x\nnew file mode 100755\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+x\n";
    apply(&patch(made), dir.path()).unwrap();
    let mode = fs::metadata(dir.path().join("x")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
}

#[test]
fn what_does_not_apply_is_told() {
    let stale = "--- a/src/m.py\n+++ b/src/m.py\n@@ -1,2 +1,2 @@\n a = 1\n-b = 2\n+b = 3\n\
        @@ -4,2 +4,2 @@\n def f(x):\n-    return a\n+    return 2\n";
    // Hunks of which only the context differs: `patch` would take this with a fuzz of 1.
    let fuzzy = CHANGE_RUN.replace(" #!/bin/sh", " #!/bin/bash");
    let path = |path: &str| CHANGE_RUN.replace("a/run", path).replace("b/run", path);
    let made = |path: &str| format!("--- /dev/null\n+++ {path}\n@@ -0,0 +1 @@\n+x\n");
    let out = "leads out of the source";
    for (text, parts) in [
        (stale.to_owned(), &["`src/m.py`", "hunk 2 of 2", "4: def f():\n", "patches/fix.patch"][..]),
        (stale.to_owned(), &["it is broken", "https://code.example/1", "def f(x):"]),
        (fuzzy, &["hunk 1 of 1 (@@ -1,2 +1,2 @@)", "#!/bin/bash", "1: #!/bin/sh"]),
        (path("a/srv/m.py"), &["no such file", "src"]),
        (path("a/src/n.py"), &["no such file", "src/m.py"]),
        (made("b/run"), &["there already"]),
        ("--- a/src/m.py\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a = 1\n-b = 2\n".to_owned(), &["more in it"]),
        (path("a/../run"), &[out]),
        (path("a//etc/passwd"), &[out]),
        (made("b/src/../../x"), &[out]),
        (made("b/away/x"), &["`away` is a symbolic link"]),
        (path("a/away"), &["`away` is a symbolic link"]),
        ("diff --git a/run b/walk\nsimilarity index 100%\nrename from run\nrename to walk\n".to_owned(), &["`walk`", "renames or copies"]),
        ("diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc\n".to_owned(), &["a link"]),
        ("diff --git a/b b/b\nindex 1..2 100644\nBinary files a/b and b/b differ\n".to_owned(), &["binary"]),
        (String::new(), &["cannot read the source patch `patches/fix.patch`"]),
        ("hello\n".to_owned(), &["`git diff`"]),
        (CHANGE_RUN.replace("@@ -1,2 +1,2 @@", "@@ -1,3 +1,2 @@"), &["cannot read"]),
    ] {
        let dir = source();
        let before = base::nar::hash_path(dir.path()).unwrap();
        let problem = apply(&patch(&text), dir.path()).unwrap_err();
        let shown = format!("{problem}\n{}", problem.hint.clone().unwrap_or_default());
        for part in parts {
            assert!(shown.contains(part), "no `{part}` in {shown}\n{text}");
        }
        assert_eq!(base::nar::hash_path(dir.path()).unwrap(), before, "{text}");
    }
}
