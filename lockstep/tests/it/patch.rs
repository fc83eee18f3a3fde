//! Patches, with the semantics of `substituteInPlace`.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::Mutex;

use base::recipe::Patch;
use base::vocabulary::progress::Silent;
use base::vocabulary::{Problem, Progress, Sha256};
use builder::finish::patch::{Applied, apply};
use builder::finish::variables::Variables;
use builder::install::output::Output;
use fs_err as fs;

use crate::wheels_fixture::{Wheel, install, output, true_record_lines};

const FILE: &str = "lib/python3.14/site-packages/app/settings.py";
const CONTENT: &[u8] = b"import os\nBASE = '/x'\nDATA = '/x/data'\nraw = '\xff'\n";

#[derive(serde::Deserialize)]
struct Patches {
    patch: Vec<Patch>,
}

fn installed(dir: &std::path::Path) -> Output {
    let output = output(dir);
    let wheel = Wheel::new("app", "1").file_with_mode("app/settings.py", CONTENT, 0o100_755);
    install(&output, [&wheel.open(dir)]);
    output
}

fn patched(output: &Output, toml: &str, progress: &dyn Progress) -> Result<Vec<Applied>, Problem> {
    let patches: Patches = toml::from_str(toml).unwrap();
    let recipe = BTreeMap::from([("data".to_owned(), "/var/lib/app".to_owned())]);
    apply(output, &Variables::new(output, &recipe), &patches.patch, progress)
}

#[test]
fn replacements_are_literal_complete_and_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let output = installed(dir.path());
    let toml = r#"
        [[patch]]
        file = "@site-packages@/app/settings.py"
        reason = "no /x"
        replace = [
            { from = "'/x/data'", to = "'@data@'" },
            { from = "/x", to = "@out@" },
            { from = "import os", to = "import os\n@property@ # .*" },
            { from = "@property@ # .*", to = "done" },
        ]
        [[patch]]
        file = "lib/python3.14/site-packages/app/settings.py"
        replace = [{ from = "done", to = "@python@" }]
    "#;
    let applied = patched(&output, toml, &Silent).unwrap();
    let content = fs::read(output.root.join(FILE)).unwrap();
    assert_eq!(
        content,
        b"import os\n/opt/x/bin/python\nBASE = '/opt/x'\nDATA = '/var/lib/app'\nraw = '\xff'\n"
    );
    assert_eq!(applied.len(), 2);
    assert_eq!((applied[0].file.as_str(), applied[0].reason.as_deref()), (FILE, Some("no /x")));
    assert_eq!(applied[0].sha256_before, Sha256::of(CONTENT));
    assert_eq!(applied[0].sha256_after, applied[1].sha256_before);
    assert_eq!(applied[1].sha256_after, Sha256::of(&content));
    assert_eq!(applied[0].replacements[1].to, "/opt/x");
    assert_eq!(true_record_lines(&output), ["app-1: app/settings.py"]);
    let mode = fs::metadata(output.root.join(FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o755);
}

#[test]
fn all_occurrences_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let output = installed(dir.path());
    let toml = "[[patch]]\nfile = '@site-packages@/app/settings.py'\nreplace = [{ from = '/x', to \
     = '/x/x' }]";
    let applied = patched(&output, toml, &Silent).unwrap();
    assert_eq!(applied[0].replacements[0].count, 2);
}

#[derive(Default)]
struct Warnings(Mutex<Vec<String>>);

impl Progress for Warnings {
    fn stage(&self, _name: &str, _steps: Option<u64>) {}
    fn begin(&self, _step: &str) {}
    fn bytes(&self, _count: u64) {}
    fn end(&self, _step: &str) {}
    fn warn(&self, message: &str) {
        self.0.lock().unwrap().push(message.to_owned());
    }
    fn note(&self, _message: &str) {}
}

#[test]
fn what_is_not_found_fails_warns_or_is_quiet() {
    for (mode, fails, warnings) in [("fail", true, 0), ("warn", false, 1), ("quiet", false, 0)] {
        let dir = tempfile::tempdir().unwrap();
        let output = installed(dir.path());
        let toml = format!(
            "[[patch]]\nfile = '{FILE}'\nreplace = [{{ from = 'import os', to = 'x' }}, {{ from = \
             \"BASE = '/y'\", to = '', mode = '{mode}' }}]"
        );
        let heard = Warnings::default();
        let result = patched(&output, &toml, &heard);
        assert_eq!((result.is_err(), heard.0.lock().unwrap().len()), (fails, warnings), "{mode}");
        let untouched = fs::read(output.root.join(FILE)).unwrap() == CONTENT;
        assert_eq!(untouched, fails, "{mode}");
        true_record_lines(&output);
    }
}

#[test]
fn a_patch_that_does_not_apply_shows_the_nearest_lines() {
    let dir = tempfile::tempdir().unwrap();
    let output = installed(dir.path());
    let toml = format!(
        "[[patch]]\nfile = '{FILE}'\nreplace = [{{ from = \"DATA = '/x/date'\", to = '' }}]"
    );
    let problem = patched(&output, &toml, &Silent).unwrap_err();
    assert_eq!(
        problem.to_string(),
        format!(
            "cannot patch `{FILE}`\n  because  the text to replace is not in it\n  wanted   DATA = \
             '/x/date'\n  nearest  3: DATA = '/x/data'\n           2: BASE = '/x'"
        )
    );
    assert!(problem.hint.unwrap().contains("adapt `from`"));
}

#[test]
fn only_regular_files_of_the_output_are_patched() {
    let dir = tempfile::tempdir().unwrap();
    let output = installed(dir.path());
    fs::write(dir.path().join("outside"), "x").unwrap();
    symlink(dir.path().join("outside"), output.root.join("link")).unwrap();
    symlink("lib", output.root.join("lib64")).unwrap();
    for (file, expected) in [
        ("../outside", "not a path inside"),
        ("/etc/passwd", "not in the output"),
        ("link", "symbolic link"),
        ("lib64/python3.14/site-packages/app/settings.py", "`lib64` is a symbolic link"),
        ("lib", "not a regular file"),
        ("@wheels@/x", "unknown variable"),
        ("lib/python3.14/site-packages/app/setting.py", "settings.py"),
        ("lib/python3.14/site-packages/app-1.dist-info/RECORD", "`RECORD`"),
    ] {
        let toml = format!("[[patch]]\nfile = '{file}'\nreplace = [{{ from = 'x', to = 'y' }}]");
        let problem = patched(&output, &toml, &Silent).unwrap_err();
        assert!(problem.to_string().contains(expected), "{file}: {problem}");
    }
    assert_eq!(fs::read_to_string(dir.path().join("outside")).unwrap(), "x");
}
